//! Everybody who is called: declines with 486, and remembers when.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What an answer repeats of its request (RFC 3261 §8.2.6.2).
const REPEATED: [&str; 5] = ["via:", "from:", "to:", "call-id:", "cseq:"];

/// When the INVITEs to each user came, the first copy of each.
pub(crate) type Invites = BTreeMap<String, Vec<Instant>>;

pub(crate) struct Callee {
    invites: Arc<Mutex<Invites>>,
}

impl Callee {
    pub(crate) fn start(at: SocketAddr) -> Result<Callee, String> {
        let socket = UdpSocket::bind(at).map_err(|error| format!("{at}: {error}"))?;
        let callee = Callee { invites: Arc::default() };
        let invites = callee.invites.clone();
        std::thread::spawn(move || answer(&socket, &invites));
        Ok(callee)
    }

    pub(crate) fn invites(&self) -> Invites {
        self.invites.lock().expect("no thread panics while it holds calls").clone()
    }
}

fn answer(socket: &UdpSocket, invites: &Mutex<Invites>) {
    let mut buffer = vec![0; 65_535];
    let mut known = BTreeSet::new();
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let at = Instant::now();
        let text = String::from_utf8_lossy(&buffer[..length]);
        let status = match text.split(' ').next() {
            Some("INVITE") => "486 Busy Here",
            Some("ACK") => continue,
            _ if text.starts_with("SIP/2.0") => continue,
            _ => "200 OK",
        };
        let call = text.lines().find(|line| named(line, "call-id:")).unwrap_or_default();
        if status.starts_with("486") && known.insert(call.to_owned()) {
            let user =
                text.split(['@', ' ']).nth(1).and_then(|uri| uri.strip_prefix("sip:")).unwrap_or_default();
            let mut invites = invites.lock().expect("no thread panics while it holds calls");
            invites.entry(user.to_owned()).or_default().push(at);
        }
        // Lost like any datagram: the request comes again.
        let _lost = socket.send_to(response(&text, status).as_bytes(), from);
    }
}

fn response(request: &str, status: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().skip(1).take_while(|line| !line.is_empty()) {
        if REPEATED.iter().any(|name| named(line, name)) {
            text.push_str(line);
            if named(line, "to:") && !line.contains(";tag=") {
                text.push_str(";tag=declines");
            }
            text.push_str("\r\n");
        }
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    text
}

fn named(line: &str, name: &str) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_request_was_known_by_is_repeated_with_a_tag() {
        let request = "INVITE sip:1@h SIP/2.0\r\nVia: a\r\nVia: b\r\nMax-Forwards: 70\r\nFrom: <sip:f@h>;tag=f\r\n\
                       To: <sip:1@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n";
        let expected = "SIP/2.0 486 Busy Here\r\nVia: a\r\nVia: b\r\nFrom: <sip:f@h>;tag=f\r\n\
                        To: <sip:1@h>;tag=declines\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(response(request, "486 Busy Here"), expected);
    }
}
