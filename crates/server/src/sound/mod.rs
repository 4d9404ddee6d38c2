//! Sound that moves: threads that own RTP sockets and run a [`media::engine::Engine`] each, and the recorder.

mod encoder;
mod music;
mod quality;
mod recorder;
mod renderer;
mod retention;
mod space;
mod threads;

pub use encoder::Encoder;
pub use music::{Music, MusicFiles};
pub use recorder::{Finish, Ready, Recorder, RecorderConfig};
pub use renderer::Backlog;
pub use retention::{Keep, KeepDays, Keeper};
pub use space::Room;
pub use threads::{Ears, Reports, Threads, ThreadsConfig};
