//! A call as the log tells it, by the program itself beside a store in use.

use std::path::Path;
use std::process::Command;

use base::{CallId, LegId};
use callcenter::action::Target;
use callcenter::command::{LoginType, Monitoring};
use callcenter::event::{Event, HeldBy, Joined, LegAgent, Place, RecordKind, Role};
use callcenter::signal::{Cause, EndedBy, Failure};
use server::store::explain;

use crate::fixture::*;

/// What `cordboard explain` says, and what it ends with.
fn says(dir: &Path, call: &str) -> (String, Option<i32>) {
    let program =
        Command::new(env!("CARGO_BIN_EXE_cordboard")).args(["explain", call, "--data"]).arg(dir).output();
    let done = program.expect("the program runs");
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
    (String::from_utf8(done.stdout).expect("text"), done.status.code())
}

#[test]
fn rows_are_read_back_as_they_were_written() {
    let dir = dir();
    let mut opened = open(dir.path());
    let mut entries = opened.events(vec![started(100), leg_started(100, 1000)]);
    for body in [token(100, 1000, "t"), measured(100, 1000), token_done(100, 1000), measured(101, 1010)] {
        entries.push(opened.entry(body, None));
    }
    opened.append(entries.clone());
    let rows = explain(dir.path(), CallId(100)).expect("the store is there");
    assert!(rows.iter().all(|(at, _)| *at == BEGIN), "rows without a time have that of the event before");
    let read: Vec<_> = rows.into_iter().map(|(_, entry)| entry).collect();
    assert_eq!(read, entries[..5]);
    opened.close();
    let startup = open(dir.path()).startup;
    assert_eq!(startup.events.len(), 2, "a start does not read what was measured");
    assert_eq!((startup.tokens, startup.next.0), (Vec::new(), 7));
}

#[test]
fn a_call_is_told_from_its_start_to_how_its_legs_were_heard() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![signed_in("8000")]);
    opened.log(whole_call(100, 1000, BEGIN));
    let after = vec![opened.entry(token_done(100, 1000), None), opened.entry(measured(100, 1000), None)];
    opened.append(after);
    assert_eq!(
        says(dir.path(), "100").0,
        "\
2026-09-21T14:13:20.000Z  the call started: agent 8000 (Agent 8000) calls 17319132391, showing 02258834811
2026-09-21T14:13:20.000Z  the agent's leg started: the phones of 8000, shows 02258834811
2026-09-21T14:13:20.000Z  agent 8000 (Agent 8000) shows state 2 (calling)
2026-09-21T14:13:20.000Z  the recording began
2026-09-21T14:13:20.000Z  the recording is complete: 12.0 s
2026-09-21T14:13:20.000Z  the agent's leg ended by its far end, SIP 200
2026-09-21T14:13:20.000Z  the call ended, by the agent's side
2026-09-21T14:13:20.000Z  agent 8000 (Agent 8000) shows state 5 (hung up)
2026-09-21T14:13:20.000Z  the record: Answer, SIP 200, talked for 12.0 s
2026-09-21T14:13:20.000Z  the agent's leg has nothing left to be told of its end
2026-09-21T14:13:20.000Z  the agent's leg was heard: received 600 packets, sent 580, lost 6 (1.0 %), late 2, doubled 1, refused 3, jitter 1.3 ms (at most 20.0), round trip 41.3 ms, the far end missed 4, MOS 4.05
"
    );
    assert_eq!(says(dir.path(), "101"), ("the log has nothing of call 101\n".to_owned(), Some(1)));
}

/// Agent 8001 consulted and then joined by 8000; 8009 listens.
fn conference() -> Vec<Event> {
    let leg = |leg, role, target, number: Option<&str>, place| {
        let later =
            |number: &str| LegAgent { agent: agent(number), id: "1".repeat(24), login: LoginType::Sip };
        let (leg, id, shown, agent) = (LegId(leg), CallId(100), String::new(), number.map(later));
        Event::LegStarted { leg, id, role, target, shown, call: None, agent, place, ring_ms_max: None }
    };
    let phone = |user: &str| Target::Phone(user.to_owned());
    let cause = Cause { sip_code: 486, by: EndedBy::Far, failure: Failure::Decline };
    let (id, of) = (CallId(100), LegId(1));
    vec![
        started(100),
        leg(1, Role::Agent, phone("8000"), None, Place::default()),
        leg(2, Role::Customer, Target::Number("17319132391".to_owned()), None, Place::default()),
        Event::LegHeld { leg: of, id, held: true, by: HeldBy::Program },
        Event::LegMuted { leg: of, id, muted: true },
        Event::LegHeld { leg: of, id, held: false, by: HeldBy::Program },
        Event::LegMuted { leg: of, id, muted: false },
        leg(3, Role::Outside, Target::Number("13800138000".to_owned()), None, Place::Arriving { by: of }),
        Event::PartyFailed {
            leg: LegId(3),
            call: facts(100),
            kind: RecordKind::Transfer,
            target: "13800138000".to_owned(),
            cause,
        },
        leg(4, Role::Agent, phone("8001"), Some("8001"), Place::Aside { with: of }),
        Event::LegPlaced { leg: LegId(4), id, place: Place::Floor(Joined::Conference), call: None },
        leg(
            5,
            Role::Supervisor,
            phone("8009"),
            Some("8009"),
            Place::Watching { of, how: Monitoring::Listen },
        ),
        Event::LegPlaced {
            leg: LegId(5),
            id,
            place: Place::Watching { of, how: Monitoring::Whisper },
            call: None,
        },
        Event::PartStarted { leg: LegId(4), id, files: files(100) },
        Event::LegLeft { leg: LegId(4), id, call: None },
        party_recorded(100, 4, RecordKind::Conference, BEGIN),
        recorded(record(100, BEGIN)),
        Event::RecordingReady { id, files: files(100), part: Some(LegId(4)) },
    ]
}

#[test]
fn several_agents_are_told_by_name() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(conference());
    let told = says(dir.path(), "100").0;
    let lines: Vec<&str> =
        told.lines().filter_map(|line| line.split_once("  ")).map(|(_, what)| what).collect();
    assert_eq!(
        lines,
        [
            "the call started: agent 8000 (Agent 8000) calls 17319132391, showing 02258834811",
            "the leg of agent 8000 (Agent 8000) started: the phones of 8000",
            "the customer's leg started: 17319132391",
            "the leg of agent 8000 (Agent 8000) holds",
            "the leg of agent 8000 (Agent 8000) is muted",
            "the leg of agent 8000 (Agent 8000) does not hold any more",
            "the leg of agent 8000 (Agent 8000) is not muted any more",
            "the leg of 13800138000 started: 13800138000; it is to get the customer from agent 8000 (Agent 8000)",
            "13800138000 was not reached for the transfer: ended by its far end, SIP 486, declined",
            "the leg of agent 8001 (Agent 8001) started: the phones of 8001; it is consulted by agent 8000 (Agent 8000)",
            "the leg of agent 8001 (Agent 8001) has joined the conversation",
            "the leg of supervisor 8009 started: the phones of 8009; it listens to agent 8000 (Agent 8000)",
            "the leg of supervisor 8009 listens and whispers to agent 8000 (Agent 8000)",
            "the leg of agent 8001 (Agent 8001) has a part of the recording from here",
            "the leg of agent 8001 (Agent 8001) has left the call, which goes on",
            "the record of agent 8001 (Agent 8001), who joined: Answer, SIP 200, talked for 12.0 s",
            "the record: Answer, SIP 200, talked for 12.0 s",
            "the files of the part of agent 8001 (Agent 8001) are ready",
        ]
    );
}
