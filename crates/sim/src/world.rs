//! The world: a switch, far ends, a network between them, a log, and a clock that moves from one happening to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{CallId, CommandId, Mono, Now, Random, Wall};
use bytes::Bytes;
use callcenter::action::RecordingFiles;
use callcenter::command::{Choice, Command, DialOut, GroupRule, LoginType};
use callcenter::numbers::NumberPlan;
use switch::Switch;
use switch::api::{Flow, Input, Output};

use crate::far::{self, Far};
use crate::knobs::Knobs;
use crate::ledger::Ledger;
use crate::log::Log;
use crate::network::Network;
use crate::setup::{self, ACCOUNT};
use crate::sound::Sound;
use crate::wire::Wire;
use crate::{Options, Report};

/// When faults stop and nobody asks for anything any more.
const HEAL_AT: Mono = Mono::from_micros(180_000_000);
/// When all must have come to rest: the longest talk, ring, refresh and retransmission after healing fit in between.
const REST_AT: Mono = Mono::from_micros(600_000_000);
/// Wall time of the beginning: 2026-01-01.
const BEGINNING_MS: i64 = 1_767_225_600_000;
/// A far end that hears nothing for longer than a BYE is repeated (32 s) may stay on the line: nobody can tell it.
const DEAF_MS_MAX: u64 = 15_000;
/// More timeouts at one moment than this: something sets deadlines in the past.
const TIMEOUTS_AT_ONCE_MAX: u32 = 1_000;

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
        files: RecordingFiles,
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
    fars: Vec<Far>,
    network: Network,
    log: Log,
    commit_planned: bool,
    sound: Sound,
    ledger: Ledger,
    wire: Wire,
    knobs: Knobs,
    random: Random,
    /// Commands not answered yet, with the number of the life they were asked in.
    asked: BTreeMap<CommandId, Command>,
    finished: BTreeSet<CallId>,
    numbers: Arc<NumberPlan>,
    report: Report,
}

/// Runs one world to its end.
pub(crate) fn run(seed: u64, options: &Options) -> Report {
    let mut world = World::new(seed, options);
    world.plan_faults();
    while world.now.mono < REST_AT {
        world.step();
    }
    world.assert_at_rest();
    world.report.calls = world.ledger.calls.len();
    world.report.bridged = world.ledger.calls.values().filter(|call| call.answered).count();
    world.report.invites = world.wire.invites();
    world.report.lost = world.network.lost;
    world.report.entries = world.log.committed().len();
    world.report
}

impl World {
    fn new(seed: u64, options: &Options) -> World {
        let mut random = Random::from_number(seed);
        let mut knobs = Knobs::draw(&mut random);
        if options.calm {
            knobs = knobs.calm();
        }
        let numbers = Arc::new(NumberPlan::default());
        let config = setup::config(&knobs);
        let switch = Switch::new(config, random.fork(), Default::default(), 0, numbers.clone());
        let mut world = World {
            now: Now { mono: Mono::ZERO, wall: Wall::from_millis(BEGINNING_MS) },
            happenings: BTreeMap::new(),
            counter: 0,
            life: 0,
            switch,
            down: false,
            fars: Vec::new(),
            network: Network::new(&knobs, random.fork()),
            log: Log::default(),
            commit_planned: false,
            sound: Sound::new(knobs.mute, knobs.ports_unusable, random.fork()),
            ledger: Ledger::new(knobs.clock_jumps == 0),
            wire: Wire::default(),
            random: random.fork(),
            asked: BTreeMap::new(),
            finished: BTreeSet::new(),
            numbers,
            report: Report { seed, ..Report::default() },
            knobs,
        };
        world.people(&mut random);
        world
    }

    fn people(&mut self, random: &mut Random) {
        let switch = setup::switch_address();
        for n in 0..self.knobs.trunks {
            let at = usize::try_from(n).expect("few trunks");
            self.fars.push(Far::new(far::address(setup::TRUNKS_NET, at), switch, random.fork()));
        }
        for n in 0..self.knobs.agents {
            let at = usize::try_from(n).expect("few agents");
            let mut phone = Far::new(far::address(setup::PHONES_NET, at), switch, random.fork());
            phone.register(self.now, &setup::agent_number(n), setup::PASSWORD, setup::DOMAIN);
            self.fars.push(phone);
        }
    }

    fn plan_faults(&mut self) {
        let knobs = self.knobs.clone();
        let sorts: [(u64, fn() -> Happening); 4] = [
            (knobs.stalls, || Happening::Stall),
            (knobs.crashes, || Happening::Crash),
            (knobs.clock_jumps, || Happening::JumpClock),
            (knobs.misbehaviours, || Happening::Misbehave),
        ];
        for (times, what) in sorts {
            for _ in 0..times {
                let at = self.random.below(HEAL_AT.as_micros());
                self.plan_at(Mono::from_micros(at), what());
            }
        }
        for _ in 0..knobs.shut_downs {
            let at = Mono::from_micros(self.random.below(HEAL_AT.as_micros()));
            self.plan_at(at, Happening::EndCalls);
            let grace = Duration::from_millis(self.random.below(4_000));
            self.plan_at(at + grace, Happening::Crash);
        }
        self.plan_at(HEAL_AT, Happening::Heal);
        self.plan(Duration::from_secs(1), Happening::Ask);
    }

    /// The next thing happens, whoever it happens to.
    fn step(&mut self) {
        let planned = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let switch = self.switch_timeout();
        let fars = self.fars.iter().filter_map(Far::next_timeout).min();
        let at = [planned, switch, fars].into_iter().flatten().min().unwrap_or(REST_AT).min(REST_AT);
        self.now = self.now.later(at.since(self.now.mono));
        if planned == Some(at) {
            let (_, happening) = self.happenings.pop_first().expect("one was planned");
            self.happen(happening);
        }
        for n in 0..self.fars.len() {
            if self.fars[n].next_timeout().is_some_and(|due| due <= at) {
                self.fars[n].handle_timeout(self.now);
            }
            self.drain_far(n);
        }
        let mut timeouts = 0;
        while self.switch_timeout().is_some_and(|due| due <= at) {
            timeouts += 1;
            assert!(
                timeouts < TIMEOUTS_AT_ONCE_MAX,
                "{:?} comes again and again",
                self.switch.next_timeout()
            );
            self.switch.handle_input(self.now, Input::Timeout);
            self.drain_switch();
        }
        self.check();
    }

    fn switch_timeout(&self) -> Option<Mono> {
        self.switch.next_timeout().map(|(at, _)| at).filter(|_| !self.down)
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { from, to, data } => self.arrive(from, to, &data),
            Happening::Commit { life } if life == self.life => self.commit(),
            Happening::Media { life, signal } if life == self.life => self.input(Input::Media(signal)),
            Happening::FilesMade { life, call, files } if life == self.life => {
                self.input(Input::RecordingReady { account: ACCOUNT, call, files });
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
            Happening::EndCalls => self.input(Input::EndCalls),
            Happening::Crash => self.crash(),
            Happening::JumpClock => self.jump_clock(),
            Happening::Misbehave => self.misbehave(),
            Happening::Heal => self.heal(),
        }
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        self.report.datagrams += 1;
        let switch = setup::switch_address();
        if to == switch {
            if !self.down {
                self.wire.heard(self.now.mono, data);
            }
            let flow = Flow { transport: sip::api::Transport::Udp, local: switch, remote: from };
            return self.input(Input::Datagram { flow, data });
        }
        if let Some(n) = self.fars.iter().position(|far| far.address == to) {
            if self.fars[n].handle_datagram(self.now, data) {
                self.wire.reached(data);
            }
        }
    }

    /// A program that is not there hears nothing.
    fn input(&mut self, input: Input<'_>) {
        if !self.down {
            self.switch.handle_input(self.now, input);
            self.drain_switch();
        }
    }

    fn drain_switch(&mut self) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Append(entry) => {
                    self.wire.appended(self.now.mono, &entry.body);
                    self.log.append(entry);
                    self.plan_commit();
                }
                Output::Transmit { flow, data } => {
                    let sound = &self.sound;
                    self.wire.watch(flow.remote, &data, &self.ledger, |port| sound.leg_at(port));
                    self.send(flow.local, flow.remote, &data);
                }
                Output::Connect { .. } | Output::Close { .. } => {
                    panic!("the simulation has no streams, and nobody in it wants one")
                }
                Output::Reply { command, result } => self.replied(command, result),
                Output::Media(command) => {
                    if let Some((after, signal)) = self.sound.obey(self.now.mono, command) {
                        self.plan(after, Happening::Media { life: self.life, signal });
                    }
                }
                Output::Finish { account, call, files } => {
                    assert_eq!(account, ACCOUNT, "a recording of nobody");
                    let recorded = self.ledger.calls.get(&call).is_some_and(|call| call.recorded);
                    assert!(recorded, "files of call {call} are made before its record is durable");
                    assert!(self.finished.insert(call), "the files of call {call} are made twice");
                    let after = Duration::from_millis(self.random.below(5_000));
                    self.plan(after, Happening::FilesMade { life: self.life, call, files });
                }
                Output::Diagnostic(diagnostic) => {
                    use switch::api::Diagnostic;
                    if let Diagnostic::DecisionFailed { .. } | Diagnostic::Full { .. } = diagnostic {
                        panic!("{diagnostic:?}");
                    }
                }
            }
        }
    }

    fn drain_far(&mut self, n: usize) {
        let from = self.fars[n].address;
        for data in self.fars[n].drain(self.now) {
            self.send(from, setup::switch_address(), &data);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, data: &Bytes) {
        for way in self.network.ways() {
            self.plan(way, Happening::Arrive { from, to, data: data.clone() });
        }
    }

    fn replied(
        &mut self,
        id: CommandId,
        result: Result<callcenter::command::Accepted, callcenter::command::Refusal>,
    ) {
        let command = self.asked.remove(&id).expect("a command is answered once");
        match (command, result) {
            (Command::DialOut(dial), Ok(accepted)) => {
                self.report.accepted += 1;
                let call = accepted.call.expect("an accepted dialOut begins a call");
                let started = self.ledger.calls.contains_key(&call);
                assert!(started, "agent {} is told of call {call} before it is durable", dial.agent);
            }
            (_, Ok(_)) => self.report.accepted += 1,
            (_, Err(_)) => self.report.refused += 1,
        }
    }

    fn plan_commit(&mut self) {
        if !self.commit_planned && !self.log.stalled {
            self.commit_planned = true;
            let max = u64::try_from(self.knobs.commit_delay_max.as_micros()).expect("far less than a second");
            let after = Duration::from_micros(self.random.below(max));
            self.plan(after, Happening::Commit { life: self.life });
        }
    }

    fn commit(&mut self) {
        self.commit_planned = false;
        let (durable, appended) = (self.log.durable().0, self.log.appended().0);
        // Sometimes a part only: a crash may come between two rows as well as between two batches.
        let part = self.random.below(appended - durable + 1);
        let through = if self.random.chance(30) { durable + part } else { appended };
        for entry in self.log.commit(base::LogNo(through)) {
            self.ledger.read(entry);
        }
        let through = self.log.durable();
        self.input(Input::Durable { through });
        if self.log.durable() < self.log.appended() {
            self.plan_commit();
        }
    }

    fn ask(&mut self) {
        if self.now.mono >= HEAL_AT {
            return;
        }
        let max = u64::try_from(self.knobs.command_pause_max.as_micros()).expect("seconds fit");
        let pause = Duration::from_micros(self.random.below(max));
        self.plan(pause, Happening::Ask);
        if self.down {
            return;
        }
        self.counter += 1;
        let id = CommandId(self.counter);
        let n = self.random.below(self.knobs.agents);
        let command = self.a_command(n);
        self.report.commands += 1;
        self.asked.insert(id, command.clone());
        self.input(Input::Command { id, account: ACCOUNT, command });
    }

    fn a_command(&mut self, n: u64) -> Command {
        let agent = setup::agent_number(n);
        match self.random.below(100) {
            0..20 => {
                let login = if self.random.chance(60) { LoginType::Sip } else { LoginType::Pstn };
                let choice = if self.random.chance(70) { Choice::Idle } else { Choice::Busy };
                Command::Online { agent, login, choice }
            }
            20..25 => Command::Offline { agent },
            25..30 => Command::Busy { agent },
            30..40 => Command::Rest { agent },
            40..43 => Command::Hangup { agent },
            _ => Command::DialOut(DialOut {
                agent,
                callee: setup::customer(self.counter),
                agent_ring_max: None,
                customer_ring_max: None,
                agent_shown: None,
                customer_shown: None,
                extras: String::new(),
                group: None,
                group_rule: GroupRule::Random,
                group_area: None,
            }),
        }
    }

    fn stall(&mut self) {
        if !self.log.stalled && !self.down {
            self.log.stalled = true;
            self.commit_planned = false;
            self.life_goes_on_without_log();
            let after = Duration::from_millis(self.random.below(20_000));
            self.plan(after, Happening::Unstall { life: self.life });
        }
    }

    /// The writer tells the switch that it is stuck, or has not noticed yet.
    fn life_goes_on_without_log(&mut self) {
        if self.random.chance(70) {
            self.input(Input::LogStalled(true));
        }
    }

    fn unstall(&mut self) {
        self.log.stalled = false;
        self.input(Input::LogStalled(false));
        self.plan_commit();
    }

    /// The program dies, and what it had not committed with it.
    fn crash(&mut self) {
        self.report.crashes += 1;
        self.life += 1;
        self.down = true;
        self.log.crash();
        self.commit_planned = false;
        self.asked.clear();
        self.finished.clear();
        let back_after = Duration::from_millis(self.random.below(3_000));
        self.plan(back_after, Happening::Restart { life: self.life });
    }

    /// The program begins anew with what was committed.
    fn restart(&mut self) {
        self.down = false;
        self.sound = Sound::new(self.knobs.mute, self.knobs.ports_unusable, self.random.fork());
        let config = setup::config(&self.knobs);
        let highest_id = self.ledger.highest_id();
        let random = self.random.fork();
        self.switch = Switch::new(config, random, self.log.durable(), highest_id, self.numbers.clone());
        for entry in self.log.committed() {
            self.switch.replay(entry.account, &entry.body);
        }
        self.switch.resume_at(ACCOUNT, self.ledger.next_seq(ACCOUNT));
        self.switch.restarted(self.now);
        self.drain_switch();
    }

    fn jump_clock(&mut self) {
        let jump = Duration::from_secs(self.random.below(3_600));
        self.now.wall = match self.random.chance(50) {
            true => self.now.wall + jump,
            false => self.now.wall - jump,
        };
    }

    /// A far end breaks down for a while, or bothers us.
    fn misbehave(&mut self) {
        let limit = u64::try_from(self.fars.len()).expect("few far ends");
        let n = usize::try_from(self.random.below(limit)).expect("few far ends");
        let a_while = Duration::from_millis(self.random.below(DEAF_MS_MAX));
        match self.random.below(3) {
            0 => self.fars[n].go_deaf(self.now.mono + a_while),
            1 => self.fars[n].become_unavailable(self.now.mono + a_while * 3),
            _ => self.fars[n].call_switch(self.now),
        }
    }

    fn heal(&mut self) {
        self.network.heal();
        self.sound.heal();
    }

    fn check(&mut self) {
        if self.down {
            return;
        }
        self.switch.check_invariants();
        let counts = self.switch.counts();
        let pending = counts.calls > 0 || counts.legs > 0 || counts.resumed > 0;
        assert!(!pending || self.switch.next_timeout().is_some(), "{counts:?} wait for nothing");
    }

    fn assert_at_rest(&self) {
        let counts = self.switch.counts();
        let at_rest = switch::api::Counts { ports_resting: counts.ports_resting, ..Default::default() };
        assert_eq!(counts, at_rest, "the switch did not come to rest");
        assert!(self.sound.is_at_rest(), "streams are left: {:?}", self.sound);
        assert!(self.asked.is_empty(), "commands were never answered: {:?}", self.asked);
        for far in &self.fars {
            let in_vain = self.wire.unheard(far.address);
            assert!(far.dialogs() <= in_vain, "the far end {} was left on the line", far.address);
        }
        self.ledger.assert_at_rest();
    }

    fn plan(&mut self, after: Duration, happening: Happening) {
        self.plan_at(self.now.mono + after, happening);
    }

    fn plan_at(&mut self, at: Mono, happening: Happening) {
        self.counter += 1;
        self.happenings.insert((at, self.counter), happening);
    }
}
