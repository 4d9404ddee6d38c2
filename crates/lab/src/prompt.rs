//! What the phones say. `prompts/prompts.txt` has the words, `prompts/make.sh` speaks them into the files embedded here.

use std::sync::OnceLock;

use media::sound::Sound;
use media::wav;

use crate::tone;

/// A prompt; its number is the index of its sound in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prompt {
    /// An agent who answers: 您好,我是话务员,请讲。
    Agent,
    /// A customer: 喂,你好。我想问一下我的订单什么时候能送到。
    Customer,
    /// The network: the number does not exist (空号).
    VacantNumber,
    /// The network: the phone is switched off (关机).
    SwitchedOff,
    /// The network: the phone is in a call (正在通话中).
    LineBusy,
    /// A mailbox that takes messages after the beep.
    MailboxGreeting,
    /// 1000 Hz for half a second.
    Beep,
    /// The network, while it looks for the called phone.
    Connecting,
    /// One second of it: a phone whose owner says nothing still sends packets.
    Silence,
}

impl Prompt {
    /// All, by index.
    pub const ALL: [Prompt; 9] = [
        Prompt::Agent,
        Prompt::Customer,
        Prompt::VacantNumber,
        Prompt::SwitchedOff,
        Prompt::LineBusy,
        Prompt::MailboxGreeting,
        Prompt::Beep,
        Prompt::Connecting,
        Prompt::Silence,
    ];

    /// The index of its sound in [`sounds`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The embedded file; silence needs none.
    const fn file(self) -> Option<&'static [u8]> {
        match self {
            Prompt::Agent => Some(include_bytes!("../prompts/agent.wav")),
            Prompt::Customer => Some(include_bytes!("../prompts/customer.wav")),
            Prompt::VacantNumber => Some(include_bytes!("../prompts/vacant_number.wav")),
            Prompt::SwitchedOff => Some(include_bytes!("../prompts/switched_off.wav")),
            Prompt::LineBusy => Some(include_bytes!("../prompts/line_busy.wav")),
            Prompt::MailboxGreeting => Some(include_bytes!("../prompts/mailbox_greeting.wav")),
            Prompt::Beep => Some(include_bytes!("../prompts/beep.wav")),
            Prompt::Connecting => Some(include_bytes!("../prompts/connecting.wav")),
            Prompt::Silence => None,
        }
    }
}

/// The sounds that the engine behind the lab must be given: in the order of [`Prompt::ALL`], and then that of the tones.
pub fn sounds() -> Vec<Sound> {
    static SOUNDS: OnceLock<Vec<Sound>> = OnceLock::new();
    let prompts = || Prompt::ALL.map(|prompt| Sound::new(&prompt_samples(prompt)));
    SOUNDS.get_or_init(|| prompts().into_iter().chain(tone::sounds()).collect()).clone()
}

/// A prompt as samples at 8 kHz, to compare a recording with.
pub fn prompt_samples(prompt: Prompt) -> Vec<i16> {
    match prompt.file() {
        Some(file) => wav::read(file).expect("a test reads every embedded file").samples,
        None => vec![0; 8000],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::PROMPT_MAX;

    #[test]
    fn every_prompt_is_at_its_index_at_8_khz_and_short_enough() {
        let sounds = sounds();
        for (n, prompt) in Prompt::ALL.into_iter().enumerate() {
            assert_eq!(prompt.index(), n);
            if let Some(file) = prompt.file() {
                assert_eq!(wav::read(file).expect("PCM of 16 bits").rate_hz, 8000, "{prompt:?}");
            }
            assert!(sounds[n].length() < PROMPT_MAX, "{prompt:?}");
        }
    }

    #[test]
    fn speech_is_loud_enough_and_does_not_clip() {
        for prompt in Prompt::ALL.into_iter().filter(|prompt| *prompt != Prompt::Silence) {
            let samples = prompt_samples(prompt);
            let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().expect("not empty");
            assert!((8_000..30_000).contains(&peak), "{prompt:?} {peak}");
        }
    }

    #[test]
    fn the_table_of_words_names_every_spoken_prompt() {
        let table = include_str!("../prompts/prompts.txt");
        let rows = table.lines().filter(|row| !row.is_empty() && !row.starts_with('#')).count();
        let spoken = |prompt: &Prompt| prompt.file().is_some() && *prompt != Prompt::Beep;
        assert_eq!(rows, Prompt::ALL.iter().filter(|prompt| spoken(prompt)).count());
    }
}
