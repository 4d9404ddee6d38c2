//! The one table from what SIP says, or from what stopped a leg before SIP, to a verdict: the cause that decisions and
//! records see, and whether another trunk may be tried.

use callcenter::signal::{Cause, EndedBy, Failure};
use sip::api::Ended;

/// Too busy, or out of order (RFC 3261 §21.5.4).
pub(crate) const UNAVAILABLE: u16 = 503;

/// How a leg's dialog ended, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// For the record.
    pub(crate) cause: Cause,
    /// Whether another trunk may be tried: only when no phone can have rung and the trunk, not the called one, is at
    /// fault.
    pub(crate) retry: bool,
}

/// What stops a leg apart from its dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// An action said so.
    ByAction,
    /// No sound for too long.
    Silent,
    /// Offer and answer led to no agreement.
    NoAgreement,
    /// The sockets of its stream could not be opened.
    PortUnusable,
    /// It never began: no port, no trunk, no way to where it goes, too many legs.
    NoResource,
    /// It never began: the phone is not registered.
    NotRegistered,
}

/// How far the leg's INVITE had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The last SIP status of the INVITE, 0 when there was none.
    pub(crate) status: u16,
    /// Whether a phone may have rung: some 18x was heard.
    pub(crate) rang: bool,
    /// Whether it was answered with 2xx.
    pub(crate) answered: bool,
}

/// The verdict on a dialog that ended without our doing.
pub(crate) fn of_dialog(how: Ended, heard: Heard) -> Verdict {
    match how {
        Ended::Refused(status) => Verdict {
            cause: Cause { sip_code: status, by: blame(status), failure: failure_of(status) },
            retry: status == UNAVAILABLE && !heard.rang,
        },
        Ended::NoAnswer { rang } => {
            let rang = rang || heard.rang;
            let cause =
                Cause { sip_code: heard.status, by: EndedBy::Network, failure: Failure::RequestTimeout };
            Verdict { cause, retry: !rang }
        }
        Ended::ByFar => final_verdict(heard, EndedBy::Far, Failure::Cancel),
        Ended::ByUs => final_verdict(heard, EndedBy::Us, Failure::Cancel),
        Ended::Broken => final_verdict(heard, EndedBy::Network, Failure::Unknown),
    }
}

/// Whether a phone was not where it registered, and did not ring: another one of the same user may be.
pub(crate) fn is_absent(how: Ended, heard: Heard) -> bool {
    let absent = match how {
        Ended::NoAnswer { rang } => !rang,
        // 408 and 430 are said of a path, 480 of a phone that is not there, 503 of a stream that is gone.
        Ended::Refused(status) => matches!(status, 408 | 430 | 480 | 503),
        Ended::ByFar | Ended::ByUs | Ended::Broken => false,
    };
    absent && !heard.rang && !heard.answered
}

/// The cause of a leg that we stop.
pub(crate) fn of_stop(why: Stopped, heard: Heard) -> Cause {
    match why {
        Stopped::ByAction => {
            // What the INVITE will end with is known: 487 answers a CANCEL, and a CANCEL follows any provisional answer.
            let sip_code = match heard {
                Heard { answered: true, status, .. } => status,
                Heard { status: 0, .. } => 0,
                Heard { .. } => 487,
            };
            Cause { sip_code, by: EndedBy::Us, failure: unless_answered(heard, Failure::Cancel) }
        }
        Stopped::Silent => network(heard.status, unless_answered(heard, Failure::Unknown)),
        Stopped::NoAgreement => network(heard.status, Failure::Unknown),
        Stopped::PortUnusable | Stopped::NoResource => network(heard.status, Failure::ServiceUnavailable),
        Stopped::NotRegistered => network(480, failure_of(480)),
    }
}

/// How a caller is refused because nobody talks to it, in the words of the verdict on the leg that was to: what only
/// concerns us and that leg (it needs a password, it moved, it is cancelled) is no word for the caller.
pub(crate) fn refusal(cause: Cause) -> u16 {
    match (cause.sip_code, cause.failure) {
        (403 | 404 | 410 | 480 | 484 | 486 | 488 | 503 | 600 | 603 | 604 | 606, _) => cause.sip_code,
        (500..=599, _) | (_, Failure::ServiceUnavailable) => UNAVAILABLE,
        (415, _) => 488,
        (_, Failure::Forbidden) => 403,
        (_, Failure::Decline) => 486,
        (_, Failure::RequestTimeout | Failure::Cancel) => 480,
        (0, Failure::Unknown) => 404,
        (_, Failure::Unknown | Failure::None) => 480,
    }
}

/// The cause of a caller's leg that we refuse with `status` because of `why`.
pub(crate) fn of_refusal(status: u16, why: Cause) -> Cause {
    Cause { sip_code: status, by: EndedBy::Us, failure: why.failure }
}

/// What a caller was told whose dialog ended before it was answered: 487 when it asked for that, else (it did not
/// acknowledge what we said, or waited for too long) whatever SIP says then.
pub(crate) fn refusal_of_end(how: Ended) -> u16 {
    match how {
        Ended::ByFar => 487,
        Ended::Broken => 504,
        Ended::ByUs | Ended::NoAnswer { .. } => 480,
        Ended::Refused(status) => status,
    }
}

/// How a caller is refused whose own leg cannot go on.
pub(crate) fn refusal_of_stop(why: Stopped) -> u16 {
    match why {
        Stopped::NoAgreement => 488,
        Stopped::PortUnusable | Stopped::NoResource => UNAVAILABLE,
        Stopped::ByAction | Stopped::Silent | Stopped::NotRegistered => 480,
    }
}

/// `failureReason` of a final SIP status (contract §6).
fn failure_of(status: u16) -> Failure {
    match status {
        403 => Failure::Forbidden,
        500..=599 => Failure::ServiceUnavailable,
        487 => Failure::Cancel,
        408 | 480 => Failure::RequestTimeout,
        486 | 600 | 603 => Failure::Decline,
        _ => Failure::Unknown,
    }
}

/// Who is to blame for a refusal: people and their phones for what only they can say, the network for the rest.
fn blame(status: u16) -> EndedBy {
    match status {
        408 | 500..=599 => EndedBy::Network,
        _ => EndedBy::Far,
    }
}

fn final_verdict(heard: Heard, by: EndedBy, failure: Failure) -> Verdict {
    let cause = Cause { sip_code: heard.status, by, failure: unless_answered(heard, failure) };
    Verdict { cause, retry: false }
}

fn unless_answered(heard: Heard, failure: Failure) -> Failure {
    match heard.answered {
        true => Failure::None,
        false => failure,
    }
}

fn network(sip_code: u16, failure: Failure) -> Cause {
    Cause { sip_code, by: EndedBy::Network, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Heard = Heard { status: 0, rang: false, answered: false };
    const RANG: Heard = Heard { status: 180, rang: true, answered: false };
    const UP: Heard = Heard { status: 200, rang: true, answered: true };

    #[test]
    fn every_status_of_the_contract_has_its_failure_reason() {
        let table = [
            (403, Failure::Forbidden),
            (500, Failure::ServiceUnavailable),
            (503, Failure::ServiceUnavailable),
            (599, Failure::ServiceUnavailable),
            (487, Failure::Cancel),
            (408, Failure::RequestTimeout),
            (480, Failure::RequestTimeout),
            (486, Failure::Decline),
            (600, Failure::Decline),
            (603, Failure::Decline),
            (404, Failure::Unknown),
            (302, Failure::Unknown),
            (488, Failure::Unknown),
        ];
        for (status, failure) in table {
            let cause = of_dialog(Ended::Refused(status), RANG).cause;
            assert_eq!((cause.sip_code, cause.failure), (status, failure), "status {status}");
        }
    }

    #[test]
    fn only_a_silent_or_unavailable_trunk_may_be_followed_by_another() {
        let retried = |how, heard| of_dialog(how, heard).retry;
        assert!(retried(Ended::Refused(503), NOTHING));
        assert!(retried(Ended::NoAnswer { rang: false }, NOTHING));
        assert!(!retried(Ended::Refused(503), RANG));
        assert!(!retried(Ended::NoAnswer { rang: true }, NOTHING));
        assert!(!retried(Ended::NoAnswer { rang: false }, RANG));
        for status in [302, 403, 404, 408, 480, 486, 500, 502, 504, 600, 603] {
            assert!(!retried(Ended::Refused(status), NOTHING), "status {status}");
        }
        for how in [Ended::ByFar, Ended::ByUs, Ended::Broken] {
            assert!(!retried(how, NOTHING));
        }
    }

    #[test]
    fn only_a_phone_that_is_not_there_may_be_followed_by_another() {
        assert!(is_absent(Ended::NoAnswer { rang: false }, NOTHING));
        assert!(!is_absent(Ended::NoAnswer { rang: true }, NOTHING));
        for status in [408, 430, 480, 503] {
            assert!(is_absent(Ended::Refused(status), NOTHING) && !is_absent(Ended::Refused(status), RANG));
        }
        for status in [302, 403, 404, 486, 487, 500, 600, 603] {
            assert!(!is_absent(Ended::Refused(status), NOTHING), "status {status}");
        }
        for how in [Ended::ByFar, Ended::ByUs, Ended::Broken] {
            assert!(!is_absent(how, NOTHING) && !is_absent(how, UP));
        }
    }

    #[test]
    fn an_answered_leg_did_not_fail_whoever_ends_it() {
        for how in [Ended::ByFar, Ended::ByUs, Ended::Broken] {
            assert_eq!(of_dialog(how, UP).cause.failure, Failure::None);
        }
        for why in [Stopped::ByAction, Stopped::Silent] {
            assert_eq!(of_stop(why, UP).failure, Failure::None);
            assert_eq!(of_stop(why, UP).sip_code, 200);
        }
    }

    #[test]
    fn a_cancelled_leg_shows_487_only_when_something_was_heard() {
        assert_eq!(of_stop(Stopped::ByAction, RANG).sip_code, 487);
        assert_eq!(of_stop(Stopped::ByAction, NOTHING).sip_code, 0);
        assert_eq!(of_stop(Stopped::ByAction, NOTHING).failure, Failure::Cancel);
    }
}
