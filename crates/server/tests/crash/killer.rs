//! Kills the server, and starts it again.

use std::time::Duration;

use base::Random;
use server::clock::Clock;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ledger::{Happening, Ledger};
use crate::place::Place;
use crate::process::Process;

/// When nothing of the kind happens, the server is killed all the same.
const LIFE_MAX: Duration = Duration::from_secs(6);
/// From the event to the kill.
const AFTER_US_MAX: u64 = 30_000;
/// The server is up long before; some kills come while it reads its store.
const START_US_MAX: u64 = 250_000;

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// So long after the server was started, before it serves.
    Starting(Duration),
    /// So long after the n-th of these from now on.
    After(Happening, u64, Duration),
}

impl Point {
    fn choose(random: &mut Random) -> Point {
        // Half of the kills come within the first milliseconds: there the races are.
        let after = if random.chance(50) { 3_000 } else { AFTER_US_MAX };
        let after = Duration::from_micros(random.below(after));
        let kind = random.below(10);
        let mut after_some = |happening, at_most| Point::After(happening, 1 + random.below(at_most), after);
        match kind {
            0 => Point::Starting(Duration::from_micros(random.below(START_US_MAX))),
            1 => after_some(Happening::Push, 500),
            2 => after_some(Happening::Linked, 16),
            3 => after_some(Happening::Accepted, 24),
            4 => after_some(Happening::HangingUp, 12),
            5 => after_some(Happening::HungUp, 12),
            6 => after_some(Happening::PhoneCalled, 40),
            7 => after_some(Happening::PhoneAnswered, 40),
            8 => after_some(Happening::Recorded, 12),
            _ => after_some(Happening::PhoneEnded, 40),
        }
    }
}

/// Kills `kills` times; returns the server that lives on.
pub async fn kill_often(
    place: &Place,
    ledger: &Ledger,
    up: &watch::Sender<bool>,
    random: &mut Random,
    kills: u64,
) -> Process {
    let mut server = place.start().await;
    up.send_replace(true);
    for kill in 1..=kills {
        let point = Point::choose(random);
        match point {
            Point::Starting(after) => {
                println!("kill {kill}: at once, and again {after:?} after the start");
                server = struck(place, ledger, up, server).await;
                sleep(after).await;
            }
            Point::After(happening, n, after) => {
                let wanted = ledger.read().count(happening) + n;
                let came =
                    ledger.until(LIFE_MAX, |book| (book.count(happening) >= wanted).then_some(())).await;
                let late = if came.is_some() { "" } else { " (which did not come)" };
                println!("kill {kill}: {after:?} after {happening:?} number {n}{late}");
                sleep(after).await;
            }
        }
        server = struck(place, ledger, up, server).await;
        server.says("serving http=").await;
        up.send_replace(true);
    }
    server
}

/// Kills the server and starts another one, which may not serve yet.
async fn struck(place: &Place, ledger: &Ledger, up: &watch::Sender<bool>, mut server: Process) -> Process {
    up.send_replace(false);
    ledger.write(None, |book| book.kills.push(Clock::start().now().wall));
    server.strike();
    server.gone().await;
    place.spawn()
}
