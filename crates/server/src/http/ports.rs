//! What the HTTP border needs from the rest of the server.

use std::path::PathBuf;
use std::sync::Arc;

use base::{AccountId, Now};
use callcenter::command::{Accepted, Command, Refusal};
use callcenter::config::AccountStatus;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use secrecy::SecretString;

pub use crate::contract::query::RecordQuery;
use crate::contract::time::Zone;

/// Both clocks, read once per step of a request.
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> Now;
}

/// Which accounts there are and what they may do.
pub trait Accounts: Send + Sync {
    /// The account with this appkey. A removed account is here as long as it has a secret.
    fn account(&self, id: AccountId) -> Option<Arc<AccountAccess>>;
}

/// An account as the border sees it.
#[derive(Clone, Debug)]
pub struct AccountAccess {
    /// The appkey.
    pub id: AccountId,
    /// Any of them signs; several so that one can be rotated. None: 50018.
    pub secrets: Vec<SecretString>,
    /// 6717 when removed, 6718 when disabled.
    pub status: AccountStatus,
    /// How often it may ask.
    pub limits: RequestLimits,
    /// The zone its times are shown in.
    pub zone: Zone,
    /// The HTTP status of its refusals.
    pub http_status: HttpStatus,
    /// What `requestInfo.headers` shows.
    pub header_echo: HeaderEcho,
}

/// Requests per wall-clock minute; `None` = unlimited (contract §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Over all routes, else 50010. Default 20.
    pub per_minute: Option<u32>,
    /// Per route, else 50020. Default none.
    pub per_route_per_minute: Option<u32>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        RequestLimits { per_minute: Some(20), per_route_per_minute: None }
    }
}

/// The HTTP status of refusals (contract §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpStatus {
    /// Always 200: the body carries the code.
    #[default]
    Always200,
    /// 401, 429, 404, 400 or 500 after the code.
    Semantic,
}

/// What `requestInfo.headers` shows (contract §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderEcho {
    /// All headers of the request but `m7-sign`.
    #[default]
    WithoutSign,
    /// All of them.
    WithSign,
    /// No `headers` at all.
    Omit,
}

/// Carries commands to the core.
pub trait Calls: Send + Sync {
    /// Resolves when the command was refused, or was accepted and is durable.
    fn command(&self, asked: Asked) -> BoxFuture<'static, Result<Accepted, Refusal>>;
}

/// A command and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub account: AccountId,
    /// The system's id of the request, 32 hex digits.
    pub request: String,
    /// The request's `Idempotency-Key`, which travels into the log so that a crash does not lose the answer.
    pub key: Option<String>,
    /// What is asked.
    pub command: Command,
}

/// Remembers which signatures were used.
pub trait Uses: Send + Sync {
    /// Remembers (account, timestamp, nonce) until the timestamp (epoch seconds) + 300 s has passed; resolves when durable.
    fn remember(
        &self,
        account: AccountId,
        timestamp: i64,
        nonce: &str,
    ) -> BoxFuture<'static, Result<(), UseError>>;
}

/// Why a use cannot be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseError {
    /// It is remembered already (50002).
    Replayed,
    /// The bounded set is full (6700).
    Full,
    /// The store cannot be written (6700).
    Unavailable,
}

/// Remembers for 24 h what was answered to requests with an `Idempotency-Key`.
pub trait Idempotency: Send + Sync {
    /// Claims `key` for a request with this body; resolves when the claim is durable.
    fn begin(
        &self,
        account: AccountId,
        key: &str,
        body_hash: [u8; 32],
    ) -> BoxFuture<'static, Result<Begun, Unavailable>>;
    /// Stores the answer (the whole JSON envelope); resolves when durable.
    fn finish(
        &self,
        account: AccountId,
        key: &str,
        answer: String,
    ) -> BoxFuture<'static, Result<(), Unavailable>>;
    /// Gives the claim back: nothing was carried out, the next request with this key is fresh.
    fn release(&self, account: AccountId, key: &str) -> BoxFuture<'static, Result<(), Unavailable>>;
}

/// What is known of an `Idempotency-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: carry the request out, then `finish` or `release`.
    Fresh,
    /// It was answered with this JSON.
    Done(String),
    /// It was carried out but a crash lost the answer.
    Accepted(Accepted),
    /// It was used for another body (40000).
    Conflict,
    /// The first request is still being carried out.
    InProgress,
}

/// The store cannot be read or written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Finds call records.
pub trait Records: Send + Sync {
    /// One page of what matches, newest first, and how many match in all; both of one moment.
    fn page(&self, query: RecordQuery) -> BoxFuture<'static, Result<RecordPage, Unavailable>>;
}

/// A page of records.
pub struct RecordPage {
    /// All matches, not only this page.
    pub count: u64,
    /// Each record's JSON as the store keeps it, in bounded memory. An error ends the answer unfinished.
    pub list: BoxStream<'static, Result<String, Unavailable>>,
}

/// Finds recording files.
pub trait Recordings: Send + Sync {
    /// The file called `name` (relative, checked to stay below its root) of the recording with this token.
    fn find(&self, token: &str, name: &str) -> BoxFuture<'static, Found>;
}

/// What is known of a recording file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Finished, at this path.
    Ready(PathBuf),
    /// It will be: 404 with Retry-After.
    Unfinished,
    /// No such token or no such file.
    Unknown,
}

/// How the server is.
pub trait Health: Send + Sync {
    /// `Err` with every reason why new calls are not taken (`/readyz`).
    fn ready(&self) -> Result<(), Vec<String>>;
    /// What is wrong although calls are taken (`/readyz`).
    fn warnings(&self) -> Vec<String>;
    /// Everything measured, in Prometheus text form (`/metrics`).
    fn metrics(&self) -> String;
}
