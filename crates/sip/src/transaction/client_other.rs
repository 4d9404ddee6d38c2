use std::time::Duration;

use super::{Class, ClientInput, Effect, Effects, Timer, Times};

/// Our request other than INVITE and ACK: RFC 3261 §17.1.2, figure 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherClient {
    /// Sent and sent again.
    Trying {
        /// The present distance between repetitions.
        interval: Duration,
    },
    /// A provisional answer was heard; still repeated, every T2.
    Proceeding,
    /// Answered.
    Completed,
    /// Over.
    Terminated,
}

impl OtherClient {
    /// Sends the request for the first time.
    pub(crate) fn start(times: &Times, fx: &mut Effects) -> OtherClient {
        fx.push(Effect::Send);
        fx.push(Effect::Set(Timer::E, times.t1));
        fx.push(Effect::Set(Timer::F, times.patience()));
        OtherClient::Trying { interval: times.t1 }
    }

    /// The state after `input`.
    pub(crate) fn step(self, input: ClientInput, times: &Times, fx: &mut Effects) -> OtherClient {
        match self {
            OtherClient::Trying { interval } => trying(interval, input, times, fx),
            OtherClient::Proceeding => proceeding(input, times, fx),
            OtherClient::Completed => completed(input),
            OtherClient::Terminated => OtherClient::Terminated,
        }
    }
}

fn trying(interval: Duration, input: ClientInput, times: &Times, fx: &mut Effects) -> OtherClient {
    match input {
        ClientInput::Timer(Timer::E) => {
            let interval = times.backed_off(interval);
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::E, interval));
            OtherClient::Trying { interval }
        }
        ClientInput::Timer(Timer::F) => timed_out(fx),
        ClientInput::Timer(_) => OtherClient::Trying { interval },
        ClientInput::Answer(class) => answered(class, times, fx),
    }
}

fn proceeding(input: ClientInput, times: &Times, fx: &mut Effects) -> OtherClient {
    match input {
        ClientInput::Timer(Timer::E) => {
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::E, times.t2));
            OtherClient::Proceeding
        }
        ClientInput::Timer(Timer::F) => timed_out(fx),
        ClientInput::Timer(_) => OtherClient::Proceeding,
        ClientInput::Answer(class) => answered(class, times, fx),
    }
}

fn answered(class: Class, times: &Times, fx: &mut Effects) -> OtherClient {
    match class {
        Class::Provisional => {
            fx.push(Effect::Deliver);
            OtherClient::Proceeding
        }
        Class::Success | Class::Failure => {
            fx.push(Effect::Stop(Timer::E));
            fx.push(Effect::Stop(Timer::F));
            fx.push(Effect::Set(Timer::K, times.t4));
            fx.push(Effect::Deliver);
            OtherClient::Completed
        }
    }
}

fn timed_out(fx: &mut Effects) -> OtherClient {
    fx.push(Effect::TimedOut);
    OtherClient::Terminated
}

fn completed(input: ClientInput) -> OtherClient {
    match input {
        ClientInput::Timer(Timer::K) => OtherClient::Terminated,
        ClientInput::Answer(_) | ClientInput::Timer(_) => OtherClient::Completed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: OtherClient, input: ClientInput) -> (OtherClient, Effects) {
        let mut fx = Effects::new();
        (state.step(input, &Times::default(), &mut fx), fx)
    }

    #[test]
    fn an_unanswered_request_goes_out_eleven_times_at_most_every_t2() {
        let times = Times::default();
        let mut state = OtherClient::start(&times, &mut Effects::new());
        let (mut at, mut sent) = (Duration::ZERO, 1);
        while let OtherClient::Trying { interval } = state {
            if at + interval >= times.patience() {
                break;
            }
            at += interval;
            sent += 1;
            state = run(state, ClientInput::Timer(Timer::E)).0;
        }
        assert_eq!((sent, at), (11, Duration::from_millis(31_500)));
        assert_eq!(
            run(state, ClientInput::Timer(Timer::F)),
            (OtherClient::Terminated, vec![Effect::TimedOut])
        );
    }

    #[test]
    fn a_provisional_answer_slows_repetition_but_does_not_end_it() {
        let start = OtherClient::Trying { interval: Duration::from_millis(500) };
        let (state, _) = run(start, ClientInput::Answer(Class::Provisional));
        let (state, fx) = run(state, ClientInput::Timer(Timer::E));
        assert_eq!(fx, [Effect::Send, Effect::Set(Timer::E, Duration::from_secs(4))]);
        assert_eq!(run(state, ClientInput::Timer(Timer::F)).1, [Effect::TimedOut]);
    }

    #[test]
    fn a_final_answer_is_told_once_and_repetitions_are_absorbed_until_timer_k() {
        let start = OtherClient::Trying { interval: Duration::from_millis(500) };
        let (state, fx) = run(start, ClientInput::Answer(Class::Failure));
        assert_eq!(fx.last(), Some(&Effect::Deliver));
        assert_eq!(run(state, ClientInput::Answer(Class::Failure)), (OtherClient::Completed, vec![]));
        assert_eq!(run(state, ClientInput::Timer(Timer::K)).0, OtherClient::Terminated);
    }
}
