//! What is made here, step by step: tones, sounds, digits and mixes. All streams keep the same step, of one timer, whatever
//! their number.

use std::time::Duration;

use base::Mono;

use super::jitter::Placed;
use super::player::{PAYLOAD_BYTES_MAX, Played};
use super::stream::Received;
use super::{Engine, Output, PACE_STEP_MS, TimerKind};
use crate::api::Signal;
use crate::codec::TICKS_PER_MS;
use crate::limits::PACE_LATE_MAX;

impl Engine {
    /// Gives a stream its place in the pacing, when it plays something.
    pub(super) fn pace(&mut self, now: Mono, index: usize) {
        if !self.at(index).is_playing() || self.paced.contains(&index) {
            return;
        }
        self.at(index).begin_to_play();
        self.paced.push(index);
        if self.timers.get(&TimerKind::Pace).is_none() {
            self.timers.set(TimerKind::Pace, now);
        }
    }

    /// Sends what is due on every stream that plays something.
    pub(super) fn play(&mut self, now: Mono, due: Mono) {
        // After a long stop the lost steps are skipped, and the timestamps say so.
        let late = now.since(due) > PACE_LATE_MAX;
        let (passed_ms, mut step_ms) = (self.step_ms, PACE_STEP_MS);
        self.mixer.step(if late { now } else { due }, usize::from(passed_ms) * TICKS_PER_MS);
        let mut buffer = [0; PAYLOAD_BYTES_MAX];
        let mut paced = std::mem::take(&mut self.paced);
        paced.retain(|index| {
            let stream = self.streams[*index].as_mut().expect("closing a stream takes it out of the pacing");
            if late {
                stream.skip_time();
            }
            let (tap, mixed) = (stream.music_tap(), self.mixer.mixed(*index));
            match stream.play(now, passed_ms, &self.config.sounds, mixed, &mut buffer) {
                Played::Packet { to, stamp, len } => {
                    let frame = tap.map(|tap| tap.frame(now, &stamp, &buffer[..len]));
                    if let Some((recording, frame)) = frame
                        && let Some(at) = self.recorder.store(now, recording, &frame, &mut self.outputs)
                    {
                        self.timers.set(TimerKind::Blocks, at);
                    }
                    let data = self.pool.join(&stamp.to_bytes(), &buffer[..len]);
                    self.outputs.push(Output::Send { stream: stream.id, to, data });
                }
                Played::Quiet => {}
                Played::Ended => self.outputs.signal(Signal::Played { stream: stream.id }),
            }
            step_ms = step_ms.min(stream.step_ms());
            stream.is_playing()
        });
        self.paced = paced;
        self.step_ms = step_ms;
        if !self.paced.is_empty() {
            let step = Duration::from_millis(step_ms.into());
            self.timers.set(TimerKind::Pace, if late { now } else { due } + step);
        }
    }

    /// What the stream at `source` received goes into the mixes that it is heard in: sound by its buffer, digits that came
    /// as events at once, each listener in the form that it understands.
    pub(super) fn mix_in(&mut self, now: Mono, source: usize, received: &Received, packet: &[u8]) {
        let Received { header, .. } = received;
        for n in 0..self.mixer.listeners(source).len() {
            let listener = self.mixer.listeners(source)[n];
            let stream = self.at(listener);
            if stream.is_sent_by(header.ssrc) {
                // What we mix comes back: it would be heard again and again, louder each time.
                return;
            }
            if stream.hold_mixed_keys(received) {
                self.pace(now, listener);
            }
        }
        let Some(codec) = received.sound() else { return self.mixer.pause(source) };
        match self.mixer.push(now, source, codec, header, &packet[header.payload.clone()]) {
            Placed::InTime => {}
            Placed::TooLate => self.at(source).note_too_late(),
        }
    }
}
