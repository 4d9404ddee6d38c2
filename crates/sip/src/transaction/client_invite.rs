use std::time::Duration;

use super::{Class, ClientInput, Effect, Effects, Timer, Times};

/// Our INVITE: RFC 3261 §17.1.1, figure 5, as corrected by RFC 6026 §8.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteClient {
    /// Sent and sent again.
    Calling {
        /// The present distance between repetitions.
        interval: Duration,
    },
    /// A provisional answer was heard; there is no timer, its user has one.
    Proceeding,
    /// A 2xx was heard; more may follow, from forks or repeated.
    Accepted,
    /// A refusal was heard and acknowledged.
    Completed,
    /// Over.
    Terminated,
}

impl InviteClient {
    /// Sends the request for the first time.
    pub(crate) fn start(times: &Times, fx: &mut Effects) -> InviteClient {
        fx.push(Effect::Send);
        fx.push(Effect::Set(Timer::A, times.t1));
        fx.push(Effect::Set(Timer::B, times.patience()));
        InviteClient::Calling { interval: times.t1 }
    }

    /// The state after `input`.
    pub(crate) fn step(self, input: ClientInput, times: &Times, fx: &mut Effects) -> InviteClient {
        match self {
            InviteClient::Calling { interval } => calling(interval, input, times, fx),
            InviteClient::Proceeding => proceeding(input, times, fx),
            InviteClient::Accepted => accepted(input, fx),
            InviteClient::Completed => completed(input, fx),
            InviteClient::Terminated => InviteClient::Terminated,
        }
    }
}

fn calling(interval: Duration, input: ClientInput, times: &Times, fx: &mut Effects) -> InviteClient {
    match input {
        ClientInput::Timer(Timer::A) => {
            // §17.1.1.2: doubles without the T2 ceiling, B ends it.
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::A, interval * 2));
            InviteClient::Calling { interval: interval * 2 }
        }
        ClientInput::Timer(Timer::B) => {
            fx.push(Effect::TimedOut);
            InviteClient::Terminated
        }
        ClientInput::Timer(_) => InviteClient::Calling { interval },
        ClientInput::Answer(class) => {
            fx.push(Effect::Stop(Timer::A));
            fx.push(Effect::Stop(Timer::B));
            answered(class, times, fx)
        }
    }
}

fn proceeding(input: ClientInput, times: &Times, fx: &mut Effects) -> InviteClient {
    match input {
        ClientInput::Answer(class) => answered(class, times, fx),
        // Set by a user who does not wait any longer.
        ClientInput::Timer(Timer::B) => {
            fx.push(Effect::TimedOut);
            InviteClient::Terminated
        }
        ClientInput::Timer(_) => InviteClient::Proceeding,
    }
}

fn answered(class: Class, times: &Times, fx: &mut Effects) -> InviteClient {
    match class {
        Class::Provisional => {
            fx.push(Effect::Deliver);
            InviteClient::Proceeding
        }
        Class::Success => {
            fx.push(Effect::Set(Timer::M, times.patience()));
            fx.push(Effect::Deliver);
            InviteClient::Accepted
        }
        Class::Failure => {
            fx.push(Effect::Acknowledge);
            fx.push(Effect::Set(Timer::D, times.patience()));
            fx.push(Effect::Deliver);
            InviteClient::Completed
        }
    }
}

fn accepted(input: ClientInput, fx: &mut Effects) -> InviteClient {
    match input {
        ClientInput::Answer(Class::Success) => {
            fx.push(Effect::Deliver);
            InviteClient::Accepted
        }
        ClientInput::Timer(Timer::M) => InviteClient::Terminated,
        ClientInput::Answer(_) | ClientInput::Timer(_) => InviteClient::Accepted,
    }
}

fn completed(input: ClientInput, fx: &mut Effects) -> InviteClient {
    match input {
        ClientInput::Answer(Class::Failure) => {
            fx.push(Effect::Acknowledge);
            InviteClient::Completed
        }
        ClientInput::Timer(Timer::D) => InviteClient::Terminated,
        ClientInput::Answer(_) | ClientInput::Timer(_) => InviteClient::Completed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: InviteClient, input: ClientInput) -> (InviteClient, Effects) {
        let mut fx = Effects::new();
        (state.step(input, &Times::default(), &mut fx), fx)
    }

    #[test]
    fn an_unanswered_invite_goes_out_seven_times_and_times_out_after_32_s() {
        let times = Times::default();
        let mut fx = Effects::new();
        let mut state = InviteClient::start(&times, &mut fx);
        let (mut at, mut sent) = (Duration::ZERO, 1);
        while let InviteClient::Calling { interval } = state {
            if at + interval >= times.patience() {
                break;
            }
            at += interval;
            let (next, fx) = run(state, ClientInput::Timer(Timer::A));
            assert_eq!(fx[0], Effect::Send);
            sent += 1;
            state = next;
        }
        assert_eq!((sent, at), (7, Duration::from_millis(31_500)));
        let (state, fx) = run(state, ClientInput::Timer(Timer::B));
        assert_eq!((state, fx), (InviteClient::Terminated, vec![Effect::TimedOut]));
    }

    #[test]
    fn a_provisional_answer_ends_repetition_and_the_deadline() {
        let start = InviteClient::Calling { interval: Duration::from_secs(1) };
        let (state, fx) = run(start, ClientInput::Answer(Class::Provisional));
        assert_eq!(state, InviteClient::Proceeding);
        assert_eq!(fx, [Effect::Stop(Timer::A), Effect::Stop(Timer::B), Effect::Deliver]);
    }

    #[test]
    fn a_refusal_is_acknowledged_each_time_and_told_once() {
        let (state, fx) = run(InviteClient::Proceeding, ClientInput::Answer(Class::Failure));
        assert_eq!(state, InviteClient::Completed);
        assert!(fx.contains(&Effect::Acknowledge) && fx.contains(&Effect::Deliver));
        let (state, fx) = run(state, ClientInput::Answer(Class::Failure));
        assert_eq!((state, fx), (InviteClient::Completed, vec![Effect::Acknowledge]));
        assert_eq!(run(state, ClientInput::Timer(Timer::D)).0, InviteClient::Terminated);
    }

    #[test]
    fn every_2xx_gets_through_until_timer_m() {
        let (state, fx) = run(InviteClient::Proceeding, ClientInput::Answer(Class::Success));
        assert_eq!(fx, [Effect::Set(Timer::M, Duration::from_secs(32)), Effect::Deliver]);
        let (state, fx) = run(state, ClientInput::Answer(Class::Success));
        assert_eq!(fx, [Effect::Deliver]);
        assert_eq!(run(state, ClientInput::Answer(Class::Failure)), (InviteClient::Accepted, vec![]));
        assert_eq!(run(state, ClientInput::Timer(Timer::M)).0, InviteClient::Terminated);
    }
}
