//! One phone in one call.
//!
//! ```text
//! Calling ──answered──┐
//!                     ├─→ Talking ──→ Leaving ──→ (over, when its last dialog ended)
//! Called ──Answer─────┘                  ↑
//!    └────────Refuse, bad offer, HangUp──┘
//! ```
//!
//! A called phone works off its steps at once, one that calls when it was answered. Steps stop at `Wait` until its timer,
//! at `Play` until the prompt was played, and for good when the phone is Leaving. BYE and CANCEL end it in any stage, and
//! new offers (hold) are answered in any stage but Leaving.

use std::ops::ControlFlow;
use std::time::Duration;

use base::Now;
use bytes::Bytes;
use media::api::Source;
use media::sdp::{Direction, SdpError};
use sip::api::{DialogId, Ended};

use crate::api::{LabEvent, PhoneId, TimerKind};
use crate::behaviour::Step;
use crate::ear::{Ear, Heard};
use crate::limits::{CALL_AGE_MAX, PROMPT_MAX, QUIET_AFTER};
use crate::line::Line;
use crate::prompt::Prompt;
use crate::tone::Tone;
use crate::tools::Tools;

/// The status when no port is left for the sound.
const NO_PORT: u16 = 503;

/// See the head of this module.
#[derive(Debug)]
pub(crate) struct Phone {
    id: PhoneId,
    stage: Stage,
    /// The steps that are left.
    steps: &'static [Step],
    /// One; two after `AnswerTwice`, until the caller gives one of them up.
    dialogs: Vec<DialogId>,
    line: Option<Line>,
    talk: Talk,
    /// How its sound was before what it offers now.
    turning: Option<Direction>,
    ear: Ear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Calling,
    Called,
    Talking,
    Leaving,
}

/// Who described the sound first, and how far that is.
#[derive(Debug)]
enum Talk {
    /// The caller made an offer that was not answered yet.
    Offered(Bytes),
    /// The caller made none, so the 200 will.
    Unspoken,
    /// We made this description, to be said again where it is needed again.
    Described(Bytes),
}

impl Phone {
    /// A phone that is called.
    pub(crate) fn called(
        tools: &mut Tools,
        now: Now,
        id: PhoneId,
        dialog: DialogId,
        steps: &'static [Step],
        offer: Option<Bytes>,
    ) -> Phone {
        tools.owners.insert(dialog, id);
        tools.timers.set(TimerKind::TooOld(id), now.mono + CALL_AGE_MAX);
        let talk = offer.map_or(Talk::Unspoken, Talk::Offered);
        Phone {
            id,
            stage: Stage::Called,
            steps,
            dialogs: vec![dialog],
            line: None,
            talk,
            turning: None,
            ear: Ear::default(),
        }
    }

    /// A phone that calls; `invite` makes the call with the offer. `None` when no port is left.
    pub(crate) fn calling(
        tools: &mut Tools,
        now: Now,
        id: PhoneId,
        steps: &'static [Step],
        invite: impl FnOnce(&mut Tools, Bytes) -> DialogId,
    ) -> Option<Phone> {
        let mut line = Line::open(tools, id)?;
        let offer = line.offer();
        let dialog = invite(tools, offer.clone());
        tools.owners.insert(dialog, id);
        tools.timers.set(TimerKind::TooOld(id), now.mono + CALL_AGE_MAX);
        let talk = Talk::Described(offer);
        Some(Phone {
            id,
            stage: Stage::Calling,
            steps,
            dialogs: vec![dialog],
            line: Some(line),
            talk,
            turning: None,
            ear: Ear::default(),
        })
    }

    /// Works off its steps as far as it can.
    pub(crate) fn go_on(&mut self, tools: &mut Tools, now: Now) {
        while self.stage != Stage::Leaving
            && let Some((step, rest)) = self.steps.split_first()
        {
            self.steps = rest;
            if self.take(tools, now, *step).is_break() {
                return;
            }
        }
    }

    /// Leaves out what comes before its answer, if there is one, but for a wait of so many seconds.
    pub(crate) fn answer_by_itself(&mut self, tools: &mut Tools, now: Now, seconds: u8) {
        if let Some(at) = self.steps.iter().position(|step| *step == Step::Answer) {
            self.steps = &self.steps[at..];
        }
        match seconds {
            0 => self.go_on(tools, now),
            _ => {
                self.ring(tools, now);
                let at = now.mono + Duration::from_secs(u64::from(seconds));
                tools.timers.set(TimerKind::Step(self.id), at);
            }
        }
    }

    /// The prompt it plays was played. Nothing when it plays none that it waits for.
    pub(crate) fn prompt_played(&mut self, tools: &mut Tools, now: Now) {
        let overdue = TimerKind::PromptOverdue(self.id);
        if tools.timers.get(&overdue).is_some() {
            tools.timers.cancel(&overdue);
            self.go_on(tools, now);
        }
    }

    /// Leaves the call, in whatever way its stage needs.
    pub(crate) fn hang_up(&mut self, tools: &mut Tools, now: Now) {
        self.leave(tools);
        for dialog in &self.dialogs {
            tools.endpoint.end(now, *dialog);
        }
    }

    /// Dials digits, when there is a line to send them on.
    pub(crate) fn press(&self, tools: &mut Tools, digits: &str) {
        if let Some(line) = &self.line {
            line.press(tools, digits);
        }
    }

    /// Says a tone, when there is a line.
    pub(crate) fn say(&self, tools: &mut Tools, tone: Tone) {
        self.play(tools, tone_sound(tone));
    }

    /// Presses keys, and says so in signalling.
    pub(crate) fn press_by_info(&self, tools: &mut Tools, now: Now, keys: &str) {
        if let (Stage::Talking, Some(dialog)) = (self.stage, self.dialogs.first()) {
            keys.chars().for_each(|key| tools.endpoint.press(now, *dialog, key));
        }
    }

    /// Offers to go on with its sound like this.
    pub(crate) fn turn(&mut self, tools: &mut Tools, now: Now, direction: Direction) {
        let (Stage::Talking, Some(dialog)) = (self.stage, self.dialogs.first()) else { return };
        if let (Some(line), None) = (&mut self.line, self.turning) {
            self.turning = Some(line.direction());
            line.turn(direction);
            let offer = line.offer();
            tools.endpoint.offer(now, *dialog, offer);
        }
    }

    /// What it offered was answered, or refused with this status.
    pub(crate) fn turned(&mut self, tools: &mut Tools, refused: Option<u16>) {
        let Some(before) = self.turning.take() else { return };
        if let (Some(line), Some(_)) = (&mut self.line, refused) {
            line.turn(before);
        }
        tools.tell(LabEvent::Reoffered { phone: self.id, refused });
    }

    /// Asks the far end to hand the call on, in place of the other call `replaces`.
    pub(crate) fn refer(&self, tools: &mut Tools, now: Now, to: &str, replaces: Option<DialogId>) {
        if let (Stage::Talking, Some(dialog)) = (self.stage, self.dialogs.first()) {
            tools.endpoint.refer(now, *dialog, to, replaces);
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> PhoneId {
        self.id
    }

    /// Its first dialog.
    pub(crate) fn dialog(&self) -> Option<DialogId> {
        self.dialogs.first().copied()
    }

    /// A packet arrived; somebody wants to know what it hears.
    pub(crate) fn hear(&mut self, tools: &mut Tools, now: Now, packet: &[u8]) {
        if self.line.is_some() {
            tools.timers.set(TimerKind::Quiet(self.id), now.mono + QUIET_AFTER);
            let heard = self.ear.hear(packet);
            self.tell_heard(tools, heard);
        }
    }

    /// No packet has arrived for a while.
    pub(crate) fn hear_nothing(&mut self, tools: &mut Tools) {
        let heard = self.ear.silence();
        self.tell_heard(tools, heard);
    }

    fn tell_heard(&self, tools: &mut Tools, heard: Option<Heard>) {
        if let Some(heard) = heard {
            tools.tell(LabEvent::Hears { phone: self.id, heard });
        }
    }

    /// An answer to our offer came, in whatever message. One that is none ends the call: nobody would hear anything.
    pub(crate) fn take_answer(&mut self, tools: &mut Tools, now: Now, sdp: Option<&Bytes>) {
        if let (Some(line), Some(sdp)) = (&self.line, sdp)
            && line.read_answer(tools, sdp).is_err()
        {
            self.hang_up(tools, now);
        }
    }

    /// The far end answered our call.
    pub(crate) fn answered(&mut self, tools: &mut Tools, now: Now, sdp: Option<&Bytes>) {
        self.take_answer(tools, now, sdp);
        if self.stage == Stage::Calling {
            self.stage = Stage::Talking;
            tools.tell(LabEvent::PhoneAnswered { phone: self.id });
            self.go_on(tools, now);
        }
    }

    /// The far end wants the sound to be otherwise: hold, resume, another address, or to hear our offer.
    pub(crate) fn reoffered(&mut self, tools: &mut Tools, now: Now, dialog: DialogId, sdp: Option<&Bytes>) {
        let Some(line) = &mut self.line else {
            // It has left already; the BYE is on its way.
            return tools.endpoint.refuse_offer(now, dialog, 481);
        };
        let described = match sdp {
            Some(offer) => line.answer(tools, offer),
            None => Ok(line.offer()),
        };
        match described {
            Ok(sdp) => tools.endpoint.answer_offer(now, dialog, sdp),
            Err(error) => tools.endpoint.refuse_offer(now, dialog, error.status()),
        }
    }

    /// One of its dialogs ended. Says whether that was the last.
    pub(crate) fn dialog_ended(
        &mut self,
        tools: &mut Tools,
        dialog: DialogId,
        how: Ended,
    ) -> ControlFlow<()> {
        self.dialogs.retain(|known| *known != dialog);
        if !self.dialogs.is_empty() {
            return ControlFlow::Continue(());
        }
        self.leave(tools);
        tools.tell(LabEvent::Ended { phone: self.id, how });
        ControlFlow::Break(())
    }

    fn take(&mut self, tools: &mut Tools, now: Now, step: Step) -> ControlFlow<()> {
        match step {
            Step::Ring => self.ring(tools, now),
            Step::EarlyMedia => self.open_early(tools, now),
            Step::Answer => self.answer(tools, now),
            Step::AnswerTwice => self.answer_twice(tools, now),
            Step::Refuse(status) => self.refuse(tools, now, status),
            Step::Wait(time) => {
                tools.timers.set(TimerKind::Step(self.id), now.mono + time);
                return ControlFlow::Break(());
            }
            Step::Play(prompt) => {
                self.play(tools, sound(prompt, false));
                tools.timers.set(TimerKind::PromptOverdue(self.id), now.mono + PROMPT_MAX);
                return ControlFlow::Break(());
            }
            Step::Repeat(prompt) => self.play(tools, sound(prompt, true)),
            Step::Say(tone) => self.say(tools, tone),
            Step::Echo => self.play(tools, Source::Echo),
            Step::Press(digits) => self.press(tools, digits),
            Step::HangUp => self.hang_up(tools, now),
        }
        ControlFlow::Continue(())
    }

    fn ring(&mut self, tools: &mut Tools, now: Now) {
        if let (Stage::Called, Some(dialog)) = (self.stage, self.dialogs.first()) {
            tools.endpoint.ring(now, *dialog, 180, None);
            tools.tell(LabEvent::PhoneRang { phone: self.id });
        }
    }

    /// A caller who left the offer to us hears nothing before the answer: a 183 that may get lost cannot carry one.
    fn open_early(&mut self, tools: &mut Tools, now: Now) {
        let (Stage::Called, Some(dialog)) = (self.stage, self.dialogs.first().copied()) else { return };
        let described = match &self.talk {
            Talk::Unspoken => Ok(None),
            Talk::Offered(_) | Talk::Described(_) => self.describe(tools).map(Some),
        };
        match described {
            Ok(sdp) => tools.endpoint.ring(now, dialog, 183, sdp),
            Err(status) => self.refuse(tools, now, status),
        }
    }

    fn answer(&mut self, tools: &mut Tools, now: Now) {
        self.accept(tools, now, |tools, dialog, sdp| {
            tools.endpoint.accept(now, dialog, sdp);
            None
        });
    }

    fn answer_twice(&mut self, tools: &mut Tools, now: Now) {
        self.accept(tools, now, |tools, dialog, sdp| {
            tools.endpoint.accept_twice(now, dialog, sdp.clone(), sdp)
        });
    }

    /// Answers by `accept`, which may make a second dialog.
    fn accept(
        &mut self,
        tools: &mut Tools,
        now: Now,
        accept: impl FnOnce(&mut Tools, DialogId, Bytes) -> Option<DialogId>,
    ) {
        let (Stage::Called, Some(dialog)) = (self.stage, self.dialogs.first().copied()) else { return };
        match self.describe(tools) {
            Ok(sdp) => {
                self.stage = Stage::Talking;
                if let Some(other) = accept(tools, dialog, sdp) {
                    tools.owners.insert(other, self.id);
                    self.dialogs.push(other);
                }
                tools.tell(LabEvent::PhoneAnswered { phone: self.id });
            }
            Err(status) => self.refuse(tools, now, status),
        }
    }

    /// Who has answered, or calls, cannot refuse any more, and hangs up instead.
    fn refuse(&mut self, tools: &mut Tools, now: Now, status: u16) {
        match self.stage {
            Stage::Called => {
                self.leave(tools);
                for dialog in &self.dialogs {
                    tools.endpoint.reject(now, *dialog, status);
                }
            }
            Stage::Calling | Stage::Talking => self.hang_up(tools, now),
            Stage::Leaving => {}
        }
    }

    /// Our description for the caller: the answer to the offer, made once, or an offer.
    ///
    /// # Errors
    /// The SIP status to refuse the call with.
    fn describe(&mut self, tools: &mut Tools) -> Result<Bytes, u16> {
        if let Talk::Described(sdp) = &self.talk {
            return Ok(sdp.clone());
        }
        let mut line = Line::open(tools, self.id).ok_or(NO_PORT)?;
        let described = match &self.talk {
            Talk::Offered(offer) => line.answer(tools, offer).map_err(|error: SdpError| error.status()),
            Talk::Unspoken | Talk::Described(_) => Ok(line.offer()),
        };
        self.line = Some(line);
        let sdp = described?;
        self.talk = Talk::Described(sdp.clone());
        Ok(sdp)
    }

    fn play(&self, tools: &mut Tools, source: Source) {
        if let Some(line) = &self.line {
            line.play(tools, source);
        }
    }

    /// Does nothing more by itself.
    fn leave(&mut self, tools: &mut Tools) {
        self.stage = Stage::Leaving;
        let timers: [fn(PhoneId) -> TimerKind; 4] =
            [TimerKind::Step, TimerKind::PromptOverdue, TimerKind::Quiet, TimerKind::TooOld];
        for timer in timers {
            tools.timers.cancel(&timer(self.id));
        }
        if let Some(line) = self.line.take() {
            line.close(tools);
        }
    }
}

fn tone_sound(tone: Tone) -> Source {
    Source::Sound { sound: Prompt::ALL.len() + tone.index(), looped: true }
}

fn sound(prompt: Prompt, looped: bool) -> Source {
    Source::Sound { sound: prompt.index(), looped }
}
