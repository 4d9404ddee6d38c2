//! A backup that is made while calls run is a server that can be started: nothing that was committed before it is missing, no
//! call of before is open, and pushes that were due go out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Random;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::ledger::Ledger;
use crate::place::{Agent, Phone, Place};
use crate::receiver::Receiver;
use crate::store::Store;
use crate::traffic::{Floor, work};
use crate::{judge, network};

const AGENTS: std::ops::Range<u64> = 8000..8008;
const STEP_MAX: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_a_server_that_can_be_started() {
    let mut random = Random::from_number(4);
    let ledger = Arc::new(Ledger::new());
    let receiver = Receiver::start(ledger.clone(), random.fork()).await;
    let mobile = |number: u64| format!("1390000{number}");
    let agent = |number: u64| Agent {
        number: number.to_string(),
        phone: Phone::Mobile(mobile(number)),
        wrap_up_s: 0,
    };
    let place = Place::new(&AGENTS.map(agent).collect::<Vec<_>>(), &receiver.urls);
    let network = network::start(&place, AGENTS.map(mobile).collect(), random.fork(), ledger.clone());
    let (_up, up) = watch::channel(true);
    let (_closing, closing) = watch::channel(false);
    let floor = Floor { client: place.client(), ledger: ledger.clone(), up, closing };
    let mut server = place.start().await;
    let mut agents = JoinSet::new();
    for number in AGENTS {
        let numbers = (0..).map(move |n| n * 100 + number - AGENTS.start);
        agents.spawn(work(floor.clone(), number.to_string(), random.fork(), numbers));
    }
    let busy = ledger.until(STEP_MAX, |book| (book.recorded.len() >= 10).then_some(())).await;
    assert!(busy.is_some(), "calls come and go:\n{}", place.lines);

    let accepted = |ledger: &Ledger| -> BTreeSet<String> {
        ledger.read().dialled.values().flat_map(|dialled| dialled.accepted.clone()).collect()
    };
    let before = accepted(&ledger);
    let target = place.folder.path().join("backup");
    let words = ["backup", target.to_str().expect("a plain path"), "--recordings"];
    let (done, said) = place.command(&words).await;
    assert!(done && said.contains("whole"), "{said}");
    let (again, said) = place.command(&words).await;
    assert!(!again && said.contains("is there already"), "{said}");
    // What was recorded after the backup is gone with it: these records must be told.
    server.strike();
    server.gone().await;
    agents.shutdown().await;

    let data = place.folder.path().join("data");
    std::fs::remove_dir_all(&data).expect("the server is gone");
    std::fs::rename(target.join("data"), &data).expect("on the same disk");
    let restored = Store::read(&place.database());
    let due = restored.leftovers["outbox"];
    assert!(!restored.open_calls().is_empty() && due > 0, "it was made in the middle of things");
    let server = place.start().await;
    rest(&place, &ledger).await;
    server.terminate();
    assert!(server.ended().await.success(), "it stops in good order:\n{}", place.lines);
    drop(network);

    let store = Store::read(&place.database());
    let mut faults = judge::log(&store);
    let calls: BTreeSet<String> = store.records().map(|(_, call)| call).collect();
    faults.extend(before.difference(&calls).map(|call| format!("call {call} is not in the backup")));
    let told: BTreeSet<String> = ledger.read().recorded.clone();
    faults.extend(calls.difference(&told).map(|call| format!("the record of call {call} was never pushed")));
    faults.extend(place.complaints());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Waits until every call has its record and every push arrived or died.
async fn rest(place: &Place, ledger: &Ledger) {
    let deadline = Instant::now() + STEP_MAX;
    loop {
        let store = Store::read(&place.database());
        let settled = store.leftovers["outbox"] == 0
            && store.leftovers["leg"] == 0
            && store.open_calls().is_empty()
            && store.unfinished_recordings().is_empty();
        if settled || Instant::now() > deadline {
            return;
        }
        let arrivals = ledger.read().arrivals.len();
        let more = |book: &crate::ledger::Book| (book.arrivals.len() > arrivals).then_some(());
        let _more = ledger.until(Duration::from_secs(1), more).await;
    }
}
