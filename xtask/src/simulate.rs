//! `cargo xtask sim`: one simulated world, or many until one breaks.

use std::panic::catch_unwind;
use std::process::ExitCode;

use sim::{Kind, Options, run as run_world};

/// What the command line asks for.
struct Wanted {
    from: u64,
    count: u64,
    options: Options,
}

pub(crate) fn run(args: &[String]) -> ExitCode {
    let wanted = match read(args) {
        Ok(wanted) => wanted,
        Err(problem) => {
            println!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let (mut calls, mut bridged, mut judged, mut exposed, mut unharmed) = (0, 0, 0, 0, 0);
    for seed in wanted.from..wanted.from.saturating_add(wanted.count) {
        let options = wanted.options.clone();
        // The sentence of the broken invariant was printed by the panic itself.
        let Ok(report) = catch_unwind(|| run_world(seed, &options)) else {
            let kind = options.kind.unwrap_or_else(|| Kind::of(seed));
            println!("world {seed} ({kind:?}) broke; replay it with: cargo xtask sim --seed {seed}");
            return ExitCode::FAILURE;
        };
        if wanted.count == 1 {
            println!("{report:#?}");
        }
        calls += report.calls;
        bridged += report.bridged;
        judged += report.judged.values().sum::<u64>();
        exposed += report.exposed;
        unharmed += report.unharmed;
    }
    println!(
        "{} worlds came to rest: {calls} calls, {bridged} of them bridged, {judged} judged by the contract",
        wanted.count
    );
    if exposed > 0 {
        let percent = unharmed as f64 * 100.0 / exposed as f64;
        println!(
            "{unharmed} of {exposed} calls on lossy paths ended as if nothing were lost: {percent:.2} %"
        );
    }
    ExitCode::SUCCESS
}

fn read(args: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { from: 0, count: 1, options: Options::default() };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
            value.parse().map_err(|_| format!("{arg}: {value} is not a number"))
        };
        match arg.as_str() {
            "--seed" | "--from" => wanted.from = number()?,
            "--seeds" => wanted.count = number()?,
            "--lab" => wanted.options.kind = Some(Kind::Lab),
            "--verbs" => wanted.options.kind = Some(Kind::Verbs),
            "--adversaries" => wanted.options.kind = Some(Kind::Adversaries),
            "--rough" => wanted.options.rough = true,
            "--tell" => wanted.options.tell = Some(|line| println!("{line}")),
            "--calm" => wanted.options.calm = true,
            other => return Err(format!("unknown argument: {other}")),
        }
    }
    Ok(wanted)
}
