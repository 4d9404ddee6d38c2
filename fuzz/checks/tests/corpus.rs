//! Everything that the fuzz targets found worth keeping, once more: each file is checked as its target would.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files, and fails when it cannot go on"
)]

use std::path::PathBuf;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "the corpus of {target} is there");
    for file in files {
        let data = std::fs::read(&file).unwrap();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&data)));
        assert!(done.is_ok(), "{}", file.display());
    }
}

#[test]
fn messages() {
    replay("message", checks::message::check);
}

#[test]
fn streams() {
    replay("framing", checks::framing::check);
}

#[test]
fn session_descriptions() {
    replay("sdp", checks::sdp::check);
}

#[test]
fn replies_to_strangers() {
    replay("replies", checks::replies::check);
}

#[test]
fn whole_endpoints() {
    replay("endpoint", checks::endpoint::check);
}
