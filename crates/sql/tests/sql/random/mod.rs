//! Queries made by chance, compared with the same SQL over plain tables.
//!
//! `RANDOM_SEED` and `RANDOM_QUERIES` change the seed and the number, `RANDOM_MATTERS` the size of the
//! firm, `RANDOM_REDACTED` every how many matters are hidden, `RANDOM_PROPERTIES` how it is connected.
//! With `RANDOM_SHOW` each query is shown with the time that it took.

mod maker;
pub mod model;
mod spelling;
mod terms;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use apilink_core::cancel::CancellationToken;
use apilink_core::{Result, SqlState};
use apilink_sql::types::SqlType;
use apilink_sql::{Database, ResultColumn, Value};
use clio_sandbox::{Fault, FaultKind, Options};

use crate::world::{Answer, World, ask};
use maker::{Compared, Maker, Query};
use model::Model;

fn variable<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What the queries of a run are asked of.
struct Run {
    world: World,
    database: Database,
    model: Model,
    seed: u64,
    wrong: Vec<String>,
    with_rows: u64,
    refused: u64,
}

impl Run {
    fn start(options: Options, properties: &str) -> Self {
        let world = World::start(options);
        Self {
            database: world.connect(properties),
            model: Model::of(&world.sandbox),
            world,
            seed: variable("RANDOM_SEED").unwrap_or(1),
            wrong: Vec::new(),
            with_rows: 0,
            refused: 0,
        }
    }

    fn query(&self, nth: u64) -> Query {
        let seed = self.seed.wrapping_mul(1_000_003).wrapping_add(nth);
        Maker::new(seed, &self.model).query()
    }

    fn check(&mut self, query: &Query) {
        let theirs = spelling::theirs(&query.text);
        let Ok(expected) = self.model.oracle.query(&theirs, &[]) else {
            self.refused += 1;
            return;
        };
        self.with_rows += u64::from(!expected.is_empty());
        self.world.sandbox.reset();
        let sql = spelling::ours(&query.text);
        let answer = ask(&self.database, &sql, &[]);
        if matches!(&answer, Err(error) if error.to_string().contains("NotInSandbox")) {
            self.refused += 1;
            return;
        }
        for request in self.world.sandbox.counters().unknown_requests {
            self.wrong
                .push(format!("{sql}\n    the API has no such request: {request}"));
        }
        self.compare(query, &sql, answer, &expected);
        self.explain(&sql);
        let (sql, values) = spelling::with_parameters(&query.text);
        if !values.is_empty() {
            let answer = ask(&self.database, &sql, &values);
            let shown = format!("{sql}\n    with {values:?}");
            self.compare(query, &shown, answer, &expected);
        }
    }

    fn compare(
        &mut self,
        query: &Query,
        sql: &str,
        answer: Result<Answer>,
        expected: &[Vec<Value>],
    ) {
        let fault = match answer {
            Err(error) => Some(error.to_string()),
            Ok(answer) => {
                let difference = difference(query.compared, &answer.rows, expected);
                difference.or_else(|| ill_typed(&answer))
            }
        };
        if let Some(fault) = fault {
            let theirs = spelling::theirs(&query.text);
            self.wrong
                .push(format!("{sql}\n    ({theirs})\n    {fault}"));
        }
    }

    fn explain(&mut self, sql: &str) {
        let fault = match ask(&self.database, &format!("EXPLAIN {sql}"), &[]) {
            Err(error) => error.to_string(),
            Ok(explained) if explained.costs.calls > 0 => "makes a request".to_owned(),
            Ok(_) => return,
        };
        self.wrong.push(format!("EXPLAIN {sql}\n    {fault}"));
    }

    fn end(self, count: u64) {
        let Self {
            wrong,
            with_rows,
            refused,
            ..
        } = self;
        assert!(
            wrong.is_empty(),
            "{} of {count}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert!(
            refused * 20 < count,
            "{refused} of {count} cannot be compared"
        );
        assert!(with_rows > count / 2, "{with_rows} of {count} have rows");
    }
}

fn ask_by_chance(count: u64, redact_every: u32, properties: &str) {
    let count = variable("RANDOM_QUERIES").unwrap_or(count);
    let options = Options {
        matters: variable("RANDOM_MATTERS").unwrap_or(40),
        redact_every: variable("RANDOM_REDACTED").unwrap_or(redact_every),
        ..Options::default()
    };
    let properties: String = variable("RANDOM_PROPERTIES").unwrap_or_else(|| properties.to_owned());
    let shows = std::env::var_os("RANDOM_SHOW").is_some();
    let mut run = Run::start(options, &properties);
    for nth in 0..count {
        let query = run.query(nth);
        let begun = Instant::now();
        run.check(&query);
        if shows {
            let sql = spelling::ours(&query.text);
            eprintln!("{nth} {:?} {sql}", begun.elapsed());
        }
    }
    run.end(count);
}

#[test]
fn queries_made_by_chance_answer_right() {
    ask_by_chance(300, 0, "");
}

#[test]
fn queries_over_small_pages_and_hidden_records_answer_right() {
    ask_by_chance(150, 3, "Pagesize=7");
}

/// Something that goes wrong with one of the next requests, or two.
fn fault(maker: &mut Maker) -> Fault {
    let kind = maker.pick(&[
        FaultKind::Drop,
        FaultKind::Status,
        FaultKind::Garbage,
        FaultKind::Drip,
        FaultKind::Latency,
    ]);
    let body = [
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        r#"{"data":null}"#,
        r#"{"data":[],"meta":{"records":5000,"paging":{}}}"#,
        r#"{"data":[{"id":1}],"meta":{"paging":{"next":5}}}"#,
        r#"{"data":[{}]}"#,
        r#"{"data":[null]}"#,
        r#"{"data":[{"id":"#,
        r#"{"data":{"id":1}}"#,
        r#"{"error":{"type":"RateLimited","message":"no"}}"#,
    ];
    let is_cut = maker.chance(70);
    Fault {
        skip: u32::try_from(maker.below(4)).unwrap(),
        times: u32::try_from(maker.below(2) + 1).unwrap(),
        milliseconds: Some(3),
        status: Some(maker.pick(&[400, 422, 429, 500, 502, 503])),
        retry_after: Some("0".to_owned()),
        bytes: is_cut.then(|| maker.below(3000) as u64),
        body: (kind == FaultKind::Garbage).then(|| maker.pick(&body).to_owned()),
        ..Fault::new("/api/v4/*", kind)
    }
}

#[test]
fn answers_on_bad_days_are_right_or_errors() {
    let options = Options {
        matters: 40,
        ..Options::default()
    };
    let mut run = Run::start(options, "Pagesize=20;Timeout=5");
    let count = variable("RANDOM_FAULTS").unwrap_or(60);
    let mut errors = 0;
    for nth in 0..count {
        let query = run.query(nth);
        let theirs = spelling::theirs(&query.text);
        let Ok(expected) = run.model.oracle.query(&theirs, &[]) else {
            continue;
        };
        let fault = fault(&mut Maker::new(nth ^ 0x5eed, &run.model));
        run.world.sandbox.fault(fault.clone());
        let sql = spelling::ours(&query.text);
        let begun = Instant::now();
        match ask(&run.database, &sql, &[]) {
            Err(_) => errors += 1,
            answer => run.compare(&query, &format!("{sql}\n    {fault:?}"), answer, &expected),
        }
        if begun.elapsed() > Duration::from_secs(20) {
            run.wrong.push(format!(
                "{sql}\n    {fault:?}\n    takes {:?}",
                begun.elapsed()
            ));
        }
        run.world.sandbox.clear_faults();
    }
    assert!(run.wrong.is_empty(), "{}", run.wrong.join("\n"));
    assert!(errors > 0 && errors < count * 3 / 4, "{errors} errors");
}

/// Asks with a token that is cancelled after a while, if that is given.
fn ask_until(database: &Database, sql: &str, end: Option<Duration>) -> Result<Vec<Vec<Value>>> {
    let cancel = CancellationToken::new();
    let canceller = end.map(|end| {
        let cancel = cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(end);
            cancel.cancel();
        })
    });
    let ask = || {
        let mut statement = database.prepare(sql, &cancel)?;
        let mut result = statement.query(&[], &cancel)?;
        let mut rows = Vec::new();
        while let Some(row) = result.next_row()? {
            rows.push(row);
        }
        Ok(rows)
    };
    let rows = ask();
    if let Some(canceller) = canceller {
        canceller.join().unwrap();
    }
    rows
}

/// The library's threads that fetch pages.
fn fetching_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim() == "apilink-page").count()
}

#[test]
fn statements_side_by_side_are_right_or_cancelled_and_leave_nothing() {
    const THREADS: u64 = 6;
    let options = Options {
        matters: 40,
        ..Options::default()
    };
    let run = Run::start(options, "Pagesize=15");
    run.world.sandbox.fault(Fault {
        times: 0,
        milliseconds: Some(2),
        ..Fault::new("/api/v4/*", FaultKind::Latency)
    });
    let queries: Vec<_> = (0..variable("RANDOM_SIDE_BY_SIDE").unwrap_or(120))
        .filter_map(|nth| {
            let query = run.query(nth);
            let expected = run
                .model
                .oracle
                .query(&spelling::theirs(&query.text), &[])
                .ok()?;
            let mut maker = Maker::new(nth ^ 0xca11, &run.model);
            let end = maker
                .chance(50)
                .then(|| Duration::from_millis(maker.below(60) as u64));
            Some((spelling::ours(&query.text), query.compared, expected, end))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let cancelled = AtomicUsize::new(0);
    let database = &run.database;
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((sql, compared, expected, end)) =
                    queries.get(next.fetch_add(1, Relaxed))
                {
                    let begun = Instant::now();
                    match ask_until(database, sql, *end) {
                        Ok(rows) => {
                            assert_eq!(difference(*compared, &rows, expected), None, "{sql}");
                        }
                        Err(error) if error.to_string().contains("NotInSandbox") => {}
                        Err(error) => {
                            assert!(
                                end.is_some() && error.sqlstate == SqlState::CANCELLED,
                                "{sql}: {error}"
                            );
                            cancelled.fetch_add(1, Relaxed);
                            assert!(
                                begun.elapsed() < Duration::from_secs(5),
                                "{sql}: {:?}",
                                begun.elapsed()
                            );
                        }
                    }
                }
            });
        }
    });
    assert!(
        cancelled.load(Relaxed) > queries.len() / 10,
        "{cancelled:?} of {}",
        queries.len()
    );
    let begun = Instant::now();
    while fetching_threads() > 0 {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{} threads are left",
            fetching_threads()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let (sql, compared, expected, _) = &queries[0];
    let rows = ask(database, sql, &[]).unwrap().rows;
    assert_eq!(difference(*compared, &rows, expected), None, "{sql}");
}

/// What is different, if anything is.
fn difference(compared: Compared, found: &[Vec<Value>], expected: &[Vec<Value>]) -> Option<String> {
    let (mut found, mut expected) = (shown(found), shown(expected));
    let (too_many, missing) = match compared {
        Compared::InOrder if found == expected => return None,
        Compared::InOrder | Compared::Rows => {
            found.sort_unstable();
            expected.sort_unstable();
            if found == expected && compared == Compared::Rows {
                return None;
            }
            (surplus(&found, &expected), surplus(&expected, &found))
        }
        Compared::Some { limit, offset } => {
            let too_many = surplus(&found, &expected);
            let count = expected.len().saturating_sub(offset).min(limit);
            if found.len() == count && too_many.is_empty() {
                return None;
            }
            expected.truncate(count);
            (too_many, Vec::new())
        }
    };
    Some(format!(
        "{} rows, not {}; missing {:?}, too many {:?}",
        found.len(),
        expected.len(),
        missing.first(),
        too_many.first()
    ))
}

/// The rows that there are more often in one than in the other.
fn surplus(of: &[String], than: &[String]) -> Vec<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for row in than {
        *counts.entry(row).or_default() += 1;
    }
    let is_surplus = |row: &&String| match counts.get_mut(row.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    of.iter().filter(is_surplus).cloned().collect()
}

fn shown(rows: &[Vec<Value>]) -> Vec<String> {
    // Amounts are rounded by the library, and not by plain tables.
    let number = |number: f64| format!("{:.3}", (number * 1e3 + 1e-5).round() / 1e3 + 0.0);
    let show = |value: &Value| match value {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        Value::Integer(whole) => number(*whole as f64),
        Value::Real(real) => number(*real),
        other => format!("{other:?}"),
    };
    rows.iter()
        .map(|row| row.iter().map(show).collect::<Vec<_>>().join(" | "))
        .collect()
}

/// A value that is not what its column says it is.
fn ill_typed(answer: &Answer) -> Option<String> {
    answer.rows.iter().find_map(|row| {
        let cells = answer.columns.iter().zip(row);
        cells
            .filter(|(column, value)| !is_typed(column, value))
            .map(|(column, value)| format!("{value:?} in {column:?}"))
            .next()
    })
}

fn is_typed(column: &ResultColumn, value: &Value) -> bool {
    match (column.sql_type, value) {
        (_, Value::Null) => column.nullable,
        (SqlType::Bigint, Value::Integer(_))
        | (SqlType::Double, Value::Real(_))
        | (SqlType::Varchar { .. }, Value::Text(_))
        | (SqlType::Varbinary, Value::Bytes(_)) => true,
        (SqlType::Integer, Value::Integer(number)) => i32::try_from(*number).is_ok(),
        (SqlType::Boolean, Value::Integer(number)) => matches!(number, 0 | 1),
        (SqlType::Decimal { scale, .. }, Value::Real(number)) => {
            let unit = 10_f64.powi(i32::try_from(scale).unwrap());
            let units = number * unit;
            (units - units.round()).abs() <= units.abs() * 1e-14 + 1e-6
        }
        (SqlType::Date, Value::Text(text)) => has_form(text, "dddd-dd-dd"),
        (SqlType::Time, Value::Text(text)) => has_form(text, "dd:dd:dd"),
        (SqlType::Timestamp, Value::Text(text)) => has_form(text, "dddd-dd-dd dd:dd:dd"),
        _ => false,
    }
}

fn has_form(text: &str, form: &str) -> bool {
    let same = |(letter, form): (char, char)| match form {
        'd' => letter.is_ascii_digit(),
        other => letter == other,
    };
    text.len() >= form.len() && text.chars().zip(form.chars()).all(same)
}
