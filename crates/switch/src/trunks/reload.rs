//! Trunks that are new, changed or taken out while calls go on. What lives stays: a leg keeps its dialog, its channel and the
//! number of its trunk; ways that are left keep their health.

use std::collections::BTreeSet;

use base::Now;

use super::registration::Registering;
use super::{Line, Place, TrunkNo, TrunkWay, Trunks};
use crate::config::{AccountConfig, Trunk};
use crate::switch::Switch;

/// What becomes of a registration.
enum Registration {
    /// It stays, or there is none.
    Kept,
    /// It is taken back.
    Ended,
}

impl Switch {
    /// These are all trunks now, and these accounts may use them as they say. `same_hosts` keep the addresses they have.
    pub(crate) fn replace_trunks(
        &mut self,
        now: Now,
        trunks: &[Trunk],
        same_hosts: &BTreeSet<String>,
        accounts: &[AccountConfig],
    ) {
        for trunk in self.trunks.configured() {
            let name = &self.trunks.config(trunk).name;
            if !trunks.iter().any(|other| other.name == *name) {
                self.take_out(now, trunk);
            }
        }
        // Their numbers may be others' in a moment.
        self.trunks.leave_choices();
        for trunk in trunks {
            let config = self.config.reachable(trunk);
            let trunk = match self.trunks.ever_named(&config.name) {
                Some(trunk) => {
                    let same_hosts = same_hosts.contains(&config.name);
                    self.change(now, trunk, config, same_hosts);
                    trunk
                }
                None => self.add(config),
            };
            self.trunks.begin_pings(now.mono, trunk);
            self.register_trunk(now, trunk);
        }
        self.trunks.set_choices(accounts);
    }

    fn take_out(&mut self, now: Now, trunk: TrunkNo) {
        let line = self.trunks.line_mut(trunk);
        line.place = Place::TakenOut;
        line.config.registration = None;
        // Should the trunk come back, it must not register before that is over.
        let then = line.registering.id().map_or(Registering::NotNeeded, Registering::Replaced);
        let ways = std::mem::take(&mut line.ways);
        self.leave_registrar(now, trunk, then);
        for (address, _) in ways {
            self.trunks.pings.cancel(&TrunkWay { trunk, remote: address.remote });
        }
        self.trunks.probes.retain(|_, way| way.trunk != trunk);
    }

    /// `config` replaces what was said of the trunk, which may have been taken out meanwhile.
    fn change(&mut self, now: Now, trunk: TrunkNo, config: Trunk, same_hosts: bool) {
        let line = self.trunks.line_mut(trunk);
        let was_there = line.is_configured();
        let before = std::mem::replace(&mut line.config, config);
        line.place = Place::Configured;
        if !(was_there && same_hosts) {
            line.move_to(line.config.addresses.clone());
        }
        let wanted = Registering::wanted_by(&line.config);
        match (line.becomes_of_registration(&before), line.registering.id()) {
            (Registration::Kept, _) => {}
            // The contact is the same: the end of the one must not overtake the beginning of the other.
            (Registration::Ended, Some(id)) if line.registers_the_same(&before) => {
                self.leave_registrar(now, trunk, Registering::Replaced(id));
            }
            (Registration::Ended, _) => self.leave_registrar(now, trunk, wanted),
        }
    }

    /// A registration that is there is taken back.
    fn leave_registrar(&mut self, now: Now, trunk: TrunkNo, then: Registering) {
        let line = self.trunks.line_mut(trunk);
        match line.registering {
            // One that waits for another's end goes on waiting; at the end of the program none begins.
            Registering::Replaced(_) | Registering::Left => return,
            Registering::NotNeeded | Registering::Off | Registering::Asking(_) | Registering::Known(_) => {}
        }
        let id = line.registering.id();
        line.registering = then;
        if let Some(id) = id {
            self.endpoint.unregister(now, id);
        }
    }

    /// A new trunk takes the number of one that is over, if there is one.
    fn add(&mut self, config: Trunk) -> TrunkNo {
        let line = Line::new(config);
        // What a leg tried it does not try again, under whatever name it comes back.
        let used: BTreeSet<TrunkNo> =
            self.legs.iter().flat_map(|(_, leg)| &leg.tried).map(|way| way.trunk).collect();
        match self.trunks.over(&used) {
            Some(trunk) => {
                *self.trunks.line_mut(trunk) = line;
                trunk
            }
            None => self.trunks.append(line),
        }
    }
}

impl Trunks {
    fn configured(&self) -> Vec<TrunkNo> {
        let all = (0..self.lines.len()).map(TrunkNo);
        all.filter(|trunk| self.line(*trunk).is_configured()).collect()
    }

    /// The trunk of this name, also one that was taken out and whose number nobody else took.
    fn ever_named(&self, name: &str) -> Option<TrunkNo> {
        self.lines.iter().position(|line| line.config.name == name).map(TrunkNo)
    }

    /// A trunk that was taken out and of which nothing is left.
    fn over(&self, used: &BTreeSet<TrunkNo>) -> Option<TrunkNo> {
        let is_over = |trunk: &TrunkNo| {
            let line = self.line(*trunk);
            !line.is_configured() && !used.contains(trunk) && line.registering == Registering::NotNeeded
        };
        (0..self.lines.len()).map(TrunkNo).find(is_over)
    }

    fn append(&mut self, line: Line) -> TrunkNo {
        self.lines.push(line);
        TrunkNo(self.lines.len() - 1)
    }
}

impl Line {
    /// What becomes of the registration that was made as `before` said.
    fn becomes_of_registration(&self, before: &Trunk) -> Registration {
        let after = &self.config;
        match before.registration == after.registration && before.credentials == after.credentials {
            true => Registration::Kept,
            false => Registration::Ended,
        }
    }

    /// Whether what is to be registered is at the same place as before.
    fn registers_the_same(&self, before: &Trunk) -> bool {
        match (&before.registration, &self.config.registration) {
            (Some(before), Some(after)) => (&before.registrar, &before.aor) == (&after.registrar, &after.aor),
            (None, _) | (_, None) => false,
        }
    }
}
