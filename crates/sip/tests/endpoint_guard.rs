//! Who guesses passwords is slowed down and then not heard any more, and nobody else is harmed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod endpoint_far;

use std::net::SocketAddr;
use std::time::Duration;

use endpoint_far::{Did, Far, follow, invite, request, same_branch};
use sip::api::{Credentials, Event, Flow, Input, Transport};
use sip::digest::{Authorization, Challenge};
use sip::message::{HeaderName, Method, Request, Uri};
use sip::{Bans, Config, Domain, RegistrarConfig, User};

const HOME: &str = "192.0.2.9:5070";
const ELSEWHERE: &str = "198.51.100.7:5060";

fn config() -> Config {
    let user = |name: &str| User { name: name.to_owned(), password: format!("secret of {name}") };
    let domain = Domain { name: "pbx.example".to_owned(), users: vec![user("1001"), user("1002")] };
    let registrar = RegistrarConfig { domains: vec![domain], ..RegistrarConfig::default() };
    Config { registrar: Some(registrar), ..Config::default() }
}

/// A world with one endpoint and many who send to it.
struct Town {
    far: Far,
    number: u32,
}

impl Town {
    fn new() -> Town {
        Town { far: Far::new(config()), number: 0 }
    }

    fn at(&mut self, address: &str) {
        self.far.flow.remote = address.parse().unwrap();
    }

    fn register(&mut self, user: &str, expires_s: u32) -> Request {
        self.number += 1;
        let number = self.number;
        let mut register = request(Method::Register, &format!("reg{number}"));
        register.uri = Uri::parse("sip:pbx.example").unwrap();
        let remote: SocketAddr = self.far.flow.remote;
        register.headers.set(HeaderName::Via, format!("SIP/2.0/UDP {remote};branch=z9hG4bKreg{number}"));
        register.headers.set(HeaderName::From, format!("<sip:{user}@pbx.example>;tag=r"));
        register.headers.set(HeaderName::To, format!("<sip:{user}@pbx.example>"));
        register.headers.set(HeaderName::CallId, format!("{user} at {remote}").replace(' ', "-"));
        register.headers.set(HeaderName::CSeq, format!("{number} REGISTER"));
        register.headers.set(HeaderName::Contact, format!("<sip:{user}@{remote}>;expires={expires_s}"));
        register
    }

    /// A fresh challenge; None: no answer at all.
    fn challenge(&mut self, user: &str) -> Option<Challenge> {
        let register = self.register(user, 3600);
        let did = self.far.hears(register);
        let (_, response) = did.responses.first()?;
        Challenge::parse(response.headers.get(&HeaderName::WwwAuthenticate)?).unwrap()
    }

    fn prove(&mut self, user: &str, password: &str, challenge: &Challenge) -> Request {
        let mut register = self.register(user, 3600);
        let who = Credentials { user: user.to_owned(), password: password.to_owned() };
        let nc = self.number;
        let proof = Authorization::answer(challenge, &who, &Method::Register, "sip:pbx.example", nc, "c");
        register.headers.push(HeaderName::Authorization, proof.to_string());
        register
    }

    /// Tries a password; the status, 0 when nothing came.
    fn tries(&mut self, user: &str, password: &str) -> u16 {
        let Some(challenge) = self.challenge(user) else { return 0 };
        let register = self.prove(user, password, &challenge);
        status(&self.far.hears(register))
    }

    fn signs_in(&mut self, user: &str) -> u16 {
        self.tries(user, &format!("secret of {user}"))
    }

    /// Wrong passwords of users that nobody has, until there is no answer any more: how many, and what was told.
    fn guesses_until_banned(&mut self) -> (u32, Vec<Event>) {
        for guess in 0..1000 {
            let Some(challenge) = self.challenge("nobody") else { panic!("banned before a guess") };
            let register = self.prove(&format!("nobody{guess}"), "guess", &challenge);
            let did = self.far.hears(register);
            if !did.events.is_empty() {
                return (guess + 1, did.events);
            }
        }
        panic!("never banned");
    }
}

fn status(did: &Did) -> u16 {
    did.responses.first().map_or(0, |(_, response)| response.status)
}

#[test]
fn who_guesses_is_not_heard_for_a_time_that_doubles() {
    let mut town = Town::new();
    town.at(ELSEWHERE);
    let bans = Bans::default();
    for ban in 0..3 {
        let (guesses, told) = town.guesses_until_banned();
        assert_eq!(guesses, bans.wrong_max);
        let lasts = bans.first * 2_u32.pow(ban);
        let source = town.far.flow.remote.ip();
        assert!(
            matches!(told[..], [Event::Banned { source: of, lasts: so_long }] if of == source && so_long == lasts),
            "{told:?}"
        );
        town.far.waits(u64::try_from(lasts.as_millis()).unwrap() - 1);
        assert_eq!(town.signs_in("1001"), 0, "not even with the right password");
        for method in [Method::Invite, Method::Options, Method::Register, Method::Bye, Method::Subscribe] {
            assert!(town.far.hears(request(method, "banned")).is_silent());
        }
        assert!(town.far.hears_bytes(b"INVITE sip:a SIP/2.0\r\nVia: broken\r\n\r\n").is_silent());
        let mut tagged = request(Method::Bye, "tagged");
        tagged.headers.set(HeaderName::To, "<sip:a@b>;tag=made-up");
        assert!(town.far.hears(tagged).is_silent(), "it belongs to no call");
        town.at("198.51.100.7:9");
        assert_eq!(town.signs_in("1001"), 0, "whatever its port");
        town.at("198.51.100.8:5060");
        assert_eq!(town.signs_in("1001"), 200, "its neighbour may");
        town.at(ELSEWHERE);
        town.far.waits(1);
    }
    assert_eq!(town.signs_in("1001"), 200, "until it is over");
}

#[test]
fn the_calls_of_a_banned_address_go_on() {
    let mut town = Town::new();
    town.at(HOME);
    let (offer, mut late) = (invite("call"), invite("late"));
    late.headers.set(HeaderName::CallId, "late");
    let dialog = town.far.calls(&offer);
    town.far.endpoint.accept(town.far.now, dialog, endpoint_far::ANSWER.into());
    let ok = town.far.did().responses.remove(0).1;
    town.far.calls(&late);
    let (_, ours) = town.far.is_called();
    town.guesses_until_banned();
    let did = town.far.hears(follow(&offer, &ok, Method::Ack, 7));
    assert!(matches!(did.news()[..], [Event::Acknowledged { .. }]), "{did:?}");
    assert_eq!(status(&town.far.hears(late.clone())), 0, "nothing was answered, so nothing is repeated");
    let did = town.far.hears(same_branch(&late, Method::Cancel));
    assert_eq!(status(&did), 200, "{did:?}");
    let did = town.far.hears(endpoint_far::answer(&ours, 180, "far"));
    assert!(matches!(did.news()[..], [Event::Progress { status: 180, .. }]), "{did:?}");
    let did = town.far.hears(follow(&offer, &ok, Method::Bye, 8));
    assert!(status(&did) == 200 && matches!(did.news()[..], [Event::Ended { .. }]), "{did:?}");
    let mut another = invite("another");
    another.headers.set(HeaderName::CallId, "another");
    assert!(town.far.hears(another).is_silent(), "but none begins");
}

#[test]
fn one_bad_phone_does_not_cut_off_the_others_behind_its_address() {
    for (good, bad) in
        [("192.0.2.9:1001", "192.0.2.9:1002"), ("[2001:db8::1]:1001", "[2001:db8::ffff:1]:1002")]
    {
        let mut town = Town::new();
        town.at(good);
        assert_eq!(town.signs_in("1001"), 200);
        for minute in 0..60 {
            town.at(bad);
            for _ in 0..5 {
                assert_eq!(town.tries("1002", "old password"), 401, "minute {minute}");
            }
            town.at(good);
            assert_eq!(town.signs_in("1001"), 200, "minute {minute}");
            town.far.waits(60_000);
        }
    }
}

#[test]
fn nobody_is_banned_by_proofs_that_another_one_sends_in_its_name() {
    let mut town = Town::new();
    town.at(ELSEWHERE);
    let challenge = town.challenge("1001").unwrap();
    town.at(HOME);
    for guess in 0..200 {
        let mut forged = challenge.clone();
        if guess % 2 == 0 {
            forged.nonce.replace_range(..4, "beef");
        }
        let register = town.prove("1001", &format!("guess {guess}"), &forged);
        let did = town.far.hears(register);
        assert!(did.events.is_empty() && status(&did) == 401);
    }
    assert_eq!(town.signs_in("1001"), 200, "neither the address nor the user");
}

#[test]
fn a_nonce_that_is_none_says_nothing_about_the_password() {
    let mut town = Town::new();
    let mut answers = Vec::new();
    for (user, password) in [("1001", "secret of 1001"), ("1001", "wrong"), ("nobody", "wrong")] {
        town.at(ELSEWHERE);
        let challenge = town.challenge("1001").unwrap();
        town.at(HOME);
        let register = town.prove(user, password, &challenge);
        let response = town.far.hears(register).responses.remove(0).1;
        let line = response.headers.get(&HeaderName::WwwAuthenticate).unwrap().to_owned();
        let again = Challenge { nonce: String::new(), ..Challenge::parse(&line).unwrap().unwrap() };
        answers.push((response.status, response.headers.len(), again));
    }
    assert!(answers[0].2.stale);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
}

/// A user's password is guessed from many addresses: what each try is answered with, and when the real one is taken.
#[test]
fn guessing_from_many_addresses_is_slow_and_the_phone_goes_on() {
    let mut town = Town::new();
    town.at(HOME);
    assert_eq!(town.signs_in("1001"), 200);
    let (mut from, mut taken) = (0, 0);
    for second in 0..3600_u64 {
        from += 1;
        town.at(&format!("203.0.{}.{}:5060", from / 250, from % 250 + 1));
        assert_eq!(town.tries("1001", "guess"), 401);
        // A right guess among them: how often would it be believed?
        town.at(&format!("203.1.{}.{}:5060", from / 250, from % 250 + 1));
        let believed = town.signs_in("1001");
        if believed == 200 {
            taken += 1;
            let mut gone = town.register("1001", 0);
            let challenge = town.challenge("1001").unwrap();
            let proof = town.prove("1001", "secret of 1001", &challenge);
            let proof = proof.headers.get(&HeaderName::Authorization).unwrap().to_owned();
            gone.headers.push(HeaderName::Authorization, proof);
            assert_eq!(status(&town.far.hears(gone)), 200);
        } else {
            assert_eq!(believed, 401);
        }
        if second % 600 == 0 {
            town.at(HOME);
            assert_eq!(town.signs_in("1001"), 200, "second {second}");
        }
        town.far.waits(1_000);
    }
    assert!((7..40).contains(&taken), "{taken} of 3600 right guesses were believed");
    town.at("198.51.100.99:5060");
    assert_eq!(town.signs_in("1002"), 200, "another user has no part in it");
}

/// A phone comes back with another port whenever its NAT, its connection or its power fails.
#[test]
fn nobody_elsewhere_locks_a_phone_out_that_comes_back_with_another_port() {
    let mut town = Town::new();
    town.at(HOME);
    assert_eq!(town.signs_in("1001"), 200);
    for n in 0..40 {
        town.at(&format!("203.0.113.{n}:5060"));
        town.tries("1001", "guess");
    }
    let home: SocketAddr = HOME.parse().unwrap();
    town.far.flow.remote = SocketAddr::new(home.ip(), 40_001);
    assert_eq!(town.signs_in("1001"), 200);
    town.at("203.0.113.99:5060");
    assert_eq!(town.signs_in("1001"), 401, "elsewhere it is believed nothing");
}

#[test]
fn who_guesses_at_a_users_home_is_slowed_down_too() {
    let mut town = Town::new();
    town.at(HOME);
    assert_eq!(town.signs_in("1001"), 200);
    let home: SocketAddr = HOME.parse().unwrap();
    town.far.flow.remote = SocketAddr::new(home.ip(), 40_001);
    for _ in 0..20 {
        assert_eq!(town.tries("1001", "guess"), 401);
    }
    assert_eq!(town.signs_in("1001"), 401, "a right guess among them is not believed");
    town.at(HOME);
    assert_eq!(town.signs_in("1001"), 200, "the phone goes on");
}

/// While a user's proofs are refused, nobody learns from a ban that comes or does not which of them would have been right.
#[test]
fn a_ban_does_not_tell_a_right_guess_from_a_wrong_one() {
    let bans = |guess: &str| {
        let mut town = Town::new();
        for n in 0..30 {
            town.at(&format!("203.0.113.{n}:5060"));
            assert_eq!(town.tries("1001", "wrong"), 401, "until this user is believed nothing");
            town.far.waits(1_000);
        }
        town.at(ELSEWHERE);
        let answers: Vec<u16> = (0..30).map(|_| town.tries("1001", guess)).collect();
        (answers, town.tries("1002", "anything"))
    };
    assert_eq!(bans("secret of 1001"), bans("guess"));
}

#[test]
fn a_user_that_there_is_not_is_refused_just_the_same() {
    let answers = |user: &str, password: &str| {
        let mut town = Town::new();
        let mut seen = Vec::new();
        for n in 1..20 {
            town.at(&format!("203.0.113.{n}:5060"));
            let challenge = town.challenge(user).unwrap();
            let register = town.prove(user, password, &challenge);
            let response = town.far.hears(register).responses.remove(0).1;
            let line = response.headers.get(&HeaderName::WwwAuthenticate).unwrap().to_owned();
            let again = Challenge { nonce: String::new(), ..Challenge::parse(&line).unwrap().unwrap() };
            seen.push((response.status, response.headers.len(), again));
        }
        seen
    };
    assert_eq!(answers("1001", "guess"), answers("nobody", "guess"));
}

#[test]
fn a_banned_address_opens_no_stream() {
    let mut town = Town::new();
    town.at(ELSEWHERE);
    town.guesses_until_banned();
    let stream = Flow { transport: Transport::Tcp, ..town.far.flow };
    town.far.endpoint.handle_input(town.far.now, Input::Connected { flow: stream });
    assert_eq!(town.far.did().closes, [stream]);
    assert_eq!(town.far.endpoint.counts().connections, 0);
    town.far.waits(60_000);
    town.far.endpoint.handle_input(town.far.now, Input::Connected { flow: stream });
    assert_eq!(town.far.did().closes, []);
}

#[test]
fn what_a_banned_address_says_by_a_stream_of_before_is_not_answered() {
    let mut town = Town::new();
    town.at(ELSEWHERE);
    let stream = Flow { transport: Transport::Tcp, ..town.far.flow };
    let says = |town: &mut Town, data: &[u8]| {
        town.far.endpoint.handle_input(town.far.now, Input::Stream { flow: stream, data });
        town.far.did()
    };
    town.far.endpoint.handle_input(town.far.now, Input::Connected { flow: stream });
    let mut options = request(Method::Options, "stream");
    options.headers.set(HeaderName::Via, "SIP/2.0/TCP 198.51.100.7;branch=z9hG4bKstream");
    assert_eq!(status(&says(&mut town, &options.encode())), 200);
    town.guesses_until_banned();
    assert!(says(&mut town, &options.encode()).is_silent());
    let did = says(&mut town, b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\n\r\n");
    assert!(did.responses.is_empty() && did.closes == [stream], "no length, so it cannot go on: {did:?}");
}

#[test]
fn bans_can_be_switched_off() {
    let mut off = config();
    off.registrar.as_mut().unwrap().bans =
        Bans { wrong_max: 0, user_wrong_max: 0, within: Duration::from_secs(1), ..Bans::default() };
    let mut town = Town { far: Far::new(off), number: 0 };
    for _ in 0..200 {
        assert_eq!(town.tries("1001", "guess"), 401);
    }
    assert_eq!(town.signs_in("1001"), 200);
}
