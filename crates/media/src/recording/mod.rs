//! Recordings: while a call runs, packets are stored as they come, a [`Block`] at a time; when it is over they become
//! sound files ([`render`]). Each sound of each far end is a track; nothing is mixed before the rendering, which puts the
//! tracks of a side together.
//!
//! Storing does nothing but append, so it is cheap and a crash loses the tail at most. All judgement (order, loss, gaps,
//! clocks) is left to the rendering, which can be done again.

mod mix;
mod placement;
mod render;
mod track_file;

pub use render::{Files, RenderError, Rendered, render, samples_in};
pub use track_file::{Block, Ending, Frame, Head, Packet, Reader, TrackError, Writer, side_of, track_number};
