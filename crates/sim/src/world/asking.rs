//! What people want: commands of the customer's program, and what nobody asked for.

use std::net::SocketAddr;
use std::time::Duration;

use base::CommandId;
use callcenter::command::{Accepted, Choice, Command, DialOut, GroupRule, LoginType, Refusal};
use switch::api::Input;

use super::{Happening, World, verbs};
use crate::Kind;
use crate::mark;
use crate::people::Misdeed;
use crate::setup::{self, ACCOUNT};
use crate::voice;

/// How many packets a stranger sends.
const STRANGE_PACKETS: u16 = 150;
/// And how fast.
const STRANGE_PACE: Duration = Duration::from_millis(20);

impl World {
    pub(super) fn ask(&mut self) {
        if self.now.mono >= self.knobs.heal_at {
            return;
        }
        let max = u64::try_from(self.knobs.command_pause_max.as_micros()).expect("seconds fit");
        let pause = Duration::from_micros(self.random.below(max));
        self.plan(pause, Happening::Ask);
        if self.down {
            return;
        }
        self.report.commands += 1;
        let id = CommandId(self.report.commands);
        let n = self.random.below(self.knobs.agents);
        let command = self.a_command(n);
        match &command {
            Command::Hangup { agent } => self.calls.disturb_agent(agent),
            Command::Answer { agent } => self.wire.asked_to_answer(agent),
            _ => {}
        }
        self.tell("command", &command);
        self.asked.insert(id, command.clone());
        self.input(Input::Command { id, account: ACCOUNT, command });
    }

    pub(super) fn replied(&mut self, id: CommandId, result: Result<Accepted, Refusal>) {
        let command = self.asked.remove(&id).expect("a command is answered once");
        self.tell("answer", (&command, &result));
        if result.is_ok() {
            *self.report.verbs.entry(verbs::name(&command)).or_default() += 1;
        }
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

    pub(super) fn misbehave(&mut self) {
        let misdeed = self.people.misbehave(self.now, &mut self.random);
        self.tell("misdeed", &misdeed);
        match misdeed {
            Misdeed::Harmless => {}
            Misdeed::Unreachable { until } => self.calls.disturb_until(until),
            Misdeed::HungUp(phone) => {
                if let Some(seat) = self.hearing.seat(phone) {
                    self.calls.disturb(seat.call);
                }
            }
            Misdeed::Pressed(phone, keys) => {
                if let Some(seat) = self.hearing.seat(phone) {
                    self.calls.disturb(seat.call);
                    self.calls.side(seat).keys.extend(keys.chars());
                }
            }
        }
        self.drain_people(None);
    }

    /// A stranger sends sound to the port that was given out last: its phone may not have said anything yet.
    pub(super) fn intrude(&mut self) {
        let Some(port) = self.sound.newest_port() else { return };
        let (from, to) = (setup::stranger_address(), SocketAddr::new(setup::switch_address().ip(), port));
        for sequence in 0..STRANGE_PACKETS {
            let data = match self.knobs.kind {
                Kind::Verbs => voice::strange_packet(sequence).into(),
                Kind::Adversaries | Kind::Lab => mark::strange_packet(sequence).into(),
            };
            self.plan(STRANGE_PACE * u32::from(sequence), Happening::Arrive { from, to, data });
        }
    }

    fn a_command(&mut self, n: u64) -> Command {
        let verbs = match self.knobs.kind {
            Kind::Adversaries => 30,
            Kind::Lab => 0,
            Kind::Verbs => 65,
        };
        if self.random.chance(verbs) {
            return self.a_verb();
        }
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
            _ => {
                let callee = self.a_customer();
                Command::DialOut(DialOut {
                    agent,
                    callee,
                    agent_ring_max: None,
                    customer_ring_max: None,
                    agent_shown: None,
                    customer_shown: None,
                    extras: String::new(),
                    group: None,
                    group_rule: GroupRule::Random,
                    group_area: None,
                })
            }
        }
    }

    /// Another one for every dialOut.
    pub(super) fn a_customer(&mut self) -> String {
        match self.knobs.kind {
            Kind::Adversaries => setup::customer(self.report.commands),
            Kind::Verbs if self.random.chance(70) => setup::talking_customer(self.report.commands),
            Kind::Lab | Kind::Verbs => setup::magic_customer(self.report.commands, &mut self.random),
        }
    }
}
