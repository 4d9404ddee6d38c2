//! Legs begin: a port, an offer, an INVITE to a phone or to the first trunk that takes it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{LegId, Now};
use callcenter::action::Target;
use callcenter::signal::{Cause, Signal};
use media::api::Family;
use sip::api::{Binding, Credentials, Flow, Transport};

use crate::api::Diagnostic;
use crate::cause::{self, Heard, Stopped};
use crate::leg::{Invite, Leg, State};
use crate::limits::TRUNK_TRIES_MAX;
use crate::speech::Speech;
use crate::switch::{Owner, Switch};

/// Where an INVITE goes.
struct Way {
    flow: Flow,
    uri: String,
    to_uri: String,
    credentials: Option<Credentials>,
    answer_any_within: Option<Duration>,
    trunk: Option<usize>,
}

impl Switch {
    /// `Action::StartLeg`: the leg begins, or the core hears at once why it cannot.
    pub(crate) fn start_leg(&mut self, now: Now, owner: Owner, target: Target, shown: String) {
        let Owner { account, leg: id, call } = owner;
        if self.legs.len() >= self.config.legs_max {
            self.tell_operator(Diagnostic::Full { queue: "legs" });
            return self.never_began(owner, Stopped::NoResource);
        }
        let way = match self.way(owner, &target, 0) {
            Ok(way) => way,
            Err(why) => return self.never_began(owner, why),
        };
        let Some(port) = self.ports.take(now.mono) else {
            self.tell_operator(Diagnostic::NoPort { leg: id });
            return self.never_began(owner, Stopped::NoResource);
        };
        // The two ends of a call had better speak the same codec: then nothing is transcoded.
        let first = self.legs.of_call(call).find_map(|(_, leg)| leg.speech.agreed()).map(|terms| terms.codec);
        let origin_id = self.random.below(1 << 62);
        let address = self.media_address(way.flow);
        let speech = Speech::new(address, port, origin_id, first);
        let family = Family::of(address);
        self.media(media::api::Command::Open { stream: id.into(), call, port, family });
        let (trunk, remote) = (way.trunk, way.flow.remote);
        let contacts = self.contacts(owner, &target).into_iter().skip(1).collect();
        let dialog = self.endpoint.invite(now, invite_of(way, &shown, &speech));
        self.legs.insert(
            id,
            Leg {
                account,
                call,
                target,
                shown,
                state: State::Calling,
                dialog,
                trunk,
                contacts,
                remote,
                invite: Invite::Due,
                justified_by: self.gate.appended(),
                status: 0,
                port,
                speech,
            },
        );
    }

    /// The trunk did not take the leg: the next one is tried. False when there is none.
    pub(crate) fn try_next_trunk(&mut self, now: Now, id: LegId, status: u16) -> bool {
        let Some(leg) = self.legs.get(id) else { return false };
        let Some(tried) = leg.trunk else { return false };
        let owner = Owner { account: leg.account, leg: id, call: leg.call };
        let Ok(way) = self.way(owner, &leg.target, tried + 1) else { return false };
        let trunks = self.accounts.get(&owner.account).map_or(&[][..], |account| &account.trunks[..]);
        let name = |at: usize| trunks.get(at).map(|trunk| trunk.name.clone()).unwrap_or_default();
        let moved = Diagnostic::TrunkFailedOver { leg: id, from: name(tried), to: name(tried + 1), status };
        self.move_stream(id, self.media_address(way.flow));
        let leg = self.legs.get(id).expect("the leg was found above");
        let (trunk, remote) = (way.trunk, way.flow.remote);
        let dialog = self.endpoint.invite(now, invite_of(way, &leg.shown, &leg.speech));
        self.legs.redial(id, dialog);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        leg.trunk = trunk;
        leg.remote = remote;
        leg.invite = Invite::Due;
        leg.status = 0;
        self.tell_operator(moved);
        true
    }

    /// The next trunk may be one of another family than the one before.
    fn move_stream(&mut self, id: LegId, address: IpAddr) {
        let leg = self.legs.get_mut(id).expect("only the stream of a known leg is moved");
        if leg.speech.move_to(address) {
            let (stream, call, port, family) = (id.into(), leg.call, leg.port, Family::of(address));
            self.media(media::api::Command::Close { stream });
            self.media(media::api::Command::Open { stream, call, port, family });
        }
    }

    fn way(&self, owner: Owner, target: &Target, trunk: usize) -> Result<Way, Stopped> {
        match target {
            Target::Number(number) => self.way_to_number(owner, number, trunk),
            Target::Phone(user) => self.way_to_phone(owner, user),
        }
    }

    fn way_to_number(&self, owner: Owner, number: &str, at: usize) -> Result<Way, Stopped> {
        let account = self.accounts.get(&owner.account).ok_or(Stopped::NoResource)?;
        let trunk = account.trunks.iter().take(TRUNK_TRIES_MAX).nth(at).ok_or(Stopped::NoResource)?;
        let uri = format!("sip:{number}@{}", trunk.domain);
        let may_follow = at + 1 < account.trunks.len().min(TRUNK_TRIES_MAX);
        Ok(Way {
            flow: self.flow_to(trunk.remote).ok_or(Stopped::NoResource)?,
            to_uri: uri.clone(),
            uri,
            credentials: trunk.credentials.clone(),
            // Only when another trunk can follow is it worth giving up early.
            answer_any_within: may_follow.then_some(self.config.trunk_answer_any_max),
            trunk: Some(at),
        })
    }

    fn way_to_phone(&self, owner: Owner, user: &str) -> Result<Way, Stopped> {
        let domain = self.phones.domain_of(owner.account).ok_or(Stopped::NotRegistered)?;
        let mut contacts = self.endpoint.contacts(domain, user).into_iter();
        let contact = contacts.next().ok_or(Stopped::NotRegistered)?;
        Ok(self.way_to_contact(domain, user, contact, contacts.next().is_some()))
    }

    /// Only when another phone can follow is it worth giving up early.
    fn way_to_contact(&self, domain: &str, user: &str, contact: Binding, may_follow: bool) -> Way {
        Way {
            flow: contact.flow,
            uri: contact.uri,
            to_uri: format!("sip:{user}@{domain}"),
            credentials: None,
            answer_any_within: may_follow.then_some(self.config.trunk_answer_any_max),
            trunk: None,
        }
    }

    /// Where a target that is a phone is registered, first choice first.
    fn contacts(&self, owner: Owner, target: &Target) -> Vec<Binding> {
        match (target, self.phones.domain_of(owner.account)) {
            (Target::Phone(user), Some(domain)) => self.endpoint.contacts(domain, user),
            (Target::Phone(_), None) | (Target::Number(_), _) => Vec::new(),
        }
    }

    /// The phone that the leg called is not there: the user's next one is tried, one at a time. False when there is none.
    pub(crate) fn try_next_contact(&mut self, now: Now, id: LegId) -> bool {
        let Some(leg) = self.legs.get(id) else { return false };
        let owner = Owner { account: leg.account, leg: id, call: leg.call };
        let Target::Phone(user) = &leg.target else { return false };
        let Some(domain) = self.phones.domain_of(owner.account) else { return false };
        let known = self.contacts(owner, &leg.target);
        let is_there = |wanted: &&Binding| {
            known.iter().any(|there| there.flow == wanted.flow && there.uri == wanted.uri)
        };
        let mut left = leg.contacts.iter().filter(is_there).cloned();
        let Some(contact) = left.next() else { return false };
        let left: Vec<Binding> = left.collect();
        let way = self.way_to_contact(domain, user, contact, !left.is_empty());
        let remote = way.flow.remote;
        self.move_stream(id, self.media_address(way.flow));
        let leg = self.legs.get(id).expect("the leg was found above");
        let dialog = self.endpoint.invite(now, invite_of(way, &leg.shown, &leg.speech));
        self.legs.redial(id, dialog);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        (leg.contacts, leg.remote, leg.invite, leg.status) = (left, remote, Invite::Due, 0);
        true
    }

    /// The way to `remote`; none where no listener of ours speaks its family.
    fn flow_to(&self, remote: SocketAddr) -> Option<Flow> {
        let listeners = self.config.sip_listeners.iter().map(|listener| listener.bind);
        let local = listeners.into_iter().find(|bind| bind.is_ipv4() == remote.is_ipv4())?;
        Some(Flow { transport: Transport::Udp, local, remote })
    }

    /// Where the sound of a leg is received whose signalling goes by `flow`.
    fn media_address(&self, flow: Flow) -> IpAddr {
        let addresses = &self.config.media_addresses;
        let same = addresses.iter().find(|address| address.is_ipv4() == flow.remote.is_ipv4());
        *same.or(addresses.first()).expect("the configuration names an address for sound")
    }

    fn never_began(&mut self, owner: Owner, why: Stopped) {
        let nothing = Heard { status: 0, rang: false, answered: false };
        let cause: Cause = cause::of_stop(why, nothing);
        self.tell(owner.account, Signal::LegEnded { leg: owner.leg, cause, gateway: None });
    }
}

fn invite_of(way: Way, shown: &str, speech: &Speech) -> sip::api::Invite {
    sip::api::Invite {
        flow: way.flow,
        uri: way.uri,
        from_user: shown.to_owned(),
        from_name: None,
        to_uri: way.to_uri,
        sdp: speech.offer(),
        credentials: way.credentials,
        answer_any_within: way.answer_any_within,
    }
}
