//! What the system does with an agent, and the one number that shows it (contract §4).

use crate::command::Choice;

/// What the system does with a signed-in agent. Read from the living call, or from a wrap-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nothing: the agent shows what it chose.
    Free,
    /// The agent's phone is being called.
    Calling,
    /// The agent's phone rings, or the agent waits for the customer to answer.
    Ringing,
    /// Agent and customer talk, or whoever else the agent talks to.
    Talking,
    /// The agent holds the conversation. Wins over mute.
    Holding,
    /// The agent is muted.
    Muted,
    /// The time after a call to note things down.
    WrapUp,
}

/// Everything the state number depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// What the system does with the agent.
    pub(crate) activity: Activity,
    /// What the agent chose.
    pub(crate) choice: Choice,
    /// Whether the agent may act: enabled, not locked, not deleted.
    pub(crate) valid: bool,
    /// Whether the agent's phone can be called.
    pub(crate) reachable: bool,
}

impl Standing {
    /// The state number on the wire. A call is shown as long as it lasts; then invalid (9) hides unconnected (8),
    /// which hides wrap-up (5), which hides the choice.
    pub(crate) fn wire_state(self) -> u16 {
        match self.activity {
            Activity::Calling => 2,
            Activity::Ringing => 3,
            Activity::Talking => 4,
            Activity::Holding => 6,
            Activity::Muted => 7,
            Activity::WrapUp | Activity::Free if !self.valid => 9,
            Activity::WrapUp | Activity::Free if !self.reachable => 8,
            Activity::WrapUp => 5,
            Activity::Free => match self.choice {
                Choice::Idle => 0,
                Choice::Busy => 1,
                Choice::Custom(reason) => reason,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(activity: Activity, choice: Choice, valid: bool, reachable: bool) -> u16 {
        Standing { activity, choice, valid, reachable }.wire_state()
    }

    #[test]
    fn a_free_agent_shows_its_choice() {
        assert_eq!(shows(Activity::Free, Choice::Idle, true, true), 0);
        assert_eq!(shows(Activity::Free, Choice::Busy, true, true), 1);
        assert_eq!(shows(Activity::Free, Choice::Custom(101), true, true), 101);
    }

    #[test]
    fn a_call_is_shown_whatever_else_is_true() {
        let shown = [
            (Activity::Calling, 2),
            (Activity::Ringing, 3),
            (Activity::Talking, 4),
            (Activity::Holding, 6),
            (Activity::Muted, 7),
        ];
        for (activity, state) in shown {
            for (valid, reachable) in [(true, true), (true, false), (false, true), (false, false)] {
                assert_eq!(shows(activity, Choice::Busy, valid, reachable), state);
            }
        }
    }

    #[test]
    fn invalid_hides_unconnected_which_hides_wrap_up() {
        assert_eq!(shows(Activity::WrapUp, Choice::Idle, true, true), 5);
        assert_eq!(shows(Activity::WrapUp, Choice::Idle, true, false), 8);
        assert_eq!(shows(Activity::WrapUp, Choice::Idle, false, false), 9);
        assert_eq!(shows(Activity::Free, Choice::Idle, true, false), 8);
        assert_eq!(shows(Activity::Free, Choice::Idle, false, true), 9);
    }
}
