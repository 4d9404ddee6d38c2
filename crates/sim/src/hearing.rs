//! Nobody hears anybody outside the plan: held against every packet that leaves the switch, that arrives at a phone and
//! that is stored.
//!
//! What the plan must be is read off the log, not off the commands for the engine. The customer hears the agent once it
//! has answered, and nothing before. The agent hears ring-back until then, or the customer's network. Afterwards the two
//! hear each other, and nobody else, until the call is over.

use std::collections::BTreeMap;

use base::{CallId, LegId, Mono};
use callcenter::event::{CallKind, Role};
use lab::PhoneId;
use media::recording::Packet;

use crate::calls::{Calls, Seat};
use crate::contract;
use crate::mark::{self, Content};

/// Packets in a call that may be faded: one where each sound begins or ends, and for each of several digits.
const SEAMS_MAX: usize = 30;

/// Who sits where.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    seats: BTreeMap<PhoneId, Seat>,
    /// Phones that call the switch, by the number that they show.
    callers: BTreeMap<String, PhoneId>,
    /// Packets that arrived at phones.
    pub(crate) packets: u64,
}

impl Hearing {
    /// A phone is called for a leg.
    pub(crate) fn called(&mut self, phone: PhoneId, seat: Seat) {
        let before = self.seats.insert(phone, seat);
        assert_eq!(before, None, "{phone:?} is called twice");
    }

    /// A phone calls the switch, and shows a number that no other shows.
    pub(crate) fn calls(&mut self, phone: PhoneId, shown: String) {
        self.callers.insert(shown, phone);
    }

    /// The switch takes the call of whoever shows a number: anew, when it died before.
    pub(crate) fn taken(&mut self, shown: &str, seat: Seat) {
        if let Some(phone) = self.callers.get(shown) {
            self.seats.insert(*phone, seat);
        }
    }

    /// The place of a phone that was called, or calls.
    pub(crate) fn seat(&self, phone: PhoneId) -> Option<Seat> {
        self.seats.get(&phone).copied()
    }

    /// A packet leaves the switch for the far end of a leg.
    pub(crate) fn left(&self, calls: &Calls, leg: LegId, packet: &[u8]) {
        let seat = calls.seat(leg);
        let call = calls.call(seat.call);
        assert_eq!(call.over, None, "sound of call {} leaves after its end", seat.call);
        let content = mark::read(packet);
        self.fits(seat, content);
        match (content, seat.role) {
            // Who calls in may hear the network before the answer.
            (Content::Speech(_) | Content::Digit, Role::Customer) if call.kind == CallKind::DialOut => {
                assert!(call.linked.is_some(), "the customer of call {} hears before it answered", seat.call);
            }
            (Content::RingBack, _) => {
                assert!(call.linked.is_none(), "call {} hears ring-back after the answer", seat.call);
            }
            (Content::Speech(_) | Content::Digit | Content::Unknown, _) => {}
        }
    }

    /// A packet arrives at a phone.
    pub(crate) fn arrived(&mut self, calls: &mut Calls, phone: PhoneId, packet: &[u8]) {
        let seat =
            self.seat(phone).unwrap_or_else(|| panic!("{phone:?} hears something, which nobody called"));
        let content = mark::read(packet);
        self.fits(seat, content);
        self.packets += 1;
        let early = calls.call(seat.call).linked.is_none();
        let side = calls.side(seat);
        match content {
            Content::Speech(_) => {
                side.speech += 1;
                side.speech_early += usize::from(early);
            }
            Content::RingBack => side.ring_back += 1,
            Content::Digit => {}
            Content::Unknown => {
                side.seams += 1;
                let Seat { call, role } = seat;
                assert!(side.seams <= SEAMS_MAX, "the {role:?} of call {call} hears what nobody said");
            }
        }
    }

    /// A phone was sent a digit.
    pub(crate) fn digit(&self, calls: &mut Calls, phone: PhoneId, digit: char) {
        let seat = self.seat(phone).expect("only called phones hear");
        // Numbers without an ending of their own echo what they hear.
        let echoes = contract::ending(&calls.call(seat.call).customer) == contract::OTHER;
        let pressed = calls.side(seat.opposite()).keys.contains(&digit)
            || (echoes && calls.side(seat).keys.contains(&digit));
        assert!(pressed, "the {:?} of call {} hears {digit}, which nobody pressed", seat.role, seat.call);
        calls.side(seat).digits.push(digit);
    }

    /// A packet that came at that moment is stored.
    pub(crate) fn stored(&self, calls: &mut Calls, id: CallId, at: Mono, packet: &Packet) {
        let Packet { track, codec, payload, .. } = packet;
        let role = if *track == 0 { Role::Agent } else { Role::Customer };
        let seat = Seat { call: id, role };
        let Content::Speech(phone) = mark::read_sound(*codec, payload) else {
            panic!("the recording of call {id} stores what nobody said");
        };
        assert_eq!(
            self.seat(phone),
            Some(seat),
            "the recording of call {id} stores {phone:?} as its {role:?}"
        );
        let call = calls.call(id);
        assert!(
            call.linked.is_some_and(|linked| linked <= at),
            "the recording of call {id} begins before the answer"
        );
        assert!(call.over.is_none_or(|over| at <= over), "the recording of call {id} goes on after the end");
        calls.side(seat).stored += 1;
    }

    /// Whether a place may ever hear this.
    fn fits(&self, seat: Seat, content: Content) {
        let Seat { call, role } = seat;
        match content {
            Content::Speech(speaker) => {
                let from = self.seat(speaker);
                assert_eq!(from, Some(seat.opposite()), "the {role:?} of call {call} hears {speaker:?}");
            }
            Content::RingBack => {
                assert_eq!(role, Role::Agent, "the customer of call {call} hears ring-back");
            }
            // Whose it is is known by the digit.
            Content::Digit => {}
            // Where what is heard begins or ends it is faded, and no mark is left.
            Content::Unknown => {}
        }
    }
}
