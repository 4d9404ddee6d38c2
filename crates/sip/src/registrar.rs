//! The registrar: who is where (RFC 3261 §10.3), and proof of it (RFC 8760 digest).
//!
//! The path a registration came by is kept with its contact, and calls go back along it: phones behind NAT cannot be
//! reached at the address they name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{Mono, Now, Random, Wall};

use crate::api::{Binding, Event, Flow};
use crate::digest::{Authorization, Challenge, Nonces, Standing};
use crate::endpoint::{Limits, RegistrarConfig, TimerName, User, Wire};
use crate::message::{Contacts, HeaderName, NameAddr, Request, Response, Uri};

/// A phone that registers every hour or more often need not be asked again in between.
const NONCE_FRESH_FOR: Duration = Duration::from_secs(4000);

/// Whose password is checked when there is no such user, so that it takes as long.
const NOBODY: &str = "nobody has this password";

/// Where users are.
#[derive(Debug)]
pub(crate) struct Registrar {
    config: RegistrarConfig,
    limits: Limits,
    passwords: BTreeMap<String, String>,
    /// By user; a user without bindings is not in it.
    bindings: BTreeMap<String, Vec<Bound>>,
    by_flow: BTreeMap<Flow, BTreeSet<String>>,
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
        let users = std::mem::take(&mut config.users);
        Registrar {
            config,
            limits,
            passwords: users.into_iter().map(|user| (user.name, user.password)).collect(),
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
        match self.check_domain(request).and_then(|()| self.authenticate(now, request)) {
            Ok(user) => {
                let done = self.register_user(now, flow, wire, request, user);
                Registered::Proven(done.unwrap_or_else(|refusal| refusal))
            }
            Err(refusal) => Registered::Unproven(refusal),
        }
    }

    /// Forgets what has run out of `user`'s bindings.
    pub(crate) fn expire(&mut self, now: Mono, wire: &mut Wire, user: &str) {
        let mut bindings = self.bindings.get(user).cloned().unwrap_or_default();
        bindings.retain(|bound| bound.expires_at > now);
        self.replace(wire, user, bindings);
    }

    pub(crate) fn set_users(&mut self, wire: &mut Wire, users: Vec<User>) {
        let passwords: BTreeMap<_, _> = users.into_iter().map(|user| (user.name, user.password)).collect();
        let changed = |user: &&String| self.passwords.get(*user) != passwords.get(*user);
        let dropped: Vec<String> = self.bindings.keys().filter(changed).cloned().collect();
        self.passwords = passwords;
        for user in dropped {
            self.replace(wire, &user, Vec::new());
        }
    }

    /// Where to call `user`, the most recent first.
    pub(crate) fn contacts(&self, user: &str) -> Vec<Binding> {
        let bindings = self.bindings.get(user).into_iter().flatten();
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
    pub(crate) fn user_at(&self, flow: Flow, named: &str) -> Option<String> {
        let users = self.by_flow.get(&flow)?;
        match (users.get(named), users.len()) {
            (Some(user), _) => Some(user.clone()),
            (None, 1) => users.first().cloned(),
            (None, _) => None,
        }
    }

    /// How many bindings there are.
    pub(crate) fn len(&self) -> usize {
        self.bindings.values().map(Vec::len).sum()
    }

    fn check_domain(&self, request: &Request) -> Result<(), Reply> {
        let to = request.headers.to().map_err(|_| Reply::plain(400))?;
        let here = self.config.sip_domain.as_ref();
        match here.is_some_and(|domain| !to.uri.host.to_string().eq_ignore_ascii_case(domain)) {
            true => Err(Reply::plain(404)),
            false => Ok(()),
        }
    }

    fn register_user(
        &mut self,
        now: Now,
        flow: Flow,
        wire: &mut Wire,
        request: &Request,
        user: String,
    ) -> Result<Reply, Reply> {
        let to = request.headers.to().map_err(|_| Reply::plain(400))?;
        // One user does not register another (RFC 3261 §10.3 step 4).
        if to.uri.user_unescaped() != user {
            return Err(Reply::plain(403));
        }
        let mut bindings = self.bindings.get(&user).cloned().unwrap_or_default();
        self.update(now, flow, request, &mut bindings)?;
        self.check_limits(&user, &bindings)?;
        let reply = Reply { status: 200, headers: contact_lines(now, &bindings) };
        self.replace(wire, &user, bindings);
        Ok(reply)
    }

    /// Who asks, proven; else a challenge, which is the same whether there is such a user or not.
    fn authenticate(&mut self, now: Now, request: &Request) -> Result<String, Reply> {
        let lines = request.headers.all(&HeaderName::Authorization);
        let mut proofs = lines.filter_map(|line| Authorization::parse(line).ok().flatten());
        let Some(proof) = proofs.find(|proof| self.asked_for(proof)) else {
            return Err(self.challenge(now, false));
        };
        let password = self.passwords.get(&proof.username);
        let proven = proof.is_by(&request.method, password.map_or(NOBODY, String::as_str));
        let meant = Uri::parse(&proof.uri).is_ok_and(|uri| uri.same(&request.uri));
        if password.is_none() || !proven || !meant {
            return Err(self.challenge(now, false));
        }
        let nc = proof.count.as_ref().map(|count| count.nc);
        let fresh = self.nonces.judge(now.mono, &self.config.realm, &proof.nonce) == Standing::Fresh;
        // The password was right, so it is safe to say that only the nonce was not.
        match fresh && self.nonces.spend(now.mono, &proof.nonce, nc) {
            true => Ok(proof.username),
            false => Err(self.challenge(now, true)),
        }
    }

    fn asked_for(&self, proof: &Authorization) -> bool {
        proof.realm == self.config.realm && self.config.algorithms.contains(&proof.algorithm)
    }

    fn challenge(&mut self, now: Now, stale: bool) -> Reply {
        let realm = &self.config.realm;
        let nonce = self.nonces.issue(now.mono, realm);
        let lines = self.config.algorithms.iter().map(|&algorithm| {
            let challenge = Challenge {
                realm: realm.clone(),
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

    fn check_limits(&self, user: &str, bindings: &[Bound]) -> Result<(), Reply> {
        let before = self.bindings.get(user).map_or(0, Vec::len);
        if bindings.len() > before && bindings.len() > self.limits.bindings_per_user_max {
            return Err(Reply::plain(403));
        }
        match bindings.len() > before && self.len() - before + bindings.len() > self.limits.bindings_max {
            true => Err(Reply::plain(503)),
            false => Ok(()),
        }
    }

    /// Puts `bindings` in the place of those that `user` has, sets the timer and tells of the first and the last.
    fn replace(&mut self, wire: &mut Wire, user: &str, bindings: Vec<Bound>) {
        for bound in self.bindings.get(user).into_iter().flatten() {
            if let Some(users) = self.by_flow.get_mut(&bound.flow) {
                users.remove(user);
                if users.is_empty() {
                    self.by_flow.remove(&bound.flow);
                }
            }
        }
        for bound in &bindings {
            self.by_flow.entry(bound.flow).or_default().insert(user.to_owned());
        }
        let name = TimerName::Bindings(user.to_owned());
        match bindings.iter().map(|bound| bound.expires_at).min() {
            Some(first) => wire.timers.set(name, first),
            None => wire.timers.cancel(&name),
        }
        let registered = !bindings.is_empty();
        let before = match registered {
            true => self.bindings.insert(user.to_owned(), bindings).is_some(),
            false => self.bindings.remove(user).is_some(),
        };
        if before != registered {
            wire.tell(Event::Registration { user: user.to_owned(), registered });
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
