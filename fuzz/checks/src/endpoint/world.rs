//! The endpoint, what is known of it from outside, and what must hold of everything that comes out of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random, Wall};
use bytes::Bytes;
use sip::api::{Counts, DialogId, Event, Flow, Input, Output, RegistrationId, Standing, Transmit, Transport};
use sip::digest::{Algorithm, Challenge};
use sip::message::{HeaderName, Message, Request, Response, parse_datagram};
use sip::{Config, Domain, Endpoint, Limits, RegistrarConfig, Reliability, SessionTimers, User};

use super::far::{Known, SDP};

/// How much of what was said is remembered.
const REMEMBERED_MAX: usize = 24;
/// What one message may make the endpoint send at once: an ACK, a BYE, a provisional answer, what waited for it.
const ANSWERS_MAX: usize = 8;
/// What each of those may have more than the message.
const ANSWER_EXTRA_BYTES_MAX: usize = 4096;
/// Deadlines until the endpoint is at rest.
const DEADLINES_MAX: usize = 50_000;
/// What an endpoint at rest may hold more than a new one: nonces that were used. As its own description of itself.
const REST_BYTES_MAX: usize = 16_384;

pub(super) struct World {
    pub(super) endpoint: Endpoint,
    pub(super) now: Now,
    /// What a new one says of itself.
    fresh: usize,
    /// What becomes of streams that it wants to open.
    opens: u8,
    /// What its user does while it hears of something.
    habits: u8,
    pub(super) open: BTreeSet<Flow>,
    pub(super) opening: BTreeSet<Flow>,
    /// Those that have not ended, with their latest tokens.
    pub(super) alive: BTreeMap<DialogId, Bytes>,
    pub(super) seen: Vec<DialogId>,
    pub(super) registrations: Vec<RegistrationId>,
    gone: BTreeSet<RegistrationId>,
    pub(super) tokens: VecDeque<Bytes>,
    /// Requests of the endpoint.
    pub(super) asked: VecDeque<(Flow, Request)>,
    /// Requests of far ends, and the last answer.
    pub(super) asks: VecDeque<(Flow, Request)>,
    pub(super) answered: Option<Response>,
    pub(super) known: VecDeque<Known>,
    pub(super) challenge: Option<Challenge>,
    /// Everything that was said, by either side.
    pub(super) said: VecDeque<(Flow, Bytes)>,
    pub(super) serial: usize,
    /// The names of all that it did, for those who want to know how far a script leads.
    pub(super) deeds: BTreeSet<String>,
}

impl World {
    pub(super) fn new(variant: u8, habits: u8) -> World {
        let endpoint = Endpoint::new(config(variant), Random::from_number(u64::from(variant)));
        World {
            fresh: format!("{endpoint:?}").len(),
            endpoint,
            now: Now { mono: Mono::from_micros(1), wall: Wall::from_millis(1_790_000_000_000) },
            opens: variant >> 6,
            habits,
            open: BTreeSet::new(),
            opening: BTreeSet::new(),
            alive: BTreeMap::new(),
            seen: Vec::new(),
            registrations: Vec::new(),
            gone: BTreeSet::new(),
            tokens: VecDeque::new(),
            asked: VecDeque::new(),
            asks: VecDeque::new(),
            answered: None,
            known: VecDeque::new(),
            challenge: None,
            said: VecDeque::new(),
            serial: 10,
            deeds: BTreeSet::new(),
        }
    }

    /// A path: three far ends by UDP, three by TCP.
    pub(super) fn flow(&self, which: u8) -> Flow {
        let transport = if which & 4 == 0 { Transport::Udp } else { Transport::Tcp };
        let remote = SocketAddr::from(([198, 51, 100, 9 + (which & 1)], 5070 + u16::from(which & 3) / 2));
        Flow { transport, local: "192.0.2.1:5060".parse().expect("an address"), remote }
    }

    /// The far end says something by `flow`.
    pub(super) fn hears(&mut self, flow: Flow, data: &[u8]) {
        remember(&mut self.said, (flow, Bytes::copy_from_slice(data)));
        match flow.transport {
            Transport::Udp => self.endpoint.handle_input(self.now, Input::Datagram { flow, data }),
            Transport::Tcp => {
                self.connects(flow);
                let (first, second) = data.split_at(data.len() / 2);
                self.endpoint.handle_input(self.now, Input::Stream { flow, data: first });
                self.drain();
                self.endpoint.handle_input(self.now, Input::Stream { flow, data: second });
            }
        }
        let (messages, bytes) = self.drain();
        if flow.transport == Transport::Udp {
            assert!(messages <= ANSWERS_MAX, "{messages} answers to one datagram");
            assert!(
                bytes <= messages * (data.len() + ANSWER_EXTRA_BYTES_MAX),
                "{bytes} bytes for {}",
                data.len()
            );
        }
    }

    /// The far end opens a stream, if it is not open.
    pub(super) fn connects(&mut self, flow: Flow) {
        if !self.open.contains(&flow) {
            self.opening.remove(&flow);
            self.open.insert(flow);
            self.endpoint.handle_input(self.now, Input::Connected { flow });
            self.drain();
        }
    }

    /// A stream is gone.
    pub(super) fn closes(&mut self, flow: Flow) {
        if self.open.remove(&flow) | self.opening.remove(&flow) {
            self.endpoint.handle_input(self.now, Input::Closed { flow });
            self.drain();
        }
    }

    /// Time passes.
    pub(super) fn waits(&mut self, for_how_long: Duration) {
        let end = self.now.later(for_how_long);
        for _ in 0..DEADLINES_MAX {
            let Some((at, kind)) = self.endpoint.next_timeout().filter(|(at, _)| *at <= end.mono) else {
                break;
            };
            self.now = self.now.later(at.since(self.now.mono));
            self.deeds.insert(format!("{kind:?}"));
            self.endpoint.handle_input(self.now, Input::Timeout);
            self.drain();
            let next = self.endpoint.next_timeout();
            assert!(next.is_none_or(|(next, _)| next > self.now.mono), "{kind:?} leads on");
        }
        self.now = end;
    }

    /// The user ends everything; then all deadlines pass.
    pub(super) fn comes_to_rest(&mut self) {
        for dialog in self.alive.keys().copied().collect::<Vec<_>>() {
            self.endpoint.end(self.now, dialog);
        }
        for registration in self.registrations.clone() {
            self.endpoint.unregister(self.now, registration);
        }
        self.opens = 0;
        self.drain();
        let mut deadlines = 0;
        while let Some((at, _)) = self.endpoint.next_timeout() {
            self.waits(at.since(self.now.mono));
            deadlines += 1;
            assert!(deadlines < DEADLINES_MAX, "it does not come to rest: {:?}", self.endpoint.counts());
        }
        assert!(self.alive.is_empty(), "ended: {:?}", self.alive);
        assert_eq!(self.gone.len(), self.registrations.len(), "taken back");
        for flow in self.opening.clone() {
            self.closes(flow);
        }
        assert_eq!(self.endpoint.counts(), Counts::default(), "at rest");
        let held = format!("{:?}", self.endpoint).len();
        assert!(
            held <= self.fresh + REST_BYTES_MAX,
            "{held} bytes are held at rest, {} by a new one",
            self.fresh
        );
    }

    /// Takes what comes out: how many messages were sent, and how many bytes.
    pub(super) fn drain(&mut self) -> (usize, usize) {
        let (mut messages, mut bytes, mut connects) = (0, 0, Vec::new());
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) => {
                    messages += 1;
                    bytes += transmit.data.len();
                    self.sent(&transmit);
                }
                Output::Connect { flow } => {
                    assert_eq!(flow.transport, Transport::Tcp);
                    assert!(!self.open.contains(&flow) && self.opening.insert(flow), "opened once");
                    connects.push(flow);
                }
                Output::Close { flow } => {
                    assert!(self.open.remove(&flow) | self.opening.remove(&flow), "there was a stream");
                }
                Output::Event(event) => self.told(event),
            }
        }
        for flow in connects {
            self.answers_connect(flow);
        }
        (messages, bytes)
    }

    fn answers_connect(&mut self, flow: Flow) {
        if !self.opening.contains(&flow) {
            return;
        }
        match self.opens {
            0 => self.closes(flow),
            1 => self.connects(flow),
            // Later, or never.
            _ => {}
        }
    }

    fn sent(&mut self, transmit: &Transmit) {
        let Transmit { flow, data, .. } = transmit;
        assert!(flow.transport == Transport::Udp || self.open.contains(flow), "by an open stream");
        if data.iter().all(|byte| b"\r\n".contains(byte)) {
            // It asks whether the far end is there, or answers that.
            return;
        }
        remember(&mut self.said, (*flow, data.clone()));
        if !crate::message::fits(data) {
            return;
        }
        match parse_datagram(data).expect("we write what can be read") {
            Message::Request(request) => {
                self.deeds.insert(request.method.to_string());
                remember(&mut self.asked, (*flow, request));
            }
            Message::Response(response) => self.heard_answer(response),
        }
    }

    fn heard_answer(&mut self, response: Response) {
        self.deeds.insert(response.status.to_string());
        let headers = &response.headers;
        let lines = headers.get(&HeaderName::From).zip(headers.get(&HeaderName::To));
        if let (Some((far, ours)), Ok(call_id)) = (lines, headers.call_id())
            && headers.to().is_ok_and(|to| to.tag().is_some())
        {
            let (call_id, far, ours) = (call_id.to_owned(), far.to_owned(), ours.to_owned());
            remember(&mut self.known, Known { call_id, far, ours });
        }
        if let Some(line) = headers.get(&HeaderName::WwwAuthenticate) {
            self.challenge = Challenge::parse(line).ok().flatten();
        }
        self.answered = Some(response);
    }

    fn told(&mut self, event: Event) {
        self.did(&event);
        match event {
            Event::Incoming { dialog, .. } => {
                self.begins(dialog);
                self.answers_at_once(dialog);
            }
            Event::Token { dialog, token } => {
                remember(&mut self.tokens, token.clone());
                *self.alive.get_mut(&dialog).expect("nothing comes after the end") = token;
            }
            Event::Ended { dialog, how, .. } => {
                self.did(&how);
                assert!(self.alive.remove(&dialog).is_some(), "it ends once");
            }
            Event::Reoffered { dialog, .. } if self.habits & 8 != 0 => {
                assert!(self.alive.contains_key(&dialog), "nothing comes after the end");
                self.endpoint.answer_offer(self.now, dialog, SDP.into());
            }
            Event::Referred { dialog, .. } if self.habits & 16 != 0 => {
                assert!(self.alive.contains_key(&dialog), "nothing comes after the end");
                self.endpoint.accept_refer(self.now, dialog);
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
                assert!(self.alive.contains_key(&dialog), "nothing comes after the end");
            }
            Event::OwnRegistration { registration, standing } => {
                assert!(!self.gone.contains(&registration), "nothing comes after the end");
                self.did(&standing);
                if standing == Standing::Gone {
                    self.gone.insert(registration);
                }
            }
            Event::Registration { .. }
            | Event::Bindings { .. }
            | Event::Banned { .. }
            | Event::Probed { .. } => {}
        }
    }

    /// Notes what was done, by its name without what is in it.
    fn did(&mut self, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        self.deeds.insert(text.split([' ', '(']).next().unwrap_or_default().to_owned());
    }

    fn answers_at_once(&mut self, dialog: DialogId) {
        match self.habits & 7 {
            1 => self.endpoint.reject(self.now, dialog, 486),
            2 => self.endpoint.ring(self.now, dialog, 183, Some(SDP.into())),
            3 => self.endpoint.accept(self.now, dialog, SDP.into()),
            _ => {}
        }
    }

    /// A dialog that was not there before.
    pub(super) fn begins(&mut self, dialog: DialogId) {
        assert!(self.alive.insert(dialog, Bytes::new()).is_none() && !self.seen.contains(&dialog));
        self.seen.push(dialog);
    }
}

pub(super) fn remember<T>(list: &mut VecDeque<T>, one: T) {
    list.push_front(one);
    list.truncate(REMEMBERED_MAX);
}

fn config(variant: u8) -> Config {
    let users = vec![User { name: "user".to_owned(), password: "secret".to_owned() }];
    let domains = vec![Domain { name: "example.com".to_owned(), users }];
    let algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
    let registrar = RegistrarConfig { domains, algorithms, ..RegistrarConfig::default() };
    let reliable = match variant & 3 {
        0 | 1 => Reliability::WhenAsked,
        2 => Reliability::WhenPossible,
        _ => Reliability::Never,
    };
    let limits = match variant & 4 {
        0 => Limits::default(),
        _ => Limits {
            server_transactions_max: 6,
            lingering_max: 6,
            dialogs_max: 3,
            bindings_max: 3,
            bindings_per_user_max: 2,
            connections_max: 2,
        },
    };
    Config {
        registrar: (variant & 8 == 0).then_some(registrar),
        reliable,
        session: (variant & 16 == 0).then(SessionTimers::default),
        large_by_tcp: variant & 32 != 0,
        limits,
        ..Config::default()
    }
}
