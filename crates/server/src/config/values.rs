//! How single values are written.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use sip::message::{Scheme, Uri};
use switch::config::Algorithm;
use switch::config::Codec;
use url::Url;

use super::limits;
use super::model::{HostPort, Role};
use super::problem::{At, Report, Span};
use crate::contract::push::PushKind;
use crate::contract::time::Zone;

/// Why a text is not what it should be.
pub(super) struct Wrong {
    /// "an IP address with port"
    pub(super) expected: String,
    /// "write …"
    pub(super) remedy: String,
}

fn wrong(expected: impl Into<String>, remedy: impl Into<String>) -> Wrong {
    Wrong { expected: expected.into(), remedy: remedy.into() }
}

/// Any text: what it says is checked by whoever asked.
#[expect(clippy::unnecessary_wraps, reason = "has the shape of the other readers")]
pub(super) fn any(text: &str) -> Result<String, Wrong> {
    Ok(text.to_owned())
}

/// An IP address and a port that is not 0.
pub(super) fn socket_addr(text: &str) -> Result<SocketAddr, Wrong> {
    let refusal =
        || wrong("an IP address with port", "write it like \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"");
    text.parse().ok().filter(|addr: &SocketAddr| addr.port() != 0).ok_or_else(refusal)
}

/// A digest algorithm of phones; "both" are the two that most of them know.
pub(super) fn digests(text: &str) -> Result<Vec<Algorithm>, Wrong> {
    match text {
        "md5" => Ok(vec![Algorithm::Md5]),
        "sha256" => Ok(vec![Algorithm::Sha256]),
        "sha512-256" => Ok(vec![Algorithm::Sha512_256]),
        "both" => Ok(vec![Algorithm::Sha256, Algorithm::Md5]),
        _ => Err(wrong(
            "a digest algorithm",
            "write \"md5\", \"sha256\", \"sha512-256\", \"both\" (sha256 and md5), or a list",
        )),
    }
}

/// An IP address.
pub(super) fn ip_addr(text: &str) -> Result<IpAddr, Wrong> {
    text.parse().map_err(|_| wrong("an IP address", "write it like \"192.0.2.1\" or \"2001:db8::1\""))
}

/// A host name or IP address, and perhaps a port.
pub(super) fn host_port(text: &str) -> Result<HostPort, Wrong> {
    let refusal =
        || wrong("a host with port", "write it like \"sip.example.com:5060\" or \"192.0.2.1:5060\"");
    split_port(text).filter(|at| at.port != Some(0)).ok_or_else(refusal)
}

fn split_port(text: &str) -> Option<HostPort> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some(HostPort { host: addr.ip().to_string(), port: Some(addr.port()) });
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(HostPort { host: ip.to_string(), port: None });
    }
    match text.split_once(':') {
        Some((host, port)) => Some(HostPort { host: host_name(host).ok()?, port: Some(port.parse().ok()?) }),
        None => Some(HostPort { host: host_name(text).ok()?, port: None }),
    }
}

/// A DNS name or an IPv4 address.
pub(super) fn host_name(text: &str) -> Result<String, Wrong> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match text.len() <= 253 && text.split('.').all(label) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(wrong("a host name", "write it like \"calls.example.com\"")),
    }
}

/// A telephone number as it is shown: digits, perhaps after a +.
pub(super) fn phone_number(text: &str) -> Result<String, Wrong> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    match limits::NUMBER_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.to_owned()),
        false => Err(wrong(
            "a telephone number",
            format!(
                "write {} to {} digits without spaces, like \"02258834811\"",
                limits::NUMBER_DIGITS.start(),
                limits::NUMBER_DIGITS.end()
            ),
        )),
    }
}

/// The beginning of telephone numbers, or what is put there: digits, `*` and `#`, perhaps after a +.
pub(super) fn number_part(text: &str) -> Result<String, Wrong> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let fits = rest.len() <= *limits::NUMBER_DIGITS.end()
        && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'));
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong("the beginning of a number", "write digits, perhaps after a +, like \"+86\"")),
    }
}

/// The code of a country: without + and 0.
pub(super) fn country_code(text: &str) -> Result<String, Wrong> {
    let fits =
        (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong("the code of a country", "write its digits without + and 00, like \"86\"")),
    }
}

/// An area code, with or without its leading 0; kept without.
pub(super) fn area_code(text: &str) -> Result<String, Wrong> {
    let code = text.strip_prefix('0').unwrap_or(text);
    let fits =
        (1..=5).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit()) && !code.starts_with('0');
    match fits {
        true => Ok(code.to_owned()),
        false => Err(wrong("an area code", "write its digits, like \"010\"")),
    }
}

/// A codec that a trunk may speak, by its name in SDP, in any case.
pub(super) fn codec(text: &str) -> Result<Codec, Wrong> {
    Codec::of_name(text)
        .ok_or_else(|| wrong("a codec", "known are \"pcma\", \"pcmu\" (G.711), \"g722\" and \"g729\""))
}

/// A codec that all phones may speak: G.729 is allowed account by account.
pub(super) fn phone_codec(text: &str) -> Result<Codec, Wrong> {
    match Codec::of_name(text) {
        Some(Codec::G729) => Err(wrong(
            "a codec for all phones",
            "write g729 = true in the [[account]] whose phones may speak it",
        )),
        Some(codec @ (Codec::Pcma | Codec::Pcmu | Codec::G722)) => Ok(codec),
        None => Err(wrong("a codec", "known are \"pcma\", \"pcmu\" (G.711) and \"g722\"")),
    }
}

/// An address of record: `sip:user@domain`, `sip:` may be left out.
pub(super) fn address_of_record(text: &str) -> Result<String, Wrong> {
    let refusal = || wrong("an address of record", "write it like \"4711@sip.example.com\"");
    let (user, domain) = text.strip_prefix("sip:").unwrap_or(text).split_once('@').ok_or_else(refusal)?;
    let user_fits = !user.is_empty()
        && user.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+'));
    match (user_fits, host_name(domain)) {
        (true, Ok(domain)) => Ok(format!("sip:{user}@{domain}")),
        (true | false, Ok(_) | Err(_)) => Err(refusal()),
    }
}

/// An agent's number or the user name of a phone: letters and digits, `-`, `_` and `.`.
pub(super) fn handle(text: &str) -> Result<String, Wrong> {
    let fits = (1..=limits::NAME_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong(
            "a short plain word",
            format!("write 1 to {} letters, digits, \"-\", \"_\" or \".\"", limits::NAME_LEN_MAX),
        )),
    }
}

/// Whom those call who come by a trunk: a number, or the user of a SIP URI.
pub(super) fn called(text: &str) -> Result<String, Wrong> {
    let fits = (1..=limits::NAME_LEN_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+*#-_.".contains(&b));
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong(
            "a number or user that is called",
            format!(
                "write 1 to {} letters, digits or + * # - _ . like \"02258834811\"",
                limits::NAME_LEN_MAX
            ),
        )),
    }
}

/// A SIP URI with a user and an IP address, perhaps with `transport`.
pub(super) fn sip_uri(text: &str) -> Result<Uri, Wrong> {
    let refusal = || {
        let remedy = "write it like \"sip:1000@192.0.2.5:5060\", with ;transport=tcp after it if need be";
        wrong("a SIP URI with an IP address", remedy)
    };
    let user_fits = |user: &str| {
        (1..=limits::NAME_LEN_MAX).contains(&user.len())
            && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_.".contains(&b))
    };
    let uri = Uri::parse(text).map_err(|_| refusal())?;
    let params = text.split_once(';').map_or("transport=udp", |(_, params)| params);
    let fits = uri.scheme == Scheme::Sip
        && uri.user.as_deref().is_some_and(user_fits)
        && uri.password.is_none()
        && uri.host.ip().is_some()
        && uri.port != Some(0)
        && uri.headers.is_none()
        && ["transport=udp", "transport=tcp"].contains(&params);
    if fits { Ok(uri) } else { Err(refusal()) }
}

/// A name for people.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    let fits = (1..=limits::NAME_LEN_MAX).contains(&text.chars().count()) && !text.contains(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(wrong("a name", format!("write 1 to {} characters on one line", limits::NAME_LEN_MAX))),
    }
}

/// 24 hex digits.
pub(super) fn id(text: &str) -> Result<String, Wrong> {
    match text.len() == 24 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f')) {
        true => Ok(text.to_owned()),
        false => Err(wrong("an id", "write 24 hex digits in lower case, or leave it out to have one made")),
    }
}

/// `UTC+8`.
pub(super) fn zone(text: &str) -> Result<Zone, Wrong> {
    text.parse()
        .map_err(|_| wrong("a zone", "write it like \"UTC+8\" or \"UTC-3:30\", at most 14 hours from UTC"))
}

/// An http or https URL with nothing after its path; no slash at the end is kept.
pub(super) fn base_url(text: &str) -> Result<String, Wrong> {
    let url = push_url(text).ok().filter(|url| url.query().is_none());
    let url =
        url.ok_or_else(|| wrong("an http or https URL", "write it like \"https://calls.example.com\""))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// An http or https URL.
pub(super) fn push_url(text: &str) -> Result<Url, Wrong> {
    let refusal = || wrong("an http or https URL", "write it like \"https://crm.example.com/calls\"");
    let url = Url::parse(text).map_err(|_| refusal())?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(refusal()) }
}

/// A kind of push.
pub(super) fn push_kind(text: &str) -> Result<PushKind, Wrong> {
    let names: Vec<String> = PushKind::ALL.iter().map(PushKind::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    text.parse().map_err(|_| wrong("a kind of push", super::section::suggest(text, &names)))
}

/// What an agent may do beyond its own calls.
pub(super) fn role(text: &str) -> Result<Role, Wrong> {
    let known = Role::ALL.map(Role::name);
    let role = Role::ALL.into_iter().find(|role| role.name() == text);
    role.ok_or_else(|| wrong("a role", super::section::suggest(text, &known)))
}

/// Whether Standard Webhooks can sign with it: `whsec_` and base64.
fn is_push_secret(text: &str) -> bool {
    text.strip_prefix("whsec_")
        .and_then(|rest| STANDARD.decode(rest).ok())
        .is_some_and(|bytes| limits::PUSH_SECRET_BYTES.contains(&bytes.len()))
}

/// What a secret is for; each kind has its own form.
#[derive(Clone, Copy)]
pub(super) enum SecretKind {
    /// Signs requests.
    Api,
    /// Registers a phone.
    Sip,
    /// Answers a trunk's challenge: chosen by the carrier, whatever its length.
    Trunk,
    /// Signs pushes.
    Push,
}

/// A secret: the text itself, or `env:NAME` for what the environment variable NAME holds. `None` (and reported) when
/// the variable is not set or the secret is too weak. The secret is in no message.
pub(super) fn secret(
    text: At<String>,
    key: &str,
    kind: SecretKind,
    report: &Report<'_>,
) -> Option<SecretString> {
    let value = match text.value.strip_prefix("env:") {
        None => text.value,
        Some(name) => match report.environment(name) {
            Some(value) => value,
            None => {
                let message =
                    format!("\"{key}\" names the environment variable \"{name}\", which is not set");
                report.wrong(
                    &text.span,
                    message,
                    format!("start with {name}=…, or write the secret itself here"),
                );
                return None;
            }
        },
    };
    let lengths = match kind {
        SecretKind::Api => limits::SECRET_LEN,
        SecretKind::Sip => limits::SIP_PASSWORD_LEN,
        SecretKind::Trunk => 1..=*limits::SIP_PASSWORD_LEN.end(),
        SecretKind::Push if is_push_secret(&value) => return Some(value.into()),
        SecretKind::Push => {
            let (min, max) = limits::PUSH_SECRET_BYTES.into_inner();
            let message = format!("\"{key}\" is not whsec_ with the base64 of {min} to {max} bytes");
            report.wrong(&text.span, message, "make one: echo whsec_$(openssl rand -base64 32)");
            return None;
        }
    };
    if lengths.contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(value.into());
    }
    let message =
        format!("\"{key}\" must have {} to {} visible ASCII characters", lengths.start(), lengths.end());
    report.wrong(&text.span, message, "make one: openssl rand -hex 16");
    None
}

/// Finds what must be given once and is given again.
pub(super) struct Unique {
    what: &'static str,
    seen: BTreeMap<String, Span>,
}

impl Unique {
    /// `what` is used in the message: "agent number".
    pub(super) fn new(what: &'static str) -> Unique {
        Unique { what, seen: BTreeMap::new() }
    }

    /// Reports `value` when it was added before.
    pub(super) fn add(&mut self, value: &str, span: &Span, report: &Report<'_>) {
        if let Some(first) = self.seen.get(value) {
            let message = format!(
                "the {} \"{value}\" is given in line {} already",
                self.what,
                report.position(first).0
            );
            report.wrong(span, message, "give each its own, or remove one");
            return;
        }
        self.seen.insert(value.to_owned(), span.clone());
    }
}
