use std::cell::{Cell, RefCell};
use std::fs::{File, FileTimes};

use base::{Mono, Wall};

use super::*;

/// 2026-11-25 20:30 UTC; in China the next day.
const NOW_S: i64 = 1_795_638_600;
const HOUR_S: i64 = 3600;

fn now() -> Now {
    Now { mono: Mono::ZERO, wall: Wall::from_millis(NOW_S * 1000) }
}

/// Writes a file that was last written so long ago.
fn put(root: &Path, name: &str, hours_ago: i64) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs((NOW_S - hours_ago * HOUR_S).unsigned_abs());
    let file = File::create(&path).unwrap();
    file.set_times(FileTimes::new().set_modified(at)).unwrap();
    path
}

/// The names that are left.
fn left(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, into: &mut Vec<String>) {
        for entry in files(folder) {
            match entry.file_type().unwrap().is_dir() {
                true => walk(root, &entry.path(), into),
                false => {
                    into.push(entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
    }
    let mut names = Vec::new();
    walk(root, root, &mut names);
    names.sort();
    names
}

fn keep(days: u32, utc_offset_s: i32) -> Keep {
    let accounts = [(AccountId(1), KeepDays { days, utc_offset_s })].into();
    Keep { accounts, ..Keep::default() }
}

fn sweep(root: &Path, keep: &Keep) {
    Sweep::new(root, keep, now(), &|| None, &|| true).run();
}

#[test]
fn whole_days_are_kept_by_the_accounts_own_clock() {
    for (days, utc_offset_s, kept) in [
        (0, 0, &["20261122", "20261123", "20261124", "20261125"][..]),
        (2, 0, &["20261123", "20261124", "20261125"]),
        (2, 8 * 3600, &["20261124", "20261125"]),
        (1, 0, &["20261124", "20261125"]),
    ] {
        let root = tempfile::tempdir().unwrap();
        for day in ["20261122", "20261123", "20261124", "20261125"] {
            put(root.path(), &format!("1/normal/{day}/1-{day}120000-x.mp3"), 1);
        }
        sweep(root.path(), &keep(days, utc_offset_s));
        let folders: Vec<String> = {
            let mut names: Vec<_> = folders(&root.path().join("1/normal")).map(|(name, _)| name).collect();
            names.sort();
            names
        };
        assert_eq!(folders, kept, "{days} days, {utc_offset_s} s east: empty folders go, too");
        assert_eq!(left(root.path()).len(), kept.len());
    }
}

#[test]
fn accounts_have_times_of_their_own_and_other_files_are_let_be() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "1/normal/20260101/1-20260101120000-a.mp3", 5000);
    put(root.path(), "2/doubleTrack/20260101/2-20260101120000-b.mp3", 5000);
    put(root.path(), "3/normal/20260101/3-20260101120000-c.mp3", 5000);
    for other in [
        "1/normal/notes.txt",
        "1/normal/2026010/1-x.mp3",
        "1/normal/20261399/1-x.mp3",
        "backup/normal/20260101/x.mp3",
    ] {
        put(root.path(), other, 5000);
    }
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "20260101/kept.mp3", 5000);
    std::os::unix::fs::symlink(outside.path(), root.path().join("1/linked")).unwrap();
    let mut keep = keep(30, 0);
    keep.accounts.insert(AccountId(2), KeepDays::default());
    keep.others.days = 10;
    sweep(root.path(), &keep);
    assert_eq!(
        left(root.path()),
        [
            "1/linked",
            "1/normal/2026010/1-x.mp3",
            "1/normal/20261399/1-x.mp3",
            "1/normal/notes.txt",
            "2/doubleTrack/20260101/2-20260101120000-b.mp3",
            "backup/normal/20260101/x.mp3",
        ]
    );
    assert_eq!(left(outside.path()), ["20260101/kept.mp3"]);
}

#[test]
fn what_is_unfinished_or_just_made_stays() {
    let root = tempfile::tempdir().unwrap();
    let day = "1/normal/20260101/1-20260101120000";
    put(root.path(), &format!("{day}-old.mp3"), 1);
    put(root.path(), &format!("{day}-made-now.mp3"), 0);
    put(root.path(), &format!("{day}-being-made.mp3.part"), 23);
    put(root.path(), &format!("{day}-left-over.mp3.part"), 25);
    sweep(root.path(), &Keep { free_bytes: 1, ..keep(1, 0) });
    assert_eq!(left(root.path()), [format!("{day}-being-made.mp3.part"), format!("{day}-made-now.mp3")]);
    // A crash between the deletions of a call's files leaves nothing that the next sweep does not find.
    put(root.path(), &format!("{day}-doubleTrack-in.mp3"), 1);
    sweep(root.path(), &keep(1, 0));
    assert_eq!(left(root.path()).len(), 2);
}

#[test]
fn the_oldest_go_first_and_no_more_than_must() {
    let root = tempfile::tempdir().unwrap();
    let names = [
        "1/normal/20261120/1-20261120090000-a.mp3",
        "2/doubleTrack/20261120/2-20261120100000-b.mp3",
        "1/normal/20261120/1-20261120110000-c.mp3",
        "1/normal/20261121/1-20261121080000-d.mp3",
        "2/normal/20261122/2-20261122080000-e.mp3",
    ];
    for (deleted, wanted) in (0..).zip([5, 4, 3, 2, 1, 0]) {
        names.iter().for_each(|name| drop(put(root.path(), name, 50)));
        let free = || Some(100 + 10 * (names.len() - left(root.path()).len()) as u64);
        let keep = Keep { free_bytes: 100 + 10 * deleted, ..Keep::default() };
        Sweep::new(root.path(), &keep, now(), &free, &|| true).run();
        let mut kept = names[names.len() - wanted..].to_vec();
        kept.sort_unstable();
        assert_eq!(left(root.path()), kept, "{deleted} must go");
    }
    assert!(!root.path().join("1/normal/20261120").exists(), "empty folders go");
}

#[test]
fn thousands_go_in_order_with_pauses_and_a_stop_is_heard() {
    let root = tempfile::tempdir().unwrap();
    let many = 2 * OLDEST_MAX + 100;
    for n in 0..many {
        put(root.path(), &format!("1/normal/20261120/1-{:014}-x.mp3", 20_261_120_000_000 + n), 50);
    }
    let gone = Cell::new(0);
    let free = || Some(many as u64 - left_count(root.path()));
    let pauses = RefCell::new(Vec::new());
    let pause = || {
        pauses.borrow_mut().push(left_count(root.path()));
        gone.set(gone.get() + BURST);
        gone.get() < many - 200
    };
    let keep = Keep { free_bytes: many as u64, ..Keep::default() };
    Sweep::new(root.path(), &keep, now(), &free, &pause).run();
    let stopped_at = left_count(root.path());
    assert_eq!(stopped_at, 200, "it was told to stop");
    let steps = pauses.borrow();
    assert!(steps.windows(2).all(|pair| pair[0] - pair[1] == BURST as u64), "a pause after each burst");
    let youngest = left(root.path());
    assert!(youngest[0].contains(&format!("1-{:014}", 20_261_120_000_000 + many - 200)), "{}", youngest[0]);
}

fn left_count(root: &Path) -> u64 {
    files(&root.join("1/normal/20261120")).count() as u64
}
