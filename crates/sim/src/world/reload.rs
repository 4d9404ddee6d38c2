//! The operator changes the configuration in the middle of everything: agents and accounts come and go, trunks move.

use std::collections::BTreeSet;

use callcenter::config::{AccountStatus, AgentStatus, RecordingMode};
use switch::api::Input;
use switch::config::{Changes, Config, Trunk, TrunkChoice};

use super::World;
use crate::Kind;
use crate::setup;

impl World {
    pub(super) fn reload(&mut self) {
        // Until the old one is back, nothing is as it would have been.
        self.calls.disturb_until(self.knobs.heal_at);
        let config = self.another_config();
        self.configure(config);
    }

    /// Tells the switch, if it is there; a restart reads what the file says then.
    pub(super) fn configure(&mut self, config: Config) {
        let is_same = |trunk: &&Trunk| {
            let before = self.config.trunks.iter().find(|before| before.name == trunk.name);
            before.is_some_and(|before| before.addresses == trunk.addresses)
        };
        let same_hosts: BTreeSet<String> =
            config.trunks.iter().filter(is_same).map(|trunk| trunk.name.clone()).collect();
        let changes = Changes {
            accounts: config.accounts.clone(),
            trunks: config.trunks.clone(),
            same_hosts,
            silence_max: config.silence_max,
            trunk_answer_any_max: config.trunk_answer_any_max,
            legs_max: config.legs_max,
            legs_reserved: config.legs_reserved,
        };
        self.config = config;
        self.report.reloads += 1;
        self.input(Input::Configure(Box::new(changes)));
    }

    /// The first configuration is back, and phones that nobody knew any more come again.
    pub(super) fn restore_config(&mut self) {
        self.configure(setup::config(&self.knobs));
        self.people.sign_in_again(self.now, &self.knobs);
    }

    fn another_config(&mut self) -> Config {
        let mut config = setup::config(&self.knobs);
        // Another one each time: a leg may try each address once.
        let nowhere = setup::nowhere(self.report.reloads);
        let random = &mut self.random;
        let account = &mut config.accounts[0];
        account.account.agents.retain(|_| !random.chance(20));
        for agent in &mut account.account.agents {
            if random.chance(20) {
                agent.status = AgentStatus::Disabled;
            }
        }
        if random.chance(20) {
            account.account.status = AccountStatus::Removed;
        }
        if random.chance(30) {
            account.account.recording = RecordingMode::Off;
        }
        // Where the lab's carrier rings late, the call may have gone on to one other way already, but not to two.
        let (at, changes) = match self.knobs.kind {
            Kind::Adversaries => (random.below(self.knobs.trunks), 4),
            Kind::Lab | Kind::Verbs => (0, self.knobs.trunks),
        };
        let at = usize::try_from(at).expect("few trunks");
        match random.below(changes) {
            0 => config.trunks[at].channels_max = Some(1),
            1 => {
                config.trunks.remove(at);
            }
            2 => config.trunks[at].addresses[0].remote = nowhere,
            // One goes, another comes.
            _ => {
                config.trunks[at].name = "fresh".to_owned();
                config.trunks[at].addresses[0].remote = nowhere;
            }
        }
        config.accounts[0].trunks =
            TrunkChoice::in_order(config.trunks.iter().map(|trunk| trunk.name.as_str()));
        // Its phones are gone then, and those of the lab come again too late for the rest of the story.
        if self.knobs.kind == Kind::Adversaries && random.chance(20) {
            config.accounts.clear();
        }
        config
    }
}
