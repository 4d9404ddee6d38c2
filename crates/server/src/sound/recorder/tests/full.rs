//! A disk that is really full: not a byte more can be written.

use std::io::Write as _;

use super::*;

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(kilobytes: u64) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a folder");
        let size = format!("size={kilobytes}k");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then(|| SmallDisk(folder))
    }

    fn fill_up(&self) {
        let mut ballast = File::create(self.0.path().join("ballast")).expect("a file");
        while ballast.write_all(&[1; 4096]).is_ok() {}
        while ballast.write_all(&[1]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn what_was_said_before_and_after_a_full_disk_is_in_its_place() {
    let Some(disk) = SmallDisk::mount(1024) else {
        return eprintln!("NOT TESTED: only root may mount a small disk to fill up");
    };
    let (made, ready) = channel();
    let recorder =
        Recorder::start(config(disk.0.path()), move |done| drop(made.send(done))).expect("it starts");
    let calls = [CallId(1), CallId(2)];
    calls.iter().for_each(|call| recorder.begin(*call, Wall::from_millis(0)));
    let stored = |packets: std::ops::Range<u16>| {
        let (back, returned) = channel();
        let blocks = calls.map(|call| Stored { call, block: block(packets.clone()) }).to_vec();
        assert_eq!(recorder.store(blocks, Some(back)), Ok(()));
        returned.recv_timeout(Duration::from_secs(20)).expect("sound never waits for a disk");
    };
    stored(0..50);
    disk.fill_up();
    stored(50..100);
    assert_eq!(recorder.room(), Room::Out, "it is noticed at once");
    recorder.begin(CallId(3), Wall::from_millis(0));
    stored(100..150);
    fs::remove_file(disk.0.path().join("ballast")).expect("it is there");
    recorder.space.look();
    assert_eq!(recorder.room(), Room::Enough);
    stored(150..200);
    for call in [CallId(1), CallId(2), CallId(3)] {
        recorder.end(call, Duration::from_secs(4));
        recorder.finish(finish(call));
    }
    for _ in 0..3 {
        ready.recv_timeout(Duration::from_secs(60)).expect("each is made");
    }
    recorder.stop();
    for call in calls {
        let file = fs::read(disk.0.path().join("files").join(format!("{call}.wav"))).expect("it was made");
        let samples = media::wav::read(&file).expect("a WAV file").samples;
        let is_heard = |ms: usize| samples[ms * 8..(ms + 10) * 8].iter().all(|sample| *sample != 0);
        assert_eq!(samples.len(), 32_000, "the whole length");
        assert_eq!([500, 1500, 2500, 3500].map(is_heard), [true, false, false, true], "call {call}");
    }
    let unrecorded = fs::metadata(disk.0.path().join("files/3.wav")).expect("its link leads somewhere");
    assert_eq!(unrecorded.len(), 44);
}
