//! What must hold whatever bytes come in. Each module has one `check`, which panics when something does not hold: the
//! fuzz targets feed it, and `tests/corpus.rs` replays what they found.

pub mod endpoint;
pub mod framing;
pub mod message;
pub mod replies;
pub mod sdp;
pub mod sound;
pub mod work;
