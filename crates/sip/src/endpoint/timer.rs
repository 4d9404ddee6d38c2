use crate::api::{Aor, DialogId, RegistrationId};
use crate::transaction::{Timer, TransactionId};

/// Why something will happen at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// A transaction's timer, by its letter.
    Transaction(Timer),
    /// A dialog waits for something.
    Dialog(DialogTimer),
    /// The earliest binding of a user ends.
    BindingExpiry,
    /// One of our own registrations is to be refreshed or tried again.
    RegistrationRefresh,
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
}

impl DialogTimer {
    /// All of them.
    pub(crate) const ALL: [DialogTimer; 6] = [
        DialogTimer::NothingHeard,
        DialogTimer::Unanswered,
        DialogTimer::CancelGivenUp,
        DialogTimer::Repeat2xx,
        DialogTimer::Unacknowledged,
        DialogTimer::ReofferUnanswered,
    ];
}

/// A deadline's owner and reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerName {
    Transaction(TransactionId, Timer),
    Dialog(DialogId, DialogTimer),
    Bindings(Aor),
    Registration(RegistrationId),
}

impl TimerName {
    pub(crate) fn kind(&self) -> TimerKind {
        match self {
            TimerName::Transaction(_, timer) => TimerKind::Transaction(*timer),
            TimerName::Dialog(_, timer) => TimerKind::Dialog(*timer),
            TimerName::Bindings(_) => TimerKind::BindingExpiry,
            TimerName::Registration(_) => TimerKind::RegistrationRefresh,
        }
    }
}
