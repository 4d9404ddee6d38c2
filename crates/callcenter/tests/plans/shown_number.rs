//! Which number is shown to the customer, and the order of dialOut's checks (contract §2, §5).

use std::collections::BTreeSet;

use callcenter::command::{Command, DialOut, GroupRule, Refusal};
use callcenter::config::AccountStatus;
use callcenter::event::{CallFacts, Event};

use crate::desk::{Desk, SHOWN, dial_out};

type Change = fn(&mut DialOut);

const GROUP: &str = "60541bbf4aab2c0021278ad2";

#[test]
fn the_number_asked_for_comes_first() {
    let call = shown(Desk::signed_in(&["8000"]), |dial| {
        dial.customer_shown = Some("01081400193".to_owned());
        dial.group = Some("no such group, and not looked at".to_owned());
    });
    assert_eq!(call.expect("may be shown").display, "01081400193");
}

#[test]
fn then_any_number_of_the_group_by_id_or_name() {
    let mut seen = BTreeSet::new();
    let mut desk = Desk::signed_in(&["8000"]);
    for (group, rule) in [(GROUP, GroupRule::Random), ("group 1", GroupRule::Strategy)].repeat(10) {
        let mut dial = dial_out("8000");
        dial.group = Some(group.to_owned());
        dial.group_rule = rule;
        desk.ask(Command::DialOut(dial)).expect("the agent may call");
        let call = started(&desk);
        assert_eq!((call.group_ids, call.group_names), (vec![GROUP.to_owned()], vec!["group 1".to_owned()]));
        seen.insert(call.display);
        desk.hangup("8000").expect("in a call");
    }
    let both = ["01081400192", "01081400193"].map(str::to_owned);
    assert_eq!(seen, BTreeSet::from(both));
}

#[test]
fn then_the_agents_bound_number_then_the_accounts_default() {
    let bound = Desk::with(|account| account.agents[0].bound_number = Some("01081400192".to_owned()));
    let call = shown(bound.and_signed_in(&["8000"]), |_| {}).expect("may be shown");
    assert_eq!((call.display.as_str(), call.group_ids.len()), ("01081400192", 0));

    let call = shown(Desk::signed_in(&["8000"]), |_| {}).expect("may be shown");
    assert_eq!(call.display, SHOWN);

    let none = Desk::with(|account| account.default_number = None).and_signed_in(&["8000"]);
    assert_eq!(shown(none, |_| {}), Err(Refusal::NoShownNumber));
}

#[test]
fn only_the_accounts_own_numbers_and_groups_may_be_asked_for() {
    let refusals: [(Change, Refusal); 4] = [
        (|dial| dial.customer_shown = Some("110".to_owned()), Refusal::CustomerShownNotOwned),
        (|dial| dial.agent_shown = Some("110".to_owned()), Refusal::AgentShownNotOwned),
        (|dial| dial.group = Some("unknown".to_owned()), Refusal::GroupUnknown),
        (|dial| dial.group = Some("empty".to_owned()), Refusal::GroupUnknown),
    ];
    for (change, refusal) in refusals {
        assert_eq!(shown(Desk::signed_in(&["8000"]), change), Err(refusal));
        let unknown_agent = |dial: &mut DialOut| {
            change(dial);
            dial.agent = "7999".to_owned();
        };
        assert_eq!(shown(Desk::new(), unknown_agent), Err(refusal), "fields come before the agent");
        let disabled = Desk::with(|account| account.status = AccountStatus::Disabled);
        assert_eq!(shown(disabled, change), Err(Refusal::AccountDisabled), "the account comes before fields");
    }
}

fn shown(mut desk: Desk, change: impl FnOnce(&mut DialOut)) -> Result<CallFacts, Refusal> {
    let mut dial = dial_out("8000");
    change(&mut dial);
    desk.ask(Command::DialOut(dial)).map(|_| started(&desk))
}

/// The call started last.
fn started(desk: &Desk) -> CallFacts {
    let call = desk.log.iter().rev().find_map(|numbered| match &numbered.event {
        Event::CallStarted { call, .. } => Some(call.clone()),
        _ => None,
    });
    call.expect("a call was started")
}
