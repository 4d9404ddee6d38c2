//! What trunks are told: numbers in their form, who calls, codecs; and where they are when that changes.

use std::time::Duration;

use callcenter::event::Event;
use media::codec::Codec;
use sip::message::{HeaderName, Message, Request, parse_datagram};
use switch::api::Input;
use switch::config::{Config, Form, NumberFormat, ShownBy, Trunk, TrunkAddress};

use crate::carriers_called;
use crate::kit::{self, Bench, CUSTOMER, PHONE, TRUNK, TRUNK2};

/// The INVITE that the first carrier gets from a trunk that was changed like this.
fn invite_to(change: impl FnOnce(&mut Trunk)) -> (Bench, Request) {
    let mut config = kit::config();
    change(&mut config.trunks[0]);
    let (bench, _) = Bench::ready_to_customer_with(config);
    let invite = invite_at(&bench, TRUNK);
    (bench, invite)
}

fn invite_at(bench: &Bench, far: usize) -> Request {
    let data = bench.fars[far].received.iter().rfind(|data| data.starts_with(b"INVITE"));
    match parse_datagram(data.expect("an INVITE came")) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

#[test]
fn numbers_go_out_in_the_trunks_form_and_are_recorded_in_the_accounts() {
    let (mut bench, invite) = invite_to(|trunk| {
        trunk.numbers = NumberFormat { form: Form::Plus, ..NumberFormat::default() };
    });
    assert_eq!(invite.uri.to_string(), format!("sip:+86{CUSTOMER}@first.example"));
    assert_eq!(invite.headers.to().expect("To").uri, invite.uri);
    assert_eq!(invite.headers.from().expect("From").uri.to_string(), "sip:+861088880000@first.example");
    bench.refuse(TRUNK, 486);
    bench.pass(Duration::from_secs(40));
    let record = bench.record();
    assert_eq!((record.call.customer.as_str(), record.call.display.as_str()), (CUSTOMER, "01088880000"));
    let started = bench.events().any(|event| {
        matches!(event, Event::LegStarted { target: callcenter::action::Target::Number(number), .. } if number == CUSTOMER)
    });
    assert!(started);
}

#[test]
fn the_next_trunk_is_told_in_its_own_form_and_with_its_own_codecs() {
    let mut config: Config = kit::config();
    config.trunks[0].numbers.form = Form::Plus;
    config.trunks[0].codecs = vec![Codec::Pcma];
    config.trunks[1].numbers.form = Form::E164;
    config.trunks[1].codecs = vec![Codec::Pcmu];
    let (mut bench, _) = Bench::ready_to_customer_with(config);
    let offered = |invite: &Request| {
        let sdp = String::from_utf8_lossy(&invite.body).into_owned();
        (sdp.contains("PCMA/8000"), sdp.contains("PCMU/8000"))
    };
    assert_eq!(offered(&invite_at(&bench, TRUNK)), (true, false));
    bench.refuse(TRUNK, 503);
    let second = invite_at(&bench, TRUNK2);
    assert_eq!(second.uri.to_string(), format!("sip:86{CUSTOMER}@second.example"));
    assert_eq!(offered(&second), (false, true));
}

#[test]
fn both_ends_speak_the_same_codec_where_the_trunk_allows_it() {
    for (allowed, first) in [(vec![Codec::Pcmu, Codec::Pcma], Codec::Pcma), (vec![Codec::Pcmu], Codec::Pcmu)]
    {
        let (_, invite) = invite_to(|trunk| trunk.codecs = allowed);
        // The agent's phone chose the first that it was offered, PCMA.
        let sdp = String::from_utf8_lossy(&invite.body).into_owned();
        let media = sdp.lines().find(|line| line.starts_with("m=audio")).expect("sound is offered");
        assert_eq!(media.split(' ').nth(3), Some(first.payload().to_string().as_str()), "{media}");
    }
}

#[test]
fn who_calls_is_told_as_the_trunk_wants_it() {
    let lines = |invite: &Request| {
        let names = [
            HeaderName::PAssertedIdentity,
            HeaderName::PPreferredIdentity,
            HeaderName::Privacy,
            HeaderName::Diversion,
        ];
        names.map(|name| invite.headers.get(&name).unwrap_or("").to_owned())
    };
    let (bench, plain) = invite_to(|_| {});
    assert_eq!(lines(&plain), ["", "", "", ""]);
    assert_eq!(lines(&invite_at(&bench, PHONE)), ["", "", "", ""]);
    let (bench, asserted) = invite_to(|trunk| {
        trunk.shown_by = ShownBy::Asserted;
        trunk.withheld = true;
        trunk.diverted_from = Some("02258834811".to_owned());
        trunk.numbers.form = Form::Plus;
    });
    let number = "<sip:+861088880000@first.example>";
    let diverted = "<sip:+862258834811@first.example>;reason=unconditional;privacy=full";
    assert_eq!(lines(&asserted), [number, "", "id", diverted]);
    assert_eq!(asserted.headers.from().expect("From").uri.to_string(), "sip:anonymous@anonymous.invalid");
    assert_eq!(lines(&invite_at(&bench, PHONE)), ["", "", "", ""], "phones are told nothing of it");
    let (_, preferred) = invite_to(|trunk| trunk.shown_by = ShownBy::Preferred);
    assert_eq!(lines(&preferred), ["", "<sip:01088880000@first.example>", "", ""]);
}

#[test]
fn a_trunk_without_address_is_passed_over_until_it_has_one() {
    let mut config = kit::config();
    let addresses = std::mem::take(&mut config.trunks[0].addresses);
    let mut bench = Bench::ready_with(config);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.input(Input::TrunkResolved { trunk: "first".to_owned(), addresses: addresses.clone() });
    assert_eq!(carriers_called(&mut bench), [1, 0]);
    // Of a family that our socket is not of.
    let six =
        TrunkAddress { remote: "[2001:db8::1]:5060".parse().expect("an address"), ..addresses[0].clone() };
    bench.input(Input::TrunkResolved { trunk: "first".to_owned(), addresses: vec![six] });
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    bench.input(Input::TrunkResolved { trunk: "nobody".to_owned(), addresses });
}

#[test]
fn what_is_known_of_an_address_is_kept_when_the_trunk_is_looked_up_again() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(2));
    bench.hang_up(PHONE);
    bench.fars[TRUNK].deaf = false;
    let addresses = bench.config.trunks[0].addresses.clone();
    bench.input(Input::TrunkResolved { trunk: "first".to_owned(), addresses });
    bench.pass(Duration::from_millis(1));
    assert_eq!(carriers_called(&mut bench), [0, 1]);
}
