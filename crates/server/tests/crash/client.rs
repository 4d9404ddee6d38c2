//! A customer's program: asks with a signature, and knows what it does not know.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use server::contract::auth;

use crate::place::{APPKEY, SECRET};

/// An answer that takes longer is lost.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// HTTP 200 with code 200.
    Accepted { call: Option<String>, replayed: bool, data: Value },
    /// HTTP 200 with another code.
    Refused(String),
    /// It never reached the server.
    NotSent,
    /// Nobody knows: it may have been carried out.
    Lost,
}

/// What makes a signature good once.
#[derive(Clone, Debug)]
pub struct Stamp {
    pub timestamp: u64,
    pub nonce: String,
}

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub fn new(at: SocketAddr) -> Client {
        // An error says that the process has chosen a provider already.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let http =
            reqwest::Client::builder().no_proxy().timeout(ANSWER_MAX).pool_max_idle_per_host(0).build();
        Client { http: http.expect("the system has what a client needs"), base: format!("http://{at}") }
    }

    /// Asks, freshly signed.
    pub async fn ask(&self, verb: &str, body: &Value, key: Option<&str>) -> Answer {
        self.ask_stamped(verb, body, key, &Stamp::fresh()).await
    }

    pub async fn ask_stamped(&self, verb: &str, body: &Value, key: Option<&str>, stamp: &Stamp) -> Answer {
        let timestamp = stamp.timestamp.to_string();
        let mut request = self
            .http
            .post(format!("{}/openapi/v1/call/{verb}", self.base))
            .header("m7-appkey", APPKEY)
            .header("m7-timestamp", &timestamp)
            .header("m7-nonce", &stamp.nonce)
            .header("m7-sign", auth::sign(SECRET, APPKEY, &timestamp, &stamp.nonce))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = match request.body(body.to_string()).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => return Answer::NotSent,
            Err(_) => return Answer::Lost,
        };
        assert_eq!(answer.status(), 200, "refusals, too, are HTTP 200");
        let replayed = answer.headers().contains_key("idempotent-replayed");
        let Ok(text) = answer.text().await else { return Answer::Lost };
        let body: Value = serde_json::from_str(&text).expect("answers are JSON");
        let code = body["code"].as_str().expect("an answer has a code").to_owned();
        if code != "200" {
            return Answer::Refused(code);
        }
        let call = body["data"]["response"]["data"]["callUniqueId"].as_str().map(str::to_owned);
        Answer::Accepted { call, replayed, data: body["data"].clone() }
    }

    /// Asks for what must be accepted.
    pub async fn must(&self, verb: &str, body: &Value) -> Value {
        match self.ask(verb, body, None).await {
            Answer::Accepted { data, .. } => data,
            other => panic!("{verb} {body}: {other:?}"),
        }
    }

    /// Begins a call that must be accepted; returns its number.
    pub async fn dial(&self, agent: &str, to: &str) -> String {
        let body = serde_json::json!({"agentNumber": agent, "calleeNumber": to, "extras": "one call"});
        match self.ask("dialOut", &body, None).await {
            Answer::Accepted { call: Some(call), .. } => call,
            other => panic!("dialOut: {other:?}"),
        }
    }

    /// Fetches a link that a record gave.
    pub async fn fetch(&self, link: &str) -> Result<Vec<u8>, String> {
        let answer = self.http.get(link).send().await.map_err(|error| error.to_string())?;
        if answer.status() != 200 {
            return Err(format!("HTTP status {}", answer.status()));
        }
        Ok(answer.bytes().await.map_err(|error| error.to_string())?.to_vec())
    }
}

impl Stamp {
    pub fn fresh() -> Stamp {
        Stamp::ahead(0)
    }

    /// As a client would whose clock is fast by `s` seconds.
    pub fn ahead(s: u64) -> Stamp {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970");
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % 1_000_000;
        Stamp { timestamp: since.as_secs() + s, nonce: format!("{number:06}") }
    }
}
