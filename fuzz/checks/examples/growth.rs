//! `growth` lists the families of hostile input with their sizes; `growth NAME N` does the work of one of them once, in a
//! function that callgrind can be told to count. See fuzz/README.md.

#![allow(clippy::print_stdout, reason = "a program for the command line")]

use checks::work::FAMILIES;

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(name), Some(n)) = (words.next(), words.next()) else {
        return FAMILIES.iter().for_each(|family| println!("{}\t{}", family.n, family.name));
    };
    let family = FAMILIES.iter().find(|family| family.name == name).expect("a family of that name");
    let work = (family.prepare)(n.parse().expect("a number"));
    measured(work);
}

#[inline(never)]
fn measured(work: Box<dyn FnOnce()>) {
    std::hint::black_box(work)();
}
