//! baresip as an agent's phone: registers, answers by itself, plays one sound file and keeps what it hears in another.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use media::wav;
use tempfile::TempDir;

use crate::claim::Claim;
use crate::program::Program;

/// The agent of `interop/baresip/accounts`.
pub(crate) const AGENT: &str = "8005";

pub(crate) struct Baresip {
    program: Program,
    folder: TempDir,
    _claim: Claim,
}

impl Baresip {
    /// Starts it as the phone of [`AGENT`], who says `voice` (8 kHz), and waits until it is registered.
    pub(crate) async fn registered(registrar: SocketAddr, voice: &[i16]) -> Baresip {
        let (claim, folder) = (Claim::new(), tempfile::tempdir().expect("a folder for temporary files"));
        let at = folder.path().to_str().expect("a path of text");
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("a new file in a new folder");
        };
        write("voice.wav", &wav::write(8000, voice).expect("a few seconds fit"));
        write("config", config(&claim, at).as_bytes());
        write("accounts", ours("accounts").replace("127.0.0.1:5060", &registrar.to_string()).as_bytes());
        write("contacts", b"");
        let program = Program::start("baresip", "baresip", folder.path(), ["-f", at]);
        program.lines.until("registration", |line| line.contains("200 OK")).await;
        Baresip { program, folder, _claim: claim }
    }

    /// Ends it, and its calls with it; returns all that it heard in its one call.
    pub(crate) async fn heard(mut self) -> Vec<i16> {
        self.program.terminate();
        self.program.ended().await;
        let files = fs::read_dir(self.folder.path()).expect("the folder is ours");
        let mut names: Vec<_> = files.map(|file| file.expect("can be listed").path()).collect();
        names.retain(|name| name.to_string_lossy().ends_with("-dec.wav"));
        let [name] = names.as_slice() else { panic!("not one call: {names:?}\n{}", self.program.said()) };
        wav::read(&fs::read(name).expect("baresip wrote it")).expect("a WAV file").samples
    }
}

/// The configuration for use by hand, with ports and files of our own.
fn config(claim: &Claim, folder: &str) -> String {
    let rtp = claim.rtp();
    let own = [
        ("sip_listen", claim.sip().to_string()),
        ("rtp_ports", format!("{}-{}", rtp.start(), rtp.end())),
        ("audio_source", format!("aufile,{folder}/voice.wav")),
        ("snd_path", folder.to_owned()),
    ];
    let line = |line: &str| match own.iter().find(|(key, _)| line.starts_with(&format!("{key} "))) {
        Some((key, value)) => format!("{key} {value}\n"),
        None => format!("{line}\n"),
    };
    ours("config").lines().map(line).collect()
}

fn ours(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/baresip").join(name);
    fs::read_to_string(path).expect("a file of this repository")
}
