//! Calls between the lab's phones, and the files made of them.

use std::process::Command;
use std::time::Duration;

use callcenter::config::{RecordingFormat, RecordingMode};
use lab::{LabEvent, PhoneId, Prompt, prompt_samples};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE, RETRY_AFTER};
use serde_json::Value;

use crate::desk::{Desk, fetch};
use crate::sound::{Found, HOP, assert_heard, assert_not_heard, channels, find};

/// How far a recording's length may be from the time the two talked.
const LENGTH_OFF_MAX: Duration = Duration::from_millis(300);

/// Talks for five seconds and hangs up.
const CUSTOMER: &str = "13900000008";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_are_recorded_each_on_its_track() {
    let desk = Desk::open(|_, _| {}).await;
    let (call, talked) = talk(&desk).await;
    let ready = desk.pushed(&call, "recordingReady").await;
    let [agent, customer] = [Prompt::Agent, Prompt::Customer].map(prompt_samples);

    let stereo = channels(&fetch(&ready["doubleTrackFileUrl"]).await);
    let [left, right] = stereo.as_slice() else { panic!("{} channels", stereo.len()) };
    assert_heard("the agent on the left", &agent, left);
    assert_heard("the customer on the right", &customer, right);
    assert_not_heard("the customer on the left", &customer, left);
    assert_not_heard("the agent on the right", &agent, right);
    assert_lasts(left, talked);

    for (link, said, unsaid) in [("agentFileUrl", &agent, &customer), ("customerFileUrl", &customer, &agent)]
    {
        let side = channels(&fetch(&ready[link]).await);
        let [side] = side.as_slice() else { panic!("{link} has {} channels", side.len()) };
        assert_heard(link, said, side);
        assert_not_heard(link, unsaid, side);
        assert_eq!(side.len(), left.len(), "{link}");
    }

    let record = desk.record(&call).await;
    for link in ["recordFileUrl", "doubleTrackFileUrl", "agentFileUrl", "customerFileUrl"] {
        assert_eq!(record[link], ready[link], "the record has given out the link");
    }
    let whole = fetch(&record["recordFileUrl"]).await;
    assert_eq!(whole, fetch(&ready["doubleTrackFileUrl"]).await, "the file to play");
    assert_is_served_in_parts(&record["recordFileUrl"], &whole).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_recording_has_both_in_one_channel_and_is_made_as_soon_as_it_can_be() {
    let desk = Desk::open(|config, _| config.accounts[0].recording = RecordingMode::Normal).await;
    // A file where the folder of the recordings should be: none can be made.
    let obstacle = desk.folder.path().join("recordings").join(server::config::DEMO_APPKEY);
    std::fs::write(&obstacle, "in the way").expect("the folder is there");
    let (call, talked) = talk(&desk).await;
    let record = desk.record(&call).await;
    for absent in ["doubleTrackFileUrl", "agentFileUrl", "customerFileUrl"] {
        assert_eq!(record[absent], "", "{absent}");
    }

    let link = record["recordFileUrl"].as_str().expect("a link is text");
    let unfinished = reqwest::get(link).await.expect("the server answers");
    assert_eq!(unfinished.status(), 404, "an unfinished file");
    assert!(unfinished.headers().contains_key(RETRY_AFTER), "it says when to ask again");
    let (known, token) = link.split_once("/recordings/").expect("a link to a recording");
    let guessed = format!("{known}/recordings/{}{}", "0".repeat(32), &token[32..]);
    let unknown = reqwest::get(&guessed).await.expect("the server answers");
    assert_eq!(unknown.status(), 404, "a guessed link");
    assert!(!unknown.headers().contains_key(RETRY_AFTER), "a guessed link will never be there");

    std::fs::remove_file(&obstacle).expect("it is still there");
    let mono = channels(&desk.recording(&call).await);
    let [track] = mono.as_slice() else { panic!("{} channels", mono.len()) };
    assert_lasts(track, talked);
    // Both speak at once, so no piece is as it was said; but pieces that belong together are found together.
    for prompt in [Prompt::Agent, Prompt::Customer] {
        let found = find(&prompt_samples(prompt), track);
        let together = |pair: &[Found]| {
            pair.iter().all(|found| found.height > 0.4) && pair[1].at.abs_diff(pair[0].at + HOP) <= 8
        };
        assert!(found.windows(2).any(together), "{prompt:?} is not in the mix: {found:?}");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_mp3_has_each_side_on_its_channel() {
    if server::sound::Encoder::find("lame".as_ref(), 24).is_none() {
        return eprintln!("NOT TESTED: there is no lame (apt-get install lame, or use ./test)");
    }
    let desk = Desk::open(|config, _| config.accounts[0].recording_format = RecordingFormat::Mp3).await;
    let (call, talked) = talk(&desk).await;
    let ready = desk.pushed(&call, "recordingReady").await;
    let link = ready["doubleTrackFileUrl"].as_str().expect("a link is text");
    assert!(link.ends_with("-doubleTrack.mp3"), "{link}");
    let file = reqwest::get(link).await.expect("the server answers");
    assert_eq!(file.headers()[CONTENT_TYPE], "audio/mpeg");
    let whole = file.bytes().await.expect("a file");
    assert_is_served_in_parts(&ready["doubleTrackFileUrl"], &whole).await;

    let stereo = channels(&decoded(&desk, &whole));
    let [left, right] = stereo.as_slice() else { panic!("{} channels", stereo.len()) };
    assert_lasts(left, talked);
    // The encoder changes the sound, but not when and where it is.
    for (track, said, unsaid) in
        [(left, Prompt::Agent, Prompt::Customer), (right, Prompt::Customer, Prompt::Agent)]
    {
        let found = find(&prompt_samples(said), track);
        let together = |pair: &[Found]| {
            pair.iter().all(|found| found.height > 0.8) && pair[1].at.abs_diff(pair[0].at + HOP) <= 8
        };
        assert!(found.windows(2).any(together), "{said:?} is not heard: {found:?}");
        assert_not_heard("the other side", &prompt_samples(unsaid), track);
    }
    desk.close().await;
}

fn decoded(desk: &Desk, mp3: &[u8]) -> Vec<u8> {
    let file = desk.folder.path().join("fetched.mp3");
    std::fs::write(&file, mp3).expect("the folder is there");
    let decoded = Command::new("lame").args(["--quiet", "--decode"]).arg(&file).arg("-").output();
    let decoded = decoded.expect("lame is there");
    assert!(decoded.status.success(), "{decoded:?}");
    decoded.stdout
}

/// Lets agent 8000 and a customer talk; tells the call and for how long, by the customer's phone.
async fn talk(desk: &Desk) -> (String, Duration) {
    desk.online("8000").await;
    let call = desk.dial("8000", CUSTOMER, &[]).await;
    let customer = called(desk, CUSTOMER).await;
    let (answered, _) =
        desk.phones.moment("answer", |event| *event == LabEvent::PhoneAnswered { phone: customer }).await;
    let over = |event: &LabEvent| matches!(event, LabEvent::Ended { phone, .. } if *phone == customer);
    let (ended, _) = desk.phones.moment("end", over).await;
    (call, ended - answered)
}

/// The lab's phone that was called by this number.
async fn called(desk: &Desk, wanted: &str) -> PhoneId {
    let fits = |event: &LabEvent| matches!(event, LabEvent::PhoneCalled { number, .. } if number == wanted);
    match desk.phones.until(wanted, fits).await {
        LabEvent::PhoneCalled { phone, .. } => phone,
        other => unreachable!("{other:?}"),
    }
}

#[track_caller]
fn assert_lasts(track: &[i16], talked: Duration) {
    let length = Duration::from_micros(track.len() as u64 * 125);
    assert!(length.abs_diff(talked) <= LENGTH_OFF_MAX, "{length:?} recorded of {talked:?}");
}

async fn assert_is_served_in_parts(link: &Value, whole: &[u8]) {
    let link = link.as_str().expect("a link is text");
    let asking = reqwest::Client::new().get(link).header(RANGE, "bytes=100-199");
    let answer = asking.send().await.expect("the server answers");
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.headers()[CONTENT_RANGE], format!("bytes 100-199/{}", whole.len()));
    assert_eq!(answer.bytes().await.expect("a part"), whole[100..200]);
}
