//! A program in a process of its own.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a program may take for anything.
const STEP_MAX: Duration = Duration::from_secs(40);

/// What programs printed, line by line; may outlive them and be shared by several.
#[derive(Clone)]
pub struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    grew: Arc<watch::Sender<usize>>,
}

/// A running program. Dropping it kills it and waits until it is gone.
pub struct Process {
    child: Child,
    /// How many lines there were before it.
    since: usize,
    lines: Lines,
}

impl Process {
    /// Starts `program` of the Debian package `package` in `folder`.
    pub fn start(program: &str, package: &str, folder: &Path, args: &[&str], lines: &Lines) -> Process {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let since = lines.all().len();
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{program} cannot be run ({error}): apt-get install {package}, or use ./test")
        });
        lines.follow(child.stdout.take().expect("is piped"));
        lines.follow(child.stderr.take().expect("is piped"));
        Process { child, since, lines: lines.clone() }
    }

    /// Waits for a line with `words` in it.
    pub async fn says(&mut self, words: &str) {
        let mut grew = self.lines.grew.subscribe();
        let said = async {
            while !self.lines.all()[self.since..].iter().any(|line| line.contains(words)) {
                grew.changed().await.expect("the sender is in self");
            }
        };
        tokio::select! {
            said = timeout(STEP_MAX, said) => {
                assert!(said.is_ok(), "\"{words}\" was not said:\n{}", self.lines);
            }
            status = self.child.wait() => panic!("it ended ({status:?}) before \"{words}\":\n{}", self.lines),
        }
    }

    /// Its number.
    #[allow(dead_code, reason = "whoever measures it wants it")]
    pub fn id(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// SIGKILL, at once.
    pub fn strike(&mut self) {
        self.child.start_kill().expect("it is our child");
    }

    /// Waits until a struck process is gone.
    pub async fn gone(mut self) {
        self.child.wait().await.expect("a child can be waited for");
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let id = self.child.id().expect("it was not waited for");
        let id = Pid::from_raw(i32::try_from(id).expect("a process id")).expect("not 0");
        kill_process(id, Signal::TERM).expect("it is our child");
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        match timeout(STEP_MAX, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("it did not end:\n{}", self.lines),
        }
    }
}

impl Drop for Process {
    /// Whoever claims its ports next must not meet it.
    fn drop(&mut self) {
        let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
            return;
        };
        let _ = self.child.start_kill();
        let _ = waitpid(Some(id), WaitOptions::empty());
    }
}

impl Lines {
    pub fn new() -> Lines {
        Lines { lines: Arc::default(), grew: Arc::new(watch::Sender::new(0)) }
    }

    pub fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn follow(&self, stream: impl AsyncRead + Send + Unpin + 'static) {
        let lines = self.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while let Ok(1..) = stream.read_until(b'\n', &mut line).await {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lines.lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                lines.grew.send_modify(|count| *count += 1);
                line.clear();
            }
        });
    }
}

impl std::fmt::Display for Lines {
    /// The last ones.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = self.all();
        all[all.len().saturating_sub(60)..].iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
