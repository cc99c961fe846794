//! The command-line tool of apilink.

mod failure;
mod interrupt;
mod output;
mod platform;
mod rows;
mod terminal;
fn main() {}
