//! `cordboard sign`: the four headers of a signed request.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use secrecy::ExposeSecret;

use super::args::{Identity, SignArgs};
use crate::contract::auth;

/// The headers that sign a request (contract §1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    appkey: String,
    timestamp: String,
    nonce: String,
    sign: String,
}

impl Signed {
    pub(super) fn new(identity: &Identity, timestamp: String, nonce: String) -> Signed {
        let sign = auth::sign(identity.secret.expose_secret(), &identity.appkey, &timestamp, &nonce);
        Signed { appkey: identity.appkey.clone(), timestamp, nonce, sign }
    }

    /// Signed for now with a fresh nonce.
    pub(super) fn now(identity: &Identity) -> anyhow::Result<Signed> {
        Ok(Signed::new(identity, timestamp_now()?, random_nonce()?))
    }

    pub(super) fn headers(&self) -> [(&'static str, &str); 4] {
        [
            ("m7-appkey", &self.appkey),
            ("m7-timestamp", &self.timestamp),
            ("m7-nonce", &self.nonce),
            ("m7-sign", &self.sign),
        ]
    }
}

pub(super) fn run(args: SignArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let timestamp = args.timestamp.clone().map_or_else(timestamp_now, Ok)?;
    let nonce = args.nonce.clone().map_or_else(random_nonce, Ok)?;
    print(&args, &Signed::new(&args.identity, timestamp, nonce), out)?;
    Ok(())
}

fn print(args: &SignArgs, signed: &Signed, out: &mut dyn Write) -> io::Result<()> {
    let Some(url) = &args.curl else {
        return signed.headers().iter().try_for_each(|(name, value)| writeln!(out, "{name}: {value}"));
    };
    writeln!(out, "curl {} \\", quoted(url.as_str()))?;
    for (name, value) in signed.headers() {
        writeln!(out, "  -H {} \\", quoted(&format!("{name}: {value}")))?;
    }
    writeln!(out, "  -H 'content-type: application/json' \\\n  --data-raw {}", quoted(&args.body))
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn timestamp_now() -> anyhow::Result<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(since.as_secs().to_string())
}

/// Six digits; each use of an (appkey, timestamp, nonce) is good once.
fn random_nonce() -> anyhow::Result<String> {
    let number = getrandom::u32().context("the operating system gave no randomness")?;
    Ok(format!("{:06}", number % 1_000_000))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::args::{Cli, Command};
    use super::*;

    fn printed(args: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["cordboard", "sign"], args].concat()).expect("well formed");
        let Command::Sign(args) = cli.command else { panic!("{:?}", cli.command) };
        let mut out = Vec::new();
        run(args, &mut out).expect("writes to memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_headers_are_those_of_the_vectors() {
        let secret = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";
        let vectors = [
            ("2000103", "1608119594", "123221", "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo="),
            ("2000100", "1609226863", "111922", "MUsuvEvHzsYcHhckm/GkzDks/ZfJaeXo4k2+hlR9r2I="),
            ("2100147", "1924260441", "025513", "/MXI6P/qErc2CNLx4CLtWT941BpytrfyhWizvUu5n2k="),
        ];
        for (appkey, timestamp, nonce, sign) in vectors {
            let args = ["--appkey", appkey, "--secret", secret, "--timestamp", timestamp, "--nonce", nonce];
            let expected = format!(
                "m7-appkey: {appkey}\nm7-timestamp: {timestamp}\nm7-nonce: {nonce}\nm7-sign: {sign}\n"
            );
            assert_eq!(printed(&args), expected);
        }
    }

    #[test]
    fn a_curl_command_survives_the_shell() {
        let url = "http://127.0.0.1:8080/openapi/v1/call/hangup";
        let body = r#"{"agentNumber":"8000","extras":"it's"}"#;
        let args = ["--timestamp", "1608119594", "--nonce", "123221", "--curl", url, "--body", body];
        let expected = r#"curl 'http://127.0.0.1:8080/openapi/v1/call/hangup' \
  -H 'm7-appkey: 2000103' \
  -H 'm7-timestamp: 1608119594' \
  -H 'm7-nonce: 123221' \
  -H 'm7-sign: ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo=' \
  -H 'content-type: application/json' \
  --data-raw '{"agentNumber":"8000","extras":"it'\''s"}'
"#;
        assert_eq!(printed(&args), expected);
    }

    #[test]
    fn without_arguments_it_signs_for_now() {
        let lines = printed(&[]);
        let value = |name: &str| {
            let line = lines.lines().find_map(|line| line.strip_prefix(name)).expect("is printed");
            line.to_owned()
        };
        assert_eq!(value("m7-timestamp: ").len(), 10);
        assert_eq!(value("m7-nonce: ").len(), 6);
    }
}
