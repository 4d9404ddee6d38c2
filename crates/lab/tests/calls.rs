//! What every phone must get right, whatever its row says.
#![allow(clippy::unwrap_used, reason = "test code outside test functions")]

mod world;

use bytes::Bytes;
use lab::limits::PHONES_MAX;
use lab::{Caller, Config, LabEvent, PhoneId, PhoneWish, Prompt, Step};
use media::api::Source;
use media::codec::Codec;
use media::sdp::{self, Direction};
use sip::api::{Ended, Standing};
use sip::message::{HeaderName, Message, Method, Request};
use world::{Sent, World, as_sent, assert_repeats, carrier, far};

const QUIET: Source = Source::Nothing;
const AGENT: Source = Source::Sound { sound: Prompt::Agent.index(), looped: true };
const A: Codec = Codec::Pcma;
const PHONE: PhoneId = PhoneId(1);

fn response_of(sent: &Sent) -> &sip::message::Response {
    match &sent.message {
        Message::Response(response) => response,
        Message::Request(request) => panic!("a {} is no response", request.method),
    }
}

/// A request inside the call that the far end began, by hand: its endpoint makes no offers inside calls.
fn inside(world: &World, method: Method, cseq: u32, sdp: Bytes) -> Message {
    let Message::Request(invite) = &world.requests(&Method::Invite)[0].message else {
        unreachable!("asked for")
    };
    let accepted = response_of(world.responses(200, &Method::Invite)[0]);
    let mut request = Request { method, body: sdp, ..invite.clone() };
    let headers = &mut request.headers;
    headers.set(HeaderName::To, accepted.headers.get(&HeaderName::To).unwrap());
    headers.set(HeaderName::CSeq, format!("{cseq} {}", request.method));
    let mut via = headers.top_via().unwrap();
    via.params.set("branch", Some(&format!("z9hG4bK-{cseq}-{}", request.method)));
    headers.replace_top_via(&via).unwrap();
    if request.body.is_empty() {
        headers.remove(&HeaderName::ContentType);
    }
    Message::Request(request)
}

/// Sends a re-INVITE and returns the SDP of its 200, which is acknowledged with `answer`.
fn reinvite(world: &mut World, cseq: u32, sdp: Bytes, answer: Bytes) -> String {
    let invite = inside(world, Method::Invite, cseq, sdp);
    world.send_raw(carrier(), invite);
    world.run_ms(10);
    let accepted = world.responses(200, &Method::Invite);
    let accepted = response_of(accepted.last().unwrap());
    assert_eq!(accepted.headers.cseq().unwrap().number, cseq);
    let body = String::from_utf8(accepted.body.to_vec()).unwrap();
    let ack = inside(world, Method::Ack, cseq, answer);
    world.send_raw(carrier(), ack);
    body
}

#[test]
fn a_call_in_mu_law_is_heard_in_mu_law() {
    let mut world = World::new().speaking(&[Codec::Pcmu]);
    let dialog = world.call("13800000001", QUIET);
    world.run_ms(5000);
    world.hang_up(dialog);
    world.come_to_rest();
    assert!(world.packets.iter().all(|packet| packet.header.payload_number == 0));
    assert_repeats(&world.heard(), &as_sent(Prompt::Customer, Codec::Pcmu), 3900);
}

#[test]
fn hold_and_resume_are_answered_in_kind() {
    let mut world = World::new();
    let dialog = world.call("13800000001", QUIET);
    world.run_ms(3000);
    let hold = sdp::offer(world.local(2, Direction::SendOnly));
    let answer = reinvite(&mut world, 2, hold, Bytes::new());
    assert!(answer.contains("a=recvonly\r\n"), "{answer}");
    assert!(answer.starts_with("v=0\r\no=cordboard 1 2 "), "same origin, next version: {answer}");
    let before = world.packets.len();
    world.run_ms(2000);
    assert_eq!(world.packets.len(), before, "who is held hears nothing and is not spoken to");
    let resume = sdp::offer(world.local(3, Direction::SendRecv));
    let answer = reinvite(&mut world, 3, resume, Bytes::new());
    assert!(answer.contains("a=sendrecv\r\n"), "{answer}");
    world.run_ms(1000);
    assert!(world.packets.len() > before + 45);
    // 200s are repeated until the ACK came.
    assert_eq!(world.responses(200, &Method::Invite).len(), 3);
    world.hang_up(dialog);
    world.run_ms(100);
    // The far end's endpoint knows nothing of the re-INVITEs made by hand, and its BYE has an old CSeq.
    let bye = inside(&world, Method::Bye, 4, Bytes::new());
    world.send_raw(carrier(), bye);
    world.come_to_rest();
}

#[test]
fn an_offer_that_was_left_to_the_phone_is_made_and_its_answer_followed() {
    let mut world = World::new();
    world.call("13800000001", QUIET);
    world.run_ms(3000);
    let hold = sdp::offer(world.local(2, Direction::Inactive));
    let offer = reinvite(&mut world, 2, Bytes::new(), hold);
    assert!(offer.contains("m=audio 31000 RTP/AVP 8 0 9 18 101\r\n"), "{offer}");
    assert!(offer.contains("a=sendrecv\r\n"), "{offer}");
    world.run_ms(10);
    let before = world.packets.len();
    world.run_ms(2000);
    assert_eq!(world.packets.len(), before);
    let bye = inside(&world, Method::Bye, 3, Bytes::new());
    world.send_raw(carrier(), bye);
    world.run_ms(100);
    assert_eq!(world.lab.counts().phones, 0);
}

#[test]
fn an_offer_that_cannot_be_met_is_refused_and_the_call_goes_on() {
    let mut world = World::new();
    world.call("13800000001", QUIET);
    world.run_ms(3000);
    let video = Bytes::from_static(
        b"v=0\r\no=- 7 2 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 4\r\n",
    );
    let invite = inside(&world, Method::Invite, 2, video);
    world.send_raw(carrier(), invite);
    world.run_ms(10);
    assert_eq!(world.responses(488, &Method::Invite).len(), 1);
    let before = world.packets.len();
    world.run_ms(1000);
    assert_eq!(world.packets.len(), before + 50);
}

#[test]
fn a_first_offer_that_cannot_be_met_is_refused_with_its_verdict() {
    for (offer, status) in [
        (&b"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 4\r\n"[..], 488),
        (b"hello", 400),
    ] {
        for number in ["13800000005", "13800000001"] {
            let mut world = World::new();
            world.invite(carrier(), number, Bytes::from_static(offer));
            world.run_ms(3000);
            assert_eq!(world.ended, [Ended::Refused(status)]);
            world.come_to_rest();
        }
    }
}

#[test]
fn a_call_without_an_offer_gets_one_with_the_answer() {
    let mut world = World::new();
    world.call("13800000001", QUIET);
    let Message::Request(mut invite) = world.sent.remove(0).message else {
        unreachable!("an INVITE was sent")
    };
    // The one that is on its way is another call; this one comes beside it.
    invite.headers.set(HeaderName::CallId, "by-hand");
    invite.headers.remove(&HeaderName::ContentType);
    invite.body = Bytes::new();
    let mut via = invite.headers.top_via().unwrap();
    via.params.set("branch", Some("z9hG4bK-by-hand"));
    invite.headers.replace_top_via(&via).unwrap();
    world.send_raw(carrier(), Message::Request(invite.clone()));
    world.run_ms(1100);
    let by_hand = |sent: &&Sent| sent.message.headers().call_id() == Ok("by-hand");
    let accepted: Vec<_> = world.responses(200, &Method::Invite).into_iter().filter(by_hand).collect();
    let accepted = response_of(accepted[0]).clone();
    let offer = String::from_utf8(accepted.body.to_vec()).unwrap();
    assert!(offer.contains("RTP/AVP 8 0 9 18 101\r\n"), "{offer}");
    let before = world.packets.len();
    let mut ack = Request { method: Method::Ack, ..invite };
    ack.headers.set(HeaderName::To, accepted.headers.get(&HeaderName::To).unwrap());
    ack.headers.set(HeaderName::CSeq, format!("{} ACK", accepted.headers.cseq().unwrap().number));
    ack.headers.set(HeaderName::ContentType, "application/sdp");
    ack.body = sdp::offer(world.local(1, Direction::SendRecv));
    world.send_raw(carrier(), Message::Request(ack));
    world.run_ms(1000);
    // Both phones speak to the same port now.
    assert!((95..=105).contains(&(world.packets.len() - before)), "{}", world.packets.len() - before);
}

#[test]
fn a_call_is_given_up_while_it_rings_and_during_an_announcement() {
    for (number, early) in [("13800000001", 180), ("13800000005", 183), ("13800000014", 180)] {
        let mut world = World::new();
        let dialog = world.call(number, QUIET);
        world.run_ms(500);
        world.hang_up(dialog);
        world.come_to_rest();
        let names: Vec<_> = world.answers().into_iter().map(|(_, name)| name).collect();
        let early = format!("{early} INVITE");
        assert_eq!(names, ["100 INVITE", &early, "200 CANCEL", "487 INVITE"]);
        assert_eq!(world.happened.last().unwrap().1, LabEvent::Ended { phone: PHONE, how: Ended::ByFar });
    }
}

#[test]
fn a_customer_calls_talks_dials_and_hangs_up() {
    let mut world = World::new();
    let from = Caller::Customer { number: "13912340000".to_owned(), switch: far() };
    let then = &[Step::Repeat(Prompt::Customer)];
    world.wish(PhoneWish::Dial { from, to: "02258834811".to_owned(), then });
    world.run_ms(2000);
    world.wish(PhoneWish::SendDigits { phone: PHONE, digits: "42".to_owned() });
    world.run_ms(2000);
    world.wish(PhoneWish::HangUp { phone: PHONE });
    world.come_to_rest();
    let Message::Request(invite) = &world.sent[0].message else { unreachable!("an INVITE was sent") };
    assert_eq!(invite.uri.user_unescaped(), "02258834811");
    assert_eq!(invite.headers.from().unwrap().uri.user_unescaped(), "13912340000");
    let number = "13912340000".to_owned();
    let events: Vec<_> = world.happened.iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(
        events,
        [
            LabEvent::PhoneDialled { phone: PHONE, number, to: "02258834811".to_owned() },
            LabEvent::PhoneAnswered { phone: PHONE },
            LabEvent::SoundHeard { phone: PHONE },
            LabEvent::Ended { phone: PHONE, how: Ended::ByUs },
        ]
    );
    assert_eq!(world.digits.iter().map(|(_, digit)| *digit).collect::<Vec<_>>(), ['4', '2']);
    assert_repeats(&world.heard()[..8000], &as_sent(Prompt::Customer, A), 1000);
    assert_eq!(world.ended, [Ended::ByFar]);
}

#[test]
fn a_phone_hears_digits() {
    let mut world = World::new();
    let dialog = world.call("13800000001", QUIET);
    world.run_ms(2000);
    world.far_dials("7#");
    world.run_ms(1000);
    world.hang_up(dialog);
    world.come_to_rest();
    let heard = |(_, event): &(u64, LabEvent)| match event {
        LabEvent::DigitHeard { phone: PHONE, digit } => Some(*digit),
        _ => None,
    };
    assert_eq!(world.happened.iter().filter_map(heard).collect::<String>(), "7#");
}

#[test]
fn a_phone_signs_in_is_called_at_its_own_address_calls_and_signs_out() {
    let mut world = World::new();
    let user = || "8005".to_owned();
    world.wish(PhoneWish::SignIn { user: "nobody".to_owned() });
    world.wish(PhoneWish::SignIn { user: user() });
    world.wish(PhoneWish::SignIn { user: user() });
    world.run_ms(100);
    let bindings = world.contacts("8005");
    let address = "127.0.0.1:5071".parse().unwrap();
    assert_eq!(bindings.iter().map(|binding| binding.flow.remote).collect::<Vec<_>>(), [address]);
    assert_eq!(world.requests(&Method::Register).len(), 2, "one, and one with credentials");

    let dialog = world.call_at(address, "8005", QUIET);
    world.run_ms(4000);
    assert_repeats(&world.heard(), &as_sent(Prompt::Agent, A), 2900);
    world.hang_up(dialog);
    world.run_ms(100);
    world.call_at(address, "13800000001", QUIET);
    world.run_ms(100);
    assert_eq!(world.ended, [Ended::ByUs, Ended::Refused(404)]);

    world.packets.clear();
    // Steps of a called phone mean nothing to one that calls.
    let then = &[Step::Ring, Step::EarlyMedia, Step::Answer, Step::Echo];
    let dial = PhoneWish::Dial { from: Caller::Phone { user: user() }, to: "8006".to_owned(), then };
    world.wish(dial);
    world.run_ms(3000);
    assert_repeats(&world.heard(), &as_sent(Prompt::Agent, A), 2900);
    world.wish(PhoneWish::HangUp { phone: PhoneId(2) });
    world.wish(PhoneWish::SignOut { user: user() });
    world.come_to_rest();
    assert_eq!(world.contacts("8005"), []);
    let standings = world.happened.iter().filter_map(|(_, event)| match event {
        LabEvent::Registration { standing, .. } => Some(*standing),
        _ => None,
    });
    let standings: Vec<_> = standings.collect();
    assert!(matches!(standings[..], [Standing::Registered { .. }, Standing::Gone]), "{standings:?}");
}

#[test]
fn without_sockets_and_without_ports_a_phone_gives_up_and_leaves_nothing() {
    let mut world = World::new();
    world.lab_sockets_work = false;
    world.call("13800000001", QUIET);
    world.run_ms(3000);
    assert_eq!(world.ended, [Ended::ByFar]);
    world.come_to_rest();

    let mut world = World::with(Config::new(carrier(), 31_000..=31_001));
    let first = world.call("13800000003", QUIET);
    let second = world.call("13800000001", QUIET);
    world.run_ms(2000);
    world.call("13800000001", QUIET);
    world.run_ms(2000);
    assert_eq!(world.ended, [Ended::Refused(503)], "who only rings takes no port");
    world.hang_up(first);
    world.hang_up(second);
    world.come_to_rest();
}

#[test]
fn more_phones_than_the_limit_are_refused() {
    let mut world = World::new();
    for _ in 0..=PHONES_MAX {
        world.invite(carrier(), "13800000003", Bytes::from_static(b"never read"));
        world.run_ms(5);
    }
    assert_eq!(world.lab.counts().phones, PHONES_MAX);
    assert_eq!(world.ended, [Ended::Refused(503)]);
}

#[test]
fn a_phone_whose_far_end_vanished_leaves_after_four_hours() {
    let mut world = World::new();
    world.call("13800000013", QUIET);
    world.run_ms(4 * 3_600_000 + 100);
    assert_eq!(world.answers().last(), Some(&(4 * 3_600_000, "BYE".to_owned())));
    assert_eq!(world.ended, [Ended::ByFar]);
    world.come_to_rest();
}

#[test]
fn whatever_gets_lost_on_the_way_every_phone_comes_to_rest() {
    for seed in 0..4 {
        for row in 0..=16 {
            let mut world = World::new().losing(25, seed);
            let dialog = world.call(&format!("1380000{row:04}"), AGENT);
            world.run_ms(9000);
            world.hang_up(dialog);
            world.come_to_rest();
            assert_eq!(world.ended.len(), 1, "row {row}, seed {seed}");
            let ends = |(_, event): &&(u64, LabEvent)| matches!(event, LabEvent::Ended { .. });
            let calls = |(_, event): &&(u64, LabEvent)| matches!(event, LabEvent::PhoneCalled { .. });
            let count = |of: &dyn Fn(&&(u64, LabEvent)) -> bool| world.happened.iter().filter(of).count();
            assert_eq!(count(&ends), count(&calls), "row {row}, seed {seed}");
        }
    }
}

#[test]
fn agent_and_customer_cannot_be_mistaken_for_each_other() {
    let agent = lab::prompt_samples(Prompt::Agent);
    let customer = lab::prompt_samples(Prompt::Customer);
    let piece: Vec<i16> = agent[4000..8000].to_vec();
    assert!(likeness(&piece, &agent) > 0.99, "a prompt is found in itself");
    assert!(likeness(&piece, &customer) < 0.3, "{}", likeness(&piece, &customer));
}

/// The highest normalised correlation of `piece` with any place in `whole`, looked for every eight samples.
fn likeness(piece: &[i16], whole: &[i16]) -> f64 {
    let product =
        |a: &[i16], b: &[i16]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum() };
    let places = whole.windows(piece.len()).step_by(8);
    let likeness =
        places.map(|place| product(piece, place) / (product(piece, piece) * product(place, place)).sqrt());
    likeness.fold(0.0, f64::max)
}
