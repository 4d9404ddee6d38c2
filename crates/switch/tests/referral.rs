//! Phones that hand their call on: blind, and to the far end of their other line.

mod kit;

use std::time::Duration;

use callcenter::event::Event;
use kit::floor::{COLLEAGUE, Floor};
use kit::{PHONE, TRUNK};
use media::api::Source;
use sip::api::Referral::{Done, Trying};
use sip::api::{DialogId, Ended};

/// What the agent's phone was told of its wishes. That one is tried is told by 202, and again by NOTIFY.
fn told(floor: &Floor) -> Vec<sip::api::Referral> {
    let mut told = floor.bench.fars[PHONE].referrals.clone();
    told.dedup();
    told
}

fn at_rest_without_the_customer(mut floor: Floor) {
    let carrier = floor.carrier;
    let now = floor.bench.now;
    floor.bench.fars[TRUNK].endpoint.end(now, carrier);
    floor.bench.run();
    floor.bench.pass(Duration::from_secs(400));
    floor.bench.assert_at_rest();
}

#[test]
fn a_blind_transfer_to_a_colleague_frees_the_agent_when_it_is_answered() {
    let mut floor = Floor::talking();
    let [_, customer] = floor.legs();
    floor.refers("sip:1002@pbx.example", None);
    assert_eq!((told(&floor), floor.bench.fars[COLLEAGUE].calls), (vec![Trying], 1));
    let [_, _, colleague] = floor.legs();
    assert_eq!(floor.heard(customer), Source::RingBack);
    floor.bench.answer(COLLEAGUE);
    assert_eq!(told(&floor), [Trying, Done { status: 200 }]);
    assert_eq!(floor.bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(floor.heard(customer), Source::Stream(colleague.into()));
    assert_eq!(floor.heard(colleague), Source::Stream(customer.into()));
    assert!(floor.is_watched(colleague) && floor.is_watched(customer));
    assert_eq!(floor.bench.switch.counts().legs_living, 2);
    at_rest_without_the_customer(floor);
}

#[test]
fn a_phone_may_hang_up_as_soon_as_its_wish_is_taken_up() {
    let mut floor = Floor::talking();
    let [_, customer] = floor.legs();
    floor.refers("tel:1002", None);
    let now = floor.bench.now;
    floor.bench.fars[PHONE].endpoint.end(now, floor.phone);
    floor.bench.run();
    assert_eq!(floor.bench.switch.counts().legs_living, 2, "the customer waits for the colleague");
    floor.bench.answer(COLLEAGUE);
    let [_, _, colleague] = floor.legs();
    assert_eq!(floor.heard(customer), Source::Stream(colleague.into()));
    at_rest_without_the_customer(floor);
}

#[test]
fn a_transfer_that_fails_gives_the_customer_back() {
    let mut floor = Floor::talking();
    let [agent, customer] = floor.legs();
    floor.refers("sip:1002@pbx.example", None);
    floor.bench.refuse(COLLEAGUE, 486);
    assert_eq!(told(&floor), [Trying, Done { status: 486 }]);
    assert_eq!(floor.heard(customer), Source::Stream(agent.into()));
    assert!(floor.bench.events().any(|event| matches!(event, Event::PartyFailed { .. })));
    floor.refers("sip:1002@pbx.example", None);
    assert_eq!(told(&floor).last(), Some(&Trying), "it may be tried again");
    floor.bench.answer(COLLEAGUE);
    assert_eq!(told(&floor).last(), Some(&Done { status: 200 }));
    at_rest_without_the_customer(floor);
}

#[test]
fn a_wish_that_leads_nowhere_is_declined() {
    for to in ["sip:nobody@pbx.example", "mailto:1002@pbx.example", "sip:1001@pbx.example"] {
        let mut floor = Floor::talking();
        floor.refers(to, None);
        assert_eq!(told(&floor), [Done { status: 603 }], "{to}");
        assert_eq!(floor.bench.switch.counts().legs_living, 2);
    }
}

/// The agent's phone calls the colleague by a second line, and talks with them.
fn consulting() -> (Floor, DialogId) {
    let mut floor = Floor::talking();
    floor.offers(PHONE, media::sdp::Direction::SendOnly);
    let second = floor.calls("1002");
    assert_eq!(floor.bench.fars[COLLEAGUE].calls, 1);
    (floor, second)
}

#[test]
fn an_attended_transfer_connects_customer_and_colleague_and_ends_both_lines() {
    let (mut floor, second) = consulting();
    floor.bench.answer(COLLEAGUE);
    let legs: [_; 4] = floor.legs();
    let customer = legs[1];
    assert_eq!(floor.heard(customer), kit::floor::MUSIC);
    floor.refers("sip:1002@pbx.example", Some(second));
    assert_eq!(told(&floor), [Trying, Done { status: 200 }]);
    assert_eq!(floor.bench.fars[PHONE].ended, [Ended::ByFar, Ended::ByFar]);
    assert_eq!(floor.bench.switch.counts().legs_living, 2);
    let heard = floor.heard(customer);
    let Source::Stream(other) = heard else { panic!("{heard:?}") };
    assert!(legs[2..].iter().any(|leg| other == (*leg).into()));
    at_rest_without_the_customer(floor);
}

/// There are phones that hand on while it still rings, and name a call that is not established.
#[test]
fn an_attended_transfer_to_who_rings_waits_for_the_answer() {
    let (mut floor, _) = consulting();
    let [_, customer, _, _] = floor.legs();
    floor.bench.ring(COLLEAGUE, 180, None);
    let refer = refer_to_who_rings(&floor);
    floor.bench.send_raw(PHONE, refer);
    let notified = |floor: &Floor, status: &str| {
        let received = floor.bench.fars[PHONE].received.iter().map(|data| String::from_utf8_lossy(data));
        received.filter(|text| text.starts_with("NOTIFY ") && text.contains(status)).count()
    };
    assert_eq!((notified(&floor, "SIP/2.0 100 "), notified(&floor, "SIP/2.0 200 ")), (1, 0));
    floor.bench.answer(COLLEAGUE);
    assert_eq!(notified(&floor, "SIP/2.0 200 "), 1);
    let [_, _, _, colleague] = floor.legs();
    assert_eq!(floor.heard(customer), Source::Stream(colleague.into()));
    assert_eq!(floor.bench.switch.counts().legs_living, 2);
    at_rest_without_the_customer(floor);
}

/// A REFER on the first line that names the second, written by hand.
fn refer_to_who_rings(floor: &Floor) -> String {
    let text = |data: &bytes::Bytes| String::from_utf8_lossy(data).into_owned();
    let phone = &floor.bench.fars[PHONE];
    let first_of =
        |list: &[bytes::Bytes], start: &str| list.iter().map(text).find(|one| one.starts_with(start));
    let last_of =
        |list: &[bytes::Bytes], start: &str| list.iter().rev().map(text).find(|one| one.starts_with(start));
    let header = |message: &Option<String>, name: &str| {
        let message = message.as_ref().expect("it was sent");
        let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.expect("the header is there").to_owned()
    };
    let tag = |value: String| value.rsplit(";tag=").next().expect("it has a tag").to_owned();
    let (invite, ok) = (first_of(&phone.received, "INVITE "), first_of(&phone.sent, "SIP/2.0 200 "));
    let (second, ringing) = (last_of(&phone.sent, "INVITE "), last_of(&phone.received, "SIP/2.0 180 "));
    let contact = header(&invite, "Contact");
    let target = contact.split(['<', '>']).nth(1).expect("a contact has brackets");
    format!(
        "REFER {target} SIP/2.0\r\nVia: SIP/2.0/UDP {0};branch=z9hG4bKhand\r\nMax-Forwards: 70\r\nFrom: {1}\r\n\
         To: {2}\r\nCall-ID: {3}\r\nCSeq: 900 REFER\r\nContact: <sip:far@{0}>\r\n\
         Refer-To: <sip:1002@pbx.example?Replaces={4}%3Bto-tag%3D{5}%3Bfrom-tag%3D{6}>\r\nContent-Length: 0\r\n\r\n",
        phone.address,
        header(&ok, "To"),
        header(&invite, "From"),
        header(&invite, "Call-ID"),
        header(&second, "Call-ID"),
        tag(header(&ringing, "To")),
        tag(header(&second, "From")),
    )
}
