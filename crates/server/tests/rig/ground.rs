//! Where a run takes place: addresses that nobody else has, a folder, a configuration, and who takes the pushes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde_json::Value;
use server::cli::ask;
use tempfile::TempDir;

use crate::is;
use crate::load::CALLS;
use crate::log::Log;
use crate::process::{Lines, Process};

/// Below the ports that the system gives out itself.
const CLAIM_PORT: u16 = 15_059;
const SIP_PORT: u16 = 15_060;
const HTTP_PORT: u16 = 15_080;
/// Three addresses of the loopback network for each of them.
const GROUNDS: u8 = 100;

pub struct Ground {
    /// Its part of the address: 127.98.n.1, 2 and 3.
    number: u8,
    /// The claim on all three.
    _held: TcpListener,
    folder: TempDir,
    lines: Lines,
    pushes: Arc<Log<Value>>,
    receiver: SocketAddr,
}

impl Ground {
    pub fn new() -> Ground {
        let claim = |number: u8| {
            let held = TcpListener::bind((Ipv4Addr::new(127, 98, number, 1), CLAIM_PORT)).ok()?;
            Some((number, held))
        };
        let (number, held) =
            (0..GROUNDS).find_map(claim).expect("100 claims are more than tests run at once");
        let pushes = Arc::new(Log::new());
        let receiver = receive_pushes(pushes.clone());
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let ground = Ground { number, _held: held, folder, lines: Lines::new(), pushes, receiver };
        std::fs::write(ground.config(), ground.toml()).expect("the folder is new");
        ground
    }

    pub fn server(&self) -> SocketAddr {
        SocketAddr::from((self.ip(1), SIP_PORT))
    }

    pub fn caller(&self) -> Ipv4Addr {
        self.ip(2)
    }

    pub fn callee(&self) -> SocketAddr {
        SocketAddr::from((self.ip(3), SIP_PORT))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the server and waits until it serves.
    pub async fn start(&self) -> Process {
        let config = self.config();
        let args = ["serve", "--config", config.to_str().expect("a plain path")];
        let folder = self.folder.path();
        let mut process =
            Process::start(env!("CARGO_BIN_EXE_cordboard"), "nothing", folder, &args, &self.lines);
        process.says("serving http=").await;
        process
    }

    /// Waits until every call has its record.
    pub async fn until_recorded(&self) {
        self.until_pushed("cdr").await;
    }

    /// Waits until every recording is finished.
    pub async fn until_files_are_ready(&self) {
        self.until_pushed("recordingReady").await;
    }

    /// How many records the API knows.
    pub async fn records(&self) -> usize {
        // The account's zone is UTC+8, and a query may ask for a week.
        let shown = |hours: i64| {
            let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(8 + hours);
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        };
        let (from, to) = (format!("startTime={}", shown(-1)), format!("endTime={}", shown(1)));
        let http = format!("http://{}", self.http());
        let words = ["cdr/list", "--field", &from, "--field", &to];
        let answer = ask(&words, &http).await.expect("is answered");
        let count = answer["data"]["count"].as_u64().unwrap_or_else(|| panic!("{answer:#}"));
        usize::try_from(count).expect("few")
    }

    /// The stereo file of every recording there is.
    pub fn files(&self) -> Vec<Vec<u8>> {
        let mut folders = vec![self.path("data").join("recordings")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten();
            for entry in entries.map(|entry| entry.expect("nobody else is in the folder")) {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name().to_string_lossy().ends_with("-doubleTrack.wav") {
                    files.push(std::fs::read(entry.path()).expect("it is there"));
                }
            }
        }
        files
    }

    /// Ends the server, which must have had nothing to complain of.
    pub async fn end(&self, process: Process) {
        process.terminate();
        let status = process.ended().await;
        assert!(status.success(), "{status}\n{}", self.lines);
        let bad = |line: &String| line.contains(" ERROR ") || line.contains("panicked at");
        let complaints: Vec<String> = self.lines.all().into_iter().filter(bad).collect();
        assert_eq!(complaints, Vec::<String>::new());
    }

    async fn until_pushed(&self, kind: &str) {
        let all = |pushes: &[Value]| pushes.iter().filter(|push| is(push, kind)).count() >= CALLS;
        self.pushes.until_all(&format!("{kind} of every call"), all).await;
    }

    fn http(&self) -> SocketAddr {
        SocketAddr::from((self.ip(1), HTTP_PORT))
    }

    fn ip(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 98, self.number, last)
    }

    fn config(&self) -> PathBuf {
        self.path("cordboard.toml")
    }

    fn toml(&self) -> String {
        format!(
            r#"[server]
http_listen = "{http}"
sip_listen = "{sip}"
rtp_port_min = 10000
rtp_port_max = 14999
data_dir = "data"
allow_private_push = true
shutdown_grace_s = 0
disk_free_min_mb = 0

[[trunk]]
name = "rig"
addresses = ["{caller}"]
health_check_s = 0
codecs = ["pcmu"]

[[account]]
id = 2000103
secrets = ["HWHp9xFVlbboxIU2S6DHA7sf9sGzt3"]
requests_per_minute = 0
recording = "dual_track"
recording_format = "wav"
numbers = ["02258834811"]
default_number = "02258834811"

[[account.inbound]]
trunk = "rig"
called = "bench"
to = "sip:bench@{callee}"
record = false

[[account.inbound]]
trunk = "rig"
called = "rec"
to = "sip:bench@{callee}"
record = true

[[account.push]]
url = "http://{receiver}/"
"#,
            http = self.http(),
            sip = self.server(),
            caller = self.caller(),
            callee = self.callee(),
            receiver = self.receiver,
        )
    }
}

fn receive_pushes(log: Arc<Log<Value>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket can be");
    let at = listener.local_addr().expect("is bound");
    let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes it");
    let take = |State(log): State<Arc<Log<Value>>>, Json(push): Json<Value>| async move { log.add(push) };
    let router = axum::Router::new().route("/", post(take)).with_state(log);
    tokio::spawn(async move { axum::serve(listener, router).await });
    at
}
