//! Bindings as the log keeps them: text, one line that says the version and the check of the password, then six lines for
//! each binding. Bindings on streams are left out: a restart breaks their connection.

use std::time::Duration;

use base::{Now, Wall};
use bytes::Bytes;

use super::binding::{Bound, Instance, Reach};
use crate::api::{Flow, Transport};
use crate::limits::BINDINGS_KEPT_BYTES_MAX;
use crate::message::Uri;

const VERSION: &str = "cordboard-bindings/1";
const LINES: usize = 6;

/// What a user's kept bindings say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The check of the password they were made with.
    pub(super) check: u16,
    /// Those that have not run out.
    pub(super) bindings: Vec<Bound>,
}

/// Writes those of `bindings` that outlive a restart; empty when there are none.
pub(super) fn write(check: u16, bindings: &[Bound]) -> Bytes {
    let mut text = String::new();
    for bound in bindings.iter().filter(|bound| bound.is_kept()) {
        if text.is_empty() {
            text = format!("{VERSION} {check:04x}\n");
        }
        put(&mut text, bound);
    }
    Bytes::from(text)
}

/// Reads what [`write`] wrote. None: it is none of ours, or damaged.
pub(super) fn read(now: Now, kept: &[u8]) -> Option<Kept> {
    if kept.len() > BINDINGS_KEPT_BYTES_MAX {
        return None;
    }
    let lines: Vec<&str> = std::str::from_utf8(kept).ok()?.strip_suffix('\n')?.split('\n').collect();
    let (head, rest) = lines.split_first()?;
    let check = u16::from_str_radix(head.strip_prefix(VERSION)?.strip_prefix(' ')?, 16).ok()?;
    let (bindings, odd) = rest.as_chunks::<LINES>();
    if bindings.is_empty() || !odd.is_empty() {
        return None;
    }
    let mut bindings: Vec<Bound> = bindings.iter().map(|lines| take(now, lines)).collect::<Option<_>>()?;
    bindings.retain(|bound| bound.expires_at_wall > now.wall);
    Some(Kept { check, bindings })
}

fn put(text: &mut String, bound: &Bound) {
    let Bound { flow, cseq, q, .. } = bound;
    let reach = match bound.reach {
        Reach::Open => "open",
        Reach::Nat => "nat",
    };
    let (until, since) = (bound.expires_at_wall.as_millis(), bound.refreshed_at.as_millis());
    let (reg_id, instance) = bound.instance.as_ref().map_or((0, ""), |one| (one.reg_id, &one.id));
    let (path, device) = (bound.path.as_deref().unwrap_or(""), bound.device.as_deref().unwrap_or(""));
    *text += &format!("{} {} {until} {since} {cseq} {q} {reach} {reg_id}\n", flow.local, flow.remote);
    // None of them can hold the end of a line: they were parts of a header.
    for line in [&bound.uri, &bound.call_id, instance, path, device] {
        *text += line;
        text.push('\n');
    }
}

fn take(now: Now, lines: &[&str; LINES]) -> Option<Bound> {
    let [first, uri, call_id, instance, path, device] = lines;
    let [local, remote, until, since, cseq, q, reach, reg_id] =
        first.split(' ').collect::<Vec<_>>().try_into().ok()?;
    Uri::parse(uri).ok().filter(Uri::is_sip)?;
    let some = |text: &str| (!text.is_empty()).then(|| text.into());
    let reg_id: u32 = reg_id.parse().ok()?;
    let expires_at_wall = Wall::from_millis(until.parse().ok()?);
    Some(Bound {
        uri: (*uri).into(),
        flow: Flow { transport: Transport::Udp, local: local.parse().ok()?, remote: remote.parse().ok()? },
        call_id: (*call_id).into(),
        cseq: cseq.parse().ok()?,
        q: q.parse().ok()?,
        instance: some(instance).map(|id| Instance { id, reg_id }),
        path: some(path),
        device: some(device),
        reach: match reach {
            "open" => Reach::Open,
            "nat" => Reach::Nat,
            _ => return None,
        },
        refreshed_at: Wall::from_millis(since.parse().ok()?),
        expires_at: now.mono + left(now.wall, expires_at_wall),
        expires_at_wall,
    })
}

fn left(now: Wall, until: Wall) -> Duration {
    let ms = until.as_millis().saturating_sub(now.as_millis());
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use base::Mono;

    use super::*;

    fn now() -> Now {
        Now { mono: Mono::from_micros(7), wall: Wall::from_millis(1_790_000_000_000) }
    }

    fn bound(port: u16, transport: Transport, lasts: Duration) -> Bound {
        let (local, remote) = ("[2001:db8::1]:5060".parse().unwrap(), ([192, 0, 2, 9], port).into());
        Bound {
            uri: "sip:1001@10.0.0.5;ob".into(),
            flow: Flow { transport, local, remote },
            call_id: "a@b".into(),
            cseq: u32::MAX,
            q: 250,
            instance: Some(Instance { id: "<urn:uuid:0>".into(), reg_id: 2 }),
            path: Some("<sip:p1.example;lr>, <sip:p2.example;lr;ob>".into()),
            device: Some("Desk phone, 张".into()),
            reach: Reach::Nat,
            refreshed_at: now().wall,
            expires_at: now().mono + lasts,
            expires_at_wall: now().wall + lasts,
        }
    }

    #[test]
    fn what_was_written_is_read_but_for_streams_and_what_has_run_out() {
        let hour = Duration::from_secs(3600);
        let bare = Bound { instance: None, path: None, device: None, ..bound(1, Transport::Udp, hour) };
        let streamed = bound(2, Transport::Tcp, hour);
        let short = bound(3, Transport::Udp, Duration::from_secs(60));
        let long = bound(4, Transport::Udp, hour);
        let text = write(0xbeef, &[bare.clone(), streamed.clone(), short, long.clone()]);
        let kept = read(now().later(Duration::from_secs(60)), &text).unwrap();
        let later = |bound| Bound { expires_at: now().mono + hour, ..bound };
        assert_eq!(kept, Kept { check: 0xbeef, bindings: vec![later(bare), later(long)] });
        assert_eq!(write(0, &[streamed]), Bytes::new());
    }

    #[test]
    fn what_is_damaged_is_not_understood() {
        let text = write(1, &[bound(5060, Transport::Udp, Duration::from_secs(60))]);
        assert!(read(now(), &text).is_some());
        for end in 0..text.len() {
            assert_eq!(read(now(), &text[..end]), None, "{end}");
        }
        let other = String::from_utf8(text.to_vec()).unwrap().replace("bindings/1", "bindings/2");
        assert_eq!(read(now(), other.as_bytes()), None);
        assert_eq!(read(now(), &vec![b'\n'; BINDINGS_KEPT_BYTES_MAX + 1]), None);
    }
}
