//! Trunks whose hosts are names, with a name server of the test's own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use server::config::HostPort;
use tokio::net::UdpSocket;

use crate::desk::{Desk, LAB_PHONE};
use crate::log::Log;

/// Busy at the lab: a call that comes to it is over at once.
const BUSY_IN_THE_LAB: &str = "13900000002";
const NO_ERROR: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;
const A: u16 = 1;
const SRV: u16 = 33;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_is_found_by_its_srv_records() {
    let (names, asked) = NameServer::bind().await;
    let nameserver = names.address();
    let desk = Desk::open(|config, lab| {
        config.server.nameserver = Some(nameserver);
        config.trunks[0].addresses = vec![HostPort { host: "carrier.test".to_owned(), port: None }];
        names.start(BTreeMap::from([
            (("_sip._udp.carrier.test", SRV), srv(lab.port(), "host.carrier.test")),
            (("host.carrier.test", A), Ipv4Addr::LOCALHOST.octets().to_vec()),
        ]));
    })
    .await;
    assert_calls_get_through(&desk).await;
    asked.until("the SRV question", |(name, kind)| name == "_sip._udp.carrier.test" && *kind == SRV).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_port_is_given_no_srv_record_is_asked_for() {
    let (names, asked) = NameServer::bind().await;
    let nameserver = names.address();
    let desk = Desk::open(|config, lab| {
        config.server.nameserver = Some(nameserver);
        config.trunks[0].addresses =
            vec![HostPort { host: "carrier.test".to_owned(), port: Some(lab.port()) }];
        names.start(BTreeMap::from([(("carrier.test", A), Ipv4Addr::LOCALHOST.octets().to_vec())]));
    })
    .await;
    assert_calls_get_through(&desk).await;
    let srv = asked.all().into_iter().filter(|(_, kind)| *kind == SRV).count();
    assert_eq!(srv, 0, "a port was given");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_knows_stops_nothing() {
    let (names, asked) = NameServer::bind().await;
    let nameserver = names.address();
    names.start(BTreeMap::new());
    let desk = Desk::open(|config, lab| {
        config.server.nameserver = Some(nameserver);
        let lab = HostPort { host: lab.ip().to_string(), port: Some(lab.port()) };
        config.trunks[0].addresses = vec![HostPort { host: "nobody.test".to_owned(), port: None }, lab];
    })
    .await;
    asked.until("the question for the host", |(name, kind)| name == "nobody.test" && *kind == A).await;
    assert_calls_get_through(&desk).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_server_that_fails_at_srv_is_asked_for_the_host() {
    let (names, asked) = NameServer::bind().await;
    let nameserver = names.address();
    names.failing_at(SRV).start(BTreeMap::new());
    let desk = Desk::open(|config, _| {
        config.server.nameserver = Some(nameserver);
        config.trunks[0].addresses = vec![HostPort { host: "carrier.test".to_owned(), port: None }];
    })
    .await;
    asked.until("the question for the host", |(name, kind)| name == "carrier.test" && *kind == A).await;
    desk.close().await;
}

async fn assert_calls_get_through(desk: &Desk) {
    desk.trunk_works().await;
    desk.lab_phone_online().await;
    let call = desk.dial(LAB_PHONE, BUSY_IN_THE_LAB, &[]).await;
    let record = desk.record(&call).await;
    assert_eq!(record["sipCode"], 486, "{record:#}");
    assert_eq!(record["gatewayIP"], desk.carrier.to_string());
}

type Records = BTreeMap<(&'static str, u16), Vec<u8>>;

/// Answers with the records it has, and that there is no such name for all else (RFC 1035 §4.1).
struct NameServer {
    socket: UdpSocket,
    asked: Arc<Log<(String, u16)>>,
    /// Questions of this type it cannot answer.
    fails_at: Option<u16>,
}

impl NameServer {
    /// It is there, but says nothing yet; and what it is asked.
    async fn bind() -> (NameServer, Arc<Log<(String, u16)>>) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let asked = Arc::new(Log::new());
        (NameServer { socket, asked: asked.clone(), fails_at: None }, asked)
    }

    fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("is bound")
    }

    fn failing_at(self, kind: u16) -> NameServer {
        NameServer { fails_at: Some(kind), ..self }
    }

    fn start(self, records: Records) {
        tokio::spawn(async move {
            let mut query = [0; 1500];
            while let Ok((len, from)) = self.socket.recv_from(&mut query).await {
                let (name, kind, end) = question(&query[..len]);
                let found = records.get(&(name.as_str(), kind));
                let status = match (found, self.fails_at) {
                    (_, Some(fails_at)) if kind == fails_at => SERVER_FAILURE,
                    (Some(_), _) => NO_ERROR,
                    (None, _) => NO_SUCH_NAME,
                };
                let answer = answer(&query[..end], kind, status, found);
                self.asked.add((name, kind));
                let _ = self.socket.send_to(&answer, from).await;
            }
        });
    }
}

/// The name and the type that a query asks for, and where its question ends.
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] > 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

/// The answer to a query, of which header and question are given.
fn answer(query: &[u8], kind: u16, status: u8, data: Option<&Vec<u8>>) -> Vec<u8> {
    let answers = u8::from(data.is_some());
    // Authoritative, recursion available.
    let mut answer = vec![query[0], query[1], 0x85, 0x80 | status, 0, 1, 0, answers, 0, 0, 0, 0];
    answer.extend_from_slice(&query[12..]);
    if let Some(data) = data {
        // The name of the question, class IN, for a minute.
        answer.extend_from_slice(&[0xc0, 12]);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        answer.extend_from_slice(&u16::try_from(data.len()).expect("short").to_be_bytes());
        answer.extend_from_slice(data);
    }
    answer
}

/// Priority 10, weight 5.
fn srv(port: u16, target: &str) -> Vec<u8> {
    let mut data = vec![0, 10, 0, 5];
    data.extend_from_slice(&port.to_be_bytes());
    for label in target.split('.') {
        data.push(u8::try_from(label.len()).expect("short"));
        data.extend_from_slice(label.as_bytes());
    }
    data.push(0);
    data
}
