//! Both phones get their BYE, or their CANCEL, and one that was registered is called again: seen by SIPp, which nobody here
//! wrote.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Random;
use serde_json::json;
use tempfile::TempDir;

use crate::ledger::Ledger;
use crate::place::{Agent, Phone, Place};
use crate::process::{Lines, Process};
use crate::receiver::Receiver;

const AGENT: &str = "8005";
const PASSWORD: &str = "demo-8005";
const CUSTOMER: &str = "13900000001";
const STEP_MAX: Duration = Duration::from_secs(20);

const ANSWERS: &str = "answers_until_bye";
const RINGS: &str = "rings_until_cancel";

#[tokio::test]
async fn both_phones_of_a_call_get_their_bye() {
    killed_when("link", ANSWERS, Some(ANSWERS)).await;
}

#[tokio::test]
async fn an_agent_gets_a_bye_and_a_ringing_customer_a_cancel() {
    killed_when("dialoutRing", ANSWERS, Some(RINGS)).await;
}

#[tokio::test]
async fn a_ringing_agent_gets_a_cancel() {
    killed_when("ring", RINGS, None).await;
}

#[tokio::test]
async fn a_phone_that_registered_before_is_called_right_after() {
    let ledger = Arc::new(Ledger::new());
    let receiver = Receiver::start(ledger.clone(), Random::from_number(2)).await;
    let place = place(&receiver);
    let client = place.client();
    let mut server = place.start().await;
    Sipp::start("register", place.phone(), &place, true).succeeded().await;
    // No commit can come any more: what the phone heard must be enough.
    server.strike();
    server.gone().await;
    let server = place.start().await;
    let agent = Sipp::start(ANSWERS, place.phone(), &place, false);
    client.must("online", &json!({"agentNumber": AGENT, "loginType": "SIP", "status": "0"})).await;
    client.dial(AGENT, CUSTOMER).await;
    agent.received("ACK").await;
    client.must("hangup", &json!({"agentNumber": AGENT})).await;
    agent.succeeded().await;
    server.terminate();
    assert!(server.ended().await.success());
    assert_eq!(place.complaints(), Vec::<String>::new());
}

/// A place with one agent, who has a SIP phone.
fn place(receiver: &Receiver) -> Place {
    let phone = Phone::Sip { user: AGENT.to_owned(), password: PASSWORD.to_owned() };
    let agents = [Agent { number: AGENT.to_owned(), phone, wrap_up_s: 0 }];
    // One address is enough, the one that never fails.
    Place::new(&agents, &receiver.urls[..1])
}

/// Kills the server when `moment` was told and both phones did what they do, starts it again, and waits for the phones to
/// be content.
async fn killed_when(moment: &str, agent: &str, customer: Option<&str>) {
    let ledger = Arc::new(Ledger::new());
    let receiver = Receiver::start(ledger.clone(), Random::from_number(1)).await;
    let place = place(&receiver);
    let client = place.client();
    let mut server = place.start().await;
    let registers = Sipp::start("register", place.phone(), &place, true);
    registers.succeeded().await;
    let agent = Sipp::start(agent, place.phone(), &place, false);
    let customer = customer.map(|scenario| Sipp::start(scenario, place.carrier(), &place, false));
    client.must("online", &json!({"agentNumber": AGENT, "loginType": "SIP", "status": "0"})).await;

    let call = client.dial(AGENT, CUSTOMER).await;
    let told = ledger
        .until(STEP_MAX, |book| {
            let fits = |kind: &str, at: &str| kind == moment || at == moment;
            book.arrivals.iter().find(|push| push.call == call && fits(&push.kind, &push.moment)).map(drop)
        })
        .await;
    assert!(told.is_some(), "no {moment} of the call:\n{}", place.lines);
    if let Some(customer) = &customer {
        customer.received("INVITE").await;
    }
    server.strike();
    server.gone().await;
    let server = place.start().await;
    agent.succeeded().await;
    if let Some(customer) = customer {
        customer.succeeded().await;
    }
    let recorded = ledger.until(STEP_MAX, |book| book.recorded.contains(&call).then_some(())).await;
    assert!(recorded.is_some(), "the call has no record:\n{}", place.lines);
    server.terminate();
    assert!(server.ended().await.success());
    assert_eq!(place.complaints(), Vec::<String>::new());
}

/// SIPp with a scenario of `interop/sipp`, for one call.
struct Sipp {
    process: Process,
    folder: TempDir,
    lines: Lines,
}

impl Sipp {
    fn start(scenario: &str, local: SocketAddr, place: &Place, asks: bool) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let lines = Lines::new();
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/sipp");
        let scenario = scenarios.join(scenario).with_extension("xml");
        let (ip, port) = (local.ip().to_string(), local.port().to_string());
        let (server, sound) = (place.sip().to_string(), sound_port(local, place).to_string());
        let mut args = match asks {
            true => vec![server.as_str(), "-s", AGENT, "-au", AGENT, "-ap", PASSWORD],
            false => Vec::new(),
        };
        args.extend(["-sf", scenario.to_str().expect("this repository's path is text")]);
        args.extend(["-i", &ip, "-bind_local", "-p", &port, "-mi", &ip, "-mp", &sound]);
        args.extend(["-m", "1", "-nostdin", "-timeout", "35s", "-timeout_error"]);
        args.extend(["-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages"]);
        let process = Process::start("sipp", "sip-tester", folder.path(), &args, &lines);
        Sipp { process, folder, lines }
    }

    /// Waits until a request came.
    async fn received(&self, method: &str) {
        let first_line = format!("{method} sip:");
        let look = async {
            let mut look = tokio::time::interval(Duration::from_millis(20));
            while !self.file("messages").contains(&first_line) {
                look.tick().await;
            }
        };
        let came = tokio::time::timeout(STEP_MAX, look).await;
        assert!(came.is_ok(), "no {method} came: {}", self.file("messages"));
    }

    /// Waits until its one call is over, which must have gone as the scenario says.
    async fn succeeded(self) {
        let Sipp { process, folder, lines } = self;
        let status = process.ended().await;
        let file = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        assert!(status.success(), "sipp: {status}\n{}\n{}\n{lines}", file("errors"), file("messages"));
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// SIPp wants a port for sound from each of its processes.
fn sound_port(local: SocketAddr, place: &Place) -> u16 {
    let first = *place.phones_rtp().start();
    if local == place.phone() { first } else { first + 10 }
}
