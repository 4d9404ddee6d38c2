//! Every verb of call control, drawn at random: mostly of agents who are in a call.

use callcenter::command::{Command, Forced, Monitoring, Party, WebCall, WebCallee};

use super::World;
use crate::setup;

/// What agents in a call show.
const IN_CALL: [u16; 3] = [4, 6, 7];
/// What else is dialled, and by whom nobody is reached.
const NOBODY: &str = "9999";

impl World {
    pub(super) fn a_verb(&mut self) -> Command {
        let agent = self.some_agent();
        match self.random.below(100) {
            0..9 => Command::Hold { agent },
            9..16 => Command::Unhold { agent },
            16..22 => Command::Mute { agent },
            22..27 => Command::Unmute { agent },
            27..36 => Command::Transfer { agent, to: self.some_party() },
            36..51 => Command::Consult { agent, to: self.some_party() },
            51..58 => Command::ConsultTransfer { agent },
            58..66 => Command::ThreeWayCall { agent },
            66..69 => Command::ResumeConsult { agent },
            69..72 => Command::CancelConsult { agent },
            72..84 => {
                let how = [Monitoring::Listen, Monitoring::Whisper, Monitoring::Barge, Monitoring::TakeOver];
                Command::Monitor { supervisor: self.any_agent(), agent, how: how[self.pick(how.len())] }
            }
            84..88 => {
                let what = [Forced::Offline, Forced::Idle, Forced::Busy, Forced::Hangup];
                Command::Force { supervisor: self.any_agent(), agent, what: what[self.pick(what.len())] }
            }
            88..91 => Command::SendDtmf { agent, digits: self.random.below(100).to_string() },
            91..93 => Command::Answer { agent },
            93..96 => Command::Hangup { agent },
            _ => self.a_webcall(),
        }
    }

    fn a_webcall(&mut self) -> Command {
        let callee = match self.random.below(10) {
            0..4 => WebCallee::Number(self.a_customer()),
            4..9 => WebCallee::Agent(self.any_agent()),
            _ => WebCallee::Ivr("100000".to_owned()),
        };
        Command::WebCall(WebCall {
            // Both are called by this one's number of the asking, and must differ.
            caller: setup::talking_customer(50_000 + self.report.commands),
            caller_ring_max: None,
            caller_shown: None,
            callee,
            callee_ring_max: None,
            callee_shown: None,
            extras: String::new(),
        })
    }

    fn some_party(&mut self) -> Party {
        match self.random.below(20) {
            0..10 => Party::Agent(self.any_agent()),
            10..18 => Party::Outline(self.a_customer()),
            18 => Party::Agent(NOBODY.to_owned()),
            _ => Party::Ivr("100000".to_owned()),
        }
    }

    /// One in a call, if there is one and it is not for chance to ask for another.
    fn some_agent(&mut self) -> String {
        let agents = self.ledger.agents.iter();
        let talking: Vec<_> = agents
            .filter(|(_, agent)| IN_CALL.contains(&agent.state))
            .map(|(number, _)| number.clone())
            .collect();
        if talking.is_empty() || self.random.chance(15) {
            return self.any_agent();
        }
        let at = self.pick(talking.len());
        talking[at].clone()
    }

    fn any_agent(&mut self) -> String {
        setup::agent_number(self.random.below(self.knobs.agents))
    }

    fn pick(&mut self, n: usize) -> usize {
        let limit = u64::try_from(n).expect("a small table");
        usize::try_from(self.random.below(limit)).expect("below a small table's length")
    }
}

/// As reports call it.
pub(super) fn name(command: &Command) -> &'static str {
    match command {
        Command::Online { .. } => "online",
        Command::Offline { .. } => "offline",
        Command::Busy { .. } => "busy",
        Command::Rest { .. } => "rest",
        Command::DialOut(_) => "dialOut",
        Command::Hangup { .. } => "hangup",
        Command::Hold { .. } => "hold",
        Command::Unhold { .. } => "unhold",
        Command::Mute { .. } => "mute",
        Command::Unmute { .. } => "unmute",
        Command::Transfer { .. } => "transfer",
        Command::Consult { .. } => "consult",
        Command::ConsultTransfer { .. } => "consultTransfer",
        Command::ThreeWayCall { .. } => "threeWayCall",
        Command::ResumeConsult { .. } => "resumeConsult",
        Command::CancelConsult { .. } => "cancelconsult",
        Command::WebCall(_) => "webcall",
        Command::Monitor { how: Monitoring::Listen, .. } => "listen",
        Command::Monitor { how: Monitoring::Whisper, .. } => "whisper",
        Command::Monitor { how: Monitoring::Barge, .. } => "barge",
        Command::Monitor { how: Monitoring::TakeOver, .. } => "takeOver",
        Command::Force { what: Forced::Offline, .. } => "forceOffline",
        Command::Force { what: Forced::Idle, .. } => "forceIdle",
        Command::Force { what: Forced::Busy, .. } => "forceBusy",
        Command::Force { what: Forced::Hangup, .. } => "forceHangup",
        Command::SendDtmf { .. } => "sendDtmf",
        Command::Answer { .. } => "answer",
    }
}
