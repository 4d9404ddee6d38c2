/// Sound codecs that a stream can agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 µ-law, payload 0.
    Pcmu,
    /// G.711 A-law, payload 8.
    Pcma,
}
