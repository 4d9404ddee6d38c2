//! The command line: reads it, carries out the small commands, and starts the large ones.

mod args;
mod backup;
mod call;
mod check;
mod explain;
mod pushes;
mod reload;
mod sign;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use tracing_subscriber::EnvFilter;

pub use call::ask;

pub use args::{
    BackupArgs, BothWays, CallArgs, CheckArgs, Cli, Command, DeadLetterArgs, DemoArgs, ExplainArgs, Identity,
    LabArgs, LogFormat, Phone, PushesCommand, PushesListArgs, PushesReplayArgs, RelayPath, ReloadArgs,
    ServeArgs, SignArgs,
};

/// The exit code of a command that could not be carried out; 1 is a "no": a mistake found, a request refused.
const FAILED: u8 = 2;

/// The commands that run until they are stopped.
pub trait Roles {
    /// `cordboard serve`
    fn serve(args: ServeArgs) -> impl Future<Output = anyhow::Result<()>>;
    /// `cordboard demo`
    fn demo(args: DemoArgs) -> impl Future<Output = anyhow::Result<()>>;
    /// `cordboard lab`
    fn lab(args: LabArgs) -> impl Future<Output = anyhow::Result<()>>;
}

/// Does what the command line says. Errors go to standard error with their causes.
pub fn run<R: Roles>() -> ExitCode {
    let mut out = io::stdout().lock();
    let done = obey::<R>(Cli::parse(), &mut out).and_then(|code| Ok(out.flush().map(|()| code)?));
    match done {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed, too.
            let _ = writeln!(io::stderr(), "cordboard: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn obey<R: Roles>(cli: Cli, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let usual = match &cli.command {
        // Its screen tells the story already.
        Command::Demo(_) => "warn",
        Command::Serve(_)
        | Command::Check(_)
        | Command::Call(_)
        | Command::Sign(_)
        | Command::Pushes(_)
        | Command::Explain(_)
        | Command::Backup(_)
        | Command::Reload(_)
        | Command::Lab(_) => "info",
    };
    start_log(cli.log.as_deref().unwrap_or(usual), cli.log_format)?;
    match cli.command {
        Command::Serve(args) => runtime()?.block_on(R::serve(args)).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => runtime()?.block_on(R::demo(args)).map(|()| ExitCode::SUCCESS),
        Command::Lab(args) => runtime()?.block_on(R::lab(args)).map(|()| ExitCode::SUCCESS),
        Command::Check(args) => check::run(&args, out),
        Command::Call(args) => runtime()?.block_on(call::run(&args, out)),
        Command::Sign(args) => sign::run(args, out).map(|()| ExitCode::SUCCESS),
        Command::Explain(args) => explain::run(&args, out),
        Command::Backup(args) => backup::run(&args, out).map(|()| ExitCode::SUCCESS),
        Command::Reload(args) => reload::run(&args, out),
        Command::Pushes(command) => pushes::run(command, out).map(|()| ExitCode::SUCCESS),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime did not start")
}

/// Logs to standard error: standard output is for answers.
fn start_log(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter} is no log filter"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| anyhow!("the log did not start: {error}"))
}

/// Whoever read our output has seen enough, as in `cordboard pushes list | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
