//! Delivery from a real store to real receivers.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "modules of one test program; a test that cannot go on fails"
)]

#[path = "../store/fixture.rs"]
mod fixture;
mod receiver;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Mono, Now, Wall};
use server::http::ports::Clock;
use server::push::schedule::Pace;
use server::push::{Addresses, Courier, Delivery, Destinations, Key};
use server::store::DeadLetterFilter;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use fixture::*;
use receiver::{Answer, Receiver};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MS: Duration = Duration::from_millis(1);

/// Civil time begins at [`BEGIN`], so that what the fixture logs has just happened.
struct FromBegin(Instant);

impl Clock for FromBegin {
    fn now(&self) -> Now {
        let passed = self.0.elapsed();
        Now { mono: Mono::ZERO + passed, wall: BEGIN + passed }
    }
}

/// A delivery that runs until it is stopped or killed.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    addresses: watch::Sender<Arc<Addresses>>,
}

fn run(opened: &Opened, urls: &[&str]) -> Running {
    let keyed = |url: &&str| ((ACCOUNT, (*url).to_owned()), Some(Key::parse(SECRET).unwrap()));
    let (addresses, receiver) = watch::channel(Arc::new(urls.iter().map(keyed).collect::<BTreeMap<_, _>>()));
    let delivery = Delivery::new(
        opened.store.reader(),
        opened.writer.clone(),
        Courier::new(Destinations::Any, Duration::from_secs(5)).unwrap(),
        receiver,
        Arc::new(FromBegin(Instant::now())),
        Pace { state: &[MS], lasting: &[MS] },
    );
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(delivery.run(async move {
        stopped.await.ok();
    }));
    Running { stop, task, addresses }
}

impl Running {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }

    /// As a crash would: nothing is written down any more.
    async fn kill(self) {
        self.task.abort();
        self.task.await.unwrap_err();
    }
}

fn rendered(urls: &[&str]) -> Plain {
    Plain { addresses: urls.iter().map(|url| (*url).to_owned()).collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_signed_json_and_settled() {
    let mut receiver = Receiver::start(|_| Answer::Status(204)).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[&receiver.url]);
    opened.log(vec![changed("8000", 0)]);
    let got = receiver.next().await;
    assert_eq!(got.body, r#"{"pushType":"callStatus","eventSeq":1}"#);
    assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(got.header("webhook-id"), format!("{:032x}", 1));
    let reference = standardwebhooks::Webhook::new(SECRET).unwrap();
    let timestamp = got.header("webhook-timestamp").parse().unwrap();
    assert!((0..60).contains(&(timestamp - BEGIN.as_secs())));
    let expected = reference.sign(got.header("webhook-id"), timestamp, got.body.as_bytes()).unwrap();
    assert_eq!(got.header("webhook-signature"), expected);
    running.stop().await;
    assert!(opened.store.reader().unsettled(0, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_agents_pushes_arrive_in_order_whatever_fails() {
    // Every third attempt is refused.
    let mut receiver = Receiver::start(|n| Answer::Status(if n % 3 == 1 { 503 } else { 200 })).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[&receiver.url]);
    let agents = ["8000", "8001", "8002"];
    opened.log((0..60).map(|n: usize| changed(agents[n % 3], u16::try_from(n).unwrap())).collect());
    let mut accepted: Vec<u64> = Vec::new();
    while accepted.len() < 60 {
        let got = receiver.next().await;
        if got.status == 200 {
            accepted.push(got.seq());
        }
    }
    for agent in 0..3 {
        let of_agent: Vec<_> = accepted.iter().filter(|seq| (*seq - 1) % 3 == agent).collect();
        assert!(of_agent.is_sorted(), "{of_agent:?}");
        assert_eq!(of_agent.len(), 20);
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fails_is_tried_again_and_lets_the_next_state_pass() {
    let mut receiver = Receiver::start(|n| Answer::Status(if n == 0 { 500 } else { 200 })).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[&receiver.url]);
    opened.log(vec![recorded(record(100, BEGIN)), changed("8000", 0)]);
    let mut got = [receiver.next().await, receiver.next().await, receiver.next().await];
    assert_eq!((got[0].seq(), got[0].status), (1, 500));
    got.sort_by_key(|got| (got.status, got.seq()));
    assert_eq!((got[0].seq(), got[1].seq()), (1, 2));
    assert_eq!(got[0].header("webhook-id"), got[2].header("webhook-id"), "the same id on every attempt");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let mut elsewhere = Receiver::start(|_| Answer::Status(200)).await;
    let target = elsewhere.url.clone();
    let mut receiver = Receiver::start(move |_| Answer::Redirect(target.clone())).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[&receiver.url]);
    opened.log(vec![changed("8000", 0)]);
    receiver.next().await;
    receiver.next().await;
    assert!(elsewhere.nothing_yet());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_never_answers_delays_no_other() {
    let silent = Receiver::start(|_| Answer::Never).await;
    let mut quick = Receiver::start(|_| Answer::Status(200)).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&silent.url, &quick.url]));
    let running = run(&opened, &[&silent.url, &quick.url]);
    let began = Instant::now();
    opened.log((0..50).map(|n| changed(&format!("80{n:02}"), 0)).collect());
    for _ in 0..50 {
        quick.next().await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "before the silent one's first time-out");
    running.kill().await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_a_failure() {
    let silent = Receiver::start(|_| Answer::Never).await;
    let courier = Courier::new(Destinations::Any, Duration::from_millis(50)).unwrap();
    let error = courier.send(&silent.url, None, 0, "id", String::new()).await.unwrap_err();
    assert_eq!(error, "no answer in time");
}

#[tokio::test]
async fn a_private_receiver_is_never_reached_unless_allowed() {
    let mut receiver = Receiver::start(|_| Answer::Status(200)).await;
    let courier = Courier::new(Destinations::Public, Duration::from_secs(5)).unwrap();
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    for url in [&receiver.url, &by_name] {
        let error = courier.send(url, None, 0, "id", String::new()).await.unwrap_err();
        assert!(error.contains("private network"), "{error}");
    }
    assert!(receiver.nothing_yet());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_what_was_not_settled_is_sent_again_with_its_id() {
    let mut receiver = Receiver::start(|n| if n == 0 { Answer::Never } else { Answer::Status(200) }).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[&receiver.url]);
    opened.log(vec![changed("8000", 0)]);
    let first = receiver.next().await;
    running.kill().await;
    opened.close();
    let opened = open(dir.path());
    let running = run(&opened, &[&receiver.url]);
    let second = receiver.next().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    running.stop().await;
    assert!(opened.store.reader().unsettled(0, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_a_removed_address_becomes_a_dead_letter_and_can_be_replayed() {
    let mut receiver = Receiver::start(|_| Answer::Status(200)).await;
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered(&[&receiver.url]));
    let running = run(&opened, &[]);
    opened.log(vec![changed("8000", 0), recorded(record(100, BEGIN))]);
    let filter = DeadLetterFilter { account: Some(ACCOUNT), ..DeadLetterFilter::default() };
    let reader = opened.store.reader();
    let dead = loop {
        let dead = reader.dead_letters(filter.clone(), 10).await.unwrap();
        if dead.len() == 2 {
            break dead;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((dead[0].kind.as_str(), dead[1].kind.as_str()), ("cdr", "callStatus"), "newest first");
    assert_eq!(dead[0].reason, "the address is not configured any more");
    running.addresses.send(Arc::new(BTreeMap::from([((ACCOUNT, receiver.url.clone()), None)]))).unwrap();
    let one = DeadLetterFilter { id: Some(dead[1].id), ..filter.clone() };
    assert_eq!(opened.writer.replay_dead_letters(Wall::from_millis(BEGIN.as_millis()), one).await, Ok(1));
    let got = receiver.next().await;
    assert_eq!(got.header("webhook-id"), dead[1].event);
    assert!(!got.headers.contains_key("webhook-signature"), "an address without a key gets unsigned pushes");
    assert_eq!(reader.dead_letters(filter, 10).await.unwrap(), dead[..1]);
    running.stop().await;
}
