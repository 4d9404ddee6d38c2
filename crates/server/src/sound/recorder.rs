//! Recordings on disk: one thread appends the raw tracks while calls run, others make the sound files after them.
//!
//! Sound never waits for a disk: packets come in blocks of some tenths of a second, all blocks of a moment in one message,
//! and what waits to be written is bounded: more is dropped and counted. What a kill can take of each running recording is
//! the block that is being filled and those on their way, less than a second where the disk keeps up; the rest is found
//! and finished at the next start. A power cut can take more: only the whole file is forced to the disk, when the call is
//! over.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::{AccountId, CallId, LegId, Wall};
use callcenter::action::RecordingFiles;
use media::api::Stored;
use media::limits::BLOCK_BYTES;
use media::recording::Head;
use switch::api::Piece;

use super::encoder::Encoder;
use super::renderer::{Backlog, Job, Patience, Queue, Renderer};
use super::space::{Room, Space};
use crate::vital;

/// Bytes of memory on their way from the media threads to the disk: over three seconds of 1,000 recorded calls. More are
/// dropped and counted.
const WAITING_BYTES_MAX: usize = 64 << 20;
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
    /// What makes mp3 files. `None`: they become WAV.
    pub encoder: Option<Encoder>,
    /// So many recordings are made into files at once.
    pub workers: usize,
}

/// A recording whose files are to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Whose.
    pub account: AccountId,
    /// Of which call.
    pub call: CallId,
    /// What becomes of it.
    pub pieces: Vec<Piece>,
}

/// Files that are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Whose.
    pub account: AccountId,
    /// Of which call.
    pub call: CallId,
    /// Which files.
    pub files: RecordingFiles,
    /// The leg whose part of the call they are; none: the whole of it.
    pub part: Option<LegId>,
}

/// A handle to the recorder; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    orders: Sender<Order>,
    load: Arc<Load>,
    stopping: Arc<AtomicBool>,
    queue: Arc<Queue>,
    space: Arc<Space>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What is on its way to the disk.
#[derive(Default)]
struct Load {
    waiting_bytes: AtomicUsize,
    /// Packets that were dropped since there was room.
    dropped: AtomicU64,
}

/// Blocks that were handed over at one moment, and where they are given back when they are written, if they are wanted.
struct Batch {
    blocks: Vec<Stored>,
    back: Option<Sender<Vec<Stored>>>,
}

/// In the order in which they were given: what is stored of a call is written before it is finished.
enum Order {
    Begin { call: CallId, at: Wall },
    Store(Batch),
    End { call: CallId, length: Duration },
    Finish(Finish),
    Stop,
}

impl Recorder {
    /// Makes the folders and starts the threads. `ready` is told of every piece of a recording that is made, from the thread
    /// that made it.
    ///
    /// # Errors
    /// When a folder cannot be made or the operating system gives no thread.
    pub fn start(
        config: RecorderConfig,
        ready: impl Fn(Ready) + Send + Sync + 'static,
    ) -> std::io::Result<Recorder> {
        fs::create_dir_all(&config.raw)?;
        fs::create_dir_all(&config.files)?;
        let load = Arc::new(Load::default());
        let (orders, inbox) = channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let space = Arc::new(Space::new(&config.raw, config.disk_free_min_bytes));
        let queue = Arc::new(Queue::default());
        let renderer = Arc::new(Renderer {
            root: config.files.clone(),
            encoder: config.encoder.clone(),
            queue: queue.clone(),
            space: space.clone(),
            patience: Arc::new(Patience::new(stopping.clone())),
            ready: Box::new(ready),
        });
        let workers = config.workers;
        let tracks = Tracks {
            config,
            inbox,
            load: load.clone(),
            jobs: Jobs(queue.clone()),
            open: HashMap::new(),
            lengths: HashMap::new(),
            space: space.clone(),
            looked: None,
        };
        let mut threads = vec![vital::spawn("recorder".to_owned(), move || tracks.run())?];
        for n in 0..workers {
            let renderer = renderer.clone();
            threads.push(vital::spawn(format!("renderer-{n}"), move || renderer.run())?);
        }
        Ok(Recorder { orders, load, stopping, queue, space, threads: Arc::new(Mutex::new(threads)) })
    }

    /// A recording begins.
    pub fn begin(&self, call: CallId, at: Wall) {
        self.order(Order::Begin { call, at });
    }

    /// Packets of any recordings. Never waits. The blocks come back by `back` when they are written; without it they are
    /// given up, as the last ones of a recording. Those that find no room are returned at once.
    ///
    /// # Errors
    /// When too much waits to be written: the packets are dropped and counted.
    pub(super) fn store(
        &self,
        blocks: Vec<Stored>,
        back: Option<Sender<Vec<Stored>>>,
    ) -> Result<(), Vec<Stored>> {
        let bytes = bytes_of(&blocks);
        if self.load.waiting_bytes.fetch_add(bytes, Ordering::AcqRel) + bytes > WAITING_BYTES_MAX {
            self.load.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel);
            let packets = blocks.iter().map(|stored| u64::from(stored.block.packets())).sum();
            metrics::counter!("cordboard_recording_packets_dropped_total").increment(packets);
            if self.load.dropped.fetch_add(packets, Ordering::AcqRel) == 0 {
                tracing::error!("recordings lose sound: the disk is too slow");
            }
            return Err(blocks);
        }
        self.order(Order::Store(Batch { blocks, back }));
        Ok(())
    }

    /// No more packets come; its length is known.
    pub fn end(&self, call: CallId, length: Duration) {
        self.order(Order::End { call, length });
    }

    /// Its files are to be made.
    pub fn finish(&self, finish: Finish) {
        self.order(Order::Finish(finish));
    }

    /// The recordings whose files are to be made.
    pub fn backlog(&self) -> Backlog {
        self.queue.backlog()
    }

    /// Whether there is room for recordings on the disk.
    pub fn room(&self) -> Room {
        self.space.room()
    }

    /// Writes what is buffered, makes files for a few seconds more, and ends the threads. Recordings whose files are not
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

/// Where files are ordered. Without it nobody orders any more.
struct Jobs(Arc<Queue>);

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Track {
    /// Appended to.
    file: File,
    /// How long it is.
    bytes: u64,
}

struct Tracks {
    config: RecorderConfig,
    inbox: Receiver<Order>,
    load: Arc<Load>,
    jobs: Jobs,
    open: HashMap<CallId, Track>,
    /// Lengths of recordings that ended and whose files are not ordered yet.
    lengths: HashMap<CallId, Duration>,
    space: Arc<Space>,
    looked: Option<Instant>,
}

impl Tracks {
    fn run(mut self) {
        loop {
            self.look_at_space();
            match self.inbox.recv_timeout(SPACE_EVERY) {
                Ok(Order::Begin { call, at }) => self.begin(call, at),
                Ok(Order::Store(batch)) => self.store(batch),
                Ok(Order::End { call, length }) => {
                    if self.open.contains_key(&call) {
                        self.lengths.insert(call, length);
                    }
                }
                Ok(Order::Finish(finish)) => self.finish(finish),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn store(&mut self, Batch { blocks, back }: Batch) {
        for Stored { call, block } in &blocks {
            // Not open: there was no room for it on the disk when it began.
            let Some(track) = self.open.get_mut(call) else { continue };
            let appended = match self.space.room() {
                Room::Enough | Room::Short => track.append(block.bytes()),
                Room::Out => Err(io::ErrorKind::StorageFull.into()),
            };
            if let Err(error) = appended {
                let packets = u64::from(block.packets());
                metrics::counter!("cordboard_recording_packets_dropped_total").increment(packets);
                self.space.blame(*call, &error);
            }
        }
        let bytes = bytes_of(&blocks);
        let left = self.load.waiting_bytes.fetch_sub(bytes, Ordering::AcqRel) - bytes;
        if left <= WAITING_BYTES_MAX / 2 && self.load.dropped.load(Ordering::Acquire) > 0 {
            let packets = self.load.dropped.swap(0, Ordering::AcqRel);
            tracing::error!(packets, "recordings lost sound; the disk keeps up again");
        }
        if let Some(back) = back {
            // A media thread that has ended needs no blocks.
            let _ = back.send(blocks);
        }
    }

    fn begin(&mut self, call: CallId, at: Wall) {
        if self.space.room() != Room::Enough {
            metrics::counter!("cordboard_recordings_not_begun_total").increment(1);
            return tracing::error!(%call, "not recorded: the disk is nearly full (server.disk_free_min_mb)");
        }
        if self.open.contains_key(&call) {
            // Other legs are recorded now; what was said before stays.
            return;
        }
        let head = Head { call, started: at, meta: Vec::new() };
        match (create(&track_path(&self.config.raw, call)), head.to_bytes()) {
            (Ok(file), Ok(head)) => {
                let mut track = Track { file, bytes: 0 };
                match track.append(&head) {
                    Ok(()) => drop(self.open.insert(call, track)),
                    Err(error) => self.space.blame(call, &error),
                }
            }
            (Err(error), _) => tracing::error!(%call, %error, "not recorded: the track file cannot be made"),
            (_, Err(error)) => tracing::error!(%call, %error, "not recorded"),
        }
    }

    fn finish(&mut self, finish: Finish) {
        if let Some(track) = self.open.remove(&finish.call)
            && let Err(error) = track.file.sync_data()
        {
            tracing::error!(call = %finish.call, %error, "a track file may be lost by a power cut");
        }
        let length = self.lengths.remove(&finish.call);
        let tracks = track_path(&self.config.raw, finish.call);
        self.jobs.0.push(Job::new(finish, tracks, length));
    }

    fn look_at_space(&mut self) {
        if self.looked.is_some_and(|at| at.elapsed() < SPACE_EVERY) {
            return;
        }
        self.looked = Some(Instant::now());
        self.space.look();
    }
}

impl Track {
    /// Appends whole frames. What cannot be written is lost, but the file stays whole: what comes later can be read.
    fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(frames);
        match written {
            Ok(()) => self.bytes += frames.len() as u64,
            Err(_) => self.file.set_len(self.bytes)?,
        }
        written
    }
}

/// What blocks take of the memory, however little is in them.
fn bytes_of(blocks: &[Stored]) -> usize {
    blocks.len() * BLOCK_BYTES
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
