//! Two agents with phones, one of whom talks with a customer; the other is called later.

use std::time::Duration;

use base::LegId;
use bytes::Bytes;
use callcenter::command::{Choice, Command, LoginType};
use media::api::{Command as Media, Source};
use media::codec::Codec;
use media::sdp::{self, Direction, LocalMedia};
use sip::api::{Credentials, DialogId, Register};
use switch::config::{Config, User};

use super::{ACCOUNT, Bench, PHONE, STRANGER, TRUNK, config};

/// Index of the other agent's phone.
pub(crate) const COLLEAGUE: usize = STRANGER;

/// What the account's music is among the engine's sounds.
pub(crate) const MUSIC: Source = Source::Sound { sound: 3, looped: true };

pub(crate) fn config_of_two() -> Config {
    let mut config = config();
    let one = &mut config.accounts[0];
    one.users.push(User { name: "1002".to_owned(), password: "secret".to_owned() });
    one.music = 3;
    let mut colleague = one.account.agents[0].clone();
    (colleague.number, colleague.name) = ("1002".to_owned(), "Bob".to_owned());
    (colleague.id, colleague.mobile) = ("b".repeat(24), None);
    colleague.sip_user = Some("1002".to_owned());
    one.account.agents.push(colleague);
    config
}

/// The bench, and the dialogs of the agent's phone and of the carrier.
pub(crate) struct Floor {
    pub(crate) bench: Bench,
    pub(crate) phone: DialogId,
    pub(crate) carrier: DialogId,
}

impl Floor {
    /// 1001 talks with the customer, 1002 is idle.
    pub(crate) fn talking() -> Floor {
        let mut bench = Floor::ready();
        bench.dial_out();
        bench.answer(PHONE);
        bench.answer(TRUNK);
        assert_eq!(bench.switch.counts().legs_living, 2);
        let dialog = |far: usize| bench.fars[far].call.expect("it was called");
        Floor { phone: dialog(PHONE), carrier: dialog(TRUNK), bench }
    }

    /// Both are signed in and idle.
    pub(crate) fn ready() -> Bench {
        let mut bench = Bench::ready_with(config_of_two());
        let far = &mut bench.fars[COLLEAGUE];
        let register = Register {
            flow: far.flow(),
            others: Vec::new(),
            contact_user: None,
            uri: "sip:pbx.example".to_owned(),
            aor: "sip:1002@pbx.example".to_owned(),
            credentials: credentials("1002"),
            expires: Duration::from_secs(3600),
        };
        far.endpoint.register(bench.now, register);
        bench.run();
        let online = Command::Online { agent: "1002".into(), login: LoginType::Sip, choice: Choice::Idle };
        assert!(bench.ask(online).is_ok());
        bench
    }

    /// The agent's phone, or the carrier, offers its media anew.
    pub(crate) fn offers(&mut self, far: usize, direction: Direction) {
        let dialog = if far == PHONE { self.phone } else { self.carrier };
        let one = &mut self.bench.fars[far];
        let sdp = sdp::offer(LocalMedia { direction, ..one.local(&[Codec::Pcma]) });
        one.endpoint.offer(self.bench.now, dialog, sdp);
        self.bench.run();
    }

    /// The agent's phone asks for its call to be handed to `to`, or to the far end of its other line.
    pub(crate) fn refers(&mut self, to: &str, other_line: Option<DialogId>) {
        let phone = &mut self.bench.fars[PHONE];
        phone.endpoint.refer(self.bench.now, self.phone, to, other_line);
        self.bench.run();
    }

    /// The agent's phone calls by another line.
    pub(crate) fn calls(&mut self, number: &str) -> DialogId {
        calls(&mut self.bench, PHONE, "1001", number)
    }

    /// The state that an agent shows.
    pub(crate) fn shows(&self, agent: &str) -> u16 {
        let center = self.bench.switch.center(ACCOUNT).expect("the account is there");
        center.agent_state(agent).expect("the agent is there")
    }

    /// What a leg hears now.
    pub(crate) fn heard(&self, leg: LegId) -> Source {
        let rows = self.bench.media.iter().rev();
        let mut of_leg = rows.filter_map(|command| match command {
            Media::Hear { stream, source } if *stream == leg.into() => Some(source.clone()),
            _ => None,
        });
        of_leg.next().unwrap_or_default()
    }

    /// Whether a leg's silence ends it now.
    pub(crate) fn is_watched(&self, leg: LegId) -> bool {
        let watches = self.bench.media.iter().rev();
        let mut of_leg = watches.filter_map(|command| match command {
            Media::Watch { stream, silence_max } if *stream == leg.into() => Some(silence_max.is_some()),
            _ => None,
        });
        of_leg.next().unwrap_or(false)
    }

    /// Legs of the call, in the order they were started.
    pub(crate) fn legs<const N: usize>(&self) -> [LegId; N] {
        let legs = self.bench.legs();
        legs.clone().try_into().unwrap_or_else(|_| panic!("{N} legs: {legs:?}"))
    }
}

/// A phone calls by itself, and answers the challenge.
pub(crate) fn calls(bench: &mut Bench, far: usize, user: &str, number: &str) -> DialogId {
    let sdp: Bytes = sdp::offer(bench.fars[far].local(&[Codec::Pcma, Codec::Pcmu]));
    let invite = bench.fars[far].invite(number, &format!("{user}@pbx.example"), sdp);
    let invite = sip::api::Invite { credentials: Some(credentials(user)), ..invite };
    let dialog = bench.fars[far].endpoint.invite(bench.now, invite);
    bench.run();
    dialog
}

fn credentials(user: &str) -> Credentials {
    Credentials { user: user.to_owned(), password: "secret".to_owned() }
}
