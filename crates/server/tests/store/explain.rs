//! A call as the log tells it, by the program itself beside a store in use.

use std::path::Path;
use std::process::Command;

use base::CallId;
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
