//! The verbs of API chapters 1 and 2: a body becomes a command, the core's verdict becomes an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use base::AccountId;
use bytes::Bytes;
use callcenter::command::{Accepted, Refusal};
use futures::FutureExt;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::Border;
use super::exchange::{Answer, Exchange};
use super::ports::{Asked, Begun, Unavailable};
use crate::contract::codes::{Code, Fault, Wrong};
use crate::contract::envelope;
use crate::contract::limits::{COMMAND_MAX, IDEMPOTENCY_KEY_CHARS_MAX};
use crate::contract::request::{self, Verb};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotent-replayed";

/// Answers one request for `verb`.
pub(super) async fn call(border: Arc<Border>, verb: Verb, request: Request) -> Response {
    let mut exchange = Exchange::begin(border, verb.name(), &request);
    let answer = AssertUnwindSafe(answer(&mut exchange, verb, request.into_body())).catch_unwind().await;
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(fault)) => exchange.refuse(&fault),
        Err(_) => exchange.refuse(&Code::RemoteUnknownError.into()),
    }
}

async fn answer(exchange: &mut Exchange, verb: Verb, body: Body) -> Result<Response, Fault> {
    let (account, body) = exchange.admit(body).await?;
    let asked = Asked {
        account: account.id,
        request: exchange.id.clone(),
        command: request::command(verb, &body)?,
        key: idempotency_key(exchange)?,
    };
    if let Some(key) = &asked.key {
        let begun = begin(exchange, account.id, key, verb, &body).await?;
        if let Some(first) = already(exchange, verb, begun)? {
            let mut response = exchange.respond(first);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            return Ok(response);
        }
    }
    // A task of its own: a client that hangs up, or our own impatience, does not keep the answer from being stored.
    let task = tokio::spawn(carry_out(exchange.clone(), verb, asked));
    match timeout(COMMAND_MAX, task).await {
        Ok(Ok(answer)) => Ok(exchange.respond(answer)),
        Ok(Err(_)) => Err(Code::RemoteUnknownError.into()),
        Err(_) => Err(Code::RemoteFailed.into()),
    }
}

/// Has the core decide; stores the answer under its key, or gives the key back when nothing was done.
async fn carry_out(mut exchange: Exchange, verb: Verb, asked: Asked) -> Answer {
    let (account, key) = (asked.account, asked.key.clone());
    let verdict = exchange.border.ports.calls.command(asked).await;
    exchange.answered();
    let answer = conclude(&exchange, verb, verdict);
    if let Some(key) = key {
        let idempotency = &exchange.border.ports.idempotency;
        let stored = match verdict {
            Err(Refusal::LogUnavailable | Refusal::Overloaded) => idempotency.release(account, &key).await,
            Ok(_) | Err(_) => idempotency.finish(account, &key, answer.text.clone()).await,
        };
        if let Err(Unavailable) = stored {
            tracing::warn!(
                request = exchange.id,
                account = account.0,
                "the answer could not be stored for a repeat"
            );
        }
    }
    answer
}

fn conclude(exchange: &Exchange, verb: Verb, verdict: Result<Accepted, Refusal>) -> Answer {
    match verdict {
        Ok(accepted) => {
            let info = exchange.info();
            let media_server = &exchange.border.settings.media_server;
            let data = envelope::data(verb, accepted.call, &info, media_server, exchange.zone());
            Answer { text: envelope::success(data, &info), refused: None }
        }
        Err(refusal) => exchange.refusal(&refusal.into()),
    }
}

async fn begin(
    exchange: &Exchange,
    account: AccountId,
    key: &str,
    verb: Verb,
    body: &Bytes,
) -> Result<Begun, Code> {
    let hash = Sha256::new().chain_update(verb.name()).chain_update([0]).chain_update(body).finalize();
    let begun = exchange.border.ports.idempotency.begin(account, key, hash.into()).await;
    begun.map_err(|Unavailable| Code::PresenceUnavailable)
}

/// The answer to a repeat; `None` when this is the first request with its key.
fn already(exchange: &mut Exchange, verb: Verb, begun: Begun) -> Result<Option<Answer>, Fault> {
    match begun {
        Begun::Fresh => Ok(None),
        Begun::Done(text) => {
            let refused = envelope::refused(&text);
            Ok(Some(Answer { text, refused }))
        }
        Begun::Accepted(accepted) => {
            exchange.answered();
            Ok(Some(conclude(exchange, verb, Ok(accepted))))
        }
        Begun::Conflict => Err(Fault::field("Idempotency-Key", Wrong::UsedForAnotherBody)),
        Begun::InProgress => Err(Code::RemoteFailed.into()),
    }
}

fn idempotency_key(exchange: &Exchange) -> Result<Option<String>, Fault> {
    let Some(value) = exchange.header(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().map_err(|_| Fault::field("Idempotency-Key", Wrong::NotPrintable))?;
    if key.len() > IDEMPOTENCY_KEY_CHARS_MAX {
        return Err(Fault::field("Idempotency-Key", Wrong::LongerThan(IDEMPOTENCY_KEY_CHARS_MAX)));
    }
    Ok(Some(key.to_owned()).filter(|key| !key.is_empty()))
}
