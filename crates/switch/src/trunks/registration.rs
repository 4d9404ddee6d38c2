//! Trunks that know us because we register there (RFC 3261 §10).

use base::Now;
use sip::api::{Flow, Register, RegistrationId, Standing};

use super::{Line, TrunkNo, TrunkWay, Trunks};
use crate::api::Diagnostic;
use crate::config::Trunk;
use crate::switch::Switch;

/// How a trunk's registration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registering {
    /// The trunk knows us by our address.
    NotNeeded,
    /// It has not begun: no address is known.
    Off,
    /// It was taken back, as the program ends.
    Left,
    /// It is being taken back, as another one takes its place when it is gone.
    Replaced(RegistrationId),
    /// Not, or not any more; it is tried again and again.
    Asking(RegistrationId),
    /// The trunk knows us.
    Known(RegistrationId),
}

impl Switch {
    /// Registers with a trunk that wants that, or tells who keeps it up that the trunk is elsewhere now.
    pub(crate) fn register_trunk(&mut self, now: Now, trunk: TrunkNo) {
        let flows: Vec<Flow> =
            self.trunks.best_first(trunk).into_iter().map(|way| self.flow_to(way)).collect();
        let Some((flow, others)) = flows.split_first() else { return };
        match self.trunks.line(trunk).registering {
            Registering::NotNeeded | Registering::Left | Registering::Replaced(_) => {}
            Registering::Asking(id) | Registering::Known(id) => self.endpoint.reroute(now, id, &flows),
            Registering::Off => {
                let Some(register) = self.trunks.register(trunk, *flow, others) else { return };
                let id = self.endpoint.register(now, register);
                self.trunks.line_mut(trunk).registering = Registering::Asking(id);
            }
        }
    }

    /// The program ends: whoever calls us by a trunk is to hear so.
    pub(crate) fn unregister_trunks(&mut self, now: Now) {
        for id in self.trunks.unregister() {
            self.endpoint.unregister(now, id);
        }
    }

    /// A registrar said something, or nothing.
    pub(crate) fn own_registration(&mut self, now: Now, id: RegistrationId, standing: Standing) {
        if let Some(news) = self.trunks.registration_told(id, standing) {
            self.tell_operator(news);
        }
        if standing == Standing::Gone
            && let Some(trunk) = self.trunks.registration_gone(id)
        {
            self.register_trunk(now, trunk);
        }
    }
}

impl Trunks {
    /// The registration that calls by a trunk are made with.
    pub(crate) fn registration(&self, trunk: TrunkNo) -> Option<RegistrationId> {
        match self.line(trunk).registering {
            Registering::Known(id) | Registering::Asking(id) => Some(id),
            Registering::NotNeeded | Registering::Off | Registering::Left | Registering::Replaced(_) => None,
        }
    }

    /// A registration that another one is to replace is gone: the trunk whose it was.
    fn registration_gone(&mut self, id: RegistrationId) -> Option<TrunkNo> {
        let at = self.lines.iter().position(|line| line.registering == Registering::Replaced(id))?;
        let line = self.lines.get_mut(at)?;
        line.registering = Registering::wanted_by(&line.config);
        Some(TrunkNo(at))
    }

    /// The trunk that a registration is with.
    pub(crate) fn registered_as(&self, id: RegistrationId) -> Option<TrunkNo> {
        self.lines.iter().position(|line| line.registering.id() == Some(id)).map(TrunkNo)
    }

    fn register(&self, trunk: TrunkNo, flow: Flow, others: &[Flow]) -> Option<Register> {
        let config = self.config(trunk);
        let wanted = config.registration.as_ref()?;
        Some(Register {
            flow,
            others: others.to_vec(),
            contact_user: Some(token(&config.name)),
            uri: format!("sip:{}", wanted.registrar),
            aor: wanted.aor.clone(),
            credentials: config.credentials.clone()?,
            expires: wanted.expires,
        })
    }

    fn unregister(&mut self) -> Vec<RegistrationId> {
        let mut ended = Vec::new();
        for line in self.lines.iter_mut().filter(|line| line.config.registration.is_some()) {
            ended.extend(line.registering.id());
            line.registering = Registering::Left;
        }
        ended
    }

    fn registration_told(&mut self, id: RegistrationId, standing: Standing) -> Option<Diagnostic> {
        let line = self.lines.iter_mut().find(|line| line.registering.id() == Some(id))?;
        let trunk = line.config.name.clone();
        let before = line.registering;
        let (after, news) = match standing {
            Standing::Registered { .. } => (Registering::Known(id), Diagnostic::TrunkRegistered { trunk }),
            Standing::Refused(status) => {
                (Registering::Asking(id), Diagnostic::TrunkNotRegistered { trunk, status })
            }
            Standing::NoAnswer => {
                (Registering::Asking(id), Diagnostic::TrunkNotRegistered { trunk, status: 0 })
            }
            Standing::Gone => {
                line.registering = Registering::Off;
                return None;
            }
        };
        line.registering = after;
        match after {
            Registering::Known(_) if before == after => None,
            Registering::Known(_) | Registering::Asking(_) => Some(news),
            Registering::NotNeeded | Registering::Off | Registering::Left | Registering::Replaced(_) => None,
        }
    }

    /// The ways of a trunk, the best first.
    fn best_first(&self, trunk: TrunkNo) -> Vec<TrunkWay> {
        let mut addresses: Vec<_> = self.line(trunk).ways.iter().map(|(address, _)| address).collect();
        addresses.sort_by_key(|address| (address.priority, u16::MAX - address.weight, address.remote));
        addresses.into_iter().map(|address| TrunkWay { trunk, remote: address.remote }).collect()
    }
}

impl Line {
    /// Whether the trunk takes calls of ours at all.
    pub(super) fn knows_us(&self) -> bool {
        match self.registering {
            Registering::NotNeeded | Registering::Known(_) => true,
            Registering::Off | Registering::Left | Registering::Asking(_) | Registering::Replaced(_) => false,
        }
    }
}

impl Registering {
    /// Before anything was asked.
    pub(super) fn wanted_by(config: &Trunk) -> Registering {
        match config.registration {
            Some(_) => Registering::Off,
            None => Registering::NotNeeded,
        }
    }

    pub(super) fn id(self) -> Option<RegistrationId> {
        match self {
            Registering::Asking(id) | Registering::Known(id) => Some(id),
            Registering::NotNeeded | Registering::Off | Registering::Left | Registering::Replaced(_) => None,
        }
    }
}

/// The user part of our contact at a trunk. The same after every restart, so that a registrar replaces the contact of
/// before; nothing is trusted because of it.
fn token(name: &str) -> String {
    // FNV-1a.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("trunk-{hash:016x}")
}
