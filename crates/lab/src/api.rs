//! What the lab's user says to it and hears from it.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use bytes::Bytes;
use media::api::{Command, Signal};
use media::sdp::Direction;
use sip::api::{Ended, Flow, Referral, Standing};

use crate::behaviour::{self, Behaviour, Step};
use crate::ear::Heard;
use crate::tone::Tone;

/// One phone's part in one call, numbered from 1; its media stream and call in the engine have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneId(pub u64);

/// What the network is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the carrier listens. It trusts every INVITE: it belongs on a loopback.
    pub sip_local: SocketAddr,
    /// What others are to call that.
    pub sip_advertised: SocketAddr,
    /// Where the phones receive sound.
    pub media_address: IpAddr,
    /// The ports for it, two per phone in a call.
    pub rtp_ports: RangeInclusive<u16>,
    /// What numbers do by their ending; the first that fits. None fits: [`behaviour::OTHER`].
    pub behaviours: &'static [Behaviour],
    /// Numbers that are agents' mobiles: [`behaviour::AGENT`].
    pub agents_mobiles: Vec<String>,
    /// Phones that register elsewhere when told to by [`PhoneWish::SignIn`]; called, they do as agents' mobiles do.
    pub phones: Vec<PhoneConfig>,
}

/// A phone that registers.
#[derive(Clone)]
pub struct PhoneConfig {
    /// User name.
    pub user: String,
    /// Password. Never shown.
    pub password: String,
    /// The phone's own address: a registrar tells phones apart by it.
    pub local: SocketAddr,
    /// Where the registrar listens.
    pub registrar: SocketAddr,
    /// The registrar's domain.
    pub domain: String,
}

impl Config {
    /// A carrier at one address, without agents or phones.
    pub fn new(sip_local: SocketAddr, rtp_ports: RangeInclusive<u16>) -> Config {
        Config {
            sip_local,
            sip_advertised: sip_local,
            media_address: sip_local.ip(),
            rtp_ports,
            behaviours: behaviour::TABLE,
            agents_mobiles: Vec::new(),
            phones: Vec::new(),
        }
    }

    /// Every address that the lab's user must listen at for SIP: the carrier's, then those of the phones.
    pub fn sip_addresses(&self) -> Vec<SocketAddr> {
        std::iter::once(self.sip_local).chain(self.phones.iter().map(|phone| phone.local)).collect()
    }
}

impl std::fmt::Debug for PhoneConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneConfig")
            .field("user", &self.user)
            .field("local", &self.local)
            .field("registrar", &self.registrar)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// What comes in.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A SIP datagram arrived at one of [`Config::sip_addresses`].
    Datagram {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        data: &'a [u8],
    },
    /// A stream is open: someone connected to the carrier, or what `Output::Connect` asked for was done.
    Connected {
        /// Its path.
        flow: Flow,
    },
    /// Bytes arrived on an open stream.
    Stream {
        /// Its path.
        flow: Flow,
        /// Its next bytes.
        data: &'a [u8],
    },
    /// A stream is gone, or could not be opened.
    Closed {
        /// Its path.
        flow: Flow,
    },
    /// The media engine of the lab reports something.
    Media(Signal),
    /// An RTP packet arrived at a phone; the engine gets it as well. Whoever says so hears `LabEvent::Hears`.
    Sound {
        /// Which: its stream has the same number.
        phone: PhoneId,
        /// The whole packet.
        packet: &'a [u8],
    },
    /// A deadline named by `next_timeout` has come.
    Timeout,
    /// Somebody wants something of a phone.
    Phone(PhoneWish),
}

/// What a phone is to do. A wish of a phone that does not exist (any more) is left out.
#[derive(Clone, Debug)]
pub enum PhoneWish {
    /// Calls someone: `PhoneDialled` follows, and `Ended` some day.
    Dial {
        /// Who.
        from: Caller,
        /// The number called.
        to: String,
        /// What the phone does once the far end answered.
        then: &'static [Step],
    },
    /// Leaves its call, in whatever state that is.
    HangUp {
        /// Which.
        phone: PhoneId,
    },
    /// Dials digits in its call (RFC 4733).
    SendDigits {
        /// Which.
        phone: PhoneId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digits: String,
    },
    /// Presses keys and says so in signalling (INFO), not in the sound.
    PressByInfo {
        /// Which.
        phone: PhoneId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        keys: String,
    },
    /// Says a tone from now on, as long as the line is open.
    Say {
        /// Which.
        phone: PhoneId,
        /// What.
        tone: Tone,
    },
    /// Offers, by re-INVITE, to go on like this: `SendOnly` and `Inactive` hold, `SendRecv` takes back. `Reoffered` follows
    /// if the call is established.
    Turn {
        /// Which.
        phone: PhoneId,
        /// Seen from the phone.
        direction: Direction,
    },
    /// Asks the far end to hand the call on (REFER). `ReferralTold` follows, perhaps more than once.
    Refer {
        /// Which.
        phone: PhoneId,
        /// The number that is to have the call.
        to: String,
        /// The phone's other call that it is to take the place of (RFC 3891): an attended transfer.
        replaces: Option<PhoneId>,
    },
    /// Registers one of [`Config::phones`] and keeps that up: `Registration` follows, time and again.
    SignIn {
        /// Its user name.
        user: String,
    },
    /// Takes the registration back.
    SignOut {
        /// Its user name.
        user: String,
    },
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Someone out there, by way of the carrier.
    Customer {
        /// The number shown.
        number: String,
        /// Where the carrier takes the call to.
        switch: SocketAddr,
    },
    /// One of [`Config::phones`], by way of its registrar.
    Phone {
        /// Its user name.
        user: String,
    },
}

/// What goes out. Drain with `poll_output` after every input.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a SIP datagram, or more bytes of a stream.
    Transmit {
        /// From where to where.
        flow: Flow,
        /// What.
        data: Bytes,
    },
    /// Open a stream to the far end of this path. Answered by `Input::Connected` or `Input::Closed`.
    Connect {
        /// Its path.
        flow: Flow,
    },
    /// Close a stream once what was to be sent has left.
    Close {
        /// Its path.
        flow: Flow,
    },
    /// For the media engine.
    Media(Command),
    /// Something happened, for a screen or a test.
    Happened(LabEvent),
}

/// What happened in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabEvent {
    /// A call came for a phone.
    PhoneCalled {
        /// A new one.
        phone: PhoneId,
        /// Its number.
        number: String,
        /// The number shown to it.
        from: String,
    },
    /// A phone calls, as wished.
    PhoneDialled {
        /// A new one.
        phone: PhoneId,
        /// Its number.
        number: String,
        /// The number called.
        to: String,
    },
    /// A called phone began to ring.
    PhoneRang {
        /// Which.
        phone: PhoneId,
    },
    /// A phone answered, or was answered.
    PhoneAnswered {
        /// Which.
        phone: PhoneId,
    },
    /// The first sound arrived at a phone.
    SoundHeard {
        /// Which.
        phone: PhoneId,
    },
    /// A phone was sent a digit.
    DigitHeard {
        /// Which.
        phone: PhoneId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// What a phone hears has changed, and stayed so for 60 ms.
    Hears {
        /// Which.
        phone: PhoneId,
        /// What.
        heard: Heard,
    },
    /// The far end has answered `PhoneWish::Turn`.
    Reoffered {
        /// Which.
        phone: PhoneId,
        /// The status of a refusal: everything is as before.
        refused: Option<u16>,
    },
    /// How it goes with whom the far end was to call.
    ReferralTold {
        /// Which phone asked.
        phone: PhoneId,
        /// How.
        standing: Referral,
    },
    /// A phone's call is over: the last event of each phone.
    Ended {
        /// Which.
        phone: PhoneId,
        /// How.
        how: Ended,
    },
    /// How a registering phone stands with its registrar.
    Registration {
        /// Its user name.
        user: String,
        /// How.
        standing: Standing,
    },
}

/// Why the lab wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// For the SIP endpoint.
    Sip(sip::TimerKind),
    /// A phone's next step, when it waits for time to pass.
    Step(PhoneId),
    /// A prompt should have been played by now.
    PromptOverdue(PhoneId),
    /// Nothing was heard for `limits::QUIET_AFTER`.
    Quiet(PhoneId),
    /// A phone's call is older than `limits::CALL_AGE_MAX`.
    TooOld(PhoneId),
}

/// How much the lab holds. All zero at rest, but for registrations and what keeps them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Phones in a call.
    pub phones: usize,
    /// RTP ports taken, each with the RTCP port above it.
    pub ports: usize,
    /// Deadlines of phones.
    pub timers: usize,
    /// What the SIP endpoint holds.
    pub sip: sip::api::Counts,
}
