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

/// The names of an object's members, sorted: their order in a reply means nothing.
fn member_names(value: &serde_json::Value) -> Vec<String> {
    let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    names.sort();
    names
}
