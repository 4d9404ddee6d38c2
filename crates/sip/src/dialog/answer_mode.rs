//! Who is to answer an INVITE: a person, or the phone by itself.

use crate::api::{AnswerMode, Flow};
use crate::endpoint::Core;
use crate::message::{HeaderName, Headers, Uri};

/// The longest wait that is understood; who asks for more asks for this.
const WAIT_MAX_S: u8 = 60;

/// Asks a phone to answer by itself: by RFC 5373, and in the words that phones had before. `answer-after` of Call-Info is
/// that of Snom, Linphone, AudioCodes and Broadsoft; Alert-Info that of Yealink, Polycom, Grandstream and Aastra; Gigaset and baresip
/// read both. Each is ignored by those that do not know it, and obeyed only by phones that are set to.
pub(super) fn put(core: &Core, flow: Flow, headers: &mut Headers, mode: AnswerMode) {
    match mode {
        AnswerMode::Manual => {}
        AnswerMode::Auto => {
            let (host, port) = core.advertised(flow);
            let us = Uri::sip("", host, Some(port));
            headers.push(HeaderName::AnswerMode, "Auto");
            headers.push(HeaderName::CallInfo, format!("<{us}>;answer-after=0"));
            headers.push(HeaderName::AlertInfo, format!("<{us}>;info=alert-autoanswer;delay=0"));
        }
    }
}

/// After how many seconds a caller wishes the phone to answer by itself, in any of these forms, if that is asked for.
pub(super) fn asked_for(headers: &Headers) -> Option<u8> {
    let seconds = |text: &str| {
        let seconds: u64 = text.parse().ok()?;
        Some(u8::try_from(seconds).map_or(WAIT_MAX_S, |seconds| seconds.min(WAIT_MAX_S)))
    };
    let lines = |name: HeaderName| headers.all(&name).collect::<Vec<_>>();
    if let Some(after) = lines(HeaderName::CallInfo).into_iter().find_map(|line| value(line, "answer-after"))
    {
        return seconds(after);
    }
    for line in lines(HeaderName::AlertInfo) {
        let info = value(line, "info").unwrap_or_default();
        if info.eq_ignore_ascii_case("alert-autoanswer") || info.eq_ignore_ascii_case("auto answer") {
            return seconds(value(line, "delay").unwrap_or("0"));
        }
    }
    let auto =
        |line: &&str| line.split(';').next().is_some_and(|mode| mode.trim().eq_ignore_ascii_case("auto"));
    lines(HeaderName::AnswerMode).iter().any(auto).then_some(0)
}

/// Of the parameter `name`, without its quotes.
fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split([';', ',']).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_nothing_else() {
        let after = |name: &str, value: &str| {
            let mut headers = Headers::default();
            headers.push(HeaderName::parse(name).unwrap(), value);
            asked_for(&headers)
        };
        assert_eq!(after("Call-Info", "<sip:x@y>;answer-after=0"), Some(0));
        assert_eq!(after("call-info", "<sip:x@y>; purpose=icon, <sip:x>; Answer-After = \"2\""), Some(2));
        assert_eq!(after("Call-Info", "<sip:x@y>;answer-after=999999999999"), Some(WAIT_MAX_S));
        assert_eq!(after("Call-Info", "<sip:x@y>;answer-after=soon"), None);
        assert_eq!(after("Call-Info", "<sip:x@y>;purpose=icon"), None);
        assert_eq!(after("Alert-Info", "<http://x>;info=alert-autoanswer;delay=3"), Some(3));
        assert_eq!(after("Alert-Info", "<http://x>;info=alert-autoanswer"), Some(0));
        assert_eq!(after("Alert-Info", "<http://x>;info=ring"), None);
        assert_eq!(after("Answer-Mode", "Auto;require"), Some(0));
        assert_eq!(after("Answer-Mode", "Manual"), None);
    }
}
