//! What must hold between any two inputs.

use std::collections::BTreeSet;

use crate::leg::Invite;
use crate::limits::{RECORDINGS_MAX, STREAMS_CLOSING_MAX};
use crate::switch::Switch;

impl Switch {
    /// Panics with a sentence when something is wrong. For tests and simulations.
    pub fn check_invariants(&self) {
        self.legs.check_invariants();
        self.gate.check_invariants();
        let used: BTreeSet<u16> =
            self.legs.iter().filter(|(_, leg)| leg.is_living()).map(|(_, leg)| leg.port).collect();
        assert_eq!(self.ports.used(), &used, "ports in use are not those of living legs");
        let legs_max = self.config.legs_max.max(self.legs_before);
        assert!(self.legs.len() <= legs_max, "more legs than {legs_max}");
        assert!(self.recordings.len() <= RECORDINGS_MAX, "more recordings than {RECORDINGS_MAX}");
        assert!(
            self.closing.len() <= STREAMS_CLOSING_MAX,
            "more than {STREAMS_CLOSING_MAX} streams are closing"
        );
        for leg in self.closing.keys() {
            let living = self.legs.get(*leg).is_some_and(|leg| leg.is_living());
            assert!(!living, "the stream of leg {leg} is closed, but the leg is not over");
        }
        let mut held = BTreeSet::new();
        for leg in self.gate.held_invites() {
            assert!(held.insert(leg), "two INVITEs of leg {leg} wait for the log");
        }
        for (id, leg) in self.legs.iter() {
            let waits = held.remove(&id);
            assert_eq!(
                leg.invite == Invite::Waiting,
                waits,
                "leg {id} and the gate disagree about its INVITE"
            );
            assert!(self.accounts.contains_key(&leg.account), "leg {id} has no account");
        }
        assert!(held.is_empty(), "INVITEs of unknown legs wait for the log: {held:?}");
        assert!(self.arrivals.is_empty(), "nobody decided about a call that came");
        for dialog in self.resumed.keys() {
            assert!(self.legs.of_dialog(*dialog).is_none(), "a dialog of before the restart has a leg");
        }
        for account in self.accounts.values() {
            account.center.check_invariants();
        }
    }
}
