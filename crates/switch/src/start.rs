//! Legs begin: a port, an offer, an INVITE to a phone or to the first trunk that takes it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{CallId, LegId, Now};
use callcenter::action::Target;
use callcenter::signal::{Cause, Signal};
use media::api::Family;
use media::codec::Codec;
use sip::api::{Binding, Credentials, Flow, Identity, RegistrationId, Transport};
use sip::message::Uri;

use crate::api::Diagnostic;
use crate::cause::{self, Heard, Stopped, UNAVAILABLE};
use crate::leg::{Invite, Leg, PickUp, State, Watch};
use crate::limits::TRUNK_TRIES_MAX;
use crate::speech::{self, Speech};
use crate::switch::{Owner, Switch};
use crate::trunks::{Among, NoWay, TrunkWay};

/// Where SIP is spoken when a URI says nothing else (RFC 3261 §19.1.2).
const SIP_PORT: u16 = 5060;

/// Where an INVITE goes.
pub(crate) struct Route {
    flow: Flow,
    uri: String,
    to_uri: String,
    from_user: String,
    codecs: Vec<Codec>,
    credentials: Option<Credentials>,
    answer_any_within: Option<Duration>,
    registration: Option<RegistrationId>,
    identity: Identity,
    way: Option<TrunkWay>,
}

impl Switch {
    /// `Action::StartLeg`: the leg begins, or the core hears at once why it cannot.
    pub(crate) fn start_leg(&mut self, now: Now, owner: Owner, target: Target, shown: String) {
        let Owner { account, leg: id, call } = owner;
        if self.legs.len() >= self.config.legs_max {
            self.tell_operator(Diagnostic::Full { queue: "legs" });
            return self.never_began(owner, Stopped::NoResource);
        }
        let route = match self.route(now, owner, &target, &shown) {
            Ok(route) => route,
            Err(why) => return self.never_began(owner, why),
        };
        let Some(port) = self.ports.take(now.mono) else {
            self.tell_operator(Diagnostic::NoPort { leg: id });
            return self.never_began(owner, Stopped::NoResource);
        };
        let origin_id = self.random.below(1 << 62);
        let codecs = speech::in_order(&route.codecs, self.codec_of(call));
        let address = self.media_address(route.flow);
        let speech = Speech::new(address, port, origin_id, codecs);
        let family = Family::of(address);
        self.media(media::api::Command::Open { stream: id.into(), call, port, family });
        let mut contacts = self.contacts(owner, &target).into_iter();
        let (way, remote) = (route.way, route.flow.remote);
        let dialog = self.endpoint.invite(now, invite_of(route, &speech));
        self.legs.insert(
            id,
            Leg {
                account,
                call,
                target,
                shown,
                state: State::Calling,
                dialog,
                way,
                tried: way.into_iter().collect(),
                last_resort: Among::All,
                contact: contacts.next(),
                pick_up: PickUp::Person,
                contacts: contacts.collect(),
                remote,
                invite: Invite::Due,
                justified_by: self.gate.appended(),
                status: 0,
                port,
                speech,
                hears: Default::default(),
                watch: Watch::Off,
                reoffers: Default::default(),
            },
        );
    }

    /// The way did not take the leg: the next one is tried. False when there is none.
    pub(crate) fn try_next_way(&mut self, now: Now, id: LegId, status: u16) -> bool {
        let Some(leg) = self.legs.get(id) else { return false };
        let (Some(failed), Target::Number(number)) = (leg.way, &leg.target) else { return false };
        if leg.tried.len() >= TRUNK_TRIES_MAX {
            return false;
        }
        let last_resort = if status == UNAVAILABLE { Among::Answering } else { leg.last_resort };
        let owner = Owner { account: leg.account, leg: id, call: leg.call };
        let (number, shown) = (number.clone(), leg.shown.clone());
        let legs = &self.legs;
        // It leaves the channel that it has, perhaps for another address of the same trunk.
        let channels = |trunk| legs.channels_of_others(trunk, id);
        let chosen = self.trunks.choose(now.mono, owner.account, &leg.tried, last_resort, channels);
        let Ok(way) = chosen else { return false };
        let tried: Vec<TrunkWay> = leg.tried.iter().copied().chain([way]).collect();
        let route = self.route_by(now, owner, (&tried, last_resort), (&number, &shown));
        let name = |way: TrunkWay| self.trunks.config(way.trunk).name.clone();
        let moved = Diagnostic::TrunkFailedOver { leg: id, from: name(failed), to: name(way), status };
        let codecs = speech::in_order(&route.codecs, self.codec_of(owner.call));
        self.move_stream(id, self.media_address(route.flow));
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        leg.speech.prefer(codecs);
        let dialog = self.endpoint.invite(now, invite_of(route, &leg.speech));
        self.legs.redial(id, dialog);
        self.legs.take_way(id, way);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        leg.invite = Invite::Due;
        leg.status = 0;
        leg.last_resort = last_resort;
        self.tell_operator(moved);
        true
    }

    /// The next way, or phone, may be one of another family than the one before.
    fn move_stream(&mut self, id: LegId, address: IpAddr) {
        let leg = self.legs.get_mut(id).expect("only the stream of a known leg is moved");
        if leg.speech.move_to(address) {
            let (stream, call, port, family) = (id.into(), leg.call, leg.port, Family::of(address));
            self.media(media::api::Command::Close { stream });
            self.media(media::api::Command::Open { stream, call, port, family });
        }
    }

    /// What a call agreed on already: all its ends had better speak the same codec, then nothing is transcoded.
    pub(crate) fn codec_of(&self, call: CallId) -> Option<Codec> {
        let mut living = self.legs.of_call(call).filter(|(_, leg)| leg.is_living());
        living.find_map(|(_, leg)| leg.speech.agreed()).map(|terms| terms.codec)
    }

    fn route(&mut self, now: Now, owner: Owner, target: &Target, shown: &str) -> Result<Route, Stopped> {
        match target {
            Target::Number(number) => self.route_to_number(now, owner, number, shown),
            Target::Phone(user) => self.route_to_phone(owner, user, shown),
            Target::Uri(uri) => self.route_to_uri(owner, uri, shown),
        }
    }

    fn route_to_number(
        &mut self,
        now: Now,
        owner: Owner,
        number: &str,
        shown: &str,
    ) -> Result<Route, Stopped> {
        let legs = &self.legs;
        let channels = |trunk| legs.channels(trunk);
        match self.trunks.choose(now.mono, owner.account, &[], Among::All, channels) {
            Ok(way) => Ok(self.route_by(now, owner, (&[way], Among::All), (number, shown))),
            Err(NoWay::NoneLeft) => {
                self.tell_operator(Diagnostic::NoTrunk { leg: owner.leg });
                Err(Stopped::NoResource)
            }
            Err(NoWay::Full) => {
                self.tell_operator(Diagnostic::TrunksFull { leg: owner.leg });
                Err(Stopped::NoResource)
            }
        }
    }

    /// The route by the last of `tried`.
    fn route_by(
        &self,
        now: Now,
        owner: Owner,
        (tried, last_resort): (&[TrunkWay], Among),
        (number, shown): (&str, &str),
    ) -> Route {
        let way = *tried.last().expect("a route goes some way");
        let uri = format!("sip:{}@{}", self.trunks.called(way, number), self.trunks.domain(way));
        let (from_user, identity) = self.trunks.shown(way, shown);
        let config = self.trunks.config(way.trunk);
        let channels = |trunk| self.legs.channels_of_others(trunk, owner.leg);
        let may_follow = tried.len() < TRUNK_TRIES_MAX
            && self.trunks.has_another(now.mono, owner.account, tried, last_resort, channels);
        Route {
            flow: self.flow_to(way),
            to_uri: uri.clone(),
            uri,
            from_user,
            codecs: config.codecs.clone(),
            credentials: config.credentials.clone(),
            // The only way there is is worth all the time there is; of several none keeps a call waiting.
            answer_any_within: (may_follow || tried.len() > 1).then_some(self.config.trunk_answer_any_max),
            registration: self.trunks.registration(way.trunk),
            identity,
            way: Some(way),
        }
    }

    fn route_to_phone(&self, owner: Owner, user: &str, shown: &str) -> Result<Route, Stopped> {
        let domain = self.phones.domain_of(owner.account).ok_or(Stopped::NotRegistered)?;
        let mut contacts = self.endpoint.contacts(domain, user).into_iter();
        let contact = contacts.next().ok_or(Stopped::NotRegistered)?;
        Ok(self.route_to_contact((domain, user), contact, shown, contacts.next().is_some()))
    }

    /// To an address of the configuration, which is one and no name. Who calls in and is not shown is not shown there either.
    fn route_to_uri(&self, owner: Owner, uri: &str, shown: &str) -> Result<Route, Stopped> {
        let flow = self.flow_to_uri(uri).ok_or(Stopped::NoResource)?;
        Ok(Route {
            flow,
            uri: uri.to_owned(),
            to_uri: uri.to_owned(),
            from_user: shown.to_owned(),
            codecs: self.codecs_of_caller(owner.call).unwrap_or_else(|| vec![Codec::Pcma, Codec::Pcmu]),
            credentials: None,
            answer_any_within: None,
            registration: None,
            identity: Identity { withheld: shown.is_empty(), ..Identity::default() },
            way: None,
        })
    }

    /// The path of what goes to a URI.
    fn flow_to_uri(&self, uri: &str) -> Option<Flow> {
        let uri = Uri::parse(uri).ok()?;
        let remote = SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(SIP_PORT));
        let is_tcp = uri.params.get("transport").is_some_and(|name| name.eq_ignore_ascii_case("tcp"));
        let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
        let mut listeners = self.config.sip_listeners.iter().map(|listener| listener.bind);
        let local = listeners.find(|bind| bind.is_ipv4() == remote.is_ipv4())?;
        Some(Flow { transport, local, remote })
    }

    /// Only when another phone can follow is it worth giving up early.
    pub(crate) fn route_to_contact(
        &self,
        (domain, user): (&str, &str),
        contact: Binding,
        shown: &str,
        may_follow: bool,
    ) -> Route {
        let account = self.phones.account_of(domain);
        let codecs = account.map(|account| self.config.phone_codecs_of(account));
        Route {
            flow: contact.flow,
            uri: contact.uri,
            to_uri: format!("sip:{user}@{domain}"),
            from_user: shown.to_owned(),
            codecs: codecs.unwrap_or_else(|| self.config.phone_codecs.clone()),
            credentials: None,
            answer_any_within: may_follow.then_some(self.config.trunk_answer_any_max),
            registration: None,
            identity: Identity::default(),
            way: None,
        }
    }

    /// Where a target that is a phone is registered, first choice first.
    fn contacts(&self, owner: Owner, target: &Target) -> Vec<Binding> {
        match (target, self.phones.domain_of(owner.account)) {
            (Target::Phone(user), Some(domain)) => self.endpoint.contacts(domain, user),
            (Target::Phone(_), None) | (Target::Number(_) | Target::Uri(_), _) => Vec::new(),
        }
    }

    /// The phone that the leg called is not there: the user's next one is tried, one at a time. False when there is none.
    pub(crate) fn try_next_contact(&mut self, now: Now, id: LegId) -> bool {
        let Some(leg) = self.legs.get(id) else { return false };
        let owner = Owner { account: leg.account, leg: id, call: leg.call };
        let Target::Phone(user) = &leg.target else { return false };
        let Some(domain) = self.phones.domain_of(owner.account) else { return false };
        let known = self.contacts(owner, &leg.target);
        let is_there = |wanted: &&Binding| known.iter().any(|there| there.is_same_place(wanted));
        let mut left = leg.contacts.iter().filter(is_there).cloned();
        let Some(contact) = left.next() else { return false };
        let left: Vec<Binding> = left.collect();
        let route = self.route_to_contact((domain, user), contact.clone(), &leg.shown, !left.is_empty());
        let remote = route.flow.remote;
        self.move_stream(id, self.media_address(route.flow));
        let leg = self.legs.get(id).expect("the leg was found above");
        let dialog = self.endpoint.invite(now, invite_of(route, &leg.speech));
        self.legs.redial(id, dialog);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        (leg.contact, leg.contacts, leg.remote) = (Some(contact), left, remote);
        (leg.invite, leg.status) = (Invite::Due, 0);
        true
    }

    /// The path of what goes by a way.
    pub(crate) fn flow_to(&self, way: TrunkWay) -> Flow {
        let transport = self.trunks.config(way.trunk).transport;
        let listeners = self.config.sip_listeners.iter().map(|listener| listener.bind);
        let same = listeners.clone().find(|bind| bind.is_ipv4() == way.remote.is_ipv4());
        // Trunks keep only ways of a family that is listened to.
        let local = same.or(listeners.clone().next()).expect("the switch listens somewhere");
        Flow { transport, local, remote: way.remote }
    }

    /// Where the sound of a leg is received whose signalling goes by `flow`.
    pub(crate) fn media_address(&self, flow: Flow) -> IpAddr {
        let addresses = &self.config.media_addresses;
        let same = addresses.iter().find(|address| address.is_ipv4() == flow.remote.is_ipv4());
        *same.or(addresses.first()).expect("the configuration names an address for sound")
    }

    pub(crate) fn never_began(&mut self, owner: Owner, why: Stopped) {
        let nothing = Heard { status: 0, rang: false, answered: false };
        let cause: Cause = cause::of_stop(why, nothing);
        self.tell(owner.account, Signal::LegEnded { leg: owner.leg, cause, gateway: None });
    }
}

pub(crate) fn invite_of(route: Route, speech: &Speech) -> sip::api::Invite {
    sip::api::Invite {
        flow: route.flow,
        uri: route.uri,
        from_user: route.from_user,
        from_name: None,
        to_uri: route.to_uri,
        sdp: speech.offer(),
        credentials: route.credentials,
        answer_any_within: route.answer_any_within,
        answer_mode: sip::api::AnswerMode::Manual,
        registration: route.registration,
        identity: route.identity,
    }
}
