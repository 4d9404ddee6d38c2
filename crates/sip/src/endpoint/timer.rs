use crate::api::{DialogId, Flow, ProbeId, RegistrationId};
use crate::transaction::{Timer, TransactionId};

/// Why something will happen at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// A transaction's timer, by its letter.
    Transaction(Timer),
    /// Transactions have heard repetitions for long enough.
    Lingering,
    /// A dialog waits for something.
    Dialog(DialogTimer),
    /// The earliest binding ends.
    BindingExpiry,
    /// A phone behind NAT is to be sent something.
    KeepAlive,
    /// One of our own registrations is to be refreshed or tried again.
    RegistrationRefresh,
    /// A far end did not say that it is there.
    Probe,
    /// A stream waits for something.
    Connection(ConnectionTimer),
}

/// What a stream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionTimer {
    /// That it is open.
    Opening,
    /// The rest of a message that has begun: however busy the sender is with it.
    Incomplete,
    /// Anything; the first message sooner than another one.
    Idle,
    /// The moment to show that it is alive, to the far end and to every NAT on the way (RFC 5626 §4.4.1).
    Ping,
}

impl ConnectionTimer {
    /// All of them.
    pub(crate) const ALL: [ConnectionTimer; 4] =
        [ConnectionTimer::Opening, ConnectionTimer::Incomplete, ConnectionTimer::Idle, ConnectionTimer::Ping];
}

/// What a dialog waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DialogTimer {
    /// Any answer to our INVITE (`Invite::answer_any_within`).
    NothingHeard,
    /// A final answer to an INVITE, theirs or ours: a ceiling, since neither side's machine has one while it rings.
    Unanswered,
    /// The answer to an INVITE that we cancelled.
    CancelGivenUp,
    /// The ACK, before our 2xx is sent again.
    Repeat2xx,
    /// The ACK, before it counts as broken.
    Unacknowledged,
    /// The user's answer to an offer inside the dialog.
    ReofferUnanswered,
    /// A better moment for what we asked of the far end (RFC 3261 §14.1).
    ChangeRetry,
    /// The final answer to what we asked of the far end.
    ChangeUnanswered,
    /// The PRACK, before our provisional answer is sent again (RFC 3262).
    RepeatProvisional,
    /// The PRACK, before the caller counts as lost.
    Unpracked,
    /// The user's answer to a REFER.
    ReferUnanswered,
    /// The end of a call that a REFER asked for.
    ReferOver,
    /// The moment to give a sign of life (RFC 4028).
    SessionRefresh,
    /// A sign of life, of either side.
    SessionExpired,
}

impl DialogTimer {
    /// All of them, in their order.
    pub(crate) const ALL: [DialogTimer; 14] = [
        DialogTimer::NothingHeard,
        DialogTimer::Unanswered,
        DialogTimer::CancelGivenUp,
        DialogTimer::Repeat2xx,
        DialogTimer::Unacknowledged,
        DialogTimer::ReofferUnanswered,
        DialogTimer::ChangeRetry,
        DialogTimer::ChangeUnanswered,
        DialogTimer::RepeatProvisional,
        DialogTimer::Unpracked,
        DialogTimer::ReferUnanswered,
        DialogTimer::ReferOver,
        DialogTimer::SessionRefresh,
        DialogTimer::SessionExpired,
    ];
}

/// A deadline's owner and reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerName {
    Transaction(TransactionId, Timer),
    Dialog(DialogId, DialogTimer),
    Bindings,
    KeepAlive,
    Registration(RegistrationId),
    Probe(ProbeId),
    Connection(Flow, ConnectionTimer),
}

impl TimerName {
    pub(crate) fn kind(&self) -> TimerKind {
        match self {
            TimerName::Transaction(_, timer) => TimerKind::Transaction(*timer),
            TimerName::Dialog(_, timer) => TimerKind::Dialog(*timer),
            TimerName::Bindings => TimerKind::BindingExpiry,
            TimerName::KeepAlive => TimerKind::KeepAlive,
            TimerName::Registration(_) => TimerKind::RegistrationRefresh,
            TimerName::Probe(_) => TimerKind::Probe,
            TimerName::Connection(_, timer) => TimerKind::Connection(*timer),
        }
    }
}
