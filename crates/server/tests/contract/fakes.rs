//! The ports of the HTTP border, in memory, with every answer and every clock under the test's control.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use base::{AccountId, Mono, Now, Random, Wall};
use callcenter::command::{Accepted, Refusal};
use callcenter::config::AccountStatus;
use futures::future::{BoxFuture, FutureExt, pending, ready};
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use serde_json::Value;
use server::contract::auth::sign;
use server::contract::time::Zone;
use server::http::ports::*;
use server::http::{HttpSettings, Ports, router};
use tokio::sync::{Notify, watch};
use tower::ServiceExt;

pub(crate) const ACCOUNT: AccountId = AccountId(2_000_103);
pub(crate) const SECRET: &str = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";
/// The server's time at the beginning: `m7-timestamp` of the first published vector.
pub(crate) const BEGIN_S: i64 = 1_608_119_594;

/// What the core says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Core {
    Says(Result<Accepted, Refusal>),
    SaysNothing,
    /// When [`World::told`] is notified.
    SaysWhenTold(Result<Accepted, Refusal>),
    Panics,
}

/// Everything the fakes remember and obey.
pub(crate) struct World {
    pub(crate) now_ms: Mutex<i64>,
    pub(crate) access: Mutex<AccountAccess>,
    pub(crate) core: Mutex<Core>,
    pub(crate) asked: Mutex<Vec<Asked>>,
    pub(crate) used: Mutex<BTreeSet<(i64, String)>>,
    pub(crate) use_error: Mutex<Option<UseError>>,
    /// While true, no use is written.
    pub(crate) uses_stalled: watch::Sender<bool>,
    /// While true, no key is written.
    pub(crate) keys_stalled: watch::Sender<bool>,
    pub(crate) told: Arc<Notify>,
    pub(crate) keys: Arc<Mutex<BTreeMap<String, Begun>>>,
    pub(crate) hashes: Arc<Mutex<BTreeMap<String, [u8; 32]>>>,
    pub(crate) queries: Mutex<Vec<RecordQuery>>,
    pub(crate) records: Mutex<Vec<Result<String, Unavailable>>>,
    pub(crate) found: Mutex<Found>,
    pub(crate) looked_for: Mutex<Vec<(String, String)>>,
    pub(crate) not_ready: Mutex<Vec<String>>,
    pub(crate) warnings: Mutex<Vec<String>>,
    nonce: Mutex<u32>,
    /// Built once: it counts requests.
    router: OnceLock<Router>,
}

impl World {
    pub(crate) fn new() -> Arc<World> {
        let access = AccountAccess {
            id: ACCOUNT,
            secrets: vec!["another".into(), SECRET.into()],
            status: AccountStatus::Enabled,
            limits: RequestLimits { per_minute: None, per_route_per_minute: None },
            zone: Zone::default(),
            http_status: HttpStatus::Always200,
            header_echo: HeaderEcho::WithoutSign,
        };
        Arc::new(World {
            now_ms: Mutex::new(BEGIN_S * 1000),
            access: Mutex::new(access),
            core: Mutex::new(Core::Says(Ok(Accepted::default()))),
            asked: Mutex::default(),
            used: Mutex::default(),
            use_error: Mutex::default(),
            uses_stalled: watch::Sender::new(false),
            keys_stalled: watch::Sender::new(false),
            told: Arc::default(),
            keys: Arc::default(),
            hashes: Arc::default(),
            queries: Mutex::default(),
            records: Mutex::default(),
            found: Mutex::new(Found::Unknown),
            looked_for: Mutex::default(),
            not_ready: Mutex::default(),
            warnings: Mutex::default(),
            nonce: Mutex::default(),
            router: OnceLock::new(),
        })
    }

    pub(crate) fn says(&self, verdict: Result<Accepted, Refusal>) {
        *self.core.lock().unwrap() = Core::Says(verdict);
    }

    pub(crate) fn router(self: &Arc<World>) -> Router {
        self.router.get_or_init(|| self.new_router()).clone()
    }

    fn new_router(self: &Arc<World>) -> Router {
        let ports = Ports {
            clock: self.clone(),
            accounts: self.clone(),
            calls: self.clone(),
            uses: self.clone(),
            idempotency: self.clone(),
            records: self.clone(),
            recordings: self.clone(),
            health: self.clone(),
        };
        let settings = HttpSettings {
            proxy_base: "http://127.0.0.1:8080/call".to_owned(),
            media_server: "127.0.0.1:11100".to_owned(),
            http_status: HttpStatus::Always200,
            header_echo: HeaderEcho::WithoutSign,
        };
        router(ports, settings, Random::from_number(1))
    }

    /// A signed POST with a nonce of its own.
    pub(crate) fn signed(&self, path: &str) -> axum::http::request::Builder {
        let mut nonce = self.nonce.lock().unwrap();
        *nonce += 1;
        let (timestamp, nonce) = ((*self.now_ms.lock().unwrap() / 1000).to_string(), format!("{nonce:06}"));
        Request::post(path)
            .header("host", "calls.example.com")
            .header("content-type", "application/json")
            .header("m7-appkey", "2000103")
            .header("m7-timestamp", &timestamp)
            .header("m7-nonce", &nonce)
            .header("m7-sign", sign(SECRET, "2000103", &timestamp, &nonce))
    }

    /// The answer to a signed POST of `body`.
    pub(crate) async fn ask(self: &Arc<World>, path: &str, body: &str) -> Value {
        self.answer(self.signed(path).body(Body::from(body.to_owned())).unwrap()).await
    }

    /// The answer to any request, which must be JSON.
    pub(crate) async fn answer(self: &Arc<World>, request: Request<Body>) -> Value {
        json(self.response(request).await).await
    }

    pub(crate) async fn response(self: &Arc<World>, request: Request<Body>) -> Response<Body> {
        self.router().oneshot(request).await.unwrap()
    }

    pub(crate) fn later(&self, ms: i64) {
        *self.now_ms.lock().unwrap() += ms;
    }
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

pub(crate) async fn json(response: Response<Body>) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    serde_json::from_str(&text(response).await).unwrap()
}

/// The `code` of an answer.
pub(crate) fn code(answer: &Value) -> &str {
    answer["code"].as_str().expect("a code is a string")
}

/// What `write` says as soon as the store can be written.
fn once_written<T: 'static>(
    stalled: &watch::Sender<bool>,
    write: impl FnOnce() -> T + Send + 'static,
) -> BoxFuture<'static, T> {
    let mut stalled = stalled.subscribe();
    async move {
        stalled.wait_for(|stalled| !stalled).await.expect("the world outlives its store");
        write()
    }
    .boxed()
}

fn at_once<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    ready(value).boxed()
}

impl Clock for World {
    /// Every look takes a millisecond, so that spans are not all zero.
    fn now(&self) -> Now {
        let mut now = self.now_ms.lock().unwrap();
        *now += 1;
        Now { mono: Mono::ZERO, wall: Wall::from_millis(*now - 1) }
    }
}

impl Accounts for World {
    fn account(&self, id: AccountId) -> Option<Arc<AccountAccess>> {
        let access = self.access.lock().unwrap().clone();
        (id == access.id).then(|| Arc::new(access))
    }
}

impl Calls for World {
    fn command(&self, asked: Asked) -> BoxFuture<'static, Result<Accepted, Refusal>> {
        self.asked.lock().unwrap().push(asked);
        let core = *self.core.lock().unwrap();
        match core {
            Core::Says(verdict) => at_once(verdict),
            Core::SaysNothing => pending().boxed(),
            Core::SaysWhenTold(verdict) => {
                let told = self.told.clone();
                async move {
                    told.notified().await;
                    verdict
                }
                .boxed()
            }
            Core::Panics => panic!("the core is broken"),
        }
    }
}

impl Uses for World {
    fn remember(
        &self,
        account: AccountId,
        timestamp: i64,
        nonce: &str,
    ) -> BoxFuture<'static, Result<(), UseError>> {
        assert_eq!(account, ACCOUNT);
        if let Some(error) = *self.use_error.lock().unwrap() {
            return at_once(Err(error));
        }
        let fresh = self.used.lock().unwrap().insert((timestamp, nonce.to_owned()));
        once_written(&self.uses_stalled, move || if fresh { Ok(()) } else { Err(UseError::Replayed) })
    }
}

impl Idempotency for World {
    fn begin(
        &self,
        _: AccountId,
        key: &str,
        hash: [u8; 32],
    ) -> BoxFuture<'static, Result<Begun, Unavailable>> {
        let (key, keys, hashes) = (key.to_owned(), self.keys.clone(), self.hashes.clone());
        once_written(&self.keys_stalled, move || {
            if *hashes.lock().unwrap().entry(key.clone()).or_insert(hash) != hash {
                return Ok(Begun::Conflict);
            }
            let mut keys = keys.lock().unwrap();
            let begun = keys.get(&key).cloned().unwrap_or(Begun::Fresh);
            keys.entry(key).or_insert(Begun::InProgress);
            Ok(begun)
        })
    }

    fn finish(&self, _: AccountId, key: &str, answer: String) -> BoxFuture<'static, Result<(), Unavailable>> {
        self.keys.lock().unwrap().insert(key.to_owned(), Begun::Done(answer));
        at_once(Ok(()))
    }

    fn release(&self, _: AccountId, key: &str) -> BoxFuture<'static, Result<(), Unavailable>> {
        self.keys.lock().unwrap().remove(key);
        self.hashes.lock().unwrap().remove(key);
        at_once(Ok(()))
    }
}

impl Records for World {
    fn page(&self, query: RecordQuery) -> BoxFuture<'static, Result<RecordPage, Unavailable>> {
        self.queries.lock().unwrap().push(query);
        let records = self.records.lock().unwrap().clone();
        at_once(Ok(RecordPage { count: records.len() as u64 + 40, list: stream::iter(records).boxed() }))
    }
}

impl Recordings for World {
    fn find(&self, token: &str, name: &str) -> BoxFuture<'static, Found> {
        self.looked_for.lock().unwrap().push((token.to_owned(), name.to_owned()));
        at_once(self.found.lock().unwrap().clone())
    }
}

impl Health for World {
    fn ready(&self) -> Result<(), Vec<String>> {
        let reasons = self.not_ready.lock().unwrap().clone();
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap().clone()
    }

    fn metrics(&self) -> String {
        "calls_open 0\n".to_owned()
    }
}

/// A file that is removed with the directory that holds it.
pub(crate) fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.wav");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}
