//! Phones that ask to hand their call on (REFER): what they want becomes a signal, and how it stands goes back to them.

use base::{LegId, Now};
use callcenter::action::Referral;
use callcenter::signal::Signal;
use sip::api::{DialogId, Replaced};
use sip::message::{Scheme, Uri};

use crate::cause::UNAVAILABLE;
use crate::leg::State;
use crate::limits::DIALLED_LEN_MAX;
use crate::switch::Switch;

/// What a referral is refused with: it is not tried (RFC 3261 §21.6.2).
const DECLINED: u16 = 603;

impl Switch {
    /// A far end wants whom it talks to to be called by, or connected with, somebody else. Refused at once: while the log does
    /// not keep up, as commands are; of a leg that is not up, to nobody that a number or a user names, and to a call that is not
    /// of this account. That call has its place elsewhere, and another one beside it is not what was asked for.
    pub(crate) fn referred(
        &mut self,
        now: Now,
        dialog: DialogId,
        refer_to: &str,
        replaced: Option<Replaced>,
    ) {
        if self.log_is_behind() {
            return self.endpoint.refuse_refer(now, dialog, UNAVAILABLE);
        }
        let asked = self.living(dialog).and_then(|id| self.wish(id, refer_to, replaced));
        match asked {
            Some((account, signal)) => self.tell(account, signal),
            None => self.endpoint.refuse_refer(now, dialog, DECLINED),
        }
    }

    fn wish(
        &self,
        id: LegId,
        refer_to: &str,
        replaced: Option<Replaced>,
    ) -> Option<(base::AccountId, Signal)> {
        let leg = self.legs.get(id).filter(|leg| leg.state == State::Up)?;
        let replaces = match replaced {
            None => None,
            Some(Replaced::Unknown) => return None,
            Some(Replaced::Ours(dialog)) => {
                let other = self.living(dialog).filter(|other| *other != id)?;
                self.legs.get(other).filter(|other| other.account == leg.account)?;
                Some(other)
            }
        };
        let to = dialled(&Uri::parse(refer_to).ok()?)?;
        Some((leg.account, Signal::Referred { leg: id, to, replaces }))
    }

    /// `Action::AnswerReferral`. Of a leg that is over nobody wants to know.
    pub(crate) fn answer_referral(&mut self, now: Now, id: LegId, standing: Referral) {
        let Some(leg) = self.legs.get(id).filter(|leg| leg.state == State::Up) else { return };
        let dialog = leg.dialog;
        match standing {
            Referral::Refused => self.endpoint.refuse_refer(now, dialog, DECLINED),
            Referral::Accepted => self.endpoint.accept_refer(now, dialog),
            Referral::Succeeded => self.settle_referral(now, dialog, 200),
            Referral::Failed { status } => self.settle_referral(now, dialog, status.clamp(400, 699)),
        }
    }

    /// Before its last word the asker is told that it is tried, should it not be yet.
    fn settle_referral(&mut self, now: Now, dialog: DialogId, status: u16) {
        self.endpoint.accept_refer(now, dialog);
        self.endpoint.notify_refer(now, dialog, status);
    }
}

/// Whom a URI that was dialled means: its user without parameters (`;phone-context=…`, RFC 3261 §19.1.6), or the number of a
/// `tel` URI without what only makes it easier to read (RFC 3966 §5.1.1). None: nobody, or what no phone dials.
pub(crate) fn dialled(uri: &Uri) -> Option<String> {
    let user = uri.user_unescaped();
    let user = user.split(';').next().unwrap_or_default();
    let user: String = match uri.scheme {
        Scheme::Sip | Scheme::Sips => user.to_owned(),
        Scheme::Tel => user.chars().filter(|letter| !matches!(letter, '-' | '.' | '(' | ')')).collect(),
        Scheme::Other(_) => return None,
    };
    is_dialled(&user).then_some(user)
}

/// Whether a phone can have dialled it: a number, or a plain user name.
pub(crate) fn is_dialled(user: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'*' | b'#' | b'-' | b'_' | b'.');
    !user.is_empty() && user.len() <= DIALLED_LEN_MAX && user.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use callcenter::action::{Action, Target};

    use super::*;
    use crate::border::{Border, header};

    /// Phone 1 asks for its call to be handed to `to`.
    fn refers(border: &mut Border, cseq: u32, to: &str) -> Vec<Signal> {
        border.asks(1, "REFER", cseq, &format!("Refer-To: <{to}>\r\nContent-Length: 0\r\n\r\n"));
        border.told()
    }

    fn answers(border: &mut Border, standing: Referral) {
        border.act(Action::AnswerReferral { leg: LegId(1), standing });
    }

    /// Subscription-State and status of each NOTIFY that phone 1 received.
    fn notified(border: &Border) -> Vec<(String, String)> {
        let of = |text: &&str| {
            let body = text.split("\r\n\r\n").nth(1).expect("it has a body").trim().to_owned();
            (header(text, "Subscription-State"), body)
        };
        border.fars[1].heard("NOTIFY ").iter().map(of).collect()
    }

    fn status(border: &Border, cseq: u32) -> Option<String> {
        let wanted = format!("{cseq} REFER");
        let mut answers = border.fars[1].received.iter().filter(|text| text.starts_with("SIP/2.0 "));
        answers.find(|text| header(text, "CSeq") == wanted).map(|text| text[8..11].to_owned())
    }

    fn asked(to: &str, replaces: Option<LegId>) -> Vec<Signal> {
        vec![Signal::Referred { leg: LegId(1), to: to.to_owned(), replaces }]
    }

    #[test]
    fn a_wish_is_told_and_its_standing_goes_back() {
        let active = || ("active;expires=360".to_owned(), "SIP/2.0 100 Trying".to_owned());
        let over = |said: &str| ("terminated;reason=noresource".to_owned(), said.to_owned());
        for (last, said) in [
            (Referral::Succeeded, "SIP/2.0 200 OK"),
            (Referral::Failed { status: 486 }, "SIP/2.0 486 Busy Here"),
        ] {
            let mut border = Border::talking();
            assert_eq!(refers(&mut border, 7, "sip:1002@pbx.example"), asked("1002", None));
            assert_eq!(status(&border, 7), None, "the core has not said yet");
            answers(&mut border, Referral::Accepted);
            assert_eq!((status(&border, 7).as_deref(), notified(&border)), (Some("202"), vec![active()]));
            answers(&mut border, last);
            assert_eq!(notified(&border), [active(), over(said)]);
            answers(&mut border, last);
            assert_eq!(notified(&border).len(), 2, "that was the last word");
        }
    }

    #[test]
    fn a_wish_that_fails_at_once_is_taken_up_first() {
        let mut border = Border::talking();
        refers(&mut border, 7, "tel:13900000002");
        answers(&mut border, Referral::Failed { status: 404 });
        assert_eq!(status(&border, 7).as_deref(), Some("202"));
        let said: Vec<_> = notified(&border).into_iter().map(|(_, said)| said).collect();
        assert_eq!(said, ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"]);
    }

    #[test]
    fn what_is_not_tried_is_declined_and_the_call_goes_on() {
        let mut border = Border::talking();
        refers(&mut border, 7, "sip:1002@pbx.example");
        answers(&mut border, Referral::Refused);
        assert_eq!(status(&border, 7).as_deref(), Some("603"));
        for (cseq, to) in [
            (8, "mailto:1002@pbx.example".to_owned()),
            (9, format!("sip:{}@pbx.example", "9".repeat(DIALLED_LEN_MAX + 1))),
            (10, "sip:1002@pbx.example?Replaces=not%3Bto-tag%3Dof%3Bfrom-tag%3Dours".to_owned()),
        ] {
            assert_eq!(refers(&mut border, cseq, &to), [], "{to}");
            assert_eq!(status(&border, cseq).as_deref(), Some("603"), "{to}");
        }
        assert_eq!(border.switch.counts().legs_living, 2);
        assert!(notified(&border).is_empty());
    }

    #[test]
    fn a_wish_while_the_log_stalls_is_refused_for_now() {
        let mut border = Border::talking();
        border.switch.handle_input(border.now, crate::api::Input::LogStalled(true));
        assert_eq!(refers(&mut border, 7, "sip:1002@pbx.example"), []);
        assert_eq!(status(&border, 7).as_deref(), Some("503"));
        border.switch.handle_input(border.now, crate::api::Input::LogStalled(false));
        assert_eq!(refers(&mut border, 8, "sip:1002@pbx.example"), asked("1002", None));
    }

    #[test]
    fn a_second_wish_waits_until_the_first_is_settled() {
        let mut border = Border::talking();
        refers(&mut border, 7, "sip:1002@pbx.example");
        assert_eq!(refers(&mut border, 8, "sip:1003@pbx.example"), []);
        assert_eq!(status(&border, 8).as_deref(), Some("500"));
        answers(&mut border, Referral::Succeeded);
        assert_eq!(refers(&mut border, 9, "sip:1003@pbx.example"), asked("1003", None));
    }

    /// RFC 3891: the tags are those that who is to be replaced would see, and the far end of that call is ours.
    #[test]
    fn an_attended_transfer_names_the_leg_of_the_other_line() {
        let mut border = Border::talking();
        border.start(LegId(3), Target::Phone("1001".to_owned()));
        border.answer(1);
        border.told();
        let invites = border.fars[1].heard("INVITE ");
        let other = invites.last().expect("its second line was called").to_string();
        let oks = border.fars[1].sent.iter().filter(|text| text.starts_with("SIP/2.0 200 "));
        let ok = oks.clone().find(|ok| header(ok, "Call-ID") == header(&other, "Call-ID"));
        let tag = |text: &str| text.rsplit(";tag=").next().expect("a tag").to_owned();
        let replaces = format!(
            "sip:13900000001@pbx.example?Replaces={}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
            header(&other, "Call-ID"),
            tag(&header(&other, "From")),
            tag(&header(ok.expect("it was answered"), "To")),
        );
        // By the first line.
        border.fars[1].received.retain(|text| header(text, "Call-ID") != header(&other, "Call-ID"));
        border.fars[1].sent.retain(|text| header(text, "Call-ID") != header(&other, "Call-ID"));
        assert_eq!(refers(&mut border, 7, &replaces), asked("13900000001", Some(LegId(3))));
        answers(&mut border, Referral::Succeeded);
        border.act(Action::EndLeg { leg: LegId(3) });
        border.told();
        border.fars[1].received.retain(|text| header(text, "Call-ID") != header(&other, "Call-ID"));
        assert_eq!(refers(&mut border, 8, &replaces), [], "that call is over");
        assert_eq!(status(&border, 8).as_deref(), Some("603"));
    }

    #[test]
    fn the_wish_of_a_leg_that_is_over_is_forgotten() {
        let mut border = Border::talking();
        refers(&mut border, 7, "sip:1002@pbx.example");
        answers(&mut border, Referral::Accepted);
        border.act(Action::EndLeg { leg: LegId(1) });
        answers(&mut border, Referral::Succeeded);
        assert_eq!(notified(&border).len(), 1);
        border.told();
        assert_eq!(refers(&mut border, 8, "sip:1003@pbx.example"), []);
    }

    #[test]
    fn whom_a_uri_means_is_its_user_or_its_number() {
        for (uri, wanted) in [
            ("sip:1002@pbx.example", Some("1002")),
            ("sip:1002@10.9.9.9:5070;transport=tcp", Some("1002")),
            ("sips:%2B8613900000001@pbx.example", Some("+8613900000001")),
            ("sip:13900000001;phone-context=+86@pbx.example;user=phone", Some("13900000001")),
            ("sip:*97%23@pbx.example", Some("*97#")),
            ("tel:+86-139(0000)00.01;ext=7", Some("+8613900000001")),
            ("sip:pbx.example", None),
            ("sip:%00@pbx.example", None),
            ("sip:a%20b@pbx.example", None),
            ("tel:;ext=7", None),
            ("mailto:1002@pbx.example", None),
        ] {
            assert_eq!(dialled(&Uri::parse(uri).expect("a URI")).as_deref(), wanted, "{uri}");
        }
        assert!(is_dialled(&"9".repeat(DIALLED_LEN_MAX)) && !is_dialled(&"9".repeat(DIALLED_LEN_MAX + 1)));
    }
}
