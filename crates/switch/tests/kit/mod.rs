//! A bench: one switch, phones and carriers played by hand on SIP endpoints, a network without loss or delay, and a log
//! that commits at once unless told otherwise.

#![allow(dead_code, reason = "each test file uses a part of the kit")]

pub(crate) mod floor;

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, LogNo, Mono, Now, Random, StreamId, Wall};
use bytes::Bytes;
use callcenter::command::{Accepted, Choice, Command, DialOut, GroupRule, LoginType, Refusal};
use callcenter::config::{
    Account, AccountStatus, Agent, AgentStatus, DialoutRingAt, Edition, RecordingFormat, RecordingMode,
};
use callcenter::event::Event as Happened;
use callcenter::numbers::NumberPlan;
use callcenter::record::CallRecord;
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia};
use sip::api::{Credentials, DialogId, Ended, Event, Flow, Register, RegistrationId, Transport};
use sip::message::Host;
use sip::{Endpoint, Listener};
use switch::Switch;
use switch::api::{Body, Diagnostic, Entry, Input, Output, Piece};
use switch::config::{AccountConfig, Changes, Config, SipListener, Trunk, TrunkChoice, User};

pub(crate) const ACCOUNT: AccountId = AccountId(2_000_100);
pub(crate) const CUSTOMER: &str = "15012345678";

/// A far end: an endpoint and what it heard.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    /// The last call that came in, and its offer.
    pub(crate) call: Option<DialogId>,
    pub(crate) offer: Option<Bytes>,
    /// How many calls came in.
    pub(crate) calls: usize,
    pub(crate) ended: Vec<Ended>,
    /// What it was told before its call was answered.
    pub(crate) progress: Vec<u16>,
    /// How its call was answered.
    pub(crate) answered: Option<Bytes>,
    /// What became of the calls that it asked for.
    pub(crate) referrals: Vec<sip::api::Referral>,
    /// It hears nothing.
    pub(crate) deaf: bool,
    /// Every datagram that came while it was deaf.
    pub(crate) unheard: Vec<Bytes>,
    /// Every datagram it received.
    pub(crate) received: Vec<Bytes>,
    /// Every datagram it sent.
    pub(crate) sent: Vec<Bytes>,
}

/// The bench.
pub(crate) struct Bench {
    pub(crate) now: Now,
    pub(crate) switch: Switch,
    pub(crate) config: Config,
    pub(crate) fars: Vec<Far>,
    pub(crate) log: Vec<Entry>,
    pub(crate) durable: LogNo,
    pub(crate) auto_commit: bool,
    pub(crate) replies: Vec<(CommandId, Result<Accepted, Refusal>)>,
    pub(crate) media: Vec<media::api::Command>,
    /// What every stream counted when it is closed.
    pub(crate) counts: media::api::Counts,
    closed: VecDeque<StreamId>,
    pub(crate) finished: Vec<(CallId, Vec<Piece>)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    network: VecDeque<(SocketAddr, SocketAddr, Bytes)>,
    commands: u64,
}

/// Index of the agent's phone.
pub(crate) const PHONE: usize = 0;
/// Index of the first carrier.
pub(crate) const TRUNK: usize = 1;
/// Index of the second carrier.
pub(crate) const TRUNK2: usize = 2;
/// Index of somebody whom nobody knows.
pub(crate) const STRANGER: usize = 3;

pub(crate) fn switch_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5060))
}

/// Where it listens when it has IPv6, too.
pub(crate) fn switch_address_6() -> SocketAddr {
    SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, 1], 5060))
}

fn far_address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, u8::try_from(n).expect("few")], 5060))
}

pub(crate) fn config() -> Config {
    let trunk = |name: &str, n| Trunk::at(name, far_address(n), &format!("{name}.example"));
    Config {
        accounts: vec![AccountConfig {
            account: account(),
            sip_domain: "pbx.example".to_owned(),
            trunks: TrunkChoice::in_order(["first", "second"]),
            users: vec![User { name: "1001".to_owned(), password: "secret".to_owned() }],
            music: 0,
            g729: false,
        }],
        trunks: vec![trunk("first", TRUNK), trunk("second", TRUNK2)],
        sip_listeners: vec![SipListener::at(switch_address())],
        media_addresses: vec![IpAddr::from([10, 0, 0, 1])],
        rtp_port_min: 20_000,
        rtp_port_max: 20_099,
        rtp_ports_foreign: std::collections::BTreeSet::new(),
        phone_digests: vec![switch::config::Algorithm::Md5],
        phone_codecs: vec![switch::config::Codec::Pcma, switch::config::Codec::Pcmu],
        bans: switch::config::Bans::default(),
        nat_keep_alive: None,
        user_agent: "Cordboard".to_owned(),
        silence_max: Some(switch::limits::SILENCE_MAX),
        trunk_answer_any_max: switch::limits::TRUNK_ANSWER_ANY_MAX,
        log_backlog_max: switch::limits::LOG_BACKLOG_MAX,
        legs_max: 10,
        legs_reserved: 0,
        worker: 1,
    }
}

fn account() -> Account {
    let agent = Agent {
        number: "1001".to_owned(),
        name: "Ann".to_owned(),
        id: "a".repeat(24),
        status: AgentStatus::Enabled,
        mobile: Some("13900000001".to_owned()),
        sip_user: Some("1001".to_owned()),
        bound_number: None,
        edition: "full".to_owned(),
        wrap_up: Duration::ZERO,
        supervisor: false,
    };
    Account {
        id: ACCOUNT,
        status: AccountStatus::Enabled,
        agents: vec![agent],
        numbers: vec!["01088880000".to_owned()],
        default_number: Some("01088880000".to_owned()),
        groups: Vec::new(),
        editions: vec![Edition { name: "full".to_owned(), licences: 9, calls: true }],
        busy_reasons: Vec::new(),
        agent_ring: Duration::from_secs(60),
        customer_ring: Duration::from_secs(120),
        call_age_max: Duration::from_secs(14_400),
        recording: RecordingMode::Normal,
        inbound: Vec::new(),
        recording_format: RecordingFormat::Mp3,
        dialout_ring_at: DialoutRingAt::Customer,
        calls_max: 10,
        calls_per_s_max: None,
        number_calls_max: Default::default(),
        transfer_sound: Default::default(),
        consult_without_customer: Default::default(),
        conference_without_customer: Default::default(),
        hold_recording: Default::default(),
        utc_offset_s: 28_800,
    }
}

impl Far {
    fn new(n: usize) -> Far {
        Far::at(far_address(n), n)
    }

    /// One at an address of its own; `n` makes its random numbers.
    pub(crate) fn at(address: SocketAddr, n: usize) -> Far {
        let listener =
            Listener { bind: address, advertised_host: Host::from(address.ip()), advertised_port: 5060 };
        let config = sip::Config { listeners: vec![listener], ..sip::Config::default() };
        let random = Random::from_number(100 + u64::try_from(n).expect("few"));
        Far {
            address,
            endpoint: Endpoint::new(config, random),
            call: None,
            offer: None,
            calls: 0,
            ended: Vec::new(),
            progress: Vec::new(),
            answered: None,
            referrals: Vec::new(),
            deaf: false,
            unheard: Vec::new(),
            received: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn flow(&self) -> Flow {
        let remote = if self.address.is_ipv4() { switch_address() } else { switch_address_6() };
        Flow { transport: Transport::Udp, local: self.address, remote }
    }

    /// What it would say to the offer it got.
    pub(crate) fn answer(&self, codecs: &[Codec]) -> Bytes {
        let offer = self.offer.as_ref().expect("a call came in");
        sdp::answer(offer, self.local(codecs)).expect("our offers can be answered").0
    }

    pub(crate) fn local<'a>(&self, codecs: &'a [Codec]) -> LocalMedia<'a> {
        LocalMedia {
            address: self.address.ip(),
            port: 40_000,
            origin_id: 1,
            version: 1,
            codecs,
            direction: Direction::SendRecv,
        }
    }

    /// An INVITE to the switch.
    pub(crate) fn invite(&self, called: &str, from: &str, sdp: Bytes) -> sip::api::Invite {
        let uri = format!("sip:{called}@{}", switch_address().ip());
        sip::api::Invite {
            flow: self.flow(),
            uri: uri.clone(),
            from_user: from.to_owned(),
            from_name: None,
            to_uri: uri,
            sdp,
            credentials: None,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: sip::api::Identity::default(),
        }
    }

    /// The last INVITE that it received, as text.
    pub(crate) fn invite_heard(&self) -> String {
        let invite = self.received.iter().rev().find(|data| data.starts_with(b"INVITE "));
        String::from_utf8(invite.expect("it was called").to_vec()).expect("our messages are text")
    }

    /// The requests of one method that it received.
    pub(crate) fn requests(&self, method: &str) -> usize {
        let start = format!("{method} ");
        self.received.iter().filter(|data| data.starts_with(start.as_bytes())).count()
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(config())
    }

    pub(crate) fn with(config: Config) -> Bench {
        let numbers = Arc::new(NumberPlan::default());
        let switch = Switch::new(config.clone(), Random::from_number(1), LogNo(0), 0, numbers);
        Bench {
            now: Now { mono: Mono::ZERO, wall: Wall::from_millis(1_767_225_600_000) },
            switch,
            config,
            fars: (0..4).map(Far::new).collect(),
            log: Vec::new(),
            durable: LogNo(0),
            auto_commit: true,
            replies: Vec::new(),
            media: Vec::new(),
            finished: Vec::new(),
            diagnostics: Vec::new(),
            counts: media::api::Counts::default(),
            closed: VecDeque::new(),
            network: VecDeque::new(),
            commands: 0,
        }
    }

    /// The agent's phone is registered, the agent signed in and idle.
    pub(crate) fn ready() -> Bench {
        Bench::ready_with(config())
    }

    pub(crate) fn ready_with(config: Config) -> Bench {
        let mut bench = Bench::with(config);
        bench.sign_in();
        bench
    }

    /// The agent's phone registers, the agent signs in and is idle.
    pub(crate) fn sign_in(&mut self) {
        self.register();
        let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
        assert!(self.ask(online).is_ok());
    }

    pub(crate) fn register(&mut self) {
        self.register_at(PHONE, "pbx.example", "secret");
    }

    /// A far end registers as 1001 of `domain`.
    pub(crate) fn register_at(&mut self, far: usize, domain: &str, password: &str) -> RegistrationId {
        let phone = &mut self.fars[far];
        let register = Register {
            flow: phone.flow(),
            others: Vec::new(),
            contact_user: None,
            uri: format!("sip:{domain}"),
            aor: format!("sip:1001@{domain}"),
            credentials: Credentials { user: "1001".to_owned(), password: password.to_owned() },
            expires: Duration::from_secs(3600),
        };
        let registration = phone.endpoint.register(self.now, register);
        self.run();
        registration
    }

    /// A dialOut to the customer that the agent answered: the first trunk has the customer's call.
    pub(crate) fn ready_to_customer() -> (Bench, CallId) {
        Bench::ready_to_customer_with(config())
    }

    pub(crate) fn ready_to_customer_with(config: Config) -> (Bench, CallId) {
        let mut bench = Bench::ready_with(config);
        let call = bench.dial_out();
        bench.answer(PHONE);
        (bench, call)
    }

    /// Both sides talk.
    pub(crate) fn talking() -> (Bench, CallId) {
        let (mut bench, call) = Bench::ready_to_customer();
        bench.answer(TRUNK);
        assert_eq!(bench.switch.counts().legs_living, 2);
        (bench, call)
    }

    pub(crate) fn dial_out(&mut self) -> CallId {
        let accepted = self.ask(dial()).expect("the agent is free");
        accepted.call.expect("a dialOut begins a call")
    }

    /// Asks and returns the answer, which must come at once.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Accepted, Refusal> {
        self.ask_of(ACCOUNT, command)
    }

    /// Asks an account and returns the answer, which must come at once.
    pub(crate) fn ask_of(&mut self, account: AccountId, command: Command) -> Result<Accepted, Refusal> {
        let id = self.ask_later_of(account, command);
        let reply = self.replies.iter().find(|(of, _)| *of == id);
        reply.expect("the answer came at once").1
    }

    /// Asks; the answer may come later.
    pub(crate) fn ask_later(&mut self, command: Command) -> CommandId {
        self.ask_later_of(ACCOUNT, command)
    }

    fn ask_later_of(&mut self, account: AccountId, command: Command) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.input(Input::Command { id, account, command });
        id
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.switch.handle_input(self.now, input);
        self.run();
    }

    /// The operator changes the configuration.
    pub(crate) fn configure(&mut self, config: Config) {
        let before = &self.config.trunks;
        let is_same = |trunk: &&Trunk| {
            before.iter().any(|one| one.name == trunk.name && one.addresses == trunk.addresses)
        };
        let same_hosts = config.trunks.iter().filter(is_same).map(|trunk| trunk.name.clone()).collect();
        let changes = Changes {
            accounts: config.accounts.clone(),
            trunks: config.trunks.clone(),
            same_hosts,
            silence_max: config.silence_max,
            trunk_answer_any_max: config.trunk_answer_any_max,
            legs_max: config.legs_max,
            legs_reserved: config.legs_reserved,
        };
        self.config = config;
        self.input(Input::Configure(Box::new(changes)));
    }

    /// A far end calls the switch.
    pub(crate) fn call_in(&mut self, far: usize, called: &str, from: &str, codecs: &[Codec]) {
        let sdp = sdp::offer(self.fars[far].local(codecs));
        let invite = self.fars[far].invite(called, from, sdp);
        let dialog = self.fars[far].endpoint.invite(self.now, invite);
        self.fars[far].call = Some(dialog);
        self.run();
    }

    pub(crate) fn ring(&mut self, far: usize, status: u16, sdp: Option<Bytes>) {
        let dialog = self.fars[far].call.expect("a call came in");
        self.fars[far].endpoint.ring(self.now, dialog, status, sdp);
        self.run();
    }

    pub(crate) fn answer(&mut self, far: usize) {
        let sdp = self.fars[far].answer(&[Codec::Pcma, Codec::Pcmu]);
        self.answer_with(far, sdp);
    }

    pub(crate) fn answer_with(&mut self, far: usize, sdp: Bytes) {
        let dialog = self.fars[far].call.expect("a call came in");
        self.fars[far].endpoint.accept(self.now, dialog, sdp);
        self.run();
    }

    pub(crate) fn refuse(&mut self, far: usize, status: u16) {
        let dialog = self.fars[far].call.expect("a call came in");
        self.fars[far].endpoint.reject(self.now, dialog, status);
        self.run();
    }

    pub(crate) fn hang_up(&mut self, far: usize) {
        let dialog = self.fars[far].call.expect("a call came in");
        self.fars[far].endpoint.end(self.now, dialog);
        self.run();
    }

    /// A datagram that no endpoint made.
    pub(crate) fn send_raw(&mut self, far: usize, text: String) {
        let flow = self.fars[far].flow();
        self.network.push_back((flow.local, flow.remote, Bytes::from(text)));
        self.run();
    }

    pub(crate) fn commit(&mut self) {
        let through = self.log.last().map(|entry| entry.no).unwrap_or_default();
        self.durable = through;
        self.input(Input::Durable { through });
    }

    /// Lets time pass, from deadline to deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            let switch = self.switch.next_timeout().map(|(at, _)| at);
            let fars = self.fars.iter().filter_map(|far| far.endpoint.next_timeout().map(|(at, _)| at));
            let Some(at) = fars.chain(switch).min().filter(|at| *at <= end) else { break };
            self.now = self.now.later(at.since(self.now.mono));
            self.switch.handle_input(self.now, Input::Timeout);
            for far in &mut self.fars {
                far.endpoint.handle_input(self.now, sip::api::Input::Timeout);
            }
            self.run();
        }
        self.now = self.now.later(end.since(self.now.mono));
    }

    /// The program dies and comes back with what was committed.
    pub(crate) fn crash(&mut self) {
        self.network.clear();
        self.log.truncate(usize::try_from(self.durable.0).expect("a short log"));
        let numbers = Arc::new(NumberPlan::default());
        let highest = self.legs().last().map_or(0, |leg| leg.0);
        self.switch =
            Switch::new(self.config.clone(), Random::from_number(2), self.durable, highest, numbers);
        self.finished.clear();
        self.media.clear();
        self.closed.clear();
        for entry in &self.log {
            self.switch.replay(entry.account, &entry.body);
        }
        self.switch.restarted(self.now);
        self.run();
    }

    /// Everything that follows without time passing.
    pub(crate) fn run(&mut self) {
        loop {
            let mut quiet = !self.drain_switch();
            for n in 0..self.fars.len() {
                quiet &= !self.drain_far(n);
            }
            if let Some(stream) = self.closed.pop_front() {
                quiet = false;
                let closed = media::api::Signal::Closed { stream, counts: self.counts };
                self.switch.handle_input(self.now, Input::Media(closed));
            }
            if let Some((from, to, data)) = self.network.pop_front() {
                quiet = false;
                self.deliver(from, to, &data);
            }
            if quiet {
                break;
            }
        }
        self.switch.check_invariants();
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Happened> {
        self.log.iter().filter_map(|entry| match &entry.body {
            Body::Event(numbered) => Some(&numbered.event),
            Body::Token { .. } | Body::TokenDone { .. } | Body::Measured { .. } | Body::Bindings { .. } => {
                None
            }
        })
    }

    /// The legs that were started, in order.
    pub(crate) fn legs(&self) -> Vec<LegId> {
        let started = self.events().filter_map(|event| match event {
            Happened::LegStarted { leg, .. } => Some(*leg),
            _ => None,
        });
        started.collect()
    }

    /// The record of the only call that has one.
    pub(crate) fn record(&self) -> &CallRecord {
        let mut records = self.events().filter_map(|event| match event {
            Happened::CallRecorded { record } => Some(record),
            _ => None,
        });
        let record = records.next().expect("a call was recorded");
        assert!(records.next().is_none(), "only one call was recorded");
        record
    }

    /// The record of the last call that has one.
    pub(crate) fn record_of_last(&self) -> &CallRecord {
        let records = self.events().filter_map(|event| match event {
            Happened::CallRecorded { record } => Some(record),
            _ => None,
        });
        records.last().expect("a call was recorded")
    }

    /// Nothing of any call is left in the switch.
    pub(crate) fn assert_at_rest(&self) {
        let counts = self.switch.counts();
        let rest = switch::api::Counts { ports_resting: counts.ports_resting, ..Default::default() };
        assert_eq!(counts, rest);
        let count =
            |is: fn(&media::api::Command) -> bool| self.media.iter().filter(|command| is(command)).count();
        let opened = count(|command| matches!(command, media::api::Command::Open { .. }));
        let closed = count(|command| matches!(command, media::api::Command::Close { .. }));
        // Streams of before a crash went with it: `media` begins anew there.
        assert_eq!(opened, closed, "streams are left open");
        for far in &self.fars {
            assert_eq!(far.endpoint.counts().dialogs, 0, "{} is left on the line", far.address);
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, data: &Bytes) {
        if [switch_address(), switch_address_6()].contains(&to) {
            let flow = Flow { transport: Transport::Udp, local: to, remote: from };
            return self.switch.handle_input(self.now, Input::Datagram { flow, data });
        }
        let far = self.fars.iter_mut().find(|far| far.address == to).expect("somebody is there");
        if far.deaf {
            far.unheard.push(data.clone());
        } else {
            far.received.push(data.clone());
            let flow = far.flow();
            far.endpoint.handle_input(self.now, sip::api::Input::Datagram { flow, data });
        }
    }

    fn drain_switch(&mut self) -> bool {
        let mut moved = false;
        let mut appended = false;
        while let Some(output) = self.switch.poll_output() {
            moved = true;
            match output {
                Output::Append(entry) => {
                    self.log.push(entry);
                    appended = true;
                }
                Output::Transmit { flow, data } => self.network.push_back((flow.local, flow.remote, data)),
                Output::Connect { .. } | Output::Close { .. } => panic!("there are no streams here"),
                Output::Reply { command, result } => self.replies.push((command, result)),
                Output::Media(command) => {
                    if let media::api::Command::Close { stream } = command {
                        self.closed.push_back(stream);
                    }
                    self.media.push(command);
                }
                Output::Finish { call, pieces, .. } => self.finished.push((call, pieces)),
                Output::Diagnostic(Diagnostic::StreamClosed { .. }) => {}
                Output::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
            }
        }
        if appended && self.auto_commit {
            let through = self.log.last().map(|entry| entry.no).unwrap_or_default();
            self.durable = through;
            self.switch.handle_input(self.now, Input::Durable { through });
        }
        moved
    }

    fn drain_far(&mut self, n: usize) -> bool {
        let far = &mut self.fars[n];
        let mut moved = false;
        while let Some(output) = far.endpoint.poll_output() {
            moved = true;
            match output {
                sip::api::Output::Transmit(transmit) => {
                    far.sent.push(transmit.data.clone());
                    self.network.push_back((far.address, transmit.flow.remote, transmit.data));
                }
                sip::api::Output::Event(Event::Incoming { dialog, sdp, .. }) => {
                    far.call = Some(dialog);
                    far.offer = sdp;
                    far.calls += 1;
                }
                sip::api::Output::Event(Event::Ended { how, .. }) => far.ended.push(how),
                sip::api::Output::Event(Event::Progress { status, .. }) => far.progress.push(status),
                sip::api::Output::Event(Event::Answered { sdp, .. }) => far.answered = sdp,
                sip::api::Output::Event(Event::ReferralTold { standing, .. }) => far.referrals.push(standing),
                sip::api::Output::Event(_) => {}
                sip::api::Output::Connect { .. } | sip::api::Output::Close { .. } => {
                    panic!("there are no streams here")
                }
            }
        }
        moved
    }
}

pub(crate) fn dial() -> Command {
    Command::DialOut(DialOut {
        agent: "1001".to_owned(),
        callee: CUSTOMER.to_owned(),
        agent_ring_max: None,
        customer_ring_max: None,
        agent_shown: None,
        customer_shown: None,
        extras: String::new(),
        group: None,
        group_rule: GroupRule::Random,
        group_area: None,
    })
}

pub(crate) fn hangup() -> Command {
    Command::Hangup { agent: "1001".to_owned() }
}
