use base::{CallId, LegId};

/// Why something will happen later. Timers are derived from events and never logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// The phone of a leg may not ring longer.
    LegRing(CallId, LegId),
    /// The call may not last longer.
    CallAge(CallId),
    /// The record of a call that is over may not wait longer for the recording's length and the legs' last words.
    RecordingWait(CallId),
    /// The wrap-up of the agent with this number is over.
    WrapUp(String),
}

impl TimerKind {
    /// The call it is about, if it is about one.
    pub fn call(&self) -> Option<CallId> {
        match self {
            TimerKind::LegRing(call, _) | TimerKind::CallAge(call) | TimerKind::RecordingWait(call) => {
                Some(*call)
            }
            TimerKind::WrapUp(_) => None,
        }
    }

    /// The timers a call can have as a whole.
    pub(crate) fn all_of(call: CallId) -> [TimerKind; 2] {
        [TimerKind::CallAge(call), TimerKind::RecordingWait(call)]
    }
}
