//! Where the far end is, and whether a packet is from there.
//!
//! The rule, in full:
//!
//! 1. Before the first agreement with an address nothing is accepted.
//! 2. Packets from the address in the far end's SDP are always accepted. The first of them settles the matter: packets go
//!    there, and no other source is learned any more.
//! 3. A far end behind a NAT sends from another address than its SDP says. So for `LEARN_WINDOW` (5 s) after an agreement,
//!    and as long as no packet came from the SDP address, *one* other source may be learned: the first that sends a well
//!    formed packet from the SDP's host or from the host that signalling comes from. From then on its packets are accepted,
//!    and ours go to it (symmetric RTP).
//! 4. All else is a stranger: refused and counted, never forwarded or recorded, and without influence on where we send.
//! 5. Should packets from the SDP address come after another source was learned, at whatever time, rule 2 holds: the
//!    signalling is believed rather than a packet, and the learned source becomes a stranger.
//! 6. An agreement with another SDP address opens the window again. The source that was used until then cannot be learned
//!    in it: its last packets are still on their way. An agreement with the same address opens it again only when nothing
//!    was accepted yet (an answer that repeats what early media agreed on); one without an address (hold) never does.
//! 7. While a call is on hold a NAT may forget its far end, and show it at another port afterwards. So after an agreement
//!    with the same address another source may take the place of a learned one, by rule 3, unless the learned one is heard
//!    before it.
//!
//! RTCP changes nothing; as a sign of life it must come from the host that packets are accepted from.

use std::net::{IpAddr, SocketAddr};

use base::Mono;

use crate::limits::LEARN_WINDOW;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Far {
    /// Nothing was agreed on.
    Unknown,
    /// No packet came yet.
    Open { sdp: SocketAddr, peer: Option<IpAddr>, until: Mono, before: Option<SocketAddr> },
    /// Packets came from the SDP address.
    Settled { sdp: SocketAddr },
    /// Packets come from somewhere else.
    Learned { sdp: SocketAddr, source: SocketAddr, moves: Option<Moves> },
}

/// Whereby a learned source may be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moves {
    peer: Option<IpAddr>,
    until: Mono,
}

/// The source check of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FarEnd(Far);

impl FarEnd {
    pub(super) fn new() -> FarEnd {
        FarEnd(Far::Unknown)
    }

    /// An agreement was made; `remote` is the address in the far end's SDP, `peer` the host that its signalling comes from.
    pub(super) fn agree(&mut self, now: Mono, remote: Option<SocketAddr>, peer: Option<IpAddr>) {
        let Some(remote) = remote.map(plain) else { return };
        let peer = peer.map(|host| host.to_canonical());
        let until = now + LEARN_WINDOW;
        let before = match self.0 {
            Far::Settled { sdp } if sdp == remote => return,
            Far::Learned { sdp, source, .. } if sdp == remote => {
                self.0 = Far::Learned { sdp, source, moves: Some(Moves { peer, until }) };
                return;
            }
            Far::Unknown => None,
            Far::Open { before, .. } => before,
            Far::Settled { sdp } => Some(sdp),
            Far::Learned { source, .. } => Some(source),
        };
        self.0 = Far::Open { sdp: remote, peer, until, before };
    }

    /// Whether a packet from `from` is the far end's. Call it for well formed packets only: it learns.
    pub(super) fn accepts(&mut self, now: Mono, from: SocketAddr) -> bool {
        let from = plain(from);
        match self.0 {
            Far::Unknown => false,
            Far::Open { sdp, .. } | Far::Learned { sdp, .. } if from == sdp => {
                self.0 = Far::Settled { sdp };
                true
            }
            Far::Open { until, before, .. } if now > until || before == Some(from) => false,
            Far::Learned { sdp, source, .. } if from == source => {
                self.0 = Far::Learned { sdp, source, moves: None };
                true
            }
            Far::Open { sdp, peer, .. } => self.learn(from, sdp, peer),
            Far::Learned { sdp, moves: Some(Moves { peer, until }), .. } if now <= until => {
                self.learn(from, sdp, peer)
            }
            Far::Settled { sdp } => from == sdp,
            Far::Learned { .. } => false,
        }
    }

    /// Whether `from` is of a host that is known, which makes it the source.
    fn learn(&mut self, from: SocketAddr, sdp: SocketAddr, peer: Option<IpAddr>) -> bool {
        let known = from.ip() == sdp.ip() || Some(from.ip()) == peer;
        if known {
            self.0 = Far::Learned { sdp, source: from, moves: None };
        }
        known
    }

    /// Where packets go.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self.0 {
            Far::Unknown => None,
            Far::Open { sdp, .. } | Far::Settled { sdp } => Some(sdp),
            Far::Learned { source, .. } => Some(source),
        }
    }

    /// Whether `host` is the far end's.
    pub(super) fn is_host(&self, host: IpAddr) -> bool {
        self.address().is_some_and(|address| address.ip() == host.to_canonical())
    }
}

/// An IPv4 address that a dual-stack socket shows as IPv6 is the IPv4 address; flow label and scope say nothing about
/// who sent.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], 4000))
    }

    const PHONE: u8 = 1;
    const NAT: u8 = 2;
    const ATTACKER: u8 = 66;

    fn agreed() -> FarEnd {
        let mut far = FarEnd::new();
        far.agree(Mono::ZERO, Some(address(PHONE)), Some(address(NAT).ip()));
        far
    }

    #[test]
    fn a_third_host_is_never_learned_however_early_it_comes() {
        let mut far = agreed();
        assert!(!far.accepts(Mono::ZERO, address(ATTACKER)));
        assert!(far.accepts(after(1), address(NAT)));
        let mut alone = FarEnd::new();
        alone.agree(Mono::ZERO, Some(address(PHONE)), None);
        assert!(!alone.accepts(after(1), address(NAT)));
        let other_port = SocketAddr::new(address(PHONE).ip(), 4444);
        assert!(
            alone.accepts(after(1), other_port),
            "the phone may send from another port than it receives on"
        );
    }

    fn after(secs: u64) -> Mono {
        Mono::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn nothing_is_accepted_before_the_agreement() {
        let mut far = FarEnd::new();
        assert!(!far.accepts(Mono::ZERO, address(PHONE)));
        far.agree(Mono::ZERO, None, Some(address(NAT).ip()));
        assert!(!far.accepts(Mono::ZERO, address(PHONE)));
        assert_eq!(far.address(), None);
    }

    #[test]
    fn after_a_packet_from_the_agreed_address_nobody_else_is_learned() {
        let mut far = agreed();
        assert!(far.accepts(after(1), address(PHONE)));
        assert!(!far.accepts(after(1), address(ATTACKER)));
        assert_eq!(far.address(), Some(address(PHONE)));
    }

    #[test]
    fn one_other_source_is_learned_in_the_window_and_only_one() {
        let mut far = agreed();
        assert!(far.accepts(after(5), address(NAT)));
        assert!(!far.accepts(after(5), address(ATTACKER)));
        assert!(far.accepts(after(500), address(NAT)));
        assert_eq!(far.address(), Some(address(NAT)));
        assert!(far.is_host(address(NAT).ip()) && !far.is_host(address(PHONE).ip()));
    }

    #[test]
    fn after_the_window_nobody_is_learned() {
        let mut far = agreed();
        assert!(!far.accepts(after(6), address(NAT)));
        assert_eq!(far.address(), Some(address(PHONE)));
    }

    #[test]
    fn an_answer_that_repeats_early_media_opens_the_window_again_while_nothing_came() {
        let mut far = agreed();
        assert!(!far.accepts(after(6), address(NAT)));
        far.agree(after(30), Some(address(PHONE)), Some(address(NAT).ip()));
        assert!(far.accepts(after(31), address(NAT)));
    }

    #[test]
    fn an_attacker_on_the_phones_host_who_was_first_loses_to_the_agreed_address() {
        let mut far = agreed();
        let attacker = SocketAddr::new(address(PHONE).ip(), 666);
        assert!(far.accepts(after(0), attacker));
        assert!(far.accepts(after(9), address(PHONE)));
        assert!(!far.accepts(after(9), attacker));
        assert_eq!(far.address(), Some(address(PHONE)));
    }

    #[test]
    fn a_new_address_opens_the_window_again_but_not_for_the_old_source() {
        let mut far = agreed();
        assert!(far.accepts(after(1), address(NAT)));
        far.agree(after(60), Some(address(7)), Some(address(NAT).ip()));
        assert!(!far.accepts(after(60), address(NAT)));
        assert_eq!(far.address(), Some(address(7)));
        assert!(far.accepts(after(61), SocketAddr::new(address(NAT).ip(), 4002)));
    }

    #[test]
    fn hold_and_the_same_address_again_change_nothing() {
        let mut far = agreed();
        assert!(far.accepts(after(1), address(NAT)));
        far.agree(after(60), None, Some(address(NAT).ip()));
        far.agree(after(70), Some(address(PHONE)), Some(address(NAT).ip()));
        assert!(far.accepts(after(71), address(NAT)));
        assert!(!far.accepts(after(71), address(ATTACKER)));
    }

    #[test]
    fn a_nat_that_shows_another_port_after_a_hold_is_followed_once() {
        let moved = SocketAddr::new(address(NAT).ip(), 4444);
        let moved_again = SocketAddr::new(address(NAT).ip(), 5555);
        let mut far = agreed();
        assert!(far.accepts(after(1), address(NAT)));
        assert!(!far.accepts(after(2), moved), "nothing was agreed on");
        far.agree(after(60), None, Some(address(NAT).ip()));
        far.agree(after(300), Some(address(PHONE)), Some(address(NAT).ip()));
        assert!(!far.accepts(after(301), address(ATTACKER)));
        assert_eq!(far.address(), Some(address(NAT)));
        assert!(far.accepts(after(302), moved));
        assert_eq!(far.address(), Some(moved));
        assert!(!far.accepts(after(302), moved_again));
        assert!(!far.accepts(after(302), address(NAT)));
        far.agree(after(400), Some(address(PHONE)), Some(address(NAT).ip()));
        assert!(far.accepts(after(400), moved), "it is where it was");
        assert!(!far.accepts(after(400), moved_again));
        far.agree(after(500), Some(address(PHONE)), Some(address(NAT).ip()));
        assert!(!far.accepts(after(506), moved_again), "too late");
    }

    #[test]
    fn a_dual_stack_socket_shows_the_same_address() {
        let mut far = agreed();
        assert!(far.accepts(after(9), "[::ffff:10.0.0.1]:4000".parse().unwrap()));
    }

    proptest! {
        /// Whatever is sent in whatever order: at most two sources per agreement are ever accepted, one of them the agreed.
        #[test]
        fn at_most_one_stranger_is_ever_accepted(packets in prop::collection::vec((0u8..6, 0u64..8), 1..60)) {
            let mut far = FarEnd::new();
            far.agree(Mono::ZERO, Some(address(PHONE)), Some(address(NAT).ip()));
            let mut accepted: Vec<SocketAddr> = packets
                .iter()
                .map(|(from, at)| (SocketAddr::new(address(1 + from % 3).ip(), 4000 + u16::from(from / 3)), *at))
                .filter(|(from, at)| far.accepts(after(*at), *from))
                .map(|(from, _)| from)
                .filter(|from| *from != address(PHONE))
                .collect();
            accepted.dedup();
            prop_assert!(accepted.len() <= 1, "{accepted:?}");
        }
    }
}
