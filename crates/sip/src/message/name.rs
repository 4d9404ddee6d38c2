use std::fmt;

use super::scan::is_token;

macro_rules! header_names {
    ($($variant:ident $name:literal $compact:literal,)*) => {
        /// The name of a header field (RFC 3261 §7.3.1, §20). Case does not count; compact forms are read, never written.
        #[derive(Clone, Debug)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
            /// Any other, as it was written.
            Other(String),
        }

        impl HeaderName {
            /// Reads a name in any case, or its compact form. None: not a token.
            pub fn parse(text: &str) -> Option<HeaderName> {
                let (first, short) = (initial(text), text.len() == 1);
                $(if (first == const { initial($name) } && text.eq_ignore_ascii_case($name))
                    || (short && text.eq_ignore_ascii_case($compact))
                {
                    return Some(HeaderName::$variant);
                })*
                is_token(text).then(|| HeaderName::Other(text.to_owned()))
            }

            /// As written in a message.
            pub fn as_str(&self) -> &str {
                match self {
                    $(HeaderName::$variant => $name,)*
                    HeaderName::Other(name) => name,
                }
            }

            /// Its name where only a fixed text will do.
            pub(crate) fn label(&self) -> &'static str {
                match self {
                    $(HeaderName::$variant => $name,)*
                    HeaderName::Other(_) => "header",
                }
            }
        }
    };
}

header_names! {
    Via "Via" "v",
    From "From" "f",
    To "To" "t",
    CallId "Call-ID" "i",
    CSeq "CSeq" "",
    Contact "Contact" "m",
    MaxForwards "Max-Forwards" "",
    Route "Route" "",
    RecordRoute "Record-Route" "",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    ContentEncoding "Content-Encoding" "e",
    ContentDisposition "Content-Disposition" "",
    Expires "Expires" "",
    MinExpires "Min-Expires" "",
    Require "Require" "",
    ProxyRequire "Proxy-Require" "",
    Supported "Supported" "k",
    Unsupported "Unsupported" "",
    Allow "Allow" "",
    Accept "Accept" "",
    AcceptEncoding "Accept-Encoding" "",
    Authorization "Authorization" "",
    ProxyAuthorization "Proxy-Authorization" "",
    WwwAuthenticate "WWW-Authenticate" "",
    ProxyAuthenticate "Proxy-Authenticate" "",
    AuthenticationInfo "Authentication-Info" "",
    UserAgent "User-Agent" "",
    Server "Server" "",
    Date "Date" "",
    RetryAfter "Retry-After" "",
    Warning "Warning" "",
    Reason "Reason" "",
    Path "Path" "",
    ServiceRoute "Service-Route" "",
    Event "Event" "o",
    AllowEvents "Allow-Events" "u",
    SubscriptionState "Subscription-State" "",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    ReferSub "Refer-Sub" "",
    Replaces "Replaces" "",
    AnswerMode "Answer-Mode" "",
    CallInfo "Call-Info" "",
    AlertInfo "Alert-Info" "",
    RSeq "RSeq" "",
    RAck "RAck" "",
    SessionExpires "Session-Expires" "x",
    MinSe "Min-SE" "",
    Subject "Subject" "s",
    AcceptContact "Accept-Contact" "a",
    RejectContact "Reject-Contact" "j",
    RequestDisposition "Request-Disposition" "d",
    Identity "Identity" "y",
    IdentityInfo "Identity-Info" "n",
    MimeVersion "MIME-Version" "",
    ContentTransferEncoding "Content-Transfer-Encoding" "",
    PAssertedIdentity "P-Asserted-Identity" "",
    PPreferredIdentity "P-Preferred-Identity" "",
    Privacy "Privacy" "",
    Diversion "Diversion" "",
}

/// The first letter in lower case: most names are told apart by it.
const fn initial(name: &str) -> u8 {
    match name.as_bytes() {
        [first, ..] => first.to_ascii_lowercase(),
        [] => 0,
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &HeaderName) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            (HeaderName::Other(_), _) | (_, HeaderName::Other(_)) => false,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl Eq for HeaderName {}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_any_case_and_in_their_compact_form() {
        assert_eq!(HeaderName::parse("cALL-id"), Some(HeaderName::CallId));
        assert_eq!(HeaderName::parse("I"), Some(HeaderName::CallId));
        assert_eq!(HeaderName::parse("x-Own"), Some(HeaderName::Other("X-oWN".to_owned())));
        assert_eq!(HeaderName::parse("no good"), None);
    }
}
