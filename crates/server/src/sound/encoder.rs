//! The program that makes mp3 files: LAME, or one that takes its arguments. A program and not a library: its licence and its
//! crashes stay its own.
//!
//! It is fed through a pipe and writes the file itself, because only so can it go back and say at its beginning how long the
//! sound is. It dies with the server: its input ends, and where there is `setpriv` the kernel kills it, too.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{mp3, wav};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, kill_process_group, pidfd_open, prlimit};

use super::renderer::{Patience, Stopped};

/// A program that neither reads nor ends for so long is killed; at the lowest priority it may have to wait for seconds.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);
/// It may take as long as the sound lasts, and this.
const TIME_MORE: Duration = Duration::from_secs(600);
/// How often the end of patience is looked at while waiting.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
/// Frames before and behind the sound that encoders add: LAME three at most.
const FRAMES_MORE: u64 = 4;
/// Of what the program complains about.
const COMPLAINT_BYTES_MAX: usize = 400;
/// Where `setpriv` is looked for, too: it may not be on the path of a service.
const SETPRIV: &str = "setpriv";

/// A program that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoder {
    program: PathBuf,
    /// Bits per second and channel, thousands.
    kbps: u32,
    /// Kills it when the thread that started it is gone.
    setpriv: Option<PathBuf>,
}

impl Encoder {
    /// Looks for a program: a bare name on the `PATH`, anything else where it says. `None` when there is none.
    pub fn find(program: &Path, kbps: u32) -> Option<Encoder> {
        let program = on_path(program)?;
        Some(Encoder { program, kbps, setpriv: on_path(Path::new(SETPRIV)).filter(|it| works(it)) })
    }

    /// Where it is.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Starts it for one file. It is fed a WAV file of `channels` that begins with [`wav::header`].
    pub(super) fn start(
        &self,
        file: &Path,
        wanted: Wanted,
        patience: &Arc<Patience>,
    ) -> io::Result<Encoding> {
        let mut command = match &self.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        // A program of an earlier life of the server may still have the file open: it shall keep it.
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        command.args(["--quiet", "-r", "-s", "8", "--bitwidth", "16", "--signed", "--little-endian"]);
        // The sides of a call have nothing in common: nothing is gained by coding them together. What -q 7 leaves out
        // takes twice the time and cannot be heard on the telephone.
        command.args(["-m", if wanted.channels == 1 { "m" } else { "s" }, "-q", "7", "--noreplaygain"]);
        let kbps = self.kbps * u32::from(wanted.channels);
        command.args(["--cbr", "-b", &kbps.to_string(), "-"]).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // A script that is killed takes what it has started with it.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| fault(format!("it cannot be started: {error}")))?;
        let (input, errors) = (child.stdin.take(), child.stderr.take());
        let id = Pid::from_child(&child);
        let mut encoding = Encoding {
            child,
            input: None,
            errors: None,
            wanted,
            file: file.to_owned(),
            header_left: wav::HEADER_BYTES,
            deadline: Instant::now() + wanted.lasts() + TIME_MORE,
            patience: patience.clone(),
        };
        for end in [input.as_ref().map(AsFd::as_fd), errors.as_ref().map(AsFd::as_fd)].into_iter().flatten() {
            fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
        }
        (encoding.input, encoding.errors) = (input, errors);
        // Twice what it should write. It has not been fed yet, so it has written nothing.
        let bytes = 2 * u64::from(kbps) * 125 * (wanted.lasts().as_secs() + 60);
        prlimit(Some(id), Resource::Fsize, Rlimit { current: Some(bytes), maximum: Some(bytes) })?;
        Ok(encoding)
    }
}

/// What a file is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// 1 or 2.
    pub(super) channels: u16,
    /// Samples per channel.
    pub(super) samples: u64,
}

impl Wanted {
    fn lasts(self) -> Duration {
        Duration::from_secs(self.samples / u64::from(media::resample::RATE_HZ))
    }
}

/// A program at work. Dropping it kills the program.
pub(super) struct Encoding {
    child: Child,
    input: Option<ChildStdin>,
    errors: Option<ChildStderr>,
    wanted: Wanted,
    file: PathBuf,
    /// The program is told what it gets by its arguments.
    header_left: usize,
    deadline: Instant,
    patience: Arc<Patience>,
}

impl Encoding {
    /// Waits until the program has written all. The file is on the disk then, and was looked at.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.input = None;
        self.ended()?;
        let file =
            File::open(&self.file).map_err(|error| fault(format!("there is no file of it: {error}")))?;
        let measured = mp3::measure(io::BufReader::new(&file))?;
        let Wanted { channels, samples } = self.wanted;
        let may_be = samples..=samples + FRAMES_MORE * mp3::FRAME_SAMPLES;
        if !measured.is_some_and(|made| made.channels == channels && may_be.contains(&made.samples)) {
            return Err(fault(format!("of {samples} samples on {channels} channels it made {measured:?}")));
        }
        file.sync_data()
    }

    /// Waits for its end, which must be a good one.
    fn ended(&mut self) -> io::Result<()> {
        let end: OwnedFd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        self.wait(end.as_fd(), PollFlags::IN)?;
        let status = self.child.wait()?;
        match status.success() {
            true => Ok(()),
            false => Err(fault(format!("{status} {}", self.complaint()))),
        }
    }

    /// What it said, if it said anything.
    fn complaint(&mut self) -> String {
        let mut bytes = [0; COMPLAINT_BYTES_MAX];
        let count = self.errors.as_mut().and_then(|errors| errors.read(&mut bytes).ok()).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..count]).trim().replace('\n', " ")
    }

    fn wait(&self, fd: BorrowedFd<'_>, flags: PollFlags) -> io::Result<()> {
        let since = Instant::now();
        loop {
            if self.patience.is_over() {
                return Err(Stopped.into());
            }
            if since.elapsed() > STANDSTILL_MAX || Instant::now() > self.deadline {
                return Err(fault("it does not get on".to_owned()));
            }
            match poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&LOOK_EVERY)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Write for Encoding {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.header_left > 0 {
            let header = self.header_left.min(bytes.len());
            self.header_left -= header;
            return Ok(header);
        }
        loop {
            let Some(input) = &mut self.input else { return Err(fault("it is fed no more".to_owned())) };
            match input.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It ended before it was told to: how, says its status.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.ended()?;
                    return Err(fault("it ended too early".to_owned()));
                }
                written => return written,
            }
            if let Some(input) = &self.input {
                self.wait(input.as_fd(), PollFlags::OUT)?;
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Encoding {
    fn drop(&mut self) {
        // When it ended by itself and was waited for, there is nothing to kill.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// The program did not do what it should.
#[derive(Clone, Debug)]
pub(super) struct Fault(pub(super) String);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the encoder: {}", self.0)
    }
}

impl std::error::Error for Fault {}

fn fault(what: String) -> io::Error {
    io::Error::other(Fault(what))
}

fn on_path(program: &Path) -> Option<PathBuf> {
    let may_be_run = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if program.components().count() > 1 {
        return Some(program.to_owned()).filter(may_be_run);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(may_be_run)
}

/// Not every `setpriv` knows what is needed of it.
fn works(setpriv: &Path) -> bool {
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--", "true"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
