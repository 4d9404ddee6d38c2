//! Which push is sent when: pure, time is an argument.
//!
//! Each address has a lane of its own. In a lane, a push is ready when no earlier one about its agent and none about its
//! call is unsettled before it. A *state* that fails keeps its place and is tried again until it expires, a minute after it
//! happened; a *lasting* push that fails steps out of line, so that it delays nothing, and is tried again for days.
//!
//! Inputs are [`Schedule::add`] and [`Schedule::finished`]; then drain [`Schedule::poll`]; call again at
//! [`Schedule::next_timeout`].

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Mono, Now, Timers};

use super::lane::{Item, Lane, Place};
use crate::store::{Patience, Settlement, Unsettled};

/// How long to wait before the second, third, … attempt; the last wait repeats.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// For states.
    pub state: &'static [Duration],
    /// For lasting pushes.
    pub lasting: &'static [Duration],
}

impl Pace {
    const STATE: &'static [Duration] = &[s(1), s(2), s(4), s(8)];
    const LASTING: &'static [Duration] =
        &[s(5), s(30), s(120), s(600), s(1800), s(3600), s(2 * 3600), s(4 * 3600)];
}

impl Default for Pace {
    fn default() -> Self {
        Pace { state: Pace::STATE, lasting: Pace::LASTING }
    }
}

const fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// An address of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Whose.
    pub account: AccountId,
    /// Its URL.
    pub url: Arc<str>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Attempt to deliver; answered by [`Schedule::finished`].
    Send {
        /// Which push.
        id: u64,
        /// Where to.
        address: Address,
        /// Its name, for metrics.
        kind: String,
    },
    /// Tell the store.
    Settle(Settlement),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A 2xx.
    Delivered,
    /// Anything else, in words.
    Failed(String),
    /// It can never be delivered: the address is not configured any more.
    Hopeless(String),
}

/// What is under way and what waits.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    lanes: BTreeMap<Address, Lane>,
    /// The lane of each unsettled push.
    whose: BTreeMap<u64, Address>,
    timers: Timers<Timer>,
    settled: VecDeque<Settlement>,
    /// The lane that sent last: the ones after it are asked first.
    turn: Option<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Again(u64),
    Expire(u64),
}

impl Schedule {
    /// An empty schedule.
    pub fn new(pace: Pace) -> Schedule {
        Schedule {
            pace,
            lanes: BTreeMap::new(),
            whose: BTreeMap::new(),
            timers: Timers::default(),
            settled: VecDeque::new(),
            turn: None,
        }
    }

    /// Takes an unsettled push in. Later ones have higher numbers; one that is known already is ignored.
    pub fn add(&mut self, now: Now, push: Unsettled) {
        if self.whose.contains_key(&push.id) {
            return;
        }
        // From here on the wall clock may jump: what is left of the life is counted on the other clock.
        let left_ms = push.expires.as_millis().saturating_sub(now.wall.as_millis());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)).min(push.patience.life());
        let expires = now.mono + left;
        match push.patience {
            Patience::State => self.timers.set(Timer::Expire(push.id), expires),
            Patience::Lasting => {}
        }
        let item = Item {
            kind: push.kind,
            agent: push.agent,
            call: push.call,
            patience: push.patience,
            expires,
            failures: 0,
            reason: "it never had its turn".to_owned(),
            place: Place::InLine,
        };
        let address = Address { account: push.account, url: push.address.into() };
        self.lanes.entry(address.clone()).or_default().add(push.id, item);
        self.whose.insert(push.id, address);
    }

    /// An attempt ended.
    pub fn finished(&mut self, now: Now, id: u64, outcome: Outcome) {
        let lane = self.lane(id).expect("what was sent is unsettled until it is finished");
        lane.landed(id);
        let item = lane.get(id).expect("it landed");
        match outcome {
            Outcome::Delivered => self.settle(id, Settlement::Delivered { id }),
            Outcome::Hopeless(reason) => self.settle(id, Settlement::Dead { id, reason }),
            Outcome::Failed(reason) if now.mono >= item.expires => {
                self.settle(id, Settlement::Dead { id, reason });
            }
            Outcome::Failed(reason) => {
                let (failures, patience, expires) = (item.failures, item.patience, item.expires);
                lane.wait(id, reason);
                let at = now.mono + self.pace.wait(patience, failures);
                // The last attempt of a lasting push is at the end of its life, not one long wait before.
                self.timers.set(Timer::Again(id), at.min(expires));
            }
        }
    }

    /// What to do now; `None` when nothing. Its answer may change after each of the other calls and at `next_timeout`.
    pub fn poll(&mut self, now: Now) -> Option<Step> {
        while let Some(timer) = self.timers.pop_due(now.mono) {
            match timer {
                Timer::Again(id) => {
                    if let Some(lane) = self.lane(id) {
                        lane.again(id);
                    }
                }
                Timer::Expire(id) => self.expire(id),
            }
        }
        match self.settled.pop_front() {
            Some(settlement) => Some(Step::Settle(settlement)),
            None => self.send(),
        }
    }

    /// When [`Schedule::poll`] should be called without any other reason.
    pub fn next_timeout(&self) -> Option<Mono> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Pushes that are not settled.
    pub fn len(&self) -> usize {
        self.whose.len()
    }

    /// Whether everything is settled.
    pub fn is_empty(&self) -> bool {
        self.whose.is_empty()
    }

    fn lane(&mut self, id: u64) -> Option<&mut Lane> {
        self.lanes.get_mut(self.whose.get(&id)?)
    }

    fn expire(&mut self, id: u64) {
        let Some(item) = self.lane(id).and_then(|lane| lane.get(id)) else { return };
        match item.place {
            // Its own end decides.
            Place::InFlight | Place::Retrying => {}
            Place::InLine | Place::Waiting | Place::Again => {
                let reason = format!("expired: {}", item.reason);
                self.settle(id, Settlement::Dead { id, reason });
            }
        }
    }

    fn settle(&mut self, id: u64, settlement: Settlement) {
        self.timers.cancel(&Timer::Expire(id));
        self.timers.cancel(&Timer::Again(id));
        self.settled.push_back(settlement);
        let Some(address) = self.whose.remove(&id) else { return };
        if let Some(lane) = self.lanes.get_mut(&address) {
            lane.remove(id);
            if lane.is_empty() {
                self.lanes.remove(&address);
            }
        }
    }

    /// Lanes take turns, so none waits for another.
    fn send(&mut self) -> Option<Step> {
        let later = match self.turn.take() {
            Some(last) => (Bound::Excluded(last), Bound::Unbounded),
            None => (Bound::Unbounded, Bound::Unbounded),
        };
        let found = first_to_send(self.lanes.range_mut(later));
        let (address, id, kind) = found.or_else(|| first_to_send(self.lanes.iter_mut()))?;
        self.turn = Some(address.clone());
        Some(Step::Send { id, address, kind })
    }
}

impl Pace {
    fn wait(&self, patience: Patience, failures: usize) -> Duration {
        let waits = match patience {
            Patience::State => self.state,
            Patience::Lasting => self.lasting,
        };
        waits.get(failures).or(waits.last()).copied().unwrap_or_default()
    }
}

fn first_to_send<'a>(
    mut lanes: impl Iterator<Item = (&'a Address, &'a mut Lane)>,
) -> Option<(Address, u64, String)> {
    lanes.find_map(|(address, lane)| lane.take().map(|(id, kind)| (address.clone(), id, kind)))
}

#[cfg(test)]
mod tests {
    use base::{CallId, Wall};

    use super::super::limits::{IN_FLIGHT_PER_ADDRESS_MAX, RETRIES_IN_FLIGHT_PER_ADDRESS_MAX};
    use super::*;

    /// A schedule and a clock, and what it said.
    struct World {
        schedule: Schedule,
        now: Now,
    }

    impl World {
        fn new() -> World {
            let now = Now { mono: Mono::ZERO, wall: Wall::from_millis(1_790_000_000_000) };
            World { schedule: Schedule::new(Pace::default()), now }
        }

        fn add(&mut self, id: u64, url: &str, agent: Option<&str>, call: Option<u64>, patience: Patience) {
            let push = Unsettled {
                id,
                account: AccountId(1),
                address: url.to_owned(),
                kind: "callStatus".to_owned(),
                agent: agent.map(str::to_owned),
                call: call.map(CallId),
                patience,
                expires: self.now.wall + patience.life(),
            };
            self.schedule.add(self.now, push);
        }

        fn state(&mut self, id: u64, agent: &str, call: u64) {
            self.add(id, "a", Some(agent), Some(call), Patience::State);
        }

        fn lasting(&mut self, id: u64, agent: &str, call: u64) {
            self.add(id, "a", Some(agent), Some(call), Patience::Lasting);
        }

        fn fail(&mut self, id: u64) {
            self.schedule.finished(self.now, id, Outcome::Failed("answered with HTTP status 500".to_owned()));
        }

        fn deliver(&mut self, id: u64) {
            self.schedule.finished(self.now, id, Outcome::Delivered);
        }

        fn later(&mut self, s: u64) {
            self.now = self.now.later(Duration::from_secs(s));
        }

        /// What is sent and settled now: `send 1`, `ok 1`, `dead 1`.
        fn said(&mut self) -> Vec<String> {
            let mut said = Vec::new();
            while let Some(step) = self.schedule.poll(self.now) {
                said.push(match step {
                    Step::Send { id, .. } => format!("send {id}"),
                    Step::Settle(Settlement::Delivered { id }) => format!("ok {id}"),
                    Step::Settle(Settlement::Dead { id, reason }) => format!("dead {id} {reason}"),
                });
            }
            said
        }
    }

    #[test]
    fn pushes_about_one_agent_or_one_call_follow_each_other() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.state(2, "8000", 11);
        w.state(3, "8001", 10);
        w.state(4, "8002", 12);
        assert_eq!(w.said(), ["send 1", "send 4"]);
        w.deliver(1);
        assert_eq!(w.said(), ["ok 1", "send 2", "send 3"]);
        w.deliver(3);
        w.deliver(2);
        w.deliver(4);
        assert_eq!(w.said(), ["ok 3", "ok 2", "ok 4"]);
        assert!(w.schedule.is_empty());
        assert_eq!(w.schedule.next_timeout(), None);
    }

    #[test]
    fn a_failing_state_holds_its_line_until_it_expires_and_then_the_next_passes() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.later(40);
        w.state(2, "8000", 10);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        assert_eq!(w.said(), Vec::<String>::new());
        w.later(1);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        w.later(2);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        w.later(4);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        w.later(8);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        w.later(5);
        assert_eq!(w.said(), ["dead 1 expired: answered with HTTP status 500", "send 2"]);
    }

    #[test]
    fn a_state_that_expires_under_way_gets_its_answer() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.later(59);
        assert_eq!(w.said(), ["send 1"]);
        w.later(2);
        assert_eq!(w.said(), Vec::<String>::new());
        w.deliver(1);
        assert_eq!(w.said(), ["ok 1"]);
    }

    #[test]
    fn a_state_that_waits_behind_others_expires_too() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.state(2, "8000", 10);
        assert_eq!(w.said(), ["send 1"]);
        w.later(60);
        w.fail(1);
        let said = w.said();
        assert_eq!(said.len(), 2);
        assert!(said.contains(&"dead 2 expired: it never had its turn".to_owned()), "{said:?}");
        assert!(said.contains(&"dead 1 answered with HTTP status 500".to_owned()), "{said:?}");
    }

    #[test]
    fn a_record_comes_after_its_calls_events_but_delays_nothing_while_it_waits() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.lasting(2, "8000", 10);
        w.state(3, "8000", 11);
        assert_eq!(w.said(), ["send 1"]);
        w.deliver(1);
        assert_eq!(w.said(), ["ok 1", "send 2"]);
        w.fail(2);
        assert_eq!(w.said(), ["send 3"]);
        w.later(5);
        assert_eq!(w.said(), ["send 2"]);
        w.deliver(2);
        w.deliver(3);
        assert_eq!(w.said(), ["ok 2", "ok 3"]);
    }

    #[test]
    fn a_record_is_tried_for_at_least_75_hours_and_then_given_up() {
        let mut w = World::new();
        w.lasting(1, "8000", 10);
        let (mut attempts, mut last_attempt_s) = (0, 0);
        let begin = w.now.mono;
        let dead = loop {
            let said = w.said();
            match said.first().map(String::as_str) {
                Some("send 1") => {
                    attempts += 1;
                    last_attempt_s = w.now.mono.since(begin).as_secs();
                    w.fail(1);
                }
                Some(dead) => break dead.to_owned(),
                None => {
                    let at = w.schedule.next_timeout().expect("a record that waits has a timer");
                    w.now = w.now.later(at.since(w.now.mono));
                }
            }
        };
        assert_eq!(dead, "dead 1 answered with HTTP status 500");
        assert!(last_attempt_s >= 75 * 3600, "{last_attempt_s} s");
        assert!((20..40).contains(&attempts), "{attempts} attempts");
        assert!(w.schedule.is_empty());
    }

    #[test]
    fn a_slow_address_takes_its_own_slots_only_and_lanes_take_turns() {
        let mut w = World::new();
        for id in 0..20 {
            w.add(id, "slow", Some(&id.to_string()), None, Patience::State);
        }
        for id in 20..23 {
            w.add(id, "quick", Some(&id.to_string()), None, Patience::State);
        }
        let said = w.said();
        assert_eq!(said.len(), IN_FLIGHT_PER_ADDRESS_MAX + 3);
        let quick: Vec<_> = said.iter().take(6).filter(|said| said.starts_with("send 2")).collect();
        assert_eq!(quick.len(), 4, "they alternate from the start: {said:?}");
    }

    #[test]
    fn retries_of_records_leave_room_for_what_is_new() {
        let mut w = World::new();
        for id in 0..8 {
            w.lasting(id, &id.to_string(), id);
        }
        assert_eq!(w.said().len(), 8);
        (0..8).for_each(|id| w.fail(id));
        w.later(5);
        assert_eq!(w.said(), ["send 0", "send 1"], "{RETRIES_IN_FLIGHT_PER_ADDRESS_MAX} at a time");
        w.state(8, "8008", 8);
        assert_eq!(w.said(), ["send 8"]);
        w.deliver(0);
        assert_eq!(w.said(), ["ok 0", "send 2"]);
    }

    #[test]
    fn a_jump_of_the_wall_clock_changes_no_life() {
        let mut w = World::new();
        w.state(1, "8000", 10);
        w.now.wall = Wall::from_millis(0);
        assert_eq!(w.said(), ["send 1"]);
        w.fail(1);
        w.later(1);
        assert_eq!(w.said(), ["send 1"], "still alive");
        // Taken in after a restart with a clock far behind: no longer than a state lives.
        let expires = Wall::from_millis(1_790_000_060_000);
        let push = Unsettled {
            id: 2,
            account: AccountId(1),
            address: "b".into(),
            kind: String::new(),
            agent: None,
            call: None,
            patience: Patience::State,
            expires,
        };
        w.schedule.add(w.now, push);
        assert_eq!(w.said(), ["send 2"]);
        w.later(60);
        w.fail(2);
        assert!(w.said().contains(&"dead 2 answered with HTTP status 500".to_owned()));
    }
}
