//! SDP (RFC 8866) and offer/answer (RFC 3264) for one audio stream.

mod description;
mod error;
mod negotiate;
mod parse;

pub use description::{Connection, Description, Direction, Map, Media};
pub use error::SdpError;
pub use negotiate::{EVENTS_PAYLOAD, LocalMedia, answer, offer, read_answer};
pub use parse::parse;
