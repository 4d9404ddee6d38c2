//! Request bodies of the call verbs, as commands (API chapters 1 and 2; order of checks: contract §2).

use std::time::Duration;

use callcenter::command::{Choice, Command, DialOut, GroupRule};

use super::codes::{Code, Fault, Wrong};
use super::extras;
use super::fields::Fields;
use super::limits::RING_S_MAX;
use super::words;

/// The verbs that become commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// 1.1.
    Online,
    /// 1.2.
    Offline,
    /// 1.3.
    Busy,
    /// 1.4.
    Rest,
    /// 2.1.
    DialOut,
    /// 2.2.
    Hangup,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 6] =
        [Verb::Online, Verb::Offline, Verb::Busy, Verb::Rest, Verb::DialOut, Verb::Hangup];

    /// The last part of the path.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Online => "online",
            Verb::Offline => "offline",
            Verb::Busy => "busy",
            Verb::Rest => "rest",
            Verb::DialOut => "dialOut",
            Verb::Hangup => "hangup",
        }
    }
}

/// The command in `body`, or the first thing that is wrong with it.
pub fn command(verb: Verb, body: &[u8]) -> Result<Command, Fault> {
    let body = Fields::read(body)?;
    let agent = body.scalar("agentNumber")?.ok_or(Code::NoAgentNumber)?;
    match verb {
        Verb::Online => online(agent, &body),
        Verb::Offline => Ok(Command::Offline { agent }),
        Verb::Busy => Ok(Command::Busy { agent }),
        Verb::Rest => Ok(Command::Rest { agent }),
        Verb::DialOut => dial_out(agent, &body).map(Command::DialOut),
        Verb::Hangup => Ok(Command::Hangup { agent }),
    }
}

fn online(agent: String, body: &Fields<'_>) -> Result<Command, Fault> {
    let login = body.scalar("loginType").ok().flatten();
    let login = login.and_then(|text| words::read_login_type(&text)).ok_or(Code::LoginTypeInvalid)?;
    let choice = match body.scalar("status")?.as_deref() {
        Some("0") => Choice::Idle,
        Some("1") => Choice::Busy,
        Some(_) => return Err(Fault::field("status", Wrong::NotOneOf(&["0", "1"]))),
        None => return Err(Fault::field("status", Wrong::Missing)),
    };
    Ok(Command::Online { agent, login, choice })
}

/// Fields are looked at in the order of their codes (contract §2): 40000, 6724, 6725, 2017.
fn dial_out(agent: String, body: &Fields<'_>) -> Result<DialOut, Fault> {
    Ok(DialOut {
        agent,
        callee: body.number("calleeNumber")?.ok_or_else(|| Fault::field("calleeNumber", Wrong::Missing))?,
        agent_ring_max: ring_time(body, "agentTimeout")?,
        customer_ring_max: ring_time(body, "calleeTimeout")?,
        agent_shown: body.scalar("agentCallerNumber")?,
        customer_shown: body.scalar("calleeCallerNumber")?,
        group: body.scalar("group")?,
        group_area: body.scalar("groupareaCode")?,
        group_rule: group_rule(body)?,
        extras: body.raw("extras").map(extras::canonical).transpose()?.unwrap_or_default(),
    })
}

/// Empty is the default, above 300 s is 300 s, below 1 s or not a number is refused; fractions are cut off.
fn ring_time(body: &Fields<'_>, name: &'static str) -> Result<Option<Duration>, Fault> {
    let Some(text) = body.scalar(name)? else { return Ok(None) };
    let in_figures = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let seconds = if in_figures { text.parse::<f64>().ok() } else { None };
    match seconds.filter(|seconds| *seconds >= 1.0) {
        None => Err(Fault::field(name, Wrong::OutOf(1, RING_S_MAX))),
        Some(seconds) => Ok(Some(Duration::from_secs_f64(seconds.min(RING_S_MAX.into()).floor()))),
    }
}

fn group_rule(body: &Fields<'_>) -> Result<GroupRule, Fault> {
    match body.scalar("groupRule").map_err(|_| Code::GroupRuleInvalid)?.as_deref() {
        None | Some("0") => Ok(GroupRule::Random),
        Some("1") => Ok(GroupRule::Strategy),
        Some(_) => Err(Code::GroupRuleInvalid.into()),
    }
}

#[cfg(test)]
mod tests {
    use callcenter::command::LoginType;
    use proptest::prelude::*;

    use super::*;

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
        for verb in Verb::ALL {
            for body in
                ["", "{}", r#"{"agentNumber":""}"#, r#"{"agentNumber":null,"status":"9","calleeNumber":[]}"#]
            {
                assert_eq!(fault_of(verb, body), Code::NoAgentNumber.into(), "{verb:?} {body}");
            }
        }
        assert_eq!(
            fault_of(Verb::Busy, r#"{"agentNumber":{}}"#),
            Fault::field("agentNumber", Wrong::NotAScalar)
        );
    }

    #[test]
    fn online_takes_strings_and_numbers() {
        let wanted =
            Command::Online { agent: "8000".to_owned(), login: LoginType::Pstn, choice: Choice::Busy };
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
            assert_eq!(
                dial(&format!(r#","groupRule":{json}"#)),
                Err(Code::GroupRuleInvalid.into()),
                "{json}"
            );
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
}
