//! Nobody hears anybody outside the plan: held against the sound of every packet that leaves the switch or is stored. The
//! phones say tones, so it is known who is in a mix; what the plan must be is read off the log ([`crate::plan`]).
//!
//! A change of the plan has a seam: around it both the old and the new may be heard. Who must be heard must be heard soon
//! after that, and again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, LegId, Mono};
use callcenter::event::Event;
use lab::{Heard, PhoneId, Tone, Tones};
use media::recording::Packet;

use crate::plan::{Need, Plan, Spec};
use crate::voice::{self, Voices};

/// Around a change of the plan either plan may be heard.
const SEAM: Duration = Duration::from_millis(200);
/// Who must be heard is heard so soon after the change: its first packets, a jitter buffer, a lost packet or two.
const SOON: Duration = Duration::from_millis(1_500);
/// And is never missed for longer, while it speaks.
const GAP_MAX: Duration = Duration::from_millis(700);
/// Who has not been silent for longer speaks steadily.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// All that is known of who hears whom.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    plan: Plan,
    /// What each leg was to hear, and since when.
    specs: BTreeMap<LegId, Vec<(Mono, Spec)>>,
    voices: Voices,
    /// The leg that a phone speaks on.
    legs: BTreeMap<PhoneId, LegId>,
    /// Since when each leg's far end speaks without a pause, and when it was heard last.
    speaks: BTreeMap<LegId, (Mono, Mono)>,
    /// What was in the last packet that left for a leg.
    before: BTreeMap<LegId, Tones>,
    /// When a packet with the voice of the second left for the first.
    heard: BTreeMap<(LegId, LegId), Mono>,
    /// When one with music did.
    music: BTreeMap<LegId, Mono>,
    /// Phones that need not hear, nor be heard, until then.
    turned: BTreeMap<PhoneId, Mono>,
    /// Legs that are sent digits.
    dialled: BTreeMap<LegId, Mono>,
    /// What was looked at.
    pub(crate) packets: u64,
    /// How often a leg was found to hear another one that it must hear, and music that it must.
    pub(crate) found: u64,
}

impl Listening {
    /// Reads an event as it is appended: sound does not wait for a commit.
    pub(crate) fn read(&mut self, now: Mono, event: &Event) {
        let Some(call) = self.plan.read(event) else { return };
        for leg in self.plan.legs(call).collect::<Vec<_>>() {
            self.note(now, leg);
        }
    }

    /// The program died.
    pub(crate) fn die(&mut self, now: Mono) {
        let living: Vec<_> = self.plan.living().collect();
        self.plan.die();
        living.into_iter().for_each(|leg| self.note(now, leg));
    }

    /// What a phone says from now on.
    pub(crate) fn voice(&mut self, phone: PhoneId, tone: Tone) {
        self.voices.give(phone, tone);
    }

    /// A phone is called for a leg.
    pub(crate) fn called(&mut self, phone: PhoneId, leg: LegId) {
        self.legs.insert(phone, leg);
    }

    /// Until then nothing is known of the sound of a phone: it holds or takes back by itself.
    pub(crate) fn turned(&mut self, phone: PhoneId, until: Mono) {
        self.turned.insert(phone, until);
    }

    /// Until then a leg may hear digits in place of all else.
    pub(crate) fn dialled(&mut self, leg: LegId, until: Mono) {
        self.dialled.insert(leg, until);
    }

    /// A packet of a phone reaches the port of a leg.
    pub(crate) fn came(&mut self, now: Mono, phone: PhoneId, leg: LegId, packet: &[u8]) {
        // Who calls the switch is known by where it speaks.
        self.legs.entry(phone).or_insert(leg);
        if self.legs.get(&phone) != Some(&leg) || !voice::is_sound(packet) || !self.voices.has(phone) {
            return;
        }
        let (since, last) = self.speaks.get(&leg).copied().unwrap_or((now, now));
        let since = if now.since(last) > PAUSE_MAX { now } else { since };
        self.speaks.insert(leg, (since, now));
        if now.since(since) > SOON {
            self.expect_to_be_heard(now, leg);
            self.expect_music(now, leg);
        }
    }

    /// A packet leaves the switch for the far end of a leg, if one is there.
    pub(crate) fn left(&mut self, now: Mono, leg: LegId, phone: Option<PhoneId>, packet: &[u8]) {
        if let Some(phone) = phone {
            self.legs.entry(phone).or_insert(leg);
        }
        let Some(heard) = self.voices.in_packet(packet) else { return };
        self.packets += 1;
        if heard.other {
            return;
        }
        // A single packet may have anything in it where sounds meet.
        let before = self.before.insert(leg, heard.tones).unwrap_or_default();
        for tone in heard.tones.iter().filter(|tone| before.has(*tone)) {
            match tone {
                Tone::MUSIC => {
                    let fits = self.was(now, leg, |spec| spec.music != Need::Never);
                    assert!(fits, "leg {leg} hears music: {}", self.story(leg));
                    self.music.insert(leg, now);
                }
                _ => self.hears(now, leg, tone),
            }
        }
        if heard.network {
            let fits = self.was(now, leg, |spec| spec.network != Need::Never);
            assert!(fits, "leg {leg} hears ring-back: {}", self.story(leg));
        }
    }

    /// A packet that came at that moment is stored.
    pub(crate) fn stored(&mut self, call: CallId, packet: &Packet) {
        let Some(Heard { tones, other: false, .. }) = self.voices.in_sound(packet.codec, &packet.payload)
        else {
            return;
        };
        for tone in tones.iter().filter(|tone| *tone != Tone::MUSIC) {
            let leg = self.speaker(tone);
            assert_eq!(self.plan.call_of(leg), Some(call), "the recording of call {call} stores leg {leg}");
        }
    }

    fn hears(&mut self, now: Mono, leg: LegId, tone: Tone) {
        let speaker = self.speaker(tone);
        let fits = self.was(now, leg, |spec| spec.must.contains(&speaker) || spec.may.contains(&speaker));
        assert!(fits, "leg {leg} hears leg {speaker}: {}", self.story(leg));
        self.heard.insert((leg, speaker), now);
    }

    fn speaker(&self, tone: Tone) -> LegId {
        let phone = self.voices.phone(tone).unwrap_or_else(|| panic!("{tone:?} is heard, which nobody says"));
        *self.legs.get(&phone).unwrap_or_else(|| panic!("{phone:?} is heard, which is on no leg"))
    }

    /// Everybody who must hear this leg does.
    fn expect_to_be_heard(&mut self, now: Mono, speaker: LegId) {
        let Some(call) = self.plan.call_of(speaker) else { return };
        for leg in self.plan.legs(call).collect::<Vec<_>>() {
            if self.always(now, leg, |spec| spec.must.contains(&speaker))
                && !self.is_turned(now, leg)
                && !self.is_turned(now, speaker)
            {
                let last = self.heard.get(&(leg, speaker)).copied();
                let recent = last.is_some_and(|last| now.since(last) < GAP_MAX);
                assert!(
                    recent,
                    "at {now:?} leg {leg} does not hear leg {speaker}, last {last:?}: {}",
                    self.story(leg)
                );
                self.found += 1;
            }
        }
    }

    /// This leg's far end, which is there, hears music if it must.
    fn expect_music(&mut self, now: Mono, leg: LegId) {
        if self.always(now, leg, |spec| spec.music == Need::Must) && !self.is_turned(now, leg) {
            let recent = self.music.get(&leg).is_some_and(|last| now.since(*last) < GAP_MAX);
            assert!(recent, "leg {leg} hears no music: {}", self.story(leg));
            self.found += 1;
        }
    }

    fn is_turned(&self, now: Mono, leg: LegId) -> bool {
        let is_of = |phone: &PhoneId| self.legs.get(phone) == Some(&leg);
        let turned = self.turned.iter().any(|(phone, until)| now < *until && is_of(phone));
        turned || self.dialled.get(&leg).is_some_and(|until| now < *until)
    }

    /// Whether that was so at some moment of the seam that ends now.
    fn was(&self, now: Mono, leg: LegId, is: impl Fn(&Spec) -> bool) -> bool {
        let specs = self.specs.get(&leg).map_or(&[][..], Vec::as_slice);
        let mut until = now;
        for (since, spec) in specs.iter().rev() {
            if now.since(until) > SEAM {
                return false;
            }
            if is(spec) {
                return true;
            }
            until = *since;
        }
        false
    }

    /// Whether that has been so for long enough.
    fn always(&self, now: Mono, leg: LegId, is: impl Fn(&Spec) -> bool) -> bool {
        for (since, spec) in self.specs.get(&leg).map_or(&[][..], Vec::as_slice).iter().rev() {
            if !is(spec) {
                return false;
            }
            if now.since(*since) > SOON {
                return true;
            }
        }
        false
    }

    fn note(&mut self, now: Mono, leg: LegId) {
        let (spec, specs) = (self.plan.spec(leg), self.specs.entry(leg).or_default());
        if specs.last().is_none_or(|(_, last)| *last != spec) {
            specs.push((now, spec));
        }
    }

    /// For who reads of a failure.
    fn story(&self, leg: LegId) -> String {
        format!("{:?}\n{:?}", self.specs.get(&leg), self.plan.call_of(leg).map(|call| self.plan.tell(call)))
    }
}
