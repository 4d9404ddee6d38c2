//! What a REGISTER does to a user's bindings (RFC 3261 §10.3 steps 6 to 8, RFC 3327, RFC 5626 §6): all of it or nothing.

use std::time::Duration;

use base::Now;

use super::Reply;
use super::binding::{Bound, Instance, device_of, q_of, reach_of};
use crate::api::Flow;
use crate::endpoint::RegistrarConfig;
use crate::limits::PATH_BYTES_MAX;
use crate::message::{Contacts, HeaderName, NameAddr, Request, check};

/// A REGISTER by a user who has proven to be one.
pub(super) struct Update<'a> {
    now: Now,
    flow: Flow,
    request: &'a Request,
    call_id: &'a str,
    cseq: u32,
    for_all_s: Option<u32>,
    path: Option<Box<str>>,
    outbound: Outbound,
}

/// Whether the phone keeps up its path itself, and every hop knows what that asks of it (RFC 5626).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    /// The phone did not ask for it.
    Unasked,
    /// It did, but the first proxy does not know of it.
    Lacking,
    /// Yes.
    Agreed,
}

/// What a REGISTER came to.
pub(super) enum Updated {
    /// It asked only.
    Same,
    /// These are the bindings now.
    Changed,
}

impl<'a> Update<'a> {
    /// Reads what the REGISTER says apart from its contacts.
    pub(super) fn read(now: Now, flow: Flow, request: &'a Request) -> Result<Update<'a>, Reply> {
        let headers = &request.headers;
        let bad = |_| Reply::plain(400);
        let path = headers.paths().map_err(bad)?;
        let direct = headers.vias().is_ok_and(|vias| vias.len() == 1);
        let first_hop_knows = match path.last() {
            Some(first_hop) => first_hop.uri.params.has("ob"),
            None => direct,
        };
        let outbound = match (check::knows(request, "outbound"), first_hop_knows) {
            (false, _) => Outbound::Unasked,
            (true, false) => Outbound::Lacking,
            (true, true) => Outbound::Agreed,
        };
        let lines: Vec<String> = path.iter().map(NameAddr::to_string).collect();
        let path = (!lines.is_empty()).then(|| lines.join(", ").into_boxed_str());
        if path.as_ref().is_some_and(|path| path.len() > PATH_BYTES_MAX) {
            return Err(Reply::plain(400));
        }
        Ok(Update {
            now,
            flow,
            request,
            call_id: headers.call_id().map_err(bad)?,
            cseq: headers.cseq().map_err(bad)?.number,
            for_all_s: headers.expires_s().map_err(bad)?,
            path,
            outbound,
        })
    }

    /// Changes `bindings`, the most recent first, of a user who may have `most` of them in the end.
    pub(super) fn perform(
        &self,
        config: &RegistrarConfig,
        bindings: &mut Vec<Bound>,
        most: usize,
    ) -> Result<Updated, Reply> {
        let list = match self.request.headers.contacts().map_err(|_| Reply::plain(400))? {
            Contacts::List(list) if list.is_empty() => return Ok(Updated::Same),
            Contacts::List(list) => list,
            Contacts::Star if self.for_all_s != Some(0) => return Err(Reply::plain(400)),
            Contacts::Star if bindings.iter().any(|bound| self.is_older_than(bound)) => {
                return Err(Reply::plain(500));
            }
            Contacts::Star => {
                bindings.clear();
                return Ok(Updated::Changed);
            }
        };
        let mut wanted = Vec::with_capacity(list.len());
        for contact in list {
            let lifetime = self.lifetime(config, &contact)?;
            wanted.push((self.instance(&contact)?, lifetime, contact));
        }
        let kept = wanted.iter().filter(|(_, lifetime, _)| *lifetime > Duration::ZERO);
        let (mut many, mut flows) = (0, 0);
        for (instance, _, _) in kept {
            (many, flows) = (many + 1, flows + usize::from(instance.is_some()));
        }
        // One REGISTER tells of one path (RFC 5626 §6).
        if many > 1 && flows > 0 {
            return Err(Reply::plain(400));
        }
        // More than that even on the way are not compared with each other first.
        let most = bindings.len() + most;
        let mut place = 0;
        for (instance, lifetime, contact) in wanted {
            let old = |bound: &Bound| bound.is_of(&contact, instance.as_ref());
            if bindings.iter().any(|bound| old(bound) && self.is_older_than(bound)) {
                return Err(Reply::plain(500));
            }
            bindings.retain(|bound| !old(bound));
            if lifetime > Duration::ZERO {
                bindings.insert(place, self.bound(instance, lifetime, &contact));
                place += 1;
            }
            if bindings.len() > most {
                return Err(Reply::plain(403));
            }
        }
        Ok(Updated::Changed)
    }

    /// What the 200 says beside the contacts: the way to the phone, and whether its path is kept up by it.
    pub(super) fn headers(&self, bindings: &[Bound]) -> Vec<(HeaderName, String)> {
        let mut lines = Vec::new();
        if let Some(path) = &self.path {
            lines.push((HeaderName::Path, path.to_string()));
        }
        let is_this = |bound: &Bound| {
            bound.instance.is_some() && *bound.call_id == *self.call_id && bound.cseq == self.cseq
        };
        if self.outbound == Outbound::Agreed && bindings.iter().any(is_this) {
            lines.push((HeaderName::Require, "outbound".to_owned()));
        }
        // Most phones know neither, and the answer is remembered for a while.
        if self.path.is_some() || self.outbound != Outbound::Unasked {
            lines.push((HeaderName::Supported, "path, outbound".to_owned()));
        }
        lines
    }

    /// The registration of the phone that a contact is; one that asks for what the first proxy cannot do is refused.
    fn instance(&self, contact: &NameAddr) -> Result<Option<Instance>, Reply> {
        if !contact.uri.is_sip() {
            return Err(Reply::plain(400));
        }
        let instance = Instance::of(contact)?;
        match (self.outbound, &instance) {
            (Outbound::Lacking, Some(_)) => Err(Reply::plain(439)),
            (Outbound::Lacking | Outbound::Unasked | Outbound::Agreed, _) => Ok(instance),
        }
    }

    /// Whether the REGISTER was sent before the one that `bound` is of, and has been overtaken.
    fn is_older_than(&self, bound: &Bound) -> bool {
        *bound.call_id == *self.call_id && self.cseq <= bound.cseq
    }

    fn bound(&self, instance: Option<Instance>, lifetime: Duration, contact: &NameAddr) -> Bound {
        Bound {
            uri: contact.uri.to_string().into(),
            flow: self.flow,
            call_id: self.call_id.into(),
            cseq: self.cseq,
            q: q_of(contact),
            instance,
            path: self.path.clone(),
            device: device_of(self.request),
            reach: reach_of(self.request, contact, self.flow),
            refreshed_at: self.now.wall,
            expires_at: self.now.mono + lifetime,
            expires_at_wall: self.now.wall + lifetime,
        }
    }

    /// How long a contact is kept; zero: it is to be forgotten.
    fn lifetime(&self, config: &RegistrarConfig, contact: &NameAddr) -> Result<Duration, Reply> {
        let asked_s = contact.expires_s().or(self.for_all_s);
        let asked = asked_s.map_or(config.expires_max, |s| Duration::from_secs(u64::from(s)));
        if asked > Duration::ZERO && asked < config.expires_min {
            let least_s = config.expires_min.as_secs().to_string();
            return Err(Reply { status: 423, headers: vec![(HeaderName::MinExpires, least_s)] });
        }
        Ok(asked.min(config.expires_max))
    }
}
