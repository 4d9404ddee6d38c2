//! The lab, its engine and one far end, a SIP endpoint with an engine of its own, on a wire of one millisecond, in
//! virtual time.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code outside test functions")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Mono, Now, Random, StreamId, Wall};
use bytes::Bytes;
use lab::{Config, LabEvent, PhoneConfig, PhoneWish, Prompt};
use media::api::{Command, Family, Signal, Source};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig};
use media::g711;
use media::rtp::Header;
use media::sdp::{self, Direction, LocalMedia};
use sip::api::{DialogId, Ended, Event, Flow, Invite, Transport};
use sip::message::{Host, Message, Method, NameAddr, parse_datagram};
use sip::{Domain, Endpoint, Listener, RegistrarConfig, User};

pub(crate) const DELAY: Duration = Duration::from_millis(1);
const STREAM: StreamId = StreamId(1);
const FAR_PORT: u16 = 40_000;
/// The far end's only domain, which goes by any name.
const DOMAIN: &str = "cordboard";

pub(crate) fn carrier() -> SocketAddr {
    "127.0.0.1:5070".parse().unwrap()
}

pub(crate) fn far() -> SocketAddr {
    "127.0.0.2:5060".parse().unwrap()
}

/// One SIP message as it left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Mono,
    pub(crate) from: SocketAddr,
    pub(crate) message: Message,
}

impl Sent {
    /// `INVITE`, or `180 INVITE` for its answer.
    pub(crate) fn name(&self) -> String {
        match &self.message {
            Message::Request(request) => request.method.to_string(),
            Message::Response(response) => {
                format!("{} {}", response.status, response.headers.cseq().unwrap().method)
            }
        }
    }
}

/// A packet that the far end received.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) at: Mono,
    pub(crate) header: Header,
    pub(crate) samples: Vec<i16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Lab,
    Far,
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    data: Bytes,
}

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) lab: lab::Lab,
    lab_engine: Engine,
    far: Endpoint,
    far_engine: Engine,
    addresses: Vec<SocketAddr>,
    wire: BTreeMap<(Mono, u64), Datagram>,
    posted: u64,
    sockets: BTreeMap<SocketAddr, (Side, StreamId)>,
    /// Percent of SIP datagrams that get lost.
    pub(crate) loss: u64,
    random: Random,
    /// Whether the lab's RTP sockets can be opened.
    pub(crate) lab_sockets_work: bool,
    codecs: &'static [Codec],
    /// Every SIP message, in order.
    pub(crate) sent: Vec<Sent>,
    /// Every packet of sound or digits for the far end.
    pub(crate) packets: Vec<Packet>,
    /// What the lab told, with milliseconds.
    pub(crate) happened: Vec<(u64, LabEvent)>,
    /// Digits that the far end was sent, with milliseconds.
    pub(crate) digits: Vec<(u64, char)>,
    pub(crate) answered: Vec<Option<Bytes>>,
    pub(crate) ended: Vec<Ended>,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(config())
    }

    pub(crate) fn with(config: Config) -> World {
        let engine = |seed| {
            let config = EngineConfig { sounds: lab::sounds(), streams_max: 64 };
            Engine::new(config, Random::from_number(seed))
        };
        let listener =
            Listener { bind: far(), advertised_host: Host::from(far().ip()), advertised_port: far().port() };
        let users = vec![User { name: "8005".to_owned(), password: "secret".to_owned() }];
        let domains = vec![Domain { name: DOMAIN.to_owned(), users }];
        let registrar = RegistrarConfig { domains, ..RegistrarConfig::default() };
        let far =
            sip::Config { listeners: vec![listener], registrar: Some(registrar), ..sip::Config::default() };
        let start = Now { mono: Mono::ZERO, wall: Wall::from_millis(1_790_000_000_000) };
        World {
            now: start,
            addresses: config.sip_addresses(),
            lab: lab::Lab::new(config, Random::from_number(1)),
            lab_engine: engine(2),
            far: Endpoint::new(far, Random::from_number(3)),
            far_engine: engine(4),
            wire: BTreeMap::new(),
            posted: 0,
            sockets: BTreeMap::new(),
            loss: 0,
            random: Random::from_number(5),
            lab_sockets_work: true,
            codecs: &[Codec::Pcma, Codec::Pcmu],
            sent: Vec::new(),
            packets: Vec::new(),
            happened: Vec::new(),
            digits: Vec::new(),
            answered: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(crate) fn losing(mut self, percent: u64, seed: u64) -> World {
        self.loss = percent;
        self.random = Random::from_number(seed);
        self
    }

    pub(crate) fn speaking(mut self, codecs: &'static [Codec]) -> World {
        self.codecs = codecs;
        self
    }

    /// The far end calls a number; its microphone hears `source`.
    pub(crate) fn call(&mut self, number: &str, source: Source) -> DialogId {
        self.call_at(carrier(), number, source)
    }

    pub(crate) fn call_at(&mut self, address: SocketAddr, number: &str, source: Source) -> DialogId {
        let offer = sdp::offer(self.local(1, Direction::SendRecv));
        self.open_far(source);
        self.invite(address, number, offer)
    }

    /// The far end calls without opening its own ears.
    pub(crate) fn invite(&mut self, address: SocketAddr, number: &str, sdp: Bytes) -> DialogId {
        let uri = format!("sip:{number}@{address}");
        let invite = Invite {
            flow: Flow { transport: Transport::Udp, local: far(), remote: address },
            uri: uri.clone(),
            from_user: "02258834811".to_owned(),
            from_name: None,
            to_uri: uri,
            sdp,
            credentials: None,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: Default::default(),
        };
        let dialog = self.far.invite(self.now, invite);
        self.drain();
        dialog
    }

    pub(crate) fn hang_up(&mut self, dialog: DialogId) {
        self.far.end(self.now, dialog);
        self.drain();
    }

    pub(crate) fn wish(&mut self, wish: PhoneWish) {
        self.lab.handle_input(self.now, lab::Input::Phone(wish));
        self.drain();
    }

    /// Bytes of the far end's making, past its endpoint.
    pub(crate) fn send_raw(&mut self, to: SocketAddr, message: Message) {
        let data = message.encode();
        self.post_sip(far(), to, data);
    }

    pub(crate) fn run_ms(&mut self, ms: u64) {
        let until = self.now.mono + Duration::from_millis(ms);
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.set_time(at);
            self.step();
        }
        self.set_time(until);
    }

    /// Runs until all that lingers is gone, and nothing may be left.
    pub(crate) fn come_to_rest(&mut self) {
        // RFC 3261: 64 x T1 = 32 s for a transaction, and a call that got lost on the way may need one after the other.
        self.run_ms(200_000);
        assert_eq!(self.lab.counts(), lab::Counts::default());
        assert_eq!(self.lab.next_timeout(), None);
        assert_eq!(self.lab_engine.streams(), 0);
        assert_eq!(self.lab_engine.next_timeout(), None);
        assert_eq!(self.far.counts(), sip::api::Counts::default());
        assert!(self.wire.is_empty());
    }

    /// What the lab sent, in milliseconds after the first INVITE reached it.
    pub(crate) fn answers(&self) -> Vec<(u64, String)> {
        let of_lab = self.sent.iter().filter(|sent| self.addresses.contains(&sent.from));
        of_lab.map(|sent| (self.ms(sent.at), sent.name())).collect()
    }

    /// The sound that the far end received, one packet after the other.
    pub(crate) fn heard(&self) -> Vec<i16> {
        self.packets.iter().flat_map(|packet| packet.samples.iter().copied()).collect()
    }

    /// Milliseconds since the first message reached its end.
    pub(crate) fn ms(&self, at: Mono) -> u64 {
        let first = self.sent.first().expect("something was sent").at + DELAY;
        u64::try_from(at.since(first).as_millis()).unwrap()
    }

    pub(crate) fn requests(&self, method: &Method) -> Vec<&Sent> {
        let is_it =
            |sent: &&Sent| matches!(&sent.message, Message::Request(request) if request.method == *method);
        self.sent.iter().filter(is_it).collect()
    }

    pub(crate) fn responses(&self, status: u16, method: &Method) -> Vec<&Sent> {
        let name = format!("{status} {method}");
        self.sent.iter().filter(|sent| sent.name() == name).collect()
    }

    pub(crate) fn contacts(&self, user: &str) -> Vec<sip::api::Binding> {
        self.far.contacts(DOMAIN, user)
    }

    /// How the far end describes its sound.
    pub(crate) fn local(&self, version: u64, direction: Direction) -> LocalMedia<'static> {
        LocalMedia {
            address: far().ip(),
            port: FAR_PORT,
            origin_id: 7,
            version,
            codecs: self.codecs,
            direction,
        }
    }

    fn open_far(&mut self, source: Source) {
        self.far_media(Command::Open { stream: STREAM, call: CallId(1), port: FAR_PORT, family: Family::V4 });
        self.far_media(Command::Hear { stream: STREAM, source });
    }

    pub(crate) fn far_media(&mut self, command: Command) {
        if let Command::Open { stream, port, .. } = &command {
            self.sockets.insert(SocketAddr::new(far().ip(), *port), (Side::Far, *stream));
        }
        self.far_engine.handle_command(self.now, command);
    }

    pub(crate) fn far_dials(&mut self, digits: &str) {
        self.far_media(Command::SendDigits { stream: STREAM, digits: digits.to_owned() });
    }

    fn set_time(&mut self, at: Mono) {
        self.now = self.now.later(at.since(self.now.mono));
    }

    fn next(&self) -> Option<Mono> {
        let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
        let deadlines = [
            self.lab.next_timeout().map(|(at, _)| at),
            self.lab_engine.next_timeout().map(|(at, _)| at),
            self.far.next_timeout().map(|(at, _)| at),
            self.far_engine.next_timeout().map(|(at, _)| at),
        ];
        wire.into_iter().chain(deadlines.into_iter().flatten()).min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= now.mono) {
            let datagram = entry.remove();
            self.deliver(datagram);
            self.drain();
        }
        if self.lab.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.lab.handle_input(now, lab::Input::Timeout);
            self.drain();
        }
        self.lab_engine.handle_timeout(now);
        self.drain();
        if self.far.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.far.handle_input(now, sip::api::Input::Timeout);
            self.drain();
        }
        self.far_engine.handle_timeout(now);
        self.drain();
    }

    fn deliver(&mut self, Datagram { from, to, data }: Datagram) {
        let flow = Flow { transport: Transport::Udp, local: to, remote: from };
        if self.addresses.contains(&to) {
            self.lab.handle_input(self.now, lab::Input::Datagram { flow, data: &data });
        } else if to == far() {
            self.far.handle_input(self.now, sip::api::Input::Datagram { flow, data: &data });
        } else if let Some((side, stream)) = self.sockets.get(&to).copied() {
            self.deliver_sound(side, stream, from, &data);
        }
    }

    fn deliver_sound(&mut self, side: Side, stream: StreamId, from: SocketAddr, data: &[u8]) {
        let engine = match side {
            Side::Lab => &mut self.lab_engine,
            Side::Far => {
                let header = Header::read(data).expect("the lab sends RTP");
                let law = Codec::of_payload(header.payload_number).and_then(Codec::law);
                let payload = &data[header.payload.clone()];
                let samples = law.map_or_else(Vec::new, |law| {
                    payload.iter().map(|byte| g711::decode(law, *byte)).collect()
                });
                self.packets.push(Packet { at: self.now.mono, header, samples });
                &mut self.far_engine
            }
        };
        let mut packet = data.to_vec();
        if let Some(forward) = engine.handle_rtp(self.now, stream, from, &mut packet) {
            packet.truncate(forward.len);
            self.post_sound(side, forward.stream, forward.to, Bytes::from(packet));
        }
    }

    /// Takes everything out of everyone until nobody has anything more.
    fn drain(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.lab.poll_output() {
                quiet = false;
                self.carry_out(output);
            }
            while let Some(output) = self.far.poll_output() {
                quiet = false;
                match output {
                    sip::api::Output::Transmit(transmit) => {
                        self.post_sip(transmit.flow.local, transmit.flow.remote, transmit.data);
                    }
                    sip::api::Output::Event(event) => self.heed(event),
                    sip::api::Output::Connect { .. } | sip::api::Output::Close { .. } => {
                        panic!("there are no streams here")
                    }
                }
            }
            while let Some(output) = self.lab_engine.poll_output() {
                quiet = false;
                self.carry_sound(Side::Lab, output);
            }
            while let Some(output) = self.far_engine.poll_output() {
                quiet = false;
                self.carry_sound(Side::Far, output);
            }
            if quiet {
                return;
            }
        }
    }

    fn carry_out(&mut self, output: lab::Output) {
        match output {
            lab::Output::Transmit { flow, data } => self.post_sip(flow.local, flow.remote, data),
            lab::Output::Connect { .. } | lab::Output::Close { .. } => panic!("there are no streams here"),
            lab::Output::Media(command) => self.lab_media(command),
            lab::Output::Happened(event) => {
                let at = if self.sent.is_empty() { 0 } else { self.ms(self.now.mono) };
                self.happened.push((at, event));
            }
        }
    }

    fn lab_media(&mut self, command: Command) {
        match &command {
            Command::Open { stream, .. } if !self.lab_sockets_work => {
                let failed = Signal::OpenFailed { stream: *stream };
                return self.lab.handle_input(self.now, lab::Input::Media(failed));
            }
            Command::Open { stream, port, .. } => {
                assert_eq!(port % 2, 0);
                let before =
                    self.sockets.insert(SocketAddr::new(carrier().ip(), *port), (Side::Lab, *stream));
                assert_eq!(before.map(|(_, stream)| stream), None, "port {port} is open already");
            }
            Command::Close { stream } => self.sockets.retain(|_, owner| *owner != (Side::Lab, *stream)),
            _ => {}
        }
        self.lab_engine.handle_command(self.now, command);
    }

    fn carry_sound(&mut self, side: Side, output: media::engine::Output) {
        match output {
            media::engine::Output::Send { stream, to, data } => self.post_sound(side, stream, to, data),
            media::engine::Output::Signal(signal) if side == Side::Lab => {
                self.lab.handle_input(self.now, lab::Input::Media(signal));
            }
            media::engine::Output::Signal(Signal::Digit { digit, .. }) => {
                self.digits.push((self.ms(self.now.mono), digit));
            }
            media::engine::Output::Signal(_) => {}
            media::engine::Output::Report { .. } => panic!("nobody takes part in RTCP"),
            media::engine::Output::Store(stored) => panic!("nobody records here: {stored:?}"),
        }
    }

    /// The far end's mind: it listens to what is offered, and answers whoever calls.
    fn heed(&mut self, event: Event) {
        match event {
            Event::Progress { sdp, .. } => self.agree(sdp.as_deref()),
            Event::Answered { sdp, .. } => {
                self.agree(sdp.as_deref());
                self.answered.push(sdp);
            }
            Event::Incoming { dialog, sdp, .. } => {
                self.open_far(Source::Sound { sound: Prompt::Agent.index(), looped: true });
                let (answer, terms) =
                    sdp::answer(&sdp.expect("phones offer"), self.local(1, Direction::SendRecv))
                        .expect("phones speak G.711");
                self.far_media(Command::Agree { stream: STREAM, terms });
                self.far.accept(self.now, dialog, answer);
            }
            Event::Ended { how, .. } => {
                self.ended.push(how);
                self.far_media(Command::Close { stream: STREAM });
            }
            Event::Acknowledged { .. }
            | Event::Reoffered { .. }
            | Event::OfferAnswered { .. }
            | Event::OfferRefused { .. }
            | Event::Referred { .. }
            | Event::ReferralTold { .. }
            | Event::KeyPressed { .. }
            | Event::Token { .. }
            | Event::Bindings { .. }
            | Event::Registration { .. }
            | Event::Banned { .. }
            | Event::OwnRegistration { .. }
            | Event::Probed { .. } => {}
        }
    }

    fn agree(&mut self, sdp: Option<&[u8]>) {
        if let Some(sdp) = sdp {
            let terms =
                sdp::read_answer(self.local(1, Direction::SendRecv), sdp).expect("the lab answers well");
            self.far_media(Command::Agree { stream: STREAM, terms });
        }
    }

    fn post_sip(&mut self, from: SocketAddr, to: SocketAddr, data: Bytes) {
        let message = parse_datagram(&data).expect("well formed");
        self.sent.push(Sent { at: self.now.mono, from, message });
        if !self.random.chance(self.loss) {
            self.post(from, to, data);
        }
    }

    fn post_sound(&mut self, side: Side, stream: StreamId, to: SocketAddr, data: Bytes) {
        let socket = self.sockets.iter().find(|(_, owner)| **owner == (side, stream));
        let (from, _) = socket.expect("nobody sends from a closed socket");
        self.post(*from, to, data);
    }

    fn post(&mut self, from: SocketAddr, to: SocketAddr, data: Bytes) {
        self.posted += 1;
        self.wire.insert((self.now.mono + DELAY, self.posted), Datagram { from, to, data });
    }
}

/// Two agents' mobiles and a registering phone.
pub(crate) fn config() -> Config {
    let phone = PhoneConfig {
        user: "8005".to_owned(),
        password: "secret".to_owned(),
        local: "127.0.0.1:5071".parse().unwrap(),
        registrar: far(),
        domain: far().ip().to_string(),
    };
    Config {
        agents_mobiles: vec!["13900008000".to_owned(), "13900008001".to_owned()],
        phones: vec![phone],
        ..Config::new(carrier(), 31_000..=31_099)
    }
}

/// What a prompt sounds like after G.711, filled up to whole packets.
pub(crate) fn as_sent(prompt: Prompt, codec: Codec) -> Vec<i16> {
    let mut samples: Vec<i16> = lab::prompt_samples(prompt);
    samples.resize(samples.len().next_multiple_of(160), 0);
    let law = codec.law().expect("these tests speak G.711");
    samples.into_iter().map(|sample| g711::decode(law, g711::encode(law, sample))).collect()
}

/// Asserts that `heard` is `expected`, again and again, and at least `ms_min` of it.
#[track_caller]
pub(crate) fn assert_repeats(heard: &[i16], expected: &[i16], ms_min: usize) {
    assert!(heard.len() >= ms_min * 8, "heard {} ms only", heard.len() / 8);
    let differs = heard.iter().zip(expected.iter().cycle()).position(|(heard, expected)| heard != expected);
    assert_eq!(differs, None, "differs after {} samples", differs.unwrap_or_default());
}

pub(crate) fn to_tag(sent: &Sent) -> String {
    let to: NameAddr = sent.message.headers().to().unwrap();
    to.tag().unwrap().to_owned()
}
