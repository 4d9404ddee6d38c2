//! Sound that moves: threads that own RTP sockets and run a [`media::engine::Engine`] each, and the recorder.

mod recorder;
mod renderer;
mod threads;

pub use recorder::{Finish, Recorder, RecorderConfig};
pub use threads::{Threads, ThreadsConfig};
