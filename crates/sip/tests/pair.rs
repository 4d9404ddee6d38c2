//! Calls between two endpoints over a link that loses, copies and reorders, in virtual time.

#[allow(dead_code, reason = "each test program uses a part of the world")]
mod endpoint_world;

use std::time::Duration;

use base::Random;
use endpoint_world::{Deed, Link, Side, World};
use sip::api::{Counts, Ended, Event};
use sip::{Config, Reliability, SessionTimers};

const BAD: Link = Link { loss_percent: 10, copy_percent: 5, delay_ms_max: 300 };
/// So that a call has some signs of life in its minute.
const SHORT: SessionTimers =
    SessionTimers { interval: Duration::from_secs(60), interval_min: Duration::from_secs(10) };

const GOOD: Link = Link { loss_percent: 0, copy_percent: 0, delay_ms_max: 20 };

/// Long enough for every timer to run out after the last deed, also the ceiling for ringing.
const REST_MS: u64 = 1_200_000;

fn assert_at_rest(world: &World, seed: u64) {
    for side in [Side::A, Side::B] {
        assert_eq!(world.counts(side), Counts::default(), "seed {seed}, {side:?}");
        assert!(
            world.side(side).alive.is_empty(),
            "seed {seed}, {side:?}: {:?}",
            world.side(side).alive.keys()
        );
    }
}

/// What may happen to a call, drawn from the seed; then everybody ends everything.
fn draw(world: &mut World, random: &mut Random) {
    world.at(0, Side::A, Deed::Call { answer_any_within: None });
    let ring = if random.chance(50) { 180 } else { 183 };
    if random.chance(80) {
        world.at(50 + random.below(2_000), Side::B, Deed::Ring(ring));
    }
    if random.chance(30) {
        world.at(50 + random.below(3_000), Side::B, Deed::RingAloud);
    }
    let answer = match random.below(10) {
        0..5 => Some(Deed::Accept),
        5 => Some(Deed::AcceptTwice),
        6..8 => Some(Deed::Reject(486)),
        _ => None,
    };
    let answer_at_ms = 100 + random.below(8_000);
    if let Some(answer) = answer {
        // A few times: the first may come before the INVITE did.
        for round in 0..4 {
            world.at(answer_at_ms + round * 5_000, Side::B, answer.clone());
        }
    }
    // Near the answer, so that CANCEL and 2xx cross, and BYEs meet.
    let near_ms = answer_at_ms.saturating_sub(300) + random.below(700);
    match random.below(5) {
        0 => world.at(near_ms, Side::A, Deed::End),
        1 => world.at(near_ms + 200, Side::B, Deed::End),
        2 => {
            world.at(answer_at_ms + 9_000, Side::A, Deed::End);
            world.at(answer_at_ms + 9_000 + random.below(300), Side::B, Deed::End);
        }
        3 => world.at(random.below(600), Side::A, Deed::End),
        _ => {}
    }
    // Both want other media, now and then in the same moment.
    let offer_at_ms = answer_at_ms + random.below(20_000);
    for side in [Side::A, Side::B] {
        if random.chance(90) {
            world.at(offer_at_ms + random.below(400), side, Deed::Offer);
        }
    }
    world.at(60_000, Side::A, Deed::End);
    world.at(75_000, Side::B, Deed::End);
}

#[test]
fn every_call_ends_once_on_both_sides_and_leaves_nothing_behind() {
    for (reliable, session) in [
        (Reliability::WhenAsked, Some(SessionTimers::default())),
        (Reliability::WhenPossible, Some(SHORT)),
        (Reliability::Never, None),
    ] {
        let config = Config { reliable, session, ..Config::default() };
        let sent = every_call_ends_once(&config);
        // Only so much is sent as the two have agreed on.
        let is_short = session == Some(SHORT);
        assert_eq!(sent.pracks > 50, reliable == Reliability::WhenPossible, "{sent:?}");
        assert_eq!(sent.updates > 20, is_short, "{sent:?}");
    }
}

/// How often something was sent.
#[derive(Debug, Default)]
struct Sent {
    pracks: usize,
    updates: usize,
}

fn every_call_ends_once(config: &Config) -> Sent {
    let mut sent = Sent::default();
    let (mut answered, mut changed) = (0, 0);
    for seed in 0..400 {
        let mut world = World::with(seed, BAD, config.clone());
        let mut random = Random::from_number(seed ^ 0xCA11);
        draw(&mut world, &mut random);
        world.run_until(REST_MS);
        assert_at_rest(&world, seed);
        let (a, b) = (world.side(Side::A), world.side(Side::B));
        assert_eq!(a.ended().len(), 1, "seed {seed}");
        let rings = b.count(|event| matches!(event, Event::Incoming { .. }));
        assert!(rings <= 1, "seed {seed}: one INVITE rang {rings} times");
        let answers = a.count(|event| matches!(event, Event::Answered { .. }));
        assert!(answers <= 1, "seed {seed}");
        answered += answers;
        for data in a.sent.iter().chain(&b.sent) {
            sent.pracks += usize::from(data.starts_with(b"PRACK "));
            sent.updates += usize::from(data.starts_with(b"UPDATE "));
        }
        let news = |event: &Event| matches!(event, Event::OfferAnswered { .. } | Event::OfferRefused { .. });
        changed += a.count(news) + b.count(news);
        for side in [a, b] {
            let offers = side.count(|event| matches!(event, Event::OfferAnswered { .. }));
            assert!(offers <= 1, "seed {seed}: one offer was answered {offers} times");
        }
        // A phone that is sent away may hear first that its offer belongs to no call (481).
        let forked = b.count(|event| matches!(event, Event::Ended { .. })) > 1;
        let broken = b.ended().contains(&Ended::Broken);
        assert!(!broken || forked, "seed {seed}: one packet in ten is not enough to break a call");
        let accepted = b.sent.iter().any(|data| data.starts_with(b"SIP/2.0 200") && contains(data, "INVITE"));
        assert!(answers == 0 || accepted, "seed {seed}: answered by nobody");
    }
    assert!(changed > 100, "only {changed} offers came to something: the test tests too little");
    assert!(answered > 100, "only {answered} calls were answered: the test tests too little");
    sent
}

#[test]
fn a_restart_at_any_moment_leaves_nobody_on_the_line() {
    let mut met = 0;
    for seed in 0..300 {
        let mut world = World::new(seed, Link { delay_ms_max: 150, ..BAD });
        let mut random = Random::from_number(seed ^ 0xDEAD);
        world.at(0, Side::A, Deed::Call { answer_any_within: None });
        world.at(700 + random.below(1_000), Side::B, Deed::Ring(180));
        for round in 0..4 {
            world.at(2_000 + round * 3_000, Side::B, Deed::Accept);
        }
        let side = if random.chance(60) { Side::A } else { Side::B };
        world.at(20 + random.below(6_000), side, Deed::Restart);
        // A restart that came before the INVITE did, or after a person had ended it, leaves an ordinary call.
        world.at(200_000, Side::A, Deed::End);
        world.run_until(REST_MS);
        assert_at_rest(&world, seed);
        met += world.side(side).ended().len();
    }
    assert!(met > 200, "only {met} dialogs were taken up");
}

#[test]
fn a_restart_at_once_leaves_nobody_ringing_though_the_cancel_overtakes_its_invite() {
    let mut overtaken = 0;
    for seed in 0..400 {
        let loss_percent = if seed % 2 == 0 { 0 } else { 10 };
        let mut world = World::new(seed, Link { loss_percent, copy_percent: 5, delay_ms_max: 300 });
        let mut random = Random::from_number(seed ^ 0xCA9CE1);
        world.at(0, Side::A, Deed::Call { answer_any_within: None });
        world.at(1 + random.below(150), Side::A, Deed::Restart);
        for round in 0..8 {
            world.at(1_000 * (round + 1), Side::B, Deed::Ring(180));
        }
        world.run_until(32_000);
        let b = world.side(Side::B);
        assert!(b.alive.is_empty(), "seed {seed}: it rings on");
        let rang = b.count(|event| matches!(event, Event::Incoming { .. })) > 0;
        let refused = b.sent.iter().any(|data| data.starts_with(b"SIP/2.0 481") && contains(data, "CANCEL"));
        overtaken += u32::from(rang && refused);
        world.run_until(REST_MS);
        assert_at_rest(&world, seed);
        assert_eq!(world.side(Side::A).ended(), [Ended::ByUs], "seed {seed}");
    }
    assert!(overtaken > 80, "the CANCEL was the faster one only {overtaken} times");
}

#[test]
fn a_plain_call_tells_its_story_in_order() {
    let mut world = World::new(1, GOOD);
    world.at(0, Side::A, Deed::Call { answer_any_within: None });
    world.at(1_000, Side::B, Deed::Ring(180));
    world.at(3_000, Side::B, Deed::Accept);
    world.at(9_000, Side::B, Deed::End);
    world.run_until(REST_MS);
    assert_at_rest(&world, 1);
    let story = |side| {
        let word = |event: &Event| match event {
            Event::Progress { status, sdp, .. } => format!("progress {status} {}", sdp.is_some()),
            Event::Answered { sdp, .. } => {
                format!("answered {:?}", sdp.as_deref().map(String::from_utf8_lossy))
            }
            Event::Incoming { to_user, to_host, from_user, .. } => {
                format!("incoming {from_user} {to_user} {to_host}")
            }
            Event::Acknowledged { .. } => "acknowledged".to_owned(),
            Event::Ended { how, .. } => format!("{how:?}"),
            Event::Token { .. } => "token".to_owned(),
            other => format!("{other:?}"),
        };
        world.side(side).events.iter().map(word).collect::<Vec<_>>()
    };
    assert_eq!(
        story(Side::A),
        ["token", "progress 180 false", "token", "answered Some(\"v=0 answer\")", "ByFar"]
    );
    let b = ["incoming 1001 1002 10.0.0.2", "token", "token", "acknowledged", "ByUs"];
    assert_eq!(story(Side::B), b);
}

#[test]
fn an_invite_that_nobody_hears_is_given_up() {
    let dead = Link { loss_percent: 100, ..GOOD };
    for (patience, ended_by_ms) in [(None, 32_000), (Some(Duration::from_secs(4)), 4_000)] {
        let mut world = World::new(2, dead);
        world.at(0, Side::A, Deed::Call { answer_any_within: patience });
        world.run_until(ended_by_ms - 1);
        assert_eq!(world.side(Side::A).ended(), []);
        world.run_until(ended_by_ms);
        assert_eq!(world.side(Side::A).ended(), [Ended::NoAnswer { rang: false }]);
        world.run_until(REST_MS);
        assert_at_rest(&world, 2);
    }
}

#[test]
fn a_phone_that_rings_for_ever_is_given_up_by_both() {
    let mut world = World::new(3, GOOD);
    world.at(0, Side::A, Deed::Call { answer_any_within: None });
    world.at(500, Side::B, Deed::Ring(180));
    world.run_until(1_000_000);
    assert_at_rest(&world, 3);
    let ways = [vec![Ended::NoAnswer { rang: true }], vec![Ended::Refused(480)]];
    assert!(ways.contains(&world.side(Side::A).ended()), "{:?}", world.side(Side::A).ended());
}

#[test]
fn an_invite_that_nobody_polled_is_taken_back() {
    let mut world = World::new(4, GOOD);
    world.at(0, Side::A, Deed::Call { answer_any_within: None });
    world.run_until(0);
    assert_eq!(world.side(Side::A).sent.len(), 1);
    let (now, flow) = (world.now, endpoint_world::flow_at(Side::A));
    let mut endpoint = sip::Endpoint::new(Config::default(), Random::from_number(5));
    let dialog = endpoint.invite(now, endpoint_world::invite(flow, None));
    endpoint.end(now, dialog);
    let mut outputs = Vec::new();
    while let Some(output) = endpoint.poll_output() {
        outputs.push(output);
    }
    assert!(outputs.iter().all(|output| matches!(output, sip::api::Output::Event(_))), "{outputs:?}");
    assert!(matches!(outputs.last(), Some(sip::api::Output::Event(Event::Ended { how: Ended::ByUs, .. }))));
    assert_eq!(endpoint.counts(), Counts::default());
}

#[test]
fn the_second_of_two_phones_that_answer_is_sent_away() {
    for seed in 0..20 {
        let mut world = World::new(seed, Link { loss_percent: 20, ..BAD });
        world.at(0, Side::A, Deed::Call { answer_any_within: None });
        world.at(5_000, Side::B, Deed::AcceptTwice);
        world.at(9_000, Side::B, Deed::AcceptTwice);
        world.at(40_000, Side::A, Deed::End);
        world.run_until(30_000);
        assert_eq!(world.side(Side::A).alive.len(), 1, "seed {seed}");
        assert_eq!(world.side(Side::B).alive.len(), 1, "seed {seed}: one was sent away");
        world.run_until(REST_MS);
        assert_at_rest(&world, seed);
        assert_eq!(world.side(Side::B).ended(), [Ended::ByFar, Ended::ByFar]);
    }
}

fn contains(data: &[u8], text: &str) -> bool {
    data.windows(text.len()).any(|window| window == text.as_bytes())
}
