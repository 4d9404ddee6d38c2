//! How long to wait after a registration that led to nothing.

use std::time::Duration;

use crate::api::Standing;

/// After the first failure in a row; each further one doubles it.
const FIRST: Duration = Duration::from_secs(30);
/// The same where the registrar asked for less.
const LEAST: Duration = Duration::from_secs(1);
/// The longest pause that is made without being asked for.
const LONGEST: Duration = Duration::from_secs(600);
/// What a registrar may ask for at most.
const ASKED_MAX: Duration = Duration::from_secs(3600);

/// Whether another way may lead to more: nobody answered, or who answered can do nothing.
pub(super) fn is_the_way_s_fault(how: Standing) -> bool {
    match how {
        Standing::NoAnswer | Standing::Refused(408 | 500..=599) => true,
        Standing::Refused(_) | Standing::Registered { .. } | Standing::Gone => false,
    }
}

/// The pause after all ways led to nothing, the last one `how`, `rounds` times before. `again_after` is what the registrar
/// asked for.
pub(super) fn pause(how: Standing, again_after: Option<Duration>, rounds: u32) -> Duration {
    let doubled = 2u32.saturating_pow(rounds.min(16));
    if let Some(asked) = again_after {
        // Who wants to be asked again at once, time after time, has nothing else to say.
        return asked.max((LEAST * doubled).min(LONGEST)).min(ASKED_MAX);
    }
    match how {
        // Asking again changes nothing until somebody has changed something.
        Standing::Refused(403 | 404 | 600..) => LONGEST,
        Standing::NoAnswer | Standing::Refused(_) | Standing::Registered { .. } | Standing::Gone => {
            (FIRST * doubled).min(LONGEST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_ceiling() {
        let seconds = |how, rounds| pause(how, None, rounds).as_secs();
        let grown: Vec<u64> = (0..7).map(|rounds| seconds(Standing::NoAnswer, rounds)).collect();
        assert_eq!(grown, [30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(seconds(Standing::Refused(503), u32::MAX), 600);
        assert_eq!(seconds(Standing::Refused(403), 0), 600);
        assert_eq!(seconds(Standing::Refused(401), 0), 30);
    }

    #[test]
    fn a_registrar_says_itself_when_to_come_again_within_bounds() {
        for (asked, granted) in [(0, 1), (90, 90), (u64::MAX, 3600)] {
            let after = Some(Duration::from_secs(asked));
            assert_eq!(pause(Standing::Refused(503), after, 0).as_secs(), granted);
        }
        let at_once = |rounds| pause(Standing::Refused(503), Some(Duration::ZERO), rounds).as_secs();
        assert_eq!([1, 5, u32::MAX].map(at_once), [2, 32, 600], "not time after time");
    }
}
