//! What the endpoint's user says to it and hears from it. No SIP header, tag, branch or Call-ID passes here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::Wall;
use bytes::Bytes;

/// One use of INVITE, from the first request to the last answer: at most one established dialog, whatever forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialogId(pub u64);

/// How bytes travel. TCP, TLS and WebSocket have their place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
}

impl Transport {
    /// Its name in Via.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }
}

/// A path between two addresses: where a datagram came from and was received, or is to be sent from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// How.
    pub transport: Transport,
    /// Our address, as bound by the listener.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
}

/// What comes in from outside.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram arrived. Hostile until proven otherwise.
    Datagram {
        /// Its path.
        flow: Flow,
        /// Its bytes.
        data: &'a [u8],
    },
    /// A stream is open: someone connected to us, or what `Output::Connect` asked for was done.
    Connected {
        /// Its path; there is at most one stream on it.
        flow: Flow,
    },
    /// Bytes arrived on an open stream, in order. As hostile as datagrams.
    Stream {
        /// Its path.
        flow: Flow,
        /// Its next bytes.
        data: &'a [u8],
    },
    /// A stream is gone: it was closed or reset, or could not be opened. Not to be told of one that `Output::Close`
    /// closed.
    Closed {
        /// Its path.
        flow: Flow,
    },
    /// Whoever carries the bytes cannot keep up with what comes, or can again. While true, requests that begin something new
    /// are turned away with 503 and Retry-After before they are read; what is known and what is inside a dialog is served
    /// as ever.
    Overloaded(bool),
    /// A deadline named by `next_timeout` has come.
    Timeout,
}

/// What goes out. Drain with `poll_output` after every call that changes the endpoint.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send these bytes; on a stream, after those of before.
    Transmit(Transmit),
    /// Open a stream to the far end of this path: from any port of ours. Answered by `Input::Connected` or
    /// `Input::Closed`.
    Connect {
        /// Its path. `local` is the address of our listener, which the stream itself does not have.
        flow: Flow,
    },
    /// Close a stream, or stop opening it, once what was to be sent has left. Its path is free again at once.
    Close {
        /// Its path.
        flow: Flow,
    },
    /// Something happened that the endpoint's user must know.
    Event(Event),
}

/// Bytes to send.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// From where to where.
    pub flow: Flow,
    /// What.
    pub data: Bytes,
    /// What the log must say before they leave, also when they are repeated. None: they may leave at once.
    pub gate: Option<Gate>,
}

/// What must be durable before bytes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// An INVITE request outside a dialog: why it is sent.
    Invite(DialogId),
    /// The ACK that makes a call of ours an established one: the dialog's latest token. A far end whose 2xx is
    /// acknowledged repeats nothing, so after a restart only the token can end its call.
    Ack(DialogId),
    /// An answer to an INVITE of theirs: that it is known of, with the dialog's first token. A caller who was answered, if only
    /// with 100, repeats nothing, so after a restart only the token can tell it that its call is over.
    Answer(DialogId),
    /// The 200 to a REGISTER: every `Event::Bindings` of before. A phone that has it does not come again for an hour.
    Registered,
}

/// A call to make.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Where to send it (no proxy look-up happens here).
    pub flow: Flow,
    /// Request-URI, for example `sip:13900000001@10.0.0.9:5060`.
    pub uri: String,
    /// The user part and the host of From.
    pub from_user: String,
    /// Display name of From, if any.
    pub from_name: Option<String>,
    /// The user part and host of To, for example `sip:13900000001@10.0.0.9`.
    pub to_uri: String,
    /// The offer.
    pub sdp: Bytes,
    /// Answers a 401 or 407 once (digest), if given.
    pub credentials: Option<Credentials>,
    /// Give up when nothing at all was heard for so long after it left (Timer B is the ceiling).
    pub answer_any_within: Option<Duration>,
    /// Who is to answer there.
    pub answer_mode: AnswerMode,
    /// The registration of ours that it is made with: it goes the way that the registrar wants (RFC 3608).
    pub registration: Option<RegistrationId>,
    /// Who calls, besides `from_user`.
    pub identity: Identity,
}

/// Who is to answer a call (RFC 5373).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnswerMode {
    /// A person: nothing is said of it.
    #[default]
    Manual,
    /// The phone, at once and by itself.
    Auto,
}

/// Who calls, besides From. What of it is to be believed depends on who says it.
///
/// Whom we call is told users with a host, `02258834811@pbx.example`, or without one: then it is ours. Of who calls us the
/// users alone are told, or the numbers of `tel` URIs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who it is, vouched for (P-Asserted-Identity, RFC 3325). Only for those that trust each other.
    pub asserted: Option<String>,
    /// Who it would like to be taken for, for the far end to vouch for (P-Preferred-Identity, RFC 3325).
    pub preferred: Option<String>,
    /// It is not to be shown who calls (Privacy, RFC 3323). Our From is anonymous then, whatever `from_user` says.
    pub withheld: bool,
    /// Whom the call was meant for before it was diverted (Diversion, RFC 5806).
    pub diverted_from: Option<String>,
}

/// A user name and a secret for digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password. Never shown.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What the endpoint's user must know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A provisional answer above 100 to our INVITE. Reliability, forking and repeats are settled inside.
    Progress {
        /// Which.
        dialog: DialogId,
        /// 101–199.
        status: u16,
        /// An answer in it, when it had one.
        sdp: Option<Bytes>,
    },
    /// Our INVITE was answered with 2xx, the ACK is out. Comes at most once.
    Answered {
        /// Which.
        dialog: DialogId,
        /// The answer (from the 2xx, or the last provisional one).
        sdp: Option<Bytes>,
    },
    /// Someone calls us. Answer with `ring`, `accept` or `reject`.
    Incoming {
        /// A new one.
        dialog: DialogId,
        /// The path it came by.
        flow: Flow,
        /// User part of the Request-URI, unescaped; of To when it was the contact of a registration of ours that was called.
        to_user: String,
        /// Host of the Request-URI.
        to_host: String,
        /// User part of From, unescaped.
        from_user: String,
        /// The registered user whose flow it came by, if any (address and port match a binding); who that is, is proven where
        /// `Registrar::callers_proven` wants it.
        registered: Option<Aor>,
        /// The call of ours whose place this one is to take (RFC 3891): whoever accepts it ends that one. Whether the
        /// caller may, is for the endpoint's user to judge.
        replaces: Option<DialogId>,
        /// The registration of ours whose contact was called, if it has a user part of its own (`Register::contact_user`).
        registration: Option<RegistrationId>,
        /// Who calls, besides `from_user`, as the far end says: a phone or a stranger may say anything.
        identity: Box<Identity>,
        /// The phone is to answer by itself after so many seconds (`Call-Info`, `Alert-Info`, `Answer-Mode`).
        answer_after_s: Option<u8>,
        /// The offer, if it had one.
        sdp: Option<Bytes>,
    },
    /// Our 2xx to an incoming INVITE was acknowledged. Comes again for every INVITE inside the dialog.
    Acknowledged {
        /// Which.
        dialog: DialogId,
        /// The answer, when the INVITE had no offer and our 2xx made one.
        sdp: Option<Bytes>,
    },
    /// The far end wants to change the media: answer with `answer_offer` (or `refuse_offer`).
    Reoffered {
        /// Which.
        dialog: DialogId,
        /// The new offer; none = we are to make one.
        sdp: Option<Bytes>,
    },
    /// The far end answered our offer inside the dialog (`offer`). Comes also when we sent the last one again, only to see
    /// that the far end is there.
    OfferAnswered {
        /// Which.
        dialog: DialogId,
        /// The answer.
        sdp: Option<Bytes>,
    },
    /// The far end refused our offer; nothing changed.
    OfferRefused {
        /// Which.
        dialog: DialogId,
        /// 300–699.
        status: u16,
    },
    /// The far end wants us to call someone in its place (REFER): answer with `accept_refer` or `refuse_refer`. Without an
    /// answer it is refused with 603 in time.
    Referred {
        /// Which.
        dialog: DialogId,
        /// Whom, as a Request-URI.
        refer_to: String,
        /// The call that the new one is to take the place of (an attended transfer).
        replaces: Option<Replaced>,
    },
    /// How it goes with whom the far end was to call (`refer`).
    ReferralTold {
        /// Which.
        dialog: DialogId,
        /// How. `Done` is the last word.
        standing: Referral,
    },
    /// A key was pressed on the far phone, told by INFO. The same press may be heard in the media as well.
    KeyPressed {
        /// Which.
        dialog: DialogId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        key: char,
        /// For how long, if that was said.
        duration: Option<Duration>,
    },
    /// It is over: exactly one for every dialog begun by `invite`, `resume` or `Incoming`, and its last event.
    Ended {
        /// Which.
        dialog: DialogId,
        /// How.
        how: Ended,
        /// When to come again, if who refused our INVITE said so (RFC 3261 §20.33).
        retry_after: Option<Duration>,
    },
    /// The dialog's resume token changed: store it (with the next append) so that a restart can end the dialog.
    Token {
        /// Which.
        dialog: DialogId,
        /// Opaque; for `Endpoint::resume`.
        token: Bytes,
    },
    /// A user's bindings changed, or were refreshed: store them (with the next append) so that a restart can take them up.
    Bindings {
        /// The domain that the user is of, in lower case.
        domain: String,
        /// The user.
        user: String,
        /// All that outlive a restart; opaque, for `Endpoint::restore`. Empty: there are none, forget the earlier ones.
        kept: Bytes,
    },
    /// A user's first binding was made, or its last is gone.
    Registration {
        /// The domain that the user is of, in lower case.
        domain: String,
        /// The user.
        user: String,
        /// Whether at least one binding is left.
        registered: bool,
    },
    /// Whoever sends from this address failed too often to prove a password, and is not heard for a while.
    Banned {
        /// The address. Of IPv6 its whole /64 is meant.
        source: IpAddr,
        /// For how long.
        lasts: Duration,
    },
    /// One of our own registrations with a registrar elsewhere (`register`) was settled, anew after each refresh.
    OwnRegistration {
        /// Which.
        registration: RegistrationId,
        /// How it stands.
        standing: Standing,
    },
    /// What became of a question whether a far end is there (`probe`): exactly one for each.
    Probed {
        /// Which.
        probe: ProbeId,
        /// The final status of its answer, or 503 where no stream could be opened; none: nobody answered in time.
        status: Option<u16>,
        /// When to come again, if it said so.
        retry_after: Option<Duration>,
    },
}

/// How it goes with whom a far end was to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referral {
    /// It will, or does.
    Trying,
    /// It did, or did not.
    Done {
        /// 200–699: of the call, or of the refusal to try.
        status: u16,
    },
}

/// A call that another one is to take the place of (RFC 3891).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// One of ours.
    Ours(DialogId),
    /// One that we do not know.
    Unknown,
}

/// How one of our own registrations stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The registrar has it for so long; it is refreshed in time.
    Registered {
        /// As granted by the registrar.
        expires: Duration,
    },
    /// The registrar refused it with this status; tried again later.
    Refused(u16),
    /// The registrar did not answer; tried again later.
    NoAnswer,
    /// It was taken back by `unregister`; its last event.
    Gone,
}

/// One of our own registrations with a registrar elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistrationId(pub u64);

/// A question whether a far end is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// A registration to keep up with a registrar elsewhere.
#[derive(Clone, Debug)]
pub struct Register {
    /// Where to send it.
    pub flow: Flow,
    /// Other ways to the registrar: tried in turn when one leads to nobody, or to one who can do nothing (408, 5xx).
    pub others: Vec<Flow>,
    /// Request-URI: the registrar's domain, for example `sip:pbx.example.com`.
    pub uri: String,
    /// The address of record, for example `sip:1001@pbx.example.com`; its user part is also that of the contact, unless there
    /// is another one.
    pub aor: String,
    /// A user part for the contact by which calls that come to it are told from others. It must be unique.
    pub contact_user: Option<String>,
    /// Answers the registrar's challenge.
    pub credentials: Credentials,
    /// How long to ask for.
    pub expires: Duration,
}

/// An address of record: a user of a domain. The same name in another domain is another user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aor {
    /// The domain, in lower case.
    pub domain: String,
    /// The user.
    pub user: String,
}

/// One place where a registered user can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The path the registration came by: calls go back along it, through NAT.
    pub flow: Flow,
    /// The contact, to be used as Request-URI.
    pub uri: String,
    /// `User-Agent` of the phone, if it told.
    pub device: Option<String>,
    /// When it was last refreshed.
    pub refreshed_at: Wall,
    /// When it ends unless it is refreshed.
    pub expires_at: Wall,
}

impl Binding {
    /// Whether both lead to the same contact by the same path.
    pub fn is_same_place(&self, other: &Binding) -> bool {
        self.flow == other.flow && self.uri == other.uri
    }
}

/// How much the endpoint holds. All zero at rest, but for bindings and established dialogs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions that we began.
    pub client_transactions: usize,
    /// Transactions that others began.
    pub server_transactions: usize,
    /// Dialogs, from the first INVITE until the last trace of them is gone.
    pub dialogs: usize,
    /// Bindings of registered users.
    pub bindings: usize,
    /// Our own registrations elsewhere.
    pub registrations: usize,
    /// Questions whether a far end is there.
    pub probes: usize,
    /// Streams, open or being opened.
    pub connections: usize,
    /// Deadlines that are set.
    pub timers: usize,
}

/// How a dialog ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Our INVITE was refused with this final status (300–699; 401/407 when credentials did not help).
    Refused(u16),
    /// Our INVITE had no final answer in time; `rang` when at least one 18x was heard.
    NoAnswer {
        /// Whether a phone may have rung.
        rang: bool,
    },
    /// We ended it (CANCEL, BYE, reject) and the far end is told or gave up being told.
    ByUs,
    /// The far end sent BYE, or CANCEL before we accepted.
    ByFar,
    /// The dialog broke: no ACK, no answer to a request inside it, 481; or the stream was lost on which the far end had
    /// said that it works on our INVITE.
    Broken,
}
