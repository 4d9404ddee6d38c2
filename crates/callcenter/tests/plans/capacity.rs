//! Calls that there is no room for are refused before anything of them begins.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Mono;
use callcenter::command::{Command, DialOut, Limit, Party, Refusal};
use callcenter::config::Account;
use callcenter::event::Role;
use callcenter::{Left, Room};
use proptest::prelude::*;

use crate::desk::{Desk, SHOWN, bye, dial_out};

const OTHER: &str = "01081400192";
const THIRD: &str = "01081400193";

fn desk(change: fn(&mut Account)) -> Desk {
    Desk::with(change).and_signed_in(&["8000", "8001"])
}

fn dial(desk: &mut Desk, agent: &str, change: impl FnOnce(&mut DialOut)) -> Result<(), Refusal> {
    let mut dial = dial_out(agent);
    change(&mut dial);
    let before = desk.center.last_seq();
    let answer = desk.ask(Command::DialOut(dial)).map(|_| ());
    assert_eq!(answer.is_err(), desk.center.last_seq() == before, "a refused call leaves no trace");
    answer
}

#[test]
fn no_more_calls_are_begun_within_a_second_than_may_be() {
    let mut desk = desk(|account| account.calls_per_s_max = Some(2));
    for _ in 0..2 {
        assert_eq!(dial(&mut desk, "8000", |_| {}), Ok(()));
        desk.hangup("8000").expect("in a call");
        desk.wait_ms(400);
    }
    let refused = Err(Refusal::Full(Limit::CallsPerSecond(2)));
    assert_eq!(dial(&mut desk, "8000", |_| {}), refused);
    desk.wait_ms(199);
    assert_eq!(dial(&mut desk, "8000", |_| {}), refused);
    desk.wait_ms(1);
    assert_eq!(dial(&mut desk, "8000", |_| {}), Ok(()), "the first one is a second old");
}

#[test]
fn a_number_is_shown_by_no_more_calls_than_may_be_and_a_group_takes_its_others() {
    let mut desk = desk(|account| {
        account.number_calls_max = BTreeMap::from([(SHOWN.to_owned(), 1), (OTHER.to_owned(), 1)]);
    });
    assert_eq!(dial(&mut desk, "8000", |_| {}), Ok(()));
    let full = Err(Refusal::Full(Limit::CallsOfNumber(1)));
    assert_eq!(dial(&mut desk, "8001", |_| {}), full);
    assert_eq!(dial(&mut desk, "8001", |dial| dial.customer_shown = Some(SHOWN.to_owned())), full);
    desk.hangup("8000").expect("in a call");
    assert_eq!(dial(&mut desk, "8001", |_| {}), Ok(()), "the number is free again");
    desk.hangup("8001").expect("in a call");

    assert_eq!(dial(&mut desk, "8000", |dial| dial.customer_shown = Some(OTHER.to_owned())), Ok(()));
    for _ in 0..20 {
        assert_eq!(dial(&mut desk, "8001", |dial| dial.group = Some("group 1".to_owned())), Ok(()));
        let shown = desk.center.state().clone();
        assert!(format!("{shown:?}").contains(THIRD), "the other number of the group");
        desk.hangup("8001").expect("in a call");
    }
}

#[test]
fn whom_a_call_brings_in_from_outside_is_shown_the_number_as_well() {
    let mut desk = desk(|account| {
        account.agents[0].bound_number = Some(OTHER.to_owned());
        account.number_calls_max = BTreeMap::from([(OTHER.to_owned(), 1)]);
    });
    assert_eq!(dial(&mut desk, "8000", |dial| dial.customer_shown = Some(SHOWN.to_owned())), Ok(()));
    desk.answers(Role::Agent);
    desk.answers(Role::Customer);
    let consult =
        || Command::Consult { agent: "8000".to_owned(), to: Party::Outline("13800138000".to_owned()) };
    let full = Err(Refusal::Full(Limit::CallsOfNumber(1)));
    let other = |dial: &mut DialOut| dial.customer_shown = Some(OTHER.to_owned());
    desk.ask(consult()).expect("nobody is shown it");
    assert_eq!(dial(&mut desk, "8001", other), full);
    desk.ask(Command::CancelConsult { agent: "8000".to_owned() }).expect("consults");
    assert_eq!(dial(&mut desk, "8001", other), Ok(()), "it is free again");
    desk.hangup("8001").expect("in a call");
    desk.ask(consult()).expect("nobody is shown it");
    desk.ends(Role::Customer, bye());
    assert_eq!(dial(&mut desk, "8001", other), Ok(()), "the call is over");
}

#[test]
fn a_group_of_which_every_number_is_full_refuses() {
    let mut desk = desk(|account| {
        account.number_calls_max = BTreeMap::from([(OTHER.to_owned(), 1), (THIRD.to_owned(), 0)]);
    });
    let group = |dial: &mut DialOut| dial.group = Some("group 1".to_owned());
    assert_eq!(dial(&mut desk, "8000", group), Ok(()));
    assert_eq!(dial(&mut desk, "8001", group), Err(Refusal::Full(Limit::CallsOfNumber(1))));
}

#[test]
fn a_call_needs_two_legs_and_by_mobile_two_channels() {
    let mut desk = desk(|_| {});
    for (room, answer) in [
        (Room { legs: Some(Left { free: 1, of: 9 }), channels: None }, Err(Refusal::Full(Limit::Legs(9)))),
        (
            Room { legs: None, channels: Some(Left { free: 1, of: 5 }) },
            Err(Refusal::Full(Limit::Channels(5))),
        ),
        (Room { legs: Some(Left { free: 2, of: 9 }), channels: Some(Left { free: 2, of: 5 }) }, Ok(())),
    ] {
        desk.center.set_room(room);
        assert_eq!(dial(&mut desk, "8000", |_| {}), answer);
    }
    assert_eq!(desk.center.legs_promised(), 1, "the customer's");
}

proptest! {
    /// Whatever is asked when, no limit is ever exceeded.
    #[test]
    fn use_never_exceeds_a_limit(
        steps in prop::collection::vec((0..8usize, 0..4u64, any::<bool>()), 1..80),
        calls_max in 1..5usize,
        per_s in 1..4usize,
        concurrency in 1..3usize,
    ) {
        let agents = ["8000", "8001"];
        let mut desk = Desk::with(|account| {
            account.calls_max = calls_max;
            account.calls_per_s_max = Some(per_s);
            account.number_calls_max = BTreeMap::from([(SHOWN.to_owned(), concurrency)]);
        }).and_signed_in(&agents);
        let mut begun: Vec<Mono> = Vec::new();
        for (who, tenths, hangs_up) in steps {
            let agent = agents[who % agents.len()];
            if hangs_up {
                let _ = desk.hangup(agent);
            } else if desk.ask(Command::DialOut(dial_out(agent))).is_ok() {
                begun.push(desk.now.mono);
            }
            for one in desk.center.uses() {
                prop_assert!(one.used <= one.max, "{one:?}");
            }
            let lately = begun.iter().filter(|at| desk.now.mono.since(**at) < Duration::from_secs(1)).count();
            prop_assert!(lately <= per_s, "{lately} calls within a second");
            desk.wait_ms(tenths * 100);
        }
    }
}
