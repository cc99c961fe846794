//! How long preparing takes: `prepare QUERIES TIMES`, for benches/sql.py.
//!
//! QUERIES is the table of queries of the test `api_calls`. The connection string comes from
//! `APILINK_CONNECTION`. For each query, a line with the median in microseconds and the name.

use std::sync::Arc;
use std::time::Instant;

use apilink_core::cancel::CancellationToken;
use apilink_core::session::{ConnectOptions, Session};
use apilink_core::settings::Settings;
use apilink_sql::Database;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(times)) = (arguments.next(), arguments.next()) else {
        return Err("usage: prepare QUERIES TIMES".into());
    };
    let times = times.parse()?;
    let database = connect()?;
    for (name, sql) in queries(&std::fs::read_to_string(path)?) {
        let mut micros = (0..times)
            .map(|_| micros_to_prepare(&database, &sql))
            .collect::<Result<Vec<f64>, Failure>>()?;
        micros.sort_unstable_by(f64::total_cmp);
        let median = micros.get(micros.len() / 2).ok_or("TIMES is 0")?;
        println!("{median:.1}\t{name}");
    }
    Ok(())
}

fn connect() -> Result<Database, Failure> {
    let (settings, _) = Settings::parse(&std::env::var("APILINK_CONNECTION")?)?;
    let cancel = CancellationToken::new();
    let options = ConnectOptions::default();
    let session = Session::connect(settings, options, &cancel, &mut Vec::new())?;
    let database = Database::new(Arc::new(session))?;
    // The account's own fields are asked for once, and not here.
    database.full_catalog(&cancel)?;
    Ok(database)
}

fn micros_to_prepare(database: &Database, sql: &str) -> Result<f64, Failure> {
    let cancel = CancellationToken::new();
    let begun = Instant::now();
    let statement = database
        .prepare(sql, &cancel)
        .map_err(|error| format!("{error}: {sql}"))?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(statement);
    Ok(seconds * 1e6)
}

/// Names and texts. What the test fills in from the data is a 1 here, or a moment.
fn queries(text: &str) -> Vec<(String, String)> {
    let sections = text.split("\n## ").skip(1);
    sections
        .filter_map(|section| {
            let (name, rest) = section.split_once('\n')?;
            let (_, block) = rest.split_once("```sql\n")?;
            let (sql, _) = block.split_once("\n```")?;
            Some((name.to_owned(), filled(sql)))
        })
        .collect()
}

fn filled(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (from_data, after) = after.split_once("}}").unwrap_or((after, ""));
        let is_moment = from_data.starts_with("SELECT created_at");
        out.push_str(if is_moment {
            "2026-06-30 15:04:05"
        } else {
            "1"
        });
        rest = after;
    }
    out.push_str(rest);
    out
}
