//! baresip as an agent's or a customer's phone: registers if it is an agent's, answers by itself, plays one sound file and keeps what it hears in another.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use media::resample::resample;
use media::wav;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::claim::Claim;
use crate::program::Program;

/// The agent of `interop/baresip/accounts`.
pub(crate) const AGENT: &str = "8005";

pub(crate) struct Baresip {
    program: Program,
    folder: TempDir,
    claim: Claim,
}

/// By what it registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Udp,
    Tcp,
}

impl Baresip {
    /// Starts it as the phone of [`AGENT`], who says `voice` (8 kHz), and waits until it is registered.
    pub(crate) async fn registered(registrar: SocketAddr, voice: &[i16]) -> Baresip {
        Baresip::registered_by(By::Udp, registrar, voice).await
    }

    /// The same by one or the other.
    pub(crate) async fn registered_by(by: By, registrar: SocketAddr, voice: &[i16]) -> Baresip {
        Baresip::registered_at(by, registrar, (8000, voice)).await
    }

    /// The same of a phone that will be asked for G.722, whose sound has 16 kHz: it takes only files of its own rate.
    pub(crate) async fn registered_for_g722(registrar: SocketAddr, voice: &[i16]) -> Baresip {
        Baresip::registered_at(By::Udp, registrar, (16_000, &resample(voice, 8000, 16_000))).await
    }

    async fn registered_at(by: By, registrar: SocketAddr, voice: (u32, &[i16])) -> Baresip {
        let way = match by {
            By::Udp => registrar.to_string(),
            By::Tcp => format!("{registrar};transport=tcp"),
        };
        let accounts = ours("accounts").replace("127.0.0.1:5060", &way);
        let phone = Baresip::start(Claim::new(), &accounts, voice);
        phone.program.lines.until("registration", |line| line.contains("200 OK")).await;
        phone
    }

    /// Starts it as the phone of a customer behind a trunk, which is reached by `number` at the claimed SIP port.
    pub(crate) async fn customer(claim: Claim, number: &str, voice: &[i16]) -> Baresip {
        let account = format!("<sip:{number}@{}>;regint=0;answermode=auto\n", claim.sip());
        let phone = Baresip::start(claim, &account, (8000, voice));
        phone.program.lines.until("readiness", |line| line.contains("baresip is ready")).await;
        phone
    }

    fn start(claim: Claim, accounts: &str, (rate_hz, voice): (u32, &[i16])) -> Baresip {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let at = folder.path().to_str().expect("a path of text");
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("a new file in a new folder");
        };
        write("voice.wav", &wav::write(rate_hz, voice).expect("a few seconds fit"));
        write("config", config(&claim, at).as_bytes());
        write("accounts", accounts.as_bytes());
        write("contacts", b"");
        // -s: it prints every SIP message.
        let program = Program::start("baresip", "baresip", folder.path(), ["-s", "-f", at]);
        Baresip { program, folder, claim }
    }

    /// Tells it what to do in its call: `hold`, `resume`, `hangup`.
    pub(crate) async fn does(&self, command: &str) {
        self.does_to(command, "").await;
    }

    /// The same to an address: `transfer`, `atransferstart`.
    pub(crate) async fn does_to(&self, command: &str, params: &str) {
        let mut control = TcpStream::connect(control_at(&self.claim)).await.expect("it listens there");
        let text = serde_json::json!({ "command": command, "params": params }).to_string();
        control.write_all(format!("{}:{text},", text.len()).as_bytes()).await.expect("it reads");
        let mut answers = String::new();
        while !answers.contains("\"response\":true") {
            let mut buffer = [0; 4096];
            let len = control.read(&mut buffer).await.expect("it answers");
            assert!(len > 0, "no answer to {command}: {answers}");
            answers.push_str(&String::from_utf8_lossy(&buffer[..len]));
        }
        assert!(answers.contains("\"ok\":true"), "{command}: {answers}");
    }

    /// Waits until it has sent or got this line of SIP or SDP so many times.
    pub(crate) async fn has_line(&self, wanted: &str, times: usize) {
        let enough = |lines: &[String]| lines.iter().filter(|line| line.contains(wanted)).count() >= times;
        self.program.lines.until_all(&format!("{wanted:?}, {times} times"), enough).await;
    }

    /// Ends it, and its calls with it; returns all that it heard in its one call, at 8 kHz.
    pub(crate) async fn heard(mut self) -> Vec<i16> {
        self.program.terminate();
        self.program.ended().await;
        let files = fs::read_dir(self.folder.path()).expect("the folder is ours");
        let mut names: Vec<_> = files.map(|file| file.expect("can be listed").path()).collect();
        names.retain(|name| name.to_string_lossy().ends_with("-dec.wav"));
        let [name] = names.as_slice() else { panic!("not one call: {names:?}\n{}", self.program.said()) };
        let heard = wav::read(&fs::read(name).expect("baresip wrote it")).expect("a WAV file");
        resample(&heard.samples, heard.rate_hz, 8000)
    }
}

/// The configuration for use by hand, with ports and files of our own.
fn config(claim: &Claim, folder: &str) -> String {
    let rtp = claim.rtp();
    let control = control_at(claim);
    let own = [
        ("sip_listen", claim.sip().to_string()),
        ("rtp_ports", format!("{}-{}", rtp.start(), rtp.end() - 2)),
        ("ctrl_tcp_listen", control.to_string()),
        ("audio_source", format!("aufile,{folder}/voice.wav")),
        ("snd_path", folder.to_owned()),
    ];
    let line = |line: &str| match own.iter().find(|(key, _)| line.starts_with(&format!("{key} "))) {
        Some((key, value)) => format!("{key} {value}\n"),
        None => format!("{line}\n"),
    };
    ours("config").lines().map(line).collect()
}

/// Where it takes commands: above the ports of its sound.
fn control_at(claim: &Claim) -> SocketAddr {
    SocketAddr::new(claim.sip().ip(), *claim.rtp().end())
}

fn ours(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/baresip").join(name);
    fs::read_to_string(path).expect("a file of this repository")
}
