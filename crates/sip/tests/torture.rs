//! The verdicts on the messages of RFC 4475 and RFC 5118 that their bytes alone allow.
//!
//! Where the RFC leaves a choice, ours stands beside the assertion. Verdicts that need an endpoint (401, 406, 415, 420,
//! 501, stray responses) are asserted where the endpoint is tested.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod torture_data;

use sip::message::{
    Contacts, HeaderName, Message, Method, Request, Response, Scheme, Screened, parse_datagram, screen,
};
use torture_data::{TORTURE, ipv6};

/// File, verdict.
const VERDICTS: [(&str, &str); 49] = [
    // §3.1.1, valid messages.
    ("wsinv", "accept"),
    ("intmeth", "accept"),
    ("esc01", "accept"),
    ("escnull", "accept"),
    ("esc02", "accept"),
    ("lwsdisp", "accept"),
    ("longreq", "accept"),
    ("dblreq", "accept"),
    ("semiuri", "accept"),
    ("transports", "accept"),
    ("mpart01", "accept"),
    ("unreason", "accept response"),
    ("noreason", "accept response"),
    // §3.1.2, invalid messages.
    ("badinv01", "400 Via has a malformed parameter"),
    ("clerr", "400 Content-Length is more than there is"),
    ("ncl", "400 Content-Length is not a decimal number"),
    ("scalar02", "400 CSeq is too large a number"),
    ("scalarlg", "drop CSeq is too large a number"),
    // Choice: the quote is not guessed to end before the angle bracket.
    ("quotbal", "400 To has a quote that is not closed"),
    // Choice: the angle brackets are not taken off.
    ("ltgtruri", "400 Request-URI has a malformed scheme"),
    ("lwsruri", "400 start line is not method, URI and version with single spaces"),
    ("lwsstart", "400 start line is not method, URI and version with single spaces"),
    // Choice: trailing space is refused like every other stray one.
    ("trws", "400 start line is not method, URI and version with single spaces"),
    // Choice: headers in a Request-URI are refused, not ignored.
    ("escruri", "400 Request-URI has headers in it"),
    // Choice: Date is not needed for anything here, so it is not read and its fault does no harm.
    ("baddate", "accept"),
    // Choice: what the sender meant is not guessed.
    ("regbadct", "400 Contact has a URI that must stand in angle brackets"),
    ("badaspec", "400 To has a URI that has a malformed scheme"),
    // The file lacks the empty line; what it is about is judged below.
    ("baddn", "400 message ends before an empty line"),
    ("badvers", "505 start line has another version than SIP/2.0"),
    ("mismatch01", "400 CSeq has another method than the request"),
    // Choice: 400 before 501.
    ("mismatch02", "400 CSeq has another method than the request"),
    ("bigcode", "drop start line has a status that is not 100–699"),
    // §3.2, transaction layer: well formed; the transaction layer treats it as RFC 2543.
    ("badbranch", "accept"),
    // §3.3, application layer.
    ("insuf", "400 From is missing"),
    ("unkscm", "416 Request-URI is neither sip nor sips"),
    ("novelsc", "416 Request-URI is neither sip nor sips"),
    ("unksm2", "accept"),
    ("bext01", "accept"),
    ("invut", "accept"),
    ("regaut01", "accept"),
    ("multi01", "400 From is there more than once"),
    ("mcl01", "400 Content-Length is there more than once"),
    ("bcast", "accept response"),
    ("zeromf", "accept"),
    ("cparam01", "accept"),
    ("cparam02", "accept"),
    ("regescrt", "accept"),
    ("sdp01", "accept"),
    // §3.4, an RFC 2543 peer.
    ("inv2543", "accept"),
];

fn data(name: &str) -> &'static [u8] {
    TORTURE.iter().find(|(found, _)| *found == name).map(|(_, data)| *data).expect("a file of that name")
}

fn verdict(data: &[u8]) -> String {
    match screen(data) {
        Screened::Accept(Message::Request(_)) => "accept".to_owned(),
        Screened::Accept(Message::Response(_)) => "accept response".to_owned(),
        Screened::Answer(refusal) => {
            let response = refusal.response();
            assert_eq!(response.status, refusal.fault.status);
            format!("{} {}", response.status, refusal.fault)
        }
        Screened::Drop(fault) => format!("drop {fault}"),
        Screened::KeepAlive => "keep-alive".to_owned(),
    }
}

fn request(name: &str) -> Request {
    match screen(data(name)) {
        Screened::Accept(Message::Request(request)) => request,
        other => panic!("{name}: {other:?}"),
    }
}

fn response(name: &str) -> Response {
    match screen(data(name)) {
        Screened::Accept(Message::Response(response)) => response,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn each_torture_message_gets_its_verdict() {
    assert_eq!(VERDICTS.len(), TORTURE.len());
    for (name, expected) in VERDICTS {
        assert_eq!(verdict(data(name)), expected, "{name}");
    }
}

/// Choice (§3.1.2.15): a display name that is no list of tokens is not recovered, for its comma could begin a new value.
#[test]
fn a_display_name_that_must_be_quoted_is_refused() {
    let complete = [data("baddn"), b"\r\n"].concat();
    assert_eq!(verdict(&complete), "400 From has a display name that must be quoted");
}

#[test]
fn each_ipv6_message_is_accepted_but_the_one_without_brackets() {
    for (name, data) in ipv6() {
        let expected = match name {
            "ipv6-bad" => "400 Request-URI is neither a name nor an address",
            _ => "accept",
        };
        assert_eq!(verdict(&data), expected, "{name}");
    }
}

#[test]
fn whatever_was_accepted_is_the_same_after_encoding() {
    let all = TORTURE.iter().map(|(name, data)| (*name, data.to_vec())).chain(ipv6());
    for (name, data) in all {
        let Screened::Accept(message) = screen(&data) else { continue };
        let again = parse_datagram(&message.encode()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(without_length(again), without_length(message), "{name}");
    }
}

/// Content-Length moves to the end, and is added when it was not there.
fn without_length(mut message: Message) -> Message {
    match &mut message {
        Message::Request(request) => request.headers.remove(&HeaderName::ContentLength),
        Message::Response(response) => response.headers.remove(&HeaderName::ContentLength),
    }
    message
}

#[test]
fn wsinv_means_what_section_3_1_1_1_says() {
    let wsinv = request("wsinv");
    let headers = &wsinv.headers;
    assert_eq!(headers.cseq().unwrap().to_string(), "9 INVITE");
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!((from.display.as_deref(), from.tag()), (Some(r#"J Rosenberg \""#), Some("98asjd8")));
    let vias = headers.vias().unwrap();
    let hosts: Vec<String> = vias.iter().map(|via| via.host.to_string()).collect();
    assert_eq!(hosts, ["192.0.2.2", "spindle.example.com", "192.168.255.111"]);
    assert_eq!(vias[2].branch(), Some("z9hG4bK30239"));
    let Ok(Contacts::List(contacts)) = headers.contacts() else { panic!("a list") };
    assert_eq!(contacts[0].display.as_deref(), Some(r#"Quoted string """#));
    assert_eq!(contacts[0].params.get("newparam"), Some("newvalue"));
    assert_eq!(contacts[0].params.get("q"), Some("0.33"));
    assert_eq!(headers.routes().unwrap()[0].uri.host.to_string(), "services.example.com");
    assert_eq!(headers.get(&HeaderName::Subject), Some(""));
}

#[test]
fn intmeth_keeps_its_strange_characters() {
    let intmeth = request("intmeth");
    assert_eq!(intmeth.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(intmeth.uri.user.as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(intmeth.headers.to().unwrap().display.as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
}

#[test]
fn escapes_are_resolved_only_where_they_are_asked_for() {
    assert_eq!(request("esc01").uri.user_unescaped(), "sips:user@example.com");
    assert_eq!(request("esc01").uri.scheme, Scheme::Sip);
    assert_eq!(request("semiuri").uri.user_unescaped(), "user;par=u@example.net");
    assert_eq!(request("escnull").headers.to().unwrap().uri.user_unescaped(), "null-\0-null");
    // A method is not escaped (§3.1.1.5).
    assert_eq!(request("esc02").method, Method::Other("RE%47IST%45R".to_owned()));
}

#[test]
fn lengths_and_bodies_are_kept() {
    assert_eq!(request("longreq").headers.vias().unwrap().len(), 34);
    // The second request in the datagram is discarded (§3.1.1.8).
    assert_eq!((request("dblreq").method, request("dblreq").body.len()), (Method::Register, 0));
    assert_eq!(request("mpart01").body.len(), 553);
    assert_eq!(request("lwsdisp").headers.from().unwrap().display.as_deref(), Some("caller"));
    let transports: Vec<String> =
        request("transports").headers.vias().unwrap().into_iter().map(|via| via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    assert!(response("unreason").reason.starts_with("= 2**3 * 5**2 но"));
    assert_eq!(response("noreason").reason, "");
}

#[test]
fn parameters_of_a_contact_are_told_from_those_of_its_uri() {
    let contact = |name: &str| match request(name).headers.contacts() {
        Ok(Contacts::List(list)) => list[0].clone(),
        other => panic!("{other:?}"),
    };
    assert!(
        contact("cparam01").params.has("unknownparam") && !contact("cparam01").uri.params.has("unknownparam")
    );
    assert!(
        contact("cparam02").uri.params.has("unknownparam") && !contact("cparam02").params.has("unknownparam")
    );
    assert!(contact("regescrt").uri.headers.is_some());
}

#[test]
fn a_bare_magic_cookie_identifies_no_transaction() {
    let via = request("badbranch").headers.top_via().unwrap();
    assert_eq!((via.branch(), via.cookie_branch()), (Some("z9hG4bK"), None));
    assert_eq!(request("inv2543").headers.top_via().unwrap().branch(), None);
}

#[test]
fn ipv6_references_mean_what_rfc_5118_says() {
    let find = |wanted: &str| {
        let (_, data) = ipv6().into_iter().find(|(name, _)| *name == wanted).expect("a file of that name");
        match screen(&data) {
            Screened::Accept(Message::Request(request)) => request,
            other => panic!("{wanted}: {other:?}"),
        }
    };
    assert_eq!(find("port-ambiguous").uri.port, None);
    assert_eq!(find("port-unambiguous").uri.port, Some(5070));
    for name in ["via-received-param-no-delim", "via-received-param-with-delim"] {
        let received = find(name).headers.top_via().unwrap().received();
        assert_eq!(received, "2001:db8::9:255".parse().ok(), "{name}");
    }
    assert_eq!(find("ipv6-bug-abnf-3-colons").uri.host, find("ipv6-correct-abnf-2-colons").uri.host);
    assert_eq!(find("ipv4-mapped-ipv6").headers.vias().unwrap()[0].port, Some(19823));
}
