//! Takes pushes and remembers when each arrived.

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::connection::{header, message};

/// No push for so long: there are no more.
const QUIET: Duration = Duration::from_secs(1);

/// When a push arrived, microseconds since 1970, and the `eventUniqueId` it came with.
pub(crate) type Push = (u128, String);

pub(crate) struct Receiver {
    pushes: Arc<Mutex<Vec<Push>>>,
}

impl Receiver {
    pub(crate) fn start(at: SocketAddr) -> Result<Receiver, String> {
        let listener = TcpListener::bind(at).map_err(|error| format!("{at}: {error}"))?;
        let receiver = Receiver { pushes: Arc::default() };
        let pushes = receiver.pushes.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let pushes = pushes.clone();
                std::thread::spawn(move || take(stream, &pushes));
            }
        });
        Ok(receiver)
    }

    /// Waits for the last ones.
    pub(crate) fn settle(self) -> Vec<Push> {
        let count = || self.pushes.lock().expect("no thread panics while it holds pushes").len();
        let mut before = count();
        loop {
            std::thread::sleep(QUIET);
            let now = count();
            if now == before {
                return std::mem::take(
                    &mut *self.pushes.lock().expect("no thread panics while it holds pushes"),
                );
            }
            before = now;
        }
    }
}

/// One line for each push: when, and which.
pub(crate) fn lines(pushes: &[Push]) -> String {
    pushes.iter().fold(String::new(), |mut text, (at, id)| {
        writeln!(text, "{at} {id}").expect("writing to a String cannot fail");
        text
    })
}

/// Until the sender goes away.
fn take(stream: TcpStream, pushes: &Mutex<Vec<Push>>) {
    let _slower = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(push)) = message(&mut stream) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_micros();
        let id = header(&push.head, "webhook-id").unwrap_or_default().to_owned();
        pushes.lock().expect("no thread panics while it holds pushes").push((at, id));
        if stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
