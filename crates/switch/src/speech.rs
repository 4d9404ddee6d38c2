//! Offer and answer of one leg: what we said, what was agreed.

use std::net::IpAddr;

use bytes::Bytes;
use media::api::Terms;
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia, SdpError};

use crate::ports::Ports;

/// `codecs` in their order, but the one that the other end speaks first, if it is among them.
pub(crate) fn in_order(codecs: &[Codec], other_end: Option<Codec>) -> Vec<Codec> {
    let mut codecs = codecs.to_vec();
    codecs.sort_by_key(|codec| Some(*codec) != other_end);
    codecs
}

/// The media description of one leg.
#[derive(Debug)]
pub(crate) struct Speech {
    address: IpAddr,
    port: u16,
    /// Number of our description (`o=`), the same for the life of the leg.
    origin_id: u64,
    /// Grows with every description we send that differs.
    version: u64,
    /// What we offer, the one we want first.
    codecs: Vec<Codec>,
    agreed: Option<Terms>,
}

impl Speech {
    /// Nothing was said yet. `codecs` are offered in this order.
    pub(crate) fn new(address: IpAddr, port: u16, origin_id: u64, codecs: Vec<Codec>) -> Speech {
        Speech { address, port, origin_id, version: 1, codecs, agreed: None }
    }

    /// Sound is received at `address` from now on, about which nobody was told yet. True: that is of another family.
    pub(crate) fn move_to(&mut self, address: IpAddr) -> bool {
        let before = std::mem::replace(&mut self.address, address);
        before.is_ipv4() != address.is_ipv4()
    }

    /// From now on these are offered, to somebody else than before.
    pub(crate) fn prefer(&mut self, codecs: Vec<Codec>) {
        if self.codecs != codecs {
            self.version += 1;
            self.codecs = codecs;
        }
    }

    /// What was agreed on last.
    pub(crate) fn agreed(&self) -> Option<&Terms> {
        self.agreed.as_ref()
    }

    /// Our offer.
    pub(crate) fn offer(&self) -> Bytes {
        sdp::offer(self.local())
    }

    /// Our offer within the dialog, when the far end asks for one.
    pub(crate) fn offer_again(&mut self) -> Bytes {
        self.version += 1;
        self.offer()
    }

    /// Reads the answer to our offer. Some when it agrees on something new. `ports` says which RTP ports are ours.
    pub(crate) fn take_answer(&mut self, answer: &[u8], ports: &Ports) -> Result<Option<Terms>, SdpError> {
        let terms = sdp::read_answer(self.local(), answer)?;
        self.refuse_unusable(&terms, ports)?;
        Ok(self.agree(terms))
    }

    /// Answers an offer of the far end: our answer, and what is new.
    pub(crate) fn answer(&mut self, offer: &[u8], ports: &Ports) -> Result<(Bytes, Option<Terms>), SdpError> {
        let next = LocalMedia { version: self.version + 1, ..self.local() };
        let (answer, terms) = sdp::answer(offer, next)?;
        self.refuse_unusable(&terms, ports)?;
        self.version += 1;
        Ok((answer, self.agree(terms)))
    }

    /// Nothing gets from our socket to an address of the other family. And a far end that wants its sound sent to one of
    /// our own streams would feed one call into another, or a call into itself for ever.
    fn refuse_unusable(&self, terms: &Terms, ports: &Ports) -> Result<(), SdpError> {
        let usable = |remote| !ports.is_ours(remote) && remote.is_ipv4() == self.address.is_ipv4();
        match terms.remote {
            Some(remote) if !usable(remote) => Err(SdpError::UnusableAddress),
            Some(_) | None => Ok(()),
        }
    }

    fn agree(&mut self, terms: Terms) -> Option<Terms> {
        if self.agreed.as_ref() == Some(&terms) {
            return None;
        }
        self.agreed = Some(terms.clone());
        Some(terms)
    }

    fn local(&self) -> LocalMedia<'_> {
        LocalMedia {
            address: self.address,
            port: self.port,
            origin_id: self.origin_id,
            version: self.version,
            codecs: &self.codecs,
            direction: Direction::SendRecv,
        }
    }
}
