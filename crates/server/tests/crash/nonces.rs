//! A signature is good once, also across a crash.

use serde_json::json;

use crate::client::{Answer, Stamp};
use crate::place::{Agent, Phone, Place};

#[tokio::test]
async fn a_used_signature_stays_used_after_a_kill() {
    let agent =
        Agent { number: "8000".to_owned(), phone: Phone::Mobile("13900008000".to_owned()), wrap_up_s: 0 };
    let place = Place::new(&[agent], &[]);
    let client = place.client();
    let body = json!({"agentNumber": "8000", "loginType": "PSTN", "status": "0"});
    let mut server = place.start().await;
    // A clock that is 300 s ahead is the most that is accepted, and the longest that must be remembered.
    let used = [Stamp::fresh(), Stamp::ahead(299), Stamp::ahead(300)];
    for stamp in &used {
        let answer = client.ask_stamped("online", &body, None, stamp).await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{stamp:?}: {answer:?}");
    }
    // One whose request was refused is used, too.
    let refused = Stamp::fresh();
    let answer = client.ask_stamped("hangup", &json!({"agentNumber": "8000"}), None, &refused).await;
    assert!(matches!(&answer, Answer::Refused(code) if code == "6715"), "{answer:?}");

    for _ in 0..2 {
        server.strike();
        server.gone().await;
        server = place.start().await;
        for stamp in used.iter().chain([&refused]) {
            let answer = client.ask_stamped("online", &body, None, stamp).await;
            assert!(matches!(&answer, Answer::Refused(code) if code == "50002"), "{stamp:?}: {answer:?}");
        }
        client.must("online", &body).await;
    }
    assert_eq!(place.complaints(), Vec::<String>::new());
}
