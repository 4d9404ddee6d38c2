//! `cordboard reload`: the file is taken over whole or not at all, and who asks hears which.

use std::sync::Arc;

use base::Random;
use serde_json::json;

use crate::client::Answer;
use crate::ledger::Ledger;
use crate::place::{Agent, Phone, Place};
use crate::receiver::Receiver;

fn agent(number: u64) -> Agent {
    Agent { number: number.to_string(), phone: Phone::Mobile(format!("1390000{number}")), wrap_up_s: 0 }
}

#[tokio::test]
async fn a_running_server_takes_a_good_file_over_and_leaves_a_bad_one() {
    let ledger = Arc::new(Ledger::new());
    let receiver = Receiver::start(ledger.clone(), Random::from_number(1)).await;
    let place = Place::new(&[agent(8000)], &receiver.urls[..1]);
    let (done, said) = place.command(&["reload"]).await;
    assert!(!done && said.contains("no server runs"), "{said}");

    let server = place.start().await;
    let client = place.client();
    let online = |number: &str| json!({"agentNumber": number, "loginType": "PSTN", "status": "0"});
    client.must("online", &online("8000")).await;
    let good = std::fs::read_to_string(place.config()).expect("it was written");

    let bad = good.replace("wrap_up_s = 0", "wrap_up = 0");
    std::fs::write(place.config(), &bad).expect("the folder is ours");
    let line = 1 + bad.lines().position(|line| line.contains("wrap_up = 0")).expect("it was put there");
    let (done, said) = place.command(&["reload"]).await;
    assert!(!done && said.contains(&format!("cordboard.toml:{line}:")), "{said}");
    assert!(said.ends_with("nothing has changed\n"), "{said}");

    // The secret is in the environment of the server, which has it not: only the server can know.
    let unknown = good.replace("secrets = [\"", "secrets = [\"env:CORDBOARD_TEST_UNSET\", \"");
    std::fs::write(place.config(), unknown).expect("the folder is ours");
    let (done, said) = place.command(&["reload"]).await;
    assert!(!done && said.contains("CORDBOARD_TEST_UNSET") && said.contains("nothing has changed"), "{said}");
    assert!(
        matches!(client.ask("online", &online("8001"), None).await, Answer::Refused(code) if code == "6701")
    );

    let more = format!("{good}\n[[account.agent]]\nnumber = \"8001\"\nmobile = \"13900008001\"\n");
    let more = more.replace("[server]", "[server]\nworker = 7");
    std::fs::write(place.config(), more).expect("the folder is ours");
    let (done, said) = place.command(&["reload"]).await;
    assert!(done && said.contains("reloaded; accounts: 1, agents: 2, trunks: 1"), "{said}");
    assert!(said.contains("server.worker is another one now"), "{said}");
    client.must("online", &online("8001")).await;

    server.terminate();
    assert!(server.ended().await.success());
}
