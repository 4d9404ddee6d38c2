//! SIPp with a scenario of `interop/sipp`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::claim::Claim;
use crate::program::Program;

pub(crate) struct Sipp {
    program: Program,
    folder: TempDir,
}

impl Sipp {
    /// One call that comes to the claimed SIP port.
    pub(crate) fn answers(scenario: &str, claim: &Claim) -> Sipp {
        Sipp::start(scenario, claim.sip(), claim, &[])
    }

    /// One call that comes to `local`.
    pub(crate) fn answers_at(scenario: &str, local: SocketAddr, claim: &Claim) -> Sipp {
        Sipp::start(scenario, local, claim, &[])
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
        Sipp::start(scenario, local, claim, &[&server, "-s", user, "-au", user, "-ap", password])
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
        Sipp::start(scenario, local, claim, &more)
    }

    /// Waits until its one call is over, which must have gone as the scenario says.
    pub(crate) async fn succeeded(mut self) {
        let status = self.program.ended().await;
        assert!(status.success(), "sipp: {status}\n{}\n{}", self.file("errors"), self.file("messages"));
    }

    fn start(scenario: &str, local: SocketAddr, claim: &Claim, more: &[&str]) -> Sipp {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let scenario = scenarios().join(scenario).with_extension("xml");
        let (ip, port) = (local.ip().to_string(), local.port().to_string());
        let sound = claim.rtp().start().to_string();
        let mut args: Vec<&str> = more.to_vec();
        args.extend(["-sf", scenario.to_str().expect("this repository's path is text")]);
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

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/sipp")
}
