//! Watches what leaves the switch and what reaches it: an INVITE may leave only when the committed log says that the leg
//! was started, once per trunk, and no trunk is tried once a customer's phone may have rung.

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

/// What is heard so soon after an INVITE left is heard before its transaction gives up (Timer B, less the longest wait
/// for a commit).
const IN_TIME: Duration = Duration::from_secs(10);

/// Every INVITE that ever left, and which numbers were heard ringing.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    /// Call-IDs, by called user and where they went.
    calls: BTreeMap<(String, SocketAddr), BTreeSet<String>>,
    rang: BTreeSet<String>,
    /// The number that each leg calls.
    numbers: BTreeMap<LegId, String>,
    /// How many dialogs were begun to a number before it was heard ringing: their INVITEs may still wait for a commit.
    begun: BTreeMap<String, usize>,
    /// Call-IDs that were answered for good: a 180 that comes later says nothing.
    settled: BTreeSet<String>,
    /// Call-IDs of which the switch did not hear anything in time, by where they went, and when they left.
    unheard: BTreeMap<SocketAddr, BTreeMap<String, Mono>>,
}

impl Wire {
    /// Looks at an entry as it is appended: the token of a dialog tells when it was begun.
    pub(crate) fn appended(&mut self, body: &Body) {
        match body {
            Body::Event(Numbered {
                event: Event::LegStarted { leg, target: Target::Number(number), .. },
                ..
            }) => {
                self.numbers.insert(*leg, number.clone());
            }
            Body::Token { leg, .. } => {
                if let Some(number) = self.numbers.get(leg).filter(|number| !self.rang.contains(*number)) {
                    *self.begun.entry(number.clone()).or_default() += 1;
                }
            }
            Body::Event(_) | Body::TokenDone { .. } => {}
        }
    }

    /// Looks at a datagram that leaves.
    pub(crate) fn watch(&mut self, now: Mono, to: SocketAddr, data: &[u8], ledger: &Ledger) {
        let Some(Seen { called, call_id, tagged: false, .. }) = Seen::starting_with(data, "INVITE ") else {
            return;
        };
        let calls = self.calls.entry((called.clone(), to)).or_default();
        if !calls.insert(call_id.clone()) {
            return;
        }
        self.unheard.entry(to).or_default().insert(call_id, now);
        let left = u64::try_from(calls.len()).expect("few calls");
        let allowed = ledger.started(&called);
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

    /// Looks at a datagram that reaches the switch.
    pub(crate) fn heard(&mut self, now: Mono, from: SocketAddr, data: &[u8]) {
        let Some(seen) = Seen::starting_with(data, "SIP/2.0 ") else { return };
        let unheard = self.unheard.entry(from).or_default();
        if unheard.get(&seen.call_id).is_some_and(|left| now.since(*left) < IN_TIME) {
            unheard.remove(&seen.call_id);
        }
        if data.starts_with(b"SIP/2.0 18") {
            if !self.settled.contains(&seen.call_id) {
                self.rang.insert(seen.called);
            }
        } else if !data.starts_with(b"SIP/2.0 1") {
            self.settled.insert(seen.call_id);
        }
    }

    /// How many calls went to a far end that never made itself heard: a switch that gives up such a call must not send
    /// CANCEL (RFC 3261 §9.1), and the far end may wait in vain.
    pub(crate) fn unheard(&self, far: SocketAddr) -> usize {
        self.unheard.get(&far).map_or(0, BTreeMap::len)
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
}

impl Seen {
    fn starting_with(data: &[u8], start: &str) -> Option<Seen> {
        let text = std::str::from_utf8(data).ok().filter(|text| text.starts_with(start))?;
        let header = |name: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let to = header("To")?;
        let called = to.split_once("sip:")?.1.split_once('@')?.0.to_owned();
        Some(Seen { called, call_id: header("Call-ID")?.to_owned(), tagged: to.contains(";tag=") })
    }
}
