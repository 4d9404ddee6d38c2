//! `cdr/list` (API 2.13): the answer is written while the records are read, in bounded memory.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, Stream, StreamExt};
use tokio::time::timeout;

use super::Border;
use super::exchange::{Exchange, json};
use super::ports::{RecordPage, Unavailable};
use crate::contract::codes::{Code, Fault};
use crate::contract::envelope;
use crate::contract::limits::COMMAND_MAX;
use crate::contract::query::query;

/// Answers one query.
pub(super) async fn list(State(border): State<Arc<Border>>, request: Request) -> Response {
    let mut exchange = Exchange::begin(border, "cdr/list", &request);
    match AssertUnwindSafe(find(&mut exchange, request.into_body())).catch_unwind().await {
        Ok(Ok(page)) => {
            exchange.report(None);
            json(StatusCode::OK, Body::from_stream(written(exchange, page)))
        }
        Ok(Err(fault)) => exchange.refuse(&fault),
        Err(_) => exchange.refuse(&Code::RemoteUnknownError.into()),
    }
}

async fn find(exchange: &mut Exchange, body: Body) -> Result<RecordPage, Fault> {
    let (account, body) = exchange.admit(body).await?;
    let query = query(account.id, account.zone, &body)?;
    let page = timeout(COMMAND_MAX, exchange.border.ports.records.page(query)).await;
    Ok(page.map_err(|_| Code::RemoteFailed)?.map_err(|Unavailable| Code::RemoteFailed)?)
}

/// The envelope around the records. A record that cannot be read breaks the answer off: the client sees that it is
/// unfinished, and never takes a part for the whole.
fn written(mut exchange: Exchange, page: RecordPage) -> impl Stream<Item = io::Result<Bytes>> {
    let head = stream::once(async { Ok(Bytes::from(envelope::list_head())) });
    let records = page.list.enumerate().map(|(i, record)| match record {
        Ok(record) if i == 0 => Ok(Bytes::from(record)),
        Ok(record) => Ok(Bytes::from(format!(",{record}"))),
        Err(Unavailable) => Err(io::Error::other("a call record could not be read")),
    });
    let tail = stream::once(async move {
        exchange.answered();
        Ok(Bytes::from(envelope::list_tail(page.count, &exchange.info())))
    });
    head.chain(records).chain(tail)
}
