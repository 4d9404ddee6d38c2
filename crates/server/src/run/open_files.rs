//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is open besides connections and sound: the store and its readers, pushes, the process's own.
const OTHERS_MAX: u64 = 512;

/// Raises the limit as far as an ordinary process may: shells and systemd begin with 1024, which a hundred calls and a few
/// idle clients use up. Says so when that is still too few for `legs_max` legs of two sockets each, and a track file for
/// every two of them.
pub(super) fn raise(legs_max: usize) {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let connections = crate::http::serve::connections_max() + crate::control::STREAMS_MAX;
    let needed = connections as u64 + 2 * legs_max as u64 + legs_max as u64 / 2 + OTHERS_MAX;
    if let Some(limit) = getrlimit(Resource::Nofile).current.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "too few open files are allowed for server.legs_max (LimitNOFILE, ulimit -n)"
        );
    }
}
