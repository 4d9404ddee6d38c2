//! Who hears whom, verb by verb, on real sockets: every party says a tone of its own and tells whose it hears.

use lab::{Caller, LabEvent, PhoneWish, Step, Tone};
use media::sdp::Direction;
use serde_json::Value;
use sip::api::Referral;

use crate::baresip::{AGENT as BARESIP, Baresip};
use crate::desk::LAB_PHONE;
use crate::floor::{AGENT, COLLEAGUE, CUSTOMER, EXPERT, Floor, SUPERVISOR, phone_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_and_mute_combine_and_undo_in_any_order() {
    let floor = Floor::open(&[AGENT]).await;
    let (call, agent, customer) = floor.linked(AGENT, CUSTOMER).await;
    floor.ask(&["hold", "--agent", AGENT]).await;
    floor.hears_music(customer).await;
    floor.hears(agent, &[]).await;
    floor.ask(&["mute", "--agent", AGENT]).await;
    floor.ask(&["unhold", "--agent", AGENT]).await;
    floor.hears(customer, &[]).await;
    floor.hears(agent, &[customer]).await;
    floor.ask(&["unmute", "--agent", AGENT]).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.ask(&["sendDtmf", "--agent", AGENT, "--digits", "19#"]).await;
    floor.is_dialled(customer, "19#").await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.ask(&["hangup", "--agent", AGENT]).await;
    floor.leaves(customer).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_handed_on_to_an_agent_and_to_a_number() {
    let floor = Floor::open(&[AGENT, COLLEAGUE]).await;
    let (call, agent, customer) = floor.linked(AGENT, CUSTOMER).await;
    floor.ask(&["transfer", "--agent", AGENT, "--to", COLLEAGUE]).await;
    let colleague = floor.answers(&phone_of(COLLEAGUE)).await;
    floor.leaves(agent).await;
    floor.hear_each_other(&[colleague, customer]).await;
    floor.ask(&["transfer", "--agent", COLLEAGUE, "--mode", "outline", "--to", EXPERT]).await;
    let expert = floor.answers(EXPERT).await;
    floor.leaves(colleague).await;
    floor.hear_each_other(&[expert, customer]).await;
    floor.hangs_up(customer).await;
    floor.leaves(expert).await;
    let parties = [COLLEAGUE, EXPERT].map(|party| party_record(&floor, &call, "transferRecord", party));
    for record in parties {
        record.await;
    }
    floor.desk.record(&call).await;
    floor.never_heard(colleague, expert);
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consulted_party_talks_to_the_agent_alone_until_it_is_joined() {
    let floor = Floor::open(&[AGENT]).await;
    let (call, agent, customer) = floor.linked(AGENT, CUSTOMER).await;
    floor.ask(&["consult", "--agent", AGENT, "--mode", "outline", "--to", EXPERT]).await;
    let first = floor.answers(EXPERT).await;
    floor.hear_each_other(&[agent, first]).await;
    floor.hears_music(customer).await;
    floor.ask(&["resumeConsult", "--agent", AGENT]).await;
    floor.leaves(first).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.never_heard(customer, first);
    floor.never_heard(first, customer);

    floor.ask(&["consult", "--agent", AGENT, "--mode", "outline", "--to", EXPERT]).await;
    floor.hears_music(customer).await;
    let second = floor.answers(EXPERT).await;
    floor.ask(&["threeWayCall", "--agent", AGENT]).await;
    floor.hear_each_other(&[agent, customer, second]).await;
    floor.ask(&["hold", "--agent", AGENT]).await;
    floor.hear_each_other(&[customer, second]).await;
    floor.hears(agent, &[]).await;
    floor.ask(&["unhold", "--agent", AGENT]).await;
    floor.hear_each_other(&[agent, customer, second]).await;
    // Whoever hangs up, the others go on.
    floor.hangs_up(second).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.hangs_up(agent).await;
    floor.leaves(customer).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_connects_whom_it_consulted_and_leaves() {
    let floor = Floor::open(&[AGENT, COLLEAGUE]).await;
    let (call, agent, customer) = floor.linked(AGENT, CUSTOMER).await;
    floor.ask(&["consult", "--agent", AGENT, "--to", COLLEAGUE]).await;
    let colleague = floor.answers(&phone_of(COLLEAGUE)).await;
    floor.hear_each_other(&[agent, colleague]).await;
    floor.ask(&["consultTransfer", "--agent", AGENT]).await;
    floor.leaves(agent).await;
    floor.hear_each_other(&[colleague, customer]).await;
    // The new agent has the call now, with every verb.
    floor.ask(&["consult", "--agent", COLLEAGUE, "--mode", "outline", "--to", EXPERT]).await;
    let expert = floor.answers(EXPERT).await;
    floor.hears_music(customer).await;
    floor.ask(&["threeWayCall", "--agent", COLLEAGUE]).await;
    floor.hear_each_other(&[colleague, customer, expert]).await;
    floor.ask(&["hangup", "--agent", COLLEAGUE]).await;
    floor.leaves(colleague).await;
    floor.hear_each_other(&[customer, expert]).await;
    floor.hangs_up(customer).await;
    floor.leaves(expert).await;
    party_record(&floor, &call, "transferRecord", COLLEAGUE).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_listens_whispers_joins_and_takes_over() {
    let floor = Floor::open(&[AGENT, SUPERVISOR]).await;
    let (call, agent, customer) = floor.linked(AGENT, CUSTOMER).await;
    let by = ["--agent", AGENT, "--supervisor", SUPERVISOR];
    floor.ask(&[&["listen"], &by[..]].concat()).await;
    let listener = floor.answers(&phone_of(SUPERVISOR)).await;
    floor.hears(listener, &[agent, customer]).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.hangs_up(listener).await;
    for party in [agent, customer] {
        floor.never_heard(party, listener);
    }
    floor.desk.shows(SUPERVISOR, "0").await;

    floor.ask(&[&["whisper"], &by[..]].concat()).await;
    let whisperer = floor.answers(&phone_of(SUPERVISOR)).await;
    floor.hears(agent, &[customer, whisperer]).await;
    floor.hears(whisperer, &[agent, customer]).await;
    floor.hears(customer, &[agent]).await;
    floor.never_heard(customer, whisperer);
    floor.ask(&[&["barge"], &by[..]].concat()).await;
    floor.hear_each_other(&[agent, customer, whisperer]).await;
    floor.hangs_up(whisperer).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.desk.free_again(SUPERVISOR, &call).await;

    floor.ask(&[&["takeOver"], &by[..]].concat()).await;
    let successor = floor.answers(&phone_of(SUPERVISOR)).await;
    floor.leaves(agent).await;
    floor.hear_each_other(&[customer, successor]).await;
    floor.hangs_up(successor).await;
    floor.leaves(customer).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webcall_connects_two_numbers_or_a_number_and_an_agent() {
    let floor = Floor::open(&[AGENT]).await;
    for (mode, to) in [("number", EXPERT), ("agentNumber", AGENT)] {
        let words = ["webcall", "--from", CUSTOMER, "--mode", mode, "--to", to];
        let answer = floor.ask(&words).await;
        let call =
            answer["data"]["response"]["data"]["callUniqueId"].as_str().expect("it is named").to_owned();
        let caller = floor.answers(CUSTOMER).await;
        let callee = floor.answers(&if to == AGENT { phone_of(AGENT) } else { to.to_owned() }).await;
        floor.hear_each_other(&[caller, callee]).await;
        floor.hangs_up(caller).await;
        floor.leaves(callee).await;
        floor.desk.record(&call).await;
    }
    floor.desk.close().await;
}

/// What baresip says.
const VOICE: Tone = Tone::of(18);

/// What an agent does at its phone is what the API's verbs do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_holds_dials_and_hands_its_call_on_by_itself() {
    let floor = Floor::open(&[COLLEAGUE]).await;
    floor.desk.lab_phone_online().await;
    let call = floor.desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    let agent = floor.answers(LAB_PHONE).await;
    let customer = floor.answers(CUSTOMER).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.desk.wish(PhoneWish::Turn { phone: agent.phone, direction: Direction::SendOnly });
    floor.hears_music(customer).await;
    floor.hears(agent, &[]).await;
    shows_in_call(&floor, LAB_PHONE, "6").await;
    floor.desk.wish(PhoneWish::Turn { phone: agent.phone, direction: Direction::SendRecv });
    floor.hear_each_other(&[agent, customer]).await;
    floor.desk.wish(PhoneWish::PressByInfo { phone: agent.phone, keys: "5#".to_owned() });
    floor.is_dialled(customer, "5#").await;
    floor.desk.wish(PhoneWish::Refer { phone: agent.phone, to: COLLEAGUE.to_owned(), replaces: None });
    let colleague = floor.answers(&phone_of(COLLEAGUE)).await;
    floor.hear_each_other(&[colleague, customer]).await;
    let told = LabEvent::ReferralTold { phone: agent.phone, standing: Referral::Done { status: 200 } };
    floor.desk.phones.until("end of the referral", |event| *event == told).await;
    floor.leaves(agent).await;
    floor.hangs_up(customer).await;
    party_record(&floor, &call, "transferRecord", COLLEAGUE).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_consults_on_its_second_line_and_connects_both() {
    const SECOND: &[Step] = &[Step::Say(Tone::of(20))];
    let floor = Floor::open(&[]).await;
    floor.desk.lab_phone_online().await;
    let call = floor.desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    let agent = floor.answers(LAB_PHONE).await;
    let customer = floor.answers(CUSTOMER).await;
    floor.hear_each_other(&[agent, customer]).await;
    floor.desk.wish(PhoneWish::Turn { phone: agent.phone, direction: Direction::SendOnly });
    floor.hears_music(customer).await;
    let from = Caller::Phone { user: LAB_PHONE.to_owned() };
    floor.desk.wish(PhoneWish::Dial { from, to: EXPERT.to_owned(), then: SECOND });
    let expert = floor.answers(EXPERT).await;
    let dialled = |event: &LabEvent| matches!(event, LabEvent::PhoneDialled { .. });
    let LabEvent::PhoneDialled { phone, .. } = floor.desk.phones.until("second line", dialled).await else {
        unreachable!("it was asked for")
    };
    let second = floor.say(phone, Tone::of(20));
    floor.hear_each_other(&[second, expert]).await;
    floor.hears_music(customer).await;
    let to = EXPERT.to_owned();
    floor.desk.wish(PhoneWish::Refer { phone: agent.phone, to, replaces: Some(second.phone) });
    floor.hear_each_other(&[customer, expert]).await;
    floor.leaves(agent).await;
    floor.leaves(second).await;
    floor.never_heard(customer, second);
    floor.hangs_up(expert).await;
    floor.leaves(customer).await;
    party_record(&floor, &call, "transferRecord", EXPERT).await;
    floor.desk.record(&call).await;
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_holds_takes_back_and_hands_its_call_on() {
    let floor = Floor::open(&[COLLEAGUE]).await;
    let phone = baresip_online(&floor).await;
    let call = floor.desk.dial(BARESIP, CUSTOMER, &[]).await;
    let customer = floor.answers(CUSTOMER).await;
    floor.hears_tone(customer, VOICE).await;
    phone.does("hold").await;
    floor.hears_music(customer).await;
    phone.does("resume").await;
    floor.hears_tone(customer, VOICE).await;
    phone.does_to("transfer", &format!("sip:{COLLEAGUE}@{}", floor.desk.sip)).await;
    let colleague = floor.answers(&phone_of(COLLEAGUE)).await;
    floor.hear_each_other(&[colleague, customer]).await;
    floor.hangs_up(customer).await;
    party_record(&floor, &call, "transferRecord", COLLEAGUE).await;
    floor.desk.record(&call).await;
    drop(phone);
    floor.desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn baresip_consults_on_a_second_line_and_takes_the_customer_back() {
    let floor = Floor::open(&[]).await;
    let phone = baresip_online(&floor).await;
    let call = floor.desk.dial(BARESIP, CUSTOMER, &[]).await;
    let customer = floor.answers(CUSTOMER).await;
    floor.hears_tone(customer, VOICE).await;
    phone.does("hold").await;
    floor.hears_music(customer).await;
    phone.does_to("dial", &format!("sip:{EXPERT}@{}", floor.desk.sip)).await;
    let expert = floor.answers(EXPERT).await;
    floor.hears_tone(expert, VOICE).await;
    floor.hears_music(customer).await;
    floor.hangs_up(expert).await;
    phone.does("resume").await;
    floor.hears_tone(customer, VOICE).await;
    floor.never_heard(customer, expert);
    floor.hangs_up(customer).await;
    party_record(&floor, &call, "consultRecord", EXPERT).await;
    floor.desk.record(&call).await;
    drop(phone);
    floor.desk.close().await;
}

/// The agent of baresip is there, and says a tone.
async fn baresip_online(floor: &Floor) -> Baresip {
    floor.desk.online_without_phone(BARESIP).await;
    let said: Vec<i16> = VOICE.samples().into_iter().cycle().take(8_000 * 60).collect();
    let phone = Baresip::registered(floor.desk.sip, &said).await;
    floor.desk.shows(BARESIP, "0").await;
    phone
}

/// Waits for the record of a party that was brought in.
async fn party_record(floor: &Floor, call: &str, kind: &str, party: &str) -> Value {
    let fits = |push: &Value| {
        let is_party = push["agentNumber"] == party || push["customerNumber"] == party;
        push["pushType"] == "cdr" && push["callUniqueId"] == call && push["cdrType"] == kind && is_party
    };
    floor.desk.pushes.until(&format!("{kind} of {party}"), fits).await
}

async fn shows_in_call(floor: &Floor, agent: &str, state: &str) {
    let fits = |push: &Value| push["agentNumber"] == agent && push["statusNumber"] == state;
    floor.desk.pushes.until(&format!("state {state} of {agent}"), fits).await;
}
