//! A program that others wrote, running for one test.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::log::Log;

/// How long a program may take to end.
pub(crate) const END_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Program {
    name: String,
    child: Child,
    /// What it printed, both streams.
    pub(crate) lines: Arc<Log<String>>,
}

impl Program {
    /// Starts `name` of the Debian package `package` in `folder`. It does not outlive this value.
    pub(crate) fn start(
        name: &str,
        package: &str,
        folder: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Program {
        let mut command = Command::new(name);
        command.args(args).current_dir(folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{name} cannot be run ({error}): apt-get install {package}, or use ./test")
        });
        let lines = Arc::new(Log::new());
        follow(child.stdout.take().expect("is piped"), &lines);
        follow(child.stderr.take().expect("is piped"), &lines);
        Program { name: name.to_owned(), child, lines }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let Some(id) = self.child.id() else { return };
        let id = rustix::process::Pid::from_raw(i32::try_from(id).expect("a process id")).expect("not 0");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is our child");
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        match tokio::time::timeout(END_MAX, self.child.wait()).await {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_) => panic!("{} did not end: {}", self.name, self.said()),
        }
    }

    pub(crate) fn said(&self) -> String {
        self.lines.all().join("\n")
    }
}

fn follow(stream: impl AsyncRead + Send + Unpin + 'static, lines: &Arc<Log<String>>) {
    let (mut stream, lines) = (BufReader::new(stream), lines.clone());
    tokio::spawn(async move {
        let mut line = Vec::new();
        while let Ok(1..) = stream.read_until(b'\n', &mut line).await {
            lines.add(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    });
}
