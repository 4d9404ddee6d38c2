//! `cordboard lab`.

use std::net::SocketAddr;

use clap::Args;
use secrecy::SecretString;

/// `cordboard lab`
#[derive(Clone, Debug, Args)]
#[command(after_help = LAB_HELP)]
pub struct LabArgs {
    /// Where the pretend network listens for calls from the server's trunk
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5070")]
    pub listen: SocketAddr,
    /// Where the server's SIP listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5060")]
    pub server: SocketAddr,
    /// A pretend SIP phone to register; may be repeated
    #[arg(long, value_name = "USER=PASSWORD", value_parser = phone)]
    pub phone: Vec<Phone>,
    /// What the pretend network tells others to call --listen, when it is reached by way of a relay
    #[arg(long, value_name = "ADDR")]
    pub advertise: Option<SocketAddr>,
    /// A bad path for SIP over UDP: what comes to LISTEN goes on to TARGET, and answers back; may be repeated
    #[arg(long, value_name = "LISTEN=TARGET", value_parser = relay)]
    pub relay: Vec<RelayPath>,
    /// How many of a hundred datagrams the relays lose, towards TARGET and back
    #[arg(long, value_name = "PERCENT[:BACK]", default_value = "10", value_parser = percents)]
    pub loss: BothWays,
    /// How many of a hundred datagrams the relays send on twice
    #[arg(long, value_name = "PERCENT[:BACK]", default_value = "5", value_parser = percents)]
    pub copy: BothWays,
    /// How long the relays hold a datagram up at most; each for a time of its own, so that they overtake one another
    #[arg(long, value_name = "MS[:BACK]", default_value = "300", value_parser = milliseconds)]
    pub delay_ms: BothWays,
    /// Decides which datagrams are lost, copied and overtaken
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
}

pub(super) const LAB_HELP: &str = "\
The server needs a trunk to it:
  [[trunk]]
  name = \"lab\"
  addresses = [\"127.0.0.1:5070\"]

Example:
  cordboard lab --phone 8005=demo-8005

On a bad path, with sip_advertised = \"127.0.0.1:5091\" and the trunk at 127.0.0.1:5090:
  cordboard lab --advertise 127.0.0.1:5090 --relay 127.0.0.1:5090=127.0.0.1:5070 --relay 127.0.0.1:5091=127.0.0.1:5060
  cordboard lab --relay 127.0.0.1:5090=192.0.2.9:5060 --loss 20:0 --copy 0 --delay-ms 50 --seed 7";

/// A pretend SIP phone.
#[derive(Clone, Debug)]
pub struct Phone {
    /// User name.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// A bad path for SIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayPath {
    /// Where clients send to.
    pub listen: SocketAddr,
    /// Who it is for.
    pub target: SocketAddr,
}

/// A number for each direction of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BothWays {
    /// Towards the target.
    pub forth: u64,
    /// Towards the client.
    pub back: u64,
}

fn phone(text: &str) -> Result<Phone, String> {
    match text.split_once('=') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok(Phone { user: user.to_owned(), password: password.into() })
        }
        Some(_) | None => Err("write USER=PASSWORD".to_owned()),
    }
}

fn relay(text: &str) -> Result<RelayPath, String> {
    let addresses = text.split_once('=').and_then(|(listen, target)| {
        Some(RelayPath { listen: listen.parse().ok()?, target: target.parse().ok()? })
    });
    addresses.ok_or_else(|| "write LISTEN=TARGET, like 127.0.0.1:5090=127.0.0.1:5070".to_owned())
}

fn percents(text: &str) -> Result<BothWays, String> {
    both_ways(text, 100).ok_or_else(|| "write one number from 0 to 100, or two like 10:0".to_owned())
}

fn milliseconds(text: &str) -> Result<BothWays, String> {
    both_ways(text, 60_000).ok_or_else(|| "write one number up to 60000, or two like 300:0".to_owned())
}

fn both_ways(text: &str, max: u64) -> Option<BothWays> {
    let (forth, back) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|number| *number <= max);
    Some(BothWays { forth: number(forth)?, back: number(back)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_may_be_worse_in_one_direction() {
        assert_eq!(percents("10"), Ok(BothWays { forth: 10, back: 10 }));
        assert_eq!(percents("10:0"), Ok(BothWays { forth: 10, back: 0 }));
        for wrong in ["", "101", "-1", "10:", "1:2:3", "5%"] {
            assert!(percents(wrong).is_err(), "{wrong}");
        }
        let path = relay("127.0.0.1:5090=[::1]:5060").expect("two addresses");
        assert_eq!((path.listen.port(), path.target.is_ipv6()), (5090, true));
        assert!(relay("5090=5060").is_err());
    }
}
