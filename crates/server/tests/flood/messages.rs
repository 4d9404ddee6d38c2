//! What strangers say: requests of every kind, none of which they have a right to, and much that is no SIP at all.

use std::net::SocketAddr;

use base::Random;

/// Users that exist among those that do not.
const USERS: [&str; 4] = ["8005", "8000", "nobody", "admin"];
/// Larger than any message of ours.
const LARGE_BYTES: u64 = 6_000;

/// One datagram, from `from` to `to`.
pub fn draw(random: &mut Random, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    match random.below(100) {
        0..30 => register(random, from, to),
        30..60 => request(random, from, to, "INVITE", Some("")),
        60..80 => request(random, from, to, "OPTIONS", Some("")),
        80..88 => {
            let method = ["BYE", "CANCEL", "ACK", "REFER", "UPDATE", "PRACK", "NOTIFY", "INFO", "SIPLY"];
            let method = method[random.below(method.len() as u64) as usize];
            let tag = format!(";tag={}", random.hex(16));
            request(random, from, to, method, Some(&tag))
        }
        88..92 => response(random, from),
        92..96 => broken(random, from, to),
        96..98 => (0..random.below(1_400)).map(|_| random.below(256) as u8).collect(),
        _ => b"\r\n\r\n".to_vec(),
    }
}

fn register(random: &mut Random, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let user = user(random);
    // Some claim to know the password, by a nonce that nobody gave them.
    let proof = match random.below(3) {
        0 => format!(
            "Authorization: Digest username=\"{user}\", realm=\"{host}\", nonce=\"{nonce}\", uri=\"sip:{host}\", \
             response=\"{response}\", algorithm=MD5\r\n",
            host = to.ip(),
            nonce = random.hex(40),
            response = random.hex(32),
        ),
        _ => String::new(),
    };
    let contact = format!("Contact: <sip:{user}@{from}>\r\nExpires: 3600\r\n");
    let head = head(
        random,
        from,
        "REGISTER",
        &format!("sip:{}", to.ip()),
        &user,
        &format!("<sip:{user}@{}>", to.ip()),
    );
    format!("{head}{contact}{proof}Content-Length: 0\r\n\r\n").into_bytes()
}

fn request(
    random: &mut Random,
    from: SocketAddr,
    to: SocketAddr,
    method: &str,
    to_tag: Option<&str>,
) -> Vec<u8> {
    let called = match random.below(2) {
        0 => user(random),
        _ => format!("139{:08}", random.below(100_000_000)),
    };
    let uri = format!("sip:{called}@{to}");
    let caller = user(random);
    let head = head(random, from, method, &uri, &caller, &format!("<{uri}>{}", to_tag.unwrap_or_default()));
    let body = match method {
        "INVITE" | "UPDATE" => format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\n",
            ip = from.ip()
        ),
        _ => String::new(),
    };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let contact = format!("Contact: <sip:{caller}@{from}>\r\n");
    format!("{head}{contact}{kind}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn response(random: &mut Random, from: SocketAddr) -> Vec<u8> {
    let status = [100, 180, 200, 302, 401, 486, 503][random.below(7) as usize];
    format!(
        "SIP/2.0 {status} Whatever\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{}\r\nFrom: <sip:a@b>;tag={}\r\n\
         To: <sip:c@d>;tag={}\r\nCall-ID: {}\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
        random.hex(16),
        random.hex(8),
        random.hex(8),
        random.hex(24),
    )
    .into_bytes()
}

/// A request that was cut off, altered, stuffed or contradicts itself.
fn broken(random: &mut Random, from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let mut message = request(random, from, to, "INVITE", Some(""));
    match random.below(4) {
        0 => message.truncate(random.below(message.len() as u64) as usize),
        1 => {
            for _ in 0..20 {
                let at = random.below(message.len() as u64) as usize;
                message[at] = random.below(256) as u8;
            }
        }
        2 => {
            let stuffing =
                "X-Stuffing: ,;=\"\\<>,,,;;;\r\n".repeat((random.below(LARGE_BYTES) / 30) as usize);
            let line = message.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            message.splice(line..line, stuffing.into_bytes());
        }
        _ => message.extend(vec![b'x'; random.below(LARGE_BYTES) as usize]),
    }
    message
}

fn head(random: &mut Random, from: SocketAddr, method: &str, uri: &str, caller: &str, to: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{caller}@{}>;tag={}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\n",
        random.hex(16),
        from.ip(),
        random.hex(8),
        random.hex(24),
        1 + random.below(1000),
    )
}

fn user(random: &mut Random) -> String {
    match random.below(2) {
        0 => USERS[random.below(USERS.len() as u64) as usize].to_owned(),
        _ => random.hex(8),
    }
}
