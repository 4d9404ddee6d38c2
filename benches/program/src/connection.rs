//! One HTTP connection that stays open.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::signature::Key;

/// An answer that takes longer is none.
const ANSWER_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

impl Connection {
    pub(crate) fn open(host: SocketAddr) -> Result<Connection, String> {
        let stream = TcpStream::connect(host).map_err(|error| format!("{host}: {error}"))?;
        let set_up = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER_MAX)));
        set_up.map_err(|error| format!("{host}: {error}"))?;
        Ok(Connection { stream: BufReader::new(stream), host })
    }

    /// Asks; returns the `code` of the answer.
    pub(crate) fn ask(&mut self, key: &Key, verb: &str, body: &str) -> Result<String, String> {
        let request = format!(
            "POST /openapi/v1/call/{verb} HTTP/1.1\r\nhost: {}\r\n{}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.host,
            key.headers(),
            body.len()
        );
        let sent = self.stream.get_mut().write_all(request.as_bytes());
        sent.map_err(|error| format!("{verb} was not sent: {error}"))?;
        let answer =
            message(&mut self.stream).map_err(|error| format!("{verb} was not answered: {error}"))?;
        let answer = answer.ok_or(format!("{verb} was not answered: the connection was closed"))?;
        let code = answer.body.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
        code.map(str::to_owned).ok_or(format!("{verb} was answered without a code: {}", answer.body))
    }
}

/// A request or an answer.
pub(crate) struct Message {
    /// Its header lines, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Reads one; `None` when the connection was closed before it.
pub(crate) fn message(stream: &mut impl BufRead) -> std::io::Result<Option<Message>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let head = head.to_ascii_lowercase();
    let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = String::new();
    stream.by_ref().take(length).read_to_string(&mut body)?;
    Ok(Some(Message { head, body }))
}

/// The value of a header.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
