//! The far ends: agents' phones and carriers, each a SIP endpoint with a mind of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{Mono, Now, Random, Timers};
use bytes::Bytes;
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia};
use sip::api::{Credentials, DialogId, Event, Flow, Input, Invite, Output, Register, Transmit, Transport};
use sip::message::Host;
use sip::{Endpoint, Listener};

use crate::setup;

/// Final answers that people, phones and carriers give.
const REFUSALS: &[u16] = &[403, 404, 408, 480, 486, 487, 488, 500, 503, 600, 603];
/// No far end stays longer on the line: the world must come to rest.
const TALK_MAX: Duration = Duration::from_secs(60);

/// How long a caller waits for an answer.
const PATIENCE_MS: u64 = 60_000;

/// A far end.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    switch: SocketAddr,
    endpoint: Endpoint,
    random: Random,
    /// Offers not answered yet.
    offers: BTreeMap<DialogId, Bytes>,
    plans: Timers<(DialogId, Step)>,
    /// Hears nothing and says nothing until then.
    deaf_until: Mono,
    /// Refuses everything with 503 until then.
    unavailable_until: Mono,
}

/// What a far end is going to do about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ring,
    EarlyMedia,
    Answer,
    AnswerNonsense,
    Refuse(u16),
    HangUp,
}

impl Far {
    pub(crate) fn new(address: SocketAddr, switch: SocketAddr, mut random: Random) -> Far {
        let listener = Listener {
            bind: address,
            advertised_host: Host::from(address.ip()),
            advertised_port: address.port(),
        };
        let config = sip::Config { listeners: vec![listener], ..sip::Config::default() };
        Far {
            address,
            switch,
            endpoint: Endpoint::new(config, random.fork()),
            random,
            offers: BTreeMap::new(),
            plans: Timers::default(),
            deaf_until: Mono::ZERO,
            unavailable_until: Mono::ZERO,
        }
    }

    /// Signs the phone in at the switch; the endpoint keeps it up.
    pub(crate) fn register(&mut self, now: Now, user: &str, password: &str, domain: &str) {
        let credentials = Credentials { user: user.to_owned(), password: password.to_owned() };
        self.endpoint.register(
            now,
            Register {
                flow: self.flow(),
                others: Vec::new(),
                contact_user: None,
                uri: format!("sip:{domain}"),
                aor: format!("sip:{user}@{domain}"),
                credentials,
                expires: Duration::from_secs(60 + self.random.below(60)),
            },
        );
    }

    /// Calls the switch, which wants no such calls.
    pub(crate) fn call_switch(&mut self, now: Now) {
        // A switch that dies now forgets the caller, who must give up by himself.
        self.call(now, "1000", PATIENCE_MS);
    }

    /// Calls where a route leads somewhere, and gives up or hangs up when the time has come.
    pub(crate) fn call_in(&mut self, now: Now) {
        let patience_ms = self.random.below(PATIENCE_MS);
        self.call(now, setup::ROUTED, patience_ms);
    }

    fn call(&mut self, now: Now, called: &str, patience_ms: u64) {
        let local = LocalMedia {
            address: self.address.ip(),
            port: 40_000,
            origin_id: 1,
            version: 1,
            codecs: &[Codec::Pcma],
            direction: Direction::SendRecv,
        };
        let uri = format!("sip:{called}@{}", self.switch);
        let dialog = self.endpoint.invite(
            now,
            Invite {
                flow: self.flow(),
                uri: uri.clone(),
                from_user: "stranger".to_owned(),
                from_name: None,
                to_uri: uri,
                sdp: sdp::offer(local),
                credentials: None,
                answer_any_within: None,
                answer_mode: Default::default(),
                registration: None,
                identity: Default::default(),
            },
        );
        self.plan(now, patience_ms, dialog, Step::HangUp);
    }

    /// Neither hears nor speaks until `until`.
    pub(crate) fn go_deaf(&mut self, until: Mono) {
        self.deaf_until = until;
    }

    /// Refuses calls with 503 until `until`.
    pub(crate) fn become_unavailable(&mut self, until: Mono) {
        self.unavailable_until = until;
    }

    /// Whether it heard the datagram.
    pub(crate) fn handle_datagram(&mut self, now: Now, data: &[u8]) -> bool {
        let hears = now.mono >= self.deaf_until;
        if hears {
            let flow = self.flow();
            self.endpoint.handle_input(now, Input::Datagram { flow, data });
        }
        hears
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if self.endpoint.next_timeout().is_some_and(|(at, _)| at <= now.mono) {
            self.endpoint.handle_input(now, Input::Timeout);
        }
        while let Some((dialog, step)) = self.plans.pop_due(now.mono) {
            self.do_step(now, dialog, step);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        let sip = self.endpoint.next_timeout().map(|(at, _)| at);
        let plan = self.plans.next().map(|(at, _)| at);
        sip.into_iter().chain(plan).min()
    }

    /// What leaves now. Reacts to what the endpoint tells on the way.
    pub(crate) fn drain(&mut self, now: Now) -> Vec<Bytes> {
        let mut sent = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(Transmit { data, .. }) if now.mono >= self.deaf_until => sent.push(data),
                Output::Transmit(_) => {}
                Output::Event(event) => self.react(now, event),
                Output::Connect { .. } | Output::Close { .. } => {
                    panic!("the simulation has no streams, and nobody in it wants one")
                }
            }
        }
        sent
    }

    /// Dialogs not over yet.
    pub(crate) fn dialogs(&self) -> usize {
        self.endpoint.counts().dialogs
    }

    fn react(&mut self, now: Now, event: Event) {
        match event {
            Event::Incoming { dialog, sdp, .. } => {
                let offer = sdp.expect("the switch always offers");
                self.offers.insert(dialog, offer);
                self.make_up_mind(now, dialog);
            }
            Event::Ended { dialog, .. } => {
                self.offers.remove(&dialog);
                for step in [Step::Ring, Step::EarlyMedia, Step::Answer, Step::AnswerNonsense, Step::HangUp] {
                    self.plans.cancel(&(dialog, step));
                }
                for status in REFUSALS {
                    self.plans.cancel(&(dialog, Step::Refuse(*status)));
                }
            }
            Event::Reoffered { dialog, .. } => self.endpoint.refuse_offer(now, dialog, 488),
            Event::Referred { dialog, .. } => self.endpoint.refuse_refer(now, dialog, 603),
            Event::Progress { .. }
            | Event::Answered { .. }
            | Event::Acknowledged { .. }
            | Event::OfferAnswered { .. }
            | Event::OfferRefused { .. }
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

    fn make_up_mind(&mut self, now: Now, dialog: DialogId) {
        if now.mono < self.unavailable_until {
            return self.plan(now, 0, dialog, Step::Refuse(503));
        }
        let ring_ms = self.random.below(2_000);
        let decide_ms = ring_ms + self.random.below(12_000);
        let late_ms = self.random.below(3_000);
        let refusal = REFUSALS[self.pick(REFUSALS.len())];
        match self.random.below(100) {
            // The phone lies in a drawer: nobody hears it, or it does not even ring.
            0..6 => self.plan(now, ring_ms, dialog, Step::Ring),
            6..10 => {}
            10..16 => self.plan(now, ring_ms, dialog, Step::Refuse(refusal)),
            16..22 => {
                self.plan(now, ring_ms, dialog, Step::Ring);
                self.plan(now, decide_ms, dialog, Step::Refuse(refusal));
            }
            22..24 => self.plan(now, decide_ms, dialog, Step::AnswerNonsense),
            24..50 => self.plan(now, ring_ms, dialog, Step::Answer),
            50..70 => {
                self.plan(now, ring_ms, dialog, Step::EarlyMedia);
                self.plan(now, decide_ms, dialog, Step::Answer);
            }
            _ => {
                self.plan(now, ring_ms, dialog, Step::Ring);
                self.plan(now, ring_ms + late_ms, dialog, Step::EarlyMedia);
                self.plan(now, decide_ms, dialog, Step::Answer);
            }
        }
    }

    fn do_step(&mut self, now: Now, dialog: DialogId, step: Step) {
        match step {
            Step::Ring => self.endpoint.ring(now, dialog, 180, None),
            Step::EarlyMedia => {
                let answer = self.answer(dialog);
                self.endpoint.ring(now, dialog, 183, answer);
            }
            Step::Answer => {
                if let Some(answer) = self.answer(dialog) {
                    self.accept(now, dialog, answer);
                }
            }
            Step::AnswerNonsense => {
                self.accept(now, dialog, Bytes::from_static(b"v=0\r\ns=nothing to say\r\n"));
            }
            Step::Refuse(status) => self.endpoint.reject(now, dialog, status),
            Step::HangUp => self.endpoint.end(now, dialog),
        }
    }

    fn accept(&mut self, now: Now, dialog: DialogId, answer: Bytes) {
        for step in [Step::Ring, Step::EarlyMedia] {
            self.plans.cancel(&(dialog, step));
        }
        self.endpoint.accept(now, dialog, answer);
        let talk_ms =
            self.random.below(u64::try_from(TALK_MAX.as_millis()).expect("a minute and a half fits"));
        self.plan(now, talk_ms, dialog, Step::HangUp);
    }

    fn answer(&mut self, dialog: DialogId) -> Option<Bytes> {
        let codecs: &[Codec] = match self.random.chance(50) {
            true => &[Codec::Pcma, Codec::Pcmu],
            false => &[Codec::Pcmu],
        };
        let local = LocalMedia {
            address: self.address.ip(),
            port: 40_000,
            origin_id: dialog.0,
            version: 1,
            codecs,
            direction: Direction::SendRecv,
        };
        let offer = self.offers.get(&dialog)?;
        let (answer, _) = sdp::answer(offer, local).expect("the offer of the switch can be answered");
        Some(answer)
    }

    fn plan(&mut self, now: Now, in_ms: u64, dialog: DialogId, step: Step) {
        self.plans.set((dialog, step), now.mono + Duration::from_millis(in_ms));
    }

    fn pick(&mut self, n: usize) -> usize {
        let limit = u64::try_from(n).expect("a small table");
        usize::try_from(self.random.below(limit)).expect("below a small table's length")
    }

    fn flow(&self) -> Flow {
        Flow { transport: Transport::Udp, local: self.address, remote: self.switch }
    }
}

/// The address of the `n`th far end of a kind.
pub(crate) fn address(net: u8, n: usize) -> SocketAddr {
    let host = u8::try_from(n + 1).expect("few far ends of a kind");
    SocketAddr::new(IpAddr::from([10, 0, net, host]), 5060)
}
