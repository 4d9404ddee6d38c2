//! Who calls, besides From: P-Asserted-Identity and P-Preferred-Identity (RFC 3325), Privacy (RFC 3323), Diversion
//! (RFC 5806).

use crate::api::{Flow, Identity};
use crate::endpoint::Core;
use crate::message::{HeaderName, Headers, Host, Malformed, NameAddr, Scheme, Uri};

/// Privacy values that withhold who calls: by RFC 3325, and what asks for more than that.
const WITHHOLDING: [&str; 4] = ["id", "user", "full", "header"];
/// From of one who is not shown (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "anonymous";
const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// From of an INVITE by `flow`, without its tag; `user` may name a host after its `@`.
pub(super) fn from(
    core: &Core,
    flow: Flow,
    user: &str,
    name: Option<String>,
    identity: &Identity,
) -> Result<NameAddr, Malformed> {
    if identity.withheld {
        let host = Host::Name(ANONYMOUS_HOST.to_owned());
        let mut from = NameAddr::new(Uri::sip(ANONYMOUS, host, None));
        from.display = Some("Anonymous".to_owned());
        return Ok(from);
    }
    let mut from = address(core, flow, user)?;
    from.display = name;
    Ok(from)
}

/// Puts what an identity says into an INVITE by `flow`.
pub(super) fn put(
    core: &Core,
    flow: Flow,
    headers: &mut Headers,
    identity: &Identity,
) -> Result<(), Malformed> {
    let lines = [
        (HeaderName::PAssertedIdentity, &identity.asserted),
        (HeaderName::PPreferredIdentity, &identity.preferred),
        (HeaderName::Diversion, &identity.diverted_from),
    ];
    for (name, user) in lines {
        if let Some(user) = user {
            let mut line = address(core, flow, user)?;
            if name == HeaderName::Diversion {
                line.params.set("reason", Some("unconditional"));
                if identity.withheld {
                    line.params.set("privacy", Some("full"));
                }
            }
            headers.push(name, line.to_string());
        }
    }
    if identity.withheld {
        headers.push(HeaderName::Privacy, "id");
    }
    Ok(())
}

/// What the caller of an incoming INVITE says. What cannot be read counts as not said.
pub(super) fn read(headers: &Headers) -> Identity {
    let first = |name: HeaderName| {
        let mut addresses = headers.addresses(&name).unwrap_or_default().into_iter();
        addresses.find_map(|address| user_of(&address.uri))
    };
    let privacy = headers.get(&HeaderName::Privacy).unwrap_or_default();
    let mut values = privacy.split([';', ',']).map(|value| value.trim().to_ascii_lowercase());
    Identity {
        asserted: first(HeaderName::PAssertedIdentity),
        preferred: first(HeaderName::PPreferredIdentity),
        withheld: values.any(|value| WITHHOLDING.contains(&value.as_str())),
        diverted_from: first(HeaderName::Diversion),
    }
}

fn address(core: &Core, flow: Flow, user: &str) -> Result<NameAddr, Malformed> {
    let (user, host) = match user.rsplit_once('@') {
        Some((user, host)) => (user, Host::parse(host)?),
        None => (user, core.advertised(flow).0),
    };
    Ok(NameAddr::new(Uri::sip(user, host, None)))
}

/// The user, or the number of a `tel` URI without its parameters.
fn user_of(uri: &Uri) -> Option<String> {
    let user = match uri.scheme {
        Scheme::Sip | Scheme::Sips => uri.user_unescaped(),
        Scheme::Tel => uri.user.as_deref()?.split(';').next()?.to_owned(),
        Scheme::Other(_) => return None,
    };
    (!user.is_empty()).then_some(user)
}
