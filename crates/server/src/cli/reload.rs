//! `cordboard reload`.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::args::ReloadArgs;
use crate::config::{Config, Problems};
use crate::reload_report::ReloadReport;
use crate::store::served_by;

/// How long the server may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How often its answer is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// Checks the file, tells the server to read it, and shows what came of it.
pub(super) fn run(args: &ReloadArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let config = match Config::load_without_secrets(&args.config) {
        Ok(config) => config,
        Err(error) => match error.downcast::<Problems>() {
            Ok(problems) => {
                writeln!(out, "{problems}\nnothing has changed")?;
                return Ok(ExitCode::FAILURE);
            }
            Err(error) => return Err(error),
        },
    };
    let data = &config.server.data_dir;
    let server = served_by(data).with_context(|| format!("cannot look into {}", data.display()))?;
    let Some(server) = server.and_then(Pid::from_raw) else {
        bail!("no server runs with data_dir {}", data.display());
    };
    ReloadReport::clear(data).with_context(|| format!("cannot write to {}", data.display()))?;
    kill_process(server, Signal::HUP).context("the server cannot be told")?;
    let began = Instant::now();
    let report = loop {
        if let Some(report) = ReloadReport::read(data) {
            break report;
        }
        if began.elapsed() > ANSWER_MAX {
            bail!("the server did not say within {} s what came of it: see its log", ANSWER_MAX.as_secs());
        }
        std::thread::sleep(LOOK);
    };
    for line in &report.lines {
        writeln!(out, "{line}")?;
    }
    match report.taken {
        true => Ok(ExitCode::SUCCESS),
        false => {
            writeln!(out, "nothing has changed")?;
            Ok(ExitCode::FAILURE)
        }
    }
}
