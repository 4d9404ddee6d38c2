//! Watches what leaves the switch and what reaches it: an INVITE may leave only when the committed log says that the leg
//! was started, once per trunk, and no trunk is tried once a customer's phone may have rung; a phone may hear that it is
//! registered only when the committed log says where it is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use base::{LegId, Mono};
use callcenter::action::Target;
use callcenter::event::{Event, Numbered};
use switch::api::Body;

use crate::ledger::Ledger;
use crate::setup;

/// How long the transaction of an INVITE lives that nobody answers (Timer B of RFC 3261 with its default T1).
const LISTENING: Duration = Duration::from_secs(32);

/// Every INVITE that ever left, and which numbers were heard ringing.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Call-IDs, by called user and where they went.
    calls: BTreeMap<(String, SocketAddr), BTreeSet<String>>,
    rang: BTreeSet<String>,
    /// How often each phone was to answer by itself.
    asked_to_answer: BTreeMap<String, u64>,
    /// The number that each leg calls.
    numbers: BTreeMap<LegId, String>,
    /// How many dialogs were begun to a number before it was heard ringing: their INVITEs may still wait for a commit.
    begun: BTreeMap<String, usize>,
    /// Call-IDs that were answered for good: a 180 that comes later says nothing.
    settled: BTreeSet<String>,
    /// When the dialog of each leg was begun last.
    made: BTreeMap<LegId, Mono>,
    /// Calls of whose INVITE the switch did not hear anything in time, by their Call-ID.
    unheard: BTreeMap<String, Unheard>,
    /// The leg that each Call-ID is of.
    legs: BTreeMap<String, LegId>,
    /// The REGISTERs of each user that were answered with a binding, by Call-ID and CSeq.
    registered: BTreeMap<String, BTreeSet<(String, String)>>,
}

/// A call that the far end may not know to be over.
#[derive(Debug)]
struct Unheard {
    to: SocketAddr,
    /// Since when the switch listens for an answer.
    listens_since: Mono,
    /// Whether the INVITE reached its far end.
    arrived: bool,
}

impl Wire {
    /// Looks at an entry as it is appended: the token of a dialog tells when it was begun.
    pub(crate) fn appended(&mut self, now: Mono, body: &Body) {
        match body {
            Body::Event(Numbered {
                event: Event::LegStarted { leg, target: Target::Number(number), .. },
                ..
            }) => {
                self.numbers.insert(*leg, number.clone());
            }
            Body::Token { leg, .. } => {
                self.made.insert(*leg, now);
                if let Some(number) = self.numbers.get(leg).filter(|number| !self.rang.contains(*number)) {
                    *self.begun.entry(number.clone()).or_default() += 1;
                }
            }
            Body::Event(_) | Body::TokenDone { .. } | Body::Measured { .. } | Body::Bindings { .. } => {}
        }
    }

    /// The phone of an agent was to answer by itself.
    pub(crate) fn asked_to_answer(&mut self, agent: &str) {
        *self.asked_to_answer.entry(agent.to_owned()).or_default() += 1;
    }

    /// Looks at a datagram that leaves. `leg_at` knows whose an RTP port is.
    pub(crate) fn watch(
        &mut self,
        to: SocketAddr,
        data: &[u8],
        ledger: &Ledger,
        leg_at: impl Fn(u16) -> Option<LegId>,
    ) {
        if data.starts_with(b"SIP/2.0 200 ") {
            return self.watch_registered(data, ledger);
        }
        let Some(Seen { called, call_id, tagged: false, port, .. }) = Seen::starting_with(data, "INVITE ")
        else {
            return;
        };
        let calls = self.calls.entry((called.clone(), to)).or_default();
        if !calls.insert(call_id.clone()) {
            return;
        }
        let leg = port.and_then(leg_at).expect("an INVITE offers the port of a living leg");
        let listens_since = *self.made.get(&leg).expect("a dialog has its token before its INVITE leaves");
        self.unheard.insert(call_id.clone(), Unheard { to, listens_since, arrived: false });
        self.legs.insert(call_id, leg);
        let left = u64::try_from(calls.len()).expect("few calls");
        // A phone that is to answer by itself is called anew.
        let again = self.asked_to_answer.get(&called).copied().unwrap_or(0);
        let allowed = ledger.started(&called) + again;
        assert!(
            left <= allowed,
            "{left} INVITEs for {called} left to {to}, the committed log allows {allowed}"
        );
        if setup::is_customer(&called) {
            let begun = self.begun.get(&called).copied().unwrap_or(0);
            let left: usize = self.calls.range(to_anywhere(&called)).map(|(_, calls)| calls.len()).sum();
            assert!(left <= begun, "{called} is called again, though a phone may have rung");
        }
    }

    fn watch_registered(&mut self, data: &[u8], ledger: &Ledger) {
        let Some(seen) = Seen::starting_with(data, "SIP/2.0 200 ") else { return };
        if !seen.cseq.ends_with(" REGISTER") || !seen.contact {
            return;
        }
        let allowed = ledger.registered(&seen.called);
        let answered = self.registered.entry(seen.called).or_default();
        answered.insert((seen.call_id, seen.cseq));
        let left = answered.len();
        assert!(
            left <= allowed,
            "{left} phones heard that they are registered, the committed log has {allowed}"
        );
    }

    /// Looks at a datagram that reaches a far end; the leg, when it begins a call there.
    pub(crate) fn reached(&mut self, data: &[u8]) -> Option<LegId> {
        let seen = Seen::starting_with(data, "INVITE ").filter(|seen| !seen.tagged)?;
        if let Some(unheard) = self.unheard.get_mut(&seen.call_id) {
            unheard.arrived = true;
        }
        self.legs.get(&seen.call_id).copied()
    }

    /// Looks at a datagram that reaches the switch.
    pub(crate) fn heard(&mut self, now: Mono, data: &[u8]) {
        let Some(seen) = Seen::starting_with(data, "SIP/2.0 ").filter(|seen| seen.cseq.ends_with("INVITE"))
        else {
            return;
        };
        if self.unheard.get(&seen.call_id).is_some_and(|one| now.since(one.listens_since) < LISTENING) {
            self.unheard.remove(&seen.call_id);
        }
        if data.starts_with(b"SIP/2.0 18") {
            if !self.settled.contains(&seen.call_id) {
                self.rang.insert(seen.called);
            }
        } else if !data.starts_with(b"SIP/2.0 1") {
            self.settled.insert(seen.call_id);
        }
    }

    /// How many calls reached a far end that never made itself heard while the switch listened: a switch that gives up
    /// such a call must not send CANCEL (RFC 3261 §9.1), and the far end may wait in vain.
    pub(crate) fn unheard(&self, far: SocketAddr) -> usize {
        self.unheard.values().filter(|one| one.to == far && one.arrived).count()
    }

    /// How many calls left.
    pub(crate) fn invites(&self) -> usize {
        self.calls.values().map(BTreeSet::len).sum()
    }
}

/// The calls of a number, wherever they went.
fn to_anywhere(number: &str) -> RangeInclusive<(String, SocketAddr)> {
    let (first, last) = (IpAddr::from([0; 4]), IpAddr::from([0xff; 16]));
    (number.to_owned(), SocketAddr::new(first, 0))..=(number.to_owned(), SocketAddr::new(last, u16::MAX))
}

/// What is read of a message.
struct Seen {
    /// User part of To: that of the Request-URI may be anything a contact says.
    called: String,
    call_id: String,
    /// Whether To has a tag: a request inside a dialog.
    tagged: bool,
    /// Number and method.
    cseq: String,
    /// Whether it names a contact.
    contact: bool,
    /// The RTP port that it offers or accepts, if it does.
    port: Option<u16>,
}

impl Seen {
    fn starting_with(data: &[u8], start: &str) -> Option<Seen> {
        // Most datagrams are sound.
        let text = data.starts_with(start.as_bytes()).then(|| std::str::from_utf8(data).ok())??;
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let to = header("To")?;
        let called = to.split_once("sip:")?.1.split_once('@')?.0.to_owned();
        let sound = text.lines().find_map(|line| line.strip_prefix("m=audio "));
        Some(Seen {
            called,
            call_id: header("Call-ID")?.to_owned(),
            tagged: to.contains(";tag="),
            cseq: header("CSeq")?.to_owned(),
            contact: header("Contact").is_some(),
            port: sound.and_then(|line| line.split(' ').next()?.parse().ok()),
        })
    }
}
