//! The API border from outside: documents, answers, recordings, sockets.

mod api;
mod documents;
mod fakes;
mod recordings;
mod samples;
mod serve;
