//! Finding call records.

use std::time::Duration;

use base::{CallId, Wall};
use callcenter::event::{CallKind, RecordKind};
use callcenter::record::CallStatus;
use futures::TryStreamExt;
use server::http::ports::RecordQuery;

use crate::fixture::*;

fn all() -> RecordQuery {
    RecordQuery {
        account: ACCOUNT,
        window: None,
        call: None,
        agent: None,
        display: None,
        trunk: None,
        queue: None,
        status: None,
        kinds: None,
        page: 1,
        page_size: 10_000,
    }
}

async fn find(opened: &Opened, query: RecordQuery) -> (u64, Vec<u64>) {
    let page = opened.store.reader().records(query).await.unwrap();
    let list: Vec<String> = page.list.try_collect().await.unwrap();
    let id = |json: &String| {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        value["_id"].as_str().unwrap().parse().unwrap()
    };
    (page.count, list.iter().map(id).collect())
}

/// Calls 1 … n, one a second from the begin.
fn with_records(dir: &std::path::Path, n: u64) -> Opened {
    let mut opened = open(dir);
    let records = (1..=n).map(|call| recorded(record(call, BEGIN + Duration::from_secs(call)))).collect();
    opened.log(records);
    opened
}

#[tokio::test]
async fn newest_first_page_by_page() {
    let dir = dir();
    let opened = with_records(dir.path(), 7);
    assert_eq!(find(&opened, all()).await, (7, vec![7, 6, 5, 4, 3, 2, 1]));
    let page = |page| RecordQuery { page, page_size: 3, ..all() };
    assert_eq!(find(&opened, page(1)).await, (7, vec![7, 6, 5]));
    assert_eq!(find(&opened, page(2)).await, (7, vec![4, 3, 2]));
    assert_eq!(find(&opened, page(3)).await, (7, vec![1]));
    assert_eq!(find(&opened, page(4)).await, (7, vec![]));
}

#[tokio::test]
async fn a_page_of_many_chunks_is_whole_also_when_calls_began_in_one_second() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(
        (1..=1050).map(|call| recorded(record(call, BEGIN + Duration::from_secs(call / 400)))).collect(),
    );
    let expected: Vec<u64> = (1..=1050).rev().collect();
    assert_eq!(find(&opened, all()).await, (1050, expected));
}

#[tokio::test]
async fn records_that_come_while_a_page_is_read_are_not_in_it() {
    let dir = dir();
    let mut opened = with_records(dir.path(), 500);
    let page = opened.store.reader().records(all()).await.unwrap();
    // Older than all, so it would come last.
    opened.log(vec![recorded(record(501, BEGIN))]);
    let list: Vec<String> = page.list.try_collect().await.unwrap();
    assert_eq!((page.count, list.len()), (500, 500));
}

#[tokio::test]
async fn the_window_includes_both_its_seconds_to_their_ends() {
    let dir = dir();
    let mut opened = open(dir.path());
    let at = |ms| Wall::from_millis(BEGIN.as_millis() + ms);
    opened.log(vec![
        recorded(record(1, at(-1))),
        recorded(record(2, at(0))),
        recorded(record(3, at(5_999))),
        recorded(record(4, at(6_000))),
    ]);
    let window = RecordQuery { window: Some((at(0), at(5_000))), ..all() };
    assert_eq!(find(&opened, window).await, (2, vec![3, 2]));
}

#[tokio::test]
async fn every_filter_narrows() {
    let dir = dir();
    let mut opened = open(dir.path());
    let mut other = record(2, BEGIN);
    other.agent.number = "8001".to_owned();
    other.call.display = "01012345678".to_owned();
    other.call.trunk = "4008001234".to_owned();
    other.call.kind = CallKind::Incoming;
    other.status = CallStatus::AgentNoAnswer;
    let mut elsewhere = record(3, BEGIN);
    elsewhere.account = base::AccountId(7);
    opened.log(vec![recorded(record(1, BEGIN)), recorded(other), recorded(elsewhere)]);
    let some = |text: &str| Some(text.to_owned());
    let only_second = [
        RecordQuery { call: Some(CallId(2)), ..all() },
        RecordQuery { agent: some("8001"), ..all() },
        RecordQuery { display: some("01012345678"), ..all() },
        RecordQuery { trunk: some("4008001234"), ..all() },
        RecordQuery { status: Some(CallStatus::AgentNoAnswer), ..all() },
        RecordQuery { kinds: Some(vec![CallKind::Incoming]), ..all() },
        RecordQuery {
            kinds: Some(vec![CallKind::Incoming, CallKind::WebCall]),
            agent: some("8001"),
            ..all()
        },
    ];
    for query in only_second {
        assert_eq!(find(&opened, query.clone()).await, (1, vec![2]), "{query:?}");
    }
    let both = RecordQuery { kinds: Some(vec![CallKind::Incoming, CallKind::DialOut]), ..all() };
    assert_eq!(find(&opened, both).await, (2, vec![2, 1]));
    let none = [
        RecordQuery { kinds: Some(vec![]), ..all() },
        RecordQuery { queue: some("1"), ..all() },
        RecordQuery { agent: some("8001"), call: Some(CallId(1)), ..all() },
    ];
    for query in none {
        assert_eq!(find(&opened, query.clone()).await, (0, vec![]), "{query:?}");
    }
}

#[tokio::test]
async fn a_call_is_found_with_the_records_of_its_parties() {
    let dir = dir();
    let mut opened = open(dir.path());
    let later = |s| BEGIN + Duration::from_secs(s);
    opened.log(whole_call(100, 1000, BEGIN));
    opened.log(vec![
        party_recorded(200, 2001, RecordKind::Consult, later(30)),
        party_recorded(200, 2002, RecordKind::Transfer, later(40)),
        recorded(record(200, later(10))),
    ]);
    let call = |id| RecordQuery { call: Some(CallId(id)), ..all() };
    assert_eq!(find(&opened, call(200)).await, (3, vec![2002, 2001, 200]));
    assert_eq!(find(&opened, call(100)).await, (1, vec![100]));
    assert_eq!(find(&opened, call(2001)).await, (0, vec![]), "a party's number is no call's");
    assert_eq!(find(&opened, all()).await, (4, vec![2002, 2001, 200, 100]));
    let of_later_agent = RecordQuery { agent: Some("8001".to_owned()), ..all() };
    assert_eq!(find(&opened, of_later_agent.clone()).await, (2, vec![2002, 2001]));
    let window = RecordQuery { window: Some((later(20), later(35))), ..of_later_agent };
    assert_eq!(find(&opened, window).await, (1, vec![2001]));
    let second = RecordQuery { page: 2, page_size: 2, ..call(200) };
    assert_eq!(find(&opened, second).await, (3, vec![200]));
}

#[test]
fn every_documented_filter_has_an_index() {
    let dir = dir();
    with_records(dir.path(), 10).close();
    let conn = rusqlite::Connection::open(dir.path().join("cordboard.db")).unwrap();
    for (condition, index) in [
        ("started_s BETWEEN 1 AND 2", "record_by_time"),
        ("call = 1", "record_by_call"),
        ("agent = '8000' AND started_s BETWEEN 1 AND 2", "record_by_agent"),
        ("display = '1' AND started_s BETWEEN 1 AND 2", "record_by_display"),
        ("trunk = '1' AND started_s BETWEEN 1 AND 2", "record_by_trunk"),
        ("queue = '1' AND started_s BETWEEN 1 AND 2", "record_by_queue"),
        ("status = '1' AND started_s BETWEEN 1 AND 2", "record_by_status"),
        ("kind = '1' AND started_s BETWEEN 1 AND 2", "record_by_kind"),
    ] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT body FROM record WHERE account = 1 AND +no <= 9 AND {condition}
             ORDER BY started_s DESC, id DESC"
        );
        let plan: String = conn.query_row(&sql, [], |row| row.get(3)).unwrap();
        assert!(plan.contains(index), "{condition}: {plan}");
    }
}
