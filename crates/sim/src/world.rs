//! The world: a switch, everybody out there, a network between them, a log, and a clock that moves from one happening to
//! the next.

mod asking;
mod life;
mod reload;
mod traffic;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, CommandId, Mono, Now, Random, Wall};
use bytes::Bytes;
use callcenter::command::Command;
use callcenter::numbers::NumberPlan;
use switch::Switch;
use switch::api::{Input, Piece};
use switch::config::Config;

use crate::calls::Calls;
use crate::hearing::Hearing;
use crate::knobs::Knobs;
use crate::ledger::Ledger;
use crate::listening::Listening;
use crate::log::Log;
use crate::network::Network;
use crate::people::People;
use crate::setup::{self, ACCOUNT};
use crate::sound::Sound;
use crate::wire::Wire;
use crate::{Kind, Options, Report};

/// Wall time of the beginning: 2026-01-01.
const BEGINNING_MS: i64 = 1_767_225_600_000;
/// More timeouts at one moment than this: something sets deadlines in the past.
const TIMEOUTS_AT_ONCE_MAX: u32 = 1_000;
/// How long the last transactions live after everybody has signed out.
const GOOD_BYE: Duration = Duration::from_secs(70);

/// Something that is going to happen.
#[derive(Debug)]
enum Happening {
    Arrive {
        from: SocketAddr,
        to: SocketAddr,
        data: Bytes,
    },
    Commit {
        life: u32,
    },
    Media {
        life: u32,
        signal: media::api::Signal,
    },
    FilesMade {
        life: u32,
        call: CallId,
        piece: Piece,
    },
    Ask,
    Stall,
    Unstall {
        life: u32,
    },
    /// The program is about to end in good order.
    EndCalls,
    Crash,
    Restart {
        life: u32,
    },
    JumpClock,
    Misbehave,
    /// Somebody calls by a trunk for which there is a route.
    CallIn,
    /// A stranger begins to send sound to a port in use.
    Intrude,
    /// The operator changes the configuration.
    Reload,
    Heal,
}

/// The world.
pub(crate) struct World {
    now: Now,
    happenings: BTreeMap<(Mono, u64), Happening>,
    /// Numbers happenings, so that those of one moment keep their order.
    counter: u64,
    /// Grows with every crash: what was under way in an earlier life is lost.
    life: u32,
    switch: Switch,
    /// The program died and has not come back yet.
    down: bool,
    people: People,
    network: Network,
    log: Log,
    commit_planned: bool,
    sound: Sound,
    ledger: Ledger,
    wire: Wire,
    calls: Calls,
    hearing: Hearing,
    /// The same in worlds of verbs.
    listening: Listening,
    knobs: Knobs,
    random: Random,
    /// Commands not answered yet, with the number of the life they were asked in.
    asked: BTreeMap<CommandId, Command>,
    finished: BTreeSet<CallId>,
    numbers: Arc<NumberPlan>,
    /// As the file says it now.
    config: Config,
    report: Report,
    listener: Option<fn(&str)>,
}

/// Runs one world to its end.
pub(crate) fn run(seed: u64, options: &Options) -> Report {
    let mut world = World::new(seed, options);
    world.plan_faults();
    world.go_on_until(world.knobs.rest_at);
    world.let_the_log_settle();
    world.assert_at_rest();
    world.people.say_good_bye(world.now);
    world.drain_people(None);
    world.go_on_until(world.now.mono + GOOD_BYE);
    world.people.assert_gone(&world.wire);
    world.report()
}

impl World {
    fn new(seed: u64, options: &Options) -> World {
        let kind = options.kind.unwrap_or_else(|| Kind::of(seed));
        let mut random = Random::from_number(seed);
        let mut knobs = Knobs::draw(kind, &mut random);
        if options.calm {
            knobs = knobs.calm();
        }
        if options.rough {
            knobs = knobs.rough();
        }
        let now = Now { mono: Mono::ZERO, wall: Wall::from_millis(BEGINNING_MS) };
        let numbers = Arc::new(NumberPlan::default());
        let config = setup::config(&knobs);
        World {
            now,
            happenings: BTreeMap::new(),
            counter: 0,
            life: 0,
            switch: Switch::new(config.clone(), random.fork(), Default::default(), 0, numbers.clone()),
            down: false,
            network: Network::new(&knobs, random.fork()),
            log: Log::default(),
            commit_planned: false,
            sound: Sound::new(&knobs, random.fork()),
            ledger: Ledger::new(knobs.clock_jumps == 0),
            wire: Wire::default(),
            calls: Calls::default(),
            hearing: Hearing::default(),
            listening: Listening::default(),
            random: random.fork(),
            people: People::new(now, &knobs, &mut random),
            asked: BTreeMap::new(),
            finished: BTreeSet::new(),
            numbers,
            config,
            report: Report::new(seed, kind),
            listener: options.tell,
            knobs,
        }
    }

    fn plan_faults(&mut self) {
        let knobs = self.knobs.clone();
        let sorts: [(u64, fn() -> Happening); 7] = [
            (knobs.stalls, || Happening::Stall),
            (knobs.crashes, || Happening::Crash),
            (knobs.clock_jumps, || Happening::JumpClock),
            (knobs.misbehaviours, || Happening::Misbehave),
            (knobs.arrivals, || Happening::CallIn),
            (knobs.intrusions, || Happening::Intrude),
            (knobs.reloads, || Happening::Reload),
        ];
        for (times, what) in sorts {
            for _ in 0..times {
                let at = self.random.below(knobs.heal_at.as_micros());
                self.plan_at(Mono::from_micros(at), what());
            }
        }
        for _ in 0..knobs.shut_downs {
            let at = Mono::from_micros(self.random.below(knobs.heal_at.as_micros()));
            self.plan_at(at, Happening::EndCalls);
            let grace = Duration::from_millis(self.random.below(4_000));
            self.plan_at(at + grace, Happening::Crash);
        }
        self.plan_at(knobs.heal_at, Happening::Heal);
        self.plan(Duration::from_secs(1), Happening::Ask);
    }

    fn go_on_until(&mut self, until: Mono) {
        // What those out there do on their own, such as signing in, comes before anything happens.
        self.drain_people(None);
        while self.now.mono < until {
            self.step(until);
        }
    }

    /// Phones go on refreshing their registrations when all is at rest: what was appended just now is committed.
    fn let_the_log_settle(&mut self) {
        let end = self.now.mono + self.knobs.commit_delay_max * 20;
        while self.switch.counts().log_backlog > 0 && self.now.mono < end {
            self.step(end);
        }
    }

    /// The next thing happens, whoever it happens to.
    fn step(&mut self, until: Mono) {
        let planned = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let others = [self.switch_timeout(), self.sound_timeout(), self.people.next_timeout()];
        let at = others.into_iter().chain([planned]).flatten().min().unwrap_or(until).min(until);
        self.now = self.now.later(at.since(self.now.mono));
        if planned == Some(at) {
            let (_, happening) = self.happenings.pop_first().expect("one was planned");
            self.happen(happening);
        }
        if self.people.next_timeout().is_some_and(|due| due <= at) {
            self.people.handle_timeout(self.now);
            self.drain_people(None);
        }
        if self.sound_timeout().is_some_and(|due| due <= at) {
            self.sound.handle_timeout(self.now);
            self.drain_sound();
        }
        let mut timeouts = 0;
        while self.switch_timeout().is_some_and(|due| due <= at) {
            timeouts += 1;
            assert!(
                timeouts < TIMEOUTS_AT_ONCE_MAX,
                "{:?} comes again and again",
                self.switch.next_timeout()
            );
            self.input(Input::Timeout);
        }
    }

    fn switch_timeout(&self) -> Option<Mono> {
        self.switch.next_timeout().map(|(at, _)| at).filter(|_| !self.down)
    }

    fn sound_timeout(&self) -> Option<Mono> {
        self.sound.next_timeout().filter(|_| !self.down)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { from, to, data } => self.arrive(from, to, &data),
            Happening::Commit { life } if life == self.life => self.commit(),
            Happening::Media { life, signal } if life == self.life => self.input(Input::Media(signal)),
            Happening::FilesMade { life, call, piece } if life == self.life => {
                let Piece { part, files, .. } = piece;
                self.input(Input::RecordingReady { account: ACCOUNT, call, files, part });
            }
            Happening::Unstall { life } if life == self.life => self.unstall(),
            Happening::Restart { life } if life == self.life => self.restart(),
            Happening::Commit { .. }
            | Happening::Media { .. }
            | Happening::FilesMade { .. }
            | Happening::Unstall { .. }
            | Happening::Restart { .. } => {}
            Happening::Ask => self.ask(),
            Happening::Stall => self.stall(),
            Happening::EndCalls => self.end_calls(),
            Happening::Crash => self.crash(),
            Happening::JumpClock => self.jump_clock(),
            Happening::Misbehave => self.misbehave(),
            Happening::CallIn => {
                self.people.call_in(self.now, &self.knobs, &mut self.random);
                self.drain_people(None);
            }
            Happening::Intrude => self.intrude(),
            Happening::Reload => self.reload(),
            Happening::Heal => self.heal(),
        }
    }

    /// A program that is not there hears nothing.
    fn input(&mut self, input: Input<'_>) {
        if !self.down {
            self.switch.handle_input(self.now, input);
            self.drain_switch();
            self.check();
        }
    }

    fn check(&mut self) {
        self.switch.check_invariants();
        let counts = self.switch.counts();
        let pending = counts.calls > 0 || counts.legs > 0 || counts.resumed > 0;
        assert!(!pending || self.switch.next_timeout().is_some(), "{counts:?} wait for nothing");
        self.sound.check(counts.ports_used);
    }

    fn assert_at_rest(&self) {
        let counts = self.switch.counts();
        let at_rest = switch::api::Counts { ports_resting: counts.ports_resting, ..Default::default() };
        assert_eq!(counts, at_rest, "the switch did not come to rest");
        self.sound.assert_at_rest();
        assert!(self.asked.is_empty(), "commands were never answered: {:?}", self.asked);
        self.people.assert_at_rest(&self.wire);
        self.ledger.assert_at_rest();
    }

    fn report(self) -> Report {
        Report {
            calls: self.ledger.calls.len(),
            bridged: self.ledger.calls.values().filter(|call| call.answered).count(),
            came: self.ledger.came(),
            measured: self.ledger.measured(),
            invites: self.wire.invites(),
            lost: self.network.lost,
            entries: self.log.committed().len(),
            packets: self.hearing.packets,
            heard: self.listening.found,
            ..self.report
        }
    }

    /// For who wants to know how it came to a failure.
    fn tell(&self, what: &str, detail: impl std::fmt::Debug) {
        if let Some(listener) = self.listener {
            let ms = self.now.mono.since(Mono::ZERO).as_millis();
            listener(&format!("{ms:>9} {what:8}{detail:?}"));
        }
    }

    fn plan(&mut self, after: Duration, happening: Happening) {
        self.plan_at(self.now.mono + after, happening);
    }

    fn plan_at(&mut self, at: Mono, happening: Happening) {
        self.counter += 1;
        self.happenings.insert((at, self.counter), happening);
    }
}
