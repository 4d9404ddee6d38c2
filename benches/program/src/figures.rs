//! The line that says how it went.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use crate::callee::Invites;
use crate::load::{Load, Run};

/// One JSON object; times in milliseconds.
pub(crate) fn line(load: &Load, run: &Run, invites: Option<&Invites>, pushes: Option<usize>) -> String {
    let count = run.times.len();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let per_s = count as f64 / run.took.as_secs_f64();
    let mut line = format!(
        r#"{{"do":"{:?}","connections":{},"agents":{},"secs":{:.2},"rate":{},"requests":{count},"per_s":{per_s:.1}"#,
        load.asked,
        load.connections,
        load.agents,
        run.took.as_secs_f64(),
        load.rate.map_or("null".to_owned(), |rate| rate.to_string()),
    )
    .to_lowercase();
    let codes: Vec<String> = run.codes.iter().map(|(code, count)| format!(r#""{code}":{count}"#)).collect();
    let mut add =
        |text: std::fmt::Arguments<'_>| line.write_fmt(text).expect("writing to a String cannot fail");
    add(format_args!(r#","codes":{{{}}},"answer_ms":{}"#, codes.join(","), spread(&run.times)));
    if let Some(invites) = invites {
        let times = until_invite(run, invites);
        add(format_args!(r#","invites":{},"invite_ms":{}"#, times.len(), spread(&times)));
    }
    if let Some(since) = run.began.and_then(|began| began.duration_since(UNIX_EPOCH).ok()) {
        add(format_args!(r#","began_ms":{}"#, since.as_millis()));
    }
    if let Some(pushes) = pushes {
        add(format_args!(r#","pushes":{pushes}"#));
    }
    line.push('}');
    line
}

/// From the request to the INVITE it led to: of each agent the first of the one to the first of the other, and so on.
fn until_invite(run: &Run, invites: &Invites) -> Vec<Duration> {
    let of_agent = |(mobile, asked): (&String, &Vec<_>)| {
        let came = invites.get(mobile).map(Vec::as_slice).unwrap_or_default();
        let pairs = asked.iter().zip(came);
        pairs.map(|(asked, came)| came.saturating_duration_since(*asked)).collect::<Vec<_>>()
    };
    let mut times: Vec<Duration> = run.accepted.iter().flat_map(of_agent).collect();
    times.sort();
    times
}

fn spread(sorted: &[Duration]) -> String {
    let at = |per_mille: usize| {
        let place = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    format!(r#"{{"p50":{:.3},"p99":{:.3},"max":{:.3}}}"#, at(500), at(990), at(1000))
}
