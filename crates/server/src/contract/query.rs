//! `cdr/list`: which records are wanted (API 2.13, contract §6).

use base::{AccountId, CallId, Wall};
use callcenter::event::CallKind;
use callcenter::record::CallStatus;

use super::codes::{Code, Fault, Wrong};
use super::fields::Fields;
use super::limits::{CALL_TYPES_MAX, PAGE_MAX, PAGE_SIZE_MAX, QUERY_DAYS_MAX};
use super::time::Zone;
use super::words;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// What an id that cannot be one of ours is read as: a text like any other, which no record has.
const NO_CALL: CallId = CallId(0);

/// Which records are wanted; all conditions must hold (contract §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordQuery {
    /// Whose records.
    pub account: AccountId,
    /// `startTime` of the record, from … to, both inclusive to the millisecond.
    pub window: Option<(Wall, Wall)>,
    /// `uniqueId`: all records of this call.
    pub call: Option<CallId>,
    /// `agentNumber`.
    pub agent: Option<String>,
    /// `displayNumber`.
    pub display: Option<String>,
    /// `trunkNumber`.
    pub trunk: Option<String>,
    /// `queueNumber`.
    pub queue: Option<String>,
    /// `status`.
    pub status: Option<CallStatus>,
    /// `callType`: any of these. `Some` of an empty list matches nothing: only kinds we never make were asked for.
    pub kinds: Option<Vec<CallKind>>,
    /// From 1.
    pub page: u32,
    /// 1–10,000.
    pub page_size: u32,
}

/// The query in `body`, or the first thing that is wrong with it.
pub fn query(account: AccountId, zone: Zone, body: &[u8]) -> Result<RecordQuery, Fault> {
    let body = Fields::read(body)?;
    let call = body.scalar("uniqueId")?.map(|text| text.parse().unwrap_or(NO_CALL));
    let window = if call.is_some() { None } else { Some(window(zone, &body)?) };
    Ok(RecordQuery {
        account,
        window,
        call,
        agent: body.scalar("agentNumber")?,
        display: body.scalar("displayNumber")?,
        trunk: body.scalar("trunkNumber")?,
        queue: body.scalar("queueNumber")?,
        status: status(&body)?,
        kinds: kinds(&body)?,
        page: page(&body)?,
        page_size: page_size(&body)?,
    })
}

/// Both times are shown in whole seconds: the last second counts to its end.
fn window(zone: Zone, body: &Fields<'_>) -> Result<(Wall, Wall), Fault> {
    let time = |name| body.scalar(name).map_err(|_| Fault::from(Code::TimeFormatInvalid));
    let (Some(from), Some(to)) = (time("startTime")?, time("endTime")?) else {
        return Err(Code::TimesMissing.into());
    };
    let (Some(from), Some(to)) = (zone.parse(&from), zone.parse(&to)) else {
        return Err(Code::TimeFormatInvalid.into());
    };
    if to < from {
        return Err(Fault::field("endTime", Wrong::Before("startTime")));
    }
    if to.as_millis() - from.as_millis() > i64::from(QUERY_DAYS_MAX) * DAY_MS {
        return Err(Fault::field("endTime", Wrong::DaysAfter("startTime", QUERY_DAYS_MAX)));
    }
    Ok((from, Wall::from_millis(to.as_millis() + 999)))
}

fn status(body: &Fields<'_>) -> Result<Option<CallStatus>, Fault> {
    let Some(text) = body.scalar("status")? else { return Ok(None) };
    let known = words::read_call_status(&text);
    known.map(Some).ok_or(Fault::field("status", Wrong::NotOneOf(&words::CALL_STATUSES)))
}

fn kinds(body: &Fields<'_>) -> Result<Option<Vec<CallKind>>, Fault> {
    let names = body.list("callType", CALL_TYPES_MAX)?;
    if names.is_empty() {
        return Ok(None);
    }
    if !names.iter().all(|name| words::CALL_TYPES.contains(&name.as_str())) {
        return Err(Fault::field("callType", Wrong::NotOneOf(&words::CALL_TYPES)));
    }
    Ok(Some(names.iter().filter_map(|name| words::read_call_type(name)).collect()))
}

fn page(body: &Fields<'_>) -> Result<u32, Fault> {
    match body.whole("page", 1, PAGE_MAX)? {
        None => Ok(1),
        Some(page) if page <= PAGE_MAX => Ok(page),
        Some(_) => Err(Fault::field("page", Wrong::OutOf(1, PAGE_MAX))),
    }
}

/// Too large a page has its own code.
fn page_size(body: &Fields<'_>) -> Result<u32, Fault> {
    match body.whole("pageSize", 1, PAGE_SIZE_MAX)? {
        None => Ok(PAGE_SIZE_MAX),
        Some(size) if size <= PAGE_SIZE_MAX => Ok(size),
        Some(_) => Err(Code::TooManyRecords.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(body: &str) -> Result<RecordQuery, Fault> {
        query(AccountId(2_000_144), Zone::default(), body.as_bytes())
    }

    fn day(fields: &str) -> String {
        format!(r#"{{"startTime":"2021-03-25 00:27:33","endTime":"2021-03-25 19:27:33"{fields}}}"#)
    }

    fn span(from: &str, to: &str) -> Result<RecordQuery, Fault> {
        ask(&format!(r#"{{"startTime":"{from}","endTime":"{to}"}}"#))
    }

    #[test]
    fn the_document_s_sample_is_read() {
        let asked = ask(
            r#"{"startTime":"2021-03-25 00:27:33","endTime":"2021-03-26 19:27:33","uniqueId":"","callType":[],
            "status":"ANSWER","agentNumber":"1121","displayNumber":"02258834811","trunkNumber":"","queueNumber":"",
            "page":1,"pageSize":6}"#,
        );
        let wanted = RecordQuery {
            account: AccountId(2_000_144),
            window: Some((Wall::from_millis(1_616_603_253_000), Wall::from_millis(1_616_758_053_999))),
            call: None,
            agent: Some("1121".to_owned()),
            display: Some("02258834811".to_owned()),
            trunk: None,
            queue: None,
            status: Some(CallStatus::Answer),
            kinds: None,
            page: 1,
            page_size: 6,
        };
        assert_eq!(asked, Ok(wanted));
    }

    #[test]
    fn seven_days_pass_and_a_second_more_does_not() {
        assert!(span("2021-03-01 00:00:00", "2021-03-08 00:00:00").is_ok());
        let fault = Fault::field("endTime", Wrong::DaysAfter("startTime", 7));
        assert_eq!(span("2021-03-01 00:00:00", "2021-03-08 00:00:01"), Err(fault));
        assert!(span("2021-03-01 00:00:00", "2021-03-01 00:00:00").is_ok());
        let fault = Fault::field("endTime", Wrong::Before("startTime"));
        assert_eq!(span("2021-03-01 00:00:01", "2021-03-01 00:00:00"), Err(fault));
    }

    #[test]
    fn times_are_required_unless_a_call_is_named() {
        for body in ["{}", r#"{"startTime":"2021-03-25 00:27:33"}"#, r#"{"startTime":"","endTime":""}"#] {
            assert_eq!(ask(body), Err(Code::TimesMissing.into()), "{body}");
        }
        for (from, to) in [("2021-03-25", "2021-03-26"), ("2021-03-25 00:00:00", "2021-13-25 00:00:00")] {
            assert_eq!(span(from, to), Err(Code::TimeFormatInvalid.into()), "{from} {to}");
        }
        let named = ask(r#"{"uniqueId":"403344537650466816","startTime":"nonsense"}"#)
            .expect("times are not looked at");
        assert_eq!((named.call, named.window), (Some(CallId(403_344_537_650_466_816)), None));
    }

    #[test]
    fn an_id_of_nobody_is_no_mistake() {
        for id in ["abc", "99999999999999999999999999", "-1"] {
            assert_eq!(
                ask(&format!(r#"{{"uniqueId":"{id}"}}"#)).map(|asked| asked.call),
                Ok(Some(NO_CALL)),
                "{id}"
            );
        }
    }

    #[test]
    fn pages_have_limits() {
        let sizes = |json: &str| ask(&day(&format!(r#","pageSize":{json}"#))).map(|asked| asked.page_size);
        assert_eq!(ask(&day("")).map(|asked| (asked.page, asked.page_size)), Ok((1, 10_000)));
        assert_eq!(sizes("10000"), Ok(10_000));
        assert_eq!(sizes(r#""20""#), Ok(20));
        assert_eq!(sizes("10001"), Err(Code::TooManyRecords.into()));
        assert_eq!(sizes("99999999999999999999"), Err(Code::TooManyRecords.into()));
        for json in ["0", "-1", "1.5", r#""many""#] {
            assert_eq!(sizes(json), Err(Fault::field("pageSize", Wrong::OutOf(1, 10_000))), "{json}");
        }
        assert_eq!(ask(&day(r#","page":0"#)), Err(Fault::field("page", Wrong::OutOf(1, 1_000_000))));
        assert_eq!(ask(&day(r#","page":1000001"#)), Err(Fault::field("page", Wrong::OutOf(1, 1_000_000))));
    }

    #[test]
    fn filters_know_the_documented_words() {
        let kinds = |json: &str| ask(&day(&format!(r#","callType":{json}"#))).map(|asked| asked.kinds);
        assert_eq!(
            kinds(r#"["dialout","incoming",""]"#),
            Ok(Some(vec![CallKind::DialOut, CallKind::Incoming]))
        );
        assert_eq!(kinds(r#"["autoDialout"]"#), Ok(Some(vec![])), "documented, and no call of ours is one");
        assert_eq!(kinds(r#""""#), Ok(None));
        assert_eq!(
            kinds(r#"["telepathy"]"#),
            Err(Fault::field("callType", Wrong::NotOneOf(&words::CALL_TYPES)))
        );
        assert_eq!(kinds(r#""dialout""#), Err(Fault::field("callType", Wrong::NotAList)));
        let status = ask(&day(r#","status":"answer""#));
        assert_eq!(status, Err(Fault::field("status", Wrong::NotOneOf(&words::CALL_STATUSES))));
    }
}
