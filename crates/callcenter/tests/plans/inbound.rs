//! The plan of an inbound route, moment by moment: the exact events and actions.

use callcenter::config::{AccountStatus, RecordingMode};
use callcenter::event::HangUpSide;
use callcenter::event::Role::{Customer, Destination};
use callcenter::record::CallStatus;
use callcenter::signal::{Failure, Signal};

use crate::desk::{CUSTOMER, DESTINATION, Desk, SHOWN, START, bye, cancelled, ended_by_us, far, lost};
use base::LegId;

/// Somebody calls, and the destination is called.
fn called(mut desk: Desk) -> Desk {
    desk.is_called(SHOWN, Some(CUSTOMER));
    desk.look();
    desk
}

fn linked(desk: Desk) -> Desk {
    let mut desk = called(desk);
    desk.rings(Destination);
    desk.wait_ms(5000);
    desk.answers(Destination);
    desk.look();
    desk
}

#[test]
fn a_call_from_arrival_to_record() {
    let mut desk = Desk::new();
    desk.is_called(SHOWN, Some(CUSTOMER));
    desk.expect(
        "call of 17319132391 to 02258834811
         Customer called at 02258834811 as 17319132391
         Destination called at sip:desk@192.0.2.5:5060 as 17319132391
         -> take Customer
         -> call sip:desk@192.0.2.5:5060 as 17319132391",
    );
    desk.rings(Destination);
    desk.expect(
        "Destination rang, told
         -> let ring Customer",
    );
    desk.speaks_early(Destination);
    desk.expect(
        "Destination rang
         -> Customer hears Destination
         -> let hear Customer",
    );
    desk.answers(Destination);
    desk.expect(
        "Destination answered
         Customer answered, told
         recording
         -> answer Customer
         -> Destination hears Customer
         -> record",
    );
    desk.wait_ms(60_000);
    desk.ends(Customer, bye());
    desk.expect(
        "Customer ended, 200 by Far
         call over by Customer
         -> stop recording
         -> end Destination",
    );
    let call = desk.center.calls().next().expect("its record is to come");
    desk.recording_stops(call, 60_020);
    desk.ends(Destination, ended_by_us());
    desk.expect(
        "recorded 60020 ms
         Destination ended, 200 by Us
         record Answer None by Customer, sip 200",
    );
    assert_eq!(desk.center.next_timeout(), None);
}

#[test]
fn what_is_answered_without_ringing_is_told_as_ringing_first() {
    let mut desk = called(Desk::new());
    desk.answers(Destination);
    desk.expect(
        "Destination rang, told
         Destination answered
         Customer answered, told
         recording
         -> answer Customer
         -> Customer hears Destination
         -> Destination hears Customer
         -> record",
    );
}

#[test]
fn the_record_has_no_agent_and_counts_what_the_contract_says() {
    let mut desk = linked(Desk::new());
    desk.wait_ms(7000);
    let call = desk.center.calls().next().expect("it lives");
    desk.ends(Destination, bye());
    desk.recording_stops(call, 7000);
    desk.ends(Customer, ended_by_us());
    let record = desk.record();
    assert_eq!((record.status, record.side), (CallStatus::Answer, HangUpSide::Agent));
    assert_eq!((record.call.customer.as_str(), record.call.trunk.as_str()), (CUSTOMER, SHOWN));
    assert_eq!((record.call.display.as_str(), record.call.extras.as_str()), ("", ""));
    assert_eq!((record.agent.number.as_str(), record.agent_id.as_str(), record.login), ("", "", None));
    assert_eq!((record.agent_started, record.agent_answered, record.agent_ring_s), (None, None, 0));
    assert_eq!((record.customer_ring_s, record.recording_s), (0, 7));
    assert_eq!(record.customer_started, Some(START));
    assert_eq!(record.bridged.map(|at| at.as_millis() - START.as_millis()), Some(5000));
    assert_eq!(record.gateway, "192.0.2.7:5060", "where the caller came from");
    let [customer, destination] = &record.bills[..] else { panic!("two legs") };
    assert!(customer.incoming && destination.incoming);
    assert_eq!((customer.shown.as_str(), customer.dialled.as_str()), (CUSTOMER, SHOWN));
    assert_eq!((destination.shown.as_str(), destination.dialled.as_str()), (CUSTOMER, DESTINATION));
    let files = record.recording.expect("it is recorded");
    let name = files.mixed.expect("an account with one file");
    assert!(name.contains(&format!("-{CUSTOMER}-{SHOWN}--0-")), "{name}");
}

#[test]
fn a_caller_who_gives_up_cancels_the_destination() {
    let mut desk = called(Desk::new());
    desk.rings(Destination);
    desk.look();
    desk.ends(Customer, far(487, Failure::Cancel));
    desk.ends(Destination, cancelled());
    desk.expect(
        "Customer ended, 487 by Far
         call over by Customer
         -> end Destination
         Destination ended, 487 by Us
         record AgentNoAnswer Cancel by Customer, sip 487",
    );
}

#[test]
fn a_caller_is_refused_with_the_destinations_cause() {
    for (cause, line, side) in [
        (far(486, Failure::Decline), "-> refuse 486 Decline", HangUpSide::Agent),
        (far(404, Failure::Unknown), "-> refuse 404 Unknown", HangUpSide::Agent),
        (lost(503, Failure::ServiceUnavailable), "-> refuse 503 ServiceUnavailable", HangUpSide::System),
        (lost(0, Failure::ServiceUnavailable), "-> refuse 0 ServiceUnavailable", HangUpSide::System),
    ] {
        let mut desk = called(Desk::new());
        desk.ends(Destination, cause);
        assert_eq!(desk.look().last().map(String::as_str), Some(line));
        desk.ends(Customer, cause);
        let record = desk.record();
        assert_eq!(
            (record.status, record.failure, record.side),
            (CallStatus::AgentNoAnswer, cause.failure, side)
        );
    }
}

#[test]
fn a_destination_that_rings_for_too_long_is_given_up() {
    let mut desk = called(Desk::new());
    desk.rings(Destination);
    desk.wait_ms(29_999);
    desk.look();
    desk.wait_ms(1);
    desk.expect(
        "call over by System
         -> refuse 0 RequestTimeout
         -> end Destination",
    );
    desk.ends(Customer, far(480, Failure::RequestTimeout));
    desk.ends(Destination, cancelled());
    assert_eq!(desk.record().failure, Failure::RequestTimeout);
}

#[test]
fn nobody_talks_for_longer_than_a_call_may_last() {
    let mut desk = linked(Desk::new());
    desk.wait_ms(4 * 3_600_000 - 5000);
    desk.expect(
        "call over by System
         -> stop recording
         -> end Customer
         -> end Destination",
    );
}

#[test]
fn what_is_not_taken_leaves_no_trace() {
    let refused = |desk: &mut Desk, called: &str, line: &str| {
        desk.is_called(called, Some(CUSTOMER));
        desk.expect(line);
    };
    refused(&mut Desk::new(), "02258834812", "-> refuse 0 Unknown");
    refused(&mut Desk::with(|account| account.calls_max = 0), SHOWN, "-> refuse 0 Decline");
    let disabled = &mut Desk::with(|account| account.status = AccountStatus::Disabled);
    refused(disabled, SHOWN, "-> refuse 0 Forbidden");
    let mut full = called(Desk::with(|account| account.calls_max = 1));
    refused(&mut full, SHOWN, "-> refuse 0 Decline");
    // A call that is over counts no more, also while its record waits.
    full.ends(Customer, far(487, Failure::Cancel));
    full.look();
    full.is_called(SHOWN, None);
    assert_eq!(full.look().len(), 5);
}

#[test]
fn calls_that_come_count_among_those_that_an_account_may_have() {
    let mut desk = called(Desk::with(|account| account.calls_max = 1).and_signed_in(&["8000"]));
    assert!(desk.ask(callcenter::command::Command::DialOut(crate::desk::dial_out("8000"))).is_err());
    desk.ends(Customer, far(487, Failure::Cancel));
    desk.look();
    desk.dial("8000");
}

#[test]
fn the_route_says_what_is_recorded() {
    for (mode, is_recorded, is_dual) in [
        (RecordingMode::Off, false, false),
        (RecordingMode::Normal, true, false),
        (RecordingMode::DualTrack, true, true),
    ] {
        let mut desk = linked(Desk::with(|account| {
            account.recording = RecordingMode::Off;
            account.inbound[0].recording = mode;
        }));
        desk.ends(Customer, bye());
        desk.wait_ms(1000);
        let record = desk.record();
        assert_eq!((record.recording.is_some(), record.dual_track), (is_recorded, is_dual), "{mode:?}");
    }
}

#[test]
fn a_restart_at_any_moment_leaves_one_record() {
    let whole = {
        let mut desk = linked(Desk::new());
        desk.ends(Customer, bye());
        desk.ends(Destination, ended_by_us());
        desk.wait_ms(1000);
        desk.log.len()
    };
    for events in 1..=whole {
        let mut desk = linked(Desk::new());
        desk.ends(Customer, bye());
        desk.ends(Destination, ended_by_us());
        desk.wait_ms(1000);
        desk.crash_after(events);
        desk.wait_ms(5000);
        assert_eq!(desk.records().len(), 1, "after {events} events");
        assert_eq!(desk.center.calls().count(), 0);
        assert_eq!(desk.center.next_timeout(), None);
    }
}

#[test]
fn signals_of_legs_that_are_not_there_change_nothing() {
    let mut desk = called(Desk::new());
    desk.signal(Signal::LegRinging { leg: LegId(1), early_media: true });
    desk.signal(Signal::LegAnswered { leg: LegId(1) });
    desk.answers(Customer);
    desk.rings(Customer);
    desk.expect_nothing();
    desk.answers(Destination);
    desk.look();
    desk.answers(Destination);
    desk.rings(Destination);
    desk.expect_nothing();
}
