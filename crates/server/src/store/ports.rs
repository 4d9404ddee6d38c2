//! The store as the HTTP border sees it.

use std::sync::Arc;

use base::AccountId;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{StreamExt, TryStreamExt};

use super::{Reader, WriterHandle};
use crate::http::ports::{
    Begun, Clock, Idempotency, RecordPage, RecordQuery, Records, Unavailable, UseError, Uses,
};

/// Nonces, idempotency keys and records, for the HTTP border.
#[derive(Clone)]
pub struct Ports {
    writer: WriterHandle,
    reader: Reader,
    clock: Arc<dyn Clock>,
}

impl Ports {
    /// Joins the two sides of the store and a clock.
    pub fn new(writer: WriterHandle, reader: Reader, clock: Arc<dyn Clock>) -> Ports {
        Ports { writer, reader, clock }
    }
}

impl Uses for Ports {
    fn remember(
        &self,
        account: AccountId,
        timestamp: i64,
        nonce: &str,
    ) -> BoxFuture<'static, Result<(), UseError>> {
        self.writer.remember_nonce(self.clock.now().wall, account, timestamp, nonce).boxed()
    }
}

impl Idempotency for Ports {
    fn begin(
        &self,
        account: AccountId,
        key: &str,
        body_hash: [u8; 32],
    ) -> BoxFuture<'static, Result<Begun, Unavailable>> {
        self.writer.begin_key(self.clock.now().wall, account, key, body_hash).boxed()
    }

    fn finish(
        &self,
        account: AccountId,
        key: &str,
        answer: String,
    ) -> BoxFuture<'static, Result<(), Unavailable>> {
        self.writer.finish_key(account, key, answer).boxed()
    }

    fn release(&self, account: AccountId, key: &str) -> BoxFuture<'static, Result<(), Unavailable>> {
        self.writer.release_key(account, key).boxed()
    }
}

impl Records for Ports {
    fn page(&self, query: RecordQuery) -> BoxFuture<'static, Result<RecordPage, Unavailable>> {
        let reader = self.reader.clone();
        async move {
            let page = reader.records(query).await.map_err(unavailable)?;
            Ok(RecordPage { count: page.count, list: page.list.map_err(unavailable).boxed() })
        }
        .boxed()
    }
}

fn unavailable(error: super::StoreError) -> Unavailable {
    tracing::error!(%error, "records cannot be read");
    Unavailable
}
