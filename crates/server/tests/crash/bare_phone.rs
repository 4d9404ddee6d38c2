//! A phone that knows nothing of SIP but its spelling.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

pub(crate) const STEP_MAX: Duration = Duration::from_secs(20);

/// A phone that does what the test says, and knows nothing of SIP but its spelling.
pub(crate) struct BarePhone {
    socket: UdpSocket,
}

pub(crate) struct Request {
    pub(crate) text: String,
    from: SocketAddr,
}

impl BarePhone {
    pub(crate) async fn new(at: SocketAddr) -> BarePhone {
        BarePhone { socket: UdpSocket::bind(at).await.expect("the port is claimed") }
    }

    /// Waits for a request of the dialog with this Call-ID (of any, when empty). Whatever else comes is turned away: it
    /// belongs to calls of before, or is the next leg of this one.
    pub(crate) async fn request(&self, method: &str, call: &str) -> Request {
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

    /// Waits for an answer with this status to a request of the dialog with this Call-ID. Whatever else comes is left out.
    pub(crate) async fn answered(&self, status: u16, call: &str) -> Request {
        let mut buffer = [0; 4096];
        let wait = async {
            loop {
                let (len, from) = self.socket.recv_from(&mut buffer).await.expect("a plain socket");
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                let answer = Request { text, from };
                let fits = answer.text.starts_with(&format!("SIP/2.0 {status} "));
                if fits && answer.header("Call-ID") == call {
                    return answer;
                }
            }
        };
        timeout(STEP_MAX, wait).await.unwrap_or_else(|_| panic!("no {status} came"))
    }

    /// Sends a request of its own.
    pub(crate) async fn ask(&self, to: SocketAddr, text: &str) {
        self.socket.send_to(text.as_bytes(), to).await.expect("loopback takes it");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("is bound")
    }

    pub(crate) async fn answer(&self, request: &Request, status: &str, sdp: &str) {
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

    pub(crate) fn header(&self, name: &str) -> String {
        let line = self.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    }
}

pub(crate) fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=bare 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )
}
