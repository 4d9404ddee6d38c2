//! Two endpoints joined by a lossy link in virtual time. Everything that happens follows from the seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random, Wall};
use bytes::Bytes;
use sip::api::{Counts, DialogId, Ended, Event, Flow, Gate, Input, Invite, Output, Transport};
use sip::message::{Message, parse_datagram};
use sip::{Config, Endpoint};

/// More steps than these are no test, but two endpoints that never have enough of each other.
const STEPS_MAX: usize = 2_000_000;

/// Which endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// Who calls.
    A,
    /// Who is called.
    B,
}

/// How bad the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) loss_percent: u64,
    pub(crate) copy_percent: u64,
    /// Different delays reorder.
    pub(crate) delay_ms_max: u64,
}

/// What one side does at some moment.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Call {
        answer_any_within: Option<Duration>,
    },
    /// Calls under a name of its own.
    CallAs(String),
    Ring(u16),
    /// Sound before the answer.
    RingAloud,
    Accept,
    AcceptTwice,
    Reject(u16),
    /// Wants other media.
    Offer,
    End,
    /// The process dies and begins anew with the last tokens.
    Restart,
}

/// What a person does about one call once something happened to it.
#[derive(Clone, Debug)]
pub(crate) struct Habit {
    pub(crate) side: Side,
    pub(crate) once: Once,
    /// So long after that, drawn from the seed.
    pub(crate) after_ms: std::ops::Range<u64>,
    pub(crate) deed: Deed,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// The phone is called.
    Called,
    /// The other one answered.
    Answered,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) random: Random,
    pub(crate) link: Link,
    /// What is done about every call.
    pub(crate) habits: Vec<Habit>,
    sides: BTreeMap<Side, Player>,
    agenda: BTreeMap<(Mono, u64), Due>,
    packets: BTreeMap<(Mono, u64), (Side, Bytes)>,
    serial: u64,
    config: Config,
}

/// A deed, about one dialog or about all that are alive.
struct Due {
    side: Side,
    dialog: Option<DialogId>,
    deed: Deed,
}

pub(crate) struct Player {
    pub(crate) endpoint: Endpoint,
    /// All that was told, in order; begins anew with a restart.
    pub(crate) events: Vec<Event>,
    /// Living dialogs, and the token of each.
    pub(crate) alive: BTreeMap<DialogId, Bytes>,

    /// All that was sent, also before a restart.
    pub(crate) sent: Vec<Bytes>,
}

impl World {
    pub(crate) fn new(seed: u64, link: Link) -> World {
        World::with(seed, link, Config::default())
    }

    pub(crate) fn with(seed: u64, link: Link, config: Config) -> World {
        let mut random = Random::from_number(seed);
        let sides = [Side::A, Side::B]
            .map(|side| {
                let endpoint = Endpoint::new(config.clone(), random.fork());
                (side, Player { endpoint, events: Vec::new(), alive: BTreeMap::new(), sent: Vec::new() })
            })
            .into();
        let now = Now { mono: Mono::ZERO, wall: Wall::from_millis(1_790_000_000_000) };
        World {
            now,
            random,
            link,
            habits: Vec::new(),
            sides,
            agenda: BTreeMap::new(),
            packets: BTreeMap::new(),
            serial: 0,
            config,
        }
    }

    pub(crate) fn at(&mut self, ms: u64, side: Side, deed: Deed) {
        self.due(Mono::ZERO + Duration::from_millis(ms), Due { side, dialog: None, deed });
    }

    pub(crate) fn side(&self, side: Side) -> &Player {
        &self.sides[&side]
    }

    /// Lets everything happen that is due until `ms`.
    pub(crate) fn run_until(&mut self, ms: u64) {
        let end = Mono::ZERO + Duration::from_millis(ms);
        for _ in 0..STEPS_MAX {
            let Some(next) = self.next_moment().filter(|next| *next <= end) else {
                self.advance(end);
                return;
            };
            self.advance(next);
            self.step();
        }
        panic!("does not come to rest");
    }

    pub(crate) fn counts(&self, side: Side) -> Counts {
        self.sides[&side].endpoint.counts()
    }

    fn due(&mut self, at: Mono, due: Due) {
        self.serial += 1;
        self.agenda.insert((at, self.serial), due);
    }

    fn advance(&mut self, to: Mono) {
        self.now = self.now.later(to.since(self.now.mono));
    }

    fn next_moment(&self) -> Option<Mono> {
        let timers =
            self.sides.values().filter_map(|player| player.endpoint.next_timeout()).map(|(at, _)| at);
        let queued = [
            self.agenda.first_key_value().map(|(key, _)| key.0),
            self.packets.keys().next().map(|key| key.0),
        ];
        timers.chain(queued.into_iter().flatten()).min()
    }

    fn step(&mut self) {
        let due = |key: Option<&(Mono, u64)>, now: Mono| key.is_some_and(|key| key.0 <= now);
        while due(self.agenda.keys().next(), self.now.mono) {
            let (_, due) = self.agenda.pop_first().expect("one is due");
            self.perform(due);
        }
        while due(self.packets.keys().next(), self.now.mono) {
            let (_, (to, data)) = self.packets.pop_first().expect("one is due");
            let (now, flow) = (self.now, flow_at(to));
            self.player(to).endpoint.handle_input(now, Input::Datagram { flow, data: &data });
            self.drain(to);
        }
        for side in [Side::A, Side::B] {
            let now = self.now;
            if self.player(side).endpoint.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
                self.player(side).endpoint.handle_input(now, Input::Timeout);
                self.drain(side);
            }
        }
    }

    fn perform(&mut self, due: Due) {
        let Due { side, dialog, deed } = due;
        let now = self.now;
        if let Deed::Restart = deed {
            return self.restart(side);
        }
        let player = self.player(side);
        let is_meant = |id: &DialogId| dialog.is_none_or(|dialog| dialog == *id);
        let alive: Vec<DialogId> = player.alive.keys().copied().filter(is_meant).collect();
        let endpoint = &mut player.endpoint;
        if let Deed::Call { answer_any_within } = deed {
            let dialog = endpoint.invite(now, invite(flow_at(side), answer_any_within));
            player.alive.insert(dialog, Bytes::new());
        }
        if let Deed::CallAs(name) = &deed {
            let dialog =
                endpoint.invite(now, Invite { from_user: name.clone(), ..invite(flow_at(side), None) });
            player.alive.insert(dialog, Bytes::new());
        }
        for dialog in alive {
            match deed {
                Deed::Ring(status) => endpoint.ring(now, dialog, status, None),
                Deed::RingAloud => endpoint.ring(now, dialog, 183, Some("v=0 answer".into())),
                Deed::Accept => endpoint.accept(now, dialog, "v=0 answer".into()),
                Deed::AcceptTwice => {
                    let other = endpoint.accept_twice(now, dialog, "v=0 answer".into(), "v=0 other".into());
                    if let Some(other) = other {
                        player.alive.insert(other, Bytes::new());
                    }
                }
                Deed::Reject(status) => endpoint.reject(now, dialog, status),
                Deed::Offer => endpoint.offer(now, dialog, "v=0 new offer".into()),
                Deed::End => endpoint.end(now, dialog),
                Deed::Call { .. } | Deed::CallAs(_) | Deed::Restart => {}
            }
        }
        self.drain(side);
    }

    fn restart(&mut self, side: Side) {
        let (now, seed, config) = (self.now, self.random.fork(), self.config.clone());
        let player = self.player(side);
        let tokens: Vec<Bytes> = std::mem::take(&mut player.alive).into_values().collect();
        player.endpoint = Endpoint::new(config, seed);
        player.events.clear();
        for token in tokens {
            let dialog = player.endpoint.resume(now, &token).expect("our own token is understood");
            assert_eq!(player.endpoint.resume(now, &token), None, "it was taken up already");
            player.alive.insert(dialog, token);
        }
        self.drain(side);
    }

    fn drain(&mut self, side: Side) {
        while let Some(output) = self.player(side).endpoint.poll_output() {
            match output {
                Output::Connect { .. } | Output::Close { .. } => panic!("there are no streams here"),
                Output::Event(event) => {
                    let now = self.now;
                    let player = self.player(side);
                    // A person who is asked agrees at once.
                    if let Event::Reoffered { dialog, .. } = event {
                        player.endpoint.answer_offer(now, dialog, "v=0 new answer".into());
                    }
                    let once = match &event {
                        Event::Incoming { dialog, .. } => Some((Once::Called, *dialog)),
                        Event::Answered { dialog, .. } => Some((Once::Answered, *dialog)),
                        _ => None,
                    };
                    player.note(event);
                    if let Some((once, dialog)) = once {
                        self.follow_habits(side, once, dialog);
                    }
                }
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.flow, flow_at(side));
                    let begins = transmit.data.starts_with(b"INVITE ") && !is_inside(&transmit.data);
                    let gated = matches!(transmit.gate, Some(Gate::Invite(_)));
                    assert_eq!(gated, begins, "only an INVITE that begins waits for the log");
                    match transmit.gate {
                        Some(Gate::Invite(dialog)) => {
                            let token = &self.player(side).alive[&dialog];
                            assert!(!token.is_empty(), "the token comes before the INVITE");
                        }
                        Some(Gate::Ack(dialog)) => {
                            assert!(transmit.data.starts_with(b"ACK "), "nothing else waits as an ACK does");
                            let token = &self.player(side).alive[&dialog];
                            let has_bye = token.windows(4).any(|word| word == b"BYE ");
                            assert!(has_bye, "the token that can end the dialog comes before its ACK");
                        }
                        Some(Gate::Answer(dialog)) => {
                            assert!(transmit.data.starts_with(b"SIP/2.0 "), "nothing else answers");
                            // What refuses at the end is said again when all is forgotten.
                            let token = self.player(side).alive.get(&dialog);
                            assert!(
                                token.is_none_or(|token| !token.is_empty()),
                                "no token before the answer"
                            );
                        }
                        Some(Gate::Registered) => panic!("nobody registers here"),
                        None => {}
                    }
                    self.player(side).sent.push(transmit.data.clone());
                    self.carry(other(side), transmit.data);
                }
            }
        }
    }

    fn follow_habits(&mut self, side: Side, once: Once, dialog: DialogId) {
        let fits = |habit: &&Habit| habit.side == side && habit.once == once;
        let habits: Vec<Habit> = self.habits.iter().filter(fits).cloned().collect();
        for Habit { after_ms, deed, .. } in habits {
            let after_ms = after_ms.start + self.random.below(after_ms.end - after_ms.start);
            let at = self.now.mono + Duration::from_millis(after_ms);
            self.due(at, Due { side, dialog: Some(dialog), deed });
        }
    }

    /// Lets the network do its worst.
    fn carry(&mut self, to: Side, data: Bytes) {
        let copies = 1 + u64::from(self.random.chance(self.link.copy_percent));
        for _ in 0..copies {
            if !self.random.chance(self.link.loss_percent) {
                let delay_ms = 1 + self.random.below(self.link.delay_ms_max);
                self.serial += 1;
                let at = self.now.mono + Duration::from_millis(delay_ms);
                self.packets.insert((at, self.serial), (to, data.clone()));
            }
        }
    }

    fn player(&mut self, side: Side) -> &mut Player {
        self.sides.get_mut(&side).expect("both sides are there")
    }
}

impl Player {
    /// How every dialog that was told of ended, by its number.
    pub(crate) fn ended(&self) -> Vec<Ended> {
        let how = |event: &Event| match event {
            Event::Ended { how, .. } => Some(*how),
            _ => None,
        };
        self.events.iter().filter_map(how).collect()
    }

    /// How many events `is_it` says yes to.
    pub(crate) fn count(&self, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is_it(event)).count()
    }

    fn note(&mut self, event: Event) {
        match &event {
            Event::Incoming { dialog, .. } => {
                self.alive.insert(*dialog, Bytes::new());
            }
            Event::Token { dialog, token } => {
                self.alive.insert(*dialog, token.clone());
            }
            Event::Ended { dialog, .. } => {
                assert!(self.alive.remove(dialog).is_some(), "ended once, and nothing came after: {event:?}");
            }
            Event::Progress { dialog, .. }
            | Event::Answered { dialog, .. }
            | Event::Acknowledged { dialog, .. }
            | Event::Reoffered { dialog, .. }
            | Event::OfferAnswered { dialog, .. }
            | Event::OfferRefused { dialog, .. }
            | Event::Referred { dialog, .. }
            | Event::ReferralTold { dialog, .. }
            | Event::KeyPressed { dialog, .. } => {
                assert!(self.alive.contains_key(dialog), "nothing comes after the end: {event:?}");
            }
            Event::Bindings { .. }
            | Event::Registration { .. }
            | Event::Banned { .. }
            | Event::OwnRegistration { .. }
            | Event::Probed { .. } => {}
        }
        self.events.push(event);
    }
}

fn is_inside(data: &[u8]) -> bool {
    match parse_datagram(data) {
        Ok(Message::Request(request)) => request.headers.to().is_ok_and(|to| to.tag().is_some()),
        Ok(Message::Response(_)) | Err(_) => false,
    }
}

pub(crate) fn flow_at(side: Side) -> Flow {
    Flow { transport: Transport::Udp, local: address(side), remote: address(other(side)) }
}

pub(crate) fn invite(flow: Flow, answer_any_within: Option<Duration>) -> Invite {
    Invite {
        flow,
        uri: format!("sip:1002@{}", flow.remote),
        from_user: "1001".to_owned(),
        from_name: Some("One \"1\"".to_owned()),
        to_uri: "sip:1002@b.example".to_owned(),
        sdp: "v=0 offer".into(),
        credentials: None,
        answer_any_within,
        answer_mode: Default::default(),
        registration: None,
        identity: Default::default(),
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::A => Side::B,
        Side::B => Side::A,
    }
}

fn address(side: Side) -> SocketAddr {
    match side {
        Side::A => "10.0.0.1:5060",
        Side::B => "10.0.0.2:5060",
    }
    .parse()
    .expect("an address")
}
