//! The sandbox from outside, as a client meets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod client;
mod documents;
mod facts;
mod faults;
mod lists;
mod oauth;
mod programs;
mod records;
mod rules;
