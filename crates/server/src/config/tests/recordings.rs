//! What the file says of recordings.

use callcenter::config::RecordingFormat;

use super::*;

#[test]
fn mistakes_about_recordings() {
    assert_eq!(
        server_says(
            "recording_format = \"mp4\"\nrecording_kbps = 20\nrecording_workers = 0\nrecording_encoder = \"\"\n\
             disk_free_min_mb = 500\nrecording_keep_free_mb = 500\nrecording_keep_days = -1"
        ),
        [
            "\"recording_format\" knows no \"mp4\" | did you mean \"mp3\"?",
            "\"recording_kbps\" must not be 20 | write 8, 16, 24 or 32",
            "\"recording_workers\" must not be 0 | write a number from 1 to 64",
            "\"recording_encoder\" must not be empty | write \"lame\", or where it is",
            "\"recording_keep_free_mb\" is 500, but recording stops at disk_free_min_mb = 500: nothing would be deleted in \
             time | write more than disk_free_min_mb, or 0 for never",
            "\"recording_keep_days\" must not be -1 | write a number from 0 to 36500",
        ]
    );
    assert_eq!(
        account_says("recording_keep_days = 40000"),
        ["\"recording_keep_days\" must not be 40000 | write a number from 0 to 36500"]
    );
}

#[test]
fn accounts_may_differ_from_the_server() {
    let other = ACCOUNT
        .replace("2000103", "2000104")
        .replace("[[account]]", "[[account]]\nrecording_format = \"wav\"");
    let text = format!("[server]\nrecording_keep_days = 90\n{ACCOUNT}recording_keep_days = 0\n{other}");
    let mut config = parse(&text, &|_| None).expect("no mistakes");
    let of = |config: &Config, n: usize| {
        (config.accounts[n].recording_format, config.accounts[n].recording_keep_days)
    };
    assert_eq!((of(&config, 0), of(&config, 1)), ((RecordingFormat::Mp3, 0), (RecordingFormat::Wav, 90)));
    assert!(config.wants_mp3());

    config.server.recordings.encoder = "no/such/program".into();
    assert_eq!(config.find_encoder(), None);
    assert_eq!(of(&config, 0), (RecordingFormat::Wav, 0), "names are given out that can be kept");
}
