//! Each row of the table: the exact SIP, when, and what is heard.

mod world;

use lab::{LabEvent, PhoneId, Prompt};
use media::api::Source;
use media::codec::Codec;
use sip::api::Ended;
use sip::message::Method;
use world::{World, as_sent, assert_repeats, to_tag};

const QUIET: Source = Source::Nothing;
const A: Codec = Codec::Pcma;

#[track_caller]
fn assert_answers(world: &World, expected: &[(u64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(at, name)| (*at, (*name).to_owned())).collect();
    assert_eq!(world.answers(), expected);
}

/// Calls, lets time pass, and hangs up if the phone has not.
fn call(number: &str, source: Source, ms: u64) -> World {
    let mut world = World::new();
    let dialog = world.call(number, source);
    world.run_ms(ms);
    if world.ended.is_empty() {
        world.hang_up(dialog);
    }
    world.come_to_rest();
    world
}

const ANSWERED_AFTER_1_S: [(u64, &str); 3] = [(0, "100 INVITE"), (0, "180 INVITE"), (1000, "200 INVITE")];

#[track_caller]
fn assert_answered_after_1_s_and_hung_up_by_caller(world: &World, at_ms: u64) {
    let mut expected = ANSWERED_AFTER_1_S.to_vec();
    expected.push((at_ms, "200 BYE"));
    assert_answers(world, &expected);
    assert_eq!(world.ended, [Ended::ByUs]);
}

/// Where one sound follows another the engine smooths the step over so many samples.
const SEAM_SAMPLES: usize = 40;

#[test]
fn row_0001_rings_answers_and_speaks_until_hung_up() {
    let world = call("13800000001", QUIET, 13_000);
    assert_answered_after_1_s_and_hung_up_by_caller(&world, 13_000);
    assert_repeats(&world.heard(), &as_sent(Prompt::Customer, A), 11_900);
    assert!(world.packets.windows(2).all(|two| two[1].at.since(two[0].at).as_millis() == 20));
    let phone = PhoneId(1);
    let called =
        LabEvent::PhoneCalled { phone, number: "13800000001".to_owned(), from: "02258834811".to_owned() };
    assert_eq!(
        world.happened,
        [
            (0, called),
            (0, LabEvent::PhoneRang { phone }),
            (1000, LabEvent::PhoneAnswered { phone }),
            (13_000, LabEvent::Ended { phone, how: Ended::ByFar }),
        ]
    );
}

#[test]
fn rows_0002_0004_and_0009_refuse() {
    let world = call("13800000002", QUIET, 3000);
    assert_answers(&world, &[(0, "486 INVITE")]);
    assert_eq!(world.ended, [Ended::Refused(486)]);
    let world = call("13800000004", QUIET, 3000);
    assert_answers(&world, &[(0, "100 INVITE"), (0, "180 INVITE"), (2000, "603 INVITE")]);
    assert_eq!(world.ended, [Ended::Refused(603)]);
    let world = call("13800000009", QUIET, 3000);
    assert_answers(&world, &[(0, "503 INVITE")]);
    assert_eq!(world.ended, [Ended::Refused(503)]);
}

#[test]
fn row_0003_rings_and_never_answers() {
    let world = call("02288880003", QUIET, 120_000);
    let cancelled = 120_000;
    assert_answers(
        &world,
        &[(0, "100 INVITE"), (0, "180 INVITE"), (cancelled, "200 CANCEL"), (cancelled, "487 INVITE")],
    );
    assert_eq!(world.ended, [Ended::ByUs]);
    assert!(world.packets.is_empty());
}

#[test]
fn rows_0005_to_0007_announce_and_refuse() {
    for (number, prompt, status) in [
        ("13800000005", Prompt::VacantNumber, 404),
        ("13800000006", Prompt::SwitchedOff, 480),
        ("13800000007", Prompt::LineBusy, 486),
    ] {
        let world = call(number, QUIET, 9000);
        let announcement = as_sent(prompt, A);
        let answers = world.answers();
        let names: Vec<_> = answers.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["100 INVITE", "183 INVITE", &format!("{status} INVITE")]);
        assert_eq!((answers[0].0, answers[1].0), (0, 0));
        // The refusal comes with the frame after the last.
        assert_eq!(answers[2].0, announcement.len() as u64 / 8, "{number}");
        assert_eq!(world.heard(), announcement, "{number}");
        assert_eq!(world.ended, [Ended::Refused(status)]);
    }
}

#[test]
fn row_0008_hangs_up_after_5_s() {
    let world = call("13800000008", QUIET, 10_000);
    let mut expected = ANSWERED_AFTER_1_S.to_vec();
    expected.push((6000, "BYE"));
    assert_answers(&world, &expected);
    assert_eq!(world.ended, [Ended::ByFar]);
    assert_repeats(&world.heard(), &as_sent(Prompt::Customer, A), 4900);
    let last = world.packets.last().expect("it spoke").at;
    assert!((5900..=6010).contains(&world.ms(last)), "sound stops with the BYE: {}", world.ms(last));
}

#[test]
fn row_0010_answers_after_20_s() {
    let world = call("13800000010", QUIET, 25_000);
    assert_answers(
        &world,
        &[(0, "100 INVITE"), (0, "180 INVITE"), (20_000, "200 INVITE"), (25_000, "200 BYE")],
    );
    assert_repeats(&world.heard(), &as_sent(Prompt::Customer, A), 4900);
}

#[test]
fn row_0011_presses_four_keys_a_second_apart() {
    let world = call("4008000011", QUIET, 8000);
    assert_answered_after_1_s_and_hung_up_by_caller(&world, 8000);
    let keys: Vec<_> = world.digits.iter().map(|(_, key)| *key).collect();
    assert_eq!(keys, ['1', '2', '3', '#']);
    for (n, (at, key)) in (2..).zip(&world.digits) {
        // A key is held for 100 ms, and its first end packet is the sixth frame.
        assert!((n * 1000 + 100..=n * 1000 + 130).contains(at), "{key} at {at}");
    }
    assert!(world.heard().iter().all(|sample| sample.abs() <= 8), "nothing but digits and silence");
}

#[test]
fn row_0012_is_a_mailbox() {
    let world = call("13800000012", QUIET, 10_000);
    assert_answered_after_1_s_and_hung_up_by_caller(&world, 10_000);
    let (greeting, beep) = (as_sent(Prompt::MailboxGreeting, A), as_sent(Prompt::Beep, A));
    let heard = world.heard();
    let (heard_greeting, rest) = heard.split_at(greeting.len());
    let (heard_beep, rest) = rest.split_at(beep.len());
    assert_eq!(heard_greeting, greeting);
    assert_eq!(heard_beep[SEAM_SAMPLES..], beep[SEAM_SAMPLES..]);
    let after = &rest[SEAM_SAMPLES..];
    assert!(after.len() > 2 * 8000, "it keeps sending");
    assert!(after.iter().all(|sample| sample.abs() <= 8), "but says nothing");
}

#[test]
fn row_0013_answers_and_sends_no_rtp() {
    let speech = Source::Sound { sound: Prompt::Agent.index(), looped: true };
    let world = call("13800000013", speech, 10_000);
    assert_answered_after_1_s_and_hung_up_by_caller(&world, 10_000);
    assert!(world.packets.is_empty());
    let heard = world.happened.iter().any(|(_, event)| *event == LabEvent::SoundHeard { phone: PhoneId(1) });
    assert!(heard, "it hears well");
}

#[test]
fn row_0014_rings_then_has_early_media_then_answers() {
    let world = call("13800000014", QUIET, 12_000);
    let connecting = as_sent(Prompt::Connecting, A);
    let answered = 1000 + connecting.len() as u64 / 8;
    assert_answers(
        &world,
        &[
            (0, "100 INVITE"),
            (0, "180 INVITE"),
            (1000, "183 INVITE"),
            (answered, "200 INVITE"),
            (12_000, "200 BYE"),
        ],
    );
    let heard = world.heard();
    assert_eq!(heard[..connecting.len()], connecting);
    let customer = as_sent(Prompt::Customer, A);
    let mut speech = heard[connecting.len()..].to_vec();
    speech[..SEAM_SAMPLES].copy_from_slice(&customer[..SEAM_SAMPLES]);
    assert_repeats(&speech, &customer, 5000);
    let [early, answer] =
        [183, 200].map(|status| world.responses(status, &Method::Invite)[0].message.clone());
    let body = |message: sip::message::Message| match message {
        sip::message::Message::Response(response) => response.body,
        sip::message::Message::Request(_) => unreachable!("responses were asked for"),
    };
    assert_eq!(body(early), body(answer), "the answer is said again, unchanged");
}

#[test]
fn row_0015_answers_twice_and_the_second_is_acknowledged_and_ended() {
    let world = call("13800000015", QUIET, 6000);
    let accepted = world.responses(200, &Method::Invite);
    assert_eq!(accepted.len(), 2);
    let tags = [to_tag(accepted[0]), to_tag(accepted[1])];
    assert_ne!(tags[0], tags[1]);
    assert_eq!(accepted.iter().map(|sent| world.ms(sent.at)).collect::<Vec<_>>(), [1000, 1000]);
    let tags_of = |method| world.requests(&method).into_iter().map(to_tag).collect::<Vec<_>>();
    assert_eq!(tags_of(Method::Ack), tags);
    let byes = world.requests(&Method::Bye);
    assert_eq!(byes.iter().map(|sent| world.ms(sent.at)).collect::<Vec<_>>(), [1001, 5999]);
    assert_eq!(tags_of(Method::Bye), [tags[1].clone(), tags[0].clone()]);
    assert_eq!(world.responses(200, &Method::Bye).len(), 2);
    assert_eq!((world.answered.len(), world.ended.as_slice()), (1, &[Ended::ByUs][..]));
    assert_repeats(&world.heard(), &as_sent(Prompt::Customer, A), 4900);
    let ends = world.happened.iter().filter(|(_, event)| matches!(event, LabEvent::Ended { .. }));
    assert_eq!(ends.count(), 1);
}

#[test]
fn any_other_number_answers_and_echoes() {
    for number in ["13912345678", "02258834811", "4008001234", "10086", "8"] {
        let speech = Source::Sound { sound: Prompt::Agent.index(), looped: true };
        let world = call(number, speech, 8000);
        assert_answered_after_1_s_and_hung_up_by_caller(&world, 8000);
        assert_repeats(&world.heard(), &as_sent(Prompt::Agent, A), 6900);
    }
}

#[test]
fn an_agents_mobile_answers_after_1_s_and_speaks_as_an_agent() {
    let world = call("13900008001", QUIET, 6000);
    assert_answered_after_1_s_and_hung_up_by_caller(&world, 6000);
    assert_repeats(&world.heard(), &as_sent(Prompt::Agent, A), 4900);
}

#[test]
fn what_is_no_number_is_not_found() {
    for user in ["alice", "1380000000x", "139-0000-8001"] {
        let world = call(user, QUIET, 3000);
        assert_answers(&world, &[(0, "404 INVITE")]);
        assert_eq!(world.ended, [Ended::Refused(404)]);
        assert_eq!(world.happened, []);
    }
}
