//! `cordboard pushes`: what could not be delivered.

use std::io::{self, Write};

use base::{AccountId, Wall};
use jiff::Timestamp;

use super::args::{DeadLetterArgs, PushesCommand, PushesListArgs, PushesReplayArgs};
use crate::store::{DeadLetter, DeadLetterFilter, DeadLetters};

pub(super) fn run(command: PushesCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        PushesCommand::List(args) => list(&args, out),
        PushesCommand::Replay(args) => replay(&args, out),
    }
}

fn list(args: &PushesListArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let letters = DeadLetters::open(&args.which.data)?.list(&filter(&args.which), usize::from(args.limit))?;
    for letter in &letters {
        match args.json {
            true => writeln!(out, "{}", serde_json::to_string(letter)?)?,
            false => line(letter, out)?,
        }
    }
    if letters.is_empty() && !args.json {
        writeln!(out, "none: every push was delivered")?;
    }
    Ok(())
}

/// Without the body: it has the customer's number in it.
fn line(letter: &DeadLetter, out: &mut dyn Write) -> io::Result<()> {
    let DeadLetter { id, account, address, kind, reason, happened, .. } = letter;
    writeln!(out, "{id}  {}  {account}  {kind}  {address}  {reason}", utc(*happened))
}

fn replay(args: &PushesReplayArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut letters = DeadLetters::open(&args.which.data)?;
    let now = Wall::from_millis(Timestamp::now().as_millisecond());
    let filter = filter(&args.which);
    let mut replayed = 0;
    if args.all {
        replayed = letters.replay(&filter, now)?;
    }
    for id in &args.numbers {
        match letters.replay(&DeadLetterFilter { id: Some(*id), ..filter.clone() }, now)? {
            0 => writeln!(out, "{id} is no undelivered push")?,
            count => replayed += count,
        }
    }
    writeln!(out, "to be sent again: {replayed}")?;
    Ok(())
}

fn filter(which: &DeadLetterArgs) -> DeadLetterFilter {
    DeadLetterFilter { account: which.account.map(AccountId), address: which.address.clone(), id: None }
}

fn utc(at: Wall) -> String {
    Timestamp::from_millisecond(at.as_millis())
        .map_or_else(|_| at.as_millis().to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use callcenter::event::Numbered;
    use callcenter::record::CallRecord;
    use clap::Parser;
    use rusqlite::Connection;

    use super::super::args::{Cli, Command};
    use super::*;
    use crate::store::{LogState, Push, Render, Store, Watch};
    use base::LogNo;

    struct Nothing;

    impl Render for Nothing {
        fn record(&self, _: &CallRecord) -> String {
            String::new()
        }

        fn push(&self, _: &Numbered) -> Option<Push> {
            None
        }
    }

    impl Watch for Nothing {
        fn durable(&mut self, _: LogNo) {}

        fn state(&mut self, _: LogState) {}
    }

    /// A store with dead letters 7 and 9, of two addresses.
    fn store_with_dead_letters(dir: &Path) {
        let (store, _) = Store::open(dir, Arc::new(Nothing), Box::new(Nothing)).expect("a new store");
        store.close();
        let conn = Connection::open(dir.join("cordboard.db")).expect("the store just made");
        for (id, address) in [(7, "http://a/"), (9, "http://b/")] {
            conn.execute(
                "INSERT INTO dead_letter VALUES (?, 1, 2000103, ?, 'cdr', 'e', NULL, NULL, 1, 0, 5, 'HTTP 500', '{}')",
                (id, address),
            )
            .expect("a row as the writer makes it");
        }
    }

    fn says(dir: &Path, words: &[&str]) -> String {
        let dir = dir.to_str().expect("a plain path");
        let cli = Cli::try_parse_from([&["cordboard", "pushes"], words, &["--data", dir]].concat());
        let Command::Pushes(command) = cli.expect("well formed").command else { panic!("other words") };
        let mut out = Vec::new();
        run(command, &mut out).expect("the store is there");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn dead_letters_are_listed_chosen_and_sent_again_once() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        store_with_dead_letters(dir.path());
        assert_eq!(
            says(dir.path(), &["list"]),
            "9  1970-01-01T00:00:00Z  2000103  cdr  http://b/  HTTP 500\n\
             7  1970-01-01T00:00:00Z  2000103  cdr  http://a/  HTTP 500\n"
        );
        let json = says(dir.path(), &["list", "--json", "--address", "http://a/"]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).expect("one object")["id"], 7);
        assert_eq!(says(dir.path(), &["replay", "--all", "--account", "2000104"]), "to be sent again: 0\n");
        assert_eq!(
            says(dir.path(), &["replay", "7", "8"]),
            "8 is no undelivered push\nto be sent again: 1\n"
        );
        assert_eq!(says(dir.path(), &["replay", "--all"]), "to be sent again: 1\n");
        assert_eq!(says(dir.path(), &["list"]), "none: every push was delivered\n");
    }
}
