//! What befalls the program: commits and stalls of its log, crashes, restarts, a clock that jumps; and the healing.

use std::time::Duration;

use switch::Switch;
use switch::api::Input;

use super::{Happening, World};
use crate::setup::ACCOUNT;
use crate::sound::Sound;

impl World {
    pub(super) fn plan_commit(&mut self) {
        if !self.commit_planned && !self.log.stalled {
            self.commit_planned = true;
            let max = u64::try_from(self.knobs.commit_delay_max.as_micros()).expect("far less than a second");
            let after = Duration::from_micros(self.random.below(max));
            self.plan(after, Happening::Commit { life: self.life });
        }
    }

    pub(super) fn commit(&mut self) {
        self.commit_planned = false;
        let (durable, appended) = (self.log.durable().0, self.log.appended().0);
        // Sometimes a part only: a crash may come between two rows as well as between two batches.
        let part = self.random.below(appended - durable + 1);
        let through = if self.random.chance(30) { durable + part } else { appended };
        for entry in self.log.commit(base::LogNo(through)) {
            self.ledger.read(entry);
        }
        if self.log.durable() == self.log.appended() {
            self.ledger.check_states();
        }
        let through = self.log.durable();
        self.input(Input::Durable { through });
        if self.log.durable() < self.log.appended() {
            self.plan_commit();
        }
    }

    pub(super) fn stall(&mut self) {
        if !self.log.stalled && !self.down {
            self.calls.disturb_until(self.now.mono);
            self.log.stalled = true;
            self.commit_planned = false;
            self.life_goes_on_without_log();
            let after = Duration::from_millis(self.random.below(20_000));
            self.plan(after, Happening::Unstall { life: self.life });
        }
    }

    /// The writer tells the switch that it is stuck, or has not noticed yet.
    fn life_goes_on_without_log(&mut self) {
        if self.random.chance(70) {
            self.input(Input::LogStalled(true));
        }
    }

    pub(super) fn unstall(&mut self) {
        self.calls.disturb_until(self.now.mono);
        self.log.stalled = false;
        self.input(Input::LogStalled(false));
        self.plan_commit();
    }

    pub(super) fn end_calls(&mut self) {
        self.calls.disturb_until(self.now.mono);
        self.input(Input::EndCalls);
    }

    /// The program dies, and what it had not committed with it.
    pub(super) fn crash(&mut self) {
        self.report.crashes += 1;
        self.life += 1;
        self.down = true;
        self.log.crash();
        self.calls.die(self.now.mono);
        self.listening.die(self.now.mono);
        self.commit_planned = false;
        self.asked.clear();
        self.finished.clear();
        let back_after = Duration::from_millis(self.random.below(3_000));
        self.plan(back_after, Happening::Restart { life: self.life });
    }

    /// The program begins anew with what was committed.
    pub(super) fn restart(&mut self) {
        self.down = false;
        self.sound = Sound::new(&self.knobs, self.random.fork());
        let config = self.config.clone();
        let highest_id = self.ledger.highest_id();
        let random = self.random.fork();
        self.switch = Switch::new(config, random, self.log.durable(), highest_id, self.numbers.clone());
        for entry in self.log.committed() {
            self.switch.replay(entry.account, &entry.body);
        }
        self.switch.resume_at(ACCOUNT, self.ledger.next_seq(ACCOUNT));
        self.switch.restarted(self.now);
        self.drain_switch();
        self.check();
    }

    pub(super) fn jump_clock(&mut self) {
        let jump = Duration::from_secs(self.random.below(3_600));
        self.now.wall = match self.random.chance(50) {
            true => self.now.wall + jump,
            false => self.now.wall - jump,
        };
    }

    pub(super) fn heal(&mut self) {
        if self.knobs.reloads > 0 {
            self.restore_config();
        }
        self.knobs.mute = 0;
        self.knobs.ports_unusable = 0;
        self.network.heal();
        self.sound.heal();
        self.people.heal(self.now);
        self.drain_people(None);
    }
}
