//! The verbs of call control: a body becomes a command, the core's verdict becomes an answer.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
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
use tokio::time::{Instant, timeout, timeout_at};

use super::Border;
use super::exchange::{Answer, Exchange};
use super::ports::{Asked, Begun, Unavailable};
use crate::contract::codes::{Code, Fault, Wrong};
use crate::contract::envelope;
use crate::contract::limits::{COMMAND_MAX, FIRST_ANSWER_MAX, IDEMPOTENCY_KEY_CHARS_MAX, STORE_MAX};
use crate::contract::request;
use crate::contract::verb::Verb;

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
    let request = request::read(verb, &body)?;
    exchange.action_id = request.action_id;
    let asked = Asked {
        account: account.id,
        request: exchange.id.clone(),
        command: request.command,
        key: idempotency_key(exchange)?,
    };
    // A task of its own: a client that hangs up, or our own impatience, leaves no answer unstored and no key claimed for
    // nothing.
    let task = tokio::spawn(answer_once(exchange.clone(), verb, asked, hash(verb, &body)));
    match timeout(COMMAND_MAX, task).await {
        Ok(Ok(answered)) => answered.map(|(answer, turn)| respond(exchange, answer, turn)),
        Ok(Err(_)) => Err(Code::RemoteUnknownError.into()),
        Err(_) => Err(Code::RemoteFailed.into()),
    }
}

/// Whether a request was carried out or another one's answer repeated.
enum Turn {
    First,
    Repeat,
}

fn respond(exchange: &Exchange, answer: Answer, turn: Turn) -> Response {
    let mut response = exchange.respond(answer);
    if let Turn::Repeat = turn {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Carries a request out, unless it has a key that was used before: then the first answer is given again.
async fn answer_once(
    mut exchange: Exchange,
    verb: Verb,
    asked: Asked,
    hash: [u8; 32],
) -> Result<(Answer, Turn), Fault> {
    let Some(key) = asked.key.clone() else {
        let (answer, _) = carry_out(&mut exchange, verb, asked).await;
        return Ok((answer, Turn::First));
    };
    let account = asked.account;
    match claim(&exchange.border, account, &key, hash).await? {
        Begun::Fresh => {
            let (answer, verdict) = carry_out(&mut exchange, verb, asked).await;
            settle(&exchange, account, &key, &answer, verdict).await;
            Ok((answer, Turn::First))
        }
        Begun::Done(text) => {
            let refused = envelope::refused(&text);
            Ok((Answer { text, refused }, Turn::Repeat))
        }
        Begun::Accepted(accepted) => {
            exchange.answered();
            Ok((conclude(&exchange, verb, Ok(accepted)), Turn::Repeat))
        }
        Begun::Conflict => Err(Fault::field("Idempotency-Key", Wrong::UsedForAnotherBody)),
        Begun::InProgress => Err(Code::RemoteFailed.into()),
    }
}

/// Has the core decide.
async fn carry_out(exchange: &mut Exchange, verb: Verb, asked: Asked) -> (Answer, Result<Accepted, Refusal>) {
    let verdict = exchange.border.ports.calls.command(asked).await;
    exchange.answered();
    (conclude(exchange, verb, verdict), verdict)
}

/// Stores the answer under its key, or gives the key back when nothing was done; then repeats need wait no longer.
async fn settle(
    exchange: &Exchange,
    account: AccountId,
    key: &str,
    answer: &Answer,
    verdict: Result<Accepted, Refusal>,
) {
    let idempotency = &exchange.border.ports.idempotency;
    let stored = match verdict {
        Err(Refusal::LogUnavailable | Refusal::Overloaded | Refusal::Full(_)) => {
            idempotency.release(account, key).await
        }
        Ok(_) | Err(_) => idempotency.finish(account, key, answer.text.clone()).await,
    };
    if let Err(Unavailable) = stored {
        tracing::warn!(
            request = exchange.id,
            account = account.0,
            "the answer could not be stored for a repeat"
        );
    }
    exchange.border.keys_settled.notify_waiters();
}

/// Claims the key. While the first request with it is being carried out, waits for that one's answer.
async fn claim(border: &Border, account: AccountId, key: &str, hash: [u8; 32]) -> Result<Begun, Code> {
    let until = Instant::now() + FIRST_ANSWER_MAX;
    loop {
        // Listening begins before the look, so that nothing is settled unnoticed in between.
        let mut settled = pin!(border.keys_settled.notified());
        settled.as_mut().enable();
        match begin(border, account, key, hash).await? {
            Begun::InProgress if timeout_at(until, settled).await.is_ok() => {}
            begun => return Ok(begun),
        }
    }
}

/// Claims the key once. A claim that comes too late is given back: its request has been refused.
async fn begin(border: &Border, account: AccountId, key: &str, hash: [u8; 32]) -> Result<Begun, Code> {
    let idempotency = border.ports.idempotency.clone();
    let mut claiming = idempotency.begin(account, key, hash);
    if let Ok(begun) = timeout(STORE_MAX, &mut claiming).await {
        return begun.map_err(|Unavailable| Code::PresenceUnavailable);
    }
    let key = key.to_owned();
    tokio::spawn(async move {
        if claiming.await == Ok(Begun::Fresh) {
            // A store that fails now, too, resolves the claim when it is opened again.
            let _ = idempotency.release(account, &key).await;
        }
    });
    Err(Code::PresenceUnavailable)
}

fn conclude(exchange: &Exchange, verb: Verb, verdict: Result<Accepted, Refusal>) -> Answer {
    match verdict {
        Ok(accepted) => {
            let info = exchange.info();
            let media_server = &exchange.border.settings.media_server;
            let data = envelope::data(verb, accepted.call, &info, media_server, exchange.zone());
            Answer { text: envelope::success(verb, data, &info), refused: None }
        }
        Err(refusal) => exchange.refusal(&Fault::of(refusal, verb)),
    }
}

/// What makes two requests the same.
fn hash(verb: Verb, body: &Bytes) -> [u8; 32] {
    Sha256::new().chain_update(verb.name()).chain_update([0]).chain_update(body).finalize().into()
}

fn idempotency_key(exchange: &Exchange) -> Result<Option<String>, Fault> {
    let Some(value) = exchange.header(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().map_err(|_| Fault::field("Idempotency-Key", Wrong::NotPrintable))?;
    if key.len() > IDEMPOTENCY_KEY_CHARS_MAX {
        return Err(Fault::field("Idempotency-Key", Wrong::LongerThan(IDEMPOTENCY_KEY_CHARS_MAX)));
    }
    Ok(Some(key.to_owned()).filter(|key| !key.is_empty()))
}
