//! What decides how calls are held, handed on and watched.

use callcenter::config::{HoldRecording, TransferSound, WithoutCustomer};

use super::*;

fn supervisors(roles: &str) -> Vec<bool> {
    let text = format!("{ACCOUNT}{EDITION}[[account.agent]]\nnumber = \"8000\"\n{roles}");
    let config = parse(&text, &|_| None).expect("no mistakes");
    config.accounts[0].center().agents.iter().map(|agent| agent.supervisor).collect()
}

#[test]
fn an_agent_supervises_if_its_roles_say_so() {
    assert_eq!(supervisors(""), [false]);
    assert_eq!(supervisors("roles = []"), [false]);
    assert_eq!(supervisors("roles = [\"supervisor\"]"), [true]);
}

#[test]
fn an_unknown_role_is_a_mistake() {
    assert_eq!(
        agent_says("roles = [\"superviser\", \"queen\"]"),
        [
            "\"roles\" is not a role: \"superviser\" | did you mean \"supervisor\"?",
            "\"roles\" is not a role: \"queen\" | known are \"supervisor\"",
        ]
    );
    assert_eq!(
        agent_says("roles = [\"supervisor\", \"supervisor\"]"),
        [
            "the role of the agent \"supervisor\" is given in line 11 already | give each its own, or remove one"
        ]
    );
    assert_eq!(
        agent_says("roles = \"supervisor\""),
        ["\"roles\" must be a list, not a text | write roles = [\"…\", \"…\"]"]
    );
}

#[test]
fn an_account_says_what_becomes_of_its_calls() {
    let account = |lines: &str| {
        let text = ACCOUNT.to_owned() + lines;
        parse(&text, &|_| None).expect("no mistakes").accounts[0].center()
    };
    let plain = account("");
    assert_eq!(plain.transfer_sound, TransferSound::RingBack);
    assert_eq!(plain.consult_without_customer, WithoutCustomer::End);
    assert_eq!(plain.conference_without_customer, WithoutCustomer::End);
    assert_eq!(plain.hold_recording, HoldRecording::Silence);
    let other = account(
        "transfer_sound = \"music\"\nconsult_without_customer = \"go_on\"\nconference_without_customer = \"go_on\"\nhold_recording = \"music\"\n",
    );
    assert_eq!(other.transfer_sound, TransferSound::Music);
    assert_eq!(other.consult_without_customer, WithoutCustomer::GoOn);
    assert_eq!(other.conference_without_customer, WithoutCustomer::GoOn);
    assert_eq!(other.hold_recording, HoldRecording::Music);
}

#[test]
fn words_that_are_not_known_come_with_a_suggestion() {
    assert_eq!(
        account_says(
            "transfer_sound = \"ring_back\"\nconsult_without_customer = \"goon\"\nconference_without_customer = \"stay\"\nhold_recording = \"silent\"\n"
        ),
        [
            "\"transfer_sound\" knows no \"ring_back\" | did you mean \"ringback\"?",
            "\"consult_without_customer\" knows no \"goon\" | did you mean \"go_on\"?",
            "\"conference_without_customer\" knows no \"stay\" | known are \"end\", \"go_on\"",
            "\"hold_recording\" knows no \"silent\" | did you mean \"silence\"?",
        ]
    );
}
