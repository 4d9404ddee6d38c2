//! Who hears whom in every situation, and what is stored of it: the whole plan, as it stands after all that was done.

use base::CallId;
use callcenter::command::{Command, Monitoring, Party};
use callcenter::config::{Account, HoldRecording, TransferSound};
use callcenter::event::Event;
use callcenter::event::Role::{Agent, Outside, Supervisor};

use crate::desk::Desk;
use crate::ears::Ears;
use crate::situations::{Situation, a, ask, desk_in, monitor, obey, to_outside};

/// What is done in a situation before one listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Hold,
    Unhold,
    Mute,
    Unmute,
    /// 8005 does.
    OtherHolds,
    OtherMutes,
    /// 8000 consults 8006, who answers.
    Consult,
    /// 8000 hands the customer on to a number outside; it rings.
    TransferOut,
    /// 8005 hands the customer on to a number outside.
    OtherTransfersOut,
    ConsultTransfer,
    ThreeWayCall,
    Resume,
    /// The network of the number outside speaks before the answer.
    Early,
    /// The supervisor does, and its phone answers.
    Listen,
    Whisper,
    Barge,
    /// 8000 hangs up.
    Leave,
}

use Situation as S;
use Then::{
    Barge, Consult, ConsultTransfer, Early, Hold, Leave, Listen, Mute, OtherHolds, OtherMutes,
    OtherTransfersOut, Resume, ThreeWayCall, TransferOut, Unhold, Unmute, Whisper,
};

/// The situation, what is done then, and what each leg hears, and what is stored, where nothing is set.
type Case = (Situation, &'static [Then], &'static str);

#[rustfmt::skip]
const TABLE: &[Case] = &[
    (S::CustomerRings, &[], "Agent: ring-back, Customer: nothing, stored nothing"),
    (S::Talks, &[], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Talks, &[Hold], "Agent: nothing, Customer: music, stored |Customer"),
    (S::Talks, &[Hold, Unhold], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Talks, &[Mute], "Agent: Customer, Customer: nothing, stored |Customer"),
    (S::Talks, &[Mute, Unmute], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Talks, &[Hold, Mute], "Agent: nothing, Customer: music, stored |Customer"),
    (S::Talks, &[Hold, Mute, Unhold], "Agent: Customer, Customer: nothing, stored |Customer"),
    (S::Talks, &[Mute, Hold, Unmute], "Agent: nothing, Customer: music, stored |Customer"),
    (S::Talks, &[Mute, Hold, Unhold, Unmute], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Transfers, &[], "Agent: ring-back, Customer: ring-back, Agent2: nothing, stored |Customer"),
    (S::Transfers, &[Hold], "Agent: nothing, Customer: ring-back, Agent2: nothing, stored |Customer"),
    (S::Transfers, &[Mute], "Agent: ring-back, Customer: ring-back, Agent2: nothing, stored |Customer"),
    (S::Transfers, &[Listen], "Agent: ring-back, Customer: ring-back, Agent2: nothing, Supervisor: ring-back, stored |Customer"),
    (S::Transfers, &[Barge], "Agent: ring-back, Customer: Supervisor, Agent2: nothing, Supervisor: Customer, stored |Customer Supervisor"),
    (S::TransfersOut, &[], "Agent: ring-back, Customer: ring-back, Outside: nothing, stored |Customer"),
    (S::TransfersOut, &[Early], "Agent: Outside, Customer: Outside, Outside: nothing, stored |Customer"),
    (S::TransfersOut, &[Early, Leave], "Customer: Outside, Outside: nothing, stored |Customer"),
    (S::TransfersAlone, &[], "Customer: ring-back, Agent2: nothing, stored |Customer"),
    (S::CallsToConsult, &[], "Agent: ring-back, Customer: music, Agent2: nothing, stored |Customer"),
    (S::CallsToConsult, &[Hold], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer"),
    (S::CallsToConsult, &[ConsultTransfer], "Agent: ring-back, Customer: ring-back, Agent2: nothing, stored |Customer"),
    (S::CallsToConsult, &[Resume], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::CallsToConsult, &[Listen], "Agent: ring-back, Customer: music, Agent2: nothing, Supervisor: Agent, stored |Customer"),
    (S::CallsOutToConsult, &[Early], "Agent: Outside, Customer: music, Outside: nothing, stored |Customer"),
    (S::CallsOutToConsult, &[Early, Listen], "Agent: Outside, Customer: music, Outside: nothing, Supervisor: Agent + Outside, stored |Customer"),
    (S::Consults, &[], "Agent: Agent2, Customer: music, Agent2: Agent, stored |Customer"),
    (S::Consults, &[Hold], "Agent: nothing, Customer: music, Agent2: music, stored |Customer"),
    (S::Consults, &[Mute], "Agent: Agent2, Customer: music, Agent2: nothing, stored |Customer"),
    (S::Consults, &[OtherHolds], "Agent: music, Customer: music, Agent2: nothing, stored |Customer"),
    (S::Consults, &[OtherMutes], "Agent: nothing, Customer: music, Agent2: Agent, stored |Customer"),
    (S::Consults, &[Hold, OtherHolds], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer"),
    (S::Consults, &[Listen], "Agent: Agent2, Customer: music, Agent2: Agent, Supervisor: Agent + Agent2, stored |Customer"),
    (S::Consults, &[Whisper], "Agent: Agent2 + Supervisor, Customer: music, Agent2: Agent, Supervisor: Agent + Agent2, stored |Customer"),
    (S::Consults, &[Barge], "Agent: Agent2, Customer: Supervisor, Agent2: Agent, Supervisor: Customer, stored |Customer Supervisor"),
    (S::Consults, &[Resume], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Consults, &[Mute, Resume], "Agent: Customer, Customer: nothing, stored |Customer"),
    (S::Consults, &[Hold, Resume], "Agent: Customer, Customer: Agent, stored Agent |Customer"),
    (S::Consults, &[Hold, ThreeWayCall], "Agent: Customer + Agent2, Customer: Agent + Agent2, Agent2: Agent + Customer, stored Agent |Customer Agent2"),
    (S::Consults, &[Mute, ThreeWayCall], "Agent: Customer + Agent2, Customer: Agent2, Agent2: Customer, stored |Customer Agent2"),
    (S::Consults, &[OtherMutes, ConsultTransfer], "Customer: nothing, Agent2: Customer, stored |Customer"),
    (S::ConsultsOut, &[], "Agent: Outside, Customer: music, Outside: Agent, stored |Customer"),
    (S::ConsultsOut, &[ConsultTransfer], "Customer: Outside, Outside: Customer, stored |Customer Outside"),
    (S::ThreeTalk, &[], "Agent: Customer + Agent2, Customer: Agent + Agent2, Agent2: Agent + Customer, stored Agent |Customer Agent2"),
    (S::ThreeTalk, &[Hold], "Agent: nothing, Customer: Agent2, Agent2: Customer, stored |Customer Agent2"),
    (S::ThreeTalk, &[Mute], "Agent: Customer + Agent2, Customer: Agent2, Agent2: Customer, stored |Customer Agent2"),
    (S::ThreeTalk, &[Hold, OtherHolds], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer"),
    (S::ThreeTalk, &[Mute, OtherMutes], "Agent: Customer, Customer: nothing, Agent2: Customer, stored |Customer"),
    (S::ThreeTalk, &[Hold, OtherMutes], "Agent: nothing, Customer: nothing, Agent2: Customer, stored |Customer"),
    (S::ThreeTalk, &[Consult], "Agent: Agent3, Customer: Agent2, Agent2: Customer, Agent3: Agent, stored |Customer Agent2"),
    (S::ThreeTalk, &[Consult, ThreeWayCall], "Agent: Customer + Agent2 + Agent3, Customer: Agent + Agent2 + Agent3, Agent2: Agent + Customer + Agent3, Agent3: Agent + Customer + Agent2, stored Agent |Customer Agent2 Agent3"),
    (S::ThreeTalk, &[Consult, OtherHolds], "Agent: Agent3, Customer: music, Agent2: nothing, Agent3: Agent, stored |Customer"),
    (S::ThreeTalk, &[TransferOut], "Agent: ring-back, Customer: Agent2, Agent2: Customer, Outside: nothing, stored |Customer Agent2"),
    (S::ThreeTalk, &[TransferOut, OtherHolds], "Agent: ring-back, Customer: ring-back, Agent2: nothing, Outside: nothing, stored |Customer"),
    (S::ThreeTalk, &[TransferOut, OtherTransfersOut], "Agent: ring-back, Customer: ring-back, Agent2: ring-back, Outside: nothing, Outside2: nothing, stored |Customer"),
    (S::ThreeTalk, &[Leave], "Customer: Agent2, Agent2: Customer, stored |Customer Agent2"),
    (S::ThreeTalk, &[Listen], "Agent: Customer + Agent2, Customer: Agent + Agent2, Agent2: Agent + Customer, Supervisor: Agent + Customer + Agent2, stored Agent |Customer Agent2"),
    (S::ThreeTalk, &[Whisper], "Agent: Customer + Agent2 + Supervisor, Customer: Agent + Agent2, Agent2: Agent + Customer, Supervisor: Agent + Customer + Agent2, stored Agent |Customer Agent2"),
    (S::ThreeTalk, &[Whisper, Mute], "Agent: Customer + Agent2 + Supervisor, Customer: Agent2, Agent2: Customer, Supervisor: Customer + Agent2, stored |Customer Agent2"),
    (S::ThreeTalk, &[Whisper, Hold], "Agent: nothing, Customer: Agent2, Agent2: Customer, Supervisor: nothing, stored |Customer Agent2"),
    (S::ThreeTalkOut, &[], "Agent: Customer + Outside, Customer: Agent + Outside, Outside: Agent + Customer, stored Agent |Customer Outside"),
    (S::ThreeTalkOut, &[Hold], "Agent: nothing, Customer: Outside, Outside: Customer, stored |Customer Outside"),
    (S::ThreeTalkOut, &[Leave], "Customer: Outside, Outside: Customer, stored |Customer Outside"),
    (S::Transferred, &[], "Customer: Agent2, Agent2: Customer, stored |Customer Agent2"),
    (S::Transferred, &[OtherHolds], "Customer: music, Agent2: nothing, stored |Customer"),
    (S::Transferred, &[OtherMutes], "Customer: nothing, Agent2: Customer, stored |Customer"),
    (S::Transferred, &[OtherTransfersOut], "Customer: ring-back, Agent2: ring-back, Outside: nothing, stored |Customer"),
    (S::TransferredOut, &[], "Customer: Outside, Outside: Customer, stored |Customer Outside"),
    (S::SupervisorRings, &[], "Agent: Customer, Customer: Agent, Supervisor: nothing, stored Agent |Customer"),
    (S::Listens, &[], "Agent: Customer, Customer: Agent, Supervisor: Agent + Customer, stored Agent |Customer"),
    (S::Listens, &[Hold], "Agent: nothing, Customer: music, Supervisor: nothing, stored |Customer"),
    (S::Listens, &[Mute], "Agent: Customer, Customer: nothing, Supervisor: Customer, stored |Customer"),
    (S::Listens, &[Consult], "Agent: Agent2, Customer: music, Supervisor: Agent + Agent2, Agent2: Agent, stored |Customer"),
    (S::Listens, &[Whisper], "Agent: Customer + Supervisor, Customer: Agent, Supervisor: Agent + Customer, stored Agent |Customer"),
    (S::Listens, &[Barge], "Agent: Customer + Supervisor, Customer: Agent + Supervisor, Supervisor: Agent + Customer, stored Agent |Customer Supervisor"),
    (S::Whispers, &[], "Agent: Customer + Supervisor, Customer: Agent, Supervisor: Agent + Customer, stored Agent |Customer"),
    (S::Whispers, &[Hold], "Agent: nothing, Customer: music, Supervisor: nothing, stored |Customer"),
    (S::Whispers, &[Mute], "Agent: Customer + Supervisor, Customer: nothing, Supervisor: Customer, stored |Customer"),
    (S::Whispers, &[TransferOut], "Agent: ring-back, Customer: ring-back, Supervisor: ring-back, Outside: nothing, stored |Customer"),
    (S::Whispers, &[Listen], "Agent: Customer, Customer: Agent, Supervisor: Agent + Customer, stored Agent |Customer"),
    (S::Barged, &[], "Agent: Customer + Supervisor, Customer: Agent + Supervisor, Supervisor: Agent + Customer, stored Agent |Customer Supervisor"),
    (S::Barged, &[Hold], "Agent: nothing, Customer: Supervisor, Supervisor: Customer, stored |Customer Supervisor"),
    (S::Barged, &[Leave], "Customer: Supervisor, Supervisor: Customer, stored |Customer Supervisor"),
    (S::TookOver, &[], "Customer: Supervisor, Supervisor: Customer, stored |Customer Supervisor"),
];

/// What is otherwise with `transfer_sound` and `hold_recording` set to music.
#[rustfmt::skip]
const WITH_MUSIC: &[Case] = &[
    (S::Talks, &[Hold], "Agent: nothing, Customer: music, stored |Customer music"),
    (S::Talks, &[Hold, Mute], "Agent: nothing, Customer: music, stored |Customer music"),
    (S::Talks, &[Mute, Hold, Unmute], "Agent: nothing, Customer: music, stored |Customer music"),
    (S::Transfers, &[], "Agent: ring-back, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Transfers, &[Hold], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Transfers, &[Mute], "Agent: ring-back, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Transfers, &[Listen], "Agent: ring-back, Customer: music, Agent2: nothing, Supervisor: ring-back, stored |Customer music"),
    (S::TransfersOut, &[], "Agent: ring-back, Customer: music, Outside: nothing, stored |Customer music"),
    (S::TransfersOut, &[Early], "Agent: Outside, Customer: music, Outside: nothing, stored |Customer music"),
    (S::TransfersOut, &[Early, Leave], "Customer: music, Outside: nothing, stored |Customer music"),
    (S::TransfersAlone, &[], "Customer: music, Agent2: nothing, stored |Customer music"),
    (S::CallsToConsult, &[], "Agent: ring-back, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::CallsToConsult, &[Hold], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::CallsToConsult, &[ConsultTransfer], "Agent: ring-back, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::CallsToConsult, &[Listen], "Agent: ring-back, Customer: music, Agent2: nothing, Supervisor: Agent, stored |Customer music"),
    (S::CallsOutToConsult, &[Early], "Agent: Outside, Customer: music, Outside: nothing, stored |Customer music"),
    (S::CallsOutToConsult, &[Early, Listen], "Agent: Outside, Customer: music, Outside: nothing, Supervisor: Agent + Outside, stored |Customer music"),
    (S::Consults, &[], "Agent: Agent2, Customer: music, Agent2: Agent, stored |Customer music"),
    (S::Consults, &[Hold], "Agent: nothing, Customer: music, Agent2: music, stored |Customer music"),
    (S::Consults, &[Mute], "Agent: Agent2, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Consults, &[OtherHolds], "Agent: music, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Consults, &[OtherMutes], "Agent: nothing, Customer: music, Agent2: Agent, stored |Customer music"),
    (S::Consults, &[Hold, OtherHolds], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Consults, &[Listen], "Agent: Agent2, Customer: music, Agent2: Agent, Supervisor: Agent + Agent2, stored |Customer music"),
    (S::Consults, &[Whisper], "Agent: Agent2 + Supervisor, Customer: music, Agent2: Agent, Supervisor: Agent + Agent2, stored |Customer music"),
    (S::ConsultsOut, &[], "Agent: Outside, Customer: music, Outside: Agent, stored |Customer music"),
    (S::ThreeTalk, &[Hold, OtherHolds], "Agent: nothing, Customer: music, Agent2: nothing, stored |Customer music"),
    (S::ThreeTalk, &[Consult, OtherHolds], "Agent: Agent3, Customer: music, Agent2: nothing, Agent3: Agent, stored |Customer music"),
    (S::ThreeTalk, &[TransferOut, OtherHolds], "Agent: ring-back, Customer: music, Agent2: nothing, Outside: nothing, stored |Customer music"),
    (S::ThreeTalk, &[TransferOut, OtherTransfersOut], "Agent: ring-back, Customer: music, Agent2: ring-back, Outside: nothing, Outside2: nothing, stored |Customer music"),
    (S::Transferred, &[OtherHolds], "Customer: music, Agent2: nothing, stored |Customer music"),
    (S::Transferred, &[OtherTransfersOut], "Customer: music, Agent2: ring-back, Outside: nothing, stored |Customer music"),
    (S::Listens, &[Hold], "Agent: nothing, Customer: music, Supervisor: nothing, stored |Customer music"),
    (S::Listens, &[Consult], "Agent: Agent2, Customer: music, Supervisor: Agent + Agent2, Agent2: Agent, stored |Customer music"),
    (S::Whispers, &[Hold], "Agent: nothing, Customer: music, Supervisor: nothing, stored |Customer music"),
    (S::Whispers, &[TransferOut], "Agent: ring-back, Customer: music, Supervisor: ring-back, Outside: nothing, stored |Customer music"),
];

#[test]
fn everybody_hears_whom_they_should() {
    check(|_| {}, &[TABLE]);
}

#[test]
fn everybody_hears_music_where_the_account_has_it() {
    let music = |account: &mut Account| {
        account.transfer_sound = TransferSound::Music;
        account.hold_recording = HoldRecording::Music;
    };
    check(music, &[WITH_MUSIC, TABLE]);
}

fn check(change: fn(&mut Account), tables: &[&[Case]]) {
    let mut wrong = Vec::new();
    for (situation, steps, _) in TABLE {
        let mut desk = desk_in(*situation, change);
        for step in *steps {
            take(&mut desk, *step);
        }
        let ears = Ears::of(&desk);
        ears.check();
        let told = ears.in_words(call(&desk), &desk.legs[2..]);
        let find = |table: &&[Case]| {
            table.iter().find(|(s, then, _)| (s, then) == (situation, steps)).map(|(.., told)| *told)
        };
        if Some(told.as_str()) != tables.iter().find_map(find) {
            wrong.push(format!("    (S::{situation:?}, &{steps:?}, \"{told}\"),"));
        }
    }
    assert!(wrong.is_empty(), "otherwise:\n{}", wrong.join("\n"));
}

/// 8000's call.
fn call(desk: &Desk) -> CallId {
    let started = desk.log.iter().rev().find_map(|numbered| match &numbered.event {
        Event::CallStarted { call, .. } => Some(call.id),
        _ => None,
    });
    started.expect("a call was begun")
}

fn take(desk: &mut Desk, step: Then) {
    let (agent, other) = (a(), "8005".to_owned());
    match step {
        Hold => ask(desk, Command::Hold { agent }),
        Unhold => ask(desk, Command::Unhold { agent }),
        Mute => ask(desk, Command::Mute { agent }),
        Unmute => ask(desk, Command::Unmute { agent }),
        OtherHolds => ask(desk, Command::Hold { agent: other }),
        OtherMutes => ask(desk, Command::Mute { agent: other }),
        Consult => {
            ask(desk, Command::Consult { agent, to: Party::Agent("8006".to_owned()) });
            desk.answers(Agent);
        }
        TransferOut => ask(desk, Command::Transfer { agent, to: to_outside() }),
        OtherTransfersOut => ask(desk, Command::Transfer { agent: other, to: to_outside() }),
        ConsultTransfer => ask(desk, Command::ConsultTransfer { agent }),
        ThreeWayCall => ask(desk, Command::ThreeWayCall { agent }),
        Resume => ask(desk, Command::ResumeConsult { agent }),
        Early => desk.speaks_early(Outside),
        Listen => supervise(desk, Monitoring::Listen),
        Whisper => supervise(desk, Monitoring::Whisper),
        Barge => supervise(desk, Monitoring::Barge),
        Leave => {
            let leg = crate::situations::leg(desk, Agent, 1);
            let cause = crate::desk::bye();
            desk.signal(callcenter::signal::Signal::LegEnded { leg, cause, gateway: None });
        }
    }
    obey(desk);
}

fn supervise(desk: &mut Desk, how: Monitoring) {
    let was_there = desk.center.call_of("8002").is_some();
    ask(desk, monitor(how));
    if !was_there {
        desk.answers(Supervisor);
    }
}
