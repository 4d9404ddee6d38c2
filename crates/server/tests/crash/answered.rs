//! The narrowest moment: a phone answered, the server's ACK left, and the server dies before it wrote down more. A phone
//! whose 200 was acknowledged repeats nothing, so only what was written down can end its call.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use crate::place::{Agent, Phone, Place};

const AGENT: &str = "8000";
/// From the ACK to the kill.
const KILL_AFTER_US: [u64; 6] = [0, 100, 300, 600, 1_000, 2_000];
const STEP_MAX: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_phone_that_just_answered_gets_its_bye() {
    let phone = Phone::Mobile("13900008000".to_owned());
    let place = Place::new(&[Agent { number: AGENT.to_owned(), phone, wrap_up_s: 0 }], &[]);
    let client = place.client();
    let phone = BarePhone::new(place.carrier()).await;
    let mut server = place.start().await;
    client.must("online", &json!({"agentNumber": AGENT, "loginType": "PSTN", "status": "0"})).await;
    for after_us in KILL_AFTER_US {
        client.dial(AGENT, "13900000001").await;
        let invite = phone.request("INVITE", "").await;
        let call = invite.header("Call-ID");
        phone.answer(&invite, "180 Ringing", "").await;
        phone.answer(&invite, "200 OK", &sdp(place.phones_rtp().start() + 2)).await;
        phone.request("ACK", &call).await;
        if after_us > 0 {
            sleep(Duration::from_micros(after_us)).await;
        }
        server.strike();
        server.gone().await;
        server = place.start().await;
        let bye = timeout(STEP_MAX, phone.request("BYE", &call)).await;
        assert!(bye.is_ok(), "killed {after_us} µs after the ACK: no BYE\n{}", place.lines);
    }
    assert_eq!(place.complaints(), Vec::<String>::new());
}

/// A phone that does what the test says, and knows nothing of SIP but its spelling.
struct BarePhone {
    socket: UdpSocket,
}

struct Request {
    text: String,
    from: SocketAddr,
}

impl BarePhone {
    async fn new(at: SocketAddr) -> BarePhone {
        BarePhone { socket: UdpSocket::bind(at).await.expect("the port is claimed") }
    }

    /// Waits for a request of the dialog with this Call-ID (of any, when empty). Whatever else comes is turned away: it
    /// belongs to calls of before, or is the next leg of this one.
    async fn request(&self, method: &str, call: &str) -> Request {
        let mut buffer = [0; 4096];
        let wait = async {
            loop {
                let (len, from) = self.socket.recv_from(&mut buffer).await.expect("a plain socket");
                let request = Request { text: String::from_utf8_lossy(&buffer[..len]).into_owned(), from };
                let fits = request.text.starts_with(&format!("{method} "));
                let fits = fits && (call.is_empty() || request.header("Call-ID") == call);
                let answer = match request.method() {
                    "BYE" => "200 OK",
                    // A transaction that was answered with 200 knows of no CANCEL (RFC 3261 §9.2).
                    "CANCEL" => "481 Call/Transaction Does Not Exist",
                    "INVITE" if !fits => "486 Busy Here",
                    _ => "",
                };
                if !answer.is_empty() {
                    self.answer(&request, answer, "").await;
                }
                if fits {
                    return request;
                }
            }
        };
        timeout(STEP_MAX, wait).await.unwrap_or_else(|_| panic!("no {method} came"))
    }

    async fn answer(&self, request: &Request, status: &str, sdp: &str) {
        let headers = request.text.lines().take_while(|line| !line.is_empty());
        let kept = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
        let mut answer = format!("SIP/2.0 {status}\r\n");
        for line in headers.filter(|line| kept.iter().any(|name| line.starts_with(name))) {
            answer.push_str(line);
            if line.starts_with("To:") && !line.contains(";tag=") {
                answer.push_str(";tag=bare");
            }
            answer.push_str("\r\n");
        }
        let at = self.socket.local_addr().expect("is bound");
        answer.push_str(&format!("Contact: <sip:bare@{at}>\r\n"));
        if !sdp.is_empty() {
            answer.push_str("Content-Type: application/sdp\r\n");
        }
        answer.push_str(&format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()));
        self.socket.send_to(answer.as_bytes(), request.from).await.expect("loopback takes it");
    }
}

impl Request {
    fn method(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }

    fn header(&self, name: &str) -> String {
        let line = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }
}

fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=bare 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )
}
