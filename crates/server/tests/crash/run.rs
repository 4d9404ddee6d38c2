//! The runs: agents at work, a killer, and a judgement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Random;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::judge;
use crate::killer::kill_often;
use crate::ledger::Ledger;
use crate::network;
use crate::place::{Agent, Phone, Place};
use crate::receiver::Receiver;
use crate::sounds;
use crate::store::Store;
use crate::traffic::{Floor, work};

const AGENTS: std::ops::Range<u64> = 8000..8016;
const KILLS: u64 = 18;
/// Everything comes to rest within this: the longest is a phone that is told for 32 s that its call is over.
const REST_MAX: Duration = Duration::from_secs(60);
/// How often the store is looked at when no push comes.
const LOOK: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_however_often_the_server_is_killed() {
    run(KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes as long as CORDBOARD_CRASH_KILLS (200) kills take"]
async fn long() {
    run(from_environment("CORDBOARD_CRASH_KILLS").unwrap_or(200)).await;
}

async fn run(kills: u64) {
    let seed = from_environment("CORDBOARD_CRASH_SEED")
        .unwrap_or_else(|| u64::from(getrandom::u32().expect("the system has randomness")));
    println!("{kills} kills with seed {seed}");
    let began = Instant::now();
    let mut random = Random::from_number(seed);
    let ledger = Arc::new(Ledger::new());
    let receiver = Receiver::start(ledger.clone(), random.fork()).await;
    let place = Place::new(&AGENTS.map(agent).collect::<Vec<_>>(), &receiver.urls);
    let network = network::start(&place, AGENTS.map(mobile).collect(), random.fork(), ledger.clone());
    let (up, up_seen) = watch::channel(false);
    let (closing, closing_seen) = watch::channel(false);
    let client = place.client();
    let floor = Floor { client: client.clone(), ledger: ledger.clone(), up: up_seen, closing: closing_seen };
    let mut agents = JoinSet::new();
    for number in AGENTS {
        // No two agents use the same number for a call.
        let numbers = (0..).map(move |n| n * 100 + number - AGENTS.start);
        agents.spawn(work(floor.clone(), number.to_string(), random.fork(), numbers));
    }

    let server = kill_often(&place, &ledger, &up, &mut random, kills).await;
    closing.send_replace(true);
    while let Some(ended) = agents.join_next().await {
        ended.expect("an agent's program does not fail");
    }
    rest(&place, &ledger).await;
    let mut faults = judge::states(&Store::read(&place.database()), &ledger.read());
    sign_all_out(&client).await;
    rest(&place, &ledger).await;
    let store = Store::read(&place.database());
    let calls: Vec<String> = store.records().map(|(_, call)| call).collect();
    faults.extend(judge::records(&client, &ledger, &calls, &store.parties()).await);
    server.terminate();
    assert!(server.ended().await.success(), "it stops in good order:\n{}", place.lines);
    drop(network);

    let (store, book) = (Store::read(&place.database()), ledger.read());
    faults.extend(judge::log(&store));
    faults.extend(judge::calls(&store, &book));
    faults.extend(judge::pushes(&store, &book));
    faults.extend(judge::phones(&book));
    faults.extend(sounds::judge(&store, &book, &place.data()));
    faults.extend(book.faults.iter().cloned());
    faults.extend(place.complaints());
    println!("{} in {:?}", judge::summary(&store, &book), began.elapsed());
    assert!(faults.is_empty(), "seed {seed}, {} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Waits until every call has its record, every recording its files, every push arrived or died, every phone hung up.
async fn rest(place: &Place, ledger: &Ledger) {
    let deadline = Instant::now() + REST_MAX;
    loop {
        let store = Store::read(&place.database());
        let settled = store.leftovers["outbox"] == 0
            && store.open_calls().is_empty()
            && store.unfinished_recordings().is_empty()
            && store.leftovers["leg"] == 0
            && store.shown().values().all(|state| judge::RESTING.contains(state))
            && ledger.read().on_the_line.is_empty();
        if settled || Instant::now() > deadline {
            // What is missing, the judge says.
            return;
        }
        let arrivals = ledger.read().arrivals.len();
        // Either way it is looked at again.
        let _more = ledger.until(LOOK, |book| (book.arrivals.len() > arrivals).then_some(())).await;
    }
}

async fn sign_all_out(client: &Client) {
    for number in AGENTS {
        client.must("offline", &json!({"agentNumber": number.to_string()})).await;
    }
}

fn agent(number: u64) -> Agent {
    Agent { number: number.to_string(), phone: Phone::Mobile(mobile(number)), wrap_up_s: number % 3 }
}

fn mobile(number: u64) -> String {
    format!("1390000{number}")
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}
