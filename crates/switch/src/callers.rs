//! Legs of those who call in, by a trunk or from a phone: taken, let ring, answered, refused.

use base::{CallId, LegId, Now, StreamId};
use callcenter::signal::Cause;
use media::api::{Command, Family};
use media::codec::Codec;

use crate::api::Diagnostic;
use crate::cause::{self, Stopped, UNAVAILABLE};
use crate::incoming::Arrival;
use crate::leg::{Invite, Leg, PickUp, State, Watch};
use crate::switch::{Owner, Switch};
use crate::trunks::{Among, TrunkWay};

impl Switch {
    /// `Action::TakeLeg`: a caller becomes a leg. Its port was there when the call was let in.
    pub(crate) fn take_leg(&mut self, now: Now, owner: Owner) {
        let Some(arrival) = self.arrivals.remove(&owner.leg) else { return };
        let Some(port) = self.ports.take(now.mono) else {
            self.tell_operator(Diagnostic::NoPort { leg: owner.leg });
            self.refuse_arrival(now, &arrival, UNAVAILABLE);
            return self.never_began(owner, Stopped::NoResource);
        };
        let stream = StreamId::from(owner.leg);
        let family = Family::of(self.media_address(arrival.flow));
        self.media(Command::Open { stream, call: owner.call, port, family });
        let leg = self.leg_of(owner, arrival, port);
        self.legs.insert(owner.leg, leg);
    }

    fn leg_of(&self, owner: Owner, arrival: Arrival, port: u16) -> Leg {
        let Arrival { dialog, from, flow, speech, called, caller, .. } = arrival;
        let way = from.trunk().map(|trunk| TrunkWay { trunk, remote: flow.remote });
        Leg {
            account: owner.account,
            call: owner.call,
            target: callcenter::action::Target::Number(called),
            shown: caller.unwrap_or_default(),
            state: State::Calling,
            dialog,
            way,
            tried: way.into_iter().collect(),
            last_resort: Among::All,
            contact: None,
            pick_up: PickUp::Person,
            contacts: Vec::new(),
            remote: flow.remote,
            invite: Invite::Came,
            justified_by: self.gate.appended(),
            status: 0,
            port,
            speech: speech.at_port(port),
            hears: Default::default(),
            watch: Watch::Off,
            reoffers: Default::default(),
        }
    }

    /// `Action::LetRing`.
    pub(crate) fn let_ring(&mut self, now: Now, id: LegId, early_media: bool) {
        let Some(leg) = self.legs.get(id).filter(|leg| leg.wants_answer()) else { return };
        let dialog = leg.dialog;
        let said = match early_media {
            // Whether we agree in the end is judged when it is answered.
            true => self.reply_to_offer(id).ok().flatten(),
            false => None,
        };
        let status = if said.is_some() { 183 } else { 180 };
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        (leg.state, leg.status) = (State::Ringing { early_media: said.is_some() }, status);
        self.endpoint.ring(now, dialog, status, said);
    }

    /// `Action::AnswerLeg`.
    pub(crate) fn answer_leg(&mut self, now: Now, id: LegId) {
        let Some(leg) = self.legs.get(id).filter(|leg| leg.wants_answer()) else { return };
        let (dialog, call, preferred) = (leg.dialog, leg.call, self.codec_of(leg.call));
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        match leg.speech.reply(preferred, &self.ports) {
            Ok((sdp, _)) => {
                (leg.state, leg.status) = (State::Up, 200);
                self.agree_again(id);
                self.endpoint.accept(now, dialog, sdp);
                self.watch_silence(call);
            }
            Err(error) => {
                self.tell_operator(Diagnostic::NoAgreement { leg: id, reason: error.to_string() });
                self.stop(now, id, Stopped::NoAgreement);
            }
        }
    }

    /// `Action::RefuseLeg`, of a caller who is a leg or could have become one.
    pub(crate) fn refuse_leg(&mut self, now: Now, id: LegId, why: Cause) {
        let status = cause::refusal(why);
        if let Some(arrival) = self.arrivals.remove(&id) {
            return self.refuse_arrival(now, &arrival, status);
        }
        match self.legs.get_mut(id).filter(|leg| leg.wants_answer()) {
            Some(leg) => {
                leg.status = status;
                let dialog = leg.dialog;
                self.endpoint.reject(now, dialog, status);
                self.retire(id, cause::of_refusal(status, why));
            }
            None => self.end_leg(now, id),
        }
    }

    /// The codecs that whoever called into `call` would speak, the one it wants first.
    pub(crate) fn codecs_of_caller(&self, call: CallId) -> Option<Vec<Codec>> {
        let came = |(_, leg): &(LegId, &Leg)| leg.invite == Invite::Came;
        self.legs.of_call(call).find(came).map(|(_, leg)| leg.speech.codecs().to_vec())
    }
}
