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
