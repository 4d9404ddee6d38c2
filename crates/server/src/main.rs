//! The `cordboard` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run::<server::run::Cordboard>()
}
