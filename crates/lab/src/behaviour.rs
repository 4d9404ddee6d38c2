//! What the phones do: the one table behind the last four digits of a number.
//!
//! "Answers" means: rings for a second, then answers. A phone that answered stays until the far end hangs up, unless its
//! row says otherwise.

use std::time::Duration;

use crate::prompt::Prompt;
use crate::tone::Tone;

/// One thing a phone does. A phone that came to the end of its steps goes on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rings: 180.
    Ring,
    /// Opens the line before the answer: 183 with SDP.
    EarlyMedia,
    /// Answers: 200.
    Answer,
    /// Answers with two 200s of different To tags, as when a call forked and both phones were taken up at once.
    AnswerTwice,
    /// Refuses with this status.
    Refuse(u16),
    /// Lets time pass.
    Wait(Duration),
    /// Plays a prompt, and goes on at its end.
    Play(Prompt),
    /// Plays a prompt again and again from now on.
    Repeat(Prompt),
    /// Says a tone from now on.
    Say(Tone),
    /// Sends back what it hears from now on.
    Echo,
    /// Presses keys (RFC 4733).
    Press(&'static str),
    /// Hangs up.
    HangUp,
}

use Step::{Answer, AnswerTwice, EarlyMedia, Echo, HangUp, Play, Press, Refuse, Repeat, Ring, Wait};

/// One row: numbers that end like this behave like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// Last digits of the number.
    pub ending: &'static str,
    /// What the phone does.
    pub steps: &'static [Step],
}

/// The numbers with a behaviour of their own.
#[rustfmt::skip]
pub const TABLE: &[Behaviour] = &[
    // A customer who talks until the far end hangs up.
    row("0001", &[Ring, Wait(secs(1)), Answer, Repeat(Prompt::Customer)]),
    // Busy.
    row("0002", &[Refuse(486)]),
    // Nobody there: rings, and never answers.
    row("0003", &[Ring]),
    // Declined by its owner.
    row("0004", &[Ring, Wait(secs(2)), Refuse(603)]),
    // 空号, 关机, 正在通话中: the network tells why before it refuses.
    row("0005", &[EarlyMedia, Play(Prompt::VacantNumber), Refuse(404)]),
    row("0006", &[EarlyMedia, Play(Prompt::SwitchedOff), Refuse(480)]),
    row("0007", &[EarlyMedia, Play(Prompt::LineBusy), Refuse(486)]),
    // Talks for five seconds, then hangs up.
    row("0008", &[Ring, Wait(secs(1)), Answer, Repeat(Prompt::Customer), Wait(secs(5)), HangUp]),
    // The trunk is out of order.
    row("0009", &[Refuse(503)]),
    // Slow to answer.
    row("0010", &[Ring, Wait(secs(20)), Answer, Repeat(Prompt::Customer)]),
    // Presses 1 2 3 #, a second apart.
    row("0011", &[Ring, Wait(secs(1)), Answer, Repeat(Prompt::Silence), Wait(secs(1)), Press("1"), Wait(secs(1)),
                  Press("2"), Wait(secs(1)), Press("3"), Wait(secs(1)), Press("#")]),
    // A mailbox: greeting, beep, silence.
    row("0012", &[Ring, Wait(secs(1)), Answer, Play(Prompt::MailboxGreeting), Play(Prompt::Beep),
                  Repeat(Prompt::Silence)]),
    // Answers, but no sound comes from it.
    row("0013", &[Ring, Wait(secs(1)), Answer]),
    // Rings, then the network speaks on the line, then the customer answers.
    row("0014", &[Ring, Wait(secs(1)), EarlyMedia, Play(Prompt::Connecting), Answer, Repeat(Prompt::Customer)]),
    // Two phones are taken up at once.
    row("0015", &[Ring, Wait(secs(1)), AnswerTwice, Repeat(Prompt::Customer)]),
];

/// Every other number: answers, and echoes what it hears.
pub const OTHER: &[Step] = &[Ring, Wait(secs(1)), Answer, Echo];

/// Agents' mobiles and registered phones: an agent who answers and speaks.
pub const AGENT: &[Step] = &[Ring, Wait(secs(1)), Answer, Repeat(Prompt::Agent)];

const fn row(ending: &'static str, steps: &'static [Step]) -> Behaviour {
    Behaviour { ending, steps }
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_four_digits_in_order_and_each_is_there_once() {
        let endings: Vec<_> = TABLE.iter().map(|row| row.ending).collect();
        let expected: Vec<_> = (1..=15).map(|n| format!("{n:04}")).collect();
        assert_eq!(endings, expected);
    }

    #[test]
    fn a_refusal_or_hang_up_is_the_last_step_and_sound_needs_an_open_line() {
        for steps in TABLE.iter().map(|row| row.steps).chain([OTHER, AGENT]) {
            let opened = steps.iter().position(|step| matches!(step, EarlyMedia | Answer | AnswerTwice));
            for (n, step) in steps.iter().enumerate() {
                match step {
                    Refuse(_) | HangUp => assert_eq!(n + 1, steps.len(), "{steps:?}"),
                    Play(_) | Repeat(_) | Step::Say(_) | Echo | Press(_) => {
                        assert!(opened.is_some_and(|opened| opened < n), "{steps:?}");
                    }
                    Ring | EarlyMedia | Answer | AnswerTwice | Wait(_) => {}
                }
            }
        }
    }
}
