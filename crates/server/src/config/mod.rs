//! `cordboard.toml`: read, checked whole, and turned into what the other parts are told at their start.
//!
//! Reading never stops at the first mistake: [`parse`] returns a [`Config`] or every [`Problem`] with its line, what is
//! wrong and what to do.

mod account;
mod agents;
mod convert;
mod demo;
mod inbound;
mod limits;
mod listeners;
mod model;
mod numbers;
mod problem;
mod recordings;
mod section;
mod server;
mod trunks;
mod values;

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;

use convert::made_secret;

pub use convert::Found;
pub use demo::{DEMO_APPKEY, DEMO_NUMBER, DEMO_SECRET};
pub use model::{Account, Agent, Config, HostPort, PushAddress, Server, SipListen, SipLogin, Trunk};
pub use numbers::number_plan;
pub use problem::{Problem, Problems};
pub use recordings::Recordings;

use problem::Report;
use section::Section;

impl Config {
    /// Reads and checks the file at `path`. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or with all its mistakes ([`Problems`]).
    pub fn load(path: &Path) -> anyhow::Result<Config> {
        Config::load_with(path, &|name| std::env::var(name).ok())
    }

    /// The same for whoever needs no secrets: those in the environment of the server are not in that of others.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_without_secrets(path: &Path) -> anyhow::Result<Config> {
        Config::load_with(path, &|name| std::env::var(name).ok().or_else(|| Some(made_secret(name))))
    }

    fn load_with(path: &Path, environment: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Config> {
        let text = read_text(path).with_context(|| format!("cannot read {}", path.display()))?;
        let parsed = parse(&text, environment);
        let mut config = parsed.map_err(|list| Problems { file: path.display().to_string(), list })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        config.server.data_dir = folder.join(&config.server.data_dir);
        let encoder = &mut config.server.recordings.encoder;
        if encoder.components().count() > 1 {
            *encoder = folder.join(&encoder);
        }
        for account in &mut config.accounts {
            account.music = account.music.take().map(|file| folder.join(file));
        }
        config.server.number_data = config.server.number_data.map(|file| folder.join(file));
        Ok(config)
    }
}

/// Reads a configuration whose secrets may be in `environment`.
///
/// # Errors
/// Every mistake, in the order of the text; at least one.
pub fn parse(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Config, Vec<Problem>> {
    let report = Report::new(text, environment);
    let config = read(text, &report);
    match report.into_problems() {
        problems if problems.is_empty() => Ok(config),
        problems => Err(problems),
    }
}

/// The configuration of `text`. Where `report` was told of a mistake, the value is a placeholder.
fn read(text: &str, report: &Report<'_>) -> Config {
    let (root, errors) = toml::de::DeTable::parse_recoverable(text);
    for error in errors {
        let remedy = "write one key = value per line, texts in double quotes, each key once";
        report.unreadable(&error.span().unwrap_or(0..0), error.message(), remedy);
    }
    // The tables borrow from the document and the report, which live as long as this function.
    read_tables(&root, report)
}

fn read_tables<'t>(root: &'t toml::Spanned<toml::de::DeTable<'t>>, report: &'t Report<'t>) -> Config {
    let mut file = Section::root(root, report);
    let server = server::read(file.section("server", "[server]"));
    let trunk_sections = file.sections("trunk", "[[trunk]]", limits::TRUNKS_MAX);
    let trunks = trunks::read(trunk_sections, &server, report);
    let sections = file.sections("account", "[[account]]", limits::ACCOUNTS_MAX);
    if sections.is_empty() && !file.has("account") {
        report.if_readable(&(0..0), "the file has no account", "add [[account]] with id and secrets");
    }
    let accounts = account::read(sections, &server, &trunks, report);
    file.finish();
    Config { server, trunks, accounts }
}

fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(limits::FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    match u64::try_from(text.len()) {
        Ok(len) if len <= limits::FILE_BYTES_MAX => Ok(text),
        Ok(_) | Err(_) => {
            let message = format!("longer than the limit of {} bytes", limits::FILE_BYTES_MAX);
            Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
        }
    }
}
