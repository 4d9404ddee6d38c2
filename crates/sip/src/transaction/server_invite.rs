use std::time::Duration;

use super::{Class, Effect, Effects, ServerInput, Timer, Times};

/// An INVITE that came to us: RFC 3261 §17.2.1, figure 7, as corrected by RFC 6026 §7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteServer {
    /// Not finally answered.
    Proceeding,
    /// Accepted. Our user repeats the 2xx until the ACK comes; the machine only absorbs the INVITE's repetitions.
    Accepted,
    /// Refused, not acknowledged.
    Completed {
        /// The present distance between repetitions of the refusal.
        interval: Duration,
    },
    /// Refused and acknowledged.
    Confirmed,
    /// Over.
    Terminated,
}

impl InviteServer {
    /// The state after `input`.
    pub(crate) fn step(self, input: ServerInput, times: &Times, fx: &mut Effects) -> InviteServer {
        match self {
            InviteServer::Proceeding => proceeding(input, times, fx),
            InviteServer::Accepted => accepted(input, fx),
            InviteServer::Completed { interval } => completed(interval, input, times, fx),
            InviteServer::Confirmed => confirmed(input),
            InviteServer::Terminated => InviteServer::Terminated,
        }
    }
}

fn proceeding(input: ServerInput, times: &Times, fx: &mut Effects) -> InviteServer {
    match input {
        ServerInput::Repeated | ServerInput::Answer(Class::Provisional) => {
            fx.push(Effect::Send);
            InviteServer::Proceeding
        }
        ServerInput::Answer(Class::Success) => {
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::L, times.patience()));
            InviteServer::Accepted
        }
        ServerInput::Answer(Class::Failure) => {
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::G, times.t1));
            fx.push(Effect::Set(Timer::H, times.patience()));
            InviteServer::Completed { interval: times.t1 }
        }
        ServerInput::Ack | ServerInput::Timer(_) => InviteServer::Proceeding,
    }
}

fn accepted(input: ServerInput, fx: &mut Effects) -> InviteServer {
    match input {
        ServerInput::Answer(Class::Success) => {
            fx.push(Effect::Send);
            InviteServer::Accepted
        }
        ServerInput::Ack => {
            fx.push(Effect::Deliver);
            InviteServer::Accepted
        }
        ServerInput::Timer(Timer::L) => InviteServer::Terminated,
        ServerInput::Repeated | ServerInput::Answer(_) | ServerInput::Timer(_) => InviteServer::Accepted,
    }
}

fn completed(interval: Duration, input: ServerInput, times: &Times, fx: &mut Effects) -> InviteServer {
    match input {
        ServerInput::Repeated => {
            fx.push(Effect::Send);
            InviteServer::Completed { interval }
        }
        ServerInput::Timer(Timer::G) => {
            let interval = times.backed_off(interval);
            fx.push(Effect::Send);
            fx.push(Effect::Set(Timer::G, interval));
            InviteServer::Completed { interval }
        }
        ServerInput::Timer(Timer::H) => {
            fx.push(Effect::Refused);
            InviteServer::Terminated
        }
        ServerInput::Ack => {
            fx.push(Effect::Refused);
            fx.push(Effect::Stop(Timer::G));
            fx.push(Effect::Stop(Timer::H));
            fx.push(Effect::Set(Timer::I, times.t4));
            InviteServer::Confirmed
        }
        ServerInput::Answer(_) | ServerInput::Timer(_) => InviteServer::Completed { interval },
    }
}

fn confirmed(input: ServerInput) -> InviteServer {
    match input {
        ServerInput::Timer(Timer::I) => InviteServer::Terminated,
        ServerInput::Repeated | ServerInput::Answer(_) | ServerInput::Ack | ServerInput::Timer(_) => {
            InviteServer::Confirmed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: InviteServer, input: ServerInput) -> (InviteServer, Effects) {
        let mut fx = Effects::new();
        (state.step(input, &Times::default(), &mut fx), fx)
    }

    #[test]
    fn a_refusal_is_repeated_until_it_is_acknowledged() {
        let (state, _) = run(InviteServer::Proceeding, ServerInput::Answer(Class::Failure));
        let (state, fx) = run(state, ServerInput::Timer(Timer::G));
        assert_eq!(fx, [Effect::Send, Effect::Set(Timer::G, Duration::from_secs(1))]);
        assert_eq!(run(state, ServerInput::Repeated).1, [Effect::Send]);
        let (state, fx) = run(state, ServerInput::Ack);
        assert_eq!(state, InviteServer::Confirmed);
        assert_eq!((fx[0], fx[3]), (Effect::Refused, Effect::Set(Timer::I, Duration::from_secs(5))));
        assert_eq!(run(state, ServerInput::Repeated), (InviteServer::Confirmed, vec![]));
        assert_eq!(run(state, ServerInput::Timer(Timer::I)).0, InviteServer::Terminated);
    }

    #[test]
    fn an_accepted_invite_that_comes_again_is_absorbed() {
        let (state, fx) = run(InviteServer::Proceeding, ServerInput::Answer(Class::Success));
        assert_eq!(fx, [Effect::Send, Effect::Set(Timer::L, Duration::from_secs(32))]);
        assert_eq!(run(state, ServerInput::Repeated), (InviteServer::Accepted, vec![]));
        assert_eq!(run(state, ServerInput::Answer(Class::Success)).1, [Effect::Send]);
        assert_eq!(run(state, ServerInput::Answer(Class::Failure)), (InviteServer::Accepted, vec![]));
        assert_eq!(run(state, ServerInput::Timer(Timer::L)).0, InviteServer::Terminated);
    }

    #[test]
    fn an_unacknowledged_refusal_is_given_up() {
        let (state, _) = run(InviteServer::Proceeding, ServerInput::Answer(Class::Failure));
        assert_eq!(
            run(state, ServerInput::Timer(Timer::H)),
            (InviteServer::Terminated, vec![Effect::Refused])
        );
    }
}
