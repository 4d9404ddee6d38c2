//! Every verb of call control by HTTP where it may not be carried out: with which code, about which field, and that nothing
//! happened.

use serde_json::Value;
use server::cli::ask;

use crate::desk::Desk;

/// What is asked, the code, and what the message names.
type Row = (&'static [&'static str], &'static str, &'static str);

const FORM: &[Row] = &[
    (&["hold"], "6707", ""),
    (&["listen", "--supervisor", "8004"], "6707", ""),
    (&["transfer", "--agent", "8000"], "40000", "number"),
    (&["transfer", "--agent", "9999", "--mode", "agents", "--to", "1"], "40000", "mode"),
    (&["consult", "--agent", "8000", "--mode", "outline", "--to", "x"], "40000", "number"),
    (&["listen", "--agent", "8000"], "40000", "listenAgent"),
    (&["sendDtmf", "--agent", "8000"], "40000", "digits"),
    (&["sendDtmf", "--agent", "8000", "--digits", "12x"], "40000", "digits"),
    (&["webcall", "--to", "13900000001"], "40000", "callerNumber"),
    (&["webcall", "--from", "13900000001", "--mode", "agent", "--to", "8000"], "40000", "calleeType"),
];

/// 8000 is idle, 8001 and 8003 talk, 8002 is signed out, 8004 is a supervisor and idle, 8009 one who is signed out, 8005 has no
/// phone there.
const STATE: &[Row] = &[
    (&["hold", "--agent", "9999"], "6701", ""),
    (&["hold", "--agent", "8002"], "6708", ""),
    (&["hold", "--agent", "8000"], "6712", ""),
    (&["unhold", "--agent", "8000"], "6712", ""),
    (&["mute", "--agent", "8000"], "6712", ""),
    (&["unmute", "--agent", "8000"], "6712", ""),
    (&["transfer", "--agent", "8000", "--to", "8001"], "6712", ""),
    (&["transfer", "--agent", "8001", "--to", "9999"], "6701", ""),
    (&["transfer", "--agent", "8001", "--to", "8002"], "6708", ""),
    (&["transfer", "--agent", "8001", "--to", "8003"], "6713", ""),
    (&["transfer", "--agent", "8001", "--to", "8001"], "6713", ""),
    (&["transfer", "--agent", "8001", "--to", "8005"], "6722", ""),
    (&["transfer", "--agent", "8001", "--mode", "ivr", "--to", "100001"], "40000", "number"),
    (&["transfer", "--agent", "8001", "--mode", "queue", "--to", "10014640"], "40000", "number"),
    (&["consult", "--agent", "8000", "--to", "8001"], "6712", ""),
    (&["consult", "--agent", "8001", "--to", "8003"], "6713", ""),
    (&["consult", "--agent", "8001", "--mode", "ivr", "--to", "100001"], "40000", "number"),
    (&["consultTransfer", "--agent", "8001"], "6712", ""),
    (&["threeWayCall", "--agent", "8001"], "6712", ""),
    (&["resumeConsult", "--agent", "8001"], "6712", ""),
    (&["cancelconsult", "--agent", "8001"], "6712", ""),
    (&["consultTransfer", "--agent", "8002"], "6708", ""),
    (&["listen", "--supervisor", "8000", "--agent", "8001"], "40000", "listenAgent"),
    (&["listen", "--supervisor", "9999", "--agent", "8001"], "6701", ""),
    (&["listen", "--supervisor", "8009", "--agent", "8001"], "6708", ""),
    (&["listen", "--supervisor", "8004", "--agent", "8000"], "6712", ""),
    (&["whisper", "--supervisor", "8004", "--agent", "9999"], "6701", ""),
    (&["barge", "--supervisor", "8004", "--agent", "8004"], "40000", "agentNumber"),
    (&["takeOver", "--supervisor", "8004", "--agent", "8002"], "6708", ""),
    (&["forceHangup", "--supervisor", "8004", "--agent", "8000"], "6715", ""),
    (&["forceBusy", "--supervisor", "8004", "--agent", "8002"], "6708", ""),
    (&["forceIdle", "--supervisor", "8001", "--agent", "8000"], "40000", "listenAgent"),
    (&["forceOffline", "--supervisor", "8004", "--agent", "8004"], "40000", "agentNumber"),
    (&["sendDtmf", "--agent", "8000", "--digits", "1"], "6712", ""),
    (&["answer", "--agent", "8000"], "6712", ""),
    (&["answer", "--agent", "8002"], "6708", ""),
    (&["webcall", "--from", "13900000001", "--mode", "agentNumber", "--to", "9999"], "6701", ""),
    (&["webcall", "--from", "13900000001", "--mode", "agentNumber", "--to", "8002"], "6708", ""),
    (&["webcall", "--from", "13900000001", "--mode", "agentNumber", "--to", "8001"], "6713", ""),
    (&["webcall", "--from", "13900000001", "--mode", "agentNumber", "--to", "8005"], "6722", ""),
    (&["webcall", "--from", "13900000001", "--mode", "ivrId", "--to", "1"], "40000", "calleeNumber"),
    (
        &["webcall", "--from", "13900000001", "--to", "13900000002", "--field", "callerDisplayNumber=1"],
        "40000",
        "callerDisplayNumber",
    ),
    (
        &["webcall", "--from", "13900000001", "--to", "13900000002", "--field", "calleeDisplayNumber=1"],
        "40000",
        "calleeDisplayNumber",
    ),
];

async fn refused(desk: &Desk, rows: &[Row]) {
    let server = format!("http://{}", desk.http());
    for (words, code, field) in rows {
        let answer: Value = ask(words, &server).await.expect("the server answers");
        let message = answer["message"].as_str().expect("a text");
        assert_eq!(
            (answer["code"].as_str(), answer["success"].as_bool()),
            (Some(*code), Some(false)),
            "{words:?}"
        );
        assert!(
            field.is_empty() || message.starts_with(&format!("参数异常: {field} ")),
            "{words:?}: {message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_has_its_code_and_no_effect() {
    let desk = Desk::open(|_, _| {}).await;
    for agent in ["8000", "8001", "8003", "8004"] {
        desk.online(agent).await;
    }
    desk.online_without_phone("8005").await;
    let calls = [desk.dial("8001", "13900000001", &[]).await, desk.dial("8003", "13900000001", &[]).await];
    for call in &calls {
        desk.told(call, "link").await;
    }
    refused(&desk, FORM).await;
    let before = desk.pushes.all().len();
    refused(&desk, STATE).await;
    assert_eq!(desk.calls().await, 2, "nothing began and nothing ended");
    // What was pushed of these calls before the refusals may have come late; nothing else may be told.
    for call in &calls {
        let fits = |push: &Value| push["callUniqueId"] == call.as_str() && push["pushType"] == "customerLink";
        desk.pushes.until("customerLink", fits).await;
    }
    assert!(desk.pushes.all().len() <= before + 2, "{:#?}", &desk.pushes.all()[before..]);
    desk.close().await;
}
