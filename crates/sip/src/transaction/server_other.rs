use super::{Class, Effect, Effects, ServerInput, Timer, Times};

/// A request other than INVITE and ACK that came to us: RFC 3261 §17.2.2, figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherServer {
    /// Not answered.
    Trying,
    /// Provisionally answered.
    Proceeding,
    /// Answered; repetitions get the same answer.
    Completed,
    /// Over.
    Terminated,
}

impl OtherServer {
    /// The state after `input`.
    pub(crate) fn step(self, input: ServerInput, times: &Times, fx: &mut Effects) -> OtherServer {
        match (self, input) {
            (OtherServer::Trying | OtherServer::Proceeding, ServerInput::Answer(class)) => {
                answer(class, times, fx)
            }
            (OtherServer::Proceeding | OtherServer::Completed, ServerInput::Repeated) => {
                fx.push(Effect::Send);
                self
            }
            (OtherServer::Completed, ServerInput::Timer(Timer::J)) => OtherServer::Terminated,
            (OtherServer::Trying, ServerInput::Repeated)
            | (OtherServer::Completed, ServerInput::Answer(_))
            | (OtherServer::Terminated, _)
            | (_, ServerInput::Ack | ServerInput::Timer(_)) => self,
        }
    }
}

fn answer(class: Class, times: &Times, fx: &mut Effects) -> OtherServer {
    fx.push(Effect::Send);
    match class {
        Class::Provisional => OtherServer::Proceeding,
        Class::Success | Class::Failure => {
            fx.push(Effect::Set(Timer::J, times.patience()));
            OtherServer::Completed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_gets_the_same_answer_until_timer_j() {
        let times = Times::default();
        let mut fx = Effects::new();
        let state = OtherServer::Trying.step(ServerInput::Repeated, &times, &mut fx);
        assert_eq!((state, fx.len()), (OtherServer::Trying, 0));
        let state = state.step(ServerInput::Answer(Class::Success), &times, &mut fx);
        assert_eq!(fx, [Effect::Send, Effect::Set(Timer::J, times.patience())]);
        fx.clear();
        let state = state.step(ServerInput::Repeated, &times, &mut fx);
        assert_eq!(fx, [Effect::Send]);
        let state = state.step(ServerInput::Timer(Timer::J), &times, &mut fx);
        assert_eq!(state, OtherServer::Terminated);
    }
}
