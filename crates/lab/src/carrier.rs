//! The pretend carrier: which phone a called number reaches.

use std::net::SocketAddr;

use crate::api::Config;
use crate::behaviour::{AGENT, OTHER, Step};
use crate::limits::NUMBER_DIGITS_MAX;

/// What the phone called `number` does about a call that came in at `local`.
///
/// # Errors
/// A SIP status: 404 when there is no such phone.
pub(crate) fn reach(config: &Config, local: SocketAddr, number: &str) -> Result<&'static [Step], u16> {
    if let Some(phone) = config.phones.iter().find(|phone| phone.local == local) {
        return if phone.user == number { Ok(AGENT) } else { Err(404) };
    }
    if !is_number(number) {
        return Err(404);
    }
    if config.agents_mobiles.iter().any(|mobile| mobile == number) {
        return Ok(AGENT);
    }
    let row = config.behaviours.iter().find(|row| number.ends_with(row.ending));
    Ok(row.map_or(OTHER, |row| row.steps))
}

/// Digits, with a plus in front of them at most: mobiles, landlines with or without area code, 400 numbers, short codes.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=NUMBER_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PhoneConfig;
    use crate::behaviour::TABLE;

    const CARRIER: &str = "127.0.0.1:5070";
    const PHONE: &str = "127.0.0.1:5071";

    fn config() -> Config {
        let phone = PhoneConfig {
            user: "8005".to_owned(),
            password: "secret".to_owned(),
            local: PHONE.parse().unwrap(),
            registrar: "127.0.0.1:5060".parse().unwrap(),
            domain: "127.0.0.1".to_owned(),
        };
        Config {
            agents_mobiles: vec!["13900000002".to_owned()],
            phones: vec![phone],
            ..Config::new(CARRIER.parse().unwrap(), 30_000..=30_099)
        }
    }

    fn at(local: &str, number: &str) -> Result<&'static [Step], u16> {
        reach(&config(), local.parse().unwrap(), number)
    }

    #[test]
    fn any_number_of_digits_is_reached_by_its_ending() {
        for number in ["13800000002", "02258880002", "4008000002", "0002", "+8613800000002"] {
            assert_eq!(at(CARRIER, number), Ok(TABLE[1].steps), "{number}");
        }
        for number in ["13800000016", "10086", "1", "002"] {
            assert_eq!(at(CARRIER, number), Ok(OTHER), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_does_not_exist() {
        let long = "1".repeat(NUMBER_DIGITS_MAX + 1);
        for number in
            ["", "+", "alice", "138-0000-0001", "8005;0001", "13800 0001", "\u{ff11}38", long.as_str()]
        {
            assert_eq!(at(CARRIER, number), Err(404), "{number}");
        }
    }

    #[test]
    fn an_agents_mobile_and_a_registered_phone_are_agents_whatever_their_ending() {
        assert_eq!(at(CARRIER, "13900000002"), Ok(AGENT));
        assert_eq!(at(PHONE, "8005"), Ok(AGENT));
        assert_eq!(at(PHONE, "13900000002"), Err(404));
        assert_eq!(at(CARRIER, "8005"), Ok(OTHER));
    }
}
