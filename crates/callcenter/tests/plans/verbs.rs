//! Every verb in every situation: what it is answered, and whether anything follows.

use callcenter::command::{Choice, Command, Forced, LoginType, Monitoring, Party, Refusal, WebCallee};

use crate::desk::{Desk, dial_out, web_call};
use crate::situations::{OUTSIDE, Situation, desk_in};

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Accepted, and something follows.
    Done,
    /// Accepted; it is so already.
    Same,
    No(Refusal),
}

/// What is asked of an agent, by it, or for it.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Online,
    Offline,
    Busy,
    Rest,
    DialOut,
    Hangup,
    Hold,
    Unhold,
    Mute,
    Unmute,
    /// The agent hands on to 8006.
    Transfer,
    TransferOut,
    TransferToOneself,
    Consult,
    ConsultOut,
    ConsultTransfer,
    ThreeWayCall,
    ResumeConsult,
    CancelConsult,
    SendDtmf,
    Answer,
    /// 8003 listens to the agent.
    Listen,
    Whisper,
    Barge,
    TakeOver,
    ForceOffline,
    ForceIdle,
    ForceBusy,
    ForceHangup,
    /// 8004, who talks with another customer, hands that on to the agent.
    TransferTo,
    ConsultWith,
    WebCallTo,
    /// The agent listens to 8004.
    ListenTo,
}

#[rustfmt::skip]
const VERBS: [Verb; 33] = [
    Verb::Online, Verb::Offline, Verb::Busy, Verb::Rest, Verb::DialOut, Verb::Hangup,
    Verb::Hold, Verb::Unhold, Verb::Mute, Verb::Unmute,
    Verb::Transfer, Verb::TransferOut, Verb::TransferToOneself, Verb::Consult, Verb::ConsultOut,
    Verb::ConsultTransfer, Verb::ThreeWayCall, Verb::ResumeConsult, Verb::CancelConsult,
    Verb::SendDtmf, Verb::Answer,
    Verb::Listen, Verb::Whisper, Verb::Barge, Verb::TakeOver,
    Verb::ForceOffline, Verb::ForceIdle, Verb::ForceBusy, Verb::ForceHangup,
    Verb::TransferTo, Verb::ConsultWith, Verb::WebCallTo, Verb::ListenTo,
];

const DONE: Answer = Answer::Done;
const SAME: Answer = Answer::Same;
/// 6708.
const OUT: Answer = Answer::No(Refusal::AgentOffline);
/// 6712.
const NOT: Answer = Answer::No(Refusal::NotInCall);
/// 6713.
const INC: Answer = Answer::No(Refusal::InCall);
/// 6714.
const CHG: Answer = Answer::No(Refusal::InCallNoChange);
/// 6715.
const NIL: Answer = Answer::No(Refusal::NothingToHangUp);
/// 6722.
const REG: Answer = Answer::No(Refusal::PhoneNotRegistered);

use Situation as S;

/// The agent, its situation, and the answers in the order of [`VERBS`]: those to presence, calls and hang-up; hold and mute; transfer
/// and consult; what needs a consultation; keys; supervisors; what is done for or with the agent.
#[rustfmt::skip]
const TABLE: &[(&str, Situation, [Answer; 33])] = &[
    //                            onl   off   busy  rest  dial  hang   hold  unho  mute  unmu   trsf  trso  self  cons  cono   ctrf  3way  resu  canc   dtmf  answ   list  whis  barg  take   fOff  fIdl  fBsy  fHng   trTo  coWi  webc  liTo
    ("8000", S::Offline,         [DONE, SAME, OUT,  OUT,  OUT,  OUT,   OUT,  OUT,  OUT,  OUT,   OUT,  OUT,  OUT,  OUT,  OUT,   OUT,  OUT,  OUT,  OUT,   OUT,  OUT,   OUT,  OUT,  OUT,  OUT,   SAME, OUT,  OUT,  OUT,   OUT,  OUT,  OUT,  OUT]),
    ("8005", S::Unconnected,     [DONE, DONE, DONE, SAME, REG,  NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, NIL,   REG,  REG,  REG,  REG]),
    ("8000", S::Idle,            [DONE, DONE, DONE, SAME, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, NIL,   DONE, DONE, DONE, DONE]),
    ("8000", S::Busy,            [DONE, DONE, SAME, DONE, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, DONE, SAME, NIL,   DONE, DONE, DONE, DONE]),
    ("8000", S::WrapsUp,         [DONE, DONE, DONE, DONE, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, DONE, DONE, NIL,   DONE, DONE, DONE, DONE]),
    ("8000", S::AgentCalled,     [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::AgentRings,      [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::CustomerRings,   [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  SAME,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Talks,           [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Holds,           [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  SAME, DONE, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Muted,           [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, SAME, DONE,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::HoldsMuted,      [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  SAME, DONE, SAME, DONE,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Transfers,       [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  INC,  INC,  INC,  INC,  INC,   NOT,  NOT,  NOT,  NOT,   SAME, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::CallsToConsult,  [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  INC,  INC,  INC,  INC,  INC,   DONE, NOT,  DONE, DONE,  SAME, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Consults,        [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  INC,  INC,  INC,  INC,  INC,   DONE, DONE, DONE, DONE,  DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::ConsultsOut,     [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  INC,  INC,  INC,  INC,  INC,   DONE, DONE, DONE, DONE,  DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::ThreeTalk,       [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8005", S::ThreeTalk,       [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    // Whom the customer is handed on to, while it rings: a call that comes, and may be refused.
    ("8005", S::Transfers,       [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8005", S::CallsToConsult,  [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    // Who is consulted talks (4), but has no customer to hand on, or to be listened to with.
    ("8005", S::Consults,        [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, SAME,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8005", S::Transferred,     [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    // Who handed on is free and writes down.
    ("8000", S::Transferred,     [DONE, DONE, DONE, DONE, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, DONE, DONE, NIL,   DONE, DONE, DONE, DONE]),
    ("8000", S::TransfersAlone,  [DONE, DONE, DONE, DONE, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, DONE, DONE, NIL,   DONE, DONE, DONE, DONE]),
    // Who listens talks with nobody.
    ("8002", S::SupervisorRings, [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8002", S::Listens,         [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  SAME,  NOT,  NOT,  NOT,  NOT,   DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8002", S::Barged,          [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8002", S::TookOver,        [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::Listens,         [CHG,  CHG,  CHG,  CHG,  INC,  DONE,  DONE, SAME, DONE, SAME,  DONE, DONE, INC,  DONE, DONE,  NOT,  NOT,  NOT,  NOT,   DONE, SAME,  DONE, DONE, DONE, DONE,  DONE, SAME, DONE, DONE,  INC,  INC,  INC,  INC]),
    ("8000", S::TookOver,        [DONE, DONE, DONE, DONE, DONE, NIL,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   NOT,  NOT,   NOT,  NOT,  NOT,  NOT,   DONE, DONE, DONE, NIL,   DONE, DONE, DONE, DONE]),
];

#[test]
fn every_verb_in_every_situation_is_answered_as_the_contract_says() {
    let mut wrong = Vec::new();
    for (agent, situation, answers) in TABLE {
        for (verb, expected) in VERBS.iter().zip(answers) {
            let mut desk = desk_in(*situation, |_| {});
            let answer = answer(&mut desk, *verb, agent);
            if answer != *expected {
                wrong.push(format!("{agent} {situation:?}, {verb:?}: {answer:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What does not depend on what the agent is doing is answered first (contract §2).
#[test]
fn an_agent_that_may_not_act_gets_its_own_code_before_any_other() {
    use callcenter::config::AgentStatus;
    for (status, refusal) in [
        (AgentStatus::Deleted, Refusal::AgentDeleted),
        (AgentStatus::Disabled, Refusal::AgentDisabled),
        (AgentStatus::Locked, Refusal::AgentLocked),
    ] {
        for situation in [S::Idle, S::Talks, S::Consults] {
            for verb in VERBS {
                let mut desk = desk_in(situation, |_| {});
                desk.reconfigure(|account| account.agents[0].status = status);
                let answer = answer(&mut desk, verb, "8000");
                assert_eq!(answer, Answer::No(refusal), "{situation:?}, {verb:?}");
            }
        }
    }
    for verb in VERBS {
        let mut desk = desk_in(S::Talks, |_| {});
        let answer = answer(&mut desk, verb, "7000");
        assert_eq!(answer, Answer::No(Refusal::AgentUnknown), "{verb:?}");
    }
}

#[test]
fn nothing_is_done_for_an_account_that_may_not_act() {
    use callcenter::config::AccountStatus;
    for (status, refusal) in [
        (AccountStatus::Disabled, Refusal::AccountDisabled),
        (AccountStatus::Removed, Refusal::AccountRemoved),
    ] {
        for verb in VERBS {
            let mut desk = desk_in(S::Consults, |_| {});
            desk.reconfigure(|account| account.status = status);
            assert_eq!(answer(&mut desk, verb, "8000"), Answer::No(refusal), "{verb:?}");
        }
    }
}

#[test]
fn whom_there_is_not_is_refused_by_name() {
    let to = |to: &str| Party::Agent(to.to_owned());
    for (party, refusal) in [
        (Party::Ivr("100001".to_owned()), Refusal::IvrUnknown),
        (Party::Queue("10014640".to_owned()), Refusal::QueueUnknown),
        (to("7000"), Refusal::AgentUnknown),
        (to("10014640"), Refusal::AgentUnknown),
        (to("8001"), Refusal::AgentOffline),
        (to("8004"), Refusal::InCall),
        (to("8000"), Refusal::InCall),
        (to("8007"), Refusal::PhoneNotRegistered),
        (to("8008"), Refusal::AgentDisabled),
        (to("8009"), Refusal::AgentDeleted),
        (to("8003"), Refusal::AgentLocked),
    ] {
        let mut desk = desk_in(S::Talks, |_| {}).and_signed_in(&["8007"]);
        desk.signal(callcenter::signal::Signal::PhoneUnregistered { user: "8007".to_owned() });
        desk.reconfigure(|account| {
            use callcenter::config::AgentStatus;
            account.agents[8].status = AgentStatus::Disabled;
            account.agents[9].status = AgentStatus::Deleted;
            account.agents[3].status = AgentStatus::Locked;
        });
        let agent = "8000".to_owned();
        for command in [
            Command::Transfer { agent: agent.clone(), to: party.clone() },
            Command::Consult { agent, to: party.clone() },
        ] {
            let before = (desk.log.len(), desk.actions.len());
            assert_eq!(desk.ask(command), Err(refusal), "{party:?}");
            assert_eq!((desk.log.len(), desk.actions.len()), before, "{party:?}");
        }
    }
}

/// A field that names nothing is 40000, and that comes before what the agent is doing (contract §2).
#[test]
fn an_ivr_or_queue_that_is_none_is_refused_before_the_agent_is_looked_at() {
    for situation in [S::Offline, S::Idle, S::Transfers, S::Consults] {
        for (party, refusal) in [
            (Party::Ivr("100001".to_owned()), Refusal::IvrUnknown),
            (Party::Queue("10014640".to_owned()), Refusal::QueueUnknown),
        ] {
            let mut desk = desk_in(situation, |_| {});
            let agent = "8000".to_owned();
            let transfer = Command::Transfer { agent: agent.clone(), to: party.clone() };
            assert_eq!(desk.ask(transfer), Err(refusal), "{situation:?}");
            assert_eq!(desk.ask(Command::Consult { agent, to: party }), Err(refusal), "{situation:?}");
        }
    }
    let mut desk = desk_in(S::Idle, |_| {});
    let ivr = WebCallee::Ivr("100001".to_owned());
    assert_eq!(desk.ask(Command::WebCall(web_call(ivr))), Err(Refusal::IvrUnknown));
}

#[test]
fn only_a_supervisor_supervises_and_never_itself() {
    for (supervisor, refusal) in [("8006", Refusal::NotSupervisor), ("8000", Refusal::ToOneself)] {
        for verb in [
            Verb::Listen,
            Verb::Whisper,
            Verb::Barge,
            Verb::TakeOver,
            Verb::ForceOffline,
            Verb::ForceIdle,
            Verb::ForceBusy,
            Verb::ForceHangup,
        ] {
            let mut desk = desk_in(S::Talks, |_| {});
            desk.reconfigure(|account| account.agents[6].supervisor = false);
            let answer = ask(&mut desk, by(verb, supervisor, "8000"));
            assert_eq!(answer, Answer::No(refusal), "{verb:?} by {supervisor}");
        }
    }
}

fn answer(desk: &mut Desk, verb: Verb, agent: &str) -> Answer {
    ask(desk, by(verb, "8003", agent))
}

/// Asks, and checks that what is refused changes nothing.
fn ask(desk: &mut Desk, command: Command) -> Answer {
    let before = (desk.log.len(), desk.actions.len(), desk.center.state().clone());
    let what = format!("{command:?}");
    let reply = desk.ask(command);
    let changed = (desk.log.len(), desk.actions.len()) != (before.0, before.1);
    match reply {
        Ok(_) if changed => Answer::Done,
        Ok(_) => Answer::Same,
        Err(refusal) => {
            assert!(!changed && *desk.center.state() == before.2, "{what} was refused and changed something");
            Answer::No(refusal)
        }
    }
}

fn by(verb: Verb, supervisor: &str, agent: &str) -> Command {
    let (supervisor, agent) = (supervisor.to_owned(), agent.to_owned());
    let to_other = Party::Agent("8006".to_owned());
    let to_outside = Party::Outline(OUTSIDE.to_owned());
    let other = "8004".to_owned();
    match verb {
        Verb::Online => {
            let login = if agent.as_str() >= "8005" { LoginType::Sip } else { LoginType::Pstn };
            Command::Online { agent, login, choice: Choice::Idle }
        }
        Verb::Offline => Command::Offline { agent },
        Verb::Busy => Command::Busy { agent },
        Verb::Rest => Command::Rest { agent },
        Verb::DialOut => Command::DialOut(dial_out(&agent)),
        Verb::Hangup => Command::Hangup { agent },
        Verb::Hold => Command::Hold { agent },
        Verb::Unhold => Command::Unhold { agent },
        Verb::Mute => Command::Mute { agent },
        Verb::Unmute => Command::Unmute { agent },
        Verb::Transfer => Command::Transfer { agent, to: to_other },
        Verb::TransferOut => Command::Transfer { agent, to: to_outside },
        Verb::TransferToOneself => Command::Transfer { to: Party::Agent(agent.clone()), agent },
        Verb::Consult => Command::Consult { agent, to: to_other },
        Verb::ConsultOut => Command::Consult { agent, to: to_outside },
        Verb::ConsultTransfer => Command::ConsultTransfer { agent },
        Verb::ThreeWayCall => Command::ThreeWayCall { agent },
        Verb::ResumeConsult => Command::ResumeConsult { agent },
        Verb::CancelConsult => Command::CancelConsult { agent },
        Verb::SendDtmf => Command::SendDtmf { agent, digits: "12#".to_owned() },
        Verb::Answer => Command::Answer { agent },
        Verb::Listen => Command::Monitor { supervisor, agent, how: Monitoring::Listen },
        Verb::Whisper => Command::Monitor { supervisor, agent, how: Monitoring::Whisper },
        Verb::Barge => Command::Monitor { supervisor, agent, how: Monitoring::Barge },
        Verb::TakeOver => Command::Monitor { supervisor, agent, how: Monitoring::TakeOver },
        Verb::ForceOffline => Command::Force { supervisor, agent, what: Forced::Offline },
        Verb::ForceIdle => Command::Force { supervisor, agent, what: Forced::Idle },
        Verb::ForceBusy => Command::Force { supervisor, agent, what: Forced::Busy },
        Verb::ForceHangup => Command::Force { supervisor, agent, what: Forced::Hangup },
        Verb::TransferTo => Command::Transfer { agent: other, to: Party::Agent(agent) },
        Verb::ConsultWith => Command::Consult { agent: other, to: Party::Agent(agent) },
        Verb::WebCallTo => Command::WebCall(web_call(WebCallee::Agent(agent))),
        Verb::ListenTo => Command::Monitor { supervisor: agent, agent: other, how: Monitoring::Listen },
    }
}
