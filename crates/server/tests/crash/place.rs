//! Where a server runs: its ports, its folder, its configuration. It stays when the server is killed.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::client::Client;
use crate::process::{Lines, Process};

pub const APPKEY: &str = "2000103";
pub const SECRET: &str = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";

/// Above the ports that the system gives out itself, and those that other programs take for sound.
const FIRST: u16 = 61_000;
const BLOCK: u16 = 300;
const BLOCKS: u16 = 15;
/// Port pairs for the server's sound. Those of calls that a kill ended rest for 40 s and more after the restart: in a run
/// that kills often, hundreds rest at once.
const SOUND_PAIRS: u16 = 640;
const SOUND_FIRST: u16 = 16_000;

/// An agent's phone.
pub enum Phone {
    Mobile(String),
    Sip { user: String, password: String },
}

pub struct Agent {
    pub number: String,
    pub phone: Phone,
    pub wrap_up_s: u64,
}

pub struct Place {
    first: u16,
    /// The TCP port of the same number as the first is the claim on all of them.
    _held: TcpListener,
    pub folder: TempDir,
    pub lines: Lines,
}

impl Place {
    /// Ports that nobody else has, and a folder with a configuration in it. Its sound has an address of its own, and there as
    /// many ports as it wants.
    pub fn new(agents: &[Agent], pushes: &[String]) -> Place {
        let (first, held) = (0..BLOCKS)
            .find_map(|block| {
                let first = FIRST + block * BLOCK;
                TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok().map(|held| (first, held))
            })
            .expect("15 claims are more than tests run at once");
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let place = Place { first, _held: held, folder, lines: Lines::new() };
        std::fs::write(place.config(), place.toml(agents, pushes)).expect("the folder is new");
        place
    }

    pub fn http(&self) -> SocketAddr {
        self.port(1)
    }

    /// Where the server listens for SIP.
    pub fn sip(&self) -> SocketAddr {
        self.port(2)
    }

    /// Where the server's trunk leads.
    pub fn carrier(&self) -> SocketAddr {
        self.port(3)
    }

    /// For a phone that registers, or where the inbound route leads.
    pub fn phone(&self) -> SocketAddr {
        self.port(4)
    }

    /// For the sound of phones.
    pub fn phones_rtp(&self) -> RangeInclusive<u16> {
        self.first + 210..=self.first + BLOCK - 1
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn database(&self) -> PathBuf {
        self.data().join("cordboard.db")
    }

    pub fn client(&self) -> Client {
        Client::new(self.http())
    }

    /// Starts the server; it may not listen yet.
    pub fn spawn(&self) -> Process {
        let config = self.config();
        let config = config.to_str().expect("a plain path");
        let args = ["serve", "--config", config];
        Process::start(env!("CARGO_BIN_EXE_cordboard"), "nothing", self.folder.path(), &args, &self.lines)
    }

    /// Starts the server and waits until it serves.
    pub async fn start(&self) -> Process {
        let mut process = self.spawn();
        process.says("serving http=").await;
        process
    }

    /// Runs a small command of the program on this place's configuration; whether it succeeded, and what it said.
    pub async fn command(&self, words: &[&str]) -> (bool, String) {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cordboard"));
        command.args(words).arg("--config").arg(self.config()).current_dir(self.folder.path());
        let done = command.output().await.expect("the program is there");
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// What the server's log must not have: errors and panics.
    pub fn complaints(&self) -> Vec<String> {
        let bad = |line: &String| line.contains(" ERROR ") || line.contains("panicked at");
        self.lines.all().into_iter().filter(bad).collect()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("cordboard.toml")
    }

    fn port(&self, at: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first + at))
    }

    fn toml(&self, agents: &[Agent], pushes: &[String]) -> String {
        let mut text = format!(
            r#"[server]
http_listen = "{http}"
sip_listen = "{sip}"
media_address = "127.0.1.{host}"
rtp_port_min = {rtp_min}
rtp_port_max = {rtp_max}
data_dir = "{data}"
allow_private_push = true
shutdown_grace_s = 0
disk_free_min_mb = 0

[[trunk]]
name = "carrier"
addresses = ["{carrier}"]

[[account]]
id = {APPKEY}
secrets = ["{SECRET}"]
requests_per_minute = 0
recording = "dual_track"
numbers = ["02258834811"]
default_number = "02258834811"

[[account.inbound]]
trunk = "carrier"
called = "02258834811"
to = "sip:desk@{desk}"

[[account.edition]]
name = "standard"
licences = 100
"#,
            http = self.http(),
            sip = self.sip(),
            host = 1 + (self.first - FIRST) / BLOCK,
            rtp_min = SOUND_FIRST,
            rtp_max = SOUND_FIRST + 2 * SOUND_PAIRS - 1,
            data = self.folder.path().join("data").display(),
            carrier = self.carrier(),
            desk = self.phone(),
        );
        for url in pushes {
            write!(text, "\n[[account.push]]\nurl = \"{url}\"\n").expect("writing to a String cannot fail");
        }
        for agent in agents {
            let phone = match &agent.phone {
                Phone::Mobile(number) => format!("mobile = \"{number}\""),
                Phone::Sip { user, password } => {
                    format!("sip_user = \"{user}\"\nsip_password = \"{password}\"")
                }
            };
            write!(
                text,
                "\n[[account.agent]]\nnumber = \"{}\"\nwrap_up_s = {}\n{phone}\n",
                agent.number, agent.wrap_up_s
            )
            .expect("writing to a String cannot fail");
        }
        text
    }
}
