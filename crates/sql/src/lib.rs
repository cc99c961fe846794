//! SQL over the tables of a service, with the fewest requests.
//!
//! [`Database`] is the way in: [`Database::prepare`] gives a [`Statement`] whose columns and
//! parameters have types, and [`Statement::query`] gives its rows.
//! On the way from text to rows: `dialect` turns the habits of ODBC tools into what `SQLite`
//! understands, `typing` finds the types and keeps money exact, and `SQLite` plans and runs the
//! query over virtual tables, which ask the service for no more than is needed.

pub mod catalog;
mod custom_fields;
mod database;
pub mod dialect;
mod engine;
pub mod functions;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod position;
pub mod progress;
mod rewrite;
pub mod system;
pub mod types;
pub mod typing;
pub mod value;

pub use database::{Database, Parameter, ResultColumn, Rows, Statement, UNREAD};
pub use value::{Value, ValueRef};
