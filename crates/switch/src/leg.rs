//! A leg: one dialog and one media stream, of one call.
//!
//! ```text
//! Calling ──18x──▶ Ringing ──2xx──▶ Up ──┐
//!    │  └────────2xx──────────────▶ │    │ BYE, EndLeg, silence, fault
//!    └───── refusal, EndLeg ────────┴────┴─▶ Ending ── far end knows ─▶ gone
//! ```
//!
//! A phone that rings and is to answer by itself is called anew (`auto_answer`): another dialog, and the leg goes on ringing.
//!
//! A leg of one who calls in goes the same way; what is heard there is what we said: `Ringing` once we said so, `Up` once we
//! answered.
//!
//! The core hears of the end (`LegEnded`) on the way into `Ending`, when stream and port are given back too; the dialog may
//! need up to half a minute more to tell a far end that does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use base::{AccountId, CallId, LegId, LogNo, Mono};
use callcenter::action::{Heard as Hears, Target};
use sip::api::{Binding, DialogId, Ended};

use crate::cause::{Heard, UNAVAILABLE};
use crate::limits::{REOFFERS_MAX, REOFFERS_WINDOW};
use crate::speech::Speech;
use crate::trunks::{Among, TrunkNo, TrunkWay};

/// One leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) account: AccountId,
    pub(crate) call: CallId,
    pub(crate) target: Target,
    /// The number shown on the called phone.
    pub(crate) shown: String,
    pub(crate) state: State,
    pub(crate) dialog: DialogId,
    /// Which way of which trunk it goes, for a target in the telephone network, or came.
    pub(crate) way: Option<TrunkWay>,
    /// The ways that were tried, the present one included.
    pub(crate) tried: Vec<TrunkWay>,
    /// What may follow when nothing in order is left: after an answer, not those at which nobody is heard.
    pub(crate) last_resort: Among,
    /// The phone that it calls, for a target that is one.
    pub(crate) contact: Option<Binding>,
    pub(crate) pick_up: PickUp,
    /// The user's other phones, first choice first, for a target that is one.
    pub(crate) contacts: Vec<Binding>,
    /// Where its INVITE goes, or came from.
    pub(crate) remote: SocketAddr,
    pub(crate) invite: Invite,
    /// The entry that its INVITE, and later its ACK, waits for, or its answers do: the latest token.
    pub(crate) justified_by: LogNo,
    /// The last SIP status of its INVITE above 100, 0 before any.
    pub(crate) status: u16,
    /// Local RTP port; belongs to the leg until it is `Ending`.
    pub(crate) port: u16,
    pub(crate) speech: Speech,
    /// What its far end hears: its row of the hearing plan.
    pub(crate) hears: Hears,
    pub(crate) watch: Watch,
    pub(crate) reoffers: Reoffers,
}

/// New offers of a leg's far end: how many came since when.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reoffers {
    since: Mono,
    count: u32,
}

impl Reoffers {
    /// One more; false: it is too many.
    pub(crate) fn take(&mut self, now: Mono) -> bool {
        if now.since(self.since) >= REOFFERS_WINDOW {
            *self = Reoffers { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count <= REOFFERS_MAX
    }
}

/// Whether silence of its far end ends a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// No.
    Off,
    /// Yes.
    On,
}

/// How far a leg has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing but 100 was heard.
    Calling,
    /// A phone may be ringing.
    Ringing {
        /// Its network speaks before the answer.
        early_media: bool,
    },
    /// Answered.
    Up,
    /// Over for the core; the far end is being told.
    Ending,
}

/// Who answers a phone that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PickUp {
    /// A person.
    Person,
    /// A person could until the CANCEL arrives, which is on its way; then it is called anew.
    PersonUntilCancelled,
    /// It was called anew, and is asked to answer by itself.
    Phone,
}

/// Where the leg's INVITE is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invite {
    /// To be made.
    Due,
    /// In the gate.
    Waiting,
    /// Sent; retransmissions go at once.
    Left,
    /// The leg ended before it left: it never will.
    Withdrawn,
    /// It is not ours: it came.
    Came,
}

impl Leg {
    /// Whether the core still counts on it.
    pub(crate) fn is_living(&self) -> bool {
        match self.state {
            State::Calling | State::Ringing { .. } | State::Up => true,
            State::Ending => false,
        }
    }

    /// What was heard of its INVITE, for the verdict on its end.
    pub(crate) fn heard(&self) -> Heard {
        let (rang, answered) = match self.state {
            State::Calling => (false, false),
            State::Ringing { .. } => (true, false),
            State::Up | State::Ending => (true, true),
        };
        Heard { status: self.status, rang, answered }
    }

    /// Whether the end of its dialog says anything of who was called: an INVITE that the log keeps back asks nobody, nor
    /// does one that could not be written.
    pub(crate) fn was_asked(&self, how: Ended) -> bool {
        match self.invite {
            Invite::Left => true,
            // No stream could be opened for it.
            Invite::Due => how == Ended::Refused(UNAVAILABLE),
            Invite::Waiting | Invite::Withdrawn => false,
            // Who called asked us.
            Invite::Came => false,
        }
    }

    /// Whether it is of one who calls in and has no final answer.
    pub(crate) fn wants_answer(&self) -> bool {
        let unanswered = match self.state {
            State::Calling | State::Ringing { .. } => true,
            State::Up | State::Ending => false,
        };
        self.invite == Invite::Came && unanswered
    }

    /// The trunk's address, if it goes through one.
    pub(crate) fn gateway(&self) -> Option<SocketAddr> {
        self.way.map(|way| way.remote)
    }
}

/// All legs, found by number, dialog and call.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    by_id: BTreeMap<LegId, Leg>,
    by_dialog: BTreeMap<DialogId, LegId>,
    by_call: BTreeSet<(CallId, LegId)>,
    /// Living legs by the trunk they go through.
    by_trunk: BTreeSet<(TrunkNo, LegId)>,
}

impl Legs {
    pub(crate) fn insert(&mut self, id: LegId, leg: Leg) {
        self.by_dialog.insert(leg.dialog, id);
        self.by_call.insert((leg.call, id));
        self.by_trunk.extend(leg.way.map(|way| (way.trunk, id)));
        let replaced = self.by_id.insert(id, leg);
        assert!(replaced.is_none(), "leg {id} was started twice");
    }

    pub(crate) fn get(&self, id: LegId) -> Option<&Leg> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn of_dialog(&self, dialog: DialogId) -> Option<LegId> {
        self.by_dialog.get(&dialog).copied()
    }

    /// The legs of a call, in the order they were started.
    pub(crate) fn of_call(&self, call: CallId) -> impl Iterator<Item = (LegId, &Leg)> {
        let of_call = self.by_call.range((call, LegId(0))..=(call, LegId(u64::MAX)));
        of_call.filter_map(|(_, id)| self.by_id.get(id).map(|leg| (*id, leg)))
    }

    /// The dialog of a leg ended and another one begins, by another way, or so that the phone answers by itself.
    pub(crate) fn redial(&mut self, id: LegId, dialog: DialogId) {
        let leg = self.by_id.get_mut(&id).expect("only a known leg is dialled again");
        self.by_dialog.remove(&leg.dialog);
        leg.dialog = dialog;
        self.by_dialog.insert(dialog, id);
    }

    /// A leg goes another way than before.
    pub(crate) fn take_way(&mut self, id: LegId, way: TrunkWay) {
        self.leave_trunk(id);
        let leg = self.by_id.get_mut(&id).expect("only a known leg goes anywhere");
        leg.way = Some(way);
        leg.tried.push(way);
        leg.remote = way.remote;
        self.by_trunk.insert((way.trunk, id));
    }

    /// A leg is over for the core: its channel is free.
    pub(crate) fn end(&mut self, id: LegId) {
        self.leave_trunk(id);
        if let Some(leg) = self.by_id.get_mut(&id) {
            leg.state = State::Ending;
        }
    }

    /// Channels of a trunk in use.
    pub(crate) fn channels(&self, trunk: TrunkNo) -> usize {
        self.by_trunk.range((trunk, LegId(0))..=(trunk, LegId(u64::MAX))).count()
    }

    /// The same without that of a leg that goes another way now.
    pub(crate) fn channels_of_others(&self, trunk: TrunkNo, leg: LegId) -> usize {
        self.channels(trunk) - usize::from(self.by_trunk.contains(&(trunk, leg)))
    }

    fn leave_trunk(&mut self, id: LegId) {
        if let Some(way) = self.by_id.get(&id).and_then(|leg| leg.way) {
            self.by_trunk.remove(&(way.trunk, id));
        }
    }

    pub(crate) fn remove(&mut self, id: LegId) -> Option<Leg> {
        self.leave_trunk(id);
        let leg = self.by_id.remove(&id)?;
        self.by_dialog.remove(&leg.dialog);
        self.by_call.remove(&(leg.call, id));
        Some(leg)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LegId, &Leg)> {
        self.by_id.iter().map(|(id, leg)| (*id, leg))
    }

    /// Panics with a sentence when the four ways to find a leg disagree.
    pub(crate) fn check_invariants(&self) {
        assert_eq!(self.by_id.len(), self.by_dialog.len(), "a leg has exactly one dialog");
        assert_eq!(self.by_id.len(), self.by_call.len(), "a leg belongs to exactly one call");
        for (id, leg) in &self.by_id {
            assert_eq!(self.by_dialog.get(&leg.dialog), Some(id), "leg {id} is not found by its dialog");
            assert!(self.by_call.contains(&(leg.call, *id)), "leg {id} is not found by its call");
        }
        let living = self.by_id.iter().filter(|(_, leg)| leg.is_living());
        let on_trunks = living.filter_map(|(id, leg)| Some((leg.way?.trunk, *id)));
        assert!(
            on_trunks.collect::<BTreeSet<_>>() == self.by_trunk,
            "channels in use are not those of living legs"
        );
    }
}
