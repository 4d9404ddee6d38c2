//! A customer's web server. One of its addresses always takes what comes; the other fails now and then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base::Random;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::ledger::Ledger;

/// Of a hundred events, so many are answered with 500 when they come first.
const REFUSED_PERCENT: u64 = 6;
/// Of a hundred events, so many are not answered at all when they come first.
const HANGING_PERCENT: u64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    Steady,
    Shaky,
}

impl Address {
    pub const ALL: [Address; 2] = [Address::Steady, Address::Shaky];

    pub fn path(self) -> &'static str {
        match self {
            Address::Steady => "/steady",
            Address::Shaky => "/shaky",
        }
    }
}

/// A push that arrived, whatever was answered.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub address: Address,
    /// `eventUniqueId`
    pub id: String,
    /// `pushType`
    pub kind: String,
    /// `eventSeq`
    pub seq: u64,
    /// `agentNumber`, else empty.
    pub agent: String,
    /// `callUniqueId`, else empty.
    pub call: String,
    /// `callEvent`, else empty.
    pub moment: String,
    /// `cdrType`, else empty.
    pub record: String,
    pub body: String,
}

/// A running web server.
pub struct Receiver {
    pub urls: Vec<String>,
}

struct Shared {
    ledger: Arc<Ledger>,
    moods: Mutex<Moods>,
}

/// How the shaky address feels about what comes.
struct Moods {
    random: Random,
    met: BTreeSet<String>,
}

enum Mood {
    Take,
    Refuse,
    Hang,
}

impl Receiver {
    pub async fn start(ledger: Arc<Ledger>, random: Random) -> Receiver {
        let moods = Mutex::new(Moods { random, met: BTreeSet::new() });
        let shared = Arc::new(Shared { ledger, moods });
        let app = Router::new()
            .route(Address::Steady.path(), post(steady))
            .route(Address::Shaky.path(), post(shaky))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let at = listener.local_addr().expect("is bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Receiver { urls: Address::ALL.map(|address| format!("http://{at}{}", address.path())).to_vec() }
    }
}

async fn steady(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> StatusCode {
    shared.arrived(Address::Steady, &headers, body);
    StatusCode::OK
}

async fn shaky(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> StatusCode {
    let id = shared.arrived(Address::Shaky, &headers, body);
    let mood = shared.moods.lock().unwrap_or_else(PoisonError::into_inner).about(id);
    match mood {
        Mood::Take => StatusCode::NO_CONTENT,
        Mood::Refuse => StatusCode::INTERNAL_SERVER_ERROR,
        Mood::Hang => std::future::pending().await,
    }
}

impl Shared {
    fn arrived(&self, address: Address, headers: &HeaderMap, body: String) -> String {
        let push: Value = serde_json::from_str(&body).unwrap_or_default();
        let text = |field: &str| push[field].as_str().unwrap_or_default().to_owned();
        let id = text("eventUniqueId");
        let header = headers.get("webhook-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let fault = (header != id).then(|| format!("webhook-id {header}, but eventUniqueId {id}"));
        let arrival = Arrival {
            address,
            id: id.clone(),
            kind: text("pushType"),
            seq: push["eventSeq"].as_u64().unwrap_or(0),
            agent: text("agentNumber"),
            call: text("callUniqueId"),
            moment: text("callEvent"),
            record: text("cdrType"),
            body,
        };
        self.ledger.arrived(arrival, fault);
        id
    }
}

impl Moods {
    /// An event fails once at most, so that a record does not wait for minutes.
    fn about(&mut self, id: String) -> Mood {
        if !self.met.insert(id) {
            return Mood::Take;
        }
        match self.random.below(100) {
            0..HANGING_PERCENT => Mood::Hang,
            percent if percent < HANGING_PERCENT + REFUSED_PERCENT => Mood::Refuse,
            _ => Mood::Take,
        }
    }
}
