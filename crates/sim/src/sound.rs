//! The sound of the switch: its commands are held against the rules, then carried out by a media thread, or by a model
//! in which a stream is silent or it is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, LegId, Mono, Now, Random, StreamId};
use media::api::{Command, Counts, Signal};

use crate::Kind;
use crate::knobs::Knobs;
use crate::media_thread::{Made, MediaThread};
use crate::rules::Rules;
use crate::{setup, voice};

/// All streams of the switch.
#[derive(Debug)]
pub(crate) struct Sound {
    rules: Rules,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Model(Box<Model>),
    Thread {
        thread: Box<MediaThread>,
        /// How long a signal takes to the control thread.
        lag: Duration,
    },
}

impl Sound {
    pub(crate) fn new(knobs: &Knobs, random: Random) -> Sound {
        let work = match knobs.kind {
            Kind::Adversaries => Work::Model(Box::new(Model::new(knobs, random))),
            Kind::Lab | Kind::Verbs => {
                let (address, sounds) = (setup::switch_address().ip(), vec![voice::music()]);
                let thread = MediaThread::new(address, sounds, knobs.ports_unusable, random);
                Work::Thread { thread: Box::new(thread), lag: knobs.media_lag }
            }
        };
        Sound { rules: Rules::default(), work }
    }

    /// From now on every socket opens and every phone speaks.
    pub(crate) fn heal(&mut self) {
        match &mut self.work {
            Work::Model(model) => model.heal(),
            Work::Thread { thread, .. } => thread.heal(),
        }
    }

    pub(crate) fn handle_command(&mut self, now: Now, command: Command) {
        self.rules.check(&command);
        match &mut self.work {
            Work::Model(model) => model.handle_command(now.mono, command),
            Work::Thread { thread, .. } => thread.handle_command(now, command),
        }
    }

    /// A datagram came to an RTP port.
    pub(crate) fn handle_packet(&mut self, now: Now, port: u16, from: SocketAddr, data: &[u8]) {
        match &mut self.work {
            Work::Model(_) => {}
            Work::Thread { thread, .. } => thread.handle_packet(now, port, from, data),
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        match &mut self.work {
            Work::Model(_) => {}
            Work::Thread { thread, .. } => thread.handle_timeout(now),
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        match &self.work {
            Work::Model(_) => None,
            Work::Thread { thread, .. } => thread.next_timeout(),
        }
    }

    /// What was made, and after how long it arrives where it belongs.
    pub(crate) fn poll_made(&mut self) -> Option<(Duration, Made)> {
        match &mut self.work {
            Work::Model(model) => model.signals.pop_front().map(|(lag, signal)| (lag, Made::Signal(signal))),
            Work::Thread { thread, lag } => thread.poll_made().map(|made| (*lag, made)),
        }
    }

    /// Whose an RTP port is.
    pub(crate) fn leg_at(&self, port: u16) -> Option<LegId> {
        self.rules.leg_at(port)
    }

    /// The port that was given out last, if any is in use.
    pub(crate) fn newest_port(&self) -> Option<u16> {
        self.rules.newest_port()
    }

    /// The ports in use are those of the streams that are open.
    pub(crate) fn check(&self, ports_used: usize) {
        assert_eq!(self.rules.streams(), ports_used, "the ports in use are not those of the wanted streams");
        match &self.work {
            Work::Model(_) => {}
            Work::Thread { thread, .. } => {
                assert_eq!(thread.wanted(), ports_used, "the ports in use are not those of open streams");
            }
        }
    }

    /// Nothing is open and nothing is recorded.
    pub(crate) fn assert_at_rest(&self) {
        self.rules.assert_at_rest();
        match &self.work {
            Work::Model(_) => {}
            Work::Thread { thread, .. } => thread.assert_at_rest(),
        }
    }
}

/// Sound that nobody makes.
#[derive(Debug)]
struct Model {
    recordings: BTreeMap<CallId, Mono>,
    mute: u64,
    ports_unusable: u64,
    /// Streams that could not be opened and are not closed yet.
    unusable: BTreeSet<StreamId>,
    random: Random,
    signals: VecDeque<(Duration, Signal)>,
}

impl Model {
    fn new(knobs: &Knobs, random: Random) -> Model {
        Model {
            recordings: BTreeMap::new(),
            mute: knobs.mute,
            ports_unusable: knobs.ports_unusable,
            unusable: BTreeSet::new(),
            random,
            signals: VecDeque::new(),
        }
    }

    fn heal(&mut self) {
        self.mute = 0;
        self.ports_unusable = 0;
    }

    fn handle_command(&mut self, now: Mono, command: Command) {
        match command {
            Command::Open { stream, .. } => {
                if self.random.chance(self.ports_unusable) {
                    self.unusable.insert(stream);
                    self.signals.push_back((Duration::from_millis(1), Signal::OpenFailed { stream }));
                }
            }
            Command::Watch { stream, silence_max } => {
                let silent = self.random.chance(self.mute);
                if let Some(after) = silence_max.filter(|_| silent) {
                    self.signals.push_back((after, Signal::Silent { stream }));
                }
            }
            Command::Record { call, .. } => {
                self.recordings.insert(call, now);
            }
            Command::StopRecord { call } => {
                let began = self.recordings.remove(&call).expect("the rules say that it was recorded");
                let lag = Duration::from_micros(self.random.below(1_500_000));
                self.signals.push_back((lag, Signal::RecordingStopped { call, length: now.since(began) }));
            }
            Command::Store { .. }
            | Command::Agree { .. }
            | Command::Hear { .. }
            | Command::Listen { .. }
            | Command::SendDigits { .. } => {}
            Command::Close { stream } => {
                if !self.unusable.remove(&stream) {
                    let lag = Duration::from_micros(self.random.below(1_500_000));
                    let counts = Counts { received: self.random.below(3), ..Counts::default() };
                    self.signals.push_back((lag, Signal::Closed { stream, counts }));
                }
            }
        }
    }
}
