//! A registrar of several domains: the same user name in two of them is two users, who have nothing in common.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use endpoint_far::{Did, Far, invite, request};
use sip::api::{Aor, Counts, Credentials, Event};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Uri};
use sip::{Config, Domain, RegistrarConfig, User};

/// Each domain has a 1001, and only one of them a 1002.
fn config() -> Config {
    let domain = |name: &str, users: &[(&str, &str)]| {
        let user =
            |(name, password): &(&str, &str)| User { name: (*name).into(), password: (*password).into() };
        Domain { name: name.to_owned(), users: users.iter().map(user).collect() }
    };
    let domains = vec![
        domain("a.example", &[("1001", "of a"), ("1002", "two")]),
        domain("B.example", &[("1001", "of b")]),
    ];
    let registrar = RegistrarConfig { domains, ..RegistrarConfig::default() };
    Config { registrar: Some(registrar), ..Config::default() }
}

/// Someone who registers as `1001` or another, by hand.
struct Phone<'a> {
    far: &'a mut Far,
    number: u32,
}

impl Phone<'_> {
    fn register(&mut self, aor: &str) -> Request {
        self.number += 1;
        let mut register = request(Method::Register, &format!("{aor}{}", self.number));
        let host = aor.split_once('@').unwrap().1;
        register.uri = Uri::parse(&format!("sip:{host}")).unwrap();
        register.headers.set(HeaderName::From, format!("<sip:{aor}>;tag=phone"));
        register.headers.set(HeaderName::To, format!("<sip:{aor}>"));
        register.headers.set(HeaderName::CallId, aor);
        register.headers.set(HeaderName::CSeq, format!("{} REGISTER", self.number));
        let remote = self.far.flow.remote;
        register.headers.set(HeaderName::Contact, format!("<sip:phone@{remote}>;expires=300"));
        register
    }

    fn challenge(&mut self, aor: &str) -> Challenge {
        let register = self.register(aor);
        let did = self.far.hears(register);
        assert_eq!(did.status(), 401);
        let line = did.responses[0].1.headers.get(&HeaderName::WwwAuthenticate).unwrap().to_owned();
        Challenge::parse(&line).unwrap().unwrap()
    }

    /// Answers `challenge` for `aor`.
    fn proves(&mut self, aor: &str, challenge: &Challenge, password: &str) -> Did {
        let mut register = self.register(aor);
        let user = aor.split_once('@').unwrap().0.to_owned();
        let who = Credentials { user, password: password.to_owned() };
        let uri = register.uri.to_string();
        let proof = Authorization::answer(challenge, &who, &Method::Register, &uri, 1, "c0ffee");
        register.headers.set(HeaderName::Authorization, proof.to_string());
        self.far.hears(register)
    }

    /// Asks, is challenged, and proves it.
    fn signs_in(&mut self, aor: &str, password: &str) -> Did {
        let challenge = self.challenge(aor);
        self.proves(aor, &challenge, password)
    }
}

fn at(far: &mut Far, port: u16) -> Phone<'_> {
    far.flow.remote.set_port(port);
    Phone { far, number: u32::from(port) }
}

fn contacts(far: &Far, domain: &str) -> Vec<String> {
    far.endpoint.contacts(domain, "1001").into_iter().map(|binding| binding.uri).collect()
}

fn told(did: &Did) -> Vec<(&str, &str, bool)> {
    let told = |event| match event {
        &Event::Registration { ref domain, ref user, registered } => {
            Some((domain.as_str(), user.as_str(), registered))
        }
        Event::Bindings { .. } => None,
        other => panic!("{other:?}"),
    };
    did.events.iter().filter_map(told).collect()
}

#[test]
fn users_of_the_same_name_have_their_own_passwords_bindings_and_events() {
    let mut far = Far::new(config());
    let did = at(&mut far, 5071).signs_in("1001@a.example", "of a");
    assert_eq!((did.status(), told(&did)), (200, vec![("a.example", "1001", true)]));
    assert_eq!(contacts(&far, "b.example"), [] as [&str; 0]);
    let did = at(&mut far, 5072).signs_in("1001@b.EXAMPLE", "of b");
    assert_eq!((did.status(), told(&did)), (200, vec![("b.example", "1001", true)]));
    assert_eq!(contacts(&far, "a.example"), ["sip:phone@192.0.2.9:5071"]);
    assert_eq!(contacts(&far, "B.example"), ["sip:phone@192.0.2.9:5072"]);
    assert_eq!(contacts(&far, "c.example"), [] as [&str; 0]);
    let did = far.waits(300_000);
    assert_eq!(told(&did), [("a.example", "1001", false), ("b.example", "1001", false)]);
    assert_eq!(far.endpoint.counts(), Counts::default());
}

#[test]
fn nobody_gets_into_a_domain_with_what_is_good_in_another() {
    let mut far = Far::new(config());
    let mut phone = at(&mut far, 5071);
    for password in ["of a", "of b"] {
        let other = if password == "of a" { "1001@b.example" } else { "1001@a.example" };
        assert_eq!(phone.signs_in(other, password).status(), 401, "{other}");
    }
    let of_a = phone.challenge("1001@a.example");
    assert_eq!(of_a.realm, "a.example");
    for password in ["of a", "of b"] {
        assert_eq!(phone.proves("1001@b.example", &of_a, password).status(), 401, "a challenge of the other");
        // The nonce of one with the realm of the other counts for nothing, whatever the password.
        let mixed = Challenge { realm: "b.example".to_owned(), ..of_a.clone() };
        let did = phone.proves("1001@b.example", &mixed, password);
        let line = did.responses[0].1.headers.get(&HeaderName::WwwAuthenticate).unwrap();
        let stale = Challenge::parse(line).unwrap().unwrap().stale;
        assert_eq!((did.status(), stale), (401, true));
    }
    assert_eq!(phone.signs_in("1002@b.example", "two").status(), 401, "a user of the other domain only");
    assert_eq!(phone.signs_in("1002@a.example", "two").status(), 200);
    assert_eq!((contacts(&far, "a.example").len(), contacts(&far, "b.example").len()), (0, 0));
}

#[test]
fn an_unknown_domain_is_refused_as_an_unknown_user_is() {
    let answers = |aor: &str, password: &str| {
        let mut far = Far::new(config());
        let mut phone = at(&mut far, 5071);
        let challenge = phone.challenge(aor);
        let did = phone.proves(aor, &challenge, password);
        assert!(did.events.is_empty() && far.endpoint.counts() == Counts::default());
        let (host, said) = (aor.split_once('@').unwrap().1, &did.responses[0].1);
        let again = said.headers.get(&HeaderName::WwwAuthenticate).unwrap();
        // What differs is what was asked, and the nonce, which is sealed for the realm.
        let again = Challenge { nonce: String::new(), ..Challenge::parse(again).unwrap().unwrap() };
        assert_eq!((&challenge.realm, &again.realm), (&host.to_lowercase(), &host.to_lowercase()));
        (said.status, said.headers.iter().count(), Challenge { realm: String::new(), ..again })
    };
    let unknown_user = answers("9999@a.example", "x");
    assert_eq!(unknown_user.0, 401);
    for aor in ["1001@c.example", "1001@C.Example", "1001@192.0.2.1", "1001@[2001:db8::1]", "1001@b.example"]
    {
        for password in ["of a", "nobody has this password"] {
            assert_eq!(answers(aor, password), unknown_user, "{aor}");
        }
    }
}

#[test]
fn a_lone_domain_goes_by_any_name() {
    let mut lone = config();
    lone.registrar.as_mut().unwrap().domains.truncate(1);
    let mut far = Far::new(lone);
    for (port, aor) in [(5071, "1001@a.example"), (5072, "1001@192.0.2.1"), (5073, "1001@other.example")] {
        let mut phone = at(&mut far, port);
        assert_eq!(phone.challenge(aor).realm, "a.example");
        assert_eq!(phone.signs_in(aor, "of a").status(), 200, "{aor}");
    }
    assert_eq!(contacts(&far, "a.example").len(), 3, "all of one user");
}

#[test]
fn a_path_shared_by_phones_of_two_domains_tells_them_apart_by_from() {
    let mut far = Far::new(config());
    let mut phone = at(&mut far, 5071);
    assert_eq!(phone.signs_in("1001@a.example", "of a").status(), 200);
    let mut calls = 0;
    let mut whose = |far: &mut Far, from: &str| {
        calls += 1;
        let mut call = invite(&format!("call{calls}"));
        call.headers.set(HeaderName::CallId, format!("call{calls}"));
        call.headers.set(HeaderName::From, format!("<sip:{from}>;tag=caller"));
        let did = far.hears(call);
        match did.news()[..] {
            [Event::Incoming { registered, .. }] => {
                registered.clone().map(|Aor { domain, user }| (domain, user))
            }
            _ => panic!("{did:?}"),
        }
    };
    let of = |domain: &str| Some((domain.to_owned(), "1001".to_owned()));
    assert_eq!(whose(&mut far, "1001@b.example"), of("a.example"), "whatever it calls itself");
    let mut phone = at(&mut far, 5071);
    assert_eq!(phone.signs_in("1001@b.example", "of b").status(), 200);
    assert_eq!(whose(&mut far, "1001@a.example"), of("a.example"));
    assert_eq!(whose(&mut far, "1001@B.example"), of("b.example"));
    assert_eq!(whose(&mut far, "1001@192.0.2.1"), None, "it could be either");
    far.flow.remote.set_port(5072);
    assert_eq!(whose(&mut far, "1001@a.example"), None);
}

#[test]
fn a_domain_that_is_dropped_takes_only_its_own_users_with_it() {
    let mut far = Far::new(config());
    for (port, aor, password) in [(5071, "1001@a.example", "of a"), (5072, "1001@b.example", "of b")] {
        assert_eq!(at(&mut far, port).signs_in(aor, password).status(), 200);
    }
    let mut left = config().registrar.unwrap().domains;
    left.remove(0);
    far.endpoint.set_domains(left);
    assert_eq!(told(&far.did()), [("a.example", "1001", false)]);
    assert_eq!((contacts(&far, "a.example").len(), contacts(&far, "b.example").len()), (0, 1));
}

#[test]
fn of_two_domains_of_one_name_the_first_keeps_its_users_to_itself() {
    let mut twice = config();
    for domain in &mut twice.registrar.as_mut().unwrap().domains {
        domain.name = "same.example".to_owned();
    }
    let mut far = Far::new(twice);
    let mut phone = at(&mut far, 5071);
    assert_eq!(phone.signs_in("1001@same.example", "of b").status(), 401);
    assert_eq!(phone.signs_in("1001@same.example", "of a").status(), 200);
}
