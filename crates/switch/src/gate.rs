//! Commit before effect: what an event justifies waits here until the log says that the event is durable.

use std::collections::VecDeque;

use base::{CommandId, LegId, LogNo};
use bytes::Bytes;
use callcenter::command::{Accepted, Refusal};
use sip::api::Flow;

use crate::api::Piece;
use crate::limits::GATED_MAX;

/// An effect that must not precede its cause.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// An INVITE of a leg.
    Invite { leg: LegId, flow: Flow, data: Bytes },
    /// An answer to who calls in: once it left, only the dialog's token can end its call after a restart.
    Answer { flow: Flow, data: Bytes },
    /// The ACK that establishes a dialog: once it left, only the dialog's token can end it after a restart.
    Ack { flow: Flow, data: Bytes },
    /// The answer to a phone that registered.
    Registered { flow: Flow, data: Bytes },
    /// The answer to a command.
    Reply { command: CommandId, result: Result<Accepted, Refusal> },
    /// Files to be made.
    Finish { account: base::AccountId, call: base::CallId, pieces: Vec<Piece> },
}

/// Effects in the order of the entries they wait for.
#[derive(Debug)]
pub(crate) struct Gate {
    appended: LogNo,
    durable: LogNo,
    waiting: VecDeque<(LogNo, Effect)>,
}

impl Gate {
    /// Nothing waits; `last` is the last entry of the log, already durable.
    pub(crate) fn new(last: LogNo) -> Gate {
        Gate { appended: last, durable: last, waiting: VecDeque::new() }
    }

    /// The number of a new entry.
    pub(crate) fn append(&mut self) -> LogNo {
        self.appended = self.appended.next();
        self.appended
    }

    /// The last entry appended.
    pub(crate) fn appended(&self) -> LogNo {
        self.appended
    }

    /// Entries appended and not yet durable.
    pub(crate) fn backlog(&self) -> usize {
        usize::try_from(self.appended.0 - self.durable.0).unwrap_or(usize::MAX)
    }

    /// Whether an entry is durable.
    pub(crate) fn passed(&self, no: LogNo) -> bool {
        no <= self.durable
    }

    /// Whether no more effects may wait.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= GATED_MAX
    }

    /// How many effects wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets an effect wait for `no`, or gives it back when it need not.
    pub(crate) fn hold(&mut self, no: LogNo, effect: Effect) -> Option<Effect> {
        assert!(no <= self.appended, "an effect waits for entry {no}, which is not appended");
        if self.passed(no) {
            return Some(effect);
        }
        let at = self.waiting.partition_point(|(waits_for, _)| *waits_for <= no);
        self.waiting.insert(at, (no, effect));
        None
    }

    /// The legs whose INVITE waits.
    pub(crate) fn held_invites(&self) -> impl Iterator<Item = LegId> {
        self.waiting.iter().filter_map(|(_, effect)| match effect {
            Effect::Invite { leg, .. } => Some(*leg),
            Effect::Answer { .. }
            | Effect::Ack { .. }
            | Effect::Registered { .. }
            | Effect::Reply { .. }
            | Effect::Finish { .. } => None,
        })
    }

    /// Takes back the INVITE of a leg that is not wanted any more. True when one was waiting.
    pub(crate) fn withdraw_invite(&mut self, leg: LegId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(_, effect)| !is_invite_of(effect, leg));
        self.waiting.len() < before
    }

    /// Everything up to `through` is committed. Take what may go with [`Gate::pop`].
    pub(crate) fn commit(&mut self, through: LogNo) {
        assert!(
            through <= self.appended,
            "the log committed entry {through}, but {} was the last",
            self.appended
        );
        self.durable = self.durable.max(through);
    }

    /// The next effect whose time has come.
    pub(crate) fn pop(&mut self) -> Option<Effect> {
        let (no, _) = self.waiting.front()?;
        if !self.passed(*no) {
            return None;
        }
        self.waiting.pop_front().map(|(_, effect)| effect)
    }

    /// Panics with a sentence when something is wrong.
    pub(crate) fn check_invariants(&self) {
        assert!(self.durable <= self.appended, "an entry is durable before it was appended");
        assert!(self.waiting.len() <= GATED_MAX, "more than {GATED_MAX} effects wait");
        let numbers = self.waiting.iter().map(|(no, _)| *no);
        assert!(numbers.clone().is_sorted(), "effects do not wait in the order of their entries");
        for no in numbers {
            assert!(!self.passed(no), "an effect waits for entry {no}, which is durable");
        }
    }
}

fn is_invite_of(effect: &Effect, wanted: LegId) -> bool {
    match effect {
        Effect::Invite { leg, .. } => *leg == wanted,
        Effect::Answer { .. }
        | Effect::Ack { .. }
        | Effect::Registered { .. }
        | Effect::Reply { .. }
        | Effect::Finish { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(n: u64) -> Effect {
        Effect::Reply { command: CommandId(n), result: Ok(Accepted::default()) }
    }

    fn number(effect: &Effect) -> u64 {
        match effect {
            Effect::Reply { command, .. } => command.0,
            Effect::Invite { leg, .. } => leg.0,
            Effect::Finish { call, .. } => call.0,
            Effect::Answer { .. } | Effect::Ack { .. } | Effect::Registered { .. } => 0,
        }
    }

    #[test]
    fn effects_leave_in_order_when_their_entry_is_durable() {
        let mut gate = Gate::new(LogNo(10));
        assert!(gate.hold(LogNo(10), reply(0)).is_some(), "nothing to wait for");
        let (a, b) = (gate.append(), gate.append());
        assert!(gate.hold(b, reply(2)).is_none());
        assert!(gate.hold(a, reply(1)).is_none());
        assert!(gate.hold(b, reply(3)).is_none());
        gate.check_invariants();
        assert!(gate.pop().is_none());
        gate.commit(a);
        assert_eq!(gate.pop().as_ref().map(number), Some(1));
        assert!(gate.pop().is_none());
        gate.commit(b);
        let rest: Vec<_> = std::iter::from_fn(|| gate.pop()).map(|e| number(&e)).collect();
        assert_eq!((rest, gate.backlog()), (vec![2, 3], 0));
    }

    #[test]
    fn a_withdrawn_invite_never_leaves() {
        let mut gate = Gate::new(LogNo(0));
        let no = gate.append();
        let flow = Flow {
            transport: sip::api::Transport::Udp,
            local: ([127, 0, 0, 1], 5060).into(),
            remote: ([127, 0, 0, 1], 5070).into(),
        };
        let invite = Effect::Invite { leg: LegId(7), flow, data: Bytes::from_static(b"INVITE") };
        assert!(gate.hold(no, invite).is_none());
        assert_eq!(gate.held_invites().collect::<Vec<_>>(), [LegId(7)]);
        assert!(gate.withdraw_invite(LegId(7)));
        assert!(!gate.withdraw_invite(LegId(7)));
        gate.commit(no);
        assert!(gate.pop().is_none());
    }

    #[test]
    #[should_panic(expected = "the log committed entry 1, but 0 was the last")]
    fn a_log_that_commits_what_nobody_wrote_is_wrong() {
        Gate::new(LogNo(0)).commit(LogNo(1));
    }
}
