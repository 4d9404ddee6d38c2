//! The HTTP border: routes, limits and order of checks. What the rest of the server does for it stands in [`ports`].
//!
//! `routes` lists every path · `guard` decides who may ask · `calls` and `records` answer the API · `recordings` and
//! `health` serve files and operators · `exchange` is one request on its way · `serve` owns the sockets.

use std::sync::{Arc, Mutex, PoisonError};

use base::Random;
use tokio::sync::Notify;

mod calls;
mod exchange;
mod guard;
mod health;
pub mod ports;
mod rates;
mod recordings;
mod records;
mod routes;
pub mod serve;

pub use routes::{router, unknown_route};

use ports::{Accounts, Calls, Clock, HeaderEcho, Health, HttpStatus, Idempotency, Recordings, Records, Uses};
use rates::Rates;

/// The parts of the server that answer requests.
#[derive(Clone)]
pub struct Ports {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who may ask.
    pub accounts: Arc<dyn Accounts>,
    /// The core.
    pub calls: Arc<dyn Calls>,
    /// Used signatures.
    pub uses: Arc<dyn Uses>,
    /// Answers to be repeated.
    pub idempotency: Arc<dyn Idempotency>,
    /// Call records.
    pub records: Arc<dyn Records>,
    /// Recording files.
    pub recordings: Arc<dyn Recordings>,
    /// How the server is.
    pub health: Arc<dyn Health>,
}

/// The border's own settings.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Shown in `proxyUrl` before the path, without a slash at the end.
    pub proxy_base: String,
    /// `mediaServer`: "ip:port" of the media address.
    pub media_server: String,
    /// The HTTP status of refusals when the request names no account of ours.
    pub http_status: HttpStatus,
    /// What is echoed then.
    pub header_echo: HeaderEcho,
}

/// Everything a handler needs.
struct Border {
    ports: Ports,
    settings: HttpSettings,
    rates: Mutex<Rates>,
    random: Mutex<Random>,
    /// Told whenever a request with an `Idempotency-Key` is over.
    keys_settled: Notify,
}

impl Border {
    fn new(ports: Ports, settings: HttpSettings, random: Random) -> Arc<Border> {
        Arc::new(Border {
            ports,
            settings,
            rates: Mutex::default(),
            random: Mutex::new(random),
            keys_settled: Notify::new(),
        })
    }

    /// 32 hex digits.
    fn request_id(&self) -> String {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).uuid_simple()
    }
}
