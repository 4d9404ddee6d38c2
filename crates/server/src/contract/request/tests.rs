//! Bodies as clients write them, and what becomes of each.

use callcenter::command::LoginType;
use proptest::prelude::*;

use super::*;

fn command(verb: Verb, body: &[u8]) -> Result<Command, Fault> {
    read(verb, body).map(|request| request.command)
}

fn dial(fields: &str) -> Result<DialOut, Fault> {
    let body = format!(r#"{{"agentNumber":"8000","calleeNumber":"17319132391"{fields}}}"#);
    match command(Verb::DialOut, body.as_bytes())? {
        Command::DialOut(dial) => Ok(dial),
        other => panic!("{other:?} is no dialOut"),
    }
}

fn fault_of(verb: Verb, body: &str) -> Fault {
    command(verb, body.as_bytes()).expect_err(body)
}

#[test]
fn a_missing_agent_number_wins_over_every_other_fault() {
    for verb in Verb::ALL.into_iter().filter(|verb| *verb != Verb::WebCall) {
        for body in
            ["", "{}", r#"{"agentNumber":""}"#, r#"{"agentNumber":null,"status":"9","calleeNumber":[]}"#]
        {
            assert_eq!(fault_of(verb, body), Code::NoAgentNumber.into(), "{verb:?} {body}");
        }
    }
    assert_eq!(fault_of(Verb::Busy, r#"{"agentNumber":{}}"#), Fault::field("agentNumber", Wrong::NotAScalar));
}

#[test]
fn online_takes_strings_and_numbers() {
    let wanted = Command::Online { agent: "8000".to_owned(), login: LoginType::Pstn, choice: Choice::Busy };
    for body in [
        r#"{"agentNumber":"8000","loginType":"PSTN","status":"1"}"#,
        r#"{"agentNumber":8000,"loginType":"PSTN","status":1,"unknown":{}}"#,
    ] {
        assert_eq!(command(Verb::Online, body.as_bytes()), Ok(wanted.clone()));
    }
}

#[test]
fn online_names_what_is_wrong() {
    for login in ["", r#","loginType":"pstn""#, r#","loginType":3"#, r#","loginType":["SIP"]"#] {
        let body = format!(r#"{{"agentNumber":"8000","status":"9"{login}}}"#);
        assert_eq!(fault_of(Verb::Online, &body), Code::LoginTypeInvalid.into(), "{body}");
    }
    let fault = fault_of(Verb::Online, r#"{"agentNumber":"8000","loginType":"SIP","status":"2"}"#);
    assert_eq!(fault, Fault::field("status", Wrong::NotOneOf(&["0", "1"])));
    let fault = fault_of(Verb::Online, r#"{"agentNumber":"8000","loginType":"SIP"}"#);
    assert_eq!(fault, Fault::field("status", Wrong::Missing));
}

#[test]
fn ring_times_follow_the_rule() {
    for (json, wanted) in [
        (r#""""#, None),
        ("null", None),
        ("60", Some(60)),
        (r#""60""#, Some(60)),
        ("1", Some(1)),
        ("1.9", Some(1)),
        ("300", Some(300)),
        ("301", Some(300)),
        (r#""2000""#, Some(300)),
        ("1e999", Some(300)),
    ] {
        let dialled = dial(&format!(r#","agentTimeout":{json}"#)).expect(json);
        assert_eq!(dialled.agent_ring_max, wanted.map(Duration::from_secs), "{json}");
    }
    for json in ["0", "-5", r#""0.5""#, r#""soon""#, r#""inf""#, r#"" 60""#, r#""-""#] {
        let fault = dial(&format!(r#","calleeTimeout":{json}"#)).expect_err(json);
        assert_eq!(fault, Fault::field("calleeTimeout", Wrong::OutOf(1, 300)), "{json}");
    }
    assert_eq!(dial(r#","calleeTimeout":[60]"#), Err(Fault::field("calleeTimeout", Wrong::NotAScalar)));
}

#[test]
fn the_group_rule_has_its_own_code() {
    for (json, wanted) in [
        ("0", GroupRule::Random),
        (r#""1""#, GroupRule::Strategy),
        (r#""""#, GroupRule::Random),
        ("null", GroupRule::Random),
    ] {
        assert_eq!(dial(&format!(r#","groupRule":{json}"#)).expect(json).group_rule, wanted);
    }
    for json in ["2", r#""random""#, "[1]", "true"] {
        assert_eq!(dial(&format!(r#","groupRule":{json}"#)), Err(Code::GroupRuleInvalid.into()), "{json}");
    }
}

#[test]
fn the_first_wrong_field_is_that_of_the_first_code() {
    let long = format!(r#","extras":"{}""#, "x".repeat(256));
    assert_eq!(dial(&format!(r#"{long},"groupRule":2"#)), Err(Code::GroupRuleInvalid.into()));
    let group = dial(&format!(r#"{long},"groupRule":2,"group":[]"#));
    assert_eq!(group, Err(Fault::field("group", Wrong::NotAScalar)));
}

#[test]
fn extras_are_canonical_or_have_their_codes() {
    assert_eq!(dial("").expect("no extras").extras, "");
    assert_eq!(dial(r#","extras":{ "test" : "漳州" }"#).expect("an object").extras, r#"{"test":"漳州"}"#);
    let long = format!(r#","extras":"{}""#, "x".repeat(256));
    assert_eq!(dial(&long), Err(Code::ExtrasTooLong.into()));
    assert_eq!(dial(r#","extras":"\ud800""#), Err(Code::ExtrasInvalid.into()));
}

proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        text in "[\\[\\]{}\":,\\\\a-f0-9u ]{0,80}",
    ) {
        for verb in Verb::ALL {
            let _ = command(verb, &body);
            let dial = format!(r#"{{"agentNumber":"8000","calleeNumber":"1","extras":{text}}}"#);
            if let Ok(Command::DialOut(dial)) = command(verb, dial.as_bytes()) {
                prop_assert!(dial.extras.len() <= 255);
            }
        }
    }
}

#[test]
fn the_callee_is_a_telephone_number() {
    let of = |json: &str| {
        command(Verb::DialOut, format!(r#"{{"agentNumber":"1","calleeNumber":{json}}}"#).as_bytes())
    };
    assert!(of(r#""01081400192""#).is_ok());
    assert!(of("17319132391").is_ok());
    assert!(of(r#""+8617319132391""#).is_ok());
    assert_eq!(of(r#""""#), Err(Fault::field("calleeNumber", Wrong::Missing)));
    for json in [r#""sip:x@y""#, r#""010 8140""#, r#""+""#, "1.5", r#""１２３""#] {
        assert_eq!(of(json), Err(Fault::field("calleeNumber", Wrong::NotANumber)), "{json}");
    }
    let long = format!("\"{}\"", "1".repeat(33));
    assert_eq!(of(&long), Err(Fault::field("calleeNumber", Wrong::LongerThan(32))));
}

fn verb(verb: Verb, fields: &str) -> Result<Command, Fault> {
    command(verb, format!(r#"{{"agentNumber":"8000"{fields}}}"#).as_bytes())
}

fn agent() -> String {
    "8000".to_owned()
}

#[test]
fn verbs_that_need_an_agent_alone() {
    for (name, wanted) in [
        (Verb::Hold, Command::Hold { agent: agent() }),
        (Verb::Unhold, Command::Unhold { agent: agent() }),
        (Verb::Mute, Command::Mute { agent: agent() }),
        (Verb::Unmute, Command::Unmute { agent: agent() }),
        (Verb::ConsultTransfer, Command::ConsultTransfer { agent: agent() }),
        (Verb::ThreeWayCall, Command::ThreeWayCall { agent: agent() }),
        (Verb::ResumeConsult, Command::ResumeConsult { agent: agent() }),
        (Verb::CancelConsult, Command::CancelConsult { agent: agent() }),
        (Verb::Answer, Command::Answer { agent: agent() }),
    ] {
        assert_eq!(verb(name, ""), Ok(wanted), "{name:?}");
    }
}

#[test]
fn a_party_is_named_by_mode_and_number() {
    let to = |mode: &str, number: &str| {
        verb(Verb::Consult, &format!(r#","mode":{mode},"number":{number}"#)).map(|command| match command {
            Command::Consult { to, .. } => to,
            other => panic!("{other:?} is no consult"),
        })
    };
    assert_eq!(to(r#""agent""#, "8001"), Ok(Party::Agent("8001".to_owned())));
    assert_eq!(to(r#""outline""#, r#""15010450000""#), Ok(Party::Outline("15010450000".to_owned())));
    assert_eq!(to(r#""ivr""#, r#""100001""#), Ok(Party::Ivr("100001".to_owned())));
    assert_eq!(to(r#""queue""#, r#""10014640""#), Ok(Party::Queue("10014640".to_owned())));
    assert_eq!(to(r#""Agent""#, "8001"), Err(Fault::field("mode", Wrong::NotOneOf(&PARTY_MODES))));
    assert_eq!(to(r#""""#, "8001"), Err(Fault::field("mode", Wrong::Missing)));
    assert_eq!(to(r#""agent""#, r#""""#), Err(Fault::field("number", Wrong::Missing)));
    assert_eq!(to(r#""outline""#, r#""sip:a@b""#), Err(Fault::field("number", Wrong::NotANumber)));
    let transfer = verb(Verb::Transfer, r#","mode":"agent","number":"8001""#);
    assert_eq!(transfer, Ok(Command::Transfer { agent: agent(), to: Party::Agent("8001".to_owned()) }));
}

#[test]
fn a_supervisor_is_named_and_so_is_whose_call_it_is() {
    let supervisor = || "8009".to_owned();
    let monitor = |how| Command::Monitor { supervisor: supervisor(), agent: agent(), how };
    let force = |what| Command::Force { supervisor: supervisor(), agent: agent(), what };
    for (name, wanted) in [
        (Verb::Listen, monitor(Monitoring::Listen)),
        (Verb::Whisper, monitor(Monitoring::Whisper)),
        (Verb::Barge, monitor(Monitoring::Barge)),
        (Verb::TakeOver, monitor(Monitoring::TakeOver)),
        (Verb::ForceOffline, force(Forced::Offline)),
        (Verb::ForceIdle, force(Forced::Idle)),
        (Verb::ForceBusy, force(Forced::Busy)),
        (Verb::ForceHangup, force(Forced::Hangup)),
    ] {
        assert_eq!(verb(name, r#","listenAgent":8009"#), Ok(wanted), "{name:?}");
        assert_eq!(verb(name, ""), Err(Fault::field("listenAgent", Wrong::Missing)), "{name:?}");
        assert_eq!(fault_of(name, r#"{"listenAgent":"8009"}"#), Code::NoAgentNumber.into(), "{name:?}");
    }
}

#[test]
fn digits_are_keys_of_a_telephone() {
    let of = |json: &str| verb(Verb::SendDtmf, &format!(r#","digits":{json}"#));
    let sent = |digits: &str| Ok(Command::SendDtmf { agent: agent(), digits: digits.to_owned() });
    assert_eq!(of(r#""0123456789*#ABCD""#), sent("0123456789*#ABCD"));
    assert_eq!(of("12"), sent("12"));
    assert_eq!(of(r#""""#), Err(Fault::field("digits", Wrong::Missing)));
    for json in [r#""12a""#, r#""1,2""#, "1.5", "-1", r#""１""#, r#""E""#] {
        assert_eq!(of(json), Err(Fault::field("digits", Wrong::NotDigits)), "{json}");
    }
    let many = |n: usize| format!("\"{}\"", "7".repeat(n));
    assert!(of(&many(32)).is_ok());
    assert_eq!(of(&many(33)), Err(Fault::field("digits", Wrong::LongerThan(32))));
}

#[test]
fn an_action_id_has_forty_characters_where_a_verb_knows_one() {
    let body = |id: &str| {
        format!(
            r#"{{"agentNumber":"8000","mode":"agent","number":"8001","listenAgent":"8009","callerNumber":"1","calleeNumber":"2","calleeType":"number","digits":"1","loginType":"SIP","status":0,"actionId":"{id}"}}"#
        )
    };
    let (forty, more) = ("标".repeat(40), "标".repeat(41));
    for name in Verb::ALL {
        let of = |id: &str| read(name, body(id).as_bytes()).map(|request| request.action_id);
        match name.echo() {
            Echo::Nowhere => assert_eq!(of(&more), Ok(None), "{name:?}"),
            Echo::RequestId | Echo::RequestIdAndTop | Echo::Data => {
                assert_eq!(of(&forty), Ok(Some(forty.clone())), "{name:?}");
                assert_eq!(of(""), Ok(None), "{name:?}");
                assert_eq!(of(&more), Err(Fault::field("actionId", Wrong::LongerThan(40))), "{name:?}");
            }
        }
    }
}

fn web_call_of(fields: &str) -> Result<WebCall, Fault> {
    let body = format!(
        r#"{{"callerNumber":"17319132391","calleeNumber":"18381051957","calleeType":"number"{fields}}}"#
    );
    match command(Verb::WebCall, body.as_bytes())? {
        Command::WebCall(call) => Ok(call),
        other => panic!("{other:?} is no webcall"),
    }
}

#[test]
fn a_web_call_is_about_no_agent() {
    let sample = r#","actionId":"9499303062290909090","callerTimeout":2000,"callerDisplayNumber":"","calleeTimeout":"120","calleeDisplayNumber":"01081400192","extras":{"name":"zhangsan"},"agentNumber":[]"#;
    let wanted = WebCall {
        caller: "17319132391".to_owned(),
        caller_ring_max: Some(Duration::from_secs(300)),
        caller_shown: None,
        callee: WebCallee::Number("18381051957".to_owned()),
        callee_ring_max: Some(Duration::from_secs(120)),
        callee_shown: Some("01081400192".to_owned()),
        extras: r#"{"name":"zhangsan"}"#.to_owned(),
    };
    assert_eq!(web_call_of(sample), Ok(wanted));
}

#[test]
fn a_web_call_names_what_is_wrong() {
    let of = |caller: &str, callee: &str, kind: &str| {
        let body = format!(r#"{{"callerNumber":{caller},"calleeNumber":{callee},"calleeType":{kind}}}"#);
        command(Verb::WebCall, body.as_bytes()).map(|command| match command {
            Command::WebCall(call) => call.callee,
            other => panic!("{other:?} is no webcall"),
        })
    };
    assert_eq!(of("1", "8001", r#""agentNumber""#), Ok(WebCallee::Agent("8001".to_owned())));
    assert_eq!(of("1", r#""menu-1""#, r#""ivrId""#), Ok(WebCallee::Ivr("menu-1".to_owned())));
    assert_eq!(of(r#""""#, "2", r#""number""#), Err(Fault::field("callerNumber", Wrong::Missing)));
    assert_eq!(of(r#""a""#, "2", r#""number""#), Err(Fault::field("callerNumber", Wrong::NotANumber)));
    assert_eq!(of("1", r#""a""#, r#""number""#), Err(Fault::field("calleeNumber", Wrong::NotANumber)));
    assert_eq!(of("1", "null", r#""ivrId""#), Err(Fault::field("calleeNumber", Wrong::Missing)));
    assert_eq!(of("1", "2", "null"), Err(Fault::field("calleeType", Wrong::Missing)));
    let kinds = Fault::field("calleeType", Wrong::NotOneOf(&CALLEE_TYPES));
    assert_eq!(of("1", "2", r#""agent""#), Err(kinds));
    let long = format!(r#","extras":"{}""#, "x".repeat(256));
    assert_eq!(web_call_of(&long), Err(Code::ExtrasTooLong.into()));
    let both = format!(r#"{long},"actionId":"{}""#, "x".repeat(41));
    assert_eq!(web_call_of(&both), Err(Fault::field("actionId", Wrong::LongerThan(40))));
    let late = web_call_of(&format!(r#"{long},"callerTimeout":0"#));
    assert_eq!(late, Err(Fault::field("callerTimeout", Wrong::OutOf(1, 300))));
}
