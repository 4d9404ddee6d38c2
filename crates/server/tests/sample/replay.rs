//! An account whose calls are replayed: the real decisions, at the times a sample shows, by commands as they are posted
//! and signals as phones and media give them.

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, Mono, Now, Random, Snowflake};
use callcenter::action::{Action, RecordingFiles};
use callcenter::event::{Event, Numbered, Role};
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, EndedBy, Failure, Signal};
use callcenter::{Center, Input, Output};
use server::config;
use server::contract::push::{Push, PushSettings, push};
use server::contract::request;
use server::contract::time::Zone;
use server::contract::verb::Verb;

/// The worker number in every call number of the document.
const WORKER: u16 = 1;
/// `gatewayIP` of the sample.
const GATEWAY: &str = "172.31.15.12:32766";

pub(crate) struct Replay {
    center: Center,
    pub(crate) settings: PushSettings,
    now: Now,
    ids: Snowflake,
    last_command: u64,
    /// Everything that happened, oldest first.
    pub(crate) log: Vec<Numbered>,
    legs: Vec<(LegId, Role)>,
    /// Legs that are being ended, and have not had their last word.
    ending: Vec<LegId>,
    recording: Option<(CallId, RecordingFiles)>,
}

impl Replay {
    /// The account as configured in `cordboard.toml`, on which nothing has happened by `time` (`at`).
    pub(crate) fn new(account: u64, time: &str, ms: u64) -> Replay {
        let config = config::parse(include_str!("cordboard.toml"), &|_| None)
            .expect("the samples' accounts can be configured");
        let account = config.accounts.iter().find(|one| one.id == AccountId(account)).expect("configured");
        let plan = Arc::new(config::number_plan(None).expect("the built-in number data is whole"));
        Replay {
            center: Center::new(account.center(), plan, Random::from_number(account.id.0)),
            settings: account.push_settings(&config.server.public_url),
            now: Now { mono: Mono::ZERO, wall: wall(time) + Duration::from_millis(ms) },
            ids: Snowflake::new(WORKER, 0),
            last_command: 0,
            log: Vec::new(),
            legs: Vec::new(),
            ending: Vec::new(),
            recording: None,
        }
    }

    /// Lets time pass until `time` (of the account's zone) and so many milliseconds, with every timer at its moment.
    pub(crate) fn at(&mut self, time: &str, ms: u64) -> &mut Replay {
        let end = wall(time) + Duration::from_millis(ms);
        let left = u64::try_from(end.as_millis() - self.now.wall.as_millis()).expect("samples go forward");
        let end = self.now.later(Duration::from_millis(left));
        while let Some((at, _)) = self.center.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.input(Input::Timeout);
        }
        self.now = end;
        self
    }

    /// A request is accepted.
    pub(crate) fn post(&mut self, verb: Verb, body: &str) -> &mut Replay {
        let command = request::read(verb, body.as_bytes()).expect("a good request").command;
        self.last_command += 1;
        let id = CommandId(self.last_command);
        self.input(Input::Command { id, command });
        self
    }

    pub(crate) fn rings(&mut self, role: Role) -> &mut Replay {
        self.signal(Signal::LegRinging { leg: self.leg(role), early_media: false })
    }

    pub(crate) fn answers(&mut self, role: Role) -> &mut Replay {
        self.signal(Signal::LegAnswered { leg: self.leg(role) })
    }

    /// The phone took our BYE.
    pub(crate) fn is_gone(&mut self, role: Role) -> &mut Replay {
        let cause = Cause { sip_code: 200, by: EndedBy::Us, failure: Failure::None };
        let gateway = Some(GATEWAY.parse().expect("an address"));
        self.signal(Signal::LegEnded { leg: self.leg(role), cause, gateway })
    }

    /// The far end hangs up.
    pub(crate) fn hangs_up(&mut self, role: Role) -> &mut Replay {
        let cause = Cause { sip_code: 200, by: EndedBy::Far, failure: Failure::None };
        self.signal(Signal::LegEnded { leg: self.leg(role), cause, gateway: None })
    }

    /// So did every phone that has been sent one.
    pub(crate) fn all_are_gone(&mut self) -> &mut Replay {
        for leg in std::mem::take(&mut self.ending) {
            let cause = Cause { sip_code: 200, by: EndedBy::Us, failure: Failure::None };
            self.signal(Signal::LegEnded { leg, cause, gateway: None });
        }
        self
    }

    /// The phone called last in this role refuses.
    pub(crate) fn is_busy(&mut self, role: Role) -> &mut Replay {
        let cause = Cause { sip_code: 486, by: EndedBy::Far, failure: Failure::Decline };
        let gateway = Some(GATEWAY.parse().expect("an address"));
        self.signal(Signal::LegEnded { leg: self.leg(role), cause, gateway })
    }

    pub(crate) fn recording_stops(&mut self, length_ms: u64) -> &mut Replay {
        let (call, _) = self.recording.clone().expect("a recording was started");
        self.signal(Signal::RecordingStopped { call, length: Duration::from_millis(length_ms) })
    }

    pub(crate) fn files_are_ready(&mut self) -> &mut Replay {
        let (call, files) = self.recording.clone().expect("a recording was started");
        self.signal(Signal::RecordingReady { call, files, part: None })
    }

    /// Every push so far, oldest first.
    pub(crate) fn pushes(&self) -> Vec<Push> {
        self.log.iter().filter_map(|event| push(event, &self.settings)).collect()
    }

    /// The only record there is.
    pub(crate) fn record(&self) -> CallRecord {
        let mut records = self.log.iter().filter_map(|numbered| match &numbered.event {
            Event::CallRecorded { record } => Some(record.as_ref().clone()),
            _ => None,
        });
        let record = records.next().expect("the call has a record");
        assert!(records.next().is_none(), "a call has one record");
        record
    }

    fn leg(&self, role: Role) -> LegId {
        self.legs.iter().rev().find(|(_, of)| *of == role).expect("such a leg was started").0
    }

    fn signal(&mut self, signal: Signal) -> &mut Replay {
        self.input(Input::Signal(signal));
        self
    }

    fn input(&mut self, input: Input) {
        self.center.handle_input(self.now, input, &mut self.ids);
        while let Some(output) = self.center.poll_output() {
            match output {
                Output::Event(numbered) => {
                    if let Event::LegStarted { leg, role, .. } = &numbered.event {
                        self.legs.push((*leg, *role));
                    }
                    self.log.push(numbered);
                }
                Output::Action(Action::StartRecording { call, files, .. }) => {
                    self.recording = Some((call, files));
                }
                Output::Action(Action::EndLeg { leg }) => self.ending.push(leg),
                Output::Action(_) => {}
                Output::Reply { result, .. } => {
                    assert!(result.is_ok(), "a request of the samples is refused: {result:?}")
                }
                Output::Diagnostic { problem, .. } => panic!("a decision failed: {problem}"),
            }
        }
    }
}

pub(crate) fn wall(time: &str) -> base::Wall {
    Zone::default().parse(time).unwrap_or_else(|| panic!("{time} is no time"))
}
