//! Ports for one test, whatever else runs on the machine: also other processes of the same tests.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;

/// Below the ports that the system gives out itself, and none of the demo's.
const FIRST: u16 = 21_000;
const BLOCKS: u16 = 88;
const BLOCK: u16 = 100;

/// A hundred ports. The TCP port of the same number as the first is the claim; it is held until this is dropped. Blocks of
/// which a program has a port that knows nothing of claims are left out: sound there would be silence.
pub(crate) struct Claim {
    first: u16,
    _held: TcpListener,
}

impl Claim {
    pub(crate) fn new() -> Claim {
        let held = (0..BLOCKS).find_map(|block| {
            let first = FIRST + block * BLOCK;
            let held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).ok()?;
            let is_free = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            (first..first + BLOCK).all(is_free).then_some(Claim { first, _held: held })
        });
        held.expect("88 claims are more than tests run at once")
    }

    /// For SIP, over UDP and TCP.
    pub(crate) fn sip(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first + 1))
    }

    /// For sound: begins even, ends odd.
    pub(crate) fn rtp(&self) -> RangeInclusive<u16> {
        self.first + 2..=self.first + BLOCK - 3
    }

    /// For SIP of somebody else.
    pub(crate) fn second_sip(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first + BLOCK - 1))
    }
}
