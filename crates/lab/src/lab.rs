use std::collections::{BTreeMap, VecDeque};

use base::{Mono, Now, Random, Timers};
use bytes::Bytes;
use media::api::Signal;
use sip::api::{Credentials, DialogId, Event, Flow, Invite, Register, RegistrationId, Standing, Transport};
use sip::message::Host;
use sip::{Endpoint, Listener};

use crate::api::{
    Caller, Config, Counts, Input, LabEvent, Output, PhoneConfig, PhoneId, PhoneWish, TimerKind,
};
use crate::behaviour::Step;
use crate::carrier;
use crate::limits::{PHONES_MAX, REGISTRATION};
use crate::line;
use crate::phone::Phone;
use crate::ports::Ports;
use crate::tools::Tools;

/// The pretend telephone network: a carrier, and whatever phones are in a call. Its media engine is its user's, who must
/// give it the sounds of [`crate::sounds`].
#[derive(Debug)]
pub struct Lab {
    config: Config,
    tools: Tools,
    phones: BTreeMap<PhoneId, Phone>,
    last_phone: u64,
    signed_in: BTreeMap<String, RegistrationId>,
    /// Also of those that are being taken back.
    users: BTreeMap<RegistrationId, String>,
}

impl Lab {
    /// A network in which nobody calls yet.
    pub fn new(config: Config, random: Random) -> Lab {
        let carrier = Listener {
            bind: config.sip_local,
            advertised_host: Host::from(config.sip_advertised.ip()),
            advertised_port: config.sip_advertised.port(),
        };
        let phones = config.phones.iter().map(|phone| Listener {
            bind: phone.local,
            advertised_host: Host::from(phone.local.ip()),
            advertised_port: phone.local.port(),
        });
        let endpoint = sip::Config {
            listeners: std::iter::once(carrier).chain(phones).collect(),
            user_agent: "Cordboard lab".to_owned(),
            ..sip::Config::default()
        };
        let tools = Tools {
            endpoint: Endpoint::new(endpoint, random),
            ports: Ports::new(config.rtp_ports.clone()),
            media_address: config.media_address,
            timers: Timers::default(),
            owners: BTreeMap::new(),
            out: VecDeque::new(),
        };
        Lab {
            config,
            tools,
            phones: BTreeMap::new(),
            last_phone: 0,
            signed_in: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }

    /// Takes what came in.
    pub fn handle_input(&mut self, now: Now, input: Input<'_>) {
        match input {
            Input::Datagram { flow, data } => {
                self.tools.endpoint.handle_input(now, sip::api::Input::Datagram { flow, data });
            }
            Input::Connected { flow } => {
                self.tools.endpoint.handle_input(now, sip::api::Input::Connected { flow });
            }
            Input::Stream { flow, data } => {
                self.tools.endpoint.handle_input(now, sip::api::Input::Stream { flow, data });
            }
            Input::Closed { flow } => {
                self.tools.endpoint.handle_input(now, sip::api::Input::Closed { flow });
            }
            Input::Media(signal) => self.heed_media(now, signal),
            Input::Sound { phone, packet } => {
                self.with(phone, |phone, tools| phone.hear(tools, now, packet));
            }
            Input::Timeout => self.timeout(now),
            Input::Phone(wish) => self.grant(now, wish),
        }
        while let Some(output) = self.tools.endpoint.poll_output() {
            match output {
                // No log has to come before what leaves here.
                sip::api::Output::Transmit(sip::api::Transmit { flow, data, gate: _ }) => {
                    self.tools.out.push_back(Output::Transmit { flow, data });
                }
                sip::api::Output::Event(event) => self.heed_sip(now, event),
                sip::api::Output::Connect { flow } => self.tools.out.push_back(Output::Connect { flow }),
                sip::api::Output::Close { flow } => self.tools.out.push_back(Output::Close { flow }),
            }
        }
    }

    /// What goes out next. Empty again after each drain; changes only by `handle_input`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.tools.out.pop_front()
    }

    /// When `Input::Timeout` is due next, and why.
    pub fn next_timeout(&self) -> Option<(Mono, TimerKind)> {
        let sip = self.tools.endpoint.next_timeout().map(|(at, kind)| (at, TimerKind::Sip(kind)));
        let phone = self.tools.timers.next().map(|(at, kind)| (at, *kind));
        sip.into_iter().chain(phone).min()
    }

    /// How much is held.
    pub fn counts(&self) -> Counts {
        Counts {
            phones: self.phones.len(),
            ports: self.tools.ports.len(),
            timers: self.tools.timers.len(),
            sip: self.tools.endpoint.counts(),
        }
    }

    fn timeout(&mut self, now: Now) {
        self.tools.endpoint.handle_input(now, sip::api::Input::Timeout);
        while let Some(timer) = self.tools.timers.pop_due(now.mono) {
            match timer {
                TimerKind::Sip(_) => {}
                TimerKind::Step(phone) | TimerKind::PromptOverdue(phone) => {
                    self.with(phone, |phone, tools| phone.go_on(tools, now));
                }
                TimerKind::Quiet(phone) => self.with(phone, Phone::hear_nothing),
                TimerKind::TooOld(phone) => self.with(phone, |phone, tools| phone.hang_up(tools, now)),
            }
        }
    }

    fn grant(&mut self, now: Now, wish: PhoneWish) {
        match wish {
            PhoneWish::Dial { from, to, then } => self.dial(now, from, to, then),
            PhoneWish::HangUp { phone } => self.with(phone, |phone, tools| phone.hang_up(tools, now)),
            PhoneWish::SendDigits { phone, digits } => {
                self.with(phone, |phone, tools| phone.press(tools, &digits));
            }
            PhoneWish::PressByInfo { phone, keys } => {
                self.with(phone, |phone, tools| phone.press_by_info(tools, now, &keys));
            }
            PhoneWish::Say { phone, tone } => self.with(phone, |phone, tools| phone.say(tools, tone)),
            PhoneWish::Turn { phone, direction } => {
                self.with(phone, |phone, tools| phone.turn(tools, now, direction));
            }
            PhoneWish::Refer { phone, to, replaces } => self.refer(now, phone, &to, replaces),
            PhoneWish::SignIn { user } => self.sign_in(now, user),
            PhoneWish::SignOut { user } => {
                if let Some(registration) = self.signed_in.remove(&user) {
                    self.tools.endpoint.unregister(now, registration);
                }
            }
        }
    }

    /// A number of the far end itself; a phone that is to be replaced must have a call.
    fn refer(&mut self, now: Now, phone: PhoneId, to: &str, replaces: Option<PhoneId>) {
        let other = replaces.and_then(|other| self.phones.get(&other)?.dialog());
        if other.is_some() == replaces.is_some() {
            let uri = format!("sip:{to}@{}", self.config.sip_local);
            self.with(phone, |phone, tools| phone.refer(tools, now, &uri, other));
        }
    }

    fn dial(&mut self, now: Now, from: Caller, to: String, then: &'static [Step]) {
        let Some(route) = self.route(from, &to) else { return };
        if self.phones.len() >= PHONES_MAX {
            return;
        }
        let id = self.new_phone();
        let number = route.from_user.clone();
        let phone = Phone::calling(&mut self.tools, now, id, then, |tools, sdp| {
            tools.endpoint.invite(now, Invite { sdp, ..route })
        });
        if let Some(phone) = phone {
            self.phones.insert(id, phone);
            self.tools.tell(LabEvent::PhoneDialled { phone: id, number, to });
        }
    }

    /// Where a call goes, but for its offer. `None`: no such caller.
    fn route(&self, from: Caller, to: &str) -> Option<Invite> {
        let (flow, host, from_user, credentials) = match from {
            Caller::Customer { number, switch } => {
                (flow(self.config.sip_local, switch), switch.to_string(), number, None)
            }
            Caller::Phone { user } => {
                let phone = self.phone_config(&user)?;
                let flow = flow(phone.local, phone.registrar);
                (flow, phone.domain.clone(), user, Some(credentials(phone)))
            }
        };
        let uri = format!("sip:{to}@{host}");
        Some(Invite {
            flow,
            uri: uri.clone(),
            from_user,
            from_name: None,
            to_uri: uri,
            sdp: Bytes::new(),
            credentials,
            answer_any_within: None,
            answer_mode: Default::default(),
            registration: None,
            identity: Default::default(),
        })
    }

    fn sign_in(&mut self, now: Now, user: String) {
        let Some(phone) = self.phone_config(&user) else { return };
        if self.signed_in.contains_key(&user) {
            return;
        }
        let register = Register {
            flow: flow(phone.local, phone.registrar),
            others: Vec::new(),
            contact_user: None,
            uri: format!("sip:{}", phone.domain),
            aor: format!("sip:{user}@{}", phone.domain),
            credentials: credentials(phone),
            expires: REGISTRATION,
        };
        let registration = self.tools.endpoint.register(now, register);
        self.signed_in.insert(user.clone(), registration);
        self.users.insert(registration, user);
    }

    fn heed_sip(&mut self, now: Now, event: Event) {
        match event {
            Event::Incoming { dialog, flow, to_user, from_user, answer_after_s, sdp, .. } => {
                self.call(
                    now,
                    Call { dialog, flow, number: to_user, from: from_user, answer_after_s, offer: sdp },
                );
            }
            Event::Answered { dialog, sdp } => {
                self.with_owner(dialog, |phone, tools| phone.answered(tools, now, sdp.as_ref()));
            }
            Event::Progress { dialog, status: _, sdp } | Event::Acknowledged { dialog, sdp } => {
                self.with_owner(dialog, |phone, tools| phone.take_answer(tools, now, sdp.as_ref()));
            }
            Event::OfferAnswered { dialog, sdp } => self.with_owner(dialog, |phone, tools| {
                phone.take_answer(tools, now, sdp.as_ref());
                phone.turned(tools, None);
            }),
            Event::OfferRefused { dialog, status } => {
                self.with_owner(dialog, |phone, tools| phone.turned(tools, Some(status)));
            }
            Event::ReferralTold { dialog, standing } => self.with_owner(dialog, |phone, tools| {
                tools.tell(LabEvent::ReferralTold { phone: phone.id(), standing });
            }),
            Event::Reoffered { dialog, sdp } => {
                self.with_owner(dialog, |phone, tools| phone.reoffered(tools, now, dialog, sdp.as_ref()));
            }
            Event::Ended { dialog, how, .. } => {
                let Some(id) = self.tools.owners.remove(&dialog) else { return };
                let Some(phone) = self.phones.get_mut(&id) else { return };
                if phone.dialog_ended(&mut self.tools, dialog, how).is_break() {
                    self.phones.remove(&id);
                }
            }
            Event::OwnRegistration { registration, standing } => self.heed_registrar(registration, standing),
            Event::Referred { dialog, .. } => self.tools.endpoint.refuse_refer(now, dialog, 603),
            Event::KeyPressed { dialog, key, .. } => self.with_owner(dialog, |phone, tools| {
                tools.tell(LabEvent::DigitHeard { phone: phone.id(), digit: key });
            }),
            // A restart forgets the lab's calls, and it is nobody's registrar.
            Event::Token { .. }
            | Event::Bindings { .. }
            | Event::Registration { .. }
            | Event::Banned { .. } => {}
            // Nobody in the lab asks whether a far end is there.
            Event::Probed { .. } => {}
        }
    }

    /// A call came for a number. A phone that is to answer by itself does, as far as it would answer at all.
    fn call(&mut self, now: Now, call: Call) {
        let reached = match self.phones.len() < PHONES_MAX {
            true => carrier::reach(&self.config, call.flow.local, &call.number),
            false => Err(503),
        };
        match reached {
            Ok(steps) => {
                let id = self.new_phone();
                let Call { dialog, number, from, answer_after_s, offer, .. } = call;
                let mut phone = Phone::called(&mut self.tools, now, id, dialog, steps, offer);
                self.tools.tell(LabEvent::PhoneCalled { phone: id, number, from });
                match answer_after_s {
                    Some(seconds) => phone.answer_by_itself(&mut self.tools, now, seconds),
                    None => phone.go_on(&mut self.tools, now),
                }
                self.phones.insert(id, phone);
            }
            Err(status) => self.tools.endpoint.reject(now, call.dialog, status),
        }
    }

    fn heed_media(&mut self, now: Now, signal: Signal) {
        match signal {
            Signal::Heard { stream } => {
                self.tools.tell(LabEvent::SoundHeard { phone: line::phone(stream) });
            }
            Signal::Digit { stream, digit } => {
                self.tools.tell(LabEvent::DigitHeard { phone: line::phone(stream), digit });
            }
            Signal::Played { stream } => {
                self.with(line::phone(stream), |phone, tools| phone.prompt_played(tools, now));
            }
            Signal::OpenFailed { stream } => {
                self.tools.ports.release(stream);
                self.with(line::phone(stream), |phone, tools| phone.hang_up(tools, now));
            }
            Signal::Closed { stream, counts: _ } => self.tools.ports.release(stream),
            // Phones neither mind silence nor record.
            Signal::Silent { .. } | Signal::RecordingStopped { .. } => {}
        }
    }

    fn heed_registrar(&mut self, registration: RegistrationId, standing: Standing) {
        let Some(user) = self.users.get(&registration).cloned() else { return };
        if standing == Standing::Gone {
            self.users.remove(&registration);
        }
        self.tools.tell(LabEvent::Registration { user, standing });
    }

    fn with(&mut self, phone: PhoneId, change: impl FnOnce(&mut Phone, &mut Tools)) {
        if let Some(phone) = self.phones.get_mut(&phone) {
            change(phone, &mut self.tools);
        }
    }

    fn with_owner(&mut self, dialog: DialogId, change: impl FnOnce(&mut Phone, &mut Tools)) {
        if let Some(phone) = self.tools.owners.get(&dialog).copied() {
            self.with(phone, change);
        }
    }

    fn new_phone(&mut self) -> PhoneId {
        self.last_phone += 1;
        PhoneId(self.last_phone)
    }

    fn phone_config(&self, user: &str) -> Option<&PhoneConfig> {
        self.config.phones.iter().find(|phone| phone.user == user)
    }
}

/// A call that came.
struct Call {
    dialog: DialogId,
    flow: Flow,
    number: String,
    from: String,
    answer_after_s: Option<u8>,
    offer: Option<Bytes>,
}

fn flow(local: std::net::SocketAddr, remote: std::net::SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, local, remote }
}

fn credentials(phone: &PhoneConfig) -> Credentials {
    Credentials { user: phone.user.clone(), password: phone.password.clone() }
}
