//! What legs hear and say: agreements, the hearing plan, silence, recordings.

use base::{AccountId, CallId, LegId, Now, StreamId};
use bytes::Bytes;
use callcenter::action::{Heard, LegSound, RecordingFiles, RecordingPart, Side, Track};
use callcenter::signal::Signal;
use media::api::{Command, Counts, Signal as Said, Source, StreamSound, Terms};
use media::limits::RECORDING_TRACKS_MAX;
use media::sdp::SdpError;
use sip::api::DialogId;

use crate::api::{Body, Diagnostic, Piece, Quality};
use crate::cause::Stopped;
use crate::leg::{Leg, State, Watch};
use crate::limits::{RECORDINGS_MAX, STREAMS_CLOSING_MAX};
use crate::switch::{Owner, Recording, Switch, Then};

/// Not acceptable here (RFC 3261 §21.4.26).
const NOT_ACCEPTABLE_HERE: u16 = 488;
/// Request pending (RFC 3261 §21.4.27): who hears it tries again in a moment.
const REQUEST_PENDING: u16 = 491;
/// Call does not exist (RFC 3261 §21.4.19).
const NO_SUCH_CALL: u16 = 481;

impl Switch {
    pub(crate) fn media_said(&mut self, now: Now, signal: Said) {
        match signal {
            Said::Silent { stream } => {
                let leg = leg_of(stream);
                let watched = |leg: &Leg| leg.state == State::Up && leg.watch == Watch::On;
                if self.legs.get(leg).is_some_and(watched) {
                    self.tell_operator(Diagnostic::Silent { leg });
                    self.stop(now, leg, Stopped::Silent);
                }
            }
            Said::OpenFailed { stream } => {
                let leg = leg_of(stream);
                if let Some(port) = self.legs.get(leg).filter(|leg| leg.is_living()).map(|leg| leg.port) {
                    self.tell_operator(Diagnostic::PortUnusable { leg, port });
                    self.stop(now, leg, Stopped::PortUnusable);
                }
                // What was never open is closed without a word.
                self.closing.remove(&leg);
            }
            Said::RecordingStopped { call, length } => {
                if let Some(recording) = self.recordings.get(&call) {
                    self.tell(recording.account, Signal::RecordingStopped { call, length });
                    self.afterwards(Then::Finish(call));
                }
            }
            Said::Closed { stream, counts } => self.closed(leg_of(stream), &counts),
            // Nothing is decided by these yet: no plan listens to digits or plays a sound to its end.
            Said::Heard { .. } | Said::Digit { .. } | Said::Played { .. } => {}
        }
    }

    /// The stream of a leg that is over. Its counts come back when the engine has closed it.
    pub(crate) fn close_stream(&mut self, owner: Owner) {
        self.closing.insert(owner.leg, owner);
        if self.closing.len() > STREAMS_CLOSING_MAX {
            self.closing.pop_first();
        }
        self.media(Command::Close { stream: owner.leg.into() });
    }

    /// A leg that goes on may have had another stream before, of which nothing is kept.
    fn closed(&mut self, leg: LegId, counts: &Counts) {
        if let Some(Owner { account, leg, call }) = self.closing.remove(&leg)
            && let Some(quality) = Quality::of(counts)
        {
            self.append(account, Body::Measured { leg, call, quality });
        }
        self.tell_operator(Diagnostic::StreamClosed { leg, counts: format!("{counts:?}") });
    }

    /// `Action::Hear`: one row of the hearing plan becomes one row of the engine's patch table.
    pub(crate) fn hear(&mut self, leg: LegId, source: Heard) {
        let Some(listener) = self.legs.get_mut(leg).filter(|leg| leg.is_living()) else { return };
        listener.hears = source.clone();
        let (call, account) = (listener.call, listener.account);
        let source = match source {
            Heard::Nothing => Source::Nothing,
            Heard::Leg(other) => Source::Stream(other.into()),
            Heard::Mix(others) => Source::Mix(others.into_iter().map(StreamId::from).collect()),
            Heard::RingBack => Source::RingBack,
            Heard::Music => {
                let sound = self.accounts.get(&account).map_or(0, |account| account.music);
                Source::Sound { sound, looped: true }
            }
        };
        self.media(Command::Hear { stream: leg.into(), source });
        self.watch_silence(call);
    }

    /// The answer to our offer, in the 2xx. False when it leads to no agreement.
    pub(crate) fn agree(&mut self, id: LegId, answer: &[u8]) -> bool {
        let leg = self.legs.get_mut(id).expect("only known legs are answered");
        match leg.speech.take_answer(answer, &self.ports) {
            Ok(_) => {
                self.agree_again(id);
                true
            }
            Err(error) => {
                self.tell_operator(Diagnostic::NoAgreement { leg: id, reason: error.to_string() });
                false
            }
        }
    }

    /// An answer before the call is answered. True when its sound can be heard; a bad one is not held against the leg,
    /// as the 2xx may bring a better one.
    pub(crate) fn early_media(&mut self, id: LegId, answer: &[u8]) -> bool {
        let leg = self.legs.get_mut(id).expect("only known legs make progress");
        match leg.speech.take_answer(answer, &self.ports) {
            Ok(new) => {
                let can_be_heard = leg.speech.agreed().is_some_and(|terms| terms.receive);
                self.apply(id, new);
                can_be_heard
            }
            Err(_) => false,
        }
    }

    /// The far end changes its media: hold, another address, another codec. We always send in both directions if it
    /// lets us: what it hears then is for the hearing plan to say.
    pub(crate) fn reoffered(&mut self, now: Now, dialog: DialogId, offer: Option<Bytes>) {
        let Some(id) = self.living(dialog) else {
            return self.endpoint.refuse_offer(now, dialog, NO_SUCH_CALL);
        };
        let leg = self.legs.get_mut(id).expect("living legs exist");
        if !leg.reoffers.take(now.mono) {
            return self.endpoint.refuse_offer(now, dialog, REQUEST_PENDING);
        }
        let Some(offer) = offer else {
            let ours = leg.speech.offer_again();
            return self.endpoint.answer_offer(now, dialog, ours);
        };
        let held = leg.speech.far_holds();
        match leg.speech.answer(&offer, &self.ports) {
            Ok((answer, new)) => {
                self.apply(id, new);
                self.endpoint.answer_offer(now, dialog, answer);
                self.tell_hold(id, held);
            }
            Err(error) => {
                self.tell_operator(Diagnostic::NoAgreement { leg: id, reason: error.to_string() });
                self.endpoint.refuse_offer(now, dialog, NOT_ACCEPTABLE_HERE);
            }
        }
    }

    /// `Action::StartRecording`.
    pub(crate) fn start_recording(
        &mut self,
        now: Now,
        account: AccountId,
        call: CallId,
        [agent, customer]: [LegId; 2],
        files: RecordingFiles,
    ) {
        if self.recordings.len() >= RECORDINGS_MAX {
            return self.tell_operator(Diagnostic::Full { queue: "recordings" });
        }
        let pieces = vec![Piece::whole(files)];
        self.recordings.insert(call, Recording { account, began: now.wall, pieces });
        self.media(Command::Record { call, agent: agent.into(), customer: customer.into() });
    }

    /// `Action::Store`: who talks to whom is another one now.
    pub(crate) fn store(&mut self, call: CallId, tracks: &[Track]) {
        if self.recordings.contains_key(&call) {
            if tracks.len() > RECORDING_TRACKS_MAX {
                self.tell_operator(Diagnostic::Full { queue: "tracks of a recording" });
            }
            let tracks = tracks.iter().map(|track| media::api::Track {
                stream: track.leg.into(),
                sound: match track.sound {
                    LegSound::Said => StreamSound::Said,
                    LegSound::Music => StreamSound::Played,
                },
                side: match track.side {
                    Side::Agent => media::api::Side::Agent,
                    Side::Customer => media::api::Side::Customer,
                },
            });
            self.media(Command::Store { call, tracks: tracks.collect() });
        }
    }

    /// `Action::StopRecording`.
    pub(crate) fn stop_recording(&mut self, call: CallId, parts: Vec<RecordingPart>) {
        if let Some(recording) = self.recordings.get_mut(&call) {
            let parts = parts.into_iter().map(|RecordingPart { leg, files, from_ms, to_ms }| Piece {
                part: Some(leg),
                files,
                from_ms,
                to_ms: Some(to_ms),
            });
            recording.pieces.extend(parts);
            self.media(Command::StopRecord { call });
        }
    }

    /// Our answer to the offer of who calls in, for early media. None: there was no offer.
    ///
    /// # Errors
    /// It leads to no agreement.
    pub(crate) fn reply_to_offer(&mut self, id: LegId) -> Result<Option<Bytes>, SdpError> {
        let Some(call) = self.legs.get(id).map(|leg| leg.call) else { return Ok(None) };
        let preferred = self.codec_of(call);
        let leg = self.legs.get_mut(id).expect("the leg was found above");
        if leg.speech.is_asked_for_offer() {
            return Ok(None);
        }
        let (answer, new) = leg.speech.reply(preferred, &self.ports)?;
        self.apply(id, new);
        Ok(Some(answer))
    }

    /// The agreement that counts from the answer on, though it be that of early media: a far end behind a NAT that was
    /// silent until then is to be found from now on.
    pub(crate) fn agree_again(&mut self, id: LegId) {
        let agreed = self.legs.get(id).and_then(|leg| leg.speech.agreed().cloned());
        self.apply(id, agreed);
    }

    pub(crate) fn apply(&mut self, id: LegId, terms: Option<Terms>) {
        let Some(terms) = terms else { return };
        // A phone behind a NAT sends its sound from where its signalling comes from.
        let peer = self.legs.get(id).map(|leg| leg.remote.ip());
        self.media(Command::Agree { stream: id.into(), terms: Terms { peer, ..terms } });
    }
}

/// The leg of a stream has the stream's number.
fn leg_of(stream: StreamId) -> LegId {
    LegId(stream.0)
}
