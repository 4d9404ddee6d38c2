//! Mistakes in trunks, and in what accounts say of them.

use super::*;

/// What it says about a trunk with these lines beside a good account.
fn trunk_says(lines: &str) -> Vec<String> {
    says(&format!("[[trunk]]\nname = \"a\"\naddresses = [\"192.0.2.1\"]\n{lines}\n{ACCOUNT}"))
}

#[test]
fn what_a_trunk_is_told_of_numbers_and_callers_is_checked() {
    assert_eq!(
        trunk_says(
            "format = \"e.164\"\ncountry = \"+86\"\narea_code = \"0\"\nshown_by = \"pai\"\ndiverted_from = \"me\"\ncodecs = [\"pcmu\", \"g792\", \"PCMU\", \"G722\", \"g729\"]"
        ),
        [
            "\"format\" knows no \"e.164\" | did you mean \"e164\"?",
            "\"country\" is not the code of a country: \"+86\" | write its digits without + and 00, like \"86\"",
            "\"area_code\" is not an area code: \"0\" | write its digits, like \"010\"",
            "\"shown_by\" knows no \"pai\" | known are \"from\", \"asserted\", \"preferred\"",
            "\"diverted_from\" is not a telephone number: \"me\" | write 3 to 20 digits without spaces, like \"02258834811\"",
            "5 of \"codecs\" are more than the limit of 4 | leave at most 4",
            "\"codecs\" is not a codec: \"g792\" | known are \"pcma\", \"pcmu\" (G.711), \"g722\" and \"g729\"",
            "the codec \"PCMU\" is given in line 9 already | give each its own, or remove one",
        ]
    );
    assert_eq!(
        trunk_says("format = \"local\""),
        [
            "[[trunk]] has format = \"local\", but no \"area_code\" | add area_code = \"010\", that of the trunk"
        ]
    );
    assert_eq!(
        trunk_says(
            "[[trunk.called_out]]\nprefix = \"a\"\n[[trunk.caller_in]]\nstrip = 31\ndigits_min = 5\ndigits_max = 4"
        ),
        [
            "[[trunk.called_out]] changes nothing | add strip = 1, add = \"9\", or both",
            "\"prefix\" is not the beginning of a number: \"a\" | write digits, perhaps after a +, like \"+86\"",
            "\"strip\" must not be 31 | write a number from 0 to 30",
            "no number has at least 5 and at most 4 digits | exchange digits_min and digits_max",
        ]
    );
}

#[test]
fn registrations_with_trunks_are_checked() {
    assert_eq!(
        trunk_says("register = true"),
        [
            "[[trunk]] is to be registered with, but has no \"user\" and \"password\" | add those that the carrier gave"
        ]
    );
    assert_eq!(
        trunk_says("registrar = \"sip.example.com\""),
        ["that is for a trunk with which this server registers | add register = true, or remove it"]
    );
    assert_eq!(
        trunk_says("register = true\nuser = \"u\"\npassword = \"p\"\naor = \"x\"\nregister_s = 5"),
        [
            "\"aor\" is not an address of record: \"x\" | write it like \"4711@sip.example.com\"",
            "\"register_s\" must not be 5 | write a number from 60 to 86400",
        ]
    );
    let of = |lines: &str| {
        let trunk = "[[trunk]]\nname = \"a\"\naddresses = [\"sip.example.com\"]\nuser = \"u\"\npassword = \"p\"\nregister = true\n";
        let config = parse(&format!("{trunk}{lines}{ACCOUNT}"), &|_| None).unwrap();
        let wanted = config.switch_trunks()[0].registration.clone().unwrap();
        (wanted.registrar, wanted.aor, wanted.expires.as_secs())
    };
    assert_eq!(of(""), ("sip.example.com".to_owned(), "sip:u@sip.example.com".to_owned(), 600));
    let other = "registrar = \"reg.example.com\"\naor = \"9@x.example\"\nregister_s = 90\n";
    assert_eq!(of(other), ("reg.example.com".to_owned(), "sip:9@x.example".to_owned(), 90));
}

#[test]
fn the_addresses_of_a_trunk_keep_their_order_whatever_names_turn_out_to_be() {
    let trunk = "[server]\nsip_listen = [\"127.0.0.1:5060\", \"[::1]:5060\"]\n[[trunk]]\nname = \"a\"\naddresses = [\"sip.example.com\", \"[2001:db8::1]:5070\", \"192.0.2.1\"]\n";
    let config = parse(&format!("{trunk}{ACCOUNT}"), &|_| None).unwrap();
    let shown = |addresses: Vec<switch::config::TrunkAddress>| {
        let show = |one: &switch::config::TrunkAddress| {
            format!("{} {} {} {}", one.remote, one.domain, one.priority >> 16, one.priority & 0xffff)
        };
        addresses.iter().map(show).collect::<Vec<_>>()
    };
    let literal = ["[2001:db8::1]:5070 [2001:db8::1] 1 0", "192.0.2.1:5060 192.0.2.1 2 0"];
    assert_eq!(shown(config.switch_trunks()[0].addresses.clone()), literal);
    let found = Found { remote: "192.0.2.9:5080".parse().unwrap(), priority: 65_535, weight: 3 };
    let all = config.trunks[0].addresses_from(|_| vec![found]);
    assert_eq!(shown(all)[0], "192.0.2.9:5080 sip.example.com 0 65535");
}

#[test]
fn the_trunks_of_an_account_are_checked() {
    let trunk = |name: &str| format!("[[trunk]]\nname = \"{name}\"\naddresses = [\"192.0.2.1\"]\n");
    let trunks = [trunk("a"), trunk("b")].concat();
    let said = says(&format!(
        "{trunks}{ACCOUNT}trunks = [\"a\"]\n[[account.trunk]]\nname = \"a\"\npriority = 65536\n[[account.trunk]]\nname = \"bb\"\n[[account.trunk]]\nweight = -1\n"
    ));
    assert_eq!(
        said,
        [
            "the trunk of the account \"a\" is given in line 12 already | give each its own, or remove one",
            "\"priority\" must not be 65536 | write a number from 0 to 65535",
            "\"name\" names \"bb\", but there is no such [[trunk]] | did you mean \"b\"?",
            "[[account.trunk]] lacks \"name\" | add name = \"carrier\", that of a [[trunk]]",
            "\"weight\" must not be -1 | write a number from 0 to 65535",
        ]
    );
    let of = |lines: &str| {
        let config = parse(&format!("{trunks}{ACCOUNT}{lines}"), &|_| None).unwrap();
        let choices = config.accounts[0].trunks.iter();
        choices.map(|choice| (choice.trunk.clone(), choice.priority, choice.weight)).collect::<Vec<_>>()
    };
    let (a, b) = ("a".to_owned(), "b".to_owned());
    assert_eq!(of(""), [(a.clone(), 0, 1), (b.clone(), 1, 1)]);
    assert_eq!(of("trunks = [\"b\", \"a\"]\n"), [(b.clone(), 0, 1), (a.clone(), 1, 1)]);
    let weighed = "trunks = [\"a\"]\n[[account.trunk]]\nname = \"b\"\npriority = 7\nweight = 0\n";
    assert_eq!(of(weighed), [(a, 0, 1), (b, 7, 0)]);
}

#[test]
fn trunks_are_checked() {
    let said = says(&format!(
        "[[trunk]]\naddresses = []\nuser = \"me\"\n[[trunk]]\nname = \"a\"\naddresses = [\"sip.example.com:0\"]\npassword = \"x\"\n[[trunk]]\nname = \"a\"\n{ACCOUNT}trunks = [\"b\"]\n"
    ));
    assert_eq!(
        said,
        [
            "[[trunk]] lacks \"name\" | add name = \"carrier\"",
            "[[trunk]] lacks \"password\" | add the password the carrier gave, or remove user",
            "\"addresses\" must not be empty | add addresses = [\"sip.example.com:5060\"]",
            "[[trunk]] lacks \"user\" | add the user name the carrier gave, or remove password",
            "\"addresses\" is not a host with port: \"sip.example.com:0\" | write it like \"sip.example.com:5060\" or \"192.0.2.1:5060\"",
            "[[trunk]] lacks \"addresses\" | add addresses = [\"sip.example.com:5060\"]",
            "the trunk name \"a\" is given in line 5 already | give each its own, or remove one",
            "\"trunks\" names \"b\", but there is no such [[trunk]] | did you mean \"a\"?",
        ]
    );
}

#[test]
fn the_addresses_of_a_trunk_are_those_that_something_can_be_sent_to() {
    let file = |listen: &str, addresses: &str| {
        let trunk = format!("[[trunk]]\nname = \"a\"\naddresses = [{addresses}]\n");
        format!("[server]\nsip_listen = {listen}\n{trunk}{ACCOUNT}")
    };
    let of = |listen: &str, addresses: &str| says(&file(listen, addresses));
    let both = "\"192.0.2.1\", \"[2001:db8::1]:5070\", \"sip.example.com\"";
    assert!(parse(&file("[\"127.0.0.1:5060\", \"[::1]:5060\"]", both), &|_| None).is_ok());
    let no_ipv6 = "\"addresses\" has 2001:db8::1, but \"sip_listen\" no IPv6 address | add one to sip_listen, such as \"[::]:5060\", or remove this one";
    assert_eq!(of("\"127.0.0.1:5060\"", both), [no_ipv6]);
    let no_ipv4 = "\"addresses\" has 192.0.2.1, but \"sip_listen\" no IPv4 address | add one to sip_listen, such as \"0.0.0.0:5060\", or remove this one";
    assert_eq!(of("\"[::1]:5060\"", both), [no_ipv4]);
    let nobody = |ip: &str| {
        format!(
            "\"addresses\" has {ip}: nobody can be called there | write the address that the carrier gave"
        )
    };
    let refused = of("\"127.0.0.1:5060\"", "\"0.0.0.0\", \"224.0.0.1:5060\"");
    assert_eq!(refused, [nobody("0.0.0.0"), nobody("224.0.0.1")]);
}
