//! The command-line tool of apilink.
fn main() {}
