//! Licences: an agent who signs in takes one of its edition's, and gives it back by signing out.

use crate::command::Refusal;
use crate::config::{Agent, Edition};
use crate::decide::View;

/// Whether `agent` may sign in: its edition can call (else 2020), and a licence is left (else 6704). An agent already
/// signed in keeps the one it has.
pub(crate) fn check(view: View<'_>, agent: &Agent) -> Result<(), Refusal> {
    let edition = view.account().editions.iter().find(|edition| edition.name == agent.edition);
    match edition {
        Some(Edition { calls: false, .. }) => Err(Refusal::EditionWithoutCalls),
        _ if view.state.agents.contains_key(&agent.number) => Ok(()),
        Some(edition) if taken(view, edition) < edition.licences => Ok(()),
        Some(_) | None => Err(Refusal::NoLicence),
    }
}

/// How many agents of this edition are signed in, also disabled ones: they have not signed out.
fn taken(view: View<'_>, edition: &Edition) -> usize {
    let of_edition = |number: &String| {
        view.around.agent(number).is_some_and(|signed_in| signed_in.edition == edition.name)
    };
    view.state.agents.keys().filter(|number| of_edition(number)).count()
}
