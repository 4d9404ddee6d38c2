//! The command line as it is written. `--help` teaches by example.

mod asking;
mod lab;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

pub use asking::{CallArgs, Identity, SignArgs};
pub use lab::{BothWays, LabArgs, Phone, RelayPath};

use crate::config::{Config, PushAddress, SipListen};

/// A self-hosted call center that speaks the V7 call API.
#[derive(Debug, Parser)]
#[command(name = "cordboard", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What is logged: error, warn, info, debug, trace, or per module like "info,sip=debug" [default: info; demo: warn]
    #[arg(long, global = true, env = "CORDBOARD_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// How it is logged, to standard error.
    #[arg(long, global = true, env = "CORDBOARD_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Try it without any telephone:
  cordboard demo                                          a call center with pretend phones, and a first call
  cordboard call online --agent 8000                      in another window: sign an agent in
  cordboard call dialOut --agent 8000 --to 13900000001    and call a customer

Run it:
  cordboard check cordboard.toml                          finds every mistake in the configuration
  cordboard serve --config cordboard.toml";

/// Forms of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the call center of a configuration.
    Serve(ServeArgs),
    /// Run a call center with a demo account and pretend phones, on the loopback.
    Demo(DemoArgs),
    /// Check a configuration and report every mistake.
    Check(CheckArgs),
    /// Send a signed request and print the answer.
    Call(Box<CallArgs>),
    /// Print the headers that sign a request.
    Sign(SignArgs),
    /// List pushes that could not be delivered, or send them again.
    #[command(subcommand)]
    Pushes(PushesCommand),
    /// Tell what the log says of a call, line by line.
    Explain(ExplainArgs),
    /// Copy the store, the configuration and, if wanted, the recordings of a server that may be running.
    Backup(BackupArgs),
    /// Have a running server read its configuration again.
    Reload(ReloadArgs),
    /// Run the pretend telephone network as a process of its own.
    Lab(LabArgs),
}

/// `cordboard serve`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Stop it with SIGTERM or Ctrl-C: no new calls are taken, living ones may go on for shutdown_grace_s, or until \
                  it is told again. SIGHUP reloads the configuration (cordboard reload)."
)]
pub struct ServeArgs {
    /// The configuration; docs/cordboard.example.toml explains every key.
    #[arg(long, short, value_name = "FILE", default_value = "cordboard.toml")]
    pub config: PathBuf,
}

/// `cordboard demo`
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = DEMO_HELP)]
pub struct DemoArgs {
    /// Where the API listens [default: 127.0.0.1:8080, or a free port when that one is taken]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Where SIP listens [default: 127.0.0.1:5060, or a free port when that one is taken]
    #[arg(long, value_name = "ADDR")]
    pub sip: Option<SocketAddr>,
    /// Keep the store and the recordings in this folder; implies --keep.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Send pushes here, too; may be repeated, and be on this machine.
    #[arg(long, value_name = "URL", value_parser = push_url)]
    pub push: Vec<Url>,
    /// Do not make the first call.
    #[arg(long)]
    pub no_call: bool,
    /// Keep the store between starts, in cordboard-demo unless --data names a folder; without it the store is temporary.
    #[arg(long)]
    pub keep: bool,
    /// Listen on addresses other machines reach, although everybody knows the demo's secret and passwords.
    #[arg(long)]
    pub expose_public_secret: bool,
}

const DEMO_HELP: &str = "\
The account: appkey 2000103, secret HWHp9xFVlbboxIU2S6DHA7sf9sGzt3, number 02258834811
Agents:      8000-8004 with mobiles in the pretend network (13900008000-13900008004)
             8005-8009 with SIP phones: user = agent number, password = demo-<agent number>; 8004 and 8009 are supervisors

Examples:
  cordboard demo --push http://127.0.0.1:9000/events      pushes go to your CRM
  cordboard demo --http 127.0.0.1:9080 --keep --no-call";

const KEPT_DEMO_DIR: &str = "cordboard-demo";

impl DemoArgs {
    /// The demo configuration with what the arguments change. `data_dir` is meaningless when [`DemoArgs::kept_dir`] is `None`.
    ///
    /// # Errors
    /// When an address is not on the loopback and the danger was not accepted in so many words.
    pub fn config(&self) -> anyhow::Result<Config> {
        for (flag, addr) in [("--http", self.http), ("--sip", self.sip)] {
            if let Some(addr) = addr.filter(|addr| !addr.ip().is_loopback() && !self.expose_public_secret) {
                anyhow::bail!(
                    "{flag} {addr} can be reached from other machines, and everybody knows the demo's secret; \
                     add --expose-public-secret if you mean it"
                );
            }
        }
        let mut config = Config::demo();
        if let Some(http) = self.http {
            config.server.http_listen = http;
            config.server.public_url = format!("http://{http}");
        }
        if let Some(sip) = self.sip {
            config.server.sip = vec![SipListen { bind: sip, advertised: None }];
            config.server.media_addresses = vec![sip.ip()];
        }
        if let Some(dir) = self.kept_dir() {
            config.server.data_dir = dir;
        }
        let address = |url: &Url| PushAddress { url: url.clone(), kinds: Vec::new(), secret: None };
        config.accounts[0].pushes = self.push.iter().map(address).collect();
        Ok(config)
    }

    /// Where the store stays between starts; `None` = it is temporary.
    pub fn kept_dir(&self) -> Option<PathBuf> {
        self.data.clone().or_else(|| self.keep.then(|| PathBuf::from(KEPT_DEMO_DIR)))
    }
}

/// `cordboard check`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Secrets that are taken from the environment must be set, as for serve. Ends with 0 when there is no mistake, else 1."
)]
pub struct CheckArgs {
    /// The configuration.
    #[arg(value_name = "FILE", default_value = "cordboard.toml")]
    pub file: PathBuf,
}

/// `cordboard backup`
#[derive(Clone, Debug, Args)]
#[command(after_help = BACKUP_HELP)]
pub struct BackupArgs {
    /// The folder to make; it must not exist.
    #[arg(value_name = "TARGET")]
    pub target: PathBuf,
    /// The configuration, of which data_dir is copied; it may hold secrets and is copied, too, readable by its owner alone.
    #[arg(long, short, value_name = "FILE", default_value = "cordboard.toml")]
    pub config: PathBuf,
    /// Copy the recordings, too; on the same disk they take no room (hard links). Without it they are only listed.
    #[arg(long)]
    pub recordings: bool,
}

const BACKUP_HELP: &str = "\
The server may be running, and goes on undisturbed, or not. The copy is of one moment: everything committed before it began
is in it. It is checked, and only then gets its name: a folder TARGET is a whole backup.

Examples:
  cordboard backup /backups/cordboard-2026-01-05
  cordboard backup --config /etc/cordboard.toml --recordings /backups/all

To restore, with no server running: put TARGET/data where data_dir of the configuration (TARGET/cordboard.toml) points, which
must be empty or absent, and start the server.

Ends with 0 when the backup is whole, else 2.";

/// `cordboard explain`
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPLAIN_HELP)]
pub struct ExplainArgs {
    /// The call: its callUniqueId, as answers, pushes and records have it.
    #[arg(value_name = "CALL")]
    pub call: u64,
    /// The configuration, whose data_dir is read.
    #[arg(long, short, value_name = "FILE", default_value = "cordboard.toml")]
    pub config: PathBuf,
    /// Read the store in this folder instead, as of a demo that was started with --keep.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
}

const EXPLAIN_HELP: &str = "\
Reads the log of a server that may be running, and changes nothing. Each line is a row: when (UTC), and what happened; at the end
how each leg was heard, which may come after the call's record. The customer's number is shown as the log has it.

MOS is an estimate of how what the far end says sounds here: above 4 is good, below 3.5 people complain.

Examples:
  cordboard explain 1790000000000000000
  cordboard explain 1790000000000000000 --data cordboard-demo

Ends with 0, with 1 when the log has nothing of the call (never, or not any more: journal_keep_days), else 2.";

/// `cordboard reload`
#[derive(Clone, Debug, Args)]
#[command(after_help = RELOAD_HELP)]
pub struct ReloadArgs {
    /// The configuration that the server was started with.
    #[arg(long, short, value_name = "FILE", default_value = "cordboard.toml")]
    pub config: PathBuf,
}

const RELOAD_HELP: &str = "\
The server reads the file again and checks it whole. With a mistake in it nothing changes, and each is shown with its line.
Otherwise accounts, agents, phones, numbers, trunks, push addresses, secrets and limits are from now on what it says; calls go on.
What a start alone can change (addresses, ports, folders) is named and left as it was. SIGHUP does the same.

Examples:
  cordboard reload
  cordboard reload --config /etc/cordboard.toml

Ends with 0 when the file was taken over, 1 when it has mistakes, 2 when no server could be asked.";

/// `cordboard pushes`
#[derive(Clone, Debug, Subcommand)]
pub enum PushesCommand {
    /// Show the pushes that could not be delivered, the newest first.
    List(PushesListArgs),
    /// Send some of them again, or all; a running server notices by itself.
    Replay(PushesReplayArgs),
}

/// Which pushes that could not be delivered.
#[derive(Clone, Debug, Args)]
pub struct DeadLetterArgs {
    /// The folder with the store (data_dir).
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// Only those of this account.
    #[arg(long, value_name = "APPKEY")]
    pub account: Option<u64>,
    /// Only those for this address.
    #[arg(long, value_name = "URL")]
    pub address: Option<String>,
}

/// `cordboard pushes list`
#[derive(Clone, Debug, Args)]
pub struct PushesListArgs {
    /// Which.
    #[command(flatten)]
    pub which: DeadLetterArgs,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,
    /// One JSON object per line, with the push itself (and the customer's number in it).
    #[arg(long)]
    pub json: bool,
}

/// `cordboard pushes replay`
#[derive(Clone, Debug, Args)]
pub struct PushesReplayArgs {
    /// Which.
    #[command(flatten)]
    pub which: DeadLetterArgs,
    /// Their numbers, as `list` shows them.
    #[arg(value_name = "NUMBER", required_unless_present = "all", conflicts_with = "all")]
    pub numbers: Vec<u64>,
    /// All, or all of --account and --address.
    #[arg(long)]
    pub all: bool,
}

fn push_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(url),
        false => Err("write it like http://127.0.0.1:9000/events".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::asking::{CALL_HELP, SIGN_HELP};
    use super::lab::LAB_HELP;
    use super::*;
    use crate::config::DEMO_SECRET;

    fn demo(args: &[&str]) -> DemoArgs {
        let cli = Cli::try_parse_from([&["cordboard", "demo"], args].concat()).expect("well formed");
        let Command::Demo(demo) = cli.command else { panic!("{:?}", cli.command) };
        demo
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_example_of_the_help_is_accepted() {
        let mut examples = 0;
        let helps =
            [EXAMPLES, DEMO_HELP, CALL_HELP, SIGN_HELP, LAB_HELP, BACKUP_HELP, EXPLAIN_HELP, RELOAD_HELP];
        for line in helps.iter().flat_map(|help| help.lines()) {
            let Some(command) = line.trim().strip_prefix("cordboard ") else { continue };
            let command = command.split("    ").next().expect("a split has a first part");
            let quoted = command.split('\'').enumerate();
            let words = quoted.flat_map(|(i, part)| match i % 2 {
                0 => part.split_whitespace().collect::<Vec<_>>(),
                _ => vec![part],
            });
            let parsed = Cli::try_parse_from(["cordboard"].into_iter().chain(words));
            assert!(parsed.is_ok(), "{line}: {}", parsed.expect_err("not ok"));
            examples += 1;
        }
        assert!(examples >= 15, "{examples}");
    }

    #[test]
    fn the_demo_takes_its_arguments_into_the_configuration() {
        let args = demo(&[
            "--http",
            "127.0.0.1:9080",
            "--push",
            "http://127.0.0.1:9/a",
            "--push",
            "http://[::1]:9/b",
        ]);
        let config = args.config().expect("loopback");
        assert_eq!(config.server.public_url, "http://127.0.0.1:9080");
        let pushes: Vec<&str> = config.accounts[0].pushes.iter().map(|push| push.url.as_str()).collect();
        assert_eq!(pushes, ["http://127.0.0.1:9/a", "http://[::1]:9/b"]);
        assert_eq!(args.kept_dir(), None);
        assert_eq!(demo(&["--keep"]).kept_dir(), Some(PathBuf::from("cordboard-demo")));
        assert_eq!(demo(&["--data", "d"]).config().expect("loopback").server.data_dir, PathBuf::from("d"));
    }

    #[test]
    fn the_demo_stays_on_the_loopback_unless_told_in_so_many_words() {
        let error = demo(&["--sip", "0.0.0.0:5060"]).config().expect_err("reachable");
        assert!(error.to_string().contains("--expose-public-secret"), "{error}");
        demo(&["--sip", "192.0.2.1:5060", "--expose-public-secret"]).config().expect("told so");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let cli = Cli::try_parse_from(["cordboard", "call", "online", "--secret", "not-for-logs"])
            .expect("well formed");
        assert!(!format!("{cli:?}").contains("not-for-logs"));
        let help = Cli::command().find_subcommand_mut("call").expect("exists").render_long_help().to_string();
        assert!(!help.contains(DEMO_SECRET), "{help}");
    }
}
