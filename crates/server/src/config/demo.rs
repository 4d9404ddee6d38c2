//! The account to try things with. Its secret is public: it must never be reachable from outside.

use std::fmt::Write as _;

use super::{Config, parse};

/// `m7-appkey` of the demo account.
pub const DEMO_APPKEY: &str = "2000103";
/// Its secret, known to everyone.
pub const DEMO_SECRET: &str = "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3";
/// The number its customers see.
pub const DEMO_NUMBER: &str = "02258834811";

const AGENTS: std::ops::RangeInclusive<u16> = 8000..=8009;
/// Agents from here on have a SIP phone, those before a mobile in the lab.
const FIRST_SIP_AGENT: u16 = 8005;
/// One with a mobile and one with a SIP phone.
const SUPERVISORS: [u16; 2] = [8004, 8009];

impl Config {
    /// The demo account on the loopback: agents 8000–8004 with mobiles 13900008000–13900008004 in the lab, agents
    /// 8005–8009 with SIP phones (user = agent number, password `demo-<agent number>`), all calls through the lab's
    /// trunk at 127.0.0.1:5070. 8004 and 8009 are supervisors.
    pub fn demo() -> Config {
        parse(&demo_toml(), &|_| None).expect("a test reads the demo configuration")
    }
}

/// The same as a file, to begin one's own with.
pub(super) fn demo_toml() -> String {
    let mut text = format!(
        r#"[server]
http_listen = "127.0.0.1:8080"
sip_listen = "127.0.0.1:5060"
rtp_port_min = 20000
rtp_port_max = 20999
allow_private_push = true
shutdown_grace_s = 0

[[trunk]]
name = "lab"
addresses = ["127.0.0.1:5070"]

[[account]]
id = {DEMO_APPKEY}
secrets = ["{DEMO_SECRET}"]
requests_per_minute = 6000
recording = "dual_track"
numbers = ["{DEMO_NUMBER}"]
default_number = "{DEMO_NUMBER}"

[[account.edition]]
name = "demo"
licences = 10
"#
    );
    for agent in AGENTS {
        let phone = match agent < FIRST_SIP_AGENT {
            true => format!("mobile = \"1390000{agent}\""),
            false => format!("sip_user = \"{agent}\"\nsip_password = \"demo-{agent}\""),
        };
        let roles = match SUPERVISORS.contains(&agent) {
            true => "roles = [\"supervisor\"]\n",
            false => "",
        };
        write!(
            text,
            "\n[[account.agent]]\nnumber = \"{agent}\"\nname = \"Agent {agent}\"\nwrap_up_s = 5\n{phone}\n{roles}"
        )
        .expect("writing to a String cannot fail");
    }
    text
}
