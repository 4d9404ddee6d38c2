//! Four times as much hostile input takes at most five times as much from the allocator. Counted, not timed, and so the
//! same on every machine. What it costs in instructions is counted by `fuzz/growth`.

#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use checks::work::{FAMILIES, Family};

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator; counts the bytes that each thread takes.
struct Counting;

// SAFETY: everything is left to the system's allocator; the count is a number of the thread's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size()));
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What does not grow: an endpoint's first answer, a table's first node.
const BASE_BYTES: usize = 4_096;

fn taken(family: &Family, n: usize) -> usize {
    let work = (family.prepare)(n);
    let before = BYTES.get();
    work();
    BYTES.get() - before
}

#[test]
fn four_times_as_much_takes_at_most_five_times_the_memory() {
    let mut faults = Vec::new();
    for family in FAMILIES {
        let (few, many) = (taken(family, family.n), taken(family, 4 * family.n));
        if many > 5 * (few + BASE_BYTES) {
            faults.push(format!("{}: {few} bytes, then {many}", family.name));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// One datagram, however it is made, takes no more than so many times its own length while it is answered.
#[test]
fn one_datagram_takes_little() {
    const TIMES_MAX: usize = 24;
    for family in FAMILIES.iter().filter(|family| family.name.starts_with("message:")) {
        let bytes = taken(family, 4 * family.n);
        assert!(bytes < TIMES_MAX * 65_535, "{}: {bytes} bytes", family.name);
    }
}
