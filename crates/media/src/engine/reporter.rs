//! The RTCP of one stream: when and where it reports, and what its far end says.
//!
//! Reports go to where the far end's come from; before the first one to the port after that of its sound (RFC 3550 §11).
//! Only its host is believed, and all it can change are figures.

use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random};

use crate::limits::{REPORT_EVERY, REPORTS_UNANSWERED_MAX, ROUND_TRIP_MAX};
use crate::quality::Far;
use crate::rtcp::{self, Block, Heard, Report, Sender};

/// Intervals are drawn from half to one and a half of the mean, and divided by this (RFC 3550 §6.3.1).
const COMPENSATION: f64 = 1.218_28;

#[derive(Clone, Debug)]
pub(super) struct Reporter {
    cname: u128,
    made: u64,
    /// Since the far end's last.
    unanswered: u32,
    /// Where the far end's reports come from.
    source: Option<SocketAddr>,
    /// Its last sender report, and when it came.
    theirs: Option<(u32, Mono)>,
    /// Our last sender reports, newest first, and when they were made: round trips are measured against these alone.
    ours: [Option<(u32, Mono)>; 2],
    round_trip: Option<Duration>,
    far: Option<Far>,
}

impl Reporter {
    pub(super) fn new(random: &mut Random) -> Reporter {
        Reporter {
            cname: (u128::from(random.number()) << 64) | u128::from(random.number()),
            made: 0,
            unanswered: 0,
            source: None,
            theirs: None,
            ours: [None; 2],
            round_trip: None,
            far: None,
        }
    }

    /// How long until the next report. The first comes in half the time.
    pub(super) fn interval(&self, random: &mut Random) -> Duration {
        let mean = if self.made == 0 { REPORT_EVERY / 2 } else { REPORT_EVERY };
        let part = 0.5 + random.below(1 << 20) as f64 / f64::from(1 << 20);
        mean.mul_f64(part / COMPENSATION)
    }

    /// Where a report goes to a far end whose sound is at `far`; `None` when it takes none.
    pub(super) fn address(&self, far: SocketAddr) -> Option<SocketAddr> {
        match self.source.filter(|source| source.ip() == far.ip()) {
            Some(source) => Some(source),
            None if self.unanswered >= REPORTS_UNANSWERED_MAX => None,
            None => Some(SocketAddr::new(far.ip(), far.port().checked_add(1)?)),
        }
    }

    /// The report of now. A stream that leaves says so only where it was known.
    pub(super) fn make(
        &mut self,
        now: Now,
        ssrc: u32,
        sender: Option<Sender>,
        block: Option<Block>,
        leaves: bool,
    ) -> Option<Report> {
        if leaves && self.made == 0 {
            return None;
        }
        self.made += 1;
        self.unanswered = self.unanswered.saturating_add(1);
        if let Some(sender) = sender {
            self.ours = [Some((sender.ntp.middle(), now.mono)), self.ours[0]];
        }
        let since = |(middle, at)| (middle, rtcp::parts(now.mono.since(at)));
        let (last_report, since_last_report) = self.theirs.map_or((0, 0), since);
        let block = block.map(|block| Block { last_report, since_last_report, ..block });
        Some(Report { ssrc, cname: self.cname, sender, block, leaves })
    }

    /// The far end reported.
    pub(super) fn hear(&mut self, now: Mono, from: SocketAddr, heard: Heard) {
        self.unanswered = 0;
        self.source = Some(SocketAddr::new(from.ip().to_canonical(), from.port()));
        if let Some(middle) = heard.sender_report {
            self.theirs = Some((middle, now));
        }
        let Some(block) = heard.about_us else { return };
        self.far = Some(Far {
            lost: u32::try_from(block.lost).unwrap_or(0),
            jitter_ms: (f64::from(block.jitter) / 8.0) as f32,
        });
        let asked = self.ours.iter().flatten().find(|(middle, _)| *middle == block.last_report);
        if let Some((_, at)) = asked {
            let held = rtcp::time(block.since_last_report);
            let trip = now.since(*at).checked_sub(held).filter(|trip| *trip <= ROUND_TRIP_MAX);
            self.round_trip = trip.or(self.round_trip);
        }
    }

    /// The last round trip that was measured.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What the far end last said of what it hears.
    pub(super) fn far(&self) -> Option<Far> {
        self.far
    }
}
