//! The registrar: who is where (RFC 3261 §10.3), and proof of it (RFC 8760 digest).
//!
//! The path a registration came by is kept with its contact, and calls go back along it: phones behind NAT cannot be
//! reached at the address they name.
//!
//! Every domain has users of its own: the host of To says which domain is meant, and nothing is shared between two, not
//! even when the users' names are the same.

mod binding;
mod domains;
mod flows;
mod guard;
mod kept;
mod update;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Mono, Now, Random, Timers};
use bytes::Bytes;

use crate::api::{Aor, Binding, Event, Flow};
use crate::digest::{Authorization, Challenge, Nonces, Standing};
use crate::endpoint::{Domain, Limits, RegistrarConfig, TimerName, Wire};
use crate::message::{HeaderName, Request, Response, Uri};
use binding::{Bound, Reach};
use domains::Domains;
use flows::Flows;
use guard::Guard;
use update::{Update, Updated};

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
    /// The most recent first. A user without bindings is not in it.
    bindings: BTreeMap<Arc<Aor>, Box<[Bound]>>,
    /// How many bindings there are.
    count: usize,
    flows: Flows,
    /// When the first binding of a user ends.
    expiries: Timers<Arc<Aor>>,
    /// When something is sent next to keep a path open.
    pings: Timers<Flow>,
    nonces: Nonces,
    guard: Guard,
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

/// A phone behind NAT that must be sent something now.
#[derive(Debug)]
pub(crate) struct Ping {
    pub(crate) flow: Flow,
    /// Its contact.
    pub(crate) uri: Box<str>,
}

impl Registrar {
    pub(crate) fn new(mut config: RegistrarConfig, limits: Limits, random: &mut Random) -> Registrar {
        let domains = Domains::new(std::mem::take(&mut config.domains));
        Registrar {
            limits,
            domains,
            bindings: BTreeMap::new(),
            count: 0,
            flows: Flows::default(),
            expiries: Timers::default(),
            pings: Timers::default(),
            nonces: Nonces::new(random, NONCE_FRESH_FOR),
            guard: Guard::new(config.bans, random),
            config,
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
        match self.authenticate(now, flow, wire, request, domain) {
            // One user does not register another (RFC 3261 §10.3 step 4).
            Ok(aor) if to.uri.user_unescaped() != aor.user => Registered::Proven(Reply::plain(403)),
            Ok(aor) => {
                let done = self.register_user(now, flow, wire, request, &aor);
                Registered::Proven(done.unwrap_or_else(|refusal| refusal))
            }
            Err(refusal) => Registered::Unproven(refusal),
        }
    }

    /// Who calls by a path of `registered`, once that is proven; else what the caller is told (RFC 3261 §22.2).
    pub(crate) fn prove_caller(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        invite: &Request,
        registered: Aor,
    ) -> Result<Aor, Reply> {
        match self.config.callers_proven {
            true => self.authenticate(now, flow, wire, invite, registered.domain),
            false => Ok(registered),
        }
    }

    /// Takes up a user's bindings of before a restart, as far as they still hold; those of somebody whose password is
    /// another one now do not.
    pub(crate) fn restore(
        &mut self,
        now: Now,
        wire: &mut Wire,
        aor: &Aor,
        kept: &[u8],
        ours: impl Fn(Flow) -> bool,
    ) {
        let check = self.domains.secret(aor).map(|secret| secret.check);
        let read = kept::read(now, kept).filter(|kept| Some(kept.check) == check);
        let mut bindings = read.map_or_else(Vec::new, |kept| kept.bindings);
        let longest = now.mono + self.config.expires_max;
        for bound in &mut bindings {
            // The wall clock may have been set back.
            bound.expires_at = bound.expires_at.min(longest);
        }
        bindings.retain(|bound| ours(bound.flow));
        let room = self.limits.bindings_max.saturating_sub(self.count);
        bindings.truncate(self.limits.bindings_per_user_max.min(room));
        let left = check.map_or_else(Bytes::new, |check| kept::write(check, &bindings));
        if !bindings.is_empty() && !self.bindings.contains_key(aor) {
            for bound in &bindings {
                self.guard.proven(now.mono, aor, bound.flow.remote.ip());
            }
            self.keep_open(now.mono, &bindings);
            self.set(wire, aor, bindings);
            self.set_timers(wire);
        }
        if left != kept {
            let Aor { domain, user } = aor.clone();
            wire.tell(Event::Bindings { domain, user, kept: left });
        }
    }

    /// Forgets what has run out.
    pub(crate) fn expire(&mut self, now: Mono, wire: &mut Wire) {
        while let Some(aor) = self.expiries.pop_due(now) {
            let mut bindings = self.bindings_of(&aor);
            bindings.retain(|bound| bound.expires_at > now);
            self.replace(wire, &aor, bindings);
        }
        self.set_timers(wire);
    }

    /// The phones that must be sent something now.
    pub(crate) fn due_pings(&mut self, now: Mono, wire: &mut Wire) -> Vec<Ping> {
        let mut due = Vec::new();
        while let Some(flow) = self.pings.pop_due(now) {
            if let Some(every) = self.config.keep_alive {
                self.pings.set(flow, now + every);
            }
            let mut here = self.flows.at(flow).iter().filter_map(|aor| self.bindings.get(aor)).flatten();
            if let Some(bound) = here.find(|bound| bound.flow == flow) {
                due.push(Ping { flow, uri: bound.uri.clone() });
            }
        }
        self.set_timers(wire);
        due
    }

    pub(crate) fn set_domains(&mut self, wire: &mut Wire, domains: Vec<Domain>) {
        let domains = Domains::new(domains);
        let changed = |aor: &&Arc<Aor>| self.domains.secret(aor) != domains.secret(aor);
        let dropped: Vec<Arc<Aor>> = self.bindings.keys().filter(changed).cloned().collect();
        self.domains = domains;
        for aor in dropped {
            self.replace(wire, &aor, Vec::new());
        }
        self.set_timers(wire);
    }

    /// Where to call `user` of `domain`: what the phones would rather have first, then the most recent.
    pub(crate) fn contacts(&self, domain: &str, user: &str) -> Vec<Binding> {
        let aor = Aor { domain: domain.to_ascii_lowercase(), user: user.to_owned() };
        let mut bindings: Vec<&Bound> = self.bindings.get(&aor).into_iter().flatten().collect();
        bindings.sort_by_key(|bound| std::cmp::Reverse(bound.q));
        bindings.into_iter().map(Bound::shown).collect()
    }

    /// Whether a registered phone is at the other end of `flow`.
    pub(crate) fn is_bound(&self, flow: Flow) -> bool {
        !self.flows.at(flow).is_empty()
    }

    /// The way to a contact (RFC 3327), as a value of Route.
    pub(crate) fn path_to(&self, flow: Flow, uri: &str) -> Option<&str> {
        let mut here = self.flows.at(flow).iter().filter_map(|aor| self.bindings.get(aor)).flatten();
        here.find(|bound| bound.flow == flow && *bound.uri == *uri)?.path.as_deref()
    }

    /// Whether nothing from `source` is to be heard, but what belongs to calls.
    pub(crate) fn is_banned(&self, now: Mono, source: IpAddr) -> bool {
        self.guard.is_banned(now, source)
    }

    /// The user whose phone is at the other end of `flow`: several phones may share a path, then the name that it calls
    /// itself decides.
    pub(crate) fn user_at(&self, flow: Flow, from: &Uri) -> Option<Aor> {
        let here = self.flows.at(flow);
        let named = Aor { domain: self.domains.of(&from.host), user: from.user_unescaped() };
        match (here.binary_search_by(|known| (**known).cmp(&named)), here) {
            (Ok(_), _) => Some(named),
            (Err(_), [only]) => Some((**only).clone()),
            (Err(_), _) => None,
        }
    }

    /// Forgets what is bound to a stream that is gone: nobody can be called by it.
    pub(crate) fn forget_flow(&mut self, wire: &mut Wire, flow: Flow) {
        for aor in self.flows.at(flow).to_vec() {
            let mut bindings = self.bindings_of(&aor);
            bindings.retain(|bound| bound.flow != flow);
            self.replace(wire, &aor, bindings);
        }
        self.set_timers(wire);
    }

    /// How many bindings there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn bindings_of(&self, aor: &Aor) -> Vec<Bound> {
        self.bindings.get(aor).map_or_else(Vec::new, |bindings| bindings.to_vec())
    }

    fn register_user(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        request: &Request,
        aor: &Aor,
    ) -> Result<Reply, Reply> {
        let update = Update::read(now, flow, request)?;
        let mut bindings = self.bindings_of(aor);
        let most = self.limits.bindings_per_user_max;
        let updated = update.perform(&self.config, &mut bindings, most)?;
        self.check_limits(aor, &bindings)?;
        let contacts = bindings.iter().map(|bound| (HeaderName::Contact, bound.contact_line(now.mono)));
        let headers = contacts.chain(update.headers(&bindings)).collect();
        match updated {
            Updated::Same => {}
            Updated::Changed => self.put(now.mono, wire, aor, bindings),
        }
        Ok(Reply { status: 200, headers })
    }

    /// Who asks, proven to be of `domain`; else a challenge, which is the same whether there is such a user or domain or
    /// not.
    fn authenticate(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        request: &Request,
        domain: String,
    ) -> Result<Aor, Reply> {
        let lines = request.headers.all(&HeaderName::Authorization);
        let mut proofs = lines.filter_map(|line| Authorization::parse(line).ok().flatten());
        let source = flow.remote.ip();
        let Some(proof) = proofs.find(|proof| self.asked_for(proof, &domain)) else {
            return Err(self.challenge(now, &domain, source, false));
        };
        // Whatever the proof is: with this nonce none would do, and the phone may try again without asking anybody. To
        // look at it would let those guess for nothing who make up their nonces.
        if self.nonces.judge(now.mono, &domain, source, &proof.nonce) != Standing::Fresh {
            return Err(self.challenge(now, &domain, source, true));
        }
        let aor = Aor { domain, user: proof.username.clone() };
        // Right or wrong, it is not looked at: counted against its source only when it is wrong, it would be told by the ban
        // which of the two it was.
        let here = self.bindings.get(&aor).is_some_and(|all| all.iter().any(|bound| bound.flow == flow));
        if !here && self.guard.is_refused(now.mono, self.guard.key_of(&aor, source)) {
            return Err(self.challenge(now, &aor.domain, source, false));
        }
        if !self.is_right(&proof, request, &aor) {
            self.note_wrong(now.mono, flow, wire, &proof, &aor);
            return Err(self.challenge(now, &aor.domain, source, false));
        }
        let nc = proof.count.as_ref().map(|count| count.nc);
        match self.nonces.spend(now.mono, &proof.nonce, nc) {
            true => {
                self.guard.proven(now.mono, &aor, source);
                Ok(aor)
            }
            false => Err(self.challenge(now, &aor.domain, source, true)),
        }
    }

    /// Whether a proof is that of the user it names. It takes the same time for one that there is not.
    fn is_right(&self, proof: &Authorization, request: &Request, aor: &Aor) -> bool {
        let secret = self.domains.secret(aor);
        let password = secret.map_or(NOBODY, |secret| secret.password.as_str());
        let proven = proof.is_by(&request.method, password);
        // One that cannot be read was meant for nothing else: there are phones that leave out the brackets of an IPv6 address.
        let meant = Uri::parse(&proof.uri).map_or(true, |uri| uri.same(&request.uri));
        secret.is_some() && proven && meant
    }

    fn note_wrong(&mut self, now: Mono, flow: Flow, wire: &mut Wire, proof: &Authorization, aor: &Aor) {
        let source = flow.remote.ip();
        self.guard.wrong_of(now, self.guard.key_of(aor, source));
        if self.flows.lead_to(source) {
            return;
        }
        let proof = self.guard.fingerprint(&proof.nonce, &proof.response);
        if let Some(lasts) = self.guard.wrong_from(now, source, proof) {
            wire.tell(Event::Banned { source, lasts });
        }
    }

    fn asked_for(&self, proof: &Authorization, realm: &str) -> bool {
        proof.realm == realm && self.config.algorithms.contains(&proof.algorithm)
    }

    fn challenge(&mut self, now: Now, realm: &str, source: IpAddr, stale: bool) -> Reply {
        let nonce = self.nonces.issue(now.mono, realm, source);
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

    fn check_limits(&self, aor: &Aor, bindings: &[Bound]) -> Result<(), Reply> {
        let before = self.bindings.get(aor).map_or(0, |bindings| bindings.len());
        if bindings.len() > before && bindings.len() > self.limits.bindings_per_user_max {
            return Err(Reply::plain(403));
        }
        match bindings.len() > before && self.len() - before + bindings.len() > self.limits.bindings_max {
            true => Err(Reply::plain(503)),
            false => Ok(()),
        }
    }

    /// Puts `bindings` in the place of those that a user has, and sees to their timers.
    fn put(&mut self, now: Mono, wire: &mut Wire, aor: &Aor, bindings: Vec<Bound>) {
        self.keep_open(now, &bindings);
        self.replace(wire, aor, bindings);
        self.set_timers(wire);
    }

    fn keep_open(&mut self, now: Mono, bindings: &[Bound]) {
        let behind_nat = bindings.iter().filter(|bound| bound.reach == Reach::Nat);
        for flow in behind_nat.map(|bound| bound.flow) {
            if let Some(every) = self.config.keep_alive.filter(|_| self.pings.get(&flow).is_none()) {
                self.pings.set(flow, now + some_part(every, flow));
            }
        }
    }

    /// Puts `bindings` in the place of those that a user has, and tells what a restart must know.
    fn replace(&mut self, wire: &mut Wire, aor: &Aor, bindings: Vec<Bound>) {
        let check = self.domains.secret(aor).map_or(0, |secret| secret.check);
        let kept = kept::write(check, &bindings);
        let had = self.bindings.get(aor).is_some_and(|before| before.iter().any(Bound::is_kept));
        if had || !kept.is_empty() {
            let Aor { domain, user } = aor.clone();
            wire.tell(Event::Bindings { domain, user, kept });
        }
        self.set(wire, aor, bindings);
    }

    /// Puts `bindings` in the place of those that a user has, and tells of the first and the last.
    fn set(&mut self, wire: &mut Wire, aor: &Aor, bindings: Vec<Bound>) {
        let (aor, before) =
            self.bindings.remove_entry(aor).unwrap_or_else(|| (Arc::new(aor.clone()), Box::default()));
        for bound in &bindings {
            self.flows.add(bound.flow, &aor);
        }
        for Bound { flow, .. } in &before {
            let stays = bindings.iter().any(|bound| bound.flow == *flow);
            if !stays && self.flows.remove(*flow, &aor) {
                self.pings.cancel(flow);
            }
        }
        match bindings.iter().map(|bound| bound.expires_at).min() {
            Some(first) => self.expiries.set(aor.clone(), first),
            None => self.expiries.cancel(&aor),
        }
        let registered = !bindings.is_empty();
        if before.is_empty() == registered {
            let Aor { domain, user } = (*aor).clone();
            wire.tell(Event::Registration { domain, user, registered });
        }
        self.count = self.count - before.len() + bindings.len();
        if registered {
            self.bindings.insert(aor, bindings.into_boxed_slice());
        }
    }

    fn set_timers(&self, wire: &mut Wire) {
        let next = [
            (TimerName::Bindings, self.expiries.next().map(|(at, _)| at)),
            (TimerName::KeepAlive, self.pings.next().map(|(at, _)| at)),
        ];
        for (name, at) in next {
            match at {
                Some(at) if wire.timers.get(&name) != Some(at) => wire.timers.set(name, at),
                Some(_) => {}
                None => wire.timers.cancel(&name),
            }
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

/// A part of `every` that is another one for each path, so that not all of them come at once.
fn some_part(every: Duration, flow: Flow) -> Duration {
    let ip = match flow.remote.ip() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => u64::try_from(v6.to_bits() >> 64).unwrap_or(0),
    };
    let mixed = (ip << 16 | u64::from(flow.remote.port())).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    every / 8 + every * 7 / 8 * u32::try_from(mixed).unwrap_or(0) / (1 << 16)
}
