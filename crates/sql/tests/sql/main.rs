//! Queries against a local Clio: what they answer, what they cost, and what happens on bad days.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(missing_docs)]

mod api_calls;
mod bad_days;
mod custom_fields;
mod expressions;
mod oracle;
mod profile;
mod random;
mod replies;
mod streaming;
mod two_ways;
mod world;
mod wrong;
