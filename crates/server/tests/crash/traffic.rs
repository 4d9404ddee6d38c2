//! What the agents do all day: each calls one customer after the other.

use std::sync::Arc;
use std::time::Duration;

use base::Random;
use serde_json::json;
use tokio::sync::watch;

use crate::client::{Answer, Client};
use crate::ledger::{Book, Chosen, Happening, Ledger};

/// A call has its record within this, kills and all.
const CALL_MAX: Duration = Duration::from_secs(60);
/// Customers by their ending, as often as they stand here (the lab's table).
const CUSTOMERS: [&str; 16] = [
    "0001", "0001", "0001", "0002", "0003", "0004", "0005", "0007", "0008", "0008", "0009", "0013", "0014",
    "0015", "7777", "7777",
];
/// Whom agents consult, likewise.
const OTHERS: [&str; 5] = ["0001", "0001", "0002", "0003", "0008"];
/// When an agent hangs up, as often as it stands here; empty: leaves that to the customer.
const MOMENTS: [&str; 10] = ["calling", "ring", "link", "link", "link", "link", "link", "", "", ""];
/// How long agents talk.
const TALK_MS_MAX: u64 = 3_000;
const KEYED_PERCENT: u64 = 40;
const CHOOSING_PERCENT: u64 = 25;

/// What everybody who makes traffic shares.
#[derive(Clone)]
pub struct Floor {
    pub client: Client,
    pub ledger: Arc<Ledger>,
    /// Whether the server serves, as far as the one who kills it knows.
    pub up: watch::Receiver<bool>,
    /// Becomes true when it is time to go home.
    pub closing: watch::Receiver<bool>,
}

/// Calls customers until it is time to go home. `numbers` are for the `dialOut`s.
pub async fn work(floor: Floor, agent: String, mut random: Random, numbers: impl Iterator<Item = u64>) {
    floor.sign_in(&agent).await;
    for number in numbers {
        if *floor.closing.borrow() {
            return;
        }
        if random.chance(CHOOSING_PERCENT) {
            floor.choose(&agent, &mut random).await;
        }
        if let Some(call) = floor.dial(&agent, number, &mut random).await {
            floor.follow(&agent, &call, &mut random).await;
        }
    }
}

impl Floor {
    async fn sign_in(&self, agent: &str) {
        let body = json!({"agentNumber": agent, "loginType": "PSTN", "status": "0"});
        loop {
            match self.client.ask("online", &body, None).await {
                Answer::Accepted { .. } => break,
                Answer::NotSent | Answer::Lost => self.server_is_up().await,
                // The first one, whose answer was lost, was carried out, and a call began: impossible before sign-in.
                Answer::Refused(code) => panic!("agent {agent} cannot sign in: {code}"),
            }
        }
        self.ledger.write(None, |book| {
            book.chosen.insert(agent.to_owned(), Chosen::Idle);
        });
    }

    async fn choose(&self, agent: &str, random: &mut Random) {
        let (verb, choice) = if random.chance(50) { ("busy", Chosen::Busy) } else { ("rest", Chosen::Idle) };
        let chosen = match self.client.ask(verb, &json!({"agentNumber": agent}), None).await {
            Answer::Accepted { .. } => choice,
            Answer::Lost => Chosen::Unknown,
            // In a call whose `dialOut` had a lost answer.
            Answer::Refused(code) if code == "6714" => return,
            Answer::NotSent => return,
            Answer::Refused(code) => panic!("{verb} of agent {agent} was refused: {code}"),
        };
        self.ledger.write(None, |book| {
            book.chosen.insert(agent.to_owned(), chosen);
        });
    }

    /// Begins a call and returns its number; `None` when the answer was lost for good.
    async fn dial(&self, agent: &str, number: u64, random: &mut Random) -> Option<String> {
        let ending = one_of(&CUSTOMERS, random);
        let customer = format!("139{:04}{ending}", random.below(10_000));
        let body = json!({
            "agentNumber": agent, "calleeNumber": customer, "extras": {"number": number}, "calleeTimeout": 8,
        });
        let keyed = random.chance(KEYED_PERCENT);
        let mut refusals = 0;
        loop {
            // A refusal is an answer, too, and a key has but one.
            let key = keyed.then(|| format!("dial-{number}-{refusals}"));
            match self.client.ask("dialOut", &body, key.as_deref()).await {
                Answer::Accepted { call, .. } => {
                    let call = call.expect("the answer to dialOut names the call");
                    self.ledger.write(Some(Happening::Accepted), |book| {
                        book.dialled.entry(number).or_default().accepted.insert(call.clone());
                    });
                    return Some(call);
                }
                Answer::Lost => {
                    self.ledger.write(None, |book| book.dialled.entry(number).or_default().lost = true);
                    if !keyed {
                        return None;
                    }
                    self.server_is_up().await;
                }
                Answer::NotSent => self.server_is_up().await,
                Answer::Refused(code) if code == "6713" => {
                    refusals += 1;
                    self.agent_is_free(agent).await;
                }
                Answer::Refused(code) => panic!("dialOut {number} of agent {agent} was refused: {code}"),
            }
        }
    }

    /// Hangs up at some moment, perhaps, and waits for the record.
    async fn follow(&self, agent: &str, call: &str, random: &mut Random) {
        let moment = one_of(&MOMENTS, random);
        let talk = Duration::from_millis(random.below(TALK_MS_MAX));
        if moment.is_empty() {
            // Some customers never hang up. Kills end their calls, but after the last one nobody would.
            let mut closing = self.closing.clone();
            let time_to_go = async { closing.wait_for(|closing| *closing).await.is_ok() };
            let ended = self.ledger.until(CALL_MAX, |book| book.recorded.contains(call).then_some(()));
            let goes_home = tokio::select! {
                _ = ended => false,
                closing = time_to_go => closing,
            };
            if goes_home {
                self.hang_up(agent).await;
            }
        } else {
            let told = (call.to_owned(), moment.to_owned());
            let reached =
                |book: &Book| (book.told.contains(&told) || book.recorded.contains(call)).then_some(());
            self.within(reached, &format!("neither {moment} nor the record of call {call}")).await;
            let handed_on = match moment {
                "link" => self.talk(agent, talk, random).await,
                _ => false,
            };
            if !handed_on {
                self.hang_up(agent).await;
            }
        }
        let recorded = |book: &Book| book.recorded.contains(call).then_some(());
        self.within(recorded, &format!("no record of call {call}")).await;
    }

    /// Talks for a while and does this or that meanwhile. True when the customer was handed on to somebody who hangs up.
    async fn talk(&self, agent: &str, talk: Duration, random: &mut Random) -> bool {
        let number = |ending: &str, random: &mut Random| format!("139{:04}{ending}", random.below(10_000));
        let whom = json!({"agentNumber": agent});
        match random.below(8) {
            0 => {
                self.control("hold", &whom).await;
                tokio::time::sleep(talk).await;
                self.control("unhold", &whom).await;
            }
            1 => {
                self.control("mute", &whom).await;
                tokio::time::sleep(talk).await;
            }
            2 | 3 => {
                let to = number(one_of(&OTHERS, random), random);
                let body = json!({"agentNumber": agent, "mode": "outline", "number": to});
                self.control("consult", &body).await;
                tokio::time::sleep(talk).await;
                let next = one_of(&["cancelconsult", "threeWayCall", "resumeConsult", "hold"], random);
                self.control(next, &whom).await;
                tokio::time::sleep(talk / 2).await;
            }
            4 => {
                // Whoever is handed on to hangs up by itself.
                let body = json!({"agentNumber": agent, "mode": "outline", "number": number("0008", random)});
                return self.control("transfer", &body).await;
            }
            _ => tokio::time::sleep(talk).await,
        }
        false
    }

    /// Whether it was carried out as far as is known. The call may be over, or the server be killed: no matter.
    async fn control(&self, verb: &str, body: &serde_json::Value) -> bool {
        match self.client.ask(verb, body, None).await {
            Answer::Accepted { .. } => true,
            Answer::NotSent | Answer::Lost => false,
            Answer::Refused(code) if ["6712", "6713"].contains(&&*code) => false,
            Answer::Refused(code) => panic!("{verb} was refused: {code}"),
        }
    }

    async fn hang_up(&self, agent: &str) {
        self.ledger.write(Some(Happening::HangingUp), |_| ());
        // It may have ended by itself, or with the server: 6715.
        if let Answer::Accepted { .. } = self.client.ask("hangup", &json!({"agentNumber": agent}), None).await
        {
            self.ledger.write(Some(Happening::HungUp), |_| ());
        }
    }

    async fn within(&self, found: impl Fn(&Book) -> Option<()>, fault: &str) {
        if self.ledger.until(CALL_MAX, found).await.is_none() {
            self.ledger.write(None, |book| book.faults.push(format!("{fault} within {CALL_MAX:?}")));
        }
    }

    /// Waits for any push about an agent who is in a call.
    async fn agent_is_free(&self, agent: &str) {
        let about = |book: &Book| book.about.get(agent).copied().unwrap_or(0);
        let before = about(&self.ledger.read());
        self.within(|book| (about(book) > before).then_some(()), &format!("agent {agent} stays in a call"))
            .await;
    }

    async fn server_is_up(&self) {
        let mut up = self.up.clone();
        tokio::task::yield_now().await;
        up.wait_for(|up| *up).await.expect("whoever kills the server stays until the end");
    }
}

fn one_of(table: &[&'static str], random: &mut Random) -> &'static str {
    table[usize::try_from(random.below(table.len() as u64)).expect("below the length of a table")]
}
