//! The text of messages, section by section of RFC 3261 (and of those that add headers): what may be written in several
//! ways, and what may not be written at all. Where the standard leaves a choice, ours stands beside the line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sip::message::{
    Contacts, HeaderName, Host, Malformed, Message, NameAddr, Refusal, Request, Screened, Uri, Via, screen,
};

/// A request with everything that one must have, and `lines`.
fn text(lines: &str) -> String {
    format!(
        "OPTIONS sip:95588@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: 1@b\r\nCSeq: 7 OPTIONS\r\n{lines}\r\n"
    )
}

fn read(text: &str) -> Result<Request, Malformed> {
    match screen(text.as_bytes()) {
        Screened::Accept(Message::Request(request)) => Ok(request),
        Screened::Answer(Refusal { fault, .. }) | Screened::Drop(fault) => Err(fault),
        other => panic!("{text}: {other:?}"),
    }
}

fn value(line: &str, name: &HeaderName) -> String {
    let read = read(&text(&format!("{line}\r\n"))).unwrap_or_else(|fault| panic!("{line:?}: {fault}"));
    read.headers.get(name).unwrap_or_else(|| panic!("{line:?} is no {name}")).to_owned()
}

/// §7.3.1, §25.1 (HCOLON, LWS): spaces around the colon, folding, any case; the value is what is left.
#[test]
fn section_7_3_1_one_header_in_many_forms() {
    for line in [
        "Subject: lunch",
        "Subject:lunch",
        "Subject      :      lunch",
        "SUBJECT\t:\tlunch",
        "subject: lunch \t ",
        "s: lunch",
        "S :lunch",
        "Subject:\r\n lunch",
        "Subject:   \r\n\tlunch",
        "s :\r\n \r\n lunch", // a folded line of nothing but space
    ] {
        assert_eq!(value(line, &HeaderName::Subject), "lunch", "{line:?}");
    }
    assert_eq!(value("Subject: I know\r\n   you're\r\n\tthere", &HeaderName::Subject), "I know you're there");
    for line in [": x", "Sub ject: x", "Subject", "Sub\"ject: x", "Sübject: x", "Subject\r\n : x"] {
        assert_eq!(read(&text(&format!("{line}\r\n"))).unwrap_err().status, 400, "{line:?}");
    }
}

/// §7.3.1: empty values. What must have one is refused; a list may be empty.
#[test]
fn section_7_3_1_empty_values() {
    for line in
        ["Subject:", "Supported:", "Allow: ", "Organization:\r\n ", "Accept:", "Require:", "Allow-Events:"]
    {
        read(&text(&format!("{line}\r\n"))).unwrap_or_else(|fault| panic!("{line:?}: {fault}"));
    }
    for line in ["Max-Forwards:", "Expires:", "Contact:", "Route:", "Record-Route: ,", "Content-Length:"] {
        assert_eq!(read(&text(&format!("{line}\r\n"))).unwrap_err().status, 400, "{line:?}");
    }
}

/// §7.3.1: values on one line and on many mean the same; commas in quotes and angle brackets do not count.
#[test]
fn section_7_3_1_many_values_on_one_line_or_on_many() {
    let one = read(&text("Route: <sip:a;lr>, \"b, c\" <sip:d,e@f;lr>,<sip:g>\r\n")).unwrap();
    let many = read(&text(
        "Route: <sip:a;lr>\r\nSubject: between\r\nroute: \"b, c\" <sip:d,e@f;lr>,\r\n <sip:g>\r\n",
    ));
    let routes = one.headers.routes().unwrap();
    assert_eq!(
        routes.iter().map(|route| route.uri.to_string()).collect::<Vec<_>>(),
        ["sip:a;lr", "sip:d,e@f;lr", "sip:g"]
    );
    assert_eq!(many.unwrap().headers.routes().unwrap(), routes);
    let tags = read(&text("Supported: a,b ,, c\r\nk: d\r\nSupported:\r\n")).unwrap();
    assert_eq!(
        tags.headers.tokens(&HeaderName::Supported),
        ["a", "b", "c", "d"],
        "choice: empty elements are passed over"
    );
}

/// §7.3.1: a header that is no list stands once. Choice: of those that are never read here (Subject, Date …), a second
/// one does no harm.
#[test]
fn section_7_3_1_single_headers_stand_once() {
    for (first, second) in [
        ("From: <sip:a@b>;tag=1", "f: <sip:x@y>;tag=2"),
        ("To: <sip:c@d>", "t: <sip:c@d>"),
        ("i: 1@b", "Call-ID: 1@b"),
        ("CSeq: 7 OPTIONS", "CSeq: 7 OPTIONS"),
        ("Max-Forwards: 70", "Max-Forwards: 70"),
        ("Expires: 1", "Expires: 2"),
        ("Content-Length: 0", "l: 0"),
        ("Content-Type: a/b", "c: a/b"),
        ("Content-Disposition: session", "Content-Disposition: render"),
        ("Event: a", "o: b"),
        ("Refer-To: <sip:a@b>", "r: <sip:c@d>"),
        ("Referred-By: <sip:a@b>", "b: <sip:c@d>"),
        ("Replaces: 1;to-tag=1;from-tag=2", "Replaces: 2;to-tag=1;from-tag=2"),
        ("Session-Expires: 90", "x: 90"),
        ("Min-SE: 90", "Min-SE: 90"),
        ("RAck: 1 1 INVITE", "RAck: 2 1 INVITE"),
        ("RSeq: 1", "RSeq: 1"),
        ("Subscription-State: active", "Subscription-State: active"),
    ] {
        let fault = read(&text(&format!("{first}\r\n{second}\r\n"))).unwrap_err();
        assert_eq!((fault.status, fault.why.as_str()), (400, "is there more than once"), "{first}");
    }
    assert!(read(&text("Subject: a\r\ns: b\r\n")).is_ok());
}

/// §7.3.3 and the registry of compact forms: RFC 3515, 3841, 3892, 4028, 4474, 6665.
#[test]
fn section_7_3_3_compact_forms() {
    for (compact, long, name) in [
        ("a", "Accept-Contact", HeaderName::AcceptContact),
        ("b", "Referred-By", HeaderName::ReferredBy),
        ("c", "Content-Type", HeaderName::ContentType),
        ("d", "Request-Disposition", HeaderName::RequestDisposition),
        ("e", "Content-Encoding", HeaderName::ContentEncoding),
        ("f", "From", HeaderName::From),
        ("i", "Call-ID", HeaderName::CallId),
        ("j", "Reject-Contact", HeaderName::RejectContact),
        ("k", "Supported", HeaderName::Supported),
        ("l", "Content-Length", HeaderName::ContentLength),
        ("m", "Contact", HeaderName::Contact),
        ("n", "Identity-Info", HeaderName::IdentityInfo),
        ("o", "Event", HeaderName::Event),
        ("r", "Refer-To", HeaderName::ReferTo),
        ("s", "Subject", HeaderName::Subject),
        ("t", "To", HeaderName::To),
        ("u", "Allow-Events", HeaderName::AllowEvents),
        ("v", "Via", HeaderName::Via),
        ("x", "Session-Expires", HeaderName::SessionExpires),
        ("y", "Identity", HeaderName::Identity),
    ] {
        for written in [compact, &compact.to_uppercase(), long, &long.to_lowercase()] {
            assert_eq!(HeaderName::parse(written).as_ref(), Some(&name), "{written}");
        }
        assert_eq!(name.as_str(), long, "written in its long form");
    }
    for letter in ["g", "h", "p", "q", "w", "z"] {
        assert_eq!(HeaderName::parse(letter), Some(HeaderName::Other(letter.to_owned())), "means nothing");
    }
    let compact = "v:SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nf:<sip:a@b>;tag=1\r\nt:<sip:c@d>\r\ni:1@b\r\n\
                   CSeq:7 OPTIONS\r\nm:<sip:a@b>\r\nl:0\r\n\r\n";
    assert!(read(&format!("OPTIONS sip:a SIP/2.0\r\n{compact}")).is_ok());
}

/// §7.1, §7.3.1, §19.1.4: what is compared in any case, and what is not.
#[test]
fn section_7_1_case() {
    let lower = "OPTIONS SIP:95588@192.0.2.1 sip/2.0\r\nVIA: sip/2.0/udp 192.0.2.2;BRANCH=Z9HG4BK1\r\nfrom: <sip:a@b>;TAG=1\r\n\
                 tO: <sips:c@d>\r\ncall-id: 1@b\r\ncseq: 7 OPTIONS\r\n\r\n";
    let request = read(lower).unwrap();
    assert_eq!(request.headers.from().unwrap().tag(), Some("1"));
    assert!(request.headers.top_via().unwrap().cookie_branch().is_some());
    let method = lower.replace("OPTIONS", "options");
    assert_eq!(read(&method).unwrap().method.as_str(), "options", "a method of its own");
    assert_eq!(read(&method.replacen("options", "OPTIONS", 1)).unwrap_err().field, "CSeq");
    assert!(Host::parse("Example.COM").unwrap().same(&Host::parse("example.com").unwrap()));
}

/// §19.1.1, §25.1: SIP URIs.
#[test]
fn section_19_1_1_uris() {
    for good in [
        "sip:alice@atlanta.com",
        "sip:alice:secretword@atlanta.com;transport=tcp",
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sips:1212@gateway.com",
        "sip:alice@192.0.2.4",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:%61lice@atlanta.com;transport=TCP",
        "sip:;=,/?+$&@a",       // user-unreserved
        "sip:-_.!~*'()@a",      // mark
        "sip:%e5%bc%a0@a",      // UTF-8 in escapes
        "sip:a@host.example.",  // a name that is complete
        "sip:a@b;x=[::1]/:&+$", // param-unreserved
        "sip://a@b",            // strange, but a user of three characters
        "sip:a:@b",             // an empty password
    ] {
        assert_eq!(Uri::parse(good).map(|uri| uri.to_string()).as_deref(), Ok(good));
    }
    for bad in [
        "sip:al ice@a",
        "sip:alice@",
        "sip:@a",
        "sip:a@b@c",
        "sip:a%4g@b",
        "sip:a%@b",
        "sip:张@a",
        "sip:a@张",
        "sip:a@b;",
        "sip:a@b;=x",
        "sip:a@b?",
        "sip:a@b:99999",
        "sip:a@b:-1",
        "sip:a@-b..c",
        "sip:\"a\"@b",
        "sip:a@1.2.3.4.5",
        "sip:a#b@c",
        ":a@b",
        "",
    ] {
        assert!(Uri::parse(bad).is_err(), "{bad}");
    }
}

/// §25.1 (IPv6reference) and RFC 5118. A zone (`%eth0`) has no place in the grammar: it means something to one host alone.
#[test]
fn section_25_1_ipv6_references() {
    for (written, address, port) in [
        ("[2001:db8::10]", "2001:db8::10", None),
        ("[2001:db8::10]:5070", "2001:db8::10", Some(5070)),
        ("[2001:db8::10:5070]", "2001:db8::10:5070", None),
        ("[::ffff:192.0.2.10]:19823", "::ffff:192.0.2.10", Some(19823)),
        ("[2001:DB8:0:0:0:0:0:10]", "2001:db8::10", None),
        ("[::]", "::", None),
    ] {
        let uri = Uri::parse(&format!("sip:a@{written}")).unwrap();
        assert_eq!((uri.host.ip(), uri.port), (address.parse().ok(), port), "{written}");
        let via = Via::parse(&format!("SIP/2.0/UDP {written};branch=1")).unwrap();
        assert_eq!((via.host.ip(), via.port), (address.parse().ok(), port), "{written}");
    }
    for bad in [
        "2001:db8::10",
        "[fe80::1%eth0]",
        "[fe80::1%25eth0]",
        "[::1",
        "::1]",
        "[]",
        "[192.0.2.1]",
        "[::1]5060",
        "[1::2::3]",
    ] {
        assert!(Uri::parse(&format!("sip:a@{bad}")).is_err(), "{bad}");
        assert!(Via::parse(&format!("SIP/2.0/UDP {bad};branch=1")).is_err(), "{bad}");
    }
}

/// §20.10, §20: the two forms of an address.
#[test]
fn section_20_10_addresses() {
    for (written, display, uri, param) in [
        (
            r#""Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7;x"#,
            Some("Mr. Watson"),
            "sip:watson@worcester.bell-telephone.com",
            Some("0.7"),
        ),
        ("sip:caller@host5.example.net;q=0.1;x", None, "sip:caller@host5.example.net", Some("0.1")),
        ("<sip:caller@host5.example.net;q=0.1>;x", None, "sip:caller@host5.example.net;q=0.1", None),
        ("A. G. Bell <sip:a@b> ;q = 1 ; x", Some("A. G. Bell"), "sip:a@b", Some("1")),
        (r#""\"\\ \,<>@" <sip:a@b>;x"#, Some(r#""\ ,<>@"#), "sip:a@b", None),
        ("\"张三 \u{1f4de}\"<sip:a@b>;x", Some("张三 \u{1f4de}"), "sip:a@b", None),
        ("张三 <sip:a@b>;x", Some("张三"), "sip:a@b", None), // choice: wider than the grammar, many phones send it
        (r#""" <sip:a@b>;x"#, Some(""), "sip:a@b", None),
        ("<tel:+86-10-1234;ext=5>;x", None, "tel:+86-10-1234;ext=5", None),
        ("<sip:a@b?Subject=x>;x", None, "sip:a@b?Subject=x", None),
    ] {
        let address =
            NameAddr::parse(written, "Contact").unwrap_or_else(|fault| panic!("{written}: {fault}"));
        assert_eq!(
            (address.display.as_deref(), address.uri.to_string().as_str()),
            (display, uri),
            "{written}"
        );
        assert_eq!((address.params.get("q"), address.params.has("x")), (param, true), "{written}");
        assert_eq!(NameAddr::parse(&address.to_string(), "Contact"), Ok(address));
    }
    for bad in [
        "a, b <sip:a@b>",
        "sip:a@b?x=y",
        "sip:a,b@c",
        "<sip:a@b>x",
        "<<sip:a@b>>",
        "\"a <sip:a@b>",
        "\"a\" \"b\" <sip:a@b>",
        "<sip:a@b>;tag=1;TAG=2",
        "<sip:a@b>;tag=\"1",
        "a@b",
        "<sip:a@b> <sip:c@d>",
    ] {
        assert!(NameAddr::parse(bad, "Contact").is_err(), "{bad}");
    }
    let contacts =
        |line: &str| read(&text(&format!("{line}\r\n"))).map(|request| request.headers.contacts().unwrap());
    assert_eq!(contacts("Contact: *"), Ok(Contacts::Star));
    assert_eq!(contacts("m :\r\n * "), Ok(Contacts::Star));
    for bad in ["Contact: *, <sip:a@b>", "Contact: *\r\nContact: *", "Contact: *;q=1", "Contact: <*>"] {
        assert_eq!(contacts(bad).unwrap_err().status, 400, "{bad}");
    }
}

/// §20.42, §25.1 (via-parm): spaces may stand nearly everywhere.
#[test]
fn section_20_42_via() {
    for written in [
        "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7",
        "SIP / 2.0 / UDP erlang.bell-telephone.com: 5060;branch=z9hG4bK87asdks7",
        "sip/2.0/UDP\t erlang.bell-telephone.com\t:\t5060 ; branch\t=z9hG4bK87asdks7",
    ] {
        let via = Via::parse(written).unwrap_or_else(|fault| panic!("{written}: {fault}"));
        assert_eq!((via.host.to_string().as_str(), via.port), ("erlang.bell-telephone.com", Some(5060)));
        assert_eq!(via.cookie_branch(), Some("z9hG4bK87asdks7"));
    }
    for (written, received) in [
        ("SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207;branch=1", Some("192.0.2.207")),
        ("SIP/2.0/TCP a;received=[2001:db8::1]", Some("2001:db8::1")),
        ("SIP/2.0/TLS-SCTP a;ttl=16;maddr=224.2.0.1;hidden;x=\"a;b,c\"", None),
    ] {
        assert_eq!(
            Via::parse(written).unwrap().received(),
            received.map(|text| text.parse().unwrap()),
            "{written}"
        );
    }
    for bad in [
        "SIP/2.0/UDP a b",
        "SIP/2.0 UDP a",
        "SIP/2.0/UDP a:",
        "SIP/2.0/UDP a;rport=x",
        "SIP/2.0/UDP;x",
        "SIP/1.0/UDP a",
    ] {
        assert!(Via::parse(bad).is_err(), "{bad}");
    }
}

/// §25.1 (quoted-string, UTF8-NONASCII, CTL): what a line may hold.
#[test]
fn section_25_1_characters() {
    for good in ["Subject: \u{4e2d}\u{6587} é", "Subject: a\tb", "Subject: \\\u{7f}", "From2: \"\\\u{1}\""] {
        assert!(read(&text(&format!("{good}\r\n"))).is_ok(), "{good:?}");
    }
    for bad in ["Subject: a\rb", "Subject: a\nb", "Subject: a\0b", "Subject: \u{7f}", "Subject: \\\r"] {
        assert_eq!(read(&text(&format!("{bad}\r\n"))).unwrap_err().status, 400, "{bad:?}");
    }
    let latin = [text("Subject: ").trim_end().as_bytes(), b" \xe9\r\n\r\n"].concat();
    assert!(matches!(screen(&latin), Screened::Answer(refusal) if refusal.fault.why == "is not UTF-8"));
}

/// §20.14–§20.16, §20.19–§20.22: numbers are digits that fit.
#[test]
fn section_20_numbers() {
    for good in
        ["Max-Forwards: 0", "Max-Forwards: 255", "Expires: 0007", "Expires: 4294967295", "Content-Length: 0"]
    {
        assert!(read(&text(&format!("{good}\r\n"))).is_ok(), "{good}");
    }
    for bad in [
        "Max-Forwards: 256",
        "Max-Forwards: -1",
        "Expires: 4294967296",
        "Expires: 0x1",
        "Expires: 1 ",
        "l: 1",
        "l: +0",
    ] {
        let fault = read(&text(&format!("{bad}\r\n")));
        assert_eq!(fault.is_err(), !bad.ends_with(' '), "{bad}: trailing space is no part of a value");
    }
    for bad in ["4294967296 OPTIONS", "7OPTIONS", "OPTIONS 7", "7  ", "7 OPTIONS x", "0x7 OPTIONS"] {
        let fault = read(&text("").replace("7 OPTIONS", bad)).unwrap_err();
        assert_eq!((fault.field, fault.status), ("CSeq", 400), "{bad}");
    }
}
