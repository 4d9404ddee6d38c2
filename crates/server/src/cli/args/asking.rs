//! `cordboard call` and `cordboard sign`.

use clap::Args;
use secrecy::SecretString;
use url::Url;

use super::push_url;
use crate::config::{DEMO_APPKEY, DEMO_SECRET};

/// Who asks; the demo account unless said otherwise.
#[derive(Clone, Debug, Args)]
pub struct Identity {
    /// m7-appkey
    #[arg(long, env = "CORDBOARD_APPKEY", default_value = DEMO_APPKEY, value_name = "DIGITS")]
    pub appkey: String,
    /// Its secret; better given in the environment, where other users do not see it.
    #[arg(
        long,
        env = "CORDBOARD_SECRET",
        hide_env_values = true,
        hide_default_value = true,
        default_value = DEMO_SECRET,
        value_name = "SECRET"
    )]
    pub secret: SecretString,
}

/// `cordboard call`
#[derive(Clone, Debug, Args)]
#[command(after_help = CALL_HELP)]
pub struct CallArgs {
    /// The last part of the path: online, dialOut, hold, transfer, listen, cdr/list … or base/queue/list
    pub verb: String,
    /// agentNumber: who does it; of listen, whisper, barge, takeOver and force… to whom it is done
    #[arg(long, value_name = "NUMBER")]
    pub agent: Option<String>,
    /// listenAgent: the supervisor who does it
    #[arg(long, value_name = "NUMBER")]
    pub supervisor: Option<String>,
    /// callerNumber: who is called first by webcall
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<String>,
    /// Who is called: calleeNumber of dialOut and webcall, number of transfer and consult
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<String>,
    /// What --to is: mode of transfer and consult (agent, outline, ivr, queue) [default for them: agent], calleeType of
    /// webcall (number, agentNumber, ivrId) [default for it: number]
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    /// digits of sendDtmf
    #[arg(long, value_name = "KEYS")]
    pub digits: Option<String>,
    /// loginType of online: PSTN, SIP or WEBRTC [default for online: PSTN, SIP for the demo's agents 8005-8009]
    #[arg(long, value_name = "TYPE")]
    pub login: Option<String>,
    /// status of online: 0 idle, 1 busy [default for online: 0]
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// extras: JSON, or any text
    #[arg(long, value_name = "JSON")]
    pub extras: Option<String>,
    /// Any other field: name=text, or name:=JSON; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub fields: Vec<String>,
    /// Idempotency-Key: a repeated request with the same key has no second effect
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Where the server is
    #[arg(long, env = "CORDBOARD_SERVER", default_value = "http://127.0.0.1:8080", value_parser = push_url, value_name = "URL")]
    pub server: Url,
    /// Who asks.
    #[command(flatten)]
    pub identity: Identity,
}

pub(super) const CALL_HELP: &str = "\
Examples:
  cordboard call online --agent 8000
  cordboard call dialOut --agent 8000 --to 13900000001 --extras '{\"order\": 17}'
  cordboard call dialOut --agent 8000 --to 13900000001 --field calleeTimeout=30
  cordboard call hold --agent 8000
  cordboard call transfer --agent 8000 --to 8001
  cordboard call consult --agent 8000 --mode outline --to 13900000001
  cordboard call listen --supervisor 8004 --agent 8000
  cordboard call sendDtmf --agent 8000 --digits '12#'
  cordboard call webcall --from 13900000001 --mode agentNumber --to 8001
  cordboard call hangup --agent 8000
  cordboard call cdr/list --field 'startTime=2026-01-05 00:00:00' --field 'endTime=2026-01-06 00:00:00' --field pageSize:=10

Prints the answer. Ends with 0 on success, 1 when the server refused, 2 when it could not be asked.";

/// `cordboard sign`
#[derive(Clone, Debug, Args)]
#[command(after_help = SIGN_HELP)]
pub struct SignArgs {
    /// m7-timestamp, Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS", value_parser = timestamp)]
    pub timestamp: Option<String>,
    /// m7-nonce, six digits [default: random]
    #[arg(long, value_name = "DIGITS", value_parser = nonce)]
    pub nonce: Option<String>,
    /// Print a curl command for this URL instead
    #[arg(long, value_name = "URL", value_parser = push_url)]
    pub curl: Option<Url>,
    /// The body of the curl command, JSON
    #[arg(long, value_name = "JSON", requires = "curl", default_value = "{}")]
    pub body: String,
    /// Who asks.
    #[command(flatten)]
    pub identity: Identity,
}

pub(super) const SIGN_HELP: &str = "\
m7-sign is base64(HMAC-SHA256(secret, appkey + timestamp + nonce)). Each signature is good once, for five minutes.

Examples:
  cordboard sign
  cordboard sign --timestamp 1608119594 --nonce 123221
  cordboard sign --curl http://127.0.0.1:8080/openapi/v1/call/hangup --body '{\"agentNumber\":\"8000\"}'";

fn timestamp(text: &str) -> Result<String, String> {
    digits(text, 10)
}

fn nonce(text: &str) -> Result<String, String> {
    digits(text, 6)
}

fn digits(text: &str, count: usize) -> Result<String, String> {
    match text.len() == count && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err(format!("write {count} digits")),
    }
}
