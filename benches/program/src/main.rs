//! A customer's program under load: it knows the API from outside only, an address, an appkey and a secret.
//!
//!     program --http 127.0.0.1:8080 --do presence --agents 200 --connections 16 --secs 10
//!
//! Agents 8000, 8001, … sign in first. Then `presence` asks for `online`, `busy`, `rest` in turn, of one agent after the
//! other, and `dial` for `dialOut` from one agent after the other; both over connections that stay open, each request with
//! a signature of its own; `nothing` only listens. With `--rate` as many a second are begun, whatever has been answered, and an answer's time
//! counts from the moment its request was due; without it each connection asks again as soon as it was answered.
//!
//! `--receive ADDRESS --pushes FILE` also takes pushes, and writes when each arrived. `--callee ADDRESS` plays everybody
//! who is called, and declines. One line of JSON says how it went.
#![expect(clippy::print_stdout, reason = "the figures are the point")]

mod callee;
mod connection;
mod figures;
mod load;
mod receiver;
mod signature;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use callee::Callee;
use load::{Asked, Load};
use receiver::Receiver;
use signature::Key;

/// The demo account's, which everybody knows.
const APPKEY: &str = "2000103";
const SECRET: &str = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("program: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let words = Words::read(std::env::args().skip(1))?;
    let receiver = words.get::<SocketAddr>("receive")?.map(Receiver::start).transpose()?;
    let callee = words.get::<SocketAddr>("callee")?.map(Callee::start).transpose()?;
    let load = Load {
        http: words.must("http")?,
        key: Key::new(&words.or("appkey", APPKEY.to_owned())?, &words.or("secret", SECRET.to_owned())?),
        asked: words.must::<Asked>("do")?,
        agents: words.or("agents", 200)?,
        connections: words.or("connections", 16)?,
        lasts: Duration::from_secs_f64(words.or("secs", 10.0)?),
        rate: words.get("rate")?,
    };
    let run = load.run()?;
    let invites = callee.map(|callee| callee.invites());
    let pushes = receiver.map(Receiver::settle);
    if let (Some(pushes), Some(file)) = (&pushes, words.get::<String>("pushes")?) {
        std::fs::write(&file, receiver::lines(pushes)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(figures::line(&load, &run, invites.as_ref(), pushes.as_ref().map(Vec::len)))
}

/// `--name value`, any number of them.
struct Words(BTreeMap<String, String>);

impl Words {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Words, String> {
        let mut words = BTreeMap::new();
        while let Some(word) = args.next() {
            let name =
                word.strip_prefix("--").ok_or(format!("{word}: every word has a name before it, --name"))?;
            words.insert(name.to_owned(), args.next().ok_or(format!("{word} lacks its value"))?);
        }
        Ok(Words(words))
    }

    fn get<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let read = |text: &String| text.parse().map_err(|_| format!("--{name} {text} cannot be understood"));
        self.0.get(name).map(read).transpose()
    }

    fn or<T: FromStr>(&self, name: &str, default: T) -> Result<T, String> {
        Ok(self.get(name)?.unwrap_or(default))
    }

    fn must<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.get(name)?.ok_or(format!("--{name} is missing"))
    }
}
