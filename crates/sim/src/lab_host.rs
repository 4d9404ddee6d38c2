//! The lab as a far end of the world: its phones, its media thread, and the wishes of those who hold the phones.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{Mono, Now, Random, Timers};
use lab::behaviour::Step;
use lab::{Caller, Counts, Input, Lab, LabEvent, Output, PhoneConfig, PhoneId, PhoneWish, Prompt};
use media::sdp::Direction;
use sip::api::{Flow, Transport};

use crate::Kind;
use crate::contract::ENDINGS;
use crate::far;
use crate::knobs::Knobs;
use crate::mark;
use crate::media_thread::{Made, MediaThread};
use crate::people::{Misdeed, Told};
use crate::setup;
use crate::voice::Choir;
use crate::wire::Wire;

/// How long the whole lab may be out of reach.
const CUT_OFF_MS_MAX: u64 = 15_000;
/// How long a phone stays signed out.
const SIGNED_OUT_MS_MAX: u64 = 10_000;
/// How long it takes until a phone that takes back is heard as before.
const TURN_MAX: Duration = Duration::from_secs(6);
/// What customers do who called and were answered.
const CALLERS: &[&[Step]] = &[
    &[],
    &[Step::Repeat(Prompt::Customer)],
    &[Step::Repeat(Prompt::Customer), Step::Wait(Duration::from_secs(4)), Step::HangUp],
    &[Step::HangUp],
];
const RTP_PORTS: std::ops::RangeInclusive<u16> = 30_000..=30_999;

/// The lab and what is around it.
pub(crate) struct LabHost {
    lab: Lab,
    thread: MediaThread,
    config: lab::Config,
    /// Phones in a call, with their numbers.
    phones: BTreeMap<PhoneId, String>,
    /// In worlds where voices are tones.
    choir: Option<Choir>,
    /// Those that hold by themselves.
    turned: BTreeMap<PhoneId, Mono>,
    /// When users sign in again.
    sign_ins: Timers<String>,
    /// How many called the switch by the trunk: each shows a number of its own.
    callers: u64,
    /// Nothing reaches it or leaves it until then.
    cut_off_until: Mono,
    told: VecDeque<Told>,
}

impl LabHost {
    /// All phones sign in at once.
    pub(crate) fn new(now: Now, knobs: &Knobs, random: &mut Random) -> LabHost {
        let carrier = setup::carrier_address();
        let phones = (0..knobs.agents).map(phone_config).collect();
        let agents_mobiles = (0..knobs.agents).map(setup::mobile).collect();
        let config = lab::Config { agents_mobiles, phones, ..lab::Config::new(carrier, RTP_PORTS) };
        let mut host = LabHost {
            lab: Lab::new(config.clone(), random.fork()),
            thread: MediaThread::new(media_address(), lab::sounds(), knobs.ports_unusable, random.fork()),
            config,
            phones: BTreeMap::new(),
            choir: (knobs.kind == Kind::Verbs).then(Choir::default),
            turned: BTreeMap::new(),
            sign_ins: Timers::default(),
            callers: 0,
            cut_off_until: Mono::ZERO,
            told: VecDeque::new(),
        };
        for phone in &host.config.phones {
            host.sign_ins.set(phone.user.clone(), now.mono);
        }
        host
    }

    /// Whether it heard the datagram.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Now,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
    ) -> bool {
        if now.mono < self.cut_off_until {
            return false;
        }
        if to.ip() == media_address() && to != self.config.sip_local {
            if let Some(stream) = self.thread.stream_at(to.port()) {
                let phone = PhoneId(stream.0);
                self.told.push_back(Told::Hears { phone, packet: data.to_vec() });
                self.thread.handle_packet(now, to.port(), from, data);
                self.drain(now);
            }
            return true;
        }
        let known = self.config.sip_addresses().contains(&to);
        if known {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from };
            self.input(now, Input::Datagram { flow, data });
        }
        known
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if self.lab.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.input(now, Input::Timeout);
        }
        self.thread.handle_timeout(now);
        self.drain(now);
        while let Some(user) = self.sign_ins.pop_due(now.mono) {
            self.wish(now, PhoneWish::SignIn { user });
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        let lab = self.lab.next_timeout().map(|(at, _)| at);
        let sign_in = self.sign_ins.next().map(|(at, _)| at);
        lab.into_iter().chain(self.thread.next_timeout()).chain(sign_in).min()
    }

    pub(crate) fn poll_told(&mut self) -> Option<Told> {
        self.told.pop_front()
    }

    /// The phone that is at an address.
    pub(crate) fn phone_at(&self, address: SocketAddr) -> Option<PhoneId> {
        let is_ours = address.ip() == media_address();
        self.thread.stream_at(address.port()).filter(|_| is_ours).map(|stream| PhoneId(stream.0))
    }

    /// Somebody does something that nobody asked for.
    pub(crate) fn misbehave(&mut self, now: Now, random: &mut Random) -> Misdeed {
        let deeds = if self.choir.is_some() { 12 } else { 6 };
        match random.below(deeds) {
            0 => {
                self.cut_off_until = now.mono + Duration::from_millis(random.below(CUT_OFF_MS_MAX));
                Misdeed::Unreachable { until: self.cut_off_until }
            }
            1 => {
                let user = self.some_user(random);
                let a_while = Duration::from_millis(random.below(SIGNED_OUT_MS_MAX));
                self.sign_ins.set(user.clone(), now.mono + a_while);
                self.wish(now, PhoneWish::SignOut { user });
                Misdeed::Harmless
            }
            2 => {
                let from = match random.chance(50) {
                    true => Caller::Phone { user: self.some_user(random) },
                    false => {
                        let number = "02258834811".to_owned();
                        Caller::Customer { number, switch: setup::switch_address() }
                    }
                };
                self.wish(now, PhoneWish::Dial { from, to: "1001".to_owned(), then: &[] });
                Misdeed::Harmless
            }
            3 => match self.some_phone(random) {
                Some(phone) => {
                    self.wish(now, PhoneWish::HangUp { phone });
                    Misdeed::HungUp(phone)
                }
                None => Misdeed::Harmless,
            },
            6 | 7 => self.turn(now, random),
            8 | 9 => self.refer(now, random),
            10 => self.take_a_second_line(now, random),
            11 => {
                if let Some(phone) = self.some_phone(random) {
                    let keys = random.below(100).to_string();
                    self.wish(now, PhoneWish::PressByInfo { phone, keys });
                }
                Misdeed::Harmless
            }
            _ => match self.some_phone(random) {
                Some(phone) => {
                    let key = random.below(10).to_string();
                    self.wish(now, PhoneWish::SendDigits { phone, digits: key.clone() });
                    Misdeed::Pressed(phone, key)
                }
                None => Misdeed::Harmless,
            },
        }
    }

    /// A phone holds, or takes back, and others may not have heard of it for a while.
    fn turn(&mut self, now: Now, random: &mut Random) -> Misdeed {
        let Some(phone) = self.some_phone(random) else { return Misdeed::Harmless };
        let (turned, is_partly) = (self.turned.remove(&phone), random.chance(70));
        if let Some(at) = turned.filter(|at| now.mono.since(*at) < TURN_MAX) {
            // Its last offer may be open yet, and a phone makes one at a time.
            self.turned.insert(phone, at);
            return Misdeed::Harmless;
        }
        let direction = match (turned, is_partly) {
            (Some(_), _) => Direction::SendRecv,
            (None, true) => Direction::SendOnly,
            (None, false) => Direction::Inactive,
        };
        let until = match direction {
            Direction::SendRecv => now.mono + TURN_MAX,
            Direction::SendOnly | Direction::RecvOnly | Direction::Inactive => {
                self.turned.insert(phone, now.mono);
                Mono::from_micros(u64::MAX)
            }
        };
        self.told.push_back(Told::Turns { phone, until });
        self.wish(now, PhoneWish::Turn { phone, direction });
        Misdeed::Harmless
    }

    /// A phone wants to hand its call on: to somebody, or to whom it talks on its other line.
    fn refer(&mut self, now: Now, random: &mut Random) -> Misdeed {
        let Some(phone) = self.some_phone(random) else { return Misdeed::Harmless };
        let number = self.phones.get(&phone).cloned().unwrap_or_default();
        let other = self.phones.iter().find(|(other, of)| **other != phone && **of == number);
        let other = other.map(|(other, _)| *other).filter(|_| random.chance(80));
        let to = self.somebody(random);
        self.wish(now, PhoneWish::Refer { phone, to, replaces: other });
        Misdeed::Harmless
    }

    /// The phone of an agent in a call holds it and calls somebody else by itself.
    fn take_a_second_line(&mut self, now: Now, random: &mut Random) -> Misdeed {
        let users: Vec<_> = self.config.phones.iter().map(|phone| phone.user.clone()).collect();
        let first = self.phones.iter().find(|(_, number)| users.contains(number));
        let Some((phone, user)) = first.map(|(phone, user)| (*phone, user.clone())) else {
            return Misdeed::Harmless;
        };
        self.told.push_back(Told::Turns { phone, until: Mono::from_micros(u64::MAX) });
        self.turned.insert(phone, now.mono);
        self.wish(now, PhoneWish::Turn { phone, direction: Direction::SendOnly });
        let (from, to) = (Caller::Phone { user }, self.somebody(random));
        self.wish(now, PhoneWish::Dial { from, to, then: &[Step::Repeat(Prompt::Agent)] });
        Misdeed::Harmless
    }

    fn somebody(&self, random: &mut Random) -> String {
        match random.chance(50) {
            true => self.some_user(random),
            false => setup::magic_customer(random.below(100_000), random),
        }
    }

    /// A customer calls by the trunk.
    pub(crate) fn call_in(&mut self, now: Now, random: &mut Random) {
        let pick = |random: &mut Random, n: usize| {
            let limit = u64::try_from(n).expect("a small table");
            usize::try_from(random.below(limit)).expect("below a small table's length")
        };
        let to = setup::routed(ENDINGS[pick(random, ENDINGS.len())]);
        let then = CALLERS[pick(random, CALLERS.len())];
        self.callers += 1;
        let number = format!("138{:08}", self.callers);
        let from = Caller::Customer { number, switch: setup::switch_address() };
        self.wish(now, PhoneWish::Dial { from, to, then });
    }

    /// From now on every socket opens and everybody is signed in.
    pub(crate) fn heal(&mut self, now: Now) {
        self.thread.heal();
        while let Some(user) = self.sign_ins.next().map(|(_, user)| user.clone()) {
            self.sign_ins.cancel(&user);
            self.wish(now, PhoneWish::SignIn { user });
        }
    }

    /// All phones sign out.
    pub(crate) fn say_good_bye(&mut self, now: Now) {
        for user in self.config.phones.iter().map(|phone| phone.user.clone()).collect::<Vec<_>>() {
            self.wish(now, PhoneWish::SignOut { user });
        }
    }

    /// The ports in use are those of the streams that are open, and of phones in a call.
    pub(crate) fn check(&self) {
        let counts = self.lab.counts();
        assert_eq!(counts.ports, self.thread.wanted(), "the lab's ports in use are not those of its streams");
        assert!(counts.ports <= counts.phones, "the lab has more ports in use than phones in a call");
        assert_eq!(counts.phones, self.phones.len(), "the lab has other phones in a call than it told");
    }

    /// No phone is in a call, but for those that were never heard.
    pub(crate) fn assert_at_rest(&self, wire: &Wire) {
        self.check();
        self.thread.assert_at_rest();
        let counts = self.lab.counts();
        assert_eq!(counts.timers, counts.phones, "phones that left have deadlines");
        assert_eq!(counts.sip.dialogs, counts.phones, "dialogs of phones that left");
        let in_vain: usize = self.config.sip_addresses().iter().map(|address| wire.unheard(*address)).sum();
        assert!(counts.phones <= in_vain, "phones were left on the line: {:?}", self.phones);
    }

    /// Nothing is left at all, but for phones that were never heard.
    pub(crate) fn assert_gone(&self, wire: &Wire) {
        self.assert_at_rest(wire);
        if self.phones.is_empty() {
            assert_eq!(self.lab.counts(), Counts::default(), "the lab holds something");
        }
    }

    fn wish(&mut self, now: Now, wish: PhoneWish) {
        self.input(now, Input::Phone(wish));
    }

    fn input(&mut self, now: Now, input: Input<'_>) {
        self.lab.handle_input(now, input);
        self.drain(now);
    }

    /// The lab commands its media thread and hears of it at once: they are one program on one machine.
    fn drain(&mut self, now: Now) {
        loop {
            while let Some(output) = self.lab.poll_output() {
                match output {
                    Output::Transmit { flow, data } => self.send(now, flow.local, flow.remote, data.to_vec()),
                    Output::Connect { .. } | Output::Close { .. } => {
                        panic!("the simulation has no streams, and nobody in it wants one")
                    }
                    Output::Media(command) => self.thread.handle_command(now, command),
                    Output::Happened(event) => self.happened(event),
                }
            }
            match self.thread.poll_made() {
                None => return,
                Some(Made::Signal(signal)) => {
                    if let media::api::Signal::OpenFailed { stream } = signal {
                        self.told.push_back(Told::Falters { phone: PhoneId(stream.0) });
                    }
                    self.lab.handle_input(now, Input::Media(signal));
                }
                Some(Made::Packet { stream, from, to, data }) => {
                    let mut packet = data.to_vec();
                    match &mut self.choir {
                        Some(choir) => choir.sing(PhoneId(stream.0), &mut packet),
                        None => mark::write(PhoneId(stream.0), &mut packet),
                    }
                    self.send(now, from, to, packet);
                }
                Some(Made::Stored { call, .. }) => panic!("the lab records nothing: {call}"),
            }
        }
    }

    fn send(&mut self, now: Now, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        if now.mono >= self.cut_off_until {
            self.told.push_back(Told::Sends { from, to, data: data.into() });
        }
    }

    fn happened(&mut self, event: LabEvent) {
        match event {
            LabEvent::PhoneCalled { phone, number, .. } => {
                self.joins(phone, number.clone());
                self.told.push_back(Told::Called { phone, number });
            }
            LabEvent::PhoneDialled { phone, number, to } => {
                self.joins(phone, number.clone());
                if setup::is_routed(&to) {
                    self.told.push_back(Told::Calls { phone, shown: number });
                }
            }
            LabEvent::Ended { phone, .. } => {
                assert!(self.phones.remove(&phone).is_some(), "{phone:?} left twice");
                self.turned.remove(&phone);
                self.choir.iter_mut().for_each(|choir| choir.take(phone));
            }
            LabEvent::DigitHeard { phone, digit } => {
                self.told.push_back(Told::HearsDigit { phone, digit });
            }
            LabEvent::PhoneRang { .. }
            | LabEvent::PhoneAnswered { .. }
            | LabEvent::SoundHeard { .. }
            | LabEvent::Hears { .. }
            | LabEvent::Reoffered { .. }
            | LabEvent::ReferralTold { .. }
            | LabEvent::Registration { .. } => {}
        }
    }

    fn joins(&mut self, phone: PhoneId, number: String) {
        self.phones.insert(phone, number);
        if let Some(choir) = &mut self.choir {
            let voice = choir.give(phone);
            self.told.extend(voice.map(|tone| Told::Speaks { phone, tone }));
        }
    }

    fn some_user(&self, random: &mut Random) -> String {
        let n = random.below(u64::try_from(self.config.phones.len()).expect("few phones"));
        setup::agent_number(n)
    }

    fn some_phone(&self, random: &mut Random) -> Option<PhoneId> {
        let n = u64::try_from(self.phones.len()).expect("few phones");
        let at = usize::try_from(random.below(n.max(1))).expect("few phones");
        self.phones.keys().nth(at).copied()
    }
}

fn phone_config(n: u64) -> PhoneConfig {
    PhoneConfig {
        user: setup::agent_number(n),
        password: setup::PASSWORD.to_owned(),
        local: far::address(setup::PHONES_NET, usize::try_from(n).expect("few agents")),
        registrar: setup::switch_address(),
        domain: setup::DOMAIN.to_owned(),
    }
}

fn media_address() -> IpAddr {
    setup::carrier_address().ip()
}
