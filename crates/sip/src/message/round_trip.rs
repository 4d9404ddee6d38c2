//! What is written is read as it was meant.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;

fn token() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.!%*_+`'~-]{1,12}"
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        "[a-z][a-z0-9-]{0,8}(\\.[a-z][a-z0-9-]{0,5}){0,2}".prop_map(Host::Name),
        any::<u32>().prop_map(|bits| Host::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| Host::V6(Ipv6Addr::from(bits))),
    ]
}

fn uri_params() -> impl Strategy<Value = Params> {
    vec(("[a-z0-9_.!~*'()&+$%-]{1,6}", of("[A-Za-z0-9:/&+$-]{1,6}")), 0..4).prop_map(|mut list| {
        // An escape is the one thing a single character class cannot say.
        list.iter_mut().for_each(|(name, _)| *name = name.replace('%', "%2F"));
        distinct(list)
    })
}

fn header_params() -> impl Strategy<Value = Params> {
    let value = prop_oneof![token(), "[^\r\n]{0,8}".prop_map(|text: String| scan::quote(&text))];
    vec((token(), of(value)), 0..4).prop_map(distinct)
}

fn distinct(list: Vec<(String, Option<String>)>) -> Params {
    let mut params = Params::default();
    for (name, value) in list {
        params.set(&name, value.as_deref());
    }
    params
}

fn sip_uri() -> impl Strategy<Value = Uri> {
    (any::<bool>(), ".{0,10}", host(), of(any::<u16>()), uri_params(), of("[a-z]{1,4}=[a-z0-9]{0,4}"))
        .prop_map(|(secure, user, host, port, params, headers)| {
            let scheme = if secure { Scheme::Sips } else { Scheme::Sip };
            Uri { scheme, params, headers, ..Uri::sip(&user, host, port) }
        })
}

fn uri() -> impl Strategy<Value = Uri> {
    prop_oneof![
        4 => sip_uri(),
        1 => "tel:\\+[0-9-]{3,10}".prop_map(|text| Uri::parse(&text).expect("a telephone number")),
        1 => "[a-z]{5}:[a-z/?@0-9]{1,9}".prop_map(|text| Uri::parse(&text).expect("an absolute URI")),
    ]
}

fn name_addr() -> impl Strategy<Value = NameAddr> {
    (of("[^\r\n]{0,10}"), uri(), header_params()).prop_map(|(display, uri, params)| NameAddr {
        display,
        uri,
        params,
    })
}

fn via() -> impl Strategy<Value = Via> {
    let received = any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).to_string());
    (token(), host(), of(any::<u16>()), header_params(), of(received)).prop_map(
        |(transport, host, port, mut params, received)| {
            params.remove("received");
            params.remove("rport");
            params.set("received", received.as_deref());
            if received.is_none() {
                params.remove("received");
            }
            Via { transport, host, port, params }
        },
    )
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Invite),
        Just(Method::Register),
        token().prop_map(|name| name.parse().expect("a token is a method")),
    ]
}

fn headers() -> impl Strategy<Value = Headers> {
    let name = prop_oneof![
        Just(HeaderName::Via),
        Just(HeaderName::Route),
        Just(HeaderName::UserAgent),
        token().prop_map(|name| HeaderName::parse(&name).expect("a token is a name")),
    ];
    vec((name, ".{0,20}"), 0..12).prop_map(|lines| {
        let mut headers = Headers::default();
        for (name, value) in lines.into_iter().filter(|(name, _)| *name != HeaderName::ContentLength) {
            headers.push(name, value);
        }
        headers
    })
}

fn message() -> impl Strategy<Value = Message> {
    let body = || vec(any::<u8>(), 0..40).prop_map(Bytes::from);
    let request = (method(), uri(), headers(), body())
        .prop_map(|(method, uri, headers, body)| Request { method, uri, headers, body }.into());
    let response =
        (100..700_u16, "[^\r\n\\pC]{0,20}", headers(), body()).prop_map(|(status, reason, headers, body)| {
            let reason = reason.trim_matches(' ').to_owned();
            Response { status, reason, headers, body }.into()
        });
    prop_oneof![request, response]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_uri(uri in uri()) {
        prop_assert_eq!(Uri::parse(&uri.to_string()), Ok(uri.clone()));
        prop_assert!(uri.same(&uri));
    }

    #[test]
    fn an_address(address in name_addr()) {
        prop_assert_eq!(NameAddr::parse(&address.to_string(), "test"), Ok(address));
    }

    #[test]
    fn a_via(via in via()) {
        prop_assert_eq!(Via::parse(&via.to_string()), Ok(via));
    }

    #[test]
    fn a_list_of_addresses(list in vec(name_addr(), 1..6)) {
        let mut headers = Headers::default();
        let text: Vec<String> = list.iter().map(NameAddr::to_string).collect();
        headers.push(HeaderName::Contact, text.join(", "));
        prop_assert_eq!(headers.contacts(), Ok(Contacts::List(list)));
    }

    #[test]
    fn a_message(message in message(), after in vec(any::<u8>(), 0..9)) {
        let mut data = message.encode().to_vec();
        data.extend(after);
        let mut read = parse_datagram(&data);
        match &mut read {
            Ok(Message::Request(request)) => request.headers.remove(&HeaderName::ContentLength),
            Ok(Message::Response(response)) => response.headers.remove(&HeaderName::ContentLength),
            Err(_) => {}
        }
        prop_assert_eq!(read, Ok(message));
    }
}
