//! What an endpoint checks in a request before it does what is asked (RFC 3261 §8.2.2.3, §8.2.3, §20.1).

use super::headers::media_type;
use super::{HeaderName, Request};

/// The option tags in Require that are not among `supported`: answer 420 with them in Unsupported. Not for ACK and
/// CANCEL (RFC 3261 §8.2.2.3).
pub fn unsupported_requires(request: &Request, supported: &[&str]) -> Vec<String> {
    let required = request.headers.tokens(&HeaderName::Require).into_iter();
    let is_unknown = |tag: &&str| !supported.iter().any(|known| known.eq_ignore_ascii_case(tag));
    required.filter(is_unknown).map(str::to_owned).collect()
}

/// Whether the sender knows the extension `tag`, by Supported or Require.
pub fn knows(request: &Request, tag: &str) -> bool {
    let names = [HeaderName::Supported, HeaderName::Require];
    names.iter().flat_map(|name| request.headers.tokens(name)).any(|known| known.eq_ignore_ascii_case(tag))
}

/// Whether the sender takes an answer of type `wanted`, such as `application/sdp`; without Accept it takes SDP.
/// If not, answer 406.
pub fn accepts(request: &Request, wanted: &str) -> bool {
    if !request.headers.has(&HeaderName::Accept) {
        return wanted == "application/sdp";
    }
    let family = wanted.split('/').next().unwrap_or("");
    request.headers.tokens(&HeaderName::Accept).into_iter().map(media_type).any(|range| {
        range == "*/*" || range == wanted || range.strip_suffix("/*").is_some_and(|prefix| prefix == family)
    })
}

/// Whether the body, if there is one, is of one of the types `known` and is not encoded. If not, answer 415.
pub fn understands_body(request: &Request, known: &[&str]) -> bool {
    if request.body.is_empty() {
        return true;
    }
    let encodings = request.headers.tokens(&HeaderName::ContentEncoding);
    let plain = encodings.iter().all(|encoding| encoding.eq_ignore_ascii_case("identity"));
    plain && request.headers.content_type().is_some_and(|found| known.contains(&found.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use super::*;
    use crate::message::{Method, Uri};

    fn request(name: HeaderName, value: &str) -> Request {
        let mut request = Request::new(Method::Invite, Uri::parse("sip:a@b").unwrap());
        request.headers.push(name, value);
        request
    }

    #[test]
    fn unknown_extensions_are_named() {
        let request = request(HeaderName::Require, "100rel, nothingSupportsThis ,Timer");
        assert_eq!(unsupported_requires(&request, &["timer"]), ["100rel", "nothingSupportsThis"]);
    }

    #[test]
    fn ranges_of_accept_are_understood() {
        let accepted = |value: &str| accepts(&request(HeaderName::Accept, value), "application/sdp");
        assert!(
            accepted("text/plain, Application / SDP;level=1") && accepted("*/*") && accepted("application/*")
        );
        assert!(!accepted("text/nobodyKnowsThis") && !accepted("app/*") && !accepted(""));
        assert!(accepts(&request(HeaderName::Subject, "x"), "application/sdp"));
    }

    #[test]
    fn a_body_is_understood_by_its_type_and_only_as_it_is() {
        let sdp = &["application/sdp"];
        let mut some = request(HeaderName::ContentType, "application/sdp; charset=utf-8");
        assert!(understands_body(&request(HeaderName::ContentType, "a/b"), sdp), "no body");
        some.body = "v=0".into();
        assert!(understands_body(&some, sdp) && !understands_body(&some, &["text/plain"]));
        some.headers.push(HeaderName::ContentEncoding, "gzip");
        assert!(!understands_body(&some, sdp));
    }
}
