//! Everybody out there: the far ends of one kind of world, or the lab of the other.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random};
use bytes::Bytes;
use lab::{PhoneId, Tone};

use crate::Kind;
use crate::far::{self, Far};
use crate::knobs::Knobs;
use crate::lab_host::LabHost;
use crate::setup;
use crate::wire::Wire;

/// A far end that hears nothing for longer than a BYE is repeated (32 s) may stay on the line: nobody can tell it.
const DEAF_MS_MAX: u64 = 15_000;

/// Everybody but the switch.
pub(crate) enum People {
    Adversaries { fars: Vec<Far>, told: VecDeque<Told> },
    Lab(Box<LabHost>),
}

/// What the world is told.
#[derive(Debug)]
pub(crate) enum Told {
    /// A datagram leaves.
    Sends { from: SocketAddr, to: SocketAddr, data: Bytes },
    /// The INVITE that just arrived calls a phone of the lab.
    Called { phone: PhoneId, number: String },
    /// A phone of the lab calls the switch by this number, and shows this one.
    Calls { phone: PhoneId, shown: String },
    /// An RTP packet arrived at a phone of the lab.
    Hears { phone: PhoneId, packet: Vec<u8> },
    /// A phone of the lab was sent a digit.
    HearsDigit { phone: PhoneId, digit: char },
    /// A phone of the lab cannot open its sockets, and leaves its call.
    Falters { phone: PhoneId },
    /// A phone of the lab says this tone from now on.
    Speaks { phone: PhoneId, tone: Tone },
    /// A phone of the lab holds or takes back by itself: until then nothing is known of its sound.
    Turns { phone: PhoneId, until: Mono },
}

/// What somebody did that nobody asked for.
#[derive(Debug)]
pub(crate) enum Misdeed {
    /// Nothing that concerns a call.
    Harmless,
    /// Somebody is out of reach, or out of order.
    Unreachable { until: Mono },
    /// A phone left its call.
    HungUp(PhoneId),
    /// Keys were pressed at a phone.
    Pressed(PhoneId, String),
}

impl People {
    pub(crate) fn new(now: Now, knobs: &Knobs, random: &mut Random) -> People {
        match knobs.kind {
            Kind::Adversaries => {
                People::Adversaries { fars: adversaries(now, knobs, random), told: VecDeque::new() }
            }
            Kind::Lab | Kind::Verbs => People::Lab(Box::new(LabHost::new(now, knobs, random))),
        }
    }

    /// Whether somebody heard the datagram.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Now,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
    ) -> bool {
        match self {
            People::Adversaries { fars, told } => {
                let Some(far) = fars.iter_mut().find(|far| far.address == to) else { return false };
                let heard = far.handle_datagram(now, data);
                drain(now, far, told);
                heard
            }
            People::Lab(lab) => lab.handle_datagram(now, from, to, data),
        }
    }

    /// The phone of the lab that is at an address, if one is.
    pub(crate) fn phone_at(&self, address: SocketAddr) -> Option<PhoneId> {
        match self {
            People::Adversaries { .. } => None,
            People::Lab(lab) => lab.phone_at(address),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        match self {
            People::Adversaries { fars, told } => {
                for far in fars.iter_mut() {
                    if far.next_timeout().is_some_and(|due| due <= now.mono) {
                        far.handle_timeout(now);
                    }
                    drain(now, far, told);
                }
            }
            People::Lab(lab) => lab.handle_timeout(now),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        match self {
            People::Adversaries { fars, .. } => fars.iter().filter_map(Far::next_timeout).min(),
            People::Lab(lab) => lab.next_timeout(),
        }
    }

    pub(crate) fn poll_told(&mut self) -> Option<Told> {
        match self {
            People::Adversaries { told, .. } => told.pop_front(),
            People::Lab(lab) => lab.poll_told(),
        }
    }

    /// Somebody breaks down for a while, bothers us, or leaves.
    pub(crate) fn misbehave(&mut self, now: Now, random: &mut Random) -> Misdeed {
        match self {
            People::Adversaries { fars, told } => {
                let limit = u64::try_from(fars.len()).expect("few far ends");
                let far = &mut fars[usize::try_from(random.below(limit)).expect("few far ends")];
                let misdeed = misbehave(now, far, random);
                drain(now, far, told);
                misdeed
            }
            People::Lab(lab) => lab.misbehave(now, random),
        }
    }

    /// Somebody calls by a trunk for which there is a route.
    pub(crate) fn call_in(&mut self, now: Now, knobs: &Knobs, random: &mut Random) {
        match self {
            People::Adversaries { fars, told } => {
                let far = &mut fars[usize::try_from(random.below(knobs.trunks)).expect("few far ends")];
                far.call_in(now);
                drain(now, far, told);
            }
            People::Lab(lab) => lab.call_in(now, random),
        }
    }

    /// Phones whose registration was dropped, and that were refused since, try again.
    pub(crate) fn sign_in_again(&mut self, now: Now, knobs: &Knobs) {
        match self {
            People::Adversaries { fars, .. } => {
                let trunks = usize::try_from(knobs.trunks).expect("few far ends");
                for (n, phone) in (0..knobs.agents).zip(fars.iter_mut().skip(trunks)) {
                    phone.register(now, &setup::agent_number(n), setup::PASSWORD, setup::DOMAIN);
                }
            }
            // They were never dropped.
            People::Lab(_) => {}
        }
    }

    pub(crate) fn heal(&mut self, now: Now) {
        match self {
            // What ails them ends by itself.
            People::Adversaries { .. } => {}
            People::Lab(lab) => lab.heal(now),
        }
    }

    /// The end is near: whoever can signs out.
    pub(crate) fn say_good_bye(&mut self, now: Now) {
        match self {
            People::Adversaries { .. } => {}
            People::Lab(lab) => lab.say_good_bye(now),
        }
    }

    /// Between any two happenings.
    pub(crate) fn check(&self) {
        match self {
            People::Adversaries { .. } => {}
            People::Lab(lab) => lab.check(),
        }
    }

    /// Nobody is left on the line, but for those who were never heard.
    pub(crate) fn assert_at_rest(&self, wire: &Wire) {
        match self {
            People::Adversaries { fars, .. } => {
                for far in fars {
                    let in_vain = wire.unheard(far.address);
                    assert!(far.dialogs() <= in_vain, "the far end {} was left on the line", far.address);
                }
            }
            People::Lab(lab) => lab.assert_at_rest(wire),
        }
    }

    /// After the good-bye.
    pub(crate) fn assert_gone(&self, wire: &Wire) {
        match self {
            People::Adversaries { .. } => self.assert_at_rest(wire),
            People::Lab(lab) => lab.assert_gone(wire),
        }
    }
}

fn adversaries(now: Now, knobs: &Knobs, random: &mut Random) -> Vec<Far> {
    let switch = setup::switch_address();
    let at = |n: u64| usize::try_from(n).expect("few far ends of a kind");
    let mut fars = Vec::new();
    for n in 0..knobs.trunks {
        fars.push(Far::new(far::address(setup::TRUNKS_NET, at(n)), switch, random.fork()));
    }
    for n in 0..knobs.agents {
        let mut phone = Far::new(far::address(setup::PHONES_NET, at(n)), switch, random.fork());
        phone.register(now, &setup::agent_number(n), setup::PASSWORD, setup::DOMAIN);
        fars.push(phone);
    }
    fars.push(Far::new(far::address(setup::DESK_NET, 0), switch, random.fork()));
    fars
}

fn misbehave(now: Now, far: &mut Far, random: &mut Random) -> Misdeed {
    let a_while = Duration::from_millis(random.below(DEAF_MS_MAX));
    match random.below(3) {
        0 => {
            let until = now.mono + a_while;
            far.go_deaf(until);
            Misdeed::Unreachable { until }
        }
        1 => {
            let until = now.mono + a_while * 3;
            far.become_unavailable(until);
            Misdeed::Unreachable { until }
        }
        _ => {
            far.call_switch(now);
            Misdeed::Harmless
        }
    }
}

fn drain(now: Now, far: &mut Far, told: &mut VecDeque<Told>) {
    let (from, to) = (far.address, setup::switch_address());
    told.extend(far.drain(now).into_iter().map(|data| Told::Sends { from, to, data }));
}
