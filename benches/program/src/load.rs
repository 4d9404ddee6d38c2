//! Who asks for what, and when.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime};

use crate::connection::Connection;
use crate::signature::Key;

/// The number of the first agent, and what comes before an agent's number in that of the agent's mobile.
const FIRST_AGENT: usize = 8000;
const MOBILE: &str = "1380000";
/// Whom agents call.
const CUSTOMER: &str = "13900000001";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// `online`, `busy`, `rest`, in turn.
    Presence,
    /// `dialOut`.
    Dial,
    /// Nothing: somebody else makes the calls that pushes tell of.
    Nothing,
}

impl FromStr for Asked {
    type Err = ();

    fn from_str(word: &str) -> Result<Asked, ()> {
        match word {
            "presence" => Ok(Asked::Presence),
            "dial" => Ok(Asked::Dial),
            "nothing" => Ok(Asked::Nothing),
            _ => Err(()),
        }
    }
}

pub(crate) struct Load {
    pub(crate) http: SocketAddr,
    pub(crate) key: Key,
    pub(crate) asked: Asked,
    pub(crate) agents: usize,
    pub(crate) connections: usize,
    pub(crate) lasts: Duration,
    /// Requests a second; `None`: as many as are answered.
    pub(crate) rate: Option<f64>,
}

/// How it went.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) took: Duration,
    /// When the agents had signed in; the earliest of all connections.
    pub(crate) began: Option<SystemTime>,
    /// How long each answer took.
    pub(crate) times: Vec<Duration>,
    /// How many answers had which code.
    pub(crate) codes: BTreeMap<String, u64>,
    /// When each agent's accepted requests were sent, by the agent's mobile.
    pub(crate) accepted: BTreeMap<String, Vec<Instant>>,
}

impl Load {
    /// Signs the agents in, then asks for as long as it lasts.
    pub(crate) fn run(&self) -> Result<Run, String> {
        if self.asked == Asked::Nothing {
            std::thread::sleep(self.lasts);
            return Ok(Run { took: self.lasts, ..Run::default() });
        }
        let connections = self.connections.clamp(1, self.agents.max(1));
        let barrier = Barrier::new(connections);
        let parts: Vec<Result<Run, String>> = std::thread::scope(|scope| {
            let ask = |number| {
                let barrier = &barrier;
                scope.spawn(move || self.connection(number, connections, barrier))
            };
            let threads: Vec<_> = (0..connections).map(ask).collect();
            threads.into_iter().map(|thread| thread.join().expect("a connection does not panic")).collect()
        });
        let mut run = Run::default();
        for part in parts {
            let part = part?;
            run.took = run.took.max(part.took);
            run.began = run.began.into_iter().chain(part.began).min();
            run.times.extend(part.times);
            run.accepted.extend(part.accepted);
            for (code, count) in part.codes {
                *run.codes.entry(code).or_default() += count;
            }
        }
        run.times.sort();
        Ok(run)
    }

    /// What one of the connections does; every agent belongs to one of them.
    fn connection(&self, number: usize, of: usize, barrier: &Barrier) -> Result<Run, String> {
        let agents: Vec<usize> = (0..self.agents).filter(|agent| agent % of == number).collect();
        let ready = Connection::open(self.http).and_then(|mut connection| {
            for agent in &agents {
                let (verb, body) = online(FIRST_AGENT + agent);
                match connection.ask(&self.key, verb, &body)?.as_str() {
                    "200" => {}
                    code => return Err(format!("agent {} cannot sign in: {code}", FIRST_AGENT + agent)),
                }
            }
            Ok(connection)
        });
        barrier.wait();
        let mut connection = ready?;
        let began = Instant::now();
        let mut run = Run { began: Some(SystemTime::now()), ..Run::default() };
        for step in 0.. {
            let due = self.due(began, number, of, step);
            if due.duration_since(began) >= self.lasts {
                break;
            }
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (agent, verb, body) = self.request(&agents, step);
            let code = connection.ask(&self.key, verb, &body)?;
            run.times.push(due.elapsed());
            if code == "200" {
                run.accepted.entry(format!("{MOBILE}{agent}")).or_default().push(due);
            }
            *run.codes.entry(code).or_default() += 1;
        }
        run.took = began.elapsed();
        Ok(run)
    }

    /// When a connection's next request is to be sent.
    fn due(&self, began: Instant, number: usize, of: usize, step: usize) -> Instant {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        match self.rate {
            Some(rate) => began + Duration::from_secs_f64((step * of + number) as f64 / rate),
            None => Instant::now(),
        }
    }

    fn request(&self, agents: &[usize], step: usize) -> (usize, &'static str, String) {
        match self.asked {
            Asked::Presence | Asked::Nothing => {
                let agent = FIRST_AGENT + agents[step / 3 % agents.len()];
                let (verb, body) = match step % 3 {
                    0 => ("busy", format!(r#"{{"agentNumber":"{agent}"}}"#)),
                    1 => ("rest", format!(r#"{{"agentNumber":"{agent}"}}"#)),
                    _ => online(agent),
                };
                (agent, verb, body)
            }
            Asked::Dial => {
                let agent = FIRST_AGENT + agents[step % agents.len()];
                let body =
                    format!(r#"{{"agentNumber":"{agent}","calleeNumber":"{CUSTOMER}","extras":"{step}"}}"#);
                (agent, "dialOut", body)
            }
        }
    }
}

fn online(agent: usize) -> (&'static str, String) {
    ("online", format!(r#"{{"agentNumber":"{agent}","loginType":"PSTN","status":"0"}}"#))
}
