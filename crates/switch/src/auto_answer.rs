//! Phones that ring and are to answer by themselves, because their agent said so elsewhere.
//!
//! SIP has no word for a phone that rings already, so it is called anew, with headers by which it answers at once. The first
//! call is over before the second begins: a phone with one line would be busy, one with two would show a second call. Whoever
//! picks up in between is cut off, and is talking again as soon as the second call arrives. For the core it is one leg that
//! rings all the while.

use base::{LegId, Now};
use callcenter::action::Target;
use sip::api::AnswerMode;

use crate::leg::{Invite, Leg, PickUp, State};
use crate::start::invite_of;
use crate::switch::Switch;

impl Switch {
    /// `Action::LetAnswer`. Legs that do not ring, or are no phones of the account, are ignored.
    pub(crate) fn let_answer(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get_mut(id).filter(|leg| may_answer_itself(leg)) else { return };
        leg.pick_up = PickUp::PersonUntilCancelled;
        let dialog = leg.dialog;
        self.endpoint.end(now, dialog);
    }

    /// The call that rang is over: the same phone is called anew and answers by itself. False when it is not there any more.
    pub(crate) fn call_to_answer(&mut self, now: Now, id: LegId) -> bool {
        let Some(leg) = self.legs.get(id) else { return false };
        let (Target::Phone(user), Some(contact)) = (&leg.target, leg.contact.clone()) else { return false };
        let Some(domain) = self.phones.domain_of(leg.account) else { return false };
        if !self.endpoint.contacts(domain, user).iter().any(|there| there.is_same_place(&contact)) {
            return false;
        }
        let route = self.route_to_contact((domain, user), contact, &leg.shown, false);
        let invite = sip::api::Invite { answer_mode: AnswerMode::Auto, ..invite_of(route, &leg.speech) };
        let dialog = self.endpoint.invite(now, invite);
        self.legs.redial(id, dialog);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        (leg.pick_up, leg.invite, leg.status) = (PickUp::Phone, Invite::Due, 0);
        true
    }
}

fn may_answer_itself(leg: &Leg) -> bool {
    let rings = match leg.state {
        State::Ringing { .. } => true,
        State::Calling | State::Up | State::Ending => false,
    };
    rings && leg.contact.is_some() && leg.invite == Invite::Left && leg.pick_up == PickUp::Person
}

#[cfg(test)]
mod tests {
    use callcenter::action::Action;
    use callcenter::signal::{Cause, EndedBy, Failure, Signal};
    use media::api::Command;
    use media::sdp::Direction;
    use sip::api::Ended;

    use super::*;
    use crate::border::{Border, header};

    const LEG: LegId = LegId(1);

    /// Phone 1 is called; it rings.
    fn ringing() -> Border {
        let mut border = Border::new();
        border.start(LEG, Target::Phone("1001".to_owned()));
        border.far(1, |endpoint, now, call| endpoint.ring(now, call, 180, None));
        assert_eq!(border.told().last(), Some(&Signal::LegRinging { leg: LEG, early_media: false }));
        border
    }

    fn invites(border: &Border) -> Vec<&str> {
        border.fars[1].heard("INVITE ")
    }

    #[test]
    fn a_phone_that_rings_is_called_anew_and_the_leg_goes_on() {
        let mut border = ringing();
        border.act(Action::LetAnswer { leg: LEG });
        let [first, second] = invites(&border)[..] else { panic!("it was called twice") };
        assert_ne!(header(first, "Call-ID"), header(second, "Call-ID"));
        assert!(!first.contains("Answer-Mode") && !first.contains("-Info:"), "{first}");
        assert_eq!(header(second, "Answer-Mode"), "Auto");
        assert_eq!(header(second, "Call-Info"), "<sip:10.0.0.1:5060>;answer-after=0");
        assert_eq!(header(second, "Alert-Info"), "<sip:10.0.0.1:5060>;info=alert-autoanswer;delay=0");
        assert_eq!(border.fars[1].ended, [Ended::ByFar], "the first one was cancelled");
        let order = |text: &&String| text.starts_with("CANCEL ") || text.starts_with("INVITE ");
        let words = border.fars[1].received.iter().filter(order).map(|text| &text[..6]);
        assert_eq!(words.collect::<Vec<_>>(), ["INVITE", "CANCEL", "INVITE"]);
        assert_eq!(border.told(), [], "nothing happened to the leg");
        border.far(1, |endpoint, now, call| endpoint.ring(now, call, 180, None));
        assert_eq!(border.told(), [], "it rings already");
        border.answer(1);
        assert_eq!(border.told(), [Signal::LegAnswered { leg: LEG }]);
        border.act(Action::LetAnswer { leg: LEG });
        assert_eq!(invites(&border).len(), 2, "it is answered");
        let opened = border.media.iter().filter(|one| matches!(one, Command::Open { .. })).count();
        assert_eq!(opened, 1, "it has the same stream");
    }

    #[test]
    fn whoever_picks_up_at_the_same_moment_talks_once() {
        let mut border = ringing();
        let answer = border.fars[1].offering(Direction::SendRecv);
        // The CANCEL and the 200 cross.
        border.switch.act(border.now, crate::border::ACCOUNT, Action::LetAnswer { leg: LEG });
        border.far(1, |endpoint, now, call| endpoint.accept(now, call, answer));
        assert_eq!(border.fars[1].heard("BYE ").len(), 1, "the first call is hung up");
        assert_eq!((invites(&border).len(), border.told()), (2, vec![]));
        border.answer(1);
        assert_eq!(border.told(), [Signal::LegAnswered { leg: LEG }]);
        assert_eq!(border.switch.counts().legs, 1);
    }

    #[test]
    fn only_phones_that_ring_are_called_anew() {
        let mut border = Border::new();
        border.start(LEG, Target::Phone("1001".to_owned()));
        border.act(Action::LetAnswer { leg: LEG });
        border.start(LegId(9), Target::Number("13900000001".to_owned()));
        border.far(9, |endpoint, now, call| endpoint.ring(now, call, 180, None));
        border.act(Action::LetAnswer { leg: LegId(9) });
        border.act(Action::LetAnswer { leg: LegId(77) });
        assert_eq!((invites(&border).len(), border.fars[9].heard("INVITE ").len()), (1, 1));
    }

    #[test]
    fn a_leg_that_ends_in_between_is_not_called_anew() {
        let mut border = ringing();
        border.switch.act(border.now, crate::border::ACCOUNT, Action::LetAnswer { leg: LEG });
        border.act(Action::EndLeg { leg: LEG });
        let [Signal::LegEnded { cause, .. }] = border.told()[..] else { panic!("it ended once") };
        assert_eq!(cause, Cause { sip_code: 487, by: EndedBy::Us, failure: Failure::Cancel });
        assert_eq!((invites(&border).len(), border.switch.counts().legs), (1, 0));
    }

    #[test]
    fn a_phone_that_left_in_between_is_not_there() {
        let mut border = ringing();
        border.switch.act(border.now, crate::border::ACCOUNT, Action::LetAnswer { leg: LEG });
        border.switch.endpoint.set_domains(Vec::new());
        border.settle();
        let told = border.told();
        let [.., Signal::LegEnded { cause, .. }] = told[..] else { panic!("it ended") };
        assert_eq!(cause, Cause { sip_code: 480, by: EndedBy::Far, failure: Failure::RequestTimeout });
        assert_eq!((invites(&border).len(), border.switch.counts().legs), (1, 0));
    }

    #[test]
    fn the_second_call_waits_for_its_own_entry_in_the_log() {
        let mut border = ringing();
        border.auto_commit = false;
        border.act(Action::LetAnswer { leg: LEG });
        assert_eq!((border.fars[1].heard("CANCEL ").len(), invites(&border).len()), (1, 1));
        border.auto_commit = true;
        border.settle();
        assert_eq!(invites(&border).len(), 2);
    }
}
