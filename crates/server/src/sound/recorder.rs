//! Recordings on disk: one thread appends the raw tracks while calls run, one makes the sound files after them.
//!
//! Sound never waits for a disk: packets go through a bounded ring, and a full ring drops and counts. What a kill can take
//! is the last [`FLUSH_EVERY`] of each running recording; the rest is found and finished at the next start.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::{AccountId, CallId, Wall};
use callcenter::action::RecordingFiles;
use media::api::Stored;
use media::recording::{Head, Writer};

use super::renderer::{Job, Renderer};
use crate::vital;

/// Packets between the media threads and the disk: over a second of 300 recorded calls. Full: dropped and counted.
const RING_PACKETS: usize = 32_768;
/// Buffered sound is given to the operating system this often.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// A track's buffer is flushed before its time when it is longer.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How often the free space is looked at.
const SPACE_EVERY: Duration = Duration::from_secs(5);

/// Where recordings live.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// Raw tracks of running and unfinished recordings.
    pub raw: PathBuf,
    /// Root of the finished files.
    pub files: PathBuf,
    /// New recordings are not begun while fewer bytes are free.
    pub disk_free_min_bytes: u64,
}

/// A recording whose files are to be made, or are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Whose.
    pub account: AccountId,
    /// Of which call.
    pub call: CallId,
    /// Which files.
    pub files: RecordingFiles,
}

/// A handle to the recorder; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    packets: SyncSender<Stored>,
    orders: Sender<Order>,
    stopping: Arc<AtomicBool>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What is not sound, and must not be dropped.
enum Order {
    Begin { call: CallId, at: Wall },
    End { call: CallId, length: Duration },
    Finish(Finish),
    Stop,
}

impl Recorder {
    /// Makes the folders and starts both threads. `ready` is told of every finished recording, from the rendering thread.
    ///
    /// # Errors
    /// When a folder cannot be made or the operating system gives no thread.
    pub fn start(
        config: RecorderConfig,
        ready: impl Fn(Finish) + Send + 'static,
    ) -> std::io::Result<Recorder> {
        fs::create_dir_all(&config.raw)?;
        fs::create_dir_all(&config.files)?;
        let (packets, ring) = sync_channel(RING_PACKETS);
        let (orders, inbox) = channel();
        let (jobs, work) = channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let renderer = Renderer::new(config.files.clone(), work, stopping.clone(), Box::new(ready));
        let tracks = Tracks {
            config,
            ring,
            inbox,
            jobs,
            open: HashMap::new(),
            lengths: HashMap::new(),
            due: Vec::new(),
            space: Space::Enough,
            looked: None,
            stopped: false,
        };
        let threads = vec![
            vital::spawn("recorder".to_owned(), move || tracks.run())?,
            vital::spawn("renderer".to_owned(), move || renderer.run())?,
        ];
        Ok(Recorder { packets, orders, stopping, threads: Arc::new(Mutex::new(threads)) })
    }

    /// A recording begins.
    pub fn begin(&self, call: CallId, at: Wall) {
        self.order(Order::Begin { call, at });
    }

    /// One packet of it. Never waits.
    pub fn store(&self, stored: Stored) {
        if self.packets.try_send(stored).is_err() {
            metrics::counter!("cordboard_recording_packets_dropped_total").increment(1);
        }
    }

    /// No more packets come; its length is known.
    pub fn end(&self, call: CallId, length: Duration) {
        self.order(Order::End { call, length });
    }

    /// Its files are to be made.
    pub fn finish(&self, finish: Finish) {
        self.order(Order::Finish(finish));
    }

    /// Writes what is buffered, makes files for a few seconds more, and ends both threads. Recordings whose files are not
    /// made are found at the next start.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.order(Order::Stop);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a recorder thread panicked");
            }
        }
    }

    fn order(&self, order: Order) {
        // The threads have ended: the next start finds what is unfinished.
        let _ = self.orders.send(order);
    }
}

/// Whether there is room for new recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    Enough,
    Short,
}

struct Track {
    /// Appended to.
    file: File,
    /// How long it is.
    bytes: u64,
    writer: Writer,
}

struct Tracks {
    config: RecorderConfig,
    ring: Receiver<Stored>,
    inbox: Receiver<Order>,
    jobs: Sender<Job>,
    open: HashMap<CallId, Track>,
    /// Lengths of recordings that ended and whose files are not ordered yet.
    lengths: HashMap<CallId, Duration>,
    /// Recordings whose files are to be made.
    due: Vec<Finish>,
    space: Space,
    looked: Option<Instant>,
    stopped: bool,
}

impl Tracks {
    fn run(mut self) {
        let mut flushed = Instant::now();
        while !self.stopped {
            self.look_at_space();
            match self.ring.recv_timeout(FLUSH_EVERY) {
                Ok(stored) => self.store(&stored),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.take_orders();
            self.finish_due();
            if flushed.elapsed() >= FLUSH_EVERY {
                self.open.iter_mut().for_each(|(call, track)| track.flush(*call));
                flushed = Instant::now();
            }
        }
        self.empty_ring();
        self.open.iter_mut().for_each(|(call, track)| track.flush(*call));
    }

    fn store(&mut self, stored: &Stored) {
        let Stored::Packet { call, .. } = stored;
        if !self.open.contains_key(call) {
            // Its beginning was ordered before its first packet was sent.
            self.take_orders();
        }
        let Some(track) = self.open.get_mut(call) else { return };
        track.writer.push(stored);
        if track.writer.pending().len() > BUFFER_BYTES_MAX {
            track.flush(*call);
        }
    }

    fn take_orders(&mut self) {
        while let Ok(order) = self.inbox.try_recv() {
            match order {
                Order::Begin { call, at } => self.begin(call, at),
                Order::End { call, length } => {
                    if self.open.contains_key(&call) {
                        self.lengths.insert(call, length);
                    }
                }
                Order::Finish(finish) => self.due.push(finish),
                Order::Stop => self.stopped = true,
            }
        }
    }

    fn begin(&mut self, call: CallId, at: Wall) {
        if self.space == Space::Short {
            metrics::counter!("cordboard_recordings_not_begun_total").increment(1);
            return tracing::error!(%call, "not recorded: the disk is nearly full (server.disk_free_min_mb)");
        }
        if self.open.contains_key(&call) {
            // Other legs are recorded now; what was said before stays.
            return;
        }
        let head = Head { call, started: at, meta: Vec::new() };
        match (create(&track_path(&self.config.raw, call)), Writer::new(&head)) {
            (Ok(file), Ok(writer)) => {
                let mut track = Track { file, bytes: 0, writer };
                track.flush(call);
                self.open.insert(call, track);
            }
            (Err(error), _) => tracing::error!(%call, %error, "not recorded: the track file cannot be made"),
            (_, Err(error)) => tracing::error!(%call, %error, "not recorded"),
        }
    }

    fn finish_due(&mut self) {
        let due = std::mem::take(&mut self.due);
        if !due.is_empty() {
            // What was sent before the order to finish is in the ring by now.
            self.empty_ring();
        }
        due.into_iter().for_each(|finish| self.finish(finish));
    }

    /// Writes what is in the ring now; what comes meanwhile waits for its turn.
    fn empty_ring(&mut self) {
        for _ in 0..RING_PACKETS {
            let Ok(stored) = self.ring.try_recv() else { return };
            self.store(&stored);
        }
    }

    fn finish(&mut self, finish: Finish) {
        if let Some(mut track) = self.open.remove(&finish.call) {
            track.flush(finish.call);
            if let Err(error) = track.file.sync_data() {
                tracing::error!(call = %finish.call, %error, "a track file may be lost by a power cut");
            }
        }
        let length = self.lengths.remove(&finish.call);
        let tracks = track_path(&self.config.raw, finish.call);
        // The renderer outlives this thread.
        let _ = self.jobs.send(Job { finish, tracks, length });
    }

    fn look_at_space(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < SPACE_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        let Ok(disk) = rustix::fs::statvfs(&self.config.raw) else { return };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let space = match free < self.config.disk_free_min_bytes {
            true => Space::Short,
            false => Space::Enough,
        };
        if space != self.space {
            match space {
                Space::Short => tracing::error!(free, "the disk is nearly full: new calls are not recorded"),
                Space::Enough => tracing::info!(free, "there is room again: calls are recorded"),
            }
            self.space = space;
        }
    }
}

impl Track {
    /// Appends what is pending. What cannot be written is lost, but the file stays whole: what comes later can be read.
    fn flush(&mut self, call: CallId) {
        let pending = self.writer.pending();
        match self.file.write_all(pending) {
            Ok(()) => self.bytes += pending.len() as u64,
            Err(error) => {
                tracing::error!(%call, %error, "sound was lost: the track file cannot be written");
                if let Err(error) = self.file.set_len(self.bytes) {
                    tracing::error!(%call, %error, "the track file ends in a torn packet");
                }
            }
        }
        self.writer.clear();
    }
}

/// An empty file that is appended to.
fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    file.set_len(0)?;
    Ok(file)
}

fn track_path(raw: &Path, call: CallId) -> PathBuf {
    raw.join(format!("{call}.tracks"))
}

#[cfg(test)]
mod tests;
