//! The API border from outside: documents, answers, recordings, sockets.
#![allow(clippy::unwrap_used, reason = "a test that panics has found something")]

mod answers;
mod api;
mod documents;
mod fakes;
mod parties;
mod patience;
mod recordings;
mod samples;
mod serve;
