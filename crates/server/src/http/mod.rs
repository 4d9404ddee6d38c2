//! The HTTP border: routes, limits and order of checks. What the rest of the server does for it stands in [`ports`].

pub mod ports;
