//! The situations a call can be in, each reached by the shortest way, a second before every step. Tables of tests go through
//! them all.
//!
//! 8000 is the agent whose call it is, 8005 the agent who is brought in, 8002 the supervisor. 8004 is in another call.

use base::LegId;
use callcenter::action::Action;
use callcenter::command::{Command, Monitoring, Party};
use callcenter::config::Account;
use callcenter::event::Event;
use callcenter::event::Role::{self, Agent, Customer, Outside, Supervisor};
use callcenter::signal::Signal;

use crate::desk::{Desk, cancelled, ended_by_us};

/// A number in the telephone network.
pub(crate) const OUTSIDE: &str = "13800138000";

/// What a call, and the agents in it, have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Situation {
    /// 8000 has not signed in.
    Offline,
    /// 8005's phone is not registered.
    Unconnected,
    Idle,
    Busy,
    AgentCalled,
    AgentRings,
    /// 8000 has answered, the customer has not.
    CustomerRings,
    Talks,
    Holds,
    Muted,
    HoldsMuted,
    /// 8000 has handed the customer on to 8005, or to a number outside, where it rings.
    Transfers,
    TransfersOut,
    /// The same, and 8000 has hung up.
    TransfersAlone,
    /// 8000 calls 8005, or a number outside, to consult.
    CallsToConsult,
    CallsOutToConsult,
    Consults,
    ConsultsOut,
    ThreeTalk,
    ThreeTalkOut,
    /// 8005, or a number outside, has the customer; 8000 has left.
    Transferred,
    TransferredOut,
    /// 8002's phone rings for it to listen to 8000.
    SupervisorRings,
    Listens,
    Whispers,
    Barged,
    TookOver,
    WrapsUp,
}

use Situation::{
    AgentCalled, AgentRings, Barged, Busy, CallsOutToConsult, CallsToConsult, Consults, ConsultsOut,
    CustomerRings, Holds, HoldsMuted, Idle, Listens, Muted, Offline, SupervisorRings, Talks, ThreeTalk,
    ThreeTalkOut, TookOver, Transferred, TransferredOut, Transfers, TransfersAlone, TransfersOut,
    Unconnected, Whispers, WrapsUp,
};

/// Those in which 8000's call lives.
pub(crate) const IN_CALL: &[Situation] = &[
    AgentCalled,
    AgentRings,
    CustomerRings,
    Talks,
    Holds,
    Muted,
    HoldsMuted,
    Transfers,
    TransfersOut,
    TransfersAlone,
    CallsToConsult,
    CallsOutToConsult,
    Consults,
    ConsultsOut,
    ThreeTalk,
    ThreeTalkOut,
    Transferred,
    TransferredOut,
    SupervisorRings,
    Listens,
    Whispers,
    Barged,
    TookOver,
];

/// A desk in this situation.
pub(crate) fn desk_in(situation: Situation, change: impl FnOnce(&mut Account)) -> Desk {
    let desk = Desk::with(|account| {
        for agent in &mut account.agents {
            agent.supervisor = true;
        }
        change(account);
    });
    let mut desk = desk.and_signed_in(&["8002", "8003", "8004", "8005", "8006"]);
    desk.linked("8004");
    if situation != Offline {
        desk = desk.and_signed_in(&["8000"]);
    }
    match situation {
        Offline | Idle => {}
        Unconnected => desk.signal(Signal::PhoneUnregistered { user: "8005".to_owned() }),
        Busy => {
            desk.busy("8000").expect("may be busy");
        }
        AgentCalled | AgentRings | CustomerRings => begin(&mut desk, situation),
        WrapsUp => {
            talk(&mut desk);
            desk.ends(Customer, crate::desk::bye());
        }
        Talks | Holds | Muted | HoldsMuted | Transfers | TransfersOut | TransfersAlone | CallsToConsult
        | CallsOutToConsult | Consults | ConsultsOut | ThreeTalk | ThreeTalkOut | Transferred
        | TransferredOut | SupervisorRings | Listens | Whispers | Barged | TookOver => {
            talk(&mut desk);
            go_on(&mut desk, situation);
        }
    }
    desk.wait_ms(1000);
    desk.look();
    desk
}

/// The far ends of legs that we ended say their last words.
pub(crate) fn obey(desk: &mut Desk) {
    let ending: Vec<LegId> = desk.actions.iter().filter_map(ended_leg).collect();
    for leg in ending {
        let has = |is: fn(&Event) -> Option<LegId>| desk.log.iter().any(|n| is(&n.event) == Some(leg));
        let cause = if has(answered) { ended_by_us() } else { cancelled() };
        if !has(over) {
            desk.signal(Signal::LegEnded { leg, cause, gateway: None });
        }
    }
}

/// The leg that was the `n`th in this role of 8000's call, from 1.
pub(crate) fn leg(desk: &Desk, role: Role, n: usize) -> LegId {
    // The first two legs are of the other call.
    let own = desk.legs.iter().skip(2);
    own.filter(|(_, of)| *of == role).nth(n - 1).expect("such a leg was started").0
}

/// An `ask` that must be accepted.
pub(crate) fn ask(desk: &mut Desk, command: Command) {
    let what = format!("{command:?}");
    desk.wait_ms(1000);
    desk.ask(command).unwrap_or_else(|refusal| panic!("{what}: {refusal:?}"));
}

pub(crate) fn a() -> String {
    "8000".to_owned()
}

pub(crate) fn to_agent() -> Party {
    Party::Agent("8005".to_owned())
}

pub(crate) fn to_outside() -> Party {
    Party::Outline(OUTSIDE.to_owned())
}

pub(crate) fn monitor(how: Monitoring) -> Command {
    Command::Monitor { supervisor: "8002".to_owned(), agent: a(), how }
}

fn begin(desk: &mut Desk, situation: Situation) {
    desk.dial("8000");
    if situation >= AgentRings {
        desk.wait_ms(1000);
        desk.rings(Agent);
    }
    if situation >= CustomerRings {
        desk.wait_ms(1000);
        desk.answers(Agent);
        desk.wait_ms(1000);
        desk.rings(Customer);
    }
}

fn talk(desk: &mut Desk) {
    begin(desk, CustomerRings);
    answer(desk, Customer);
}

fn go_on(desk: &mut Desk, situation: Situation) {
    match situation {
        Holds => ask(desk, Command::Hold { agent: a() }),
        Muted => ask(desk, Command::Mute { agent: a() }),
        HoldsMuted => {
            ask(desk, Command::Hold { agent: a() });
            ask(desk, Command::Mute { agent: a() });
        }
        Transfers | Transferred | TransfersAlone => {
            ask(desk, Command::Transfer { agent: a(), to: to_agent() });
        }
        TransfersOut | TransferredOut => ask(desk, Command::Transfer { agent: a(), to: to_outside() }),
        CallsToConsult | Consults | ThreeTalk => ask(desk, Command::Consult { agent: a(), to: to_agent() }),
        CallsOutToConsult | ConsultsOut | ThreeTalkOut => {
            ask(desk, Command::Consult { agent: a(), to: to_outside() });
        }
        SupervisorRings | Listens => ask(desk, monitor(Monitoring::Listen)),
        Whispers => ask(desk, monitor(Monitoring::Whisper)),
        Barged => ask(desk, monitor(Monitoring::Barge)),
        TookOver => ask(desk, monitor(Monitoring::TakeOver)),
        Offline | Unconnected | Idle | Busy | AgentCalled | AgentRings | CustomerRings | Talks | WrapsUp => {}
    }
    match situation {
        Transferred | Consults | ThreeTalk => answer(desk, Agent),
        TransferredOut | ConsultsOut | ThreeTalkOut => answer(desk, Outside),
        Listens | Whispers | Barged | TookOver => answer(desk, Supervisor),
        TransfersAlone => {
            desk.wait_ms(1000);
            let leg = leg(desk, Agent, 1);
            desk.signal(Signal::LegEnded { leg, cause: crate::desk::bye(), gateway: None });
        }
        Offline | Unconnected | Idle | Busy | AgentCalled | AgentRings | CustomerRings | Talks | Holds
        | Muted | HoldsMuted | Transfers | TransfersOut | CallsToConsult | CallsOutToConsult
        | SupervisorRings | WrapsUp => {}
    }
    if matches!(situation, ThreeTalk | ThreeTalkOut) {
        ask(desk, Command::ThreeWayCall { agent: a() });
    }
    obey(desk);
}

fn answer(desk: &mut Desk, role: Role) {
    desk.wait_ms(1000);
    desk.answers(role);
}

fn ended_leg(action: &Action) -> Option<LegId> {
    match action {
        Action::EndLeg { leg } | Action::RefuseLeg { leg, .. } => Some(*leg),
        _ => None,
    }
}

fn answered(event: &Event) -> Option<LegId> {
    match event {
        Event::LegAnswered { leg, .. } => Some(*leg),
        _ => None,
    }
}

fn over(event: &Event) -> Option<LegId> {
    match event {
        Event::LegEnded { leg, .. } => Some(*leg),
        _ => None,
    }
}
