//! Legs begin: a port, an offer, an INVITE to a phone or to the first trunk that takes it.

use std::net::SocketAddr;
use std::time::Duration;

use base::{AccountId, CallId, LegId, Now};
use callcenter::action::Target;
use callcenter::signal::{Cause, Signal};
use media::codec::Codec;
use sip::api::{Credentials, Flow, Identity, RegistrationId};

use crate::api::Diagnostic;
use crate::cause::{self, Heard, Stopped, UNAVAILABLE};
use crate::leg::{Invite, Leg, State};
use crate::limits::TRUNK_TRIES_MAX;
use crate::speech::{self, Speech};
use crate::switch::{Owner, Switch};
use crate::trunks::{Among, NoWay, TrunkWay};

/// Where an INVITE goes.
struct Route {
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
        let speech = Speech::new(self.config.media_address, port, origin_id, codecs);
        self.media(media::api::Command::Open { stream: id.into(), call, port });
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
                remote,
                invite: Invite::Due,
                justified_by: self.gate.appended(),
                status: 0,
                port,
                speech,
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
        let (account, call, number, shown) = (leg.account, leg.call, number.clone(), leg.shown.clone());
        let legs = &self.legs;
        let channels = |trunk| legs.channels(trunk);
        let chosen = self.trunks.choose(now.mono, account, &leg.tried, last_resort, channels);
        let Ok(way) = chosen else { return false };
        let tried: Vec<TrunkWay> = leg.tried.iter().copied().chain([way]).collect();
        let route = self.route_by(now, account, (&tried, last_resort), (&number, &shown));
        let name = |way: TrunkWay| self.trunks.config(way.trunk).name.clone();
        let moved = Diagnostic::TrunkFailedOver { leg: id, from: name(failed), to: name(way), status };
        let codecs = speech::in_order(&route.codecs, self.codec_of(call));
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        leg.speech.prefer(codecs);
        let dialog = self.endpoint.invite(now, invite_of(route, &leg.speech));
        self.legs.redial(id, dialog, way);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        leg.invite = Invite::Due;
        leg.status = 0;
        leg.last_resort = last_resort;
        self.tell_operator(moved);
        true
    }

    /// What a call agreed on already: its two ends had better speak the same codec, then nothing is transcoded.
    fn codec_of(&self, call: CallId) -> Option<Codec> {
        self.legs.of_call(call).find_map(|(_, leg)| leg.speech.agreed()).map(|terms| terms.codec)
    }

    fn route(&mut self, now: Now, owner: Owner, target: &Target, shown: &str) -> Result<Route, Stopped> {
        match target {
            Target::Number(number) => self.route_to_number(now, owner, number, shown),
            Target::Phone(user) => self.route_to_phone(owner, user, shown),
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
            Ok(way) => Ok(self.route_by(now, owner.account, (&[way], Among::All), (number, shown))),
            Err(NoWay::NoneLeft) => Err(Stopped::NoResource),
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
        account: AccountId,
        (tried, last_resort): (&[TrunkWay], Among),
        (number, shown): (&str, &str),
    ) -> Route {
        let way = *tried.last().expect("a route goes some way");
        let uri = format!("sip:{}@{}", self.trunks.called(way, number), self.trunks.domain(way));
        let (from_user, identity) = self.trunks.shown(way, shown);
        let config = self.trunks.config(way.trunk);
        let channels = |trunk| self.legs.channels(trunk);
        let may_follow = tried.len() < TRUNK_TRIES_MAX
            && self.trunks.has_another(now.mono, account, tried, last_resort, channels);
        Route {
            flow: self.flow_to(way),
            to_uri: uri.clone(),
            uri,
            from_user,
            codecs: config.codecs.clone(),
            credentials: config.credentials.clone(),
            // Only when another way can follow is it worth giving up early.
            answer_any_within: may_follow.then_some(self.config.trunk_answer_any_max),
            registration: self.trunks.registration(way.trunk),
            identity,
            way: Some(way),
        }
    }

    fn route_to_phone(&self, owner: Owner, user: &str, shown: &str) -> Result<Route, Stopped> {
        let domain = self.phones.domain_of(owner.account).ok_or(Stopped::NotRegistered)?;
        let contacts = self.endpoint.contacts(domain, user);
        let contact = contacts.first().ok_or(Stopped::NotRegistered)?;
        Ok(Route {
            flow: contact.flow,
            uri: contact.uri.clone(),
            to_uri: format!("sip:{user}@{domain}"),
            from_user: shown.to_owned(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            credentials: None,
            answer_any_within: None,
            registration: None,
            identity: Identity::default(),
            way: None,
        })
    }

    /// The path of what goes by a way.
    pub(crate) fn flow_to(&self, way: TrunkWay) -> Flow {
        let transport = self.trunks.config(way.trunk).transport;
        Flow { transport, local: self.config.sip_local, remote: way.remote }
    }

    /// Whether our socket can send there.
    pub(crate) fn reaches(&self, remote: SocketAddr) -> bool {
        remote.is_ipv4() == self.config.sip_local.is_ipv4()
    }

    fn never_began(&mut self, owner: Owner, why: Stopped) {
        let nothing = Heard { status: 0, rang: false, answered: false };
        let cause: Cause = cause::of_stop(why, nothing);
        self.tell(owner.account, Signal::LegEnded { leg: owner.leg, cause, gateway: None });
    }
}

fn invite_of(route: Route, speech: &Speech) -> sip::api::Invite {
    sip::api::Invite {
        flow: route.flow,
        uri: route.uri,
        from_user: route.from_user,
        from_name: None,
        to_uri: route.to_uri,
        sdp: speech.offer(),
        credentials: route.credentials,
        answer_any_within: route.answer_any_within,
        registration: route.registration,
        identity: route.identity,
    }
}
