//! A whole server and a lab beside it, on ports of their own.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use base::Random;
use callcenter::config::RecordingFormat;
use lab::behaviour::{Step, TABLE};
use lab::relay::{RelayCounts, Roughness};
use lab::{Behaviour, LabEvent, PhoneWish, Prompt};
use serde_json::Value;
use server::cli::ask;
use server::config::{Config, HostPort, PushAddress};
use server::control::{SipSockets, bind_sip};
use server::lab_host::LabHost;
use server::relay_host::{RelayConfig, RelayHost};
use server::run::{Node, Sockets};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::claim::Claim;
use crate::log::Log;

/// An agent whose registered phone is one of the lab's.
pub(crate) const LAB_PHONE: &str = "8009";
/// Agents with mobiles in the lab: 8000–8004 as in the demo, 8010–8029 more of them.
pub(crate) const MORE_AGENTS: std::ops::Range<u16> = 8010..8030;

/// A customer of this desk's lab only: echoes for five seconds, then hangs up.
pub(crate) const ECHO_THEN_HANG_UP: &str = "13900000099";
/// Another: the network speaks on the line before the customer answers, talks for five seconds and hangs up.
pub(crate) const HEARD_EARLY: &str = "13900000098";
/// Another: answers without ringing, and echoes.
pub(crate) const ANSWERS_AT_ONCE: &str = "13900000097";

/// Whether the lab's phones tell what they hear.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ears {
    Closed,
    Open,
}

pub(crate) struct Desk {
    node: Node,
    lab: LabHost,
    relays: Vec<RelayHost>,
    /// Where SIP is.
    pub(crate) sip: SocketAddr,
    /// Where the lab's carrier is.
    pub(crate) carrier: SocketAddr,
    /// Ports of the server's sound.
    pub(crate) claim: Claim,
    /// What was pushed.
    pub(crate) pushes: Arc<Log<Value>>,
    /// What happened in the lab.
    pub(crate) phones: Arc<Log<LabEvent>>,
    /// Where the store and the recordings are.
    pub(crate) folder: TempDir,
    _lab_claim: Claim,
}

impl Desk {
    /// The demo account with more agents. `change` may alter it, which the lab does not learn; it is told where the lab's
    /// carrier is.
    pub(crate) async fn open(change: impl FnOnce(&mut Config, SocketAddr)) -> Desk {
        Desk::open_by(None, Ears::Closed, change).await
    }

    /// The same with phones that tell what they hear.
    pub(crate) async fn open_listening(change: impl FnOnce(&mut Config, SocketAddr)) -> Desk {
        Desk::open_by(None, Ears::Open, change).await
    }

    /// The same with a bad path between the server and all the phones, for all that they say to each other in SIP. The
    /// seed says what befalls it.
    pub(crate) async fn open_on_bad_path(rough: Roughness, seed: u64) -> Desk {
        Desk::open_by(Some((rough, seed)), Ears::Closed, |_, _| {}).await
    }

    async fn open_by(
        bad_path: Option<(Roughness, u64)>,
        ears: Ears,
        change: impl FnOnce(&mut Config, SocketAddr),
    ) -> Desk {
        let (claim, lab_claim) = (Claim::new(), Claim::new());
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let mut config = Config::demo();
        config.server.data_dir = folder.path().to_owned();
        config.server.http_listen.set_port(0);
        config.server.sip[0].bind.set_port(0);
        config.server.public_url = String::new();
        config.server.disk_free_min_bytes = 0;
        // What was said is compared sample by sample.
        config.accounts[0].recording_format = RecordingFormat::Wav;
        (config.server.rtp_port_min, config.server.rtp_port_max) = claim.rtp().into_inner();
        more_agents(&mut config);

        let carrier_sockets = SipSockets::bind(local(0)).expect("a free port");
        let (to_lab, to_server) = (bind_sip(local(0)), bind_sip(local(0)));
        let [to_lab, to_server] = [to_lab, to_server].map(|socket| socket.expect("a free port"));
        let own = carrier_sockets.local_addr().expect("is bound");
        let carrier = if bad_path.is_some() { to_lab.local_addr().expect("is bound") } else { own };
        if bad_path.is_some() {
            config.server.sip[0].advertised = Some(to_server.local_addr().expect("is bound"));
        }
        config.trunks[0].addresses = vec![host_port(carrier)];
        // SIPp takes what its scenario names, and nothing else.
        config.trunks[0].health_check = None;
        let mobiles = mobiles(&config);
        change(&mut config, carrier);
        let pushes = receive_pushes(&mut config).await;

        let sockets = Sockets::open(&config).await.expect("free ports");
        let bound = sockets.sip[0].local_addr().expect("is bound");
        let sip = config.server.sip[0].advertised.unwrap_or(bound);
        let relays = bad_path.map_or(Vec::new(), |(rough, seed)| {
            let start = |(socket, target, seed)| {
                let config = RelayConfig { target, forth: rough, back: rough };
                RelayHost::start_on(socket, config, Random::from_number(seed)).expect("a thread for the path")
            };
            [(to_lab, own, seed), (to_server, bound, seed + 1)].map(start).into()
        });
        let phone_socket = bind_sip(local(0)).expect("a free port");
        let mut network = lab::Config::new(own, lab_claim.rtp());
        network.sip_advertised = carrier;
        network.agents_mobiles = mobiles;
        network.behaviours = &BEHAVIOURS;
        network.phones = vec![lab::PhoneConfig {
            user: LAB_PHONE.to_owned(),
            password: format!("demo-{LAB_PHONE}"),
            local: phone_socket.local_addr().expect("is bound"),
            registrar: sip,
            domain: sip.ip().to_string(),
        }];
        let phones = Arc::new(Log::new());
        let happened = phones.clone();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has randomness");
        let start = match ears {
            Ears::Closed => LabHost::start_on,
            Ears::Open => LabHost::start_listening,
        };
        let tell = move |event| happened.add(event);
        let lab = start(carrier_sockets, vec![phone_socket], network, Random::new(seed), tell);
        let lab = lab.expect("a thread for the lab");
        let node = Node::start(config, sockets).await.expect("a whole server");
        Desk { node, lab, relays, sip, carrier, claim, pushes, phones, folder, _lab_claim: lab_claim }
    }

    /// Tells a phone of the lab what to do.
    pub(crate) fn wish(&self, wish: PhoneWish) {
        self.lab.wish(wish);
    }

    /// One request that must succeed.
    pub(crate) async fn ask(&self, words: &[&str]) -> Value {
        let server = format!("http://{}", self.node.http);
        let answer = ask(words, &server).await.expect("the server answers");
        assert_eq!(answer["success"], true, "{words:?}: {answer}");
        answer
    }

    /// One request that must be refused; with which code.
    pub(crate) async fn refused(&self, words: &[&str]) -> String {
        let answer = ask(words, &format!("http://{}", self.node.http)).await.expect("the server answers");
        assert_eq!(answer["success"], false, "{words:?}: {answer}");
        answer["code"].as_str().expect("a code is text").to_owned()
    }

    /// What the server runs by.
    pub(crate) fn config(&self) -> Config {
        self.node.config().clone()
    }

    /// Has the server run by another configuration.
    pub(crate) async fn reload(&mut self, config: Config) {
        self.node.reload(config).await.expect("it can be taken over");
    }

    /// Signs an agent in whose phone is there already.
    pub(crate) async fn online(&self, agent: &str) {
        self.ask(&["online", "--agent", agent]).await;
        self.shows(agent, "0").await;
    }

    /// Signs an agent in whose phone is not there yet.
    pub(crate) async fn online_without_phone(&self, agent: &str) {
        self.ask(&["online", "--agent", agent]).await;
        self.shows(agent, "8").await;
    }

    /// Signs the agent of the lab's registering phone in, and the phone.
    pub(crate) async fn lab_phone_online(&self) {
        self.online_without_phone(LAB_PHONE).await;
        self.lab.wish(PhoneWish::SignIn { user: LAB_PHONE.to_owned() });
        self.shows(LAB_PHONE, "0").await;
    }

    /// Waits until the agent has shown this state.
    pub(crate) async fn shows(&self, agent: &str, state: &str) {
        let what = format!("state {state} of agent {agent}");
        let fits = |push: &Value| {
            push["agentNumber"] == agent && push["statusNumber"] == state && push["callEvent"] == ""
        };
        self.pushes.until(&what, fits).await;
    }

    /// Begins a call; returns its number.
    pub(crate) async fn dial(&self, agent: &str, to: &str, more: &[&str]) -> String {
        let words = [&["dialOut", "--agent", agent, "--to", to], more].concat();
        let answer = self.ask(&words).await;
        let call = &answer["data"]["response"]["data"]["callUniqueId"];
        call.as_str().unwrap_or_else(|| panic!("the answer names the call: {answer}")).to_owned()
    }

    /// Waits until a call's agent is told `moment`.
    pub(crate) async fn told(&self, call: &str, moment: &str) -> Value {
        let fits = |push: &Value| {
            push["callUniqueId"] == call && push["callEvent"] == moment && push["statusNumber"] != Value::Null
        };
        self.pushes.until(&format!("{moment} of call {call}"), fits).await
    }

    /// Waits until the agent is free again after a call, its wrap-up included.
    pub(crate) async fn free_again(&self, agent: &str, call: &str) {
        let over = self.told(call, "hangup").await["eventSeq"].as_u64();
        let fits = |push: &Value| {
            push["agentNumber"] == agent && push["statusNumber"] == "0" && push["eventSeq"].as_u64() > over
        };
        self.pushes.until(&format!("end of agent {agent}'s wrap-up"), fits).await;
    }

    /// Waits for the record of a call.
    pub(crate) async fn record(&self, call: &str) -> Value {
        self.pushed(call, "cdr").await
    }

    /// Waits for a push about a call.
    pub(crate) async fn pushed(&self, call: &str, kind: &str) -> Value {
        let fits = |push: &Value| push["callUniqueId"] == call && push["pushType"] == kind;
        self.pushes.until(&format!("{kind} of call {call}"), fits).await
    }

    /// The finished recording of a call: the file to play.
    pub(crate) async fn recording(&self, call: &str) -> Vec<u8> {
        let ready = self.pushed(call, "recordingReady").await;
        fetch(&ready["recordFileUrl"]).await
    }

    /// Waits until the first trunk is one that calls can take.
    pub(crate) async fn trunk_works(&self) {
        let works = async {
            while self.node.trunks().await.first().is_none_or(|trunk| trunk.working == 0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), works).await.expect("the trunk works in time");
    }

    /// Where its API is.
    pub(crate) fn http(&self) -> SocketAddr {
        self.node.http
    }

    /// How many calls there are.
    pub(crate) async fn calls(&self) -> usize {
        self.node.counts().await.calls
    }

    /// Ends it in good order. Nothing may be left over. Says what became of what was said on a bad path.
    pub(crate) async fn close(self) -> Vec<RelayCounts> {
        self.node.shut_down(Duration::ZERO).await;
        drop(self.lab);
        self.relays.into_iter().map(RelayHost::end).collect()
    }
}

const TALK: Step = Step::Wait(Duration::from_secs(5));
#[rustfmt::skip]
const MORE_CUSTOMERS: [Behaviour; 3] = [
    Behaviour { ending: "0099", steps: &[Step::Ring, Step::Answer, Step::Echo, TALK, Step::HangUp] },
    Behaviour { ending: "0098", steps: &[Step::EarlyMedia, Step::Play(Prompt::Connecting), Step::Answer,
                                         Step::Repeat(Prompt::Customer), TALK, Step::HangUp] },
    Behaviour { ending: "0097", steps: &[Step::Answer, Step::Echo] },
];
static BEHAVIOURS: LazyLock<Vec<Behaviour>> = LazyLock::new(|| [TABLE, &MORE_CUSTOMERS].concat());

/// Fetches a link that must be there.
pub(crate) async fn fetch(link: &Value) -> Vec<u8> {
    let link = link.as_str().expect("a link is text");
    let answer = reqwest::get(link).await.expect("the server answers");
    assert_eq!(answer.status(), 200, "{link}");
    answer.bytes().await.expect("the whole file").to_vec()
}

pub(crate) fn host_port(at: SocketAddr) -> HostPort {
    HostPort { host: at.ip().to_string(), port: Some(at.port()) }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn more_agents(config: &mut Config) {
    let account = &mut config.accounts[0];
    account.editions[0].licences = 100;
    let model = account.agents[0].clone();
    for number in MORE_AGENTS {
        let mut agent = model.clone();
        agent.center.number = number.to_string();
        agent.center.id = format!("{number:024}");
        agent.center.mobile = Some(format!("1390000{number}"));
        account.agents.push(agent);
    }
    account.agents.iter_mut().for_each(|agent| agent.center.wrap_up = Duration::from_secs(1));
}

fn mobiles(config: &Config) -> Vec<String> {
    config.accounts[0].agents.iter().filter_map(|agent| agent.center.mobile.clone()).collect()
}

async fn receive_pushes(config: &mut Config) -> Arc<Log<Value>> {
    let listener = TcpListener::bind(local(0)).await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("is bound")).parse().expect("a URL");
    config.accounts[0].pushes.push(PushAddress { url, kinds: Vec::new(), secret: None });
    let log = Arc::new(Log::new());
    let take = |State(log): State<Arc<Log<Value>>>, Json(push): Json<Value>| async move { log.add(push) };
    let router = axum::Router::new().route("/", post(take)).with_state(log.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    log
}
