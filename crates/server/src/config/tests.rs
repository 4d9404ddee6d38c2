//! Every kind of mistake, with the exact words it is reported in.

mod call_control;
mod inbound;
mod recordings;
mod trunks;

use std::collections::BTreeSet;
use std::net::IpAddr;

use callcenter::config::{AccountStatus, RecordingMode};
use secrecy::ExposeSecret;
use switch::config::{Algorithm, Codec};

use super::problem::Report;
use super::*;

const EXAMPLE: &str = include_str!("../../../../docs/cordboard.example.toml");

/// An account without mistakes; tests add what they need.
const ACCOUNT: &str = r#"
[[account]]
id = 2000103
secrets = ["HWHp9xFVlbboxIU2S6DHA7sf9sGzt3"]
numbers = ["02258834811", "01081400192"]
"#;
const EDITION: &str = "[[account.edition]]\nname = \"standard\"\nlicences = 5\n";

/// What `check` says about `text`, without the positions.
fn says(text: &str) -> Vec<String> {
    let problems = parse(text, &|_| None).expect_err("there are mistakes");
    problems.iter().map(|problem| format!("{} | {}", problem.message, problem.remedy)).collect()
}

/// What it says about `[server]` with these lines beside a good account.
fn server_says(lines: &str) -> Vec<String> {
    says(&format!("[server]\n{lines}\n{ACCOUNT}"))
}

/// What it says about these lines after a good account.
fn account_says(lines: &str) -> Vec<String> {
    says(&format!("{ACCOUNT}{lines}"))
}

/// What it says about an agent with these lines, in an account with one edition.
fn agent_says(lines: &str) -> Vec<String> {
    account_says(&format!("{EDITION}[[account.agent]]\nnumber = \"8000\"\n{lines}"))
}

#[test]
fn every_mistake_is_reported_with_its_place_in_the_order_of_the_file() {
    let text = "[server]\nhttp_listn = \"127.0.0.1:8080\"\n  rtp_port_min = \"x\"\n\n[[account]]\nid = 12\nzone = \"CST\"\n";
    let problems = Problems { file: "cordboard.toml".to_owned(), list: parse(text, &|_| None).unwrap_err() };
    assert_eq!(
        problems.to_string(),
        "\
cordboard.toml:2:1: [server] has no key \"http_listn\"
    help: did you mean \"http_listen\"?
cordboard.toml:3:18: \"rtp_port_min\" must be a whole number, not a text
    help: write a number from 1024 to 65534
cordboard.toml:5:1: [[account]] lacks \"secrets\"
    help: add secrets = [\"env:CORDBOARD_SECRET\"], or the secret itself
cordboard.toml:6:6: \"id\" must not be 12
    help: write a number from 1000000 to 99999999
cordboard.toml:7:8: \"zone\" is not a zone: \"CST\"
    help: write it like \"UTC+8\" or \"UTC-3:30\", at most 14 hours from UTC
5 mistakes"
    );
}

#[test]
fn columns_count_characters() {
    let problems =
        parse("[[trunk]]\nname = \"话务\" # 台\naddresses = [\"话\", 1]\n", &|_| None).unwrap_err();
    let at = |i: usize| (problems[i].line, problems[i].column);
    assert_eq!([at(1), at(2), at(3)], [(2, 8), (3, 14), (3, 19)], "{problems:#?}");
}

#[test]
fn syntax_errors_are_all_reported_and_nothing_that_may_follow_from_them() {
    let said =
        says("[server]\nhttp_listen = 127.0.0.1:8080\nworker = 1\nworker = 2\n[[account]\nid = 2000103\n");
    let remedy = "write one key = value per line, texts in double quotes, each key once";
    assert_eq!(
        said,
        [
            "\"http_listen\" must be a text, not a fraction | write it in double quotes".to_owned(),
            format!("invalid float, expected nothing | {remedy}"),
            format!("duplicate key | {remedy}"),
            format!("unclosed array table, expected `]` | {remedy}"),
        ]
    );
}

#[test]
fn wrong_types_are_named() {
    assert_eq!(
        server_says("http_listen = 8080\nallow_private_push = \"yes\"\nworker = 1.5"),
        [
            "\"http_listen\" must be a text, not a whole number | write it in double quotes",
            "\"allow_private_push\" must be true or false, not a text | write allow_private_push = false",
            "\"worker\" must be a whole number, not a fraction | write a number from 0 to 1023",
        ]
    );
    assert_eq!(
        says("server = 1\n[account]\nid = 2000103\n"),
        [
            "\"server\" must be a table, not a whole number | begin it with [server]",
            "\"account\" must be a list, not a table | begin each one with [[account]]",
        ]
    );
    assert_eq!(
        account_says("agent = [1]\ntrunks = \"lab\"\n"),
        [
            "\"agent\" must hold tables, not a whole number | begin each one with [[account.agent]]",
            "\"trunks\" must be a list, not a text | write trunks = [\"…\", \"…\"]",
        ]
    );
}

#[test]
fn numbers_outside_their_range_are_refused() {
    assert_eq!(
        server_says("worker = -1\nlegs_max = 99999999999999999999\njournal_keep_days = 0"),
        [
            "\"worker\" must not be -1 | write a number from 0 to 1023",
            "\"legs_max\" must not be 99999999999999999999 | write a number from 2 to 32768",
            "\"journal_keep_days\" must not be 0 | write a number from 1 to 3650",
        ]
    );
}

#[test]
fn unknown_keys_and_words_come_with_a_suggestion() {
    assert_eq!(
        account_says(
            "statuss = \"enabled\"\nrecording = \"dualtrack\"\nhttp_status = \"teapot\"\nfrequency = 1\n"
        )[..3],
        [
            "[[account]] has no key \"statuss\" | did you mean \"status\"?",
            "\"recording\" knows no \"dualtrack\" | did you mean \"dual_track\"?",
            "\"http_status\" knows no \"teapot\" | known are \"always_200\", \"semantic\"",
        ]
    );
    assert_eq!(
        says(&format!("[[trunks]]\nname = \"x\"\n{ACCOUNT}")),
        ["the file has no key \"trunks\" | did you mean \"trunk\"?"]
    );
}

#[test]
fn a_file_needs_an_account() {
    assert_eq!(says(""), ["the file has no account | add [[account]] with id and secrets"]);
}

#[test]
fn addresses_are_checked() {
    assert_eq!(
        server_says(
            "http_listen = \"localhost\"\nsip_listen = \"127.0.0.1:0\"\nmedia_address = \"phones\"\npublic_url = \"ftp://x\""
        ),
        [
            "\"http_listen\" is not an IP address with port: \"localhost\" | write it like \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"",
            "\"sip_listen\" is not an IP address with port: \"127.0.0.1:0\" | write it like \"192.0.2.1:5060\" or \"[2001:db8::1]:5060\"",
            "\"media_address\" is not an IP address: \"phones\" | write it like \"192.0.2.1\" or \"2001:db8::1\"",
            "\"public_url\" is not an http or https URL: \"ftp://x\" | write it like \"https://calls.example.com\"",
        ]
    );
}

#[test]
fn one_address_of_each_family_can_be_listened_at() {
    let server = |lines: &str| parse(&format!("[server]\n{lines}\n{ACCOUNT}"), &|_| None).unwrap().server;
    let both = server(
        "sip_listen = [\"0.0.0.0:5060\", \"[::]:5060\"]\nsip_advertised = [\"[2001:db8::10]:5062\", \"192.0.2.10:5061\"]\nmedia_address = \"192.0.2.11\"",
    );
    let listens = |bind: &str, advertised: &str| SipListen {
        bind: bind.parse().unwrap(),
        advertised: Some(advertised.parse().unwrap()),
    };
    assert_eq!(
        both.sip,
        [listens("0.0.0.0:5060", "192.0.2.10:5061"), listens("[::]:5060", "[2001:db8::10]:5062")]
    );
    let media: Vec<String> = both.media_addresses.iter().map(IpAddr::to_string).collect();
    assert_eq!(media, ["192.0.2.11", "2001:db8::10"]);

    assert_eq!(
        server_says("sip_listen = [\"192.0.2.1:5060\", \"192.0.2.2:5060\"]"),
        [
            "\"sip_listen\" has two addresses of one family: 192.0.2.1, 192.0.2.2 | leave one for IPv4 and one for IPv6"
        ]
    );
    assert_eq!(
        server_says("sip_listen = \"192.0.2.1:5060\"\nmedia_address = \"2001:db8::1\""),
        [
            "\"media_address\" has 2001:db8::1, but \"sip_listen\" no IPv6 address | add one to sip_listen, such as \"[::]:5060\", or remove this one"
        ]
    );
    assert_eq!(
        server_says("sip_listen = [\"0.0.0.0:5060\", \"[::]:5060\"]\nsip_advertised = \"192.0.2.10:5061\""),
        [
            "\"sip_listen\" is every address (::): phones must be told one | add sip_advertised = \"[2001:db8::1]:5060\", the address phones reach"
        ]
    );
}

#[test]
fn the_strongest_digest_is_offered_first() {
    let digests = |lines: &str| {
        parse(&format!("[server]\n{lines}\n{ACCOUNT}"), &|_| None).unwrap().server.phone_digests
    };
    assert_eq!(digests(""), [Algorithm::Md5]);
    assert_eq!(digests("phone_digest = \"both\""), [Algorithm::Sha256, Algorithm::Md5]);
    assert_eq!(
        digests("phone_digest = [\"md5\", \"sha512-256\", \"sha256\"]"),
        [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5]
    );
    assert_eq!(
        server_says("phone_digest = \"sha1\""),
        [
            "\"phone_digest\" is not a digest algorithm: \"sha1\" | write \"md5\", \"sha256\", \"sha512-256\", \"both\" (sha256 and md5), or a list"
        ]
    );
}

#[test]
fn g729_is_for_the_phones_of_accounts_that_allow_it_and_for_trunks_that_name_it() {
    let allowed = |lines: &str| {
        let text = format!("[[trunk]]\nname = \"a\"\naddresses = [\"192.0.2.1\"]\n{lines}");
        let config = parse(&text, &|_| None).expect("no mistakes");
        (config.switch_accounts()[0].g729, config.switch_trunks()[0].codecs.clone())
    };
    assert_eq!(allowed(ACCOUNT), (false, vec![Codec::Pcma, Codec::Pcmu]));
    let named = format!("codecs = [\"g729\", \"pcma\"]\n{ACCOUNT}g729 = true\n");
    assert_eq!(allowed(&named), (true, vec![Codec::G729, Codec::Pcma]));
    assert_eq!(
        account_says("g729 = \"yes\"\n"),
        ["\"g729\" must be true or false, not a text | write g729 = false"]
    );
}

#[test]
fn phones_are_offered_the_codecs_that_are_asked_for() {
    let codecs =
        |lines: &str| parse(&format!("[server]\n{lines}\n{ACCOUNT}"), &|_| None).unwrap().server.phone_codecs;
    assert_eq!(codecs(""), [Codec::Pcma, Codec::Pcmu]);
    assert_eq!(codecs("phone_codecs = [\"g722\", \"PCMU\"]"), [Codec::G722, Codec::Pcmu]);
    assert_eq!(
        server_says("phone_codecs = [\"opus\"]"),
        ["\"phone_codecs\" is not a codec: \"opus\" | known are \"pcma\", \"pcmu\" (G.711) and \"g722\""]
    );
    assert_eq!(
        server_says("phone_codecs = [\"pcma\", \"G729\"]"),
        [
            "\"phone_codecs\" is not a codec for all phones: \"G729\" | write g729 = true in the [[account]] whose phones may speak it"
        ]
    );
    assert_eq!(
        server_says("phone_codecs = []"),
        [
            "\"phone_codecs\" must not be empty | write them like [\"pcma\", \"pcmu\"], the one that is liked best first"
        ]
    );
}

#[test]
fn a_wildcard_needs_an_address_to_tell_others() {
    assert_eq!(
        server_says("http_listen = \"0.0.0.0:80\"\nsip_listen = \"0.0.0.0:5060\""),
        [
            "[server] lacks \"public_url\", and \"http_listen\" is every address: links to recordings need one | add public_url = \"https://calls.example.com\"",
            "\"sip_listen\" is every address (0.0.0.0): phones must be told one | add sip_advertised = \"192.0.2.1:5060\", the address phones reach",
        ]
    );
    assert_eq!(
        server_says("media_address = \"::\""),
        [
            "\"media_address\" cannot be ::: nobody can send there | write the address that phones and trunks reach"
        ]
    );
}

#[test]
fn the_rtp_ports_come_in_pairs_and_are_enough() {
    assert_eq!(
        server_says("rtp_port_min = 20001\nrtp_port_max = 20010"),
        [
            "\"rtp_port_min\" is odd: 20001 | write 20000: sound takes the even port, its control the odd one after it",
            "\"rtp_port_max\" is even: 20010 | write 20011: the last pair ends with an odd port",
        ]
    );
    assert_eq!(
        server_says("rtp_port_min = 20000\nrtp_port_max = 20001"),
        ["the RTP ports 20000 to 20001 are too few for one call | leave at least 4 ports: two for each leg"]
    );
    assert_eq!(
        server_says("rtp_port_min = 30000\nrtp_port_max = 20001"),
        ["the RTP ports 30000 to 20001 are too few for one call | leave at least 4 ports: two for each leg"]
    );
    assert_eq!(
        server_says("sip_listen = \"127.0.0.1:20002\"\nrtp_port_max = 20003"),
        ["the RTP ports 20000 to 20003 contain the port of sip_listen, 20002 | move one of them"]
    );
    assert_eq!(
        server_says("rtp_port_max = 20003\nlegs_max = 3"),
        [
            "\"legs_max\" is 3, but the RTP ports carry 2 legs | write at most 2, or widen rtp_port_min to rtp_port_max"
        ]
    );
}

#[test]
fn secrets_are_long_enough_and_may_come_from_the_environment() {
    let account = |secrets: &str| format!("[[account]]\nid = 2000103\nsecrets = {secrets}\n");
    assert_eq!(
        says(&account("[\"short\"]")),
        ["\"secrets\" must have 16 to 128 visible ASCII characters | make one: openssl rand -hex 16"]
    );
    assert_eq!(
        says(&account("[\"0123456789abcdef\", \"0123456789abcdef\"]")),
        ["\"secrets\" holds the same secret twice | remove one"]
    );
    assert_eq!(
        says(&account("[\"env:NOT_SET\"]")),
        [
            "\"secrets\" names the environment variable \"NOT_SET\", which is not set | start with NOT_SET=…, or write the secret itself here"
        ]
    );
    assert_eq!(
        says(&account("[]")),
        ["\"secrets\" must not be empty | add secrets = [\"env:CORDBOARD_SECRET\"], or the secret itself"]
    );
    let environment = |name: &str| (name == "KEY").then(|| "0123456789abcdef".to_owned());
    let config = parse(&account("[\"env:KEY\"]"), &environment).unwrap();
    assert_eq!(config.accounts[0].secrets[0].expose_secret(), "0123456789abcdef");
    let weak = parse(&account("[\"env:KEY\"]"), &|_| Some("verysecret".to_owned())).unwrap_err();
    assert!(!format!("{weak:?}").contains("verysecret"));
}

#[test]
fn accounts_are_told_apart() {
    assert_eq!(
        says(&format!("{ACCOUNT}{ACCOUNT}")),
        ["the account id \"2000103\" is given in line 3 already | give each its own, or remove one"]
    );
}

#[test]
fn accounts_with_sip_phones_have_domains_of_their_own() {
    let phone = "[[account.agent]]\nnumber = \"8000\"\nsip_user = \"8000\"\nsip_password = \"password\"\n";
    let account = |id: u32, domain: &str, agent: &str| {
        format!("{}{domain}\n{EDITION}{agent}", ACCOUNT.replace("2000103", &id.to_string()))
    };
    let same = "sip_domain = \"Calls.example\"";
    assert_eq!(
        says(&(account(2_000_103, same, phone) + &account(2_000_104, &same.to_lowercase(), phone))),
        [
            "the sip_domain \"calls.example\" is that of another account with SIP phones, in line 6 | give each its own: it tells their phones apart"
        ]
    );
    assert_eq!(
        says(&(account(2_000_103, same, phone) + &account(2_000_104, "", phone))),
        [
            "[[account]] lacks \"sip_domain\" | add sip_domain = \"calls.example.com\": it tells the phones of several accounts apart"
        ]
    );
    let domains = |text: &str| {
        let accounts = parse(text, &|_| None).unwrap().accounts;
        accounts.into_iter().map(|account| account.sip_domain).collect::<Vec<_>>()
    };
    let own = "sip_domain = \"b.example\"";
    let both = account(2_000_103, same, phone) + &account(2_000_104, own, phone);
    assert_eq!(domains(&both), ["calls.example", "b.example"]);
    let one = account(2_000_103, same, phone) + &account(2_000_104, same, "");
    assert_eq!(domains(&one), ["calls.example"; 2], "without phones it does not matter");
    let none = account(2_000_103, "", "") + &account(2_000_104, "", "");
    assert_eq!(domains(&none), ["cordboard"; 2]);
    assert_eq!(domains(&account(2_000_103, "", phone)), ["cordboard"], "the only account");
}

#[test]
fn numbers_and_groups_are_the_account_s_own() {
    assert_eq!(
        account_says(
            "default_number = \"02211112222\"\n[[account.group]]\nname = \"sales\"\nnumbers = [\"010 8140\", \"02299998888\"]\n[[account.group]]\nname = \"sales\"\nid = \"12\"\n"
        ),
        [
            "\"default_number\" is not one of the account's numbers: \"02211112222\" | add it to \"numbers\" of the account, or write one of them",
            "\"numbers\" is not a telephone number: \"010 8140\" | write 3 to 20 digits without spaces, like \"02258834811\"",
            "\"numbers\" is not one of the account's numbers: \"02299998888\" | add it to \"numbers\" of the account, or write one of them",
            "[[account.group]] lacks \"numbers\" | add numbers = [\"…\"], some of the account's",
            "the group name \"sales\" is given in line 8 already | give each its own, or remove one",
            "\"id\" is not an id: \"12\" | write 24 hex digits in lower case, or leave it out to have one made",
        ]
    );
    let twice = ACCOUNT.replace("01081400192", "02258834811");
    assert_eq!(
        says(&twice),
        ["the number \"02258834811\" is given in line 5 already | give each its own, or remove one"]
    );
}

#[test]
fn agents_are_told_apart() {
    let trunk = "[[trunk]]\nname = \"lab\"\naddresses = [\"127.0.0.1:5070\"]\n";
    let agent = "[[account.agent]]\nnumber = \"8000\"\nid = \"6094f5aa696609001197e4b9\"\nmobile = \"13900008000\"\nsip_user = \"u\"\nsip_password = \"password\"\n";
    assert_eq!(
        says(&format!("{ACCOUNT}{EDITION}{agent}{agent}{trunk}")),
        [
            "the agent number \"8000\" is given in line 10 already | give each its own, or remove one",
            "the agent id \"6094f5aa696609001197e4b9\" is given in line 11 already | give each its own, or remove one",
            "the mobile \"13900008000\" is given in line 12 already | give each its own, or remove one",
            "the sip_user \"u\" is given in line 13 already | give each its own, or remove one",
        ]
    );
    assert_eq!(
        account_says(&format!("{EDITION}[[account.agent]]\nname = \"\"\n")),
        [
            "[[account.agent]] lacks \"number\" | add number = \"8000\"",
            "\"name\" is not a name: \"\" | write 1 to 64 characters on one line",
        ]
    );
}

#[test]
fn an_agent_s_phones_are_whole() {
    assert_eq!(
        agent_says("sip_user = \"a b\"\n"),
        [
            "[[account.agent]] lacks \"sip_password\" | add a sip_password, or remove sip_user",
            "\"sip_user\" is not a short plain word: \"a b\" | write 1 to 64 letters, digits, \"-\", \"_\" or \".\"",
        ]
    );
    assert_eq!(
        agent_says("sip_password = \"short\"\n"),
        [
            "[[account.agent]] lacks \"sip_user\" | add sip_user = \"8005\", or remove sip_password",
            "\"sip_password\" must have 8 to 128 visible ASCII characters | make one: openssl rand -hex 16",
        ]
    );
    assert_eq!(
        agent_says("mobile = \"13900008000\"\n"),
        ["agent \"8000\" has a mobile, but no [[trunk]] can call it | add a [[trunk]], or remove the mobile"]
    );
    assert_eq!(
        agent_says("bound_number = \"02211112222\"\n"),
        [
            "\"bound_number\" is not one of the account's numbers: \"02211112222\" | add it to \"numbers\" of the account, or write one of them"
        ]
    );
}

#[test]
fn an_agent_s_edition_exists() {
    assert_eq!(
        agent_says("edition = \"standrad\"\n"),
        ["there is no [[account.edition]] \"standrad\" | did you mean \"standard\"?"]
    );
    assert_eq!(
        account_says("[[account.agent]]\nnumber = \"8000\"\n"),
        ["[[account.agent]] lacks \"edition\" | add an [[account.edition]] with name and licences"]
    );
    let second = EDITION.replace("standard", "basic");
    assert_eq!(
        agent_says(&second),
        ["[[account.agent]] lacks \"edition\" | add edition = …: the account has several"]
    );
    assert_eq!(
        account_says(&format!("{EDITION}[[account.edition]]\nname = \"standard\"\n")),
        [
            "[[account.edition]] lacks \"licences\" | add licences = 10: how many agents may be signed in",
            "the edition \"standard\" is given in line 7 already | give each its own, or remove one",
        ]
    );
}

#[test]
fn busy_reasons_and_push_names_are_told_apart() {
    let reason = "[[account.busy_reason]]\nstate = 100\n";
    assert_eq!(
        account_says(&format!("{reason}name = \"lunch\"\n{reason}")),
        [
            "[[account.busy_reason]] lacks \"name\" | add name = \"lunch\"",
            "the busy reason \"100\" is given in line 7 already | give each its own, or remove one",
        ]
    );
    assert_eq!(
        account_says("[[account.busy_reason]]\nstate = 9\n")[1],
        "\"state\" must not be 9 | write a number from 100 to 999"
    );
    assert_eq!(
        account_says("[account.push_names]\nincoming_ring = \"x\"\nincoming_hangup = \"x\"\n"),
        ["the push name \"x\" is given in line 7 already | give each its own, or remove one"]
    );
}

#[test]
fn push_addresses_are_public_unless_allowed() {
    let push = |rest: &str| format!("[[account.push]]\nurl = \"{rest}\n");
    for inside in ["http://127.0.0.1/", "http://[::1]:9/", "http://10.0.0.7/x", "http://localhost:9000/"] {
        assert_eq!(
            account_says(&push(&format!("{inside}\""))),
            [format!(
                "\"url\" is inside your own network: \"{inside}\" | write a public address, or set allow_private_push = true in [server]"
            )]
        );
    }
    let allowed =
        format!("[server]\nallow_private_push = true\n{ACCOUNT}{}", push("http://127.0.0.1:9000/\""));
    parse(&allowed, &|_| None).unwrap();
    assert_eq!(
        account_says(&push(
            "crm.example.com\"\ntypes = [\"callstatus\", \"cdr\", \"cdr\"]\nsecret = \"whsec_c2hvcnQ=\""
        )),
        [
            "\"url\" is not an http or https URL: \"crm.example.com\" | write it like \"https://crm.example.com/calls\"",
            "\"types\" is not a kind of push: \"callstatus\" | did you mean \"callStatus\"?",
            "the push type \"cdr\" is given in line 8 already | give each its own, or remove one",
            "\"secret\" is not whsec_ with the base64 of 24 to 64 bytes | make one: echo whsec_$(openssl rand -base64 32)",
        ]
    );
}

#[test]
fn lists_have_a_limit() {
    assert_eq!(
        says(&format!("[[account]]\nid = 2000103\nsecrets = [{}]\n", "\"env:X\", ".repeat(5)))[0],
        "5 of \"secrets\" are more than the limit of 4 | leave at most 4"
    );
}

#[test]
fn the_smallest_file_is_an_account_and_gets_the_documented_defaults() {
    let config = parse(ACCOUNT, &|_| None).unwrap();
    let (server, account) = (&config.server, &config.accounts[0]);
    assert_eq!(server.public_url, "http://127.0.0.1:8080");
    assert_eq!(server.media_addresses, [IpAddr::from([127, 0, 0, 1])]);
    assert_eq!(server.legs_max, 5000);
    assert_eq!((account.status, account.recording), (AccountStatus::Enabled, RecordingMode::Normal));
    assert_eq!(account.limits.per_minute, Some(20));
    assert_eq!(account.zone.to_string(), "UTC+8");
}

#[test]
fn ids_are_made_of_account_and_number_and_stay_the_same() {
    let demo = Config::demo();
    let ids: BTreeSet<&str> = demo.accounts[0].agents.iter().map(|agent| agent.center.id.as_str()).collect();
    assert_eq!(ids.len(), 10);
    // SHA-256 of "agent/2000103/8000": a changed rule would rename every customer's agents.
    assert_eq!(demo.accounts[0].agents[0].center.id, "c4eb109ac27295f2bc936b37");
}

#[test]
fn the_demo_is_the_account_that_was_announced() {
    let demo = Config::demo();
    let account = &demo.accounts[0];
    assert_eq!(account.id.to_string(), DEMO_APPKEY);
    assert_eq!(account.secrets[0].expose_secret(), DEMO_SECRET);
    assert_eq!(account.default_number.as_deref(), Some(DEMO_NUMBER));
    assert!(account.limits.per_minute > Some(20));
    assert!(demo.server.allow_private_push && demo.server.http_listen.ip().is_loopback());
    let numbers: Vec<&str> = account.agents.iter().map(|agent| agent.center.number.as_str()).collect();
    assert_eq!(numbers, ["8000", "8001", "8002", "8003", "8004", "8005", "8006", "8007", "8008", "8009"]);
    let (switch, trunks) = (demo.switch_accounts(), demo.switch_trunks());
    let users: Vec<(&str, &str)> =
        switch[0].users.iter().map(|user| (user.name.as_str(), user.password.as_str())).collect();
    assert_eq!(users[0], ("8005", "demo-8005"));
    assert_eq!(users.len(), 5);
    assert_eq!(switch[0].trunks[0].trunk, trunks[0].name);
    assert_eq!(trunks[0].addresses[0].remote.to_string(), "127.0.0.1:5070");
    assert_eq!(account.agents.iter().filter(|agent| agent.center.mobile.is_some()).count(), 5);
    assert_eq!(demo.accounts[0].access().id, demo.accounts[0].center().id);
}

#[test]
fn the_example_passes_and_shows_every_key() {
    let environment = |name: &str| Some(format!("0123456789abcdef-{name}"));
    let report = Report::new(EXAMPLE, &environment);
    read(EXAMPLE, &report);
    let known = report.known();
    let mut shown = BTreeSet::new();
    let mut title = String::new();
    for line in EXAMPLE.lines() {
        let line = line.trim_start_matches("# ");
        if line.starts_with('[') {
            title = line.to_owned();
        } else if let Some((key, _)) = line.split_once(" = ") {
            shown.insert((title.clone(), key.to_owned()));
        }
    }
    for (title, key) in known.iter().filter(|(title, _)| *title != "the file") {
        let is_table =
            known.iter().any(|(other, _)| other.ends_with(&format!(".{key}]]"))) || *key == "push_names";
        let is_shown = is_table || shown.contains(&((*title).to_owned(), (*key).to_owned()));
        assert!(is_shown, "docs/cordboard.example.toml does not show {key} of {title}");
    }
    assert_eq!(report.into_problems(), []);
}

#[test]
fn the_example_s_commented_lines_are_right_too() {
    let uncomment = |line: &str| match line.strip_prefix("# ") {
        Some(rest)
            if rest
                .split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')) =>
        {
            rest.to_owned()
        }
        Some(_) | None => line.to_owned(),
    };
    let text: Vec<String> = EXAMPLE.lines().map(uncomment).collect();
    let environment = |name: &str| match name {
        "CORDBOARD_PUSH_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=".to_owned()),
        name => Some(format!("0123456789abcdef-{name}")),
    };
    let parsed = parse(&text.join("\n"), &environment);
    assert!(parsed.is_ok(), "{:#?}", parsed.err());
}
