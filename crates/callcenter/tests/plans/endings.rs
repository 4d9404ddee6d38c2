//! Every way in which a dialOut ends, in every state it can be in: what its record says.

use crate::desk::{Desk, bye, far, lost};
use callcenter::event::{Event, HangUpSide, Role};
use callcenter::record::CallStatus;
use callcenter::signal::{Failure, Signal};

/// What a call has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    AgentCalled,
    AgentRinging,
    CustomerCalled,
    CustomerRinging,
    Linked,
}

/// What ends it.
#[derive(Clone, Copy, Debug)]
enum End {
    AgentHangsUp,
    CustomerHangsUp,
    ApiHangup,
    TimeOver,
    AgentLost,
    CustomerLost,
    Restart,
}

use End::{AgentHangsUp, AgentLost, ApiHangup, CustomerHangsUp, CustomerLost, Restart, TimeOver};
use HangUpSide::{Agent as ByAgent, Customer as ByCustomer, System as BySystem};
use State::{AgentCalled, AgentRinging, CustomerCalled, CustomerRinging, Linked};

/// state × end → (status, who ended it, failure, SIP code). `sip` is what is known when legs say no last word.
#[rustfmt::skip]
const TABLE: &[(State, End, CallStatus, HangUpSide, Failure, u16)] = &[
    (AgentCalled,     AgentHangsUp,    CallStatus::AgentNoAnswer,    ByAgent,    Failure::Decline,            486),
    (AgentCalled,     ApiHangup,       CallStatus::AgentNoAnswer,    ByAgent,    Failure::Cancel,             0),
    (AgentCalled,     TimeOver,        CallStatus::AgentNoAnswer,    BySystem,   Failure::RequestTimeout,     0),
    (AgentCalled,     AgentLost,       CallStatus::AgentNoAnswer,    BySystem,   Failure::ServiceUnavailable, 503),
    (AgentCalled,     Restart,         CallStatus::AgentNoAnswer,    BySystem,   Failure::Unknown,            0),
    (AgentRinging,    AgentHangsUp,    CallStatus::AgentNoAnswer,    ByAgent,    Failure::Decline,            486),
    (AgentRinging,    ApiHangup,       CallStatus::AgentNoAnswer,    ByAgent,    Failure::Cancel,             180),
    (AgentRinging,    TimeOver,        CallStatus::AgentNoAnswer,    BySystem,   Failure::RequestTimeout,     180),
    (AgentRinging,    AgentLost,       CallStatus::AgentNoAnswer,    BySystem,   Failure::ServiceUnavailable, 503),
    (AgentRinging,    Restart,         CallStatus::AgentNoAnswer,    BySystem,   Failure::Unknown,            180),
    (CustomerCalled,  AgentHangsUp,    CallStatus::CustomerNoAnswer, ByAgent,    Failure::Cancel,             0),
    (CustomerCalled,  CustomerHangsUp, CallStatus::CustomerNoAnswer, ByCustomer, Failure::Decline,            486),
    (CustomerCalled,  ApiHangup,       CallStatus::CustomerNoAnswer, ByAgent,    Failure::Cancel,             0),
    (CustomerCalled,  TimeOver,        CallStatus::CustomerNoAnswer, BySystem,   Failure::RequestTimeout,     0),
    (CustomerCalled,  AgentLost,       CallStatus::CustomerNoAnswer, BySystem,   Failure::Unknown,            0),
    (CustomerCalled,  CustomerLost,    CallStatus::CustomerNoAnswer, BySystem,   Failure::ServiceUnavailable, 503),
    (CustomerCalled,  Restart,         CallStatus::CustomerNoAnswer, BySystem,   Failure::Unknown,            0),
    (CustomerRinging, AgentHangsUp,    CallStatus::CustomerNoAnswer, ByAgent,    Failure::Cancel,             180),
    (CustomerRinging, CustomerHangsUp, CallStatus::CustomerNoAnswer, ByCustomer, Failure::Decline,            486),
    (CustomerRinging, ApiHangup,       CallStatus::CustomerNoAnswer, ByAgent,    Failure::Cancel,             180),
    (CustomerRinging, TimeOver,        CallStatus::CustomerNoAnswer, BySystem,   Failure::RequestTimeout,     180),
    (CustomerRinging, AgentLost,       CallStatus::CustomerNoAnswer, BySystem,   Failure::Unknown,            180),
    (CustomerRinging, CustomerLost,    CallStatus::CustomerNoAnswer, BySystem,   Failure::ServiceUnavailable, 503),
    (CustomerRinging, Restart,         CallStatus::CustomerNoAnswer, BySystem,   Failure::Unknown,            180),
    (Linked,          AgentHangsUp,    CallStatus::Answer,           ByAgent,    Failure::None,               200),
    (Linked,          CustomerHangsUp, CallStatus::Answer,           ByCustomer, Failure::None,               200),
    (Linked,          ApiHangup,       CallStatus::Answer,           ByAgent,    Failure::None,               200),
    (Linked,          TimeOver,        CallStatus::Answer,           BySystem,   Failure::None,               200),
    (Linked,          AgentLost,       CallStatus::Answer,           BySystem,   Failure::Unknown,            200),
    (Linked,          CustomerLost,    CallStatus::Answer,           BySystem,   Failure::Unknown,            200),
    (Linked,          Restart,         CallStatus::Answer,           BySystem,   Failure::Unknown,            200),
];

#[test]
fn every_end_in_every_state_makes_the_right_record() {
    for (state, end, status, side, failure, sip_code) in TABLE {
        let mut desk = in_state(*state);
        apply(&mut desk, *state, *end);
        come_to_rest(&mut desk);
        let record = desk.record();
        let told = (record.status, record.side, record.failure, record.sip_code);
        assert_eq!(told, (*status, *side, *failure, *sip_code), "{state:?}, {end:?}");
    }
}

#[test]
fn after_every_end_the_agent_is_free_and_both_legs_ended_once() {
    for (state, end, ..) in TABLE {
        let mut desk = in_state(*state);
        apply(&mut desk, *state, *end);
        let wraps_up = *state == Linked;
        let shows = if wraps_up { 5 } else { 0 };
        assert_eq!(desk.center.agent_state("8000"), Some(shows), "{state:?}, {end:?}");
        come_to_rest(&mut desk);
        assert_eq!(desk.center.agent_state("8000"), Some(0), "{state:?}, {end:?}");
        for (leg, role) in &desk.legs {
            let ends = desk.log.iter().filter(|numbered| ends_leg(&numbered.event, *leg)).count();
            assert_eq!(ends, 1, "the end of the leg of {role:?} after {state:?}, {end:?}");
        }
        let legs = if *state >= CustomerCalled { 2 } else { 1 };
        assert_eq!(desk.record().bills.len(), legs, "{state:?}, {end:?}");
    }
}

#[test]
fn every_end_is_told_in_the_same_order() {
    for (state, end, ..) in TABLE {
        let mut desk = in_state(*state);
        desk.look();
        apply(&mut desk, *state, *end);
        come_to_rest(&mut desk);
        let told = desk.look();
        let at = |start: &str| told.iter().position(|line| line.starts_with(start)).expect("is told");
        let over = at("call over");
        assert!(told[over + 1].starts_with("8000 shows"), "{state:?}, {end:?}: {told:?}");
        assert!(told[over + 1].contains("Hangup"), "{state:?}, {end:?}: {told:?}");
        assert!(over < at("record "), "{state:?}, {end:?}: {told:?}");
        let after = told[at("record ") + 1..].iter().filter(|line| !line.starts_with("->"));
        assert!(
            after.clone().all(|line| line.starts_with("8000 shows")),
            "only what the agent shows follows the record: {state:?}, {end:?}: {told:?}"
        );
    }
}

#[test]
fn signals_that_cross_the_end_change_nothing_but_last_words() {
    for (state, end, status, side, failure, _) in TABLE {
        let mut desk = in_state(*state);
        let call = desk.center.call_of("8000").expect("in a call");
        apply(&mut desk, *state, *end);
        desk.look();
        for (leg, _) in desk.legs.clone() {
            desk.signal(Signal::LegRinging { leg, early_media: true });
            desk.signal(Signal::LegAnswered { leg });
        }
        desk.expect_nothing();
        for (leg, _) in desk.legs.clone() {
            for _ in 0..2 {
                desk.signal(Signal::LegEnded { leg, cause: bye(), gateway: None });
            }
        }
        desk.recording_stops(call, 5000);
        come_to_rest(&mut desk);
        let record = desk.record();
        let told = (record.status, record.side, record.failure);
        assert_eq!(told, (*status, *side, *failure), "{state:?}, {end:?}");
    }
}

#[test]
fn a_crash_at_any_event_gives_each_call_one_record_and_frees_its_agent() {
    for (state, end, ..) in TABLE {
        let mut whole = in_state(*state);
        apply(&mut whole, *state, *end);
        come_to_rest(&mut whole);
        let started =
            |numbered: &callcenter::event::Numbered| matches!(numbered.event, Event::CallStarted { .. });
        let first = whole.log.iter().position(started).expect("a call was started") + 1;
        for committed in first..=whole.log.len() {
            let mut desk = in_state(*state);
            apply(&mut desk, *state, *end);
            come_to_rest(&mut desk);
            desk.crash_after(committed);
            come_to_rest(&mut desk);
            let record = desk.record();
            assert_eq!(desk.center.agent_state("8000"), Some(0), "{state:?}, {end:?}, {committed}");
            assert!(record.started <= record.hung_up, "{state:?}, {end:?}, {committed}");
        }
    }
}

/// A call of 8000 that has come this far, a second after each step.
fn in_state(state: State) -> Desk {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    if state >= AgentRinging {
        desk.wait_ms(1000);
        desk.rings(Role::Agent);
    }
    if state >= CustomerCalled {
        desk.wait_ms(1000);
        desk.answers(Role::Agent);
    }
    if state >= CustomerRinging {
        desk.wait_ms(1000);
        desk.rings(Role::Customer);
    }
    if state >= Linked {
        desk.wait_ms(1000);
        desk.answers(Role::Customer);
    }
    desk.wait_ms(1000);
    desk
}

fn apply(desk: &mut Desk, state: State, end: End) {
    let agent_refuses = state < CustomerCalled;
    match end {
        AgentHangsUp if agent_refuses => desk.ends(Role::Agent, far(486, Failure::Decline)),
        AgentHangsUp => desk.ends(Role::Agent, bye()),
        CustomerHangsUp if state < Linked => desk.ends(Role::Customer, far(486, Failure::Decline)),
        CustomerHangsUp => desk.ends(Role::Customer, bye()),
        ApiHangup => {
            desk.hangup("8000").expect("in a call");
        }
        TimeOver => {
            // Just to the moment of the next timer: what follows is the test's.
            let (at, _) = desk.center.next_timeout().expect("every state has a deadline");
            let ms = at.since(desk.now.mono).as_millis();
            desk.wait_ms(u64::try_from(ms).expect("a short time"));
        }
        AgentLost if agent_refuses => desk.ends(Role::Agent, lost(503, Failure::ServiceUnavailable)),
        AgentLost => desk.ends(Role::Agent, lost(200, Failure::Unknown)),
        CustomerLost if state < Linked => {
            desk.ends(Role::Customer, lost(503, Failure::ServiceUnavailable));
        }
        CustomerLost => desk.ends(Role::Customer, lost(200, Failure::Unknown)),
        Restart => desk.restart(),
    }
}

fn come_to_rest(desk: &mut Desk) {
    desk.wait_ms(10_000);
    assert_eq!(desk.center.next_timeout(), None, "nothing is pending at rest");
    assert_eq!(desk.center.calls().count(), 0, "no call lives at rest");
}

fn ends_leg(event: &Event, of: base::LegId) -> bool {
    matches!(event, Event::LegEnded { leg, .. } if *leg == of)
}
