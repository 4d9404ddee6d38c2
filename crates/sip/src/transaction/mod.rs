//! The four transaction machines of RFC 3261 §17, with the Accepted state of RFC 6026, and the table that runs them.
//!
//! A machine is a small value: `step(input)` gives the next state and pushes [`Effect`]s. Messages, addresses and
//! deadlines belong to the [`table`]. The machines know only datagrams; what a timer is worth on a stream, says
//! [`Timer::by`].
//!
//! After its last word a transaction has up to half a minute left in which it only hears repetitions
//! ([`Timer::lingers`]). By then it is no machine with messages any more, but the little that repetitions need
//! ([`lingering`], [`memo`]), found by a fingerprint ([`key`]) and forgotten by a timer wheel.

mod client;
mod client_invite;
mod client_other;
mod key;
mod lingering;
mod memo;
mod server;
mod server_invite;
mod server_other;
mod table;

use std::time::Duration;

use base::Mono;

use crate::api::Transport;
use crate::message::Request;

pub(crate) use client::ClientUser;
pub(crate) use client_invite::InviteClient;
pub(crate) use client_other::OtherClient;
pub(crate) use key::{ClientKey, Keys, MergeKey, ServerKey};
pub(crate) use server::{Asked, Back};
pub(crate) use server_invite::InviteServer;
pub(crate) use server_other::OtherServer;
pub(crate) use table::Table;

/// A transaction in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TransactionId(pub(crate) u64);

/// The timers of RFC 3261 §17 and RFC 6026 by their letters. There is no C: it is a proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Repeat our INVITE.
    A,
    /// Nobody answered our INVITE.
    B,
    /// Our refused INVITE: answers repeated until now are acknowledged again.
    D,
    /// Repeat our other request.
    E,
    /// Nobody answered our other request.
    F,
    /// Repeat our refusal of an INVITE.
    G,
    /// Our refusal of an INVITE was never acknowledged.
    H,
    /// Repeated ACKs were absorbed until now.
    I,
    /// Repeated requests (other than INVITE) were answered again until now.
    J,
    /// Repeated answers to our other request were absorbed until now.
    K,
    /// An INVITE that we accepted: repetitions were absorbed until now.
    L,
    /// Our accepted INVITE: further 2xx were let through until now.
    M,
}

impl Timer {
    /// Whether all that is left to do until it runs out is to hear repetitions. (Not so H: until then our refusal is
    /// repeated.)
    pub(crate) fn lingers(self) -> bool {
        match self {
            Timer::D | Timer::I | Timer::J | Timer::K | Timer::L | Timer::M => true,
            Timer::A | Timer::B | Timer::E | Timer::F | Timer::G | Timer::H => false,
        }
    }

    /// How long it runs by `transport` if it runs `after` with datagrams (RFC 3261 §17, table 4; RFC 6026 §7). None: not
    /// at all, since a stream repeats nothing; zero: nothing repeated is to be absorbed.
    pub(crate) fn by(self, transport: Transport, after: Duration) -> Option<Duration> {
        match (transport, self) {
            (Transport::Udp, _) => Some(after),
            (Transport::Tcp, Timer::A | Timer::E | Timer::G) => None,
            (Transport::Tcp, Timer::D | Timer::I | Timer::J | Timer::K) => Some(Duration::ZERO),
            (Transport::Tcp, Timer::B | Timer::F | Timer::H | Timer::L | Timer::M) => Some(after),
        }
    }
}

/// The base times of RFC 3261 §17.1.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Round-trip time estimate.
    pub t1: Duration,
    /// Longest interval between repetitions.
    pub t2: Duration,
    /// Longest time a message stays in the network.
    pub t4: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Times {
    /// 64 × T1: how long anything is tried.
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// The interval after `interval`: doubled, at most T2.
    pub(crate) fn backed_off(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }
}

/// What a machine wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send the request (client) or the last answer (server), again perhaps.
    Send,
    /// Send ACK for the refusal in hand.
    Acknowledge,
    /// Show the message in hand to the transaction's user.
    Deliver,
    /// Tell the user that nobody answered.
    TimedOut,
    /// Tell the user that the far end has our refusal, or is not waited for any more.
    Refused,
    /// Set a timer.
    Set(Timer, Duration),
    /// Forget a timer.
    Stop(Timer),
}

/// The effects of one step, in order.
pub(crate) type Effects = Vec<Effect>;

/// Until when a machine lingers that wants this done. None: it does not.
fn lingers(now: Mono, fx: &Effects, transport: Transport) -> Option<Mono> {
    fx.iter().find_map(|effect| match *effect {
        Effect::Set(timer, after) if timer.lingers() => {
            Some(now + timer.by(transport, after).unwrap_or_default())
        }
        Effect::Set(..)
        | Effect::Send
        | Effect::Acknowledge
        | Effect::Deliver
        | Effect::TimedOut
        | Effect::Refused
        | Effect::Stop(_) => None,
    })
}

/// Where a request of others stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To has a tag, as inside a dialog.
    Inside,
    /// To has none: the tag of the answer is ours.
    Outside,
}

impl Scope {
    /// Where `request` stands.
    pub(crate) fn of(request: &Request) -> Scope {
        match request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            true => Scope::Inside,
            false => Scope::Outside,
        }
    }
}

/// What happens to a client machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientInput {
    /// An answer with this status came.
    Answer(Class),
    /// A timer ran out.
    Timer(Timer),
}

/// What happens to a server machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerInput {
    /// The same request came again.
    Repeated,
    /// The user answers.
    Answer(Class),
    /// An ACK for it came.
    Ack,
    /// A timer ran out.
    Timer(Timer),
}

/// All that a machine needs to know of a status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 300 and above.
    Failure,
}

impl Class {
    /// The class of `status`.
    pub(crate) fn of(status: u16) -> Class {
        match status {
            ..200 => Class::Provisional,
            200..300 => Class::Success,
            300.. => Class::Failure,
        }
    }
}
