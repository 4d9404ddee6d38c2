//! Who is to answer an INVITE: a person, or the phone by itself.

use crate::api::{AnswerMode, Flow};
use crate::endpoint::Core;
use crate::message::{HeaderName, Headers, Uri};

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
