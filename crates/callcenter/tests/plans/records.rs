//! What records hold (contract §6).

use base::Wall;
use callcenter::action::Action;
use callcenter::command::{Command, LoginType};
use callcenter::config::{NumberGroup, RecordingMode};
use callcenter::event::Event;
use callcenter::event::Role::{Agent, Customer};
use callcenter::numbers::NumberKind;
use callcenter::record::CallStatus;
use callcenter::signal::Failure;

use crate::desk::{CUSTOMER, Desk, SHOWN, START, bye, dial_out, ended_by_us, far};

#[test]
fn the_sample_call_of_the_document() {
    let mut desk = Desk::with(|account| account.recording = RecordingMode::DualTrack);
    desk = desk.and_signed_in(&["8000"]);
    let call = desk.linked("8000");
    desk.wait_ms(5000);
    desk.ends(Agent, bye());
    desk.recording_stops(call, 5999);
    desk.wait_ms(600);
    desk.ends(Customer, ended_by_us());

    let record = desk.record();
    let at = |s: i64| Wall::from_millis(START.as_millis() + s * 1000);
    assert_eq!((record.id, record.account, record.started), (call, desk.account.id, at(0)));
    assert_eq!((record.agent_started, record.agent_answered), (Some(at(0)), Some(at(5))));
    assert_eq!((record.customer_started, record.customer_answered), (Some(at(5)), Some(at(10))));
    assert_eq!((record.bridged, record.hung_up, record.ended), (Some(at(10)), at(15), at(15)));
    assert_eq!(record.created, desk.now.wall);
    assert_eq!((record.agent_ring_s, record.customer_ring_s, record.recording_s), (5, 5, 5));
    assert_eq!((record.status, record.failure, record.sip_code), (CallStatus::Answer, Failure::None, 200));
    assert_eq!((record.login, record.agent_phone.as_str()), (Some(LoginType::Pstn), "13900008000"));
    assert_eq!(record.agent_id, desk.account.agents[0].id);
    assert_eq!(record.call_uuid.len(), 36);
    assert_eq!(record.call.extras, "{\"a\":1}");
    assert_eq!(record.gateway, "192.0.2.7:5060", "the customer's last word came in time to tell");
    assert_eq!(record.customer_place.kind, NumberKind::Mobile);
    assert!(record.dual_track);
}

#[test]
fn a_bill_per_leg_none_later_than_the_hang_up() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.wait_ms(5900);
    desk.ends(Customer, bye());
    desk.wait_ms(500);
    desk.ends(Agent, ended_by_us());
    desk.wait_ms(500);
    let record = desk.record();
    let [agent, customer] = record.bills.as_slice() else { panic!("two legs: {:?}", record.bills) };
    assert_eq!((agent.role, agent.shown.as_str(), agent.dialled.as_str()), (Agent, SHOWN, "13900008000"));
    assert_eq!((agent.agent_number.as_str(), agent.login), ("8000", Some(LoginType::Pstn)));
    assert_eq!(
        (customer.role, customer.shown.as_str(), customer.dialled.as_str()),
        (Customer, SHOWN, CUSTOMER)
    );
    assert_eq!((customer.agent_number.as_str(), customer.login), ("", None));
    assert_eq!((agent.ended, customer.ended), (record.hung_up, record.hung_up));
    assert_eq!(
        (agent.dialled_place.kind, customer.dialled_place.kind),
        (NumberKind::Mobile, NumberKind::Mobile)
    );
    assert!(!agent.incoming && !customer.incoming);
}

#[test]
fn an_unanswered_ring_lasts_until_its_leg_ended() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.dial("8000");
    desk.wait_ms(7000);
    desk.ends(Agent, far(480, Failure::RequestTimeout));
    let record = desk.record();
    assert_eq!((record.agent_ring_s, record.customer_ring_s, record.recording_s), (7, 0, 0));
    assert_eq!((record.agent_answered, record.customer_started, record.bridged), (None, None, None));
    assert_eq!((record.status, record.failure), (CallStatus::AgentNoAnswer, Failure::RequestTimeout));
    assert_eq!((record.sip_code, record.gateway.as_str()), (480, ""));
}

#[test]
fn durations_are_differences_of_displayed_seconds() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.wait_ms(900);
    desk.dial("8000");
    desk.wait_ms(200);
    desk.answers(Agent);
    assert_eq!(desk.now.wall.as_millis() - START.as_millis(), 1100);
    desk.hangup("8000").expect("in a call");
    desk.wait_ms(1000);
    assert_eq!(desk.record().agent_ring_s, 1, "0.2 s, but the displayed second changed");
}

#[test]
fn times_stay_in_order_when_the_wall_clock_steps_back() {
    let mut desk = Desk::signed_in(&["8000"]);
    desk.linked("8000");
    desk.now.wall = Wall::from_millis(START.as_millis() - 3_600_000);
    desk.ends(Agent, bye());
    desk.wait_ms(1000);
    let record = desk.record();
    let bridged = record.bridged.expect("both had answered");
    assert!(record.started <= bridged && bridged <= record.hung_up && record.hung_up <= record.created);
    assert!(record.bills.iter().all(|bill| bill.started <= bill.ended));
}

#[test]
fn recordings_are_named_by_the_contract_in_the_accounts_zone() {
    let mut desk = Desk::signed_in(&["8000"]);
    let call = desk.linked("8000");
    let name = format!(
        "2000103/normal/20210508/2000103-20210508143942-17319132391-02258834811-8000-0-{call}-normal.wav"
    );
    desk.hangup("8000").expect("in a call");
    desk.wait_ms(1000);
    let files = desk.record().recording.expect("it was recorded");
    assert_eq!((files.mixed, files.stereo, files.agent, files.customer), (Some(name), None, None, None));
    assert_eq!(files.token.len(), 32);
}

#[test]
fn dual_track_accounts_get_stereo_and_each_side() {
    let mut desk = Desk::with(|account| {
        account.recording = RecordingMode::DualTrack;
        account.utc_offset_s = -3600;
    });
    desk = desk.and_signed_in(&["8000"]);
    let call = desk.linked("8000");
    let started = desk.actions.iter().find_map(|action| match action {
        Action::StartRecording { files, .. } => Some(files.clone()),
        _ => None,
    });
    let files = started.expect("the recording was started");
    let name = |suffix: &str| {
        Some(format!(
            "2000103/doubleTrack/20210508/2000103-20210508053942-17319132391-02258834811-8000-0-{call}-{suffix}.wav"
        ))
    };
    assert_eq!(files.stereo, name("doubleTrack"));
    assert_eq!(files.agent, name("doubleTrack-out"));
    assert_eq!(files.customer, name("doubleTrack-in"));
    assert_eq!(files.mixed, None);
}

/// The document's sample: nothing in the hang-up, two groups in the record.
#[test]
fn a_record_names_every_group_of_the_shown_number_the_one_asked_from_first() {
    for (asked, told, recorded) in [
        (None, vec![], vec!["group 1", "group 3"]),
        (Some("group 3"), vec!["group 3"], vec!["group 3", "group 1"]),
    ] {
        let mut desk = Desk::with(|account| {
            account.agents[0].bound_number = Some("01081400192".to_owned());
            let (id, name) = ("605be962a342660011ecc5b0".to_owned(), "group 3".to_owned());
            account.groups.push(NumberGroup { id, name, numbers: vec!["01081400192".to_owned()] });
        });
        desk = desk.and_signed_in(&["8000"]);
        let mut dial = dial_out("8000");
        dial.group = asked.map(str::to_owned);
        desk.ask(Command::DialOut(dial)).expect("the agent may call");
        desk.hangup("8000").expect("in a call");
        desk.wait_ms(1000);
        let over = desk.log.iter().find_map(|numbered| match &numbered.event {
            Event::CallEnded { call, .. } => Some(call.clone()),
            _ => None,
        });
        assert_eq!(over.expect("the call is over").group_names, told, "asked for {asked:?}");
        let call = desk.record().call;
        assert_eq!(call.group_names, recorded, "asked for {asked:?}");
        let id = |name: &String| desk.account.groups.iter().find(|group| group.name == *name).map(|g| &g.id);
        assert!(call.group_names.iter().map(id).eq(call.group_ids.iter().map(Some)));
    }
}
