//! Keys beside the sound: those that a phone tells of in signalling, and those that are dialled to a far end.

use base::LegId;
use callcenter::signal::Signal;
use media::api::Command;
use sip::api::DialogId;

use crate::leg::State;
use crate::switch::Switch;

impl Switch {
    /// A phone tells of a key by INFO. Nobody has heard it: whether somebody is to, is for the core to say.
    pub(crate) fn key_pressed(&mut self, dialog: DialogId, digit: char) {
        let Some(id) = self.legs.of_dialog(dialog) else { return };
        if let Some(leg) = self.legs.get(id).filter(|leg| leg.state == State::Up) {
            self.tell(leg.account, Signal::KeyPressed { leg: id, digit });
        }
    }

    /// `Action::SendDigits`: the engine paces them, and knows whether the far end agreed on events (RFC 4733).
    pub(crate) fn send_digits(&mut self, id: LegId, digits: String) {
        if self.legs.get(id).is_some_and(|leg| leg.state == State::Up) {
            self.media(Command::SendDigits { stream: id.into(), digits });
        }
    }
}

#[cfg(test)]
mod tests {
    use callcenter::action::{Action, Target};

    use super::*;
    use crate::border::Border;

    fn presses(border: &mut Border, cseq: u32, digit: char) -> Vec<Signal> {
        let body = format!("Signal={digit}\r\nDuration=160\r\n");
        let kind = "Content-Type: application/dtmf-relay";
        border.asks(1, "INFO", cseq, &format!("{kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        border.told()
    }

    #[test]
    fn keys_told_by_info_are_told_on() {
        let mut border = Border::talking();
        for (cseq, digit) in (7..).zip(['1', '#', 'D']) {
            assert_eq!(presses(&mut border, cseq, digit), [Signal::KeyPressed { leg: LegId(1), digit }]);
        }
        border.act(Action::EndLeg { leg: LegId(1) });
        border.told();
        assert_eq!(presses(&mut border, 20, '1'), []);
    }

    #[test]
    fn digits_are_dialled_to_legs_that_are_up() {
        let mut border = Border::talking();
        border.start(LegId(3), Target::Phone("1002".to_owned()));
        for leg in [1, 3, 4] {
            border.act(Action::SendDigits { leg: LegId(leg), digits: "12#".to_owned() });
        }
        let dialled = border.media.iter().filter_map(|command| match command {
            Command::SendDigits { stream, digits } => Some((stream.0, digits.as_str())),
            _ => None,
        });
        assert_eq!(dialled.collect::<Vec<_>>(), [(1, "12#")]);
    }
}
