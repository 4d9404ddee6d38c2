//! Threads that the program is nothing without.

use std::thread::{Builder, JoinHandle, panicking};

/// Starts a thread. Should it panic, the program ends at once: a server that goes on answering while calls or their sound
/// are lost would lie, and the next start finds everything in the log.
///
/// # Errors
/// When the operating system gives no thread.
pub(crate) fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name(name).spawn(move || {
        let _all = EndsAll;
        run();
    })
}

struct EndsAll;

impl Drop for EndsAll {
    fn drop(&mut self) {
        if panicking() {
            tracing::error!(
                thread = std::thread::current().name().unwrap_or_default(),
                "a thread failed that nothing works without: the program ends"
            );
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    const ABORTED: i32 = 6;
    const INSIDE: &str = "CORDBOARD_TEST_PANICS_INSIDE";

    #[test]
    fn a_panic_in_a_vital_thread_ends_the_program() {
        if std::env::var_os(INSIDE).is_some() {
            let _ = spawn("doomed".to_owned(), || panic!("as the test wants it")).expect("a thread").join();
            return;
        }
        let me = std::env::current_exe().expect("a test program has a path");
        let name = "vital::tests::a_panic_in_a_vital_thread_ends_the_program";
        let ended = Command::new(me).args(["--exact", name]).env(INSIDE, "1").output().expect("it starts");
        assert_eq!(ended.status.signal(), Some(ABORTED), "{ended:?}");
    }

    #[test]
    fn a_vital_thread_may_come_to_its_end() {
        spawn("done".to_owned(), || {}).expect("a thread").join().expect("no panic");
    }
}
