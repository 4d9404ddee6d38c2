//! The only crate with a runtime, sockets, files, SQL and HTTP. The `cordboard` binary is a thin shell over it.

pub mod bind;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contract;
pub mod control;
pub mod http;
pub mod lab_host;
pub mod push;
pub mod relay_host;
mod reload_report;
pub mod run;
pub mod sound;
pub mod store;
mod vital;
