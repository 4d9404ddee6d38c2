//! The names of recordings (contract §6).

use base::{Random, Wall};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::action::RecordingFiles;
use crate::config::{Account, RecordingMode};
use crate::event::CallFacts;

/// The files to make of a recording that starts at `at` (the bridge time), or `None` when calls are not recorded.
pub(crate) fn files(
    account: &Account,
    mode: RecordingMode,
    call: &CallFacts,
    at: Wall,
    random: &mut Random,
) -> Option<RecordingFiles> {
    match mode {
        RecordingMode::Off => None,
        RecordingMode::Normal => Some(RecordingFiles {
            token: random.hex(32),
            mixed: Some(name(account, call, at, "normal", "normal")),
            ..RecordingFiles::default()
        }),
        RecordingMode::DualTrack => Some(RecordingFiles {
            token: random.hex(32),
            mixed: None,
            stereo: Some(name(account, call, at, "doubleTrack", "doubleTrack")),
            agent: Some(name(account, call, at, "doubleTrack", "doubleTrack-out")),
            customer: Some(name(account, call, at, "doubleTrack", "doubleTrack-in")),
        }),
    }
}

/// `<account>/<kind>/<yyyyMMdd>/<account>-<yyyyMMddHHmmss>-<customer>-<shown>-<agent>-0-<call>-<suffix>.wav`
fn name(account: &Account, call: &CallFacts, at: Wall, kind: &str, suffix: &str) -> String {
    let offset = Offset::from_seconds(account.utc_offset_s).unwrap_or(Offset::UTC);
    let local = Timestamp::from_second(at.as_secs()).unwrap_or_default().to_zoned(TimeZone::fixed(offset));
    let shown = if call.display.is_empty() { &call.trunk } else { &call.display };
    format!(
        "{account}/{kind}/{day}/{account}-{second}-{customer}-{shown}-{agent}-0-{call}-{suffix}.wav",
        account = account.id,
        day = local.strftime("%Y%m%d"),
        second = local.strftime("%Y%m%d%H%M%S"),
        customer = safe(&call.customer),
        shown = safe(shown),
        agent = safe(&call.agent.number),
        call = call.id,
    )
}

/// A number as part of a file's name: what could mean something to a path is replaced.
fn safe(number: &str) -> String {
    number.chars().map(|c| if c.is_ascii_alphanumeric() || c == '+' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_cannot_leave_its_directory() {
        assert_eq!(safe("../+8610 8140*#"), "___+8610_8140__");
    }
}
