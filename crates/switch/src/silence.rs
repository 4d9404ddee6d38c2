//! Legs whose far end is gone without a word: nothing comes of them for too long, neither sound nor RTCP.
//!
//! Only who is heard is watched: a leg that is up and in the row of another that is up. Whoever holds, is held, is muted or
//! waits for somebody may be as silent as it likes, and so may a phone that was told not to send (the engine knows). Each time
//! that a leg is heard again its silence counts from then on.

use std::collections::BTreeSet;

use base::{CallId, LegId};
use callcenter::action::Heard;
use media::api::Command;

use crate::leg::{State, Watch};
use crate::switch::Switch;

impl Switch {
    /// Who hears whom in a call, or who is up, is another matter now.
    pub(crate) fn watch_silence(&mut self, call: CallId) {
        let up = || self.legs.of_call(call).filter(|(_, leg)| leg.state == State::Up);
        let heard: BTreeSet<LegId> = up().flat_map(|(_, leg)| legs_in(&leg.hears)).copied().collect();
        let is = |id: &LegId| if heard.contains(id) { Watch::On } else { Watch::Off };
        let changed: Vec<(LegId, Watch)> =
            up().filter(|(id, leg)| leg.watch != is(id)).map(|(id, _)| (id, is(&id))).collect();
        for (id, watch) in changed {
            let silence_max = match watch {
                Watch::On => self.config.silence_max,
                Watch::Off => None,
            };
            let leg = self.legs.get_mut(id).expect("a leg of the call");
            leg.watch = watch;
            self.media(Command::Watch { stream: id.into(), silence_max });
        }
    }
}

/// The legs that are heard in a row.
fn legs_in(row: &Heard) -> &[LegId] {
    match row {
        Heard::Nothing | Heard::RingBack | Heard::Music => &[],
        Heard::Leg(one) => std::slice::from_ref(one),
        Heard::Mix(all) => all,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use callcenter::action::{Action, Target};
    use callcenter::signal::{EndedBy, Signal};
    use media::api::Signal as Said;

    use super::*;
    use crate::api::Input;
    use crate::border::Border;

    const AGENT: LegId = LegId(1);
    const OTHER: LegId = LegId(3);
    const CUSTOMER: LegId = LegId(9);

    fn hear(border: &mut Border, leg: LegId, source: Heard) {
        border.act(Action::Hear { leg, source });
    }

    /// Which legs began, or ceased, to be watched since the last time.
    fn watches(border: &mut Border) -> Vec<(LegId, Option<Duration>)> {
        let watches = border.media.drain(..).filter_map(|command| match command {
            Command::Watch { stream, silence_max } => Some((LegId(stream.0), silence_max)),
            _ => None,
        });
        watches.collect()
    }

    const LONG: Option<Duration> = Some(crate::limits::SILENCE_MAX);

    #[test]
    fn whoever_is_heard_is_watched_and_nobody_else() {
        let mut border = Border::talking();
        assert_eq!(watches(&mut border), [], "nobody hears anybody");
        hear(&mut border, AGENT, Heard::Leg(CUSTOMER));
        assert_eq!(watches(&mut border), [(CUSTOMER, LONG)]);
        hear(&mut border, CUSTOMER, Heard::Leg(AGENT));
        assert_eq!(watches(&mut border), [(AGENT, LONG)]);
        // The agent holds.
        hear(&mut border, CUSTOMER, Heard::Music);
        hear(&mut border, AGENT, Heard::Nothing);
        assert_eq!(watches(&mut border), [(AGENT, None), (CUSTOMER, None)]);
        // The agent is back, muted.
        hear(&mut border, CUSTOMER, Heard::Nothing);
        hear(&mut border, AGENT, Heard::Leg(CUSTOMER));
        assert_eq!(watches(&mut border), [(CUSTOMER, LONG)]);
    }

    #[test]
    fn of_three_each_is_watched_as_long_as_somebody_hears_it() {
        let mut border = Border::talking();
        border.start(OTHER, Target::Phone("1002".to_owned()));
        border.answer(2);
        hear(&mut border, AGENT, Heard::Mix(vec![OTHER, CUSTOMER]));
        hear(&mut border, CUSTOMER, Heard::Mix(vec![AGENT, OTHER]));
        assert_eq!(watches(&mut border), [(OTHER, LONG), (CUSTOMER, LONG), (AGENT, LONG)]);
        hear(&mut border, CUSTOMER, Heard::Leg(OTHER));
        assert_eq!(watches(&mut border), [(AGENT, None)]);
        // Who heard them leaves.
        border.act(Action::EndLeg { leg: AGENT });
        assert_eq!(watches(&mut border), [(CUSTOMER, None)]);
    }

    #[test]
    fn who_rings_is_not_watched_though_it_is_heard() {
        let mut border = Border::new();
        border.start(AGENT, Target::Phone("1001".to_owned()));
        border.answer(1);
        border.start(CUSTOMER, Target::Number("13900000001".to_owned()));
        hear(&mut border, AGENT, Heard::Leg(CUSTOMER));
        hear(&mut border, CUSTOMER, Heard::Leg(AGENT));
        assert_eq!(watches(&mut border), []);
        border.answer(9);
        assert_eq!(watches(&mut border), [(AGENT, LONG), (CUSTOMER, LONG)]);
    }

    #[test]
    fn silence_ends_only_who_is_watched() {
        let mut border = Border::talking();
        hear(&mut border, AGENT, Heard::Leg(CUSTOMER));
        let silent = |leg: LegId| Input::Media(Said::Silent { stream: leg.into() });
        border.switch.handle_input(border.now, silent(AGENT));
        assert_eq!(border.told(), [], "it crossed a change");
        border.switch.handle_input(border.now, silent(CUSTOMER));
        let [Signal::LegEnded { leg: CUSTOMER, cause, .. }] = border.told()[..] else { panic!("it ended") };
        assert_eq!(cause.by, EndedBy::Network);
    }
}
