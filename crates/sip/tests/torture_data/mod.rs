//! The messages of RFC 4475 and RFC 5118 as they would travel.

macro_rules! messages {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_bytes!(concat!("../data/", $folder, "/", $name, ".dat")))),*]
    };
}

/// A message and the name of its file.
pub(crate) type Named = (&'static str, &'static [u8]);

/// RFC 4475, byte for byte.
pub(crate) const TORTURE: &[Named] = messages!["rfc4475":
    "badaspec" "badbranch" "baddate" "baddn" "badinv01" "badvers" "bcast" "bext01" "bigcode" "clerr" "cparam01"
    "cparam02" "dblreq" "esc01" "esc02" "escnull" "escruri" "insuf" "intmeth" "inv2543" "invut" "longreq" "ltgtruri"
    "lwsdisp" "lwsruri" "lwsstart" "mcl01" "mismatch01" "mismatch02" "mpart01" "multi01" "ncl" "noreason" "novelsc"
    "quotbal" "regaut01" "regbadct" "regescrt" "scalar02" "scalarlg" "sdp01" "semiuri" "transports" "trws" "unkscm"
    "unksm2" "unreason" "wsinv" "zeromf"
];

const IPV6_RAW: &[Named] = messages!["rfc5118":
    "ipv4-mapped-ipv6" "ipv6-bad" "ipv6-bug-abnf-3-colons" "ipv6-correct-abnf-2-colons" "ipv6-good" "ipv6-in-sdp"
    "mult-ip-in-header" "mult-ip-in-sdp" "port-ambiguous" "port-unambiguous" "via-received-param-no-delim"
    "via-received-param-with-delim"
];

/// RFC 5118 with CRLF, an empty line at the end of the headers and the Content-Length that is right then.
pub(crate) fn ipv6() -> Vec<(&'static str, Vec<u8>)> {
    IPV6_RAW.iter().map(|(name, raw)| (*name, as_sent(raw))).collect()
}

fn as_sent(raw: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(raw).expect("the RFC 5118 messages are ASCII");
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let body = body.replace('\n', "\r\n");
    let mut out = String::new();
    for line in head.lines() {
        match line.starts_with("Content-Length:") {
            true => out.push_str(&format!("Content-Length: {}\r\n", body.len())),
            false => out.push_str(&format!("{line}\r\n")),
        }
    }
    out.push_str("\r\n");
    out.push_str(&body);
    out.into_bytes()
}
