//! A server in a process of its own, a lab beside it, and agents who call one customer after another.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use base::Random;
use futures::future::join_all;
use lab::{Prompt, prompt_samples};
use serde_json::{Value, json};
use server::lab_host::LabHost;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::log::Log;
use crate::place::{Agent, Phone, Place};
use crate::process::Process;
use crate::sound::{SAME, assert_heard, channels, find};

/// Talks for five seconds, then hangs up.
const CUSTOMER: &str = "13900000008";

pub struct Floor {
    place: Place,
    process: Process,
    client: Client,
    agents: Vec<String>,
    pushes: Arc<Log<Value>>,
    _lab: LabHost,
}

/// How much of what was said in a call is in its recording as it was said.
pub struct Heard {
    pub same: usize,
    pub all: usize,
}

/// How much of the machine the server has.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub now_mb: u64,
    pub peak_mb: u64,
}

impl Floor {
    pub async fn open(agents: usize) -> Floor {
        let numbers: Vec<String> = (0..agents).map(|n| format!("80{n:02}")).collect();
        let mobile = |number: &String| format!("1380000{number}");
        let staff: Vec<Agent> = numbers
            .iter()
            .map(|number| Agent {
                number: number.clone(),
                phone: Phone::Mobile(mobile(number)),
                wrap_up_s: 0,
            })
            .collect();
        let (url, pushes) = receive_pushes().await;
        let place = Place::new(&staff, &[url]);
        // What was said is compared sample by sample.
        let text = std::fs::read_to_string(place.config()).expect("it was written");
        let text = text
            .replace("recording = \"dual_track\"", "recording = \"dual_track\"\nrecording_format = \"wav\"");
        std::fs::write(place.config(), text).expect("the folder is ours");
        let mut network = lab::Config::new(place.carrier(), place.phones_rtp());
        network.agents_mobiles = numbers.iter().map(mobile).collect();
        let lab = LabHost::start(network, Random::from_number(1), |_| {}).expect("the ports are claimed");
        let process = place.start().await;
        let client = place.client();
        for agent in &numbers {
            client.must("online", &json!({"agentNumber": agent, "loginType": "PSTN", "status": "0"})).await;
        }
        Floor { place, process, client, agents: numbers, pushes, _lab: lab }
    }

    pub fn sip(&self) -> SocketAddr {
        self.place.sip()
    }

    /// Every agent calls, and calls again until it is `over`; every call must come to its good end.
    pub async fn call_until(&self, over: impl Fn() -> bool) -> Vec<Heard> {
        let over = &over;
        let one_after_another = (0..self.agents.len()).map(|agent| async move {
            let mut heard = Vec::new();
            while heard.is_empty() || !over() {
                heard.push(self.one_call(agent).await);
            }
            heard
        });
        join_all(one_after_another).await.into_iter().flatten().collect()
    }

    /// One call of an agent, from its beginning to its recording.
    pub async fn one_call(&self, agent: usize) -> Heard {
        let agent = &self.agents[agent];
        let call = self.client.dial(agent, CUSTOMER).await;
        let record = self.pushed(&call, "cdr").await;
        let ended = [&record["status"], &record["hangUpSide"], &record["sipCode"]];
        assert_eq!(ended, [&json!("ANSWER"), &json!("CUSTOMER"), &json!(200)], "{record:#}");
        let ready = self.pushed(&call, "recordingReady").await;
        let link = ready["recordFileUrl"].as_str().expect("a link is text");
        let tracks = channels(&self.client.fetch(link).await.expect("the file is ready"));
        let mut sum = Heard { same: 0, all: 0 };
        for (prompt, track) in [Prompt::Agent, Prompt::Customer].map(prompt_samples).iter().zip(&tracks) {
            assert_heard("what was said", prompt, track);
            let found = find(prompt, track);
            sum.same += found.iter().filter(|found| found.height > SAME).count();
            sum.all += found.len();
        }
        sum
    }

    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let mb = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells");
            line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("kilobytes") / 1024
        };
        Memory { now_mb: mb("VmRSS:"), peak_mb: mb("VmHWM:") }
    }

    /// How many lines the server printed that are not about its calls and agents.
    pub fn lines(&self) -> usize {
        let of_calls = |line: &&String| line.contains(" seq=") || line.contains(" leg=");
        self.place.lines.all().iter().filter(|line| !of_calls(line)).count()
    }

    pub async fn close(self) {
        assert_eq!(self.place.complaints(), Vec::<String>::new());
        self.process.terminate();
        let status = self.process.ended().await;
        assert!(status.success(), "{status}\n{}", self.place.lines);
    }

    async fn pushed(&self, call: &str, kind: &str) -> Value {
        let fits = |push: &Value| push["callUniqueId"] == call && push["pushType"] == kind;
        self.pushes.until(&format!("{kind} of call {call}"), fits).await
    }
}

async fn receive_pushes() -> (String, Arc<Log<Value>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("is bound"));
    let log = Arc::new(Log::new());
    let take = |State(log): State<Arc<Log<Value>>>, Json(push): Json<Value>| async move { log.add(push) };
    let router = axum::Router::new().route("/", post(take)).with_state(log.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, log)
}
