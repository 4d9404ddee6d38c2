//! The `cordboard` binary.

fn main() {}
