//! The registrar: who is where (RFC 3261 §10.3), and proof of it (RFC 8760 digest).
//!
//! The path a registration came by is kept with its contact, and calls go back along it: phones behind NAT cannot be
//! reached at the address they name.
//!
//! Every domain has users of its own: the host of To says which domain is meant, and nothing is shared between two, not
//! even when the users' names are the same.

mod domains;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Mono, Now, Random, Wall};

use crate::api::{Aor, Binding, Event, Flow};
use crate::digest::{Authorization, Challenge, Nonces, Standing};
use crate::endpoint::{Domain, Limits, RegistrarConfig, TimerName, Wire};
use crate::message::{Contacts, HeaderName, NameAddr, Request, Response, Uri};
use domains::Domains;

/// A phone that registers every hour or more often need not be asked again in between.
const NONCE_FRESH_FOR: Duration = Duration::from_secs(4000);

/// Whose password is checked when there is no such user, so that it takes as long.
const NOBODY: &str = "nobody has this password";

/// Where users are.
#[derive(Debug)]
pub(crate) struct Registrar {
    config: RegistrarConfig,
    limits: Limits,
    domains: Domains,
    /// A user without bindings is not in it.
    bindings: BTreeMap<Aor, Vec<Bound>>,
    by_flow: BTreeMap<Flow, BTreeSet<Aor>>,
    nonces: Nonces,
}

/// How a REGISTER is answered.
#[derive(Debug)]
pub(crate) enum Registered {
    /// Whoever sent it has proven nothing yet.
    Unproven(Reply),
    /// By a user with the right password and a fresh nonce; the same request cannot be judged again.
    Proven(Reply),
}

/// What the asker is told.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(HeaderName, String)>,
}

#[derive(Clone, Debug)]
struct Bound {
    uri: Uri,
    flow: Flow,
    call_id: String,
    cseq: u32,
    device: Option<String>,
    refreshed_at: Wall,
    expires_at: Mono,
    expires_at_wall: Wall,
}

impl Registrar {
    pub(crate) fn new(mut config: RegistrarConfig, limits: Limits, random: &mut Random) -> Registrar {
        let domains = Domains::new(std::mem::take(&mut config.domains));
        Registrar {
            config,
            limits,
            domains,
            bindings: BTreeMap::new(),
            by_flow: BTreeMap::new(),
            nonces: Nonces::new(random, NONCE_FRESH_FOR),
        }
    }

    /// Answers a REGISTER.
    pub(crate) fn register(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        request: &Request,
    ) -> Registered {
        let Ok(to) = request.headers.to() else { return Registered::Unproven(Reply::plain(400)) };
        let domain = self.domains.of(&to.uri.host);
        match self.authenticate(now, request, domain) {
            // One user does not register another (RFC 3261 §10.3 step 4).
            Ok(aor) if to.uri.user_unescaped() != aor.user => Registered::Proven(Reply::plain(403)),
            Ok(aor) => {
                let done = self.register_user(now, flow, wire, request, &aor);
                Registered::Proven(done.unwrap_or_else(|refusal| refusal))
            }
            Err(refusal) => Registered::Unproven(refusal),
        }
    }

    /// Forgets what has run out of a user's bindings.
    pub(crate) fn expire(&mut self, now: Mono, wire: &mut Wire, aor: &Aor) {
        let mut bindings = self.bindings.get(aor).cloned().unwrap_or_default();
        bindings.retain(|bound| bound.expires_at > now);
        self.replace(wire, aor, bindings);
    }

    pub(crate) fn set_domains(&mut self, wire: &mut Wire, domains: Vec<Domain>) {
        let domains = Domains::new(domains);
        let changed = |aor: &&Aor| self.domains.password(aor) != domains.password(aor);
        let dropped: Vec<Aor> = self.bindings.keys().filter(changed).cloned().collect();
        self.domains = domains;
        for aor in dropped {
            self.replace(wire, &aor, Vec::new());
        }
    }

    /// Where to call `user` of `domain`, the most recent first.
    pub(crate) fn contacts(&self, domain: &str, user: &str) -> Vec<Binding> {
        let aor = Aor { domain: domain.to_ascii_lowercase(), user: user.to_owned() };
        let bindings = self.bindings.get(&aor).into_iter().flatten();
        bindings
            .map(|bound| Binding {
                flow: bound.flow,
                uri: bound.uri.to_string(),
                device: bound.device.clone(),
                refreshed_at: bound.refreshed_at,
                expires_at: bound.expires_at_wall,
            })
            .collect()
    }

    /// Whether a registered phone is at the other end of `flow`.
    pub(crate) fn is_bound(&self, flow: Flow) -> bool {
        self.by_flow.contains_key(&flow)
    }

    /// The user whose phone is at the other end of `flow`: several phones may share a path, then the name that it calls
    /// itself decides.
    pub(crate) fn user_at(&self, flow: Flow, from: &Uri) -> Option<Aor> {
        let here = self.by_flow.get(&flow)?;
        let named = Aor { domain: self.domains.of(&from.host), user: from.user_unescaped() };
        match (here.get(&named), here.len()) {
            (Some(aor), _) => Some(aor.clone()),
            (None, 1) => here.first().cloned(),
            (None, _) => None,
        }
    }

    /// Forgets what is bound to a stream that is gone: nobody can be called by it.
    pub(crate) fn forget_flow(&mut self, wire: &mut Wire, flow: Flow) {
        for aor in self.by_flow.get(&flow).cloned().unwrap_or_default() {
            let mut bindings = self.bindings.get(&aor).cloned().unwrap_or_default();
            bindings.retain(|bound| bound.flow != flow);
            self.replace(wire, &aor, bindings);
        }
    }

    /// How many bindings there are.
    pub(crate) fn len(&self) -> usize {
        self.bindings.values().map(Vec::len).sum()
    }

    fn register_user(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        request: &Request,
        aor: &Aor,
    ) -> Result<Reply, Reply> {
        let mut bindings = self.bindings.get(aor).cloned().unwrap_or_default();
        self.update(now, flow, request, &mut bindings)?;
        self.check_limits(aor, &bindings)?;
        let reply = Reply { status: 200, headers: contact_lines(now, &bindings) };
        self.replace(wire, aor, bindings);
        Ok(reply)
    }

    /// Who asks, proven to be of `domain`; else a challenge, which is the same whether there is such a user or domain or
    /// not.
    fn authenticate(&mut self, now: Now, request: &Request, domain: String) -> Result<Aor, Reply> {
        let lines = request.headers.all(&HeaderName::Authorization);
        let mut proofs = lines.filter_map(|line| Authorization::parse(line).ok().flatten());
        let Some(proof) = proofs.find(|proof| self.asked_for(proof, &domain)) else {
            return Err(self.challenge(now, &domain, false));
        };
        let aor = Aor { domain, user: proof.username.clone() };
        let password = self.domains.password(&aor);
        let proven = proof.is_by(&request.method, password.map_or(NOBODY, String::as_str));
        // One that cannot be read was meant for nothing else: there are phones that leave out the brackets of an IPv6 address.
        let meant = Uri::parse(&proof.uri).map_or(true, |uri| uri.same(&request.uri));
        if password.is_none() || !proven || !meant {
            return Err(self.challenge(now, &aor.domain, false));
        }
        let nc = proof.count.as_ref().map(|count| count.nc);
        let fresh = self.nonces.judge(now.mono, &aor.domain, &proof.nonce) == Standing::Fresh;
        // The password was right, so it is safe to say that only the nonce was not.
        match fresh && self.nonces.spend(now.mono, &proof.nonce, nc) {
            true => Ok(aor),
            false => Err(self.challenge(now, &aor.domain, true)),
        }
    }

    fn asked_for(&self, proof: &Authorization, realm: &str) -> bool {
        proof.realm == realm && self.config.algorithms.contains(&proof.algorithm)
    }

    fn challenge(&mut self, now: Now, realm: &str, stale: bool) -> Reply {
        let nonce = self.nonces.issue(now.mono, realm);
        let lines = self.config.algorithms.iter().map(|&algorithm| {
            let challenge = Challenge {
                realm: realm.to_owned(),
                nonce: nonce.clone(),
                algorithm,
                qop_auth: true,
                opaque: None,
                stale,
            };
            (HeaderName::WwwAuthenticate, challenge.to_string())
        });
        Reply { status: 401, headers: lines.collect() }
    }

    /// Changes a user's bindings as `request` says; all of it or nothing (RFC 3261 §10.3 steps 6 and 7).
    fn update(
        &self,
        now: Now,
        flow: Flow,
        request: &Request,
        bindings: &mut Vec<Bound>,
    ) -> Result<(), Reply> {
        let headers = &request.headers;
        let for_all_s = headers.expires_s().map_err(|_| Reply::plain(400))?;
        let call_id = headers.call_id().map_err(|_| Reply::plain(400))?;
        let cseq = headers.cseq().map_err(|_| Reply::plain(400))?.number;
        let is_old = |bound: &Bound| bound.call_id == call_id && cseq <= bound.cseq;
        let list = match headers.contacts().map_err(|_| Reply::plain(400))? {
            Contacts::List(list) => list,
            Contacts::Star if for_all_s != Some(0) => return Err(Reply::plain(400)),
            Contacts::Star if bindings.iter().any(is_old) => return Err(Reply::plain(500)),
            Contacts::Star => {
                bindings.clear();
                return Ok(());
            }
        };
        for contact in list {
            if !contact.uri.is_sip() {
                return Err(Reply::plain(400));
            }
            let known = bindings.iter().position(|bound| bound.uri.same(&contact.uri));
            if known.is_some_and(|at| is_old(&bindings[at])) {
                return Err(Reply::plain(500));
            }
            let lifetime = self.lifetime(&contact, for_all_s)?;
            if let Some(at) = known {
                bindings.remove(at);
            }
            if lifetime > Duration::ZERO {
                let device = headers.get(&HeaderName::UserAgent).map(str::to_owned);
                let bound = Bound {
                    uri: contact.uri,
                    flow,
                    call_id: call_id.to_owned(),
                    cseq,
                    device,
                    refreshed_at: now.wall,
                    expires_at: now.mono + lifetime,
                    expires_at_wall: now.wall + lifetime,
                };
                bindings.insert(0, bound);
            }
        }
        Ok(())
    }

    /// How long a contact is kept; zero: it is to be forgotten.
    fn lifetime(&self, contact: &NameAddr, for_all_s: Option<u32>) -> Result<Duration, Reply> {
        let asked_s = contact.expires_s().or(for_all_s);
        let asked = asked_s.map_or(self.config.expires_max, |s| Duration::from_secs(u64::from(s)));
        if asked > Duration::ZERO && asked < self.config.expires_min {
            let least_s = self.config.expires_min.as_secs().to_string();
            return Err(Reply { status: 423, headers: vec![(HeaderName::MinExpires, least_s)] });
        }
        Ok(asked.min(self.config.expires_max))
    }

    fn check_limits(&self, aor: &Aor, bindings: &[Bound]) -> Result<(), Reply> {
        let before = self.bindings.get(aor).map_or(0, Vec::len);
        if bindings.len() > before && bindings.len() > self.limits.bindings_per_user_max {
            return Err(Reply::plain(403));
        }
        match bindings.len() > before && self.len() - before + bindings.len() > self.limits.bindings_max {
            true => Err(Reply::plain(503)),
            false => Ok(()),
        }
    }

    /// Puts `bindings` in the place of those that a user has, sets the timer and tells of the first and the last.
    fn replace(&mut self, wire: &mut Wire, aor: &Aor, bindings: Vec<Bound>) {
        for bound in self.bindings.get(aor).into_iter().flatten() {
            if let Some(here) = self.by_flow.get_mut(&bound.flow) {
                here.remove(aor);
                if here.is_empty() {
                    self.by_flow.remove(&bound.flow);
                }
            }
        }
        for bound in &bindings {
            self.by_flow.entry(bound.flow).or_default().insert(aor.clone());
        }
        let name = TimerName::Bindings(aor.clone());
        match bindings.iter().map(|bound| bound.expires_at).min() {
            Some(first) => wire.timers.set(name, first),
            None => wire.timers.cancel(&name),
        }
        let registered = !bindings.is_empty();
        let before = match registered {
            true => self.bindings.insert(aor.clone(), bindings).is_some(),
            false => self.bindings.remove(aor).is_some(),
        };
        if before != registered {
            let Aor { domain, user } = aor.clone();
            wire.tell(Event::Registration { domain, user, registered });
        }
    }
}

impl Reply {
    /// Adds what there is to be told to an answer.
    pub(crate) fn put_into(&self, mut response: Response) -> Response {
        for (name, value) in &self.headers {
            response.headers.push(name.clone(), value.as_str());
        }
        response
    }

    fn plain(status: u16) -> Reply {
        Reply { status, headers: Vec::new() }
    }
}

fn contact_lines(now: Now, bindings: &[Bound]) -> Vec<(HeaderName, String)> {
    let line = |bound: &Bound| {
        let left_s = bound.expires_at.since(now.mono).as_secs();
        let mut contact = NameAddr::new(bound.uri.clone());
        contact.params.set("expires", Some(&left_s.to_string()));
        (HeaderName::Contact, contact.to_string())
    };
    bindings.iter().map(line).collect()
}
