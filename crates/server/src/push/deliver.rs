//! Moves the bytes that [`super::schedule`] decides about.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Now};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::courier::Courier;
use super::limits::{OUTBOX_CHUNK, OUTBOX_LOOK, SETTLE_RETRY, SETTLEMENTS_CHUNK};
use super::schedule::{Address, Outcome, Pace, Schedule, Step};
use super::sign::Key;
use crate::http::ports::{Clock, Unavailable};
use crate::store::{Reader, Settlement, WriterHandle};

/// The addresses that are configured now, with their keys; one without a key gets unsigned pushes.
pub type Addresses = BTreeMap<(AccountId, String), Option<Key>>;

/// Settlements, and whether they were written.
type Written = (Vec<Settlement>, Result<(), Unavailable>);

/// How an attempt ended.
struct Landed {
    id: u64,
    kind: String,
    outcome: Outcome,
}

/// Delivers what the outbox holds.
pub struct Delivery {
    reader: Reader,
    writer: WriterHandle,
    courier: Courier,
    addresses: watch::Receiver<Arc<Addresses>>,
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    /// The last outbox row that was taken in.
    seen: u64,
    /// Tasks of their own: they must go on while this one waits for the store.
    sending: JoinSet<Landed>,
    settled: Vec<Settlement>,
    /// The settlements the writer has now, in case it cannot write them.
    settling: Option<BoxFuture<'static, Written>>,
}

impl Delivery {
    /// Joins the parts. `addresses` may change while it runs: a push to an address that is gone becomes a dead letter.
    pub fn new(
        reader: Reader,
        writer: WriterHandle,
        courier: Courier,
        addresses: watch::Receiver<Arc<Addresses>>,
        clock: Arc<dyn Clock>,
        pace: Pace,
    ) -> Delivery {
        Delivery {
            reader,
            writer,
            courier,
            addresses,
            clock,
            schedule: Schedule::new(pace),
            seen: 0,
            sending: JoinSet::new(),
            settled: Vec::new(),
            settling: None,
        }
    }

    /// Delivers until `stop` resolves; then lets what is under way end and writes down what was settled.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop.fuse());
        let mut look = tokio::time::interval(OUTBOX_LOOK);
        let writer = self.writer.clone();
        loop {
            self.take_steps();
            self.settle();
            let timeout = self.timeout();
            tokio::select! {
                () = &mut stop => break,
                Some(landed) = self.sending.join_next() => self.landed(landed),
                (settlements, result) = settling(&mut self.settling) => self.written(settlements, result),
                () = writer.outbox_grew() => self.take_in().await,
                _tick = look.tick() => self.take_in().await,
                () = tokio::time::sleep(timeout) => {}
            }
        }
        self.finish().await;
    }

    /// Reads what was put into the outbox since the last time.
    async fn take_in(&mut self) {
        loop {
            let pushes = match self.reader.unsettled(self.seen, OUTBOX_CHUNK).await {
                Ok(pushes) => pushes,
                // Looked at again soon.
                Err(error) => return tracing::error!(%error, "the outbox cannot be read"),
            };
            let complete = pushes.len() < OUTBOX_CHUNK;
            let now = self.clock.now();
            for push in pushes {
                self.seen = push.id;
                self.schedule.add(now, push);
            }
            if complete {
                return;
            }
        }
    }

    fn take_steps(&mut self) {
        let now = self.clock.now();
        while let Some(step) = self.schedule.poll(now) {
            match step {
                Step::Send { id, address, kind } => {
                    self.sending.spawn(self.send(now, id, address, kind));
                }
                Step::Settle(settlement) => self.note(settlement),
            }
        }
        metrics::gauge!("cordboard_push_unsettled").set(gauge(self.schedule.len()));
        metrics::gauge!("cordboard_push_in_flight").set(gauge(self.sending.len()));
    }

    fn send(
        &self,
        now: Now,
        id: u64,
        address: Address,
        kind: String,
    ) -> impl Future<Output = Landed> + Send + 'static {
        let (reader, courier, addresses) =
            (self.reader.clone(), self.courier.clone(), self.addresses.borrow().clone());
        async move {
            let Some(key) = addresses.get(&(address.account, address.url.to_string())) else {
                let outcome = Outcome::Hopeless("the address is not configured any more".to_owned());
                return Landed { id, kind, outcome };
            };
            let outcome = match reader.letter(id).await {
                Ok(Some((event, body))) => {
                    let sent =
                        courier.send(&address.url, key.as_ref(), now.wall.as_secs(), &event, body).await;
                    sent.map_or_else(Outcome::Failed, |()| Outcome::Delivered)
                }
                // Settled by somebody else: nothing to do.
                Ok(None) => Outcome::Delivered,
                Err(error) => Outcome::Failed(error.to_string()),
            };
            Landed { id, kind, outcome }
        }
    }

    fn landed(&mut self, landed: Result<Landed, JoinError>) {
        let Landed { id, kind, outcome } = match landed {
            Ok(landed) => landed,
            // Which push it was is lost, so its lane would wait for ever: end, and be started anew.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        let result = match &outcome {
            Outcome::Delivered => "delivered",
            Outcome::Failed(reason) => {
                tracing::debug!(push = id, kind, reason, "a push was not delivered");
                "failed"
            }
            Outcome::Hopeless(_) => "hopeless",
        };
        metrics::counter!("cordboard_push_attempts_total", "kind" => kind, "result" => result).increment(1);
        self.schedule.finished(self.clock.now(), id, outcome);
    }

    fn note(&mut self, settlement: Settlement) {
        if let Settlement::Dead { id, reason } = &settlement {
            metrics::counter!("cordboard_push_dead_letters_total").increment(1);
            tracing::warn!(push = id, reason, "a push became a dead letter");
        }
        self.settled.push(settlement);
    }

    /// Passes settlements to the writer, one batch at a time.
    fn settle(&mut self) {
        if self.settling.is_some() || self.settled.is_empty() {
            return;
        }
        let chunk = self.settled.len().min(SETTLEMENTS_CHUNK);
        let batch: Vec<Settlement> = self.settled.drain(..chunk).collect();
        let written = self.writer.settle(self.clock.now().wall, batch.clone());
        self.settling = Some(
            async move {
                let result = written.await;
                if result.is_err() {
                    tokio::time::sleep(SETTLE_RETRY).await;
                }
                (batch, result)
            }
            .boxed(),
        );
    }

    fn written(&mut self, batch: Vec<Settlement>, result: Result<(), Unavailable>) {
        self.settling = None;
        match result {
            Ok(()) => {}
            // The log's own troubles are told elsewhere; a push that stays in the outbox is sent again after a restart.
            Err(Unavailable) => self.settled.extend(batch),
        }
    }

    /// How long nothing is due.
    fn timeout(&self) -> Duration {
        let now = self.clock.now().mono;
        self.schedule.next_timeout().map_or(OUTBOX_LOOK, |at| at.since(now)).min(OUTBOX_LOOK)
    }

    async fn finish(mut self) {
        while let Some(landed) = self.sending.join_next().await {
            self.landed(landed);
        }
        let now = self.clock.now();
        while let Some(step) = self.schedule.poll(now) {
            match step {
                Step::Settle(settlement) => self.note(settlement),
                // Left for the next run.
                Step::Send { .. } => break,
            }
        }
        loop {
            if let Some(written) = self.settling.take() {
                let (_batch, Ok(())) = written.await else { return };
            }
            self.settle();
            if self.settling.is_none() {
                return;
            }
        }
    }
}

/// The write under way; never resolves when there is none.
async fn settling(write: &mut Option<BoxFuture<'static, Written>>) -> Written {
    match write {
        Some(write) => write.await,
        None => std::future::pending().await,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; queues are far below 2^52")]
fn gauge(n: usize) -> f64 {
    n as f64
}
