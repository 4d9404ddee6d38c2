//! A disk that fills up while calls go on: recording gives way, and nothing else does.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::{LabEvent, Prompt, prompt_samples};
use tempfile::TempDir;

use crate::desk::{Desk, fetch};
use crate::sound::{assert_heard, channels};

const MEGABYTE: u64 = 1_000_000;
/// What is kept free for the log.
const FREE_MIN: u64 = 16 * MEGABYTE;
/// Speaks until hung up.
const SPEAKS: &str = "13900000001";
/// Echoes, and hangs up after five seconds.
const HANGS_UP: &str = "13900000008";
const STEP_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_touches_no_call_and_recording_comes_back() {
    let Some(disk) = SmallDisk::mount(48 * MEGABYTE) else {
        return eprintln!("NOT TESTED: only root may mount a small disk to fill up");
    };
    let desk = Desk::open(|config, _| {
        config.server.data_dir = disk.folder.path().join("data");
        config.server.disk_free_min_bytes = FREE_MIN;
    })
    .await;
    assert_eq!(readyz(&desk).await, "ready\n");
    let before = talking(&desk, "8000").await;

    disk.leave_free(FREE_MIN * 3 / 4);
    says(&desk, "new calls are not recorded").await;
    let short = talking(&desk, "8001").await;
    disk.leave_free(FREE_MIN / 4);
    says(&desk, "no call is recorded").await;
    assert_eq!(metric(&desk, "cordboard_recording_room").await, 0.0);
    // There is room for what must be written: calls begin, are heard, end, and have their records.
    let full = talking(&desk, "8002").await;
    for (agent, call) in [("8000", &before), ("8001", &short), ("8002", &full)] {
        desk.ask(&["hangup", "--agent", agent]).await;
        assert_eq!(desk.record(call).await["status"], "ANSWER");
    }
    let free_then = disk.free();
    assert!(free_then > FREE_MIN / 8, "only {free_then} bytes are left for the log");
    let link = desk.record(&before).await["recordFileUrl"].clone();
    let unmade = reqwest::get(link.as_str().expect("a link is text")).await.expect("the server answers");
    assert_eq!(unmade.status(), 404, "no room to make it");

    disk.leave_free(2 * FREE_MIN);
    let kept = channels(&desk.recording(&before).await);
    assert_heard("the customer before the disk was full", &prompt_samples(Prompt::Customer), &kept[1]);
    for call in [&short, &full] {
        let ready = desk.pushed(call, "recordingReady").await;
        assert_eq!(
            channels(&fetch(&ready["recordFileUrl"]).await)[0].len(),
            0,
            "not recorded, but no broken link"
        );
    }
    until(&desk, |text| text == "ready\n").await;
    let after = talking(&desk, "8003").await;
    desk.pushed(&after, "cdr").await;
    assert!(channels(&desk.recording(&after).await)[0].len() > 8_000, "it is recorded again");
    desk.close().await;
}

/// A call in which both hear each other. Agent 8000 is spoken to, 8003 is hung up on.
async fn talking(desk: &Desk, agent: &str) -> String {
    desk.online(agent).await;
    let customer = if agent == "8003" { HANGS_UP } else { SPEAKS };
    let heard = |events: &[LabEvent]| {
        events.iter().filter(|event| matches!(event, LabEvent::SoundHeard { .. })).count()
    };
    let heard_before = heard(&desk.phones.all());
    let call = desk.dial(agent, customer, &[]).await;
    desk.told(&call, "link").await;
    desk.phones.until_all("sound at both phones", |events| heard(events) >= heard_before + 2).await;
    call
}

async fn says(desk: &Desk, warning: &str) {
    until(desk, |text| text.contains(warning)).await;
}

/// Asks `/readyz` until it says what is wanted; it is always ready.
async fn until(desk: &Desk, fits: impl Fn(&str) -> bool) {
    let began = Instant::now();
    let mut every = tokio::time::interval(Duration::from_millis(100));
    loop {
        every.tick().await;
        let text = readyz(desk).await;
        if fits(&text) {
            return;
        }
        assert!(began.elapsed() < STEP_MAX, "it says {text}");
    }
}

async fn readyz(desk: &Desk) -> String {
    let answer = reqwest::get(format!("http://{}/readyz", desk.http())).await.expect("the server answers");
    assert_eq!(answer.status(), 200, "calls are taken");
    answer.text().await.expect("text")
}

async fn metric(desk: &Desk, name: &str) -> f64 {
    let answer = reqwest::get(format!("http://{}/metrics", desk.http())).await.expect("the server answers");
    let text = answer.text().await.expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// A disk in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount(bytes: u64) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let size = format!("size={bytes}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(SmallDisk { folder })
    }

    fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(self.folder.path()).expect("it is mounted");
        disk.f_bavail * disk.f_frsize
    }

    /// Fills it up, or empties it.
    fn leave_free(&self, bytes: u64) {
        let ballast = self.folder.path().join("ballast");
        let has = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let wanted = (has(&ballast) + self.free()).saturating_sub(bytes);
        let file = File::options().create(true).truncate(false).write(true).open(&ballast).expect("a file");
        file.set_len(wanted.min(has(&ballast))).expect("it can be shorter");
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, wanted.max(1))
            .expect("there is room");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}
