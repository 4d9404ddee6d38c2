//! Everything that the fuzz targets found worth keeping, once more: each file is checked as its target would.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files, and fails when it cannot go on"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
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
fn sound() {
    replay("sound", checks::sound::check);
}

#[test]
fn replies_to_strangers() {
    replay("replies", checks::replies::check);
}

/// The scripts must lead to everything that an endpoint does, or they prove little.
#[test]
fn whole_endpoints() {
    let deeds = RefCell::new(BTreeSet::new());
    replay("endpoint", |data| deeds.borrow_mut().extend(checks::endpoint::deeds(data)));
    let deeds = deeds.into_inner();
    let missing: Vec<&str> =
        DEEDS.iter().flat_map(|line| line.split(' ')).filter(|deed| !deeds.contains(*deed)).collect();
    assert!(missing.is_empty(), "nothing leads to {missing:?}; there is {deeds:?}");
}

const DEEDS: &[&str] = &[
    "Progress Answered Incoming Acknowledged Reoffered OfferAnswered OfferRefused Referred KeyPressed Ended Token",
    "Registration OwnRegistration ByUs ByFar Broken",
    "INVITE ACK CANCEL BYE PRACK NOTIFY UPDATE REGISTER",
    "Dialog(NothingHeard) Dialog(Unanswered) Dialog(CancelGivenUp) Dialog(Repeat2xx) Dialog(Unacknowledged)",
    "Dialog(ReofferUnanswered) Dialog(ChangeRetry) Dialog(ChangeUnanswered) Dialog(RepeatProvisional) Dialog(Unpracked)",
    "Dialog(ReferUnanswered) Dialog(ReferOver) Dialog(SessionRefresh) Dialog(SessionExpired)",
    "Connection(Opening) Connection(Incomplete) Connection(Idle) Connection(Ping) BindingExpiry RegistrationRefresh",
    "NoAnswer Gone 100 180 183 200 400 401 405 415 420 422 481 482 486 487 491 500 503 603",
];
