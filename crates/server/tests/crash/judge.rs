//! The judgement: what the server promised, held against what it wrote down and what everybody else saw.

use std::collections::{BTreeMap, BTreeSet};

use base::LegId;
use callcenter::event::{Event, Place};
use callcenter::record::CallRecord;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use server::contract::time::Zone;
use sip::api::Ended;

use crate::client::Client;
use crate::ledger::{Book, Chosen, Ledger};
use crate::receiver::Address;
use crate::sounds;
use crate::store::{Store, is_pushed};

/// What agents show who are in no call and no wrap-up.
pub const RESTING: [u16; 2] = [0, 1];
/// A state event may be given up so long after it happened, and no sooner (contract §7).
const STATE_LIFE_S: i64 = 60;
/// A record tells whole seconds, and a kill between a hang-up and its record takes the last half second of sound.
const RECORDING_SLACK_S: f64 = 2.0;

/// No agent is stuck, and what an agent chose was kept.
pub fn states(store: &Store, book: &Book) -> Vec<String> {
    let mut faults = Vec::new();
    let shown = store.shown();
    for (agent, chosen) in &book.chosen {
        let wanted: &[u16] = match chosen {
            Chosen::Idle => &[0],
            Chosen::Busy => &[1],
            Chosen::Unknown => &RESTING,
        };
        match shown.get(agent.as_str()) {
            Some(state) if wanted.contains(state) => {}
            state => faults.push(format!("agent {agent} shows {state:?} at rest, chosen was {chosen:?}")),
        }
    }
    faults
}

/// The log has no holes, in its numbers or in the account's; each call has one record, and nothing after it.
pub fn log(store: &Store) -> Vec<String> {
    let mut faults = Vec::new();
    if store.holes > 0 {
        faults.push(format!("the log lacks {} rows", store.holes));
    }
    for (expected, event) in (1..).zip(&store.events) {
        if event.seq != expected {
            faults.push(format!("event number {} where {expected} belongs", event.seq));
            break;
        }
    }
    let ids: BTreeSet<&str> = store.events.iter().map(|event| event.id.as_str()).collect();
    if ids.len() != store.events.len() {
        faults.push(format!("{} events share {} ids", store.events.len(), ids.len()));
    }
    let left = store.leftovers.iter().filter(|(_, rows)| **rows > 0);
    faults.extend(left.map(|(table, rows)| format!("{rows} rows are left in table {table}")));
    faults.extend(store.open_calls().into_iter().map(|call| format!("call {call} has no record")));
    let unfinished = store.unfinished_recordings();
    faults.extend(unfinished.into_iter().map(|call| format!("the recording of call {call} is never ready")));

    let mut recorded = BTreeSet::new();
    for event in &store.events {
        let Some(call) = event.event.call() else { continue };
        let is_record = matches!(event.event, Event::CallRecorded { .. });
        let may_follow = matches!(event.event, Event::RecordingReady { .. });
        if recorded.contains(&call) && !may_follow {
            faults.push(format!("call {call} goes on after its record: {:?}", event.event));
        }
        if is_record {
            recorded.insert(call);
        }
        if let Event::CallRecorded { record } | Event::PartyRecorded { record } = &event.event {
            faults.extend(times(record));
        }
    }
    let all = recorded.len() + store.parties().values().sum::<usize>();
    if store.records != all as u64 {
        faults.push(format!("{} rows for {all} records", store.records));
    }
    faults.extend(parties(store));
    faults
}

/// Whoever was brought into a call has one record.
fn parties(store: &Store) -> Vec<String> {
    let mut brought: BTreeMap<LegId, usize> = BTreeMap::new();
    for event in &store.events {
        match &event.event {
            Event::LegStarted { leg, place: Place::Arriving { .. } | Place::Aside { .. }, .. } => {
                brought.insert(*leg, 0);
            }
            Event::PartyRecorded { record } => *brought.entry(LegId(record.id.0)).or_default() += 1,
            _other => {}
        }
    }
    let wrong = brought.into_iter().filter(|(_, records)| *records != 1);
    wrong.map(|(leg, records)| format!("the party of leg {leg} has {records} records")).collect()
}

/// The times of a record follow each other.
fn times(record: &CallRecord) -> Option<String> {
    let order = [
        Some(record.started),
        record.agent_started,
        record.agent_answered,
        record.customer_started,
        record.customer_answered,
        record.bridged,
        Some(record.hung_up),
        Some(record.ended),
        Some(record.created),
    ];
    let known: Vec<_> = order.into_iter().flatten().collect();
    let bills = record.bills.iter().all(|bill| {
        bill.started <= bill.answered.unwrap_or(bill.started)
            && bill.answered.unwrap_or(bill.started) <= bill.ended
            && bill.ended <= record.ended
    });
    (!known.is_sorted() || !bills)
        .then(|| format!("times of call {} are out of order: {record:?}", record.id))
}

/// Each accepted `dialOut` became one call, each whose answer was lost one at most.
pub fn calls(store: &Store, book: &Book) -> Vec<String> {
    let mut faults = Vec::new();
    let mut begun: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for event in &store.events {
        if let Event::CallStarted { call, .. } = &event.event {
            match number_of(&call.extras) {
                Some(number) => begun.entry(number).or_default().push(call.id.to_string()),
                None => faults.push(format!("call {} has strange extras: {}", call.id, call.extras)),
            }
        }
    }
    for (number, dialled) in &book.dialled {
        let begun = begun.remove(number).unwrap_or_default();
        let accepted: Vec<String> = dialled.accepted.iter().cloned().collect();
        let fits = match (accepted.as_slice(), begun.len()) {
            ([], 0) => true,
            ([], 1) => dialled.lost,
            (_, _) => accepted == begun,
        };
        if !fits {
            faults.push(format!("dialOut {number} ({dialled:?}) became the calls {begun:?}"));
        }
    }
    faults.extend(begun.into_iter().map(|(number, calls)| format!("nobody dialled {number}, but {calls:?}")));
    faults
}

/// Every event that customers are told of arrived at every address, in order, always the same, and no other did.
pub fn pushes(store: &Store, book: &Book) -> Vec<String> {
    let mut faults = Vec::new();
    let mut told: BTreeMap<&str, u64> = store
        .events
        .iter()
        .filter(|event| is_pushed(&event.event))
        .map(|event| (&*event.id, event.seq))
        .collect();
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut first: BTreeSet<(Address, &str)> = BTreeSet::new();
    let mut last_of: BTreeMap<(Address, &str, &str), u64> = BTreeMap::new();
    for push in &book.arrivals {
        match told.get(&*push.id) {
            Some(seq) if *seq == push.seq => {}
            seq => {
                faults.push(format!("push {} of {seq:?} is not what the log says: {}", push.id, push.body))
            }
        }
        if *bodies.entry(&push.id).or_insert(&push.body) != push.body {
            faults.push(format!("event {} was told in two ways", push.id));
        }
        if !first.insert((push.address, &push.id)) {
            continue;
        }
        for (line, of) in
            [("agent", &push.agent), ("call", &push.call)].into_iter().filter(|(_, of)| !of.is_empty())
        {
            let last = last_of.entry((push.address, line, of)).or_default();
            if push.seq < *last {
                let (kind, seq, address) = (&push.kind, push.seq, push.address.path());
                faults.push(format!("{kind} {seq} came after {last} of {line} {of} at {address}"));
            }
            *last = push.seq.max(*last);
        }
    }
    for address in Address::ALL {
        told.retain(|id, seq| {
            let dead =
                store.dead.iter().find(|((url, event), _)| url.ends_with(address.path()) && event == id);
            match (first.contains(&(address, *id)), dead) {
                (true, _) => {}
                (false, Some((_, (kind, age_s)))) if is_state(kind) && *age_s >= STATE_LIFE_S => {}
                (false, dead) => {
                    faults.push(format!(
                        "event {seq} never came to {} (dead letter: {dead:?})",
                        address.path()
                    ));
                }
            }
            true
        });
    }
    faults.extend(records_pushed(store, book));
    faults
}

/// One distinct `cdr` per call, and one per party.
fn records_pushed(store: &Store, book: &Book) -> Vec<String> {
    let mut ids: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for push in book.arrivals.iter().filter(|push| push.kind == "cdr") {
        ids.entry(&push.call).or_default().insert(&push.id);
    }
    let parties = store.parties();
    let wanted = |call: &str| 1 + parties.get(call).copied().unwrap_or(0);
    let all = |call: &str| ids.get(call).is_some_and(|ids| ids.len() == wanted(call));
    let calls = store.records().map(|(_, call)| call).filter(|call| !all(call));
    calls
        .map(|call| format!("call {call} has not {} cdr pushes: {:?}", wanted(&call), ids.get(&*call)))
        .collect()
}

/// Nobody was left on the line.
pub fn phones(book: &Book) -> Vec<String> {
    let left =
        book.on_the_line.iter().map(|(phone, number)| format!("{phone:?} ({number}) is still on the line"));
    let broken =
        book.ended.iter().filter(|(_, how)| !matches!(how, Ended::ByUs | Ended::ByFar | Ended::Refused(_)));
    left.chain(broken.map(|(phone, how)| format!("{phone:?} was left alone: {how:?}"))).collect()
}

/// Queries find each call's one record, and its links lead to sound.
pub async fn records(
    client: &Client,
    ledger: &Ledger,
    calls: &[String],
    parties: &BTreeMap<String, usize>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let now = Timestamp::now();
    let time = |at: Timestamp| Zone::default().show(base::Wall::from_millis(at.as_millisecond()));
    let window = json!({"startTime": time(now - 24.hours()), "endTime": time(now + 1.hours())});
    let listed = client.must("cdr/list", &window).await;
    let empty = Vec::new();
    let list = listed["list"].as_array().unwrap_or(&empty);
    let ids: BTreeSet<&str> = list.iter().filter_map(|record| record["uniqueId"].as_str()).collect();
    let wanted: BTreeSet<&str> = calls.iter().map(String::as_str).collect();
    let rows = wanted.len() + parties.values().sum::<usize>();
    if ids != wanted || list.len() != rows || listed["count"] != json!(rows) {
        faults.push(format!("{} records are listed (count {}), not {}", list.len(), listed["count"], rows));
    }
    let dialled: Vec<_> = ledger.read().dialled.clone().into_iter().collect();
    for (number, call) in
        dialled.iter().flat_map(|(number, dialled)| dialled.accepted.iter().map(move |c| (number, c)))
    {
        let found = client.must("cdr/list", &json!({"uniqueId": call})).await;
        let list = found["list"].as_array().unwrap_or(&empty);
        let extras = list.first().and_then(|record| record["extras"].as_str()).and_then(number_of);
        let own = list.iter().filter(|record| record["cdrType"] == "callRecord").count();
        let rows = 1 + parties.get(call).copied().unwrap_or(0);
        if own != 1 || list.len() != rows || extras != Some(*number) {
            faults.push(format!("call {call} of dialOut {number} has {} records: {found}", list.len()));
        }
    }
    for record in list {
        faults.extend(recording(client, record).await);
    }
    faults
}

/// Every file of a record's recording can be played; the whole of it when the call ended in good order.
async fn recording(client: &Client, record: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let call = &record["uniqueId"];
    for field in ["recordFileUrl", "agentFileUrl", "customerFileUrl", "doubleTrackFileUrl"] {
        let link = record[field].as_str().unwrap_or_default();
        if link.is_empty() {
            // Of parties only later agents who talked with the customer have files.
            if record["bridgeTime"] != "" && record["cdrType"] == "callRecord" {
                faults.push(format!("call {call} was recorded, but has no {field}"));
            }
            continue;
        }
        let sound = match client.fetch(link).await {
            Ok(file) => sounds::sound(&file),
            Err(error) => Err(error),
        };
        match sound {
            Err(error) => faults.push(format!("{field} of call {call} cannot be played: {error}")),
            Ok(sound) => {
                #[expect(clippy::cast_precision_loss, reason = "a few seconds of samples")]
                let length_s = sound.samples.len() as f64 / f64::from(sound.rate_hz);
                let told_s = record["recordingDuration"].as_f64().unwrap_or(-1.0);
                let in_good_order = record["hangUpSide"] != "SYSTEM";
                if in_good_order && (length_s - told_s).abs() > RECORDING_SLACK_S {
                    faults.push(format!("{field} of call {call} has {length_s} s, the record says {told_s}"));
                }
            }
        }
    }
    faults
}

/// What the run was.
pub fn summary(store: &Store, book: &Book) -> String {
    let accepted = book.dialled.values().filter(|dialled| !dialled.accepted.is_empty()).count();
    let lost = book.dialled.values().filter(|dialled| dialled.lost).count();
    let calls = store.records().count();
    let died = store.records().filter(|(event, _)| match &event.event {
        Event::CallRecorded { record } => record.failure == callcenter::signal::Failure::Unknown,
        _other => false,
    });
    let recordings = store.events.iter().filter(|event| matches!(event.event, Event::RecordingReady { .. }));
    let ids: BTreeSet<_> = book.arrivals.iter().map(|push| (push.address, &push.id)).collect();
    let parties: usize = store.parties().values().sum();
    format!(
        "{calls} calls ({accepted} accepted, {lost} answers lost, {} died, {} recordings, {parties} parties), {} events, \
         {} pushes arrived {} times, {} dead letters",
        died.count(),
        recordings.count(),
        store.events.len(),
        ids.len(),
        book.arrivals.len(),
        store.dead.len(),
    )
}

fn is_state(kind: &str) -> bool {
    !matches!(kind, "cdr" | "recordingReady")
}

fn number_of(extras: &str) -> Option<u64> {
    serde_json::from_str::<Value>(extras).ok()?["number"].as_u64()
}
