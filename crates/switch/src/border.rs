//! A bench for the border to the core, for tests of this crate: legs begin and end by actions that the test gives, and what
//! the core would be told is seen and not told. Commits are at once, the network has neither loss nor delay.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, CallId, LegId, LogNo, Mono, Now, Random, Wall};
use bytes::Bytes;
use callcenter::action::{Action, Target};
use callcenter::numbers::NumberPlan;
use callcenter::signal::Signal;
use media::api::Command;
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia};
use sip::api::{Credentials, DialogId, Ended, Event, Flow, Register, Transport};
use sip::message::Host;
use sip::{Endpoint, Listener};

use crate::Switch;
use crate::api::{Diagnostic, Input, Output};
use crate::config::{AccountConfig, Config, SipListener, Trunk, TrunkChoice, User};

pub(crate) const ACCOUNT: AccountId = AccountId(2_000_100);
pub(crate) const CALL: CallId = CallId(500);
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// A far end, and what it heard.
pub(crate) struct Far {
    address: SocketAddr,
    pub(crate) endpoint: Endpoint,
    /// Its last call, and the offer of it.
    pub(crate) call: Option<DialogId>,
    offer: Option<Bytes>,
    pub(crate) ended: Vec<Ended>,
    /// Every datagram, as text.
    pub(crate) received: Vec<String>,
    pub(crate) sent: Vec<String>,
    pub(crate) answered: bool,
}

/// The bench.
pub(crate) struct Border {
    pub(crate) now: Now,
    pub(crate) switch: Switch,
    pub(crate) fars: Vec<Far>,
    pub(crate) media: Vec<Command>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    network: VecDeque<(SocketAddr, SocketAddr, Bytes)>,
    pub(crate) auto_commit: bool,
    appended: LogNo,
    durable: LogNo,
}

fn far_address(n: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 1, u8::try_from(n).expect("few")], 5060))
}

fn switch_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5060))
}

fn config() -> Config {
    let user = |name: &str| User { name: name.to_owned(), password: "secret".to_owned() };
    Config {
        accounts: vec![AccountConfig {
            account: callcenter::config::Account::removed(ACCOUNT),
            sip_domain: "pbx.example".to_owned(),
            trunks: TrunkChoice::in_order(["carrier"]),
            users: vec![user("1001"), user("1002")],
            music: 0,
            g729: false,
        }],
        trunks: vec![Trunk::at("carrier", far_address(9), "carrier.example")],
        sip_listeners: vec![SipListener::at(switch_address())],
        media_addresses: vec![IpAddr::from([10, 0, 0, 1])],
        rtp_port_min: 20_000,
        rtp_port_max: 20_099,
        rtp_ports_foreign: BTreeSet::new(),
        phone_digests: vec![crate::config::Algorithm::Md5],
        phone_codecs: CODECS.to_vec(),
        bans: crate::config::Bans::default(),
        nat_keep_alive: None,
        user_agent: "Cordboard".to_owned(),
        silence_max: Some(crate::limits::SILENCE_MAX),
        trunk_answer_any_max: crate::limits::TRUNK_ANSWER_ANY_MAX,
        log_backlog_max: crate::limits::LOG_BACKLOG_MAX,
        legs_max: 10,
        legs_reserved: 0,
        worker: 1,
    }
}

impl Far {
    fn new(n: usize) -> Far {
        let address = far_address(n);
        let listener =
            Listener { bind: address, advertised_host: Host::from(address.ip()), advertised_port: 5060 };
        let config = sip::Config { listeners: vec![listener], ..sip::Config::default() };
        let seed = 100 + u64::try_from(n).expect("few");
        Far {
            address,
            endpoint: Endpoint::new(config, Random::from_number(seed)),
            call: None,
            offer: None,
            ended: Vec::new(),
            received: Vec::new(),
            sent: Vec::new(),
            answered: false,
        }
    }

    fn flow(&self) -> Flow {
        Flow { transport: Transport::Udp, local: self.address, remote: switch_address() }
    }

    fn local(&self, direction: Direction) -> LocalMedia<'static> {
        let address = self.address.ip();
        LocalMedia { address, port: 40_000, origin_id: 1, version: 1, codecs: &CODECS, direction }
    }

    pub(crate) fn offering(&self, direction: Direction) -> Bytes {
        sdp::offer(self.local(direction))
    }

    /// The messages it received that begin so.
    pub(crate) fn heard(&self, start: &str) -> Vec<&str> {
        self.received.iter().map(String::as_str).filter(|text| text.starts_with(start)).collect()
    }
}

impl Border {
    /// Nobody is called yet. Phones are far ends 1 and 2, registered as 1001 and 1002; 9 is the carrier.
    pub(crate) fn new() -> Border {
        let numbers = Arc::new(NumberPlan::default());
        let mut switch = Switch::new(config(), Random::from_number(1), LogNo(0), 1000, numbers);
        switch.told = Some(Vec::new());
        let mut border = Border {
            now: Now { mono: Mono::ZERO, wall: Wall::from_millis(1_767_225_600_000) },
            switch,
            fars: (0..10).map(Far::new).collect(),
            media: Vec::new(),
            diagnostics: Vec::new(),
            network: VecDeque::new(),
            auto_commit: true,
            appended: LogNo(0),
            durable: LogNo(0),
        };
        border.register(1, "1001");
        border.register(2, "1002");
        border.told();
        border
    }

    /// Phone 1 and the carrier talk, as legs 1 and 9 of one call.
    pub(crate) fn talking() -> Border {
        let mut border = Border::new();
        border.start(LegId(1), Target::Phone("1001".to_owned()));
        border.answer(1);
        border.start(LegId(9), Target::Number("13900000001".to_owned()));
        border.answer(9);
        border.told();
        border
    }

    fn register(&mut self, far: usize, user: &str) {
        let register = Register {
            flow: self.fars[far].flow(),
            others: Vec::new(),
            contact_user: None,
            uri: "sip:pbx.example".to_owned(),
            aor: format!("sip:{user}@pbx.example"),
            credentials: Credentials { user: user.to_owned(), password: "secret".to_owned() },
            expires: Duration::from_secs(3600),
        };
        self.fars[far].endpoint.register(self.now, register);
        self.run();
    }

    /// What the core was told since it was asked last.
    pub(crate) fn told(&mut self) -> Vec<Signal> {
        self.switch.told.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What the core would want.
    pub(crate) fn act(&mut self, action: Action) {
        self.switch.act(self.now, ACCOUNT, action);
        self.settle();
    }

    /// What follows from what the test did to the switch.
    pub(crate) fn settle(&mut self) {
        self.switch.settle(self.now);
        self.run();
    }

    pub(crate) fn start(&mut self, leg: LegId, target: Target) {
        self.act(Action::StartLeg { leg, call: CALL, target, shown: "01088880000".to_owned() });
    }

    pub(crate) fn answer(&mut self, far: usize) {
        let far = &self.fars[far];
        let offer = far.offer.as_ref().expect("it was called");
        let (sdp, _) = sdp::answer(offer, far.local(Direction::SendRecv)).expect("an offer of ours");
        self.of(far.address, |endpoint, now, call| endpoint.accept(now, call, sdp));
    }

    /// Far end `far` does something with its last call.
    pub(crate) fn far(&mut self, far: usize, does: impl FnOnce(&mut Endpoint, Now, DialogId)) {
        self.of(far_address(far), does);
    }

    fn of(&mut self, address: SocketAddr, does: impl FnOnce(&mut Endpoint, Now, DialogId)) {
        let far = self.fars.iter_mut().find(|far| far.address == address).expect("it is there");
        does(&mut far.endpoint, self.now, far.call.expect("it has a call"));
        self.run();
    }

    /// Far end `far` calls; it answers challenges with this password.
    pub(crate) fn call_in(&mut self, far: usize, user: &str, called: &str, password: Option<&str>) {
        let caller = &mut self.fars[far];
        let uri = format!("sip:{called}@pbx.example");
        let credentials =
            password.map(|password| Credentials { user: user.to_owned(), password: password.to_owned() });
        let invite = sip::api::Invite {
            flow: caller.flow(),
            uri: uri.clone(),
            from_user: format!("{user}@pbx.example"),
            from_name: None,
            to_uri: format!("<{uri}>"),
            sdp: caller.offering(Direction::SendRecv),
            credentials,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: sip::api::Identity::default(),
        };
        caller.call = Some(caller.endpoint.invite(self.now, invite));
        self.run();
    }

    /// A request inside the call that `far` answered, by hand: `more` are its other header lines and its body.
    pub(crate) fn asks(&mut self, far: usize, method: &str, cseq: u32, more: &str) {
        let one = &self.fars[far];
        let invite = one.received.iter().rev().find(|text| text.starts_with("INVITE ")).expect("called");
        let ok =
            one.sent.iter().rev().find(|text| text.starts_with("SIP/2.0 200 ") && text.contains(" INVITE"));
        let ok = ok.expect("it answered");
        let target = header(invite, "Contact");
        let target = target.split(['<', '>']).nth(1).expect("a contact has brackets");
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bKhand{method}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: {1}\r\nTo: {2}\r\nCall-ID: {3}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:far{cseq}@{0}>\r\n{more}",
            one.address,
            header(ok, "To"),
            header(invite, "From"),
            header(invite, "Call-ID"),
        );
        self.network.push_back((one.address, switch_address(), Bytes::from(text)));
        self.run();
    }

    /// Everything that follows without time passing.
    fn run(&mut self) {
        loop {
            let mut quiet = !self.drain_switch();
            for far in &mut self.fars {
                quiet &= !drain_far(far, &mut self.network);
            }
            let Some((from, to, data)) = self.network.pop_front() else {
                match quiet {
                    true => break,
                    false => continue,
                }
            };
            if to == switch_address() {
                let flow = Flow { transport: Transport::Udp, local: to, remote: from };
                self.switch.handle_input(self.now, Input::Datagram { flow, data: &data });
            } else {
                let far = self.fars.iter_mut().find(|far| far.address == to).expect("somebody is there");
                far.received.push(String::from_utf8_lossy(&data).into_owned());
                let flow = far.flow();
                far.endpoint.handle_input(self.now, sip::api::Input::Datagram { flow, data: &data });
            }
        }
        // A core decides at once about who calls, a test when it likes.
        if self.switch.arrivals.is_empty() {
            self.switch.check_invariants();
        }
    }

    fn drain_switch(&mut self) -> bool {
        let mut moved = false;
        while let Some(output) = self.switch.poll_output() {
            moved = true;
            match output {
                Output::Append(entry) => self.appended = entry.no,
                Output::Transmit { flow, data } => self.network.push_back((flow.local, flow.remote, data)),
                Output::Media(command) => self.media.push(command),
                Output::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
                Output::Reply { .. } | Output::Finish { .. } => {}
                Output::Connect { .. } | Output::Close { .. } => panic!("there are no streams here"),
            }
        }
        if self.auto_commit && self.durable < self.appended {
            self.durable = self.appended;
            self.switch.handle_input(self.now, Input::Durable { through: self.durable });
            moved = true;
        }
        moved
    }
}

fn drain_far(far: &mut Far, network: &mut VecDeque<(SocketAddr, SocketAddr, Bytes)>) -> bool {
    let mut moved = false;
    while let Some(output) = far.endpoint.poll_output() {
        moved = true;
        match output {
            sip::api::Output::Transmit(transmit) => {
                far.sent.push(String::from_utf8_lossy(&transmit.data).into_owned());
                network.push_back((far.address, transmit.flow.remote, transmit.data));
            }
            sip::api::Output::Event(Event::Incoming { dialog, sdp, .. }) => {
                (far.call, far.offer) = (Some(dialog), sdp);
            }
            sip::api::Output::Event(Event::Answered { .. }) => far.answered = true,
            sip::api::Output::Event(Event::Ended { how, .. }) => far.ended.push(how),
            sip::api::Output::Event(_) => {}
            sip::api::Output::Connect { .. } | sip::api::Output::Close { .. } => {
                panic!("there are no streams here")
            }
        }
    }
    moved
}

/// The value of a header of a message.
pub(crate) fn header(message: &str, name: &str) -> String {
    let start = format!("{}:", name.to_lowercase());
    let line = message.lines().find(|line| line.to_lowercase().starts_with(&start));
    line.expect("the header is there").split_once(':').expect("it has a colon").1.trim().to_owned()
}
