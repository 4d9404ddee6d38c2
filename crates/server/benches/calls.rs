//! What a call costs inside: the switch alone, then what it appended in the store. No socket, no HTTP, no sound.
//!
//! An agent calls a customer by a trunk, both answer, the customer hangs up: the whole of a `dialOut` with its events and its
//! record. The network is an endpoint of `sip` whose work is not counted. What counts is processor time, not the clock on
//! the wall.
//!
//! `cargo bench -p server --bench calls [-- DIR]`; DIR chooses the disk of the store.
#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base::{AccountId, CommandId, LogNo, Mono, Now, Random, Wall};
use bytes::Bytes;
use callcenter::command::{Choice, Command, DialOut, GroupRule, LoginType};
use callcenter::event::Numbered;
use callcenter::record::CallRecord;
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia};
use rustix::time::{ClockId, clock_gettime};
use server::config::{self, Config, number_plan};
use server::contract::record::record;
use server::store::{LogState, Push, Render, Store, Watch};
use sip::api::{DialogId, Event, Flow, Transport};
use sip::message::Host;
use sip::{Endpoint, Listener};
use switch::Switch;
use switch::api::{Entry, Input, Output};
use switch::config::SipListener;

const CALLS: u64 = 5_000;
const ROUNDS: usize = 3;
const AGENTS: u64 = 100;
const ACCOUNT: AccountId = AccountId(2_000_103);
/// From one call to the next, in the world of the benchmark: about fifty calls are remembered by SIP's timers.
const PAUSE: Duration = Duration::from_millis(600);

fn main() {
    let base = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| ".".to_owned());
    let mut figures: [Vec<f64>; 3] = Default::default();
    let mut rows = 0;
    for _ in 0..ROUNDS {
        let mut world = World::new();
        world.sign_in();
        (0..CALLS).for_each(|number| world.call(number));
        assert_eq!(world.switch.counts().calls, 0, "every call is over");
        rows = world.batches.iter().map(Vec::len).sum();
        figures[0].push(micros(world.took));
        figures[1].push(micros(stored(&base, &world.batches, Pace::EachWaits)));
        figures[2].push(micros(stored(&base, &world.batches, Pace::QueueKeptFull)));
    }
    let names = ["switch", "store, each append waited for", "store, queue kept full"];
    for (name, figures) in names.iter().zip(&mut figures) {
        figures.sort_by(f64::total_cmp);
        println!("{name:32} {:.0} µs a call ({:.0}–{:.0})", figures[1], figures[0], figures[2]);
    }
    println!("{:.1} rows of the log a call", rows as f64 / CALLS as f64);
}

fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6 / CALLS as f64
}

/// Time that this thread, or the whole process, worked.
fn worked(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).expect("a time of work is not negative")
}

/// The switch, everybody who is called, and a log that commits at once.
struct World {
    now: Now,
    switch: Switch,
    far: Endpoint,
    network: VecDeque<(SocketAddr, Bytes)>,
    /// The call that came to the far end last.
    last: Option<DialogId>,
    /// What was appended, as it was appended.
    batches: Vec<Vec<Entry>>,
    commands: u64,
    /// How long the switch worked.
    took: Duration,
}

impl World {
    fn new() -> World {
        let config = config::parse(&toml(), &|_| None).expect("it is right");
        let numbers = Arc::new(number_plan(None).expect("is built in"));
        let switch = Switch::new(
            config.switch(vec![SipListener::at(here())]),
            Random::from_number(1),
            LogNo(0),
            0,
            numbers,
        );
        let listener =
            Listener { bind: far(), advertised_host: Host::from(far().ip()), advertised_port: far().port() };
        let network = sip::Config { listeners: vec![listener], ..sip::Config::default() };
        World {
            now: Now { mono: Mono::ZERO, wall: Wall::from_millis(1_790_000_000_000) },
            switch,
            far: Endpoint::new(network, Random::from_number(2)),
            network: VecDeque::new(),
            last: None,
            batches: Vec::new(),
            commands: 0,
            took: Duration::ZERO,
        }
    }

    fn sign_in(&mut self) {
        for number in 0..AGENTS {
            self.ask(Command::Online { agent: agent(number), login: LoginType::Pstn, choice: Choice::Idle });
        }
        self.batches.clear();
        self.took = Duration::ZERO;
    }

    fn call(&mut self, number: u64) {
        self.ask(Command::DialOut(DialOut {
            agent: agent(number % AGENTS),
            callee: "13900000001".to_owned(),
            agent_ring_max: None,
            customer_ring_max: None,
            agent_shown: None,
            customer_shown: None,
            extras: "one call".to_owned(),
            group: None,
            group_rule: GroupRule::Random,
            group_area: None,
        }));
        let customer = self.last.take().expect("the customer was called");
        self.far.end(self.now, customer);
        self.settle();
        self.now = self.now.later(PAUSE);
        self.work(Input::Timeout);
        self.far.handle_input(self.now, sip::api::Input::Timeout);
        self.settle();
    }

    fn ask(&mut self, command: Command) {
        self.commands += 1;
        self.work(Input::Command { id: CommandId(self.commands), account: ACCOUNT, command });
        self.settle();
    }

    /// One input and all that comes out; this is what is measured.
    fn work(&mut self, input: Input<'_>) {
        let began = worked(ClockId::ThreadCPUTime);
        self.switch.handle_input(self.now, input);
        let mut batch = Vec::new();
        loop {
            while let Some(output) = self.switch.poll_output() {
                match output {
                    Output::Append(entry) => batch.push(entry),
                    Output::Transmit { data, .. } => self.network.push_back((far(), data)),
                    Output::Reply { result, .. } => assert!(result.is_ok(), "{result:?}"),
                    Output::Media(_) | Output::Finish { .. } | Output::Diagnostic(_) => {}
                    Output::Connect { .. } | Output::Close { .. } => panic!("there are no streams here"),
                }
            }
            let Some(through) = batch.last().map(|entry| entry.no) else { break };
            self.batches.push(std::mem::take(&mut batch));
            self.switch.handle_input(self.now, Input::Durable { through });
        }
        self.took += worked(ClockId::ThreadCPUTime) - began;
    }

    /// Until nothing is under way.
    fn settle(&mut self) {
        loop {
            while let Some((to, data)) = self.network.pop_front() {
                if to == far() {
                    let flow = Flow { transport: Transport::Udp, local: far(), remote: here() };
                    self.far.handle_input(self.now, sip::api::Input::Datagram { flow, data: &data });
                } else {
                    let flow = Flow { transport: Transport::Udp, local: here(), remote: far() };
                    self.work(Input::Datagram { flow, data: &data });
                }
            }
            if !self.far_acts() {
                return;
            }
        }
    }

    /// Who is called rings and answers.
    fn far_acts(&mut self) -> bool {
        let mut acted = false;
        while let Some(output) = self.far.poll_output() {
            acted = true;
            match output {
                sip::api::Output::Transmit(transmit) => self.network.push_back((here(), transmit.data)),
                sip::api::Output::Event(Event::Incoming { dialog, sdp: Some(offer), .. }) => {
                    self.far.ring(self.now, dialog, 180, None);
                    let (answer, _) = sdp::answer(&offer, local()).expect("our offers can be answered");
                    self.far.accept(self.now, dialog, answer);
                    self.last = Some(dialog);
                }
                sip::api::Output::Event(_) => {}
                sip::api::Output::Connect { .. } | sip::api::Output::Close { .. } => {
                    panic!("there are no streams here")
                }
            }
        }
        acted
    }
}

fn here() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5060))
}

fn far() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 5060))
}

fn local() -> LocalMedia<'static> {
    LocalMedia {
        address: far().ip(),
        port: 40_000,
        origin_id: 1,
        version: 1,
        codecs: &[Codec::Pcma, Codec::Pcmu],
        direction: Direction::SendRecv,
    }
}

fn agent(number: u64) -> String {
    (8_000 + number).to_string()
}

fn toml() -> String {
    let mut text = format!(
        r#"[server]
sip_listen = "{}"

[[trunk]]
name = "network"
addresses = ["{}"]

[[account]]
id = {ACCOUNT}
secrets = ["HWHp9xFVlbboxIU2S6DHA7sf9sGzt3"]
recording = "off"
numbers = ["02258834811"]
default_number = "02258834811"

[[account.edition]]
name = "standard"
licences = {AGENTS}
"#,
        here(),
        far()
    );
    for agent in (0..AGENTS).map(agent) {
        write!(
            text,
            "\n[[account.agent]]\nnumber = \"{agent}\"\nmobile = \"1380000{agent}\"\nwrap_up_s = 0\n"
        )
        .expect("writing to a String cannot fail");
    }
    text
}

/// How the store is given its work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// A commit for each append: a quiet server.
    EachWaits,
    /// Many appends in a commit: a busy one.
    QueueKeptFull,
}

/// How long the store works on this, all threads.
fn stored(base: &str, batches: &[Vec<Entry>], pace: Pace) -> Duration {
    let dir = tempfile::Builder::new().prefix("calls-").tempdir_in(base).expect("a directory to write to");
    let (tell, durable) = channel();
    let config = config::parse(&toml(), &|_| None).expect("it is right");
    let (store, _) =
        Store::open(dir.path(), Arc::new(Plain(config)), Box::new(Tell(tell))).expect("a new store");
    let writer = store.writer();
    let first = batches[0][0].no;
    let batches: Vec<Vec<Entry>> = batches.iter().map(|batch| renumbered(batch, first)).collect();
    let began = worked(ClockId::ProcessCPUTime);
    let (mut last, mut committed) = (LogNo(0), LogNo(0));
    for batch in batches {
        last = batch[batch.len() - 1].no;
        writer.append(batch).expect("room");
        // The queue has its limit.
        if pace == Pace::EachWaits || writer.backlog() > 1_000 {
            committed = wait(&durable, last);
        }
    }
    if committed < last {
        wait(&durable, last);
    }
    worked(ClockId::ProcessCPUTime) - began
}

/// As the first entries of a log.
fn renumbered(batch: &[Entry], first: LogNo) -> Vec<Entry> {
    let entries = batch.iter().cloned();
    entries.map(|entry| Entry { no: LogNo(entry.no.0 - first.0 + 1), ..entry }).collect()
}

fn wait(durable: &Receiver<LogNo>, through: LogNo) -> LogNo {
    loop {
        let committed = durable.recv().expect("the writer lives");
        if committed >= through {
            return committed;
        }
    }
}

struct Plain(Config);

impl Render for Plain {
    fn record(&self, of: &CallRecord) -> String {
        record(of, &self.0.accounts[0].push_settings("http://127.0.0.1:8080").record).to_string()
    }

    fn push(&self, _event: &Numbered) -> Option<Push> {
        None
    }
}

struct Tell(Sender<LogNo>);

impl Watch for Tell {
    fn durable(&mut self, through: LogNo) {
        // The benchmark may have stopped listening.
        let _gone = self.0.send(through);
    }

    fn state(&mut self, state: LogState) {
        assert_eq!(state, LogState::Working);
    }
}
