//! What the server says to the switch and hears from it. Neither a SIP header nor a sound passes here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, LogNo};
use bytes::Bytes;
use callcenter::action::RecordingFiles;
use callcenter::command::{Accepted, Command, Refusal};
use callcenter::event::Numbered;
use serde::{Deserialize, Serialize};
pub use sip::api::Flow;

use crate::config::{Changes, TrunkAddress};
pub use crate::quality::Quality;

/// What comes in. Each is one mutation; drain [`Output`]s after it.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A SIP datagram arrived. Hostile until proven otherwise.
    Datagram {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        data: &'a [u8],
    },
    /// A SIP stream is open, accepted or as [`Output::Connect`] asked.
    Connected {
        /// Its path.
        flow: Flow,
    },
    /// Bytes arrived on a SIP stream. As hostile as datagrams.
    Stream {
        /// Its path.
        flow: Flow,
        /// Its next bytes.
        data: &'a [u8],
    },
    /// A SIP stream is gone, or could not be opened. Not to be told of one that [`Output::Close`] closed.
    Closed {
        /// Its path.
        flow: Flow,
    },
    /// A customer's program asks for something. Answered by exactly one [`Output::Reply`] with the same number.
    Command {
        /// Its number, unique among unanswered ones.
        id: CommandId,
        /// Whose.
        account: AccountId,
        /// What.
        command: Command,
    },
    /// A media engine reports.
    Media(media::api::Signal),
    /// The files of a recording are finished, or need not be made (again after a restart: the worker reports late).
    RecordingReady {
        /// Whose.
        account: AccountId,
        /// Which call.
        call: CallId,
        /// The files, as told in [`Output::Finish`].
        files: RecordingFiles,
        /// Of which part, as told there.
        part: Option<LegId>,
    },
    /// Everything up to and including this entry is committed.
    Durable {
        /// The last committed entry.
        through: LogNo,
    },
    /// The log cannot be written (stalled, full), or can again. While true, new work is refused and living calls go on.
    LogStalled(bool),
    /// What comes by SIP is more than can be taken, or is not any more. While true, requests that begin something new are
    /// turned away with 503 before they are read; living calls go on.
    SipOverloaded(bool),
    /// The program will end soon: whoever calls from outside is refused from now on. Living calls go on.
    RefuseCalls,
    /// The program is about to end in good order: end every call, take no other, and tell its phones.
    EndCalls,
    /// The hosts of a trunk were looked up: these are all its addresses now. What is known of the health of those that stay
    /// is kept; addresses of a family that the SIP socket is not of are left out.
    TrunkResolved {
        /// Its name.
        trunk: String,
        /// Where it is.
        addresses: Vec<TrunkAddress>,
    },
    /// The configuration is another one now. Nothing that lives ends because of it.
    Configure(Box<Changes>),
    /// A deadline named by `next_timeout` has come.
    Timeout,
}

/// What goes out. What an event justifies comes after the [`Output::Append`] of that event, and, where it must not
/// precede its commit, not before [`Input::Durable`] says so: the server may carry out everything at once.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "most outputs of a busy switch are appends; boxing them saves nothing"
)]
pub enum Output {
    /// Write this to the log. In the order they come, without gaps.
    Append(Entry),
    /// Send these bytes.
    Transmit {
        /// From where to where.
        flow: Flow,
        /// What.
        data: Bytes,
    },
    /// Open a SIP stream to the far end of this path. Answered by [`Input::Connected`] or [`Input::Closed`].
    Connect {
        /// Its path; `local` is the address of the SIP listener.
        flow: Flow,
    },
    /// Close a SIP stream once what was to be sent has left, or stop opening it.
    Close {
        /// Its path.
        flow: Flow,
    },
    /// The answer to a command.
    Reply {
        /// Which command.
        command: CommandId,
        /// Accepted, or why not.
        result: Result<Accepted, Refusal>,
    },
    /// For the media engine that runs the call of the stream.
    Media(media::api::Command),
    /// Make the files of a complete recording; answered by an [`Input::RecordingReady`] for each piece. At most one per
    /// call and run of the program.
    Finish {
        /// Whose.
        account: AccountId,
        /// Which call.
        call: CallId,
        /// What becomes of it: at least one.
        pieces: Vec<Piece>,
    },
    /// Something an operator may want to read; nothing depends on it.
    Diagnostic(Diagnostic),
}

/// Files that a recording becomes: of the whole, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The leg whose part of the call they are; none: the whole of it.
    pub part: Option<LegId>,
    /// Which files.
    pub files: RecordingFiles,
    /// From here, milliseconds after the recording began.
    pub from_ms: u64,
    /// To here; none, or more than there is: to its end.
    pub to_ms: Option<u64>,
}

impl Piece {
    /// All of a recording.
    pub fn whole(files: RecordingFiles) -> Piece {
        Piece { part: None, files, from_ms: 0, to_ms: None }
    }
}

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place: gapless.
    pub no: LogNo,
    /// Whose.
    pub account: AccountId,
    /// The command that caused it, when one did.
    pub command: Option<CommandId>,
    /// What it says.
    pub body: Body,
}

/// What a row of the log says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "most rows of the log are events; boxing them saves nothing")]
pub enum Body {
    /// Something happened. Folded into agents, records, pushes.
    Event(Numbered),
    /// How the dialog of a leg can be ended after a restart. Replaces an earlier one of the same leg.
    Token {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        call: CallId,
        /// Opaque.
        token: Bytes,
    },
    /// The dialog of a leg is over and its far end knows (or gave up listening): forget its token.
    ///
    /// Comes after the leg's `LegEnded`, sometimes half a minute later; a crash in between sends the BYE, or the refusal, again.
    TokenDone {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        call: CallId,
    },
    /// How a leg was heard. For readers alone: it justifies nothing, nothing waits for it, and a crash may lose it.
    ///
    /// Comes once, after the leg's `LegEnded` and perhaps after the call's record; of a leg that nothing was heard of and
    /// nothing was sent to there is none.
    Measured {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        call: CallId,
        /// What was measured.
        quality: Quality,
    },
    /// Where the phones of a user are. Replaces an earlier one of the same user.
    Bindings {
        /// Which user of the account's phones.
        user: String,
        /// Opaque. Empty: nowhere that a restart could find, forget the earlier one.
        kept: Bytes,
    },
}

/// Something an operator may want to read. Numbers of customers are in `DecisionFailed` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnostic {
    /// A call from outside was refused with this status.
    IncomingRefused {
        /// Where it came from.
        remote: SocketAddr,
        /// Name of the trunk that it came by, if it did.
        trunk: Option<String>,
        /// With which SIP status.
        status: u16,
        /// Why.
        because: RefusedBecause,
        /// Whether it is known who called; nobody but a trunk is believed.
        caller: CallerShown,
    },
    /// Nothing but what belongs to calls is heard from this address for a while: too many wrong passwords came from it.
    SourceBanned {
        /// The address. Of IPv6 its whole /64 is meant.
        source: IpAddr,
        /// For how long.
        lasts: Duration,
    },
    /// A trunk did not take a call, and another one is tried.
    TrunkFailedOver {
        /// For which leg.
        leg: LegId,
        /// Name of the trunk that did not.
        from: String,
        /// Name of the trunk that is tried.
        to: String,
        /// With which SIP status; 0 when it did not answer at all.
        status: u16,
    },
    /// A way of a trunk is passed over for a while.
    TrunkOutOfOrder {
        /// Name of the trunk.
        trunk: String,
        /// Which address of it.
        remote: SocketAddr,
        /// What is wrong with it.
        fault: TrunkFault,
        /// For how long at first.
        rest: Duration,
    },
    /// A way of a trunk that was passed over answers again.
    TrunkInOrder {
        /// Name of the trunk.
        trunk: String,
        /// Which address of it.
        remote: SocketAddr,
    },
    /// A trunk knows us now: calls go and come by it.
    TrunkRegistered {
        /// Name of the trunk.
        trunk: String,
    },
    /// A trunk that we must register with does not know us, and is passed over. It is tried again and again.
    TrunkNotRegistered {
        /// Name of the trunk.
        trunk: String,
        /// With which SIP status it refused; 0 when it did not answer.
        status: u16,
    },
    /// A leg could not begin: all trunks of its account that are left have all their channels in use.
    TrunksFull {
        /// Which leg.
        leg: LegId,
    },
    /// A leg could not begin: its account has no trunk, or none of whose addresses is known and of a family that is
    /// listened to.
    NoTrunk {
        /// Which leg.
        leg: LegId,
    },
    /// A leg could not begin: all RTP ports are in use or resting.
    NoPort {
        /// Which leg.
        leg: LegId,
    },
    /// A far end's SDP led to no agreement.
    NoAgreement {
        /// Which leg.
        leg: LegId,
        /// Why.
        reason: String,
    },
    /// The sockets of a stream could not be opened.
    PortUnusable {
        /// Which leg.
        leg: LegId,
        /// Which RTP port.
        port: u16,
    },
    /// A leg was ended because no sound came for too long.
    Silent {
        /// Which leg.
        leg: LegId,
    },
    /// A queue of the switch was full; what happened instead is named by the queue's limit.
    Full {
        /// Which queue.
        queue: &'static str,
    },
    /// A token of before the restart could not be read: its far end was not told.
    TokenUnreadable {
        /// Which leg.
        leg: LegId,
    },
    /// Deciding failed inside; the call, if there was one, was ended. To be saved for those who mend it, not logged:
    /// the only one that holds customers' numbers.
    DecisionFailed {
        /// Whose decision.
        account: AccountId,
        /// About which call.
        call: Option<CallId>,
        /// What the failure said.
        problem: String,
        /// The call's last inputs, the failed one last.
        inputs: Vec<String>,
    },
    /// Final packet counts of a leg's stream.
    StreamClosed {
        /// Which leg.
        leg: LegId,
        /// Its counts, as text for people.
        counts: String,
    },
}

/// Whether a trunk says who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerShown {
    /// It does.
    Told,
    /// It does, but nobody else is to be told.
    Withheld,
    /// It does not, or is not asked.
    NotTold,
}

/// Why a call from outside is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBecause {
    /// It is from a stranger.
    Stranger,
    /// No account that calls out by the trunk has the number that is called, or a phone called what is no number.
    NumberUnknown,
    /// The number is an account's, but no inbound route leads anywhere from it.
    NoRoute,
    /// All channels of its trunk are in use.
    ChannelsFull,
    /// There are too many legs, or no RTP port is free.
    NoResource,
    /// Its offer leads to no agreement.
    NoAgreement,
    /// Its account does not take it: it has all the calls it may have, or may do nothing.
    NotWanted,
    /// The log cannot be written.
    LogBehind,
    /// The program is about to end.
    Stopping,
}

/// What is wrong with a way of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkFault {
    /// It says nothing.
    Silent,
    /// It says 503, or its stream cannot be opened.
    Unavailable,
}

/// How a trunk stands, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkStanding {
    /// Its name.
    pub name: String,
    /// Channels in use.
    pub channels: usize,
    /// Channels at most. None: any number.
    pub channels_max: Option<usize>,
    /// Addresses it has.
    pub addresses: usize,
    /// Those of them that are in order as far as is known.
    pub working: usize,
}

/// How much of a limit is in use, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// The key of the configuration that sets it.
    pub limit: &'static str,
    /// Whose; none: of the whole server.
    pub account: Option<AccountId>,
    /// Of what: a number of the account.
    pub of: Option<String>,
    /// How much there is.
    pub used: usize,
    /// How much there may be.
    pub max: usize,
}

/// Sizes, for metrics and for tests that nothing is left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Legs, including those whose far end is still being told that it is over.
    pub legs: usize,
    /// Legs that are not ending.
    pub legs_living: usize,
    /// Calls not yet recorded, over all accounts.
    pub calls: usize,
    /// RTP ports in use.
    pub ports_used: usize,
    /// RTP ports resting before they are used again.
    pub ports_resting: usize,
    /// Outputs waiting for a commit.
    pub gated: usize,
    /// Entries appended and not yet durable.
    pub log_backlog: usize,
    /// Dialogs of before a restart whose far end is being told.
    pub resumed: usize,
    /// Streams of ended legs that are being closed.
    pub streams_closing: usize,
    /// Dialogs, transactions and bindings of SIP.
    pub dialogs: usize,
    /// Registrations with trunks, those included that are being taken back.
    pub registrations: usize,
}
