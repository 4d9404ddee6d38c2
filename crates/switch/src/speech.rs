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
    /// What a caller offered, and what we said to that.
    asked: Asked,
}

/// The offer of one who calls in. There is none in a leg that we call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// We make the offers.
    Nothing,
    /// It is to be answered.
    Offer(Bytes),
    /// It was answered with this, which is the answer until the call is established (RFC 3261 §13.2.1).
    Answered(Bytes),
    /// It came without an offer: our 2xx makes one, which the ACK must answer.
    ForOffer,
}

impl Speech {
    /// Nothing was said yet. `codecs` are offered in this order.
    pub(crate) fn new(address: IpAddr, port: u16, origin_id: u64, codecs: Vec<Codec>) -> Speech {
        Speech { address, port, origin_id, version: 1, codecs, agreed: None, asked: Asked::Nothing }
    }

    /// The same with a port.
    pub(crate) fn at_port(self, port: u16) -> Speech {
        Speech { port, ..self }
    }

    /// What we offer, the one we want first.
    pub(crate) fn codecs(&self) -> &[Codec] {
        &self.codecs
    }

    /// The same of one who calls with this offer, if with any.
    pub(crate) fn asked_with(self, offer: Option<Bytes>) -> Speech {
        let asked = offer.map_or(Asked::ForOffer, Asked::Offer);
        Speech { asked, ..self }
    }

    /// What we would speak with a caller, first what its offer wants first: for whom it is put through to. `ports` says which
    /// RTP ports are ours.
    ///
    /// # Errors
    /// There is nothing, so the call is none.
    pub(crate) fn wanted(&self, ports: &Ports) -> Result<Vec<Codec>, SdpError> {
        let Asked::Offer(offer) = &self.asked else { return Ok(self.codecs.clone()) };
        let (_, terms) = sdp::answer(offer, self.local())?;
        self.refuse_unusable(&terms, ports)?;
        Ok(in_order(&self.codecs, Some(terms.codec)))
    }

    /// What we say to a caller of our media: the answer to its offer, or our offer where it made none. `preferred` is what
    /// whom it talks to speaks.
    ///
    /// # Errors
    /// The offer leads to no agreement.
    pub(crate) fn reply(
        &mut self,
        preferred: Option<Codec>,
        ports: &Ports,
    ) -> Result<(Bytes, Option<Terms>), SdpError> {
        match self.asked.clone() {
            Asked::Answered(answer) => Ok((answer, None)),
            Asked::Offer(offer) => {
                let preferred: Vec<Codec> = preferred.into_iter().collect();
                let (answer, terms) = self
                    .answer_with(&offer, &preferred)
                    .or_else(|_| self.answer_with(&offer, &self.codecs))?;
                self.refuse_unusable(&terms, ports)?;
                self.asked = Asked::Answered(answer.clone());
                Ok((answer, self.agree(terms)))
            }
            Asked::Nothing | Asked::ForOffer => {
                self.prefer(in_order(&self.codecs, preferred));
                Ok((self.offer(), None))
            }
        }
    }

    /// Whether a caller offered nothing, and waits for our offer.
    pub(crate) fn is_asked_for_offer(&self) -> bool {
        self.asked == Asked::ForOffer
    }

    /// Whether the ACK of a caller must bring an answer, since our 2xx made the offer. Once.
    pub(crate) fn take_debt(&mut self) -> bool {
        let owed = self.asked == Asked::ForOffer;
        if owed {
            self.asked = Asked::Nothing;
        }
        owed
    }

    fn answer_with(&self, offer: &[u8], codecs: &[Codec]) -> Result<(Bytes, Terms), SdpError> {
        sdp::answer(offer, LocalMedia { codecs, ..self.local() })
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

    /// Whether the far end wants to receive nothing (`sendonly`, `inactive`, 0.0.0.0; RFC 3264 §8.4). None: nothing was agreed on.
    pub(crate) fn far_holds(&self) -> Option<bool> {
        self.agreed.as_ref().map(|terms| !terms.send || terms.remote.is_none())
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
