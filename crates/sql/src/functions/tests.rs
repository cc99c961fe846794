//! The functions, as SQL calls them.

use std::collections::BTreeSet;
use std::fmt::Write;

use proptest::prelude::*;
use rusqlite::types::Value;

use apilink_core::SqlState;

use super::*;
use crate::types::SqlType;

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    connection
}

/// The value of an expression as text: `NULL`, `5`, `5.0`, `'text'`; of an error its SQLSTATE.
fn value(connection: &Connection, expression: &str) -> String {
    let sql = format!("SELECT {expression}");
    match connection.query_row(&sql, [], |row| row.get::<_, Value>(0)) {
        Ok(Value::Null) => "NULL".to_owned(),
        Ok(Value::Integer(number)) => number.to_string(),
        Ok(Value::Real(number)) => format!("{number:?}"),
        Ok(Value::Text(text)) => format!("'{text}'"),
        Ok(Value::Blob(bytes)) => format!("{bytes:?}"),
        Err(problem) => diagnostic_of(&problem).sqlstate.to_string(),
    }
}

fn check(cases: &[(&str, &str)]) {
    let connection = connection();
    let mut wrong = String::new();
    for (expression, expected) in cases {
        let value = value(&connection, expression);
        if value != *expected {
            let _ = write!(wrong, "\n{expression} is {value}, not {expected}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn functions_of_text() {
    check(&[
        ("ascii('é')", "233"),
        ("ascii('')", "0"),
        ("ascii(NULL)", "NULL"),
        ("bit_length('é')", "16"),
        ("char_length('été')", "3"),
        ("character_length('x  ')", "3"),
        ("len('x  ')", "1"),
        ("octet_length('été')", "5"),
        ("datalength(x'00ff')", "2"),
        ("lcase('ÉCOLE')", "'école'"),
        ("lower('ÀÉ')", "'àé'"),
        ("upper('straße é')", "'STRAßE É'"),
        ("left('été', 2)", "'ét'"),
        ("apilink_left('été', 9)", "'été'"),
        ("left('été', -1)", "''"),
        ("right('été', 2)", "'té'"),
        ("right('été', 0)", "''"),
        ("apilink_insert('abcdef', 2, 3, 'X')", "'aXef'"),
        ("stuff('abc', 1, 0, 'X')", "'Xabc'"),
        ("stuff('abc', 9, 2, 'X')", "'abcX'"),
        ("locate('é', 'été')", "1"),
        ("locate('é', 'été', 2)", "3"),
        ("locate('x', 'été')", "0"),
        ("locate('', 'abc')", "1"),
        ("charindex('c', 'abc')", "3"),
        ("position('b', 'abc')", "2"),
        ("repeat('ab', 3)", "'ababab'"),
        ("repeat('ab', -3)", "''"),
        ("repeat('ab', 1000000000000)", "22003"),
        ("space(3)", "'   '"),
        ("reverse('été1')", "'1été'"),
        ("lpad('7', 3, '0')", "'007'"),
        ("rpad('abc', 2)", "'ab'"),
        ("lpad('abc', 5, '')", "'abc'"),
        ("difference('Smith', 'Smythe')", "4"),
        ("difference('Smith', 'Jones')", "2"),
        ("concat('a', NULL, 'b')", "'ab'"),
        ("left(12345, 2)", "'12'"),
        ("left('abc', 'x')", "22018"),
    ]);
}

#[test]
fn functions_of_numbers() {
    check(&[
        ("ceiling(1.2)", "2.0"),
        ("ceiling(7)", "7"),
        ("floor(-1.2)", "-2.0"),
        ("round(2.5)", "3.0"),
        ("round(-2.5)", "-3.0"),
        ("round(1.005, 2)", "1.01"),
        ("round(1234.5, -2)", "1200.0"),
        ("round(1250, -2)", "1300"),
        ("round(7, 2)", "7"),
        ("round(1e300, 2)", "1e300"),
        ("round(9223372036854775807, -1)", "22003"),
        ("truncate(1.999, 2)", "1.99"),
        ("truncate(-1.999, 1)", "-1.9"),
        ("truncate(0.29, 2)", "0.29"),
        ("truncate(1299, -2)", "1200"),
        ("truncate(1299, -99)", "0"),
        ("trunc(-0.5)", "0.0"),
        ("mod(7, 3)", "1"),
        ("mod(-7, 3)", "-1"),
        ("mod(7, 0)", "NULL"),
        ("mod(-9223372036854775808, -1)", "0"),
        ("mod(7.5, 2)", "1.5"),
        ("mod(1.0, 0.1)", "0.0"),
        ("power(2, 10)", "1024.0"),
        ("sqrt(16)", "4.0"),
        ("sqrt(-1)", "NULL"),
        ("log(exp(1))", "1.0"),
        ("log10(1000)", "3.0"),
        ("ln(0)", "NULL"),
        ("round(atan2(1, 1) * 4, 6) = round(pi(), 6)", "1"),
        ("degrees(pi())", "180.0"),
        ("round(radians(180), 4)", "3.1416"),
        ("cot(0)", "NULL"),
        ("rand(7) = rand(7)", "1"),
        ("rand() BETWEEN 0 AND 1", "1"),
        ("rand() <> rand()", "1"),
        ("sign(-3.5)", "-1"),
        ("abs('x')", "22018"),
        ("sqrt('x')", "22018"),
        ("sqrt('16')", "4.0"),
        ("sqrt('inf')", "22018"),
    ]);
}

#[test]
fn functions_of_dates() {
    check(&[
        ("year('2026-06-30')", "2026"),
        ("month('2026-06-30T23:30:00-02:00')", "7"),
        ("dayofmonth('2026-06-30 10:00')", "30"),
        ("dayofweek('2026-06-28')", "1"),
        ("dayofyear('2024-12-31')", "366"),
        ("quarter('2026-06-30')", "2"),
        ("week('2026-01-01')", "1"),
        ("week('2026-01-04')", "2"),
        ("dayname('2026-06-30')", "'Tuesday'"),
        ("monthname('2026-06-30')", "'June'"),
        ("hour('2026-06-30 15:04:05.5')", "15"),
        ("hour('15:04')", "15"),
        ("second('2026-06-30')", "0"),
        ("year(NULL)", "NULL"),
        ("year('30.06.2026')", "22007"),
        ("year('')", "22007"),
        ("year(2026)", "22007"),
        ("year('2026-02-29')", "22007"),
        ("extract('iso_week', '2026-01-01')", "1"),
        ("datepart('weekday', '2026-06-28')", "1"),
        ("datepart('fortnight', '2026-06-28')", "HY024"),
        ("datename('month', '2026-06-30')", "'June'"),
        (
            "timestampadd('SQL_TSI_MONTH', 1, '2026-01-31')",
            "'2026-02-28'",
        ),
        ("dateadd('day', -1, '2026-03-01')", "'2026-02-28'"),
        (
            "dateadd('dd', 1, '2026-03-01 10:00')",
            "'2026-03-02 10:00:00'",
        ),
        ("dateadd('hour', 1, '2026-03-01')", "'2026-03-01 01:00:00'"),
        (
            "apilink_timestampadd('minute', -1, '2026-03-01')",
            "'2026-02-28 23:59:00'",
        ),
        (
            "dateadd('ms', 1, '2026-03-01 10:00:00')",
            "'2026-03-01 10:00:00.001'",
        ),
        ("dateadd('year', 9999, '2026-03-01')", "22003"),
        ("dateadd('day', 9223372036854775807, '2026-03-01')", "22003"),
        ("timestampdiff('month', '2026-01-31', '2026-03-30')", "1"),
        ("timestampdiff('month', '2026-03-30', '2026-01-31')", "-1"),
        (
            "timestampdiff('day', '2026-01-01 23:00', '2026-01-02 01:00')",
            "0",
        ),
        ("timestampdiff('year', '2024-02-29', '2025-02-28')", "0"),
        (
            "datediff('day', '2026-01-01 23:00', '2026-01-02 01:00')",
            "1",
        ),
        ("datediff('year', '2025-12-31', '2026-01-01')", "1"),
        ("datediff('week', '2026-06-27', '2026-06-28')", "1"),
        ("datediff('quarter', '2026-03-31', '2026-04-01')", "1"),
        (
            "datediff('hour', '2026-01-01 10:59', '2026-01-01 11:01')",
            "1",
        ),
        ("datediff('2026-01-05', '2026-01-01')", "4"),
        (
            "date_trunc('quarter', '2026-06-30 10:00')",
            "'2026-04-01 00:00:00'",
        ),
        ("date_trunc('week', '2026-06-28')", "'2026-06-22'"),
        (
            "datetrunc('minute', '2026-06-28 10:11:12.5')",
            "'2026-06-28 10:11:00'",
        ),
        ("last_day('2024-02-10 10:00')", "'2024-02-29'"),
        ("eomonth('2026-01-31', 1)", "'2026-02-28'"),
        ("datefromparts(2026, 6, 30)", "'2026-06-30'"),
        ("datefromparts(2026, 6, 31)", "22007"),
        ("apilink_date('2026-06-30T23:30:00-02:00')", "'2026-07-01'"),
        ("apilink_date('20260630')", "'2026-06-30'"),
        ("apilink_time('2026-06-30 10:00')", "'10:00:00'"),
        ("apilink_time('10:00:00.250')", "'10:00:00.25'"),
        ("apilink_time('24:00:00')", "22007"),
        ("apilink_timestamp('2026-06-30')", "'2026-06-30 00:00:00'"),
        (
            "apilink_timestamp('2026-06-30T10:00:00.1230Z')",
            "'2026-06-30 10:00:00.123'",
        ),
        (
            "apilink_timestamp('2026-06-30T10:00:00+0530')",
            "'2026-06-30 04:30:00'",
        ),
        ("apilink_timestamp('0001-01-01T00:00:00+01:00')", "22007"),
        ("apilink_timestamp('now')", "22007"),
        (
            "curdate() = CURRENT_DATE AND length(now()) = 19 AND length(curtime()) = 8",
            "1",
        ),
    ]);
}

#[test]
fn conversions() {
    check(&[
        (
            "apilink_cast_bigint('9007199254740993')",
            "9007199254740993",
        ),
        ("apilink_cast_bigint(-2.7)", "-2"),
        ("apilink_cast_bigint('2.7')", "2"),
        ("apilink_cast_bigint('abc')", "22018"),
        ("apilink_cast_bigint(1e19)", "22003"),
        ("apilink_cast_integer(3000000000)", "22003"),
        ("apilink_cast_integer(' 7 ')", "7"),
        ("apilink_cast_decimal('1.005', 10, 2)", "1.01"),
        ("apilink_cast_decimal(123.4, 4, 2)", "22003"),
        ("apilink_cast_decimal(99.994, 4, 2)", "99.99"),
        ("apilink_cast_decimal(99.995, 4, 2)", "22003"),
        ("apilink_cast_double('1e3')", "1000.0"),
        ("apilink_cast_boolean('TRUE')", "1"),
        ("apilink_cast_boolean(0.0)", "0"),
        ("apilink_cast_boolean('yes')", "22018"),
        ("apilink_cast_varchar('été', 2)", "'ét'"),
        ("apilink_cast_varchar(5.0, 9)", "'5.0'"),
        ("apilink_cast_varchar(NULL, 9)", "NULL"),
        ("apilink_decimal(5, 2)", "5.0"),
        ("apilink_decimal(NULL, 2)", "NULL"),
        ("apilink_decimal(0.1 + 0.2, 4) = 0.3", "1"),
        ("apilink_decimal(-0.00001, 4)", "0.0"),
        ("apilink_decimal(1.1 * 1.15, 3)", "1.265"),
    ]);
}

#[test]
fn names_of_the_connection() {
    let connection = connection();
    register_names(&connection, "Clio", "ada").unwrap();
    assert_eq!(value(&connection, "database() || db_name()"), "'ClioClio'");
    assert_eq!(value(&connection, "user() || current_user()"), "'adaada'");
}

#[test]
fn an_error_names_the_shape_of_a_value_and_not_the_value() {
    let problem = connection()
        .query_row("SELECT year('30.06.2026 Doe')", [], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap_err();
    assert_eq!(
        diagnostic_of(&problem).to_string(),
        "[22007] YEAR needs a date or a timestamp, such as '2026-06-30' or '2026-06-30 15:04:05', \
         and was given a text of the shape '99.99.9999 xxx'."
    );
}

#[test]
fn errors_of_sqlite_keep_their_text() {
    let connection = connection();
    let problem = connection.prepare("SELECT nosuch(1)").unwrap_err();
    let diagnostic = diagnostic_of(&problem);
    assert_eq!(diagnostic.sqlstate, SqlState::SYNTAX);
    assert_eq!(diagnostic.message, "SQLite says: no such function: nosuch.");
}

#[test]
fn mistakes_that_are_often_made_are_told_with_their_place() {
    let connection = connection();
    connection.execute_batch("CREATE TABLE t (a)").unwrap();
    for (sql, expected) in [
        (
            "SELECT round()",
            "Line 1, column 8: round() has too many arguments, or too few. It is written ROUND(number[, places]).",
        ),
        (
            "SELECT a\nFROM t WHERE count(*) > 1",
            "Line 2, column 14: The aggregate count() cannot stand here",
        ),
        (
            "SELECT sum(sum(a)) FROM t",
            "Line 1, column 12: The aggregate sum() cannot stand here",
        ),
        (
            "SELECT row_number() FROM t",
            "Line 1, column 8: row_number() is written with OVER (…)",
        ),
        (
            "SELECT sum(a) OVER w FROM t",
            "Line 1, column 15: There is no window w.",
        ),
        (
            "SELECT a FROM t HAVING a",
            "Line 1, column 17: HAVING needs GROUP BY",
        ),
        (
            "SELECT 1 FROM t JOIN t AS u ON round(1, 2, 3) = u.a",
            "Line 1, column 32: round() has too many arguments",
        ),
        (
            "SELECT (SELECT 1, 2) FROM t",
            "Line 1, column 8: A subquery in place of a single value has one column, and this one \
             has 2.",
        ),
    ] {
        let problem = connection.prepare(sql).unwrap_err();
        let record = diagnostic_in(sql, &problem);
        assert_eq!(record.sqlstate, SqlState::SYNTAX);
        assert!(
            record.message.starts_with(expected),
            "{sql}: {}",
            record.message
        );
    }
    // What the statement was made of is another text.
    let problem = connection.prepare("SELECT apilink_left('a')").unwrap_err();
    let message = diagnostic_in("SELECT LEFT('a')", &problem).message;
    let start = "Line 1, column 8: LEFT() has too many";
    assert!(message.starts_with(start), "{message}");
    assert!(message.ends_with("LEFT(text, count)."), "{message}");
}

#[test]
fn sums_over_windows_are_exact() {
    let connection = connection();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
               SELECT apilink_sum_decimal(i / 100.0) OVER (ORDER BY i ROWS 9 PRECEDING),
                      apilink_avg_decimal(i / 100.0) OVER (ORDER BY i ROWS 9 PRECEDING)
               FROM n";
    let mut statement = connection.prepare(sql).unwrap();
    let rows: Vec<(f64, f64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows.len(), 1000);
    for (row, (sum, average)) in rows.iter().enumerate() {
        let last = i64::try_from(row).unwrap() + 1;
        let first = (last - 9).max(1);
        let (cents, count) = ((first..=last).sum::<i64>(), last - first + 1);
        let expected: f64 = format!("{cents}e-2").parse().unwrap();
        assert_eq!(sum.to_bits(), expected.to_bits(), "row {row}");
        let millionths = (cents * 10_000 * 2 + count) / (2 * count);
        let expected: f64 = format!("{millionths}e-6").parse().unwrap();
        assert_eq!(average.to_bits(), expected.to_bits(), "row {row}");
    }
}

#[test]
fn sums_of_nothing_are_null_and_of_too_much_an_error() {
    check(&[
        ("apilink_sum_decimal(x) FROM (SELECT NULL AS x)", "NULL"),
        (
            "apilink_avg_decimal(x) FROM (SELECT 1 AS x WHERE 0)",
            "NULL",
        ),
        ("apilink_sum_decimal(1e30)", "22003"),
        ("apilink_sum_decimal('x')", "22018"),
        ("apilink_sum_decimal('1.5')", "1.5"),
        (
            "apilink_sum_decimal(9223372036854775807)",
            "9.223372036854776e18",
        ),
        (
            "apilink_avg_decimal(column1) FROM (VALUES (1.0), (2), (NULL))",
            "1.5",
        ),
    ]);
}

/// The double that is nearest to so many units of 10^-4.
fn amount(units: i128) -> f64 {
    format!("{units}e-4").parse().unwrap()
}

/// Units of 10^-4 of amounts up to a hundred billion, which have the 15 digits that a double holds.
fn units() -> impl Strategy<Value = i64> {
    prop_oneof![
        -1_000_000_000_000_000_i64..=1_000_000_000_000_000,
        -100_000_000_i64..100_000_000,
    ]
}

/// The quotient, halves away from zero.
fn rounded(number: i128, divisor: i128) -> i128 {
    let half = divisor / 2;
    if number < 0 {
        (number - half) / divisor
    } else {
        (number + half) / divisor
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Up to 15 digits, which a double holds.
    #[test]
    fn rounding_is_that_of_decimal(units in units(), scale in 0_u32..4) {
        let unit = 10_i128.pow(4 - scale);
        let expected = amount(rounded(units.into(), unit) * unit);
        let number = amount(units.into());
        prop_assert_eq!(decimal::round(number, scale.cast_signed()).to_bits(), expected.to_bits());
        prop_assert_eq!(decimal::round(number, 4).to_bits(), number.to_bits());
    }

    /// Differences of amounts are the amounts, so that `total - paid = balance`.
    #[test]
    fn differences_are_exact(left in units(), right in units()) {
        let difference = amount(left.into()) - amount(right.into());
        let expected = amount(i128::from(left) - i128::from(right));
        prop_assert_eq!(decimal::round(difference, 4).to_bits(), expected.to_bits());
    }

    #[test]
    fn products_are_exact(left in -10_000_000_i32..10_000_000, right in -10_000_i32..10_000) {
        // Cents and hundredths of hours.
        let product = (f64::from(left) / 100.0) * (f64::from(right) / 100.0);
        let expected = rounded(i128::from(left) * i128::from(right), 100);
        prop_assert_eq!(decimal::round(product, 2).to_bits(), amount(expected * 100).to_bits());
    }

    #[test]
    fn beyond_what_a_double_holds_rounding_changes_nothing(
        units in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000,
    ) {
        let number = amount(units.into());
        let once = decimal::round(number, 4);
        prop_assert_eq!(once.to_bits(), decimal::round(once, 4).to_bits());
        prop_assert!((once - number).abs() <= number.abs() * f64::EPSILON + 0.000_05);
    }

    #[test]
    fn truncation_is_that_of_decimal(units in units(), scale in 0_u32..4) {
        let unit = 10_i128.pow(4 - scale);
        let expected = amount(i128::from(units) / unit * unit);
        let truncated = decimal::truncate(amount(units.into()), scale.cast_signed());
        prop_assert_eq!(truncated.to_bits(), expected.to_bits());
    }

    #[test]
    fn any_text_is_a_moment_or_none(text in "[0-9TZ: .+-]{0,30}|\\PC*") {
        if let Some(moment) = moment::Moment::parse(&text) {
            let written = moment.to_string();
            prop_assert_eq!(moment::Moment::parse(&written), Some(moment));
        }
        if let Some(time) = moment::parse_time(&text) {
            prop_assert_eq!(moment::parse_time(&moment::time_text(time)), Some(time));
        }
    }

    /// What is added can be taken away, except where a month was shorter.
    #[test]
    fn intervals_add_up(days in -700_000_i64..700_000, count in -5000_i64..5000) {
        use interval::Interval;
        let start = moment::Moment::parse("2026-06-15 12:30:00").unwrap();
        if let Some(moment) = Interval::Day.add(days, start) {
            for unit in [Interval::Week, Interval::Day, Interval::Hour, Interval::Nanosecond] {
                let Some(sum) = unit.add(count, moment) else { continue };
                prop_assert_eq!(unit.add(-count, sum), Some(moment));
                prop_assert_eq!(unit.elapsed(moment, sum), Some(count));
            }
            if let Some(sum) = Interval::Month.add(count, moment) {
                prop_assert_eq!(Interval::Month.boundaries(moment, sum), Some(count));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn sums_are_exact(amounts in prop::collection::vec(-10_000_000_000_000_i64..10_000_000_000_000, 1..60)) {
        let connection = connection();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        for units in &amounts {
            connection.execute("INSERT INTO t VALUES (?)", [amount((*units).into())]).unwrap();
        }
        let sum: f64 = connection
            .query_row("SELECT apilink_sum_decimal(x) FROM t", [], |row| row.get(0))
            .unwrap();
        let expected = amounts.iter().map(|units| i128::from(*units)).sum();
        prop_assert_eq!(sum.to_bits(), amount(expected).to_bits());
    }
}

/// Functions that are keywords in `SQLite` and no functions there.
const WORDS: [&str; 3] = ["current_date", "current_time", "current_timestamp"];

#[test]
fn the_table_holds_every_function_and_every_function_of_it_exists() {
    let connection = connection();
    let mut statement = connection
        .prepare("SELECT DISTINCT name FROM pragma_function_list")
        .unwrap();
    let existing: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let listed: BTreeSet<String> = all().iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(listed.len(), all().len(), "a name is there twice");
    let differences: Vec<_> = existing.symmetric_difference(&listed).collect();
    assert!(differences.is_empty(), "{differences:?}");
    assert!(WORDS.iter().all(|word| listed.contains(*word)));
}

#[test]
fn result_types() {
    const DATE: SqlType = SqlType::Date;
    let varchar = |size| SqlType::Varchar { size };
    let decimal = |precision, scale| SqlType::Decimal { precision, scale };
    let (integer, bigint, double) = (SqlType::Integer, SqlType::Bigint, SqlType::Double);
    let cases: &[(&str, &[SqlType], SqlType)] = &[
        ("COUNT", &[], bigint),
        ("sum", &[integer], bigint),
        ("sum", &[SqlType::DECIMAL], decimal(38, 4)),
        ("sum", &[double], double),
        ("avg", &[integer], double),
        ("avg", &[SqlType::DECIMAL], decimal(38, 6)),
        ("max", &[DATE], DATE),
        ("max", &[integer, bigint], bigint),
        ("coalesce", &[varchar(3), varchar(8)], varchar(8)),
        ("coalesce", &[SqlType::DECIMAL, integer], decimal(19, 4)),
        ("coalesce", &[DATE, SqlType::Timestamp], SqlType::Timestamp),
        ("iif", &[SqlType::Boolean, integer, bigint], bigint),
        (
            "lag",
            &[DATE, integer, SqlType::Timestamp],
            SqlType::Timestamp,
        ),
        ("row_number", &[], bigint),
        ("date", &[varchar(5)], DATE),
        ("left", &[varchar(5), integer], varchar(5)),
        ("round", &[decimal(10, 3), integer], decimal(10, 3)),
        ("floor", &[decimal(10, 3)], decimal(10, 0)),
        ("abs", &[integer], integer),
        ("abs", &[varchar(1)], double),
        ("dateadd", &[varchar(3), integer, DATE], DATE),
        (
            "dateadd",
            &[varchar(3), integer, varchar(10)],
            SqlType::Timestamp,
        ),
        ("apilink_sum_decimal", &[SqlType::DECIMAL], decimal(38, 4)),
    ];
    for (name, arguments, expected) in cases {
        assert_eq!(result_type(name, arguments), Some(*expected), "{name}");
    }
    assert_eq!(result_type("nosuch", &[]), None);
}

#[test]
fn results_that_can_be_null() {
    let cases: &[(&str, &[bool], bool)] = &[
        ("count", &[true], false),
        ("sum", &[false], true),
        ("coalesce", &[true, false], false),
        ("coalesce", &[true, true], true),
        ("upper", &[false], false),
        ("upper", &[true], true),
        ("max", &[false], true),
        ("max", &[false, false], false),
        ("iif", &[true, false, false], false),
        ("iif", &[false, false], true),
        ("nosuch", &[], true),
    ];
    for (name, arguments, expected) in cases {
        assert_eq!(result_nullable(name, arguments), *expected, "{name}");
    }
}

/// What never is NULL is not, of what is not NULL. The arguments suit most functions.
#[test]
fn what_is_said_never_to_be_null_is_not() {
    let connection = connection();
    let arguments = [
        "1",
        "'1'",
        "'2026-06-30'",
        "'10:00'",
        "'{\"a\":1}'",
        "'year'",
        "x'00'",
    ];
    let mut statement = connection
        .prepare(
            "SELECT name, narg FROM pragma_function_list WHERE type = 's' AND narg BETWEEN 0 AND 2",
        )
        .unwrap();
    let functions: Vec<(String, usize)> = statement
        .query_map([], |row| {
            Ok((row.get(0)?, usize::from(row.get::<_, u8>(1)?)))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut called = 0;
    for (name, count) in functions {
        if result_nullable(&name, &vec![false; count]) || name.starts_with("->") {
            continue;
        }
        for first in arguments {
            for second in arguments {
                let given = [first, second].get(..count).unwrap().join(", ");
                let value = value(&connection, &format!("\"{name}\"({given})"));
                assert_ne!(value, "NULL", "{name}({given})");
                called += usize::from(value.len() != 5);
            }
        }
    }
    assert!(called > 1000, "{called}");
}

#[test]
fn registering_is_cheap() {
    let connection = Connection::open_in_memory().unwrap();
    let started = std::time::Instant::now();
    register(&connection).unwrap();
    let elapsed = started.elapsed();
    println!("register: {elapsed:?}");
    assert!(elapsed.as_millis() < 20, "{elapsed:?}");
}

#[test]
fn the_page_of_functions_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sql-functions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    assert!(
        page == reference(),
        "docs/sql-functions.md is out of date. Run: UPDATE_DOCS=1 cargo test -p apilink-sql \
         the_page_of_functions"
    );
}
