//! The generator: built once a test, run once a run.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::ground::Ground;

/// Calls at once.
pub const CALLS: usize = 50;
/// Begun a second, and for how long all of them are heard.
const RATE: &str = "25";
const WINDOW_S: &str = "3";
/// A generator that was later (99th percentile, milliseconds) has not sent what it says.
pub const LATE_MS_MAX: f64 = 10.0;

pub struct Load {
    folder: TempDir,
}

/// What the generator says of a run.
pub struct Run {
    pub line: Value,
    /// By number.
    pub legs: Vec<Leg>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Caller,
    Callee,
}

pub struct Leg {
    pub number: usize,
    pub side: Side,
    pub hears: Option<usize>,
}

impl Load {
    pub fn build() -> Load {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/callload.c");
        let built = Command::new("cc")
            .args(["-O2", "-o"])
            .args([program(&folder), source])
            .arg("-lm")
            .status()
            .expect("a C compiler is there: apt-get install build-essential, or use ./test");
        assert!(built.success(), "callload.c: {built}");
        Load { folder }
    }

    pub async fn run(&self, ground: &Ground, user: &str) -> Run {
        let legs = ground.path("legs");
        let output = tokio::process::Command::new(program(&self.folder))
            .args(["--server", &ground.server().to_string(), "--uac", &ground.caller().to_string()])
            .args(["--uas", &ground.callee().to_string(), "--to", user, "--calls", &CALLS.to_string()])
            .args(["--rate", RATE, "--media", "--settle", "1", "--window", WINDOW_S, "--limit", "120"])
            .arg("--legs")
            .arg(&legs)
            .output()
            .await
            .expect("it was built");
        let text = String::from_utf8(output.stdout).expect("text");
        let line = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let legs = std::fs::read_to_string(legs).expect("it writes of every leg");
        Run { line, legs: legs.lines().map(Leg::read).collect() }
    }
}

impl Leg {
    /// Number, side, leg heard (-1: none), packets sent and heard.
    fn read(line: &str) -> Leg {
        let words: Vec<&str> = line.split(' ').collect();
        Leg {
            number: words[0].parse().expect("a number"),
            side: match words[1] {
                "caller" => Side::Caller,
                "callee" => Side::Callee,
                other => panic!("{other} is no side"),
            },
            hears: words[2].parse().ok(),
        }
    }
}

fn program(folder: &TempDir) -> PathBuf {
    folder.path().join("callload")
}
