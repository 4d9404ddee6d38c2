//! SIPp with a scenario of `interop/sipp`, or with one of those that it comes with.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::claim::Claim;
use crate::program::{END_MAX, Program};

/// What Debian's package has of it.
const SOUNDS: &str = "/usr/share/sip-tester";

pub(crate) struct Sipp {
    program: Program,
    folder: TempDir,
}

impl Sipp {
    /// One call that comes to the claimed SIP port.
    pub(crate) fn answers(scenario: &str, claim: &Claim) -> Sipp {
        Sipp::start(&ours(scenario), claim.sip(), claim, &[])
    }

    /// One call that comes to `local`.
    pub(crate) fn answers_at(scenario: &str, local: SocketAddr, claim: &Claim) -> Sipp {
        Sipp::start(&ours(scenario), local, claim, &[])
    }

    /// One call that comes to the claimed SIP port by a TCP connection. It listens when this returns.
    pub(crate) async fn answers_by_stream(scenario: &str, claim: &Claim) -> Sipp {
        let sipp = Sipp::start(&ours(scenario), claim.sip(), claim, &["-t", "t1"]);
        let listens = async {
            while tokio::net::TcpStream::connect(claim.sip()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), listens).await.expect("SIPp listens");
        sipp
    }

    /// One request, from `local`, to `server`, in the name of `user`.
    pub(crate) fn asks(
        scenario: &str,
        local: SocketAddr,
        claim: &Claim,
        server: SocketAddr,
        user: &str,
        password: &str,
    ) -> Sipp {
        let server = server.to_string();
        Sipp::start(&ours(scenario), local, claim, &[&server, "-s", user, "-au", user, "-ap", password])
    }

    /// The same by a TCP connection.
    pub(crate) fn asks_by_stream(
        scenario: &str,
        local: SocketAddr,
        claim: &Claim,
        server: SocketAddr,
        user: &str,
        password: &str,
    ) -> Sipp {
        let server = server.to_string();
        let more = [&server, "-t", "t1", "-s", user, "-au", user, "-ap", password];
        Sipp::start(&ours(scenario), local, claim, &more)
    }

    /// One call by a scenario that SIPp comes with, at the claimed SIP port.
    pub(crate) fn stock(scenario: &str, claim: &Claim, more: &[&str]) -> Sipp {
        Sipp::start(&["-sn", scenario], claim.sip(), claim, more)
    }

    /// A phone that registers by TCP and is called by the same connection, where it does as a scenario that SIPp comes
    /// with. It stays until it is dropped.
    pub(crate) fn stays_by_stream(
        scenario: &str,
        claim: &Claim,
        server: SocketAddr,
        user: &str,
        password: &str,
    ) -> Sipp {
        let server = server.to_string();
        let more = [&server, "-t", "t1", "-oocsn", scenario, "-s", user, "-au", user, "-ap", password];
        Sipp::start(&ours("register_and_stay"), claim.sip(), claim, &more)
    }

    /// Waits until it takes TCP connections at `at`. Connecting would be an answer, but also a connection.
    pub(crate) async fn listens(&self, at: SocketAddr) {
        let port = format!(":{:04X} 00000000:0000 0A", at.port());
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let listens = async {
            while !std::fs::read_to_string("/proc/net/tcp").expect("Linux tells").contains(&port) {
                ticks.tick().await;
            }
        };
        tokio::time::timeout(END_MAX, listens).await.expect("it listens soon, or never");
    }

    /// Everything that it said and heard so far.
    pub(crate) fn messages(&self) -> String {
        self.file("messages")
    }

    /// Waits until its one call is over, which must have gone as the scenario says.
    pub(crate) async fn succeeded(mut self) {
        let status = self.program.ended().await;
        assert!(status.success(), "sipp: {status}\n{}\n{}", self.file("errors"), self.file("messages"));
    }

    fn start(scenario: &[impl AsRef<str>], local: SocketAddr, claim: &Claim, more: &[&str]) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        // Where its own scenarios look for sound.
        std::os::unix::fs::symlink(SOUNDS, folder.path().join("pcap")).expect("the folder is new");
        let (ip, port) = (local.ip().to_string(), local.port().to_string());
        let sound = claim.rtp().start().to_string();
        let mut args: Vec<&str> = more.to_vec();
        args.extend(scenario.iter().map(AsRef::as_ref));
        args.extend(["-i", &ip, "-bind_local", "-p", &port, "-mi", &ip, "-mp", &sound]);
        args.extend(["-m", "1", "-nostdin", "-timeout", "25s", "-timeout_error"]);
        args.extend(["-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages"]);
        let program = Program::start("sipp", "sip-tester", folder.path(), args);
        Sipp { program, folder }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// The arguments for a scenario of this repository.
fn ours(scenario: &str) -> [String; 2] {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/sipp");
    let path = scenarios.join(scenario).with_extension("xml");
    ["-sf".to_owned(), path.to_str().expect("this repository's path is text").to_owned()]
}
