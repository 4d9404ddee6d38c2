//! Inbound routes: mistakes, and what the examples make of them.

use std::time::Duration;

use callcenter::config::InboundRoute;

use super::*;

const BENCH: &str = include_str!("../../../../../docs/bench.example.toml");
const TRUNK: &str = "[[trunk]]\nname = \"carrier\"\naddresses = [\"192.0.2.1\"]\n";

/// What it says about inbound routes in an account beside a trunk.
fn inbound_says(lines: &str) -> Vec<String> {
    says(&format!("{TRUNK}{ACCOUNT}{lines}"))
}

fn routes(account: &str) -> Vec<InboundRoute> {
    let text = format!("{TRUNK}{ACCOUNT}{account}");
    let config = parse(&text, &|_| None).expect("no mistakes");
    config.switch_accounts().remove(0).account.inbound
}

#[test]
fn a_route_that_leads_nowhere_is_found() {
    assert_eq!(
        inbound_says("[[account.inbound]]\n"),
        [
            "[[account.inbound]] lacks \"called\" | add called = \"02258834811\", the number that is called",
            "[[account.inbound]] lacks \"to\" | add to = \"sip:1000@192.0.2.5:5060\", where calls are put through to",
            "[[account.inbound]] lacks \"trunk\" | add trunk = \"carrier\", the [[trunk]] that calls come by",
        ]
    );
    assert_eq!(
        inbound_says(
            "[[account.inbound]]\ntrunk = \"carier\"\ncalled = \"a b\"\nto = \"sip:a@pbx.example\"\nrecord = 1\nring_s = 0\nx = 1\n"
        ),
        [
            "\"trunk\" names \"carier\", but there is no such [[trunk]] | did you mean \"carrier\"?",
            "\"called\" is not a number or user that is called: \"a b\" | write 1 to 64 letters, digits or + * # - _ . like \"02258834811\"",
            "\"to\" is not a SIP URI with an IP address: \"sip:a@pbx.example\" | write it like \"sip:1000@192.0.2.5:5060\", with ;transport=tcp after it if need be",
            "\"record\" must be true or false, not a whole number | write record = true",
            "\"ring_s\" must not be 0 | write a number from 1 to 300",
            "[[account.inbound]] has no key \"x\" | known are \"trunk\", \"called\", \"to\", \"record\", \"ring_s\"",
        ]
    );
}

#[test]
fn a_route_leads_to_somebody_who_can_be_called() {
    let to = |to: &str| {
        inbound_says(&format!("[[account.inbound]]\ntrunk = \"carrier\"\ncalled = \"1\"\nto = \"{to}\"\n"))
    };
    assert_eq!(
        to("sip:a@0.0.0.0"),
        ["\"to\" has 0.0.0.0: nobody can be called there | write the address of whoever takes the calls"]
    );
    assert_eq!(
        to("sip:a@127.0.0.1:5060"),
        ["\"to\" has 127.0.0.1:5060, which is this server | write the address of whoever takes the calls"]
    );
    assert_eq!(
        to("sip:a@[2001:db8::1]"),
        [
            "\"to\" has 2001:db8::1, but \"sip_listen\" no IPv6 address | add one to sip_listen, such as \"[::]:5060\""
        ]
    );
    for wrong in [
        "192.0.2.5",
        "sip:192.0.2.5",
        "sips:a@192.0.2.5",
        "tel:1",
        "sip:a:b@192.0.2.5",
        "sip:a@192.0.2.5:0",
        "sip:a@192.0.2.5;x=1",
        "sip:a@192.0.2.5?x=1",
        "sip:a|b@192.0.2.5",
        "<sip:a@192.0.2.5>",
    ] {
        assert!(to(wrong)[0].starts_with("\"to\" is not a SIP URI"), "{wrong}: {:?}", to(wrong));
    }
}

#[test]
fn two_routes_are_never_the_same_in_whatever_account() {
    let route = "[[account.inbound]]\ntrunk = \"carrier\"\ncalled = \"1\"\nto = \"sip:a@192.0.2.5\"\n";
    let other = ACCOUNT.replace("2000103", "2000104");
    assert_eq!(
        says(&format!("{TRUNK}{ACCOUNT}{route}{other}{route}")),
        ["the inbound route \"1 by carrier\" is given in line 11 already | give each its own, or remove one"]
    );
}

#[test]
fn a_route_is_recorded_as_its_account_unless_it_says_so_itself() {
    use RecordingMode::{DualTrack, Normal, Off};
    for (account, record, mode) in [
        ("", "", Normal),
        ("", "record = false", Off),
        ("recording = \"off\"", "", Off),
        ("recording = \"off\"", "record = true", Normal),
        ("recording = \"dual_track\"", "record = true", DualTrack),
    ] {
        let route = format!(
            "{account}\n[[account.inbound]]\ntrunk = \"carrier\"\ncalled = \"1\"\nto = \"sip:a@192.0.2.5\"\n{record}\n"
        );
        assert_eq!(routes(&route)[0].recording, mode, "{account} {record}");
    }
}

#[test]
fn a_route_rings_as_long_as_agents_of_its_account_unless_it_says_so_itself() {
    let ring = |account: &str, ring: &str| {
        let to = "to = \"sip:a@192.0.2.5;transport=tcp\"";
        routes(&format!(
            "{account}\n[[account.inbound]]\ntrunk = \"carrier\"\ncalled = \"1\"\n{to}\n{ring}\n"
        ))[0]
            .ring
    };
    assert_eq!(ring("", ""), Duration::from_secs(60));
    assert_eq!(ring("agent_ring_s = 20", ""), Duration::from_secs(20));
    assert_eq!(ring("agent_ring_s = 20", "ring_s = 7"), Duration::from_secs(7));
}

#[test]
fn the_example_for_measuring_has_two_routes_one_of_which_is_recorded() {
    let config = parse(BENCH, &|_| None).expect("no mistakes");
    let account = config.switch_accounts().remove(0).account;
    let routes: Vec<_> = account
        .inbound
        .iter()
        .map(|route| (route.trunk.as_str(), route.called.as_str(), route.to.as_str(), route.recording))
        .collect();
    let to = "sip:bench@127.0.0.3:5080";
    assert_eq!(routes, [("rig", "bench", to, RecordingMode::Off), ("rig", "rec", to, RecordingMode::Normal)]);
}
