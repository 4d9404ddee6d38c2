//! Phones that hold by themselves (re-INVITE or UPDATE): a far end that does not want to receive any more, or wants to
//! again. Whether that is more than its own affair is for the core to say.

use base::LegId;
use callcenter::signal::Signal;

use crate::leg::State;
use crate::switch::Switch;

impl Switch {
    /// The media of a leg may be others now; `before` is what [`Switch::holds`] said of it. Only a change is told, and not
    /// before the leg is up: until then nobody is put on hold.
    pub(crate) fn tell_hold(&mut self, id: LegId, before: Option<bool>) {
        let Some(leg) = self.legs.get(id).filter(|leg| leg.state == State::Up) else { return };
        if let (Some(before), Some(held)) = (before, leg.speech.far_holds())
            && before != held
        {
            self.tell(leg.account, Signal::LegHeld { leg: id, held });
        }
    }

    /// Whether the far end of a leg holds. None: nothing was agreed on yet.
    pub(crate) fn holds(&self, id: LegId) -> Option<bool> {
        self.legs.get(id)?.speech.far_holds()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::LegId;
    use callcenter::action::Action;
    use callcenter::signal::Signal;
    use media::api::Command;
    use media::sdp::Direction;

    use crate::border::Border;
    use crate::limits::{REOFFERS_MAX, REOFFERS_WINDOW};

    /// The phone offers so; what the core is told, and the direction of our answer.
    fn offers(border: &mut Border, direction: Direction) -> (Vec<Signal>, String) {
        let sdp = border.fars[1].offering(direction);
        border.far(1, |endpoint, now, call| endpoint.offer(now, call, sdp));
        let answer = border.fars[1].heard("SIP/2.0 200 ").last().copied().expect("it is answered");
        let directions = ["sendrecv", "sendonly", "recvonly", "inactive"];
        let said = directions.into_iter().find(|word| answer.contains(&format!("\r\na={word}\r\n")));
        let said = said.expect("it has a direction").to_owned();
        (border.told(), said)
    }

    #[test]
    fn each_change_is_told_once_and_answered_as_it_must_be() {
        let mut border = Border::talking();
        let held = |held| vec![Signal::LegHeld { leg: LegId(1), held }];
        for (direction, told, answer) in [
            (Direction::SendRecv, vec![], "sendrecv"),
            (Direction::SendOnly, held(true), "recvonly"),
            (Direction::Inactive, vec![], "inactive"),
            (Direction::SendOnly, vec![], "recvonly"),
            (Direction::RecvOnly, held(false), "sendonly"),
            (Direction::Inactive, held(true), "inactive"),
            (Direction::SendRecv, held(false), "sendrecv"),
        ] {
            let said = offers(&mut border, direction);
            assert_eq!(said, (told, answer.to_owned()), "{direction:?}");
        }
    }

    /// Every one would be written down for good.
    #[test]
    fn a_phone_that_holds_without_end_is_not_heard_each_time() {
        let mut border = Border::talking();
        let mut cseq = 7;
        let mut flood = |border: &mut Border| {
            for direction in [Direction::SendOnly, Direction::SendRecv].repeat(20) {
                let sdp = border.fars[1].offering(direction);
                border.asks(1, "UPDATE", cseq, &with_sdp(&String::from_utf8_lossy(&sdp)));
                cseq += 1;
            }
            u32::try_from(border.told().len()).expect("few")
        };
        assert_eq!(flood(&mut border), REOFFERS_MAX);
        border.now = border.now.later(REOFFERS_WINDOW - Duration::from_millis(1));
        assert_eq!(flood(&mut border), 0);
        border.now = border.now.later(Duration::from_millis(1));
        assert_eq!(flood(&mut border), REOFFERS_MAX);
    }

    #[test]
    fn the_old_form_of_hold_is_one() {
        let mut border = Border::talking();
        let sdp = "v=0\r\no=- 1 2 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
                   m=audio 40000 RTP/AVP 8\r\n";
        border.far(1, |endpoint, now, call| endpoint.offer(now, call, sdp.into()));
        assert_eq!(border.told(), [Signal::LegHeld { leg: LegId(1), held: true }]);
        let terms = border.media.iter().rev().find_map(|command| match command {
            Command::Agree { terms, .. } => Some(terms),
            _ => None,
        });
        assert_eq!(terms.expect("it is agreed").remote, None);
    }

    #[test]
    fn a_call_that_is_over_holds_nothing() {
        let mut border = Border::talking();
        let hold = border.fars[1].offering(Direction::SendOnly);
        border.act(Action::EndLeg { leg: LegId(1) });
        border.told();
        border.asks(1, "INVITE", 7, &with_sdp(&String::from_utf8_lossy(&hold)));
        assert_eq!(border.told(), []);
    }

    /// An offer that the ACK answers is one as well.
    #[test]
    fn a_phone_that_asks_for_an_offer_and_answers_that_it_holds_is_heard() {
        let mut border = Border::talking();
        border.asks(1, "INVITE", 7, "Content-Length: 0\r\n\r\n");
        let ours = border.fars[1].heard("SIP/2.0 200 ").len();
        assert!(ours > 0, "we make an offer");
        let hold = border.fars[1].offering(Direction::Inactive);
        border.asks(1, "ACK", 7, &with_sdp(&String::from_utf8_lossy(&hold)));
        assert_eq!(border.told(), [Signal::LegHeld { leg: LegId(1), held: true }]);
    }

    fn with_sdp(sdp: &str) -> String {
        format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}", sdp.len())
    }
}
