//! Chores of the workspace: `cargo xtask tidy` (style as a test), `cargo xtask sim --seed N` (replay a simulation).
#![allow(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod simulate;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask <chore>

  tidy                     arrows between crates, length of files and functions, banned words, left-over markers
  sim [--seed N]           run one simulated world and say what happened
  sim --seeds N [--from M] run N of them (default from 0); stops at the first broken invariant
      --calm                no faults
      --rough               no faults but 10 % loss, 5 % copies and any order, by which success is measured
      --lab, --adversaries, --verbs  worlds of one kind; otherwise the seed says which
      --tell                says what is asked, what happens and what is to be heard";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("tidy") => tidy::run(),
        Some("sim") => simulate::run(&args[1..]),
        _ => {
            println!("{HELP}");
            ExitCode::FAILURE
        }
    }
}
