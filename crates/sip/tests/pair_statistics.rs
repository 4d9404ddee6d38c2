//! How many of thousands of calls succeed over a link that loses, copies and reorders, in virtual time.
//!
//! A call succeeds when it rang once, was answered and acknowledged, and was hung up by one and heard of by the other.

#[allow(dead_code, reason = "each test program uses a part of the world")]
mod endpoint_world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use endpoint_world::{Deed, Habit, Link, Once, Side, World};
use sip::api::{Counts, DialogId, Ended, Event};
use sip::{Config, Reliability, SessionTimers};

/// One datagram in ten is lost, one in twenty comes twice, and those sent within 300 ms of each other come in any order.
const BAD: Link = Link { loss_percent: 10, copy_percent: 5, delay_ms_max: 300 };
/// One call every so often, so that some hundred are under way at once.
const EVERY_MS: u64 = 50;
const CALLS: u64 = 2_000;
/// What must succeed of a thousand.
const PER_MILLE_MIN: usize = 995;
/// Long enough for every call and for every timer after it.
const REST_MS: u64 = CALLS * EVERY_MS + 1_200_000;

#[test]
fn nearly_every_call_succeeds_with_plain_provisional_answers() {
    judge(31, Config { reliable: Reliability::Never, session: None, ..Config::default() }, HANG_UPS);
}

#[test]
fn nearly_every_call_succeeds_with_reliable_provisional_answers() {
    judge(32, Config { reliable: Reliability::WhenPossible, ..Config::default() }, HANG_UPS);
}

#[test]
fn nearly_every_call_succeeds_with_session_timers_that_run_out_many_times() {
    let interval = Duration::from_secs(60);
    let session = Some(SessionTimers { interval, interval_min: Duration::from_secs(10) });
    // Several refreshes each.
    judge(33, Config { session, ..Config::default() }, 100_000..200_000);
}

/// When one of the two has enough.
const HANG_UPS: std::ops::Range<u64> = 1_000..60_000;

/// What became of one call.
#[derive(Debug, Default)]
struct Story {
    /// How often the phone rang for it.
    rang: usize,
    answered: usize,
    acknowledged: bool,
    /// How it ended, at the caller and at the called.
    ended: [Vec<Ended>; 2],
}

impl Story {
    fn succeeded(&self) -> bool {
        let over = [[Ended::ByUs].as_slice(), [Ended::ByFar].as_slice()];
        let [caller, called] = &self.ended;
        self.answered == 1
            && self.acknowledged
            && over.contains(&caller.as_slice())
            && over.contains(&called.as_slice())
    }
}

fn judge(seed: u64, config: Config, hang_ups: std::ops::Range<u64>) {
    let mut world = World::with(seed, BAD, config);
    let habit = |side, once, after_ms, deed| Habit { side, once, after_ms, deed };
    world.habits = vec![
        habit(Side::B, Once::Called, 0..1, Deed::Ring(180)),
        habit(Side::B, Once::Called, 500..8_000, Deed::Accept),
        // The answer may arrive after the called one has gone: the later of the two is the one that counts.
        habit(Side::A, Once::Answered, hang_ups.clone(), Deed::End),
        habit(Side::B, Once::Called, hang_ups.start + 40_000..hang_ups.end + 40_000, Deed::End),
    ];
    for number in 0..CALLS {
        world.at(number * EVERY_MS, Side::A, Deed::CallAs(format!("{number}")));
    }
    world.run_until(REST_MS);

    for side in [Side::A, Side::B] {
        assert_eq!(world.counts(side), Counts::default(), "{side:?} has something left");
        assert!(world.side(side).alive.is_empty(), "{side:?} has a call left");
    }
    let stories = stories(&world);
    assert_eq!(stories.len() as u64, CALLS);
    let twice = stories.values().filter(|story| story.rang > 1).count();
    assert_eq!(twice, 0, "no phone rings twice for one call");
    let failed: Vec<_> = stories.iter().filter(|(_, story)| !story.succeeded()).collect();
    let succeeded = stories.len() - failed.len();
    assert!(succeeded * 1000 >= stories.len() * PER_MILLE_MIN, "only {succeeded} succeeded: {failed:#?}");
    // That the link is as bad as it claims to be shows in what was said again.
    let invites = world.side(Side::A).sent.iter().filter(|data| data.starts_with(b"INVITE ")).count() as u64;
    assert!(invites > CALLS * 11 / 10, "{invites} INVITEs for {CALLS} calls: nothing was lost");
}

/// What became of each call, by the number that it was made under.
fn stories(world: &World) -> BTreeMap<u64, Story> {
    let mut stories: BTreeMap<u64, Story> = (0..CALLS).map(|number| (number, Story::default())).collect();
    // The caller numbers its dialogs in the order of the calls.
    let callers: BTreeSet<DialogId> = world.side(Side::A).events.iter().filter_map(begun).collect();
    let mut numbers: BTreeMap<DialogId, u64> = callers.into_iter().zip(0..).collect();
    for event in &world.side(Side::A).events {
        match event {
            Event::Answered { dialog, .. } => story(&mut stories, &numbers, *dialog).answered += 1,
            Event::Ended { dialog, how, .. } => story(&mut stories, &numbers, *dialog).ended[0].push(*how),
            _ => {}
        }
    }
    numbers.clear();
    for event in &world.side(Side::B).events {
        match event {
            Event::Incoming { dialog, from_user, .. } => {
                numbers.insert(*dialog, from_user.parse().expect("a number of ours"));
                story(&mut stories, &numbers, *dialog).rang += 1;
            }
            Event::Acknowledged { dialog, .. } => story(&mut stories, &numbers, *dialog).acknowledged = true,
            Event::Ended { dialog, how, .. } => story(&mut stories, &numbers, *dialog).ended[1].push(*how),
            _ => {}
        }
    }
    stories
}

/// The dialog that a token is the first word of.
fn begun(event: &Event) -> Option<DialogId> {
    match event {
        Event::Token { dialog, .. } => Some(*dialog),
        _ => None,
    }
}

fn story<'a>(
    stories: &'a mut BTreeMap<u64, Story>,
    numbers: &BTreeMap<DialogId, u64>,
    dialog: DialogId,
) -> &'a mut Story {
    stories.get_mut(&numbers[&dialog]).expect("every call has a story")
}
