//! A desk to test at: one account, a clock, and every event checked as it comes.
//!
//! After each input the desk checks the invariants, that events are numbered without gaps and come before what they
//! justify, and that replaying the log (through JSON, as the store keeps it) gives the live state.

pub(crate) mod words;

use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, Mono, Now, Random, Snowflake, Wall};
use callcenter::action::{Action, RecordingFiles};
use callcenter::command::{
    Accepted, Choice, Command, DialOut, GroupRule, LoginType, Refusal, WebCall, WebCallee,
};
use callcenter::config::{
    Account, AccountStatus, Agent, AgentStatus, DialoutRingAt, Edition, InboundRoute, NumberGroup,
    RecordingFormat, RecordingMode,
};
use callcenter::event::{Event, Numbered, Role};
use callcenter::numbers::NumberPlan;
use callcenter::record::CallRecord;
use callcenter::signal::{Cause, EndedBy, Failure, Signal};
use callcenter::{Center, Input, Output};

pub(crate) const CUSTOMER: &str = "17319132391";
pub(crate) const SHOWN: &str = "02258834811";
/// Where calls to [`SHOWN`] are put through to.
pub(crate) const DESTINATION: &str = "sip:desk@192.0.2.5:5060";

/// 2021-05-08 14:39:32 in UTC+8, when the API document's sample call starts.
pub(crate) const START: Wall = Wall::from_millis(1_620_455_972_000);

pub(crate) struct Desk {
    pub(crate) center: Center,
    pub(crate) account: Account,
    pub(crate) now: Now,
    /// Everything ever told, oldest first.
    pub(crate) log: Vec<Numbered>,
    pub(crate) actions: Vec<Action>,
    /// Legs ever started, oldest first.
    pub(crate) legs: Vec<(LegId, Role)>,
    ids: Snowflake,
    fold: Center,
    lines: Vec<String>,
    last_command: u64,
    last_seq: u64,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Account)) -> Desk {
        let mut account = account();
        change(&mut account);
        Desk {
            center: center(&account),
            fold: center(&account),
            account,
            now: Now { mono: Mono::ZERO, wall: START },
            log: Vec::new(),
            actions: Vec::new(),
            legs: Vec::new(),
            ids: Snowflake::new(1, 0),
            lines: Vec::new(),
            last_command: 0,
            last_seq: 0,
        }
    }

    /// A desk at which these agents are signed in, idle; 8005 and above with their SIP phones.
    pub(crate) fn signed_in(agents: &[&str]) -> Desk {
        Desk::new().and_signed_in(agents)
    }

    pub(crate) fn and_signed_in(mut self, agents: &[&str]) -> Desk {
        for agent in agents {
            let login = if *agent >= "8005" { LoginType::Sip } else { LoginType::Pstn };
            if login == LoginType::Sip {
                self.signal(Signal::PhoneRegistered { user: (*agent).to_owned() });
            }
            self.online(agent, login, Choice::Idle).expect("the agent may sign in");
        }
        self.lines.clear();
        self
    }

    pub(crate) fn online(
        &mut self,
        agent: &str,
        login: LoginType,
        choice: Choice,
    ) -> Result<Accepted, Refusal> {
        self.ask(Command::Online { agent: agent.to_owned(), login, choice })
    }

    pub(crate) fn offline(&mut self, agent: &str) -> Result<Accepted, Refusal> {
        self.ask(Command::Offline { agent: agent.to_owned() })
    }

    pub(crate) fn busy(&mut self, agent: &str) -> Result<Accepted, Refusal> {
        self.ask(Command::Busy { agent: agent.to_owned() })
    }

    pub(crate) fn rest(&mut self, agent: &str) -> Result<Accepted, Refusal> {
        self.ask(Command::Rest { agent: agent.to_owned() })
    }

    pub(crate) fn hangup(&mut self, agent: &str) -> Result<Accepted, Refusal> {
        self.ask(Command::Hangup { agent: agent.to_owned() })
    }

    pub(crate) fn dial(&mut self, agent: &str) -> CallId {
        let accepted = self.ask(Command::DialOut(dial_out(agent))).expect("the agent may call");
        accepted.call.expect("a dialOut begins a call")
    }

    /// Passes a command in and returns its one reply.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Accepted, Refusal> {
        self.last_command += 1;
        let id = CommandId(self.last_command);
        let replies = self.input(Input::Command { id, command });
        assert_eq!(replies.len(), 1, "a command gets one reply");
        assert_eq!(replies[0].0, id, "the reply is to the command");
        replies[0].1
    }

    pub(crate) fn signal(&mut self, signal: Signal) {
        let replies = self.input(Input::Signal(signal));
        assert!(replies.is_empty(), "only commands get replies");
    }

    /// The newest leg in this role.
    pub(crate) fn leg(&self, role: Role) -> LegId {
        self.legs.iter().rev().find(|(_, of)| *of == role).expect("such a leg was started").0
    }

    /// Somebody calls by the trunk "carrier". The number of the caller's leg.
    pub(crate) fn is_called(&mut self, called: &str, caller: Option<&str>) -> LegId {
        let leg = LegId(self.ids.next(self.now.wall));
        self.signal(Signal::CallArrived {
            leg,
            trunk: "carrier".to_owned(),
            called: called.to_owned(),
            caller: caller.map(str::to_owned),
        });
        leg
    }

    /// A registered phone calls by itself. The number of its leg.
    pub(crate) fn phone_calls(&mut self, user: &str, called: &str) -> LegId {
        let leg = LegId(self.ids.next(self.now.wall));
        self.signal(Signal::PhoneCalled { leg, user: user.to_owned(), called: called.to_owned() });
        leg
    }

    pub(crate) fn rings(&mut self, role: Role) {
        self.signal(Signal::LegRinging { leg: self.leg(role), early_media: false });
    }

    pub(crate) fn speaks_early(&mut self, role: Role) {
        self.signal(Signal::LegRinging { leg: self.leg(role), early_media: true });
    }

    pub(crate) fn answers(&mut self, role: Role) {
        self.signal(Signal::LegAnswered { leg: self.leg(role) });
    }

    /// The leg's phone hangs up after it was answered, or refuses with this code.
    pub(crate) fn ends(&mut self, role: Role, cause: Cause) {
        let gateway = (role == Role::Customer).then(|| "192.0.2.7:5060".parse().expect("an address"));
        self.signal(Signal::LegEnded { leg: self.leg(role), cause, gateway });
    }

    pub(crate) fn recording_stops(&mut self, call: CallId, length_ms: u64) {
        self.signal(Signal::RecordingStopped { call, length: Duration::from_millis(length_ms) });
    }

    /// A dialOut in which both have answered, ringing 5 s each as in the document's sample.
    pub(crate) fn linked(&mut self, agent: &str) -> CallId {
        let call = self.dial(agent);
        self.rings(Role::Agent);
        self.wait_ms(5000);
        self.answers(Role::Agent);
        self.rings(Role::Customer);
        self.wait_ms(5000);
        self.answers(Role::Customer);
        self.lines.clear();
        call
    }

    /// Lets time pass, with every timer at its moment.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        let end = self.now.later(Duration::from_millis(ms));
        while let Some((at, _)) = self.center.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Account)) {
        change(&mut self.account);
        self.center.reconfigure(self.now, self.account.clone());
        self.drain();
    }

    /// Crashes after `events` events were committed, and starts again from those. The rest was never told to anybody.
    pub(crate) fn crash_after(&mut self, events: usize) {
        let kept = self.log[..events].to_vec();
        self.restart_from(kept, u64::try_from(events).expect("a length fits u64"));
    }

    /// Starts again from these events of a log that ended with the number `last_seq`.
    pub(crate) fn restart_from(&mut self, kept: Vec<Numbered>, last_seq: u64) {
        self.log = kept;
        self.center = center(&self.account);
        self.fold = center(&self.account);
        for event in &self.log {
            self.center.replay(event);
            self.fold.replay(event);
        }
        self.center.resume_at(last_seq + 1);
        self.last_seq = last_seq;
        self.signal(Signal::Restarted);
    }

    pub(crate) fn restart(&mut self) {
        self.crash_after(self.log.len());
    }

    /// What happened since the last look, one line each: see [`words`].
    pub(crate) fn look(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, lines: &str) {
        let expected: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let told = self.look();
        assert_eq!(told, expected, "told:\n{}\n", told.join("\n"));
    }

    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        self.expect("");
    }

    pub(crate) fn records(&self) -> Vec<CallRecord> {
        let record = |numbered: &Numbered| match &numbered.event {
            Event::CallRecorded { record } => Some(record.as_ref().clone()),
            _ => None,
        };
        self.log.iter().filter_map(record).collect()
    }

    /// The records of those who were brought into calls.
    pub(crate) fn party_records(&self) -> Vec<CallRecord> {
        let record = |numbered: &Numbered| match &numbered.event {
            Event::PartyRecorded { record } => Some(record.as_ref().clone()),
            _ => None,
        };
        self.log.iter().filter_map(record).collect()
    }

    /// The only record there is.
    #[track_caller]
    pub(crate) fn record(&self) -> CallRecord {
        let records = self.records();
        assert_eq!(records.len(), 1, "there is one record");
        records[0].clone()
    }

    fn input(&mut self, input: Input) -> Vec<(CommandId, Result<Accepted, Refusal>)> {
        self.center.handle_input(self.now, input, &mut self.ids);
        self.drain()
    }

    fn drain(&mut self) -> Vec<(CommandId, Result<Accepted, Refusal>)> {
        let mut replies = Vec::new();
        let mut effects_of_input = 0;
        while let Some(output) = self.center.poll_output() {
            self.lines.push(words::output(&output, &mut self.legs));
            match output {
                Output::Event(numbered) => {
                    self.keep(numbered);
                }
                Output::Action(action) => {
                    effects_of_input += 1;
                    assert!(replies.is_empty(), "actions come before the reply");
                    self.actions.push(action);
                }
                Output::Reply { id, result } => replies.push((id, result)),
                Output::Diagnostic { problem, .. } => panic!("a decision failed: {problem}"),
            }
        }
        // One that is a deadline may be that of several calls.
        assert!(effects_of_input <= 24, "an input has few effects");
        self.center.check_invariants();
        assert_eq!(self.center.state(), self.fold.state(), "the state is the fold of the log");
        replies
    }

    fn keep(&mut self, numbered: Numbered) {
        self.last_seq += 1;
        assert_eq!(numbered.seq, self.last_seq, "events are numbered without gaps");
        assert_eq!(numbered.account, self.account.id);
        assert_eq!(numbered.at, self.now.wall);
        assert_eq!(numbered.id.len(), 32);
        let text = serde_json::to_string(&numbered).expect("an event can be written");
        let read: Numbered = serde_json::from_str(&text).expect("a written event can be read");
        assert_eq!(read, numbered, "an event survives the log");
        self.fold.replay(&read);
        self.log.push(numbered);
    }
}

pub(crate) fn far(sip_code: u16, failure: Failure) -> Cause {
    Cause { sip_code, by: EndedBy::Far, failure }
}

/// BYE.
pub(crate) fn bye() -> Cause {
    far(200, Failure::None)
}

/// 487 after our CANCEL.
pub(crate) fn cancelled() -> Cause {
    Cause { sip_code: 487, by: EndedBy::Us, failure: Failure::Cancel }
}

/// 200 to our BYE.
pub(crate) fn ended_by_us() -> Cause {
    Cause { sip_code: 200, by: EndedBy::Us, failure: Failure::None }
}

pub(crate) fn lost(sip_code: u16, failure: Failure) -> Cause {
    Cause { sip_code, by: EndedBy::Network, failure }
}

pub(crate) fn dial_out(agent: &str) -> DialOut {
    DialOut {
        agent: agent.to_owned(),
        callee: CUSTOMER.to_owned(),
        agent_ring_max: None,
        customer_ring_max: None,
        agent_shown: None,
        customer_shown: None,
        extras: "{\"a\":1}".to_owned(),
        group: None,
        group_rule: GroupRule::Random,
        group_area: None,
    }
}

pub(crate) fn web_call(callee: WebCallee) -> WebCall {
    WebCall {
        caller: CUSTOMER.to_owned(),
        caller_ring_max: None,
        caller_shown: None,
        callee,
        callee_ring_max: None,
        callee_shown: None,
        extras: String::new(),
    }
}

pub(crate) fn files(token: &str) -> RecordingFiles {
    RecordingFiles { token: token.to_owned(), ..RecordingFiles::default() }
}

fn center(account: &Account) -> Center {
    Center::new(account.clone(), Arc::new(NumberPlan::empty()), Random::from_number(7))
}

/// Agents 8000–8004 have mobiles, 8005–8009 SIP phones; wrap-up 5 s.
fn account() -> Account {
    Account {
        id: AccountId(2_000_103),
        status: AccountStatus::Enabled,
        utc_offset_s: 8 * 3600,
        agents: (8000..8010).map(agent).collect(),
        numbers: [SHOWN, "01081400192", "01081400193"].map(str::to_owned).to_vec(),
        default_number: Some(SHOWN.to_owned()),
        groups: vec![
            group("60541bbf4aab2c0021278ad2", "group 1", &["01081400192", "01081400193"]),
            group("605be962a342660011ecc5af", "empty", &[]),
        ],
        editions: vec![
            Edition { name: "standard".to_owned(), licences: 10, calls: true },
            Edition { name: "mute".to_owned(), licences: 10, calls: false },
        ],
        busy_reasons: vec![(100, "lunch".to_owned())],
        agent_ring: Duration::from_secs(60),
        customer_ring: Duration::from_secs(120),
        call_age_max: Duration::from_secs(4 * 3600),
        recording: RecordingMode::Normal,
        inbound: vec![InboundRoute {
            trunk: "carrier".to_owned(),
            called: SHOWN.to_owned(),
            to: DESTINATION.to_owned(),
            recording: RecordingMode::Normal,
            ring: Duration::from_secs(30),
        }],
        recording_format: RecordingFormat::Mp3,
        dialout_ring_at: DialoutRingAt::Customer,
        calls_max: 100,
        calls_per_s_max: None,
        number_calls_max: Default::default(),
        transfer_sound: Default::default(),
        consult_without_customer: Default::default(),
        conference_without_customer: Default::default(),
        hold_recording: Default::default(),
    }
}

fn agent(number: u32) -> Agent {
    let is_mobile = number < 8005;
    Agent {
        number: number.to_string(),
        name: format!("agent {number}"),
        id: format!("6094f5aa69660900{number:08}"),
        status: AgentStatus::Enabled,
        mobile: is_mobile.then(|| format!("1390000{number}")),
        sip_user: (!is_mobile).then(|| number.to_string()),
        bound_number: None,
        edition: "standard".to_owned(),
        wrap_up: Duration::from_secs(5),
        supervisor: false,
    }
}

fn group(id: &str, name: &str, numbers: &[&str]) -> NumberGroup {
    let numbers = numbers.iter().map(|number| (*number).to_owned()).collect();
    NumberGroup { id: id.to_owned(), name: name.to_owned(), numbers }
}
