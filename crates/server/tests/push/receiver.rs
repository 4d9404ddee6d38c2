//! A customer's web server: answers as told and tells what came.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use tokio::sync::mpsc;

/// How to answer an attempt.
pub enum Answer {
    Status(u16),
    Redirect(String),
    Never,
}

/// A request that came.
pub struct Got {
    pub headers: HeaderMap,
    pub body: String,
    /// How it was answered; 0 when it was not.
    pub status: u16,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn seq(&self) -> u64 {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["eventSeq"].as_u64().unwrap()
    }
}

pub struct Receiver {
    pub url: String,
    got: mpsc::UnboundedReceiver<Got>,
}

struct Shared {
    /// The answer to attempt 0, 1, …
    answer: Box<dyn Fn(usize) -> Answer + Send + Sync>,
    attempts: AtomicUsize,
    tell: mpsc::UnboundedSender<Got>,
}

impl Receiver {
    pub async fn start(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Receiver {
        let (tell, got) = mpsc::unbounded_channel();
        let shared = Shared { answer: Box::new(answer), attempts: AtomicUsize::new(0), tell };
        let app = Router::new().fallback(take).with_state(Arc::new(shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Receiver { url, got }
    }

    /// The next request; a test that waits for longer than 30 s has failed.
    pub async fn next(&mut self) -> Got {
        tokio::time::timeout(Duration::from_secs(30), self.got.recv()).await.expect("a push comes").unwrap()
    }

    pub fn nothing_yet(&mut self) -> bool {
        self.got.try_recv().is_err()
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let answer = (shared.answer)(shared.attempts.fetch_add(1, Ordering::SeqCst));
    let status = match &answer {
        Answer::Status(status) => *status,
        Answer::Redirect(_) => 307,
        Answer::Never => 0,
    };
    shared.tell.send(Got { headers, body, status }).ok();
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Redirect(to) => Redirect::temporary(&to).into_response(),
        Answer::Never => std::future::pending().await,
    }
}
