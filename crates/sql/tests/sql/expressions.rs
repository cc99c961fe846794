//! What expressions without tables give, on the whole way of a statement.

use apilink_core::SqlState;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::world::{self, World};

/// The value of an expression as it is shown, or the SQLSTATE of the error.
fn shown(world: &World, expression: &str) -> String {
    match world.ask(&format!("SELECT {expression}"), &[]) {
        Ok(answer) => match answer.rows[..] {
            [ref row] => match (&row[..], &answer.columns[..]) {
                ([Value::Null], _) => "NULL".to_owned(),
                ([value], [column]) => value.display(column.sql_type).to_string(),
                _ => panic!("{expression}: {row:?}"),
            },
            _ => panic!("{expression}: {:?}", answer.rows),
        },
        Err(error) => error.sqlstate.to_string(),
    }
}

fn check(cases: &[(&str, &str)]) {
    let world = World::start(Options {
        matters: 1,
        ..Options::default()
    });
    let wrong: Vec<String> = cases
        .iter()
        .map(|(expression, expected)| (expression, shown(&world, expression), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(expression, found, expected)| format!("{expression} is {found}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_stay_bytes() {
    check(&[
        ("x'4a'", "4a"),
        ("x'ff'", "ff"),
        ("X'00FF'", "00ff"),
        ("x'ff' || 'a'", "ff61"),
        ("CAST(x'4a' AS VARCHAR)", "J"),
        ("CAST(x'4a4b' AS VARCHAR(1))", "J"),
        ("CAST('J' AS VARBINARY)", "4a"),
        ("CAST(x'41' AS BIGINT)", "22018"),
        ("HEX(x'4a')", "4A"),
        ("COALESCE(x'4a', x'4b')", "4a"),
        ("x'4a' = x'4A'", "true"),
        (
            "(SELECT MAX(b) FROM (SELECT x'01' AS b UNION ALL SELECT x'fe'))",
            "fe",
        ),
    ]);
}

#[test]
fn whole_numbers_that_leave_64_bits_are_an_error() {
    check(&[
        ("9223372036854775807 + 0", "9223372036854775807"),
        ("9223372036854775807 + 1", "22003"),
        ("1 + 9223372036854775807", "22003"),
        ("-9223372036854775807 - 2", "22003"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("-(-9223372036854775807 - 1)", "22003"),
        ("-9223372036854775807 - 1", "-9223372036854775808"),
        ("9223372036854775807 * 2", "22003"),
        ("2147483647 * 2147483647 * 2", "9223372028264841218"),
        ("2147483647 * 2147483647 * 3", "22003"),
        ("(-9223372036854775807 - 1) / -1", "22003"),
        ("(-9223372036854775807 - 1) % -1", "0"),
        ("9223372036854775807 / 2", "4611686018427387903"),
        ("ABS(-9223372036854775807)", "9223372036854775807"),
        ("ABS(-9223372036854775807 - 1)", "22003"),
        (
            "(SELECT SUM(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1))",
            "22003",
        ),
        (
            "(SELECT SUM(x) OVER () FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1))",
            "22003",
        ),
        (
            "(SELECT MAX(x) + 1 FROM (SELECT 9223372036854775807 AS x))",
            "22003",
        ),
        ("9223372036854775807 + NULL", "NULL"),
    ]);
}

#[test]
fn numbers_without_end_are_an_error() {
    check(&[
        ("1e308 * 10", "22003"),
        ("-1e308 * 10", "22003"),
        ("1e308 + 1e308", "22003"),
        ("1e308 / 1e-10", "22003"),
        ("1e308 / 0", "NULL"),
        ("1e999", "22003"),
        ("CAST('1e999' AS DOUBLE)", "22003"),
        ("1e308 * 1", "1e308"),
        (
            "(SELECT SUM(x) FROM (SELECT 1e308 AS x UNION ALL SELECT 1e308))",
            "22003",
        ),
        (
            "(SELECT TOTAL(x) FROM (SELECT 1e308 AS x UNION ALL SELECT 1e308))",
            "22003",
        ),
    ]);
}

#[test]
fn functions_of_numbers_refuse_texts_that_are_none() {
    check(&[
        ("ABS('x')", "22018"),
        ("ABS('')", "22018"),
        ("ABS('-5')", "5"),
        ("ABS(-5)", "5"),
        ("ABS(-5.5)", "5.5"),
        ("ABS(CAST('-2.5' AS DECIMAL))", "2.5"),
        ("ABS(-1e3)", "1000"),
        ("ABS(NULL)", "NULL"),
        ("SIGN('x')", "22018"),
        ("SIGN('-7')", "-1"),
        ("SIGN(0)", "0"),
        ("SIGN(-0.5)", "-1"),
        ("SIGN(12)", "1"),
        ("SIGN(NULL)", "NULL"),
    ]);
}

#[test]
fn parts_of_texts() {
    check(&[
        ("SUBSTRING('abcdef', 2, -1)", ""),
        ("SUBSTR('abcdef', 2, -1)", ""),
        ("SUBSTRING('abcdef', 2, 3)", "bcd"),
        ("SUBSTRING('abcdef', 2)", "bcdef"),
        ("SUBSTRING('abcdef' FROM 2 FOR 0)", ""),
        ("SUBSTRING('abcdef', -2)", "ef"),
        ("SUBSTRING('abcdef', -3, 2)", "de"),
        ("SUBSTRING('abcdef', -8, 4)", "ab"),
        ("SUBSTRING('abcdef', 0, 3)", "ab"),
        ("SUBSTRING('été', 2, 9)", "té"),
        ("SUBSTRING('été', 9, 2)", ""),
        ("SUBSTRING('abc', 1, 9223372036854775807)", "abc"),
        ("SUBSTRING(12345, 2, 2)", "23"),
        ("SUBSTRING(x'010203', 2, 1)", "02"),
        ("SUBSTRING(NULL, 1)", "NULL"),
        ("SUBSTRING('abc', NULL)", "NULL"),
    ]);
}

#[test]
fn functions_of_odbc() {
    check(&[
        ("{fn LENGTH('abc  ')}", "3"),
        ("{fn length(' abc')}", "4"),
        ("{fn UCASE('x')} || {fn LENGTH('ab ')}", "X2"),
        ("LENGTH('abc  ')", "5"),
        ("{fn CHAR_LENGTH('abc  ')}", "5"),
        ("{fn CHAR(65)}", "A"),
        ("CHAR(72, 228, 128512)", "H\u{e4}\u{1f600}"),
        ("{fn CHAR(NULL)}", "NULL"),
        ("CHAR(55296)", "22003"),
        ("CHAR(1114112)", "22003"),
        ("CHAR(-1)", "22003"),
        ("{fn SOUNDEX(NULL)}", "NULL"),
        ("SOUNDEX('Ashcraft')", "A261"),
        ("SOUNDEX('Ashcroft')", "A261"),
        ("SOUNDEX('Robert')", "R163"),
        ("SOUNDEX('Rupert')", "R163"),
        ("SOUNDEX('Tymczak')", "T522"),
        ("SOUNDEX('Pfister')", "P236"),
        ("SOUNDEX('Honeyman')", "H555"),
        ("SOUNDEX('Émile')", "E540"),
        ("SOUNDEX('Müller')", "M460"),
        ("SOUNDEX('Łukasz')", "L220"),
        ("SOUNDEX('123')", "?000"),
        ("{fn DIFFERENCE('Ashcraft', 'Ashcroft')}", "4"),
    ]);
}

#[test]
fn a_time_is_one_of_today() {
    check(&[
        (
            "{fn TIMESTAMPADD(SQL_TSI_HOUR, 1, {t '10:00:00'})}
             = CAST(CURRENT_DATE || ' 11:00:00' AS TIMESTAMP)",
            "true",
        ),
        (
            "{fn TIMESTAMPADD(SQL_TSI_DAY, 1, {t '10:00:00'})}
             = CAST((CURRENT_DATE + 1) || ' 10:00:00' AS TIMESTAMP)",
            "true",
        ),
        (
            "{fn TIMESTAMPADD(SQL_TSI_HOUR, 1, '10:00:00')}
             = CAST(CURRENT_DATE || ' 11:00:00' AS TIMESTAMP)",
            "true",
        ),
        (
            "DATEADD(minute, 90, {t '22:30:00'}) = CURRENT_DATE + 1",
            "true",
        ),
        (
            "{fn TIMESTAMPDIFF(SQL_TSI_MINUTE, {t '10:00:00'}, {t '11:30:00'})}",
            "90",
        ),
        ("DATEDIFF(hour, {t '10:59:00'}, {t '11:00:00'})", "1"),
        ("{fn TIMESTAMPADD(SQL_TSI_HOUR, 1, 'ten')}", "22007"),
        (
            "{fn TIMESTAMPADD(SQL_TSI_HOUR, 1, {d '2026-06-30'})}",
            "2026-06-30 01:00:00",
        ),
    ]);
}

#[test]
fn the_connection_has_names() {
    check(&[
        ("DATABASE()", "apilink"),
        ("{fn DATABASE()}", "apilink"),
        ("DB_NAME()", "apilink"),
        (
            "DATABASE() = (SELECT CatalogName FROM sys_catalogs)",
            "true",
        ),
        // What the service's user is called takes a request.
        ("{fn USER()}", ""),
        ("CURRENT_USER", ""),
    ]);
}

fn firm() -> World {
    World::start(Options {
        matters: 1,
        ..Options::default()
    })
}

/// Lets a list answer with these records, time and again.
fn records_become(world: &World, path: &str, records: &str) {
    world.sandbox.fault(Fault {
        body: Some(format!(
            r#"{{"data":[{records}],"meta":{{"paging":{{}},"records":1}}}}"#
        )),
        times: 0,
        ..Fault::new(path, FaultKind::Garbage)
    });
}

#[test]
fn a_decimal_is_rounded_when_it_is_read() {
    let world = firm();
    records_become(
        &world,
        "/api/v4/activities.json",
        r#"{"id":1,"price":12.34565,"quantity_in_hours":0.333333333333,"total":"0.00004"}"#,
    );
    let sql = "SELECT price, price * 1, price || '', price = ROUND(price, 4), price = 12.3457,
                      quantity_in_hours * 3, total FROM activities";
    let answer = world.ask(sql, &[]).unwrap();
    let shown: Vec<String> = answer.rows[0]
        .iter()
        .zip(&answer.columns)
        .map(|(value, column)| value.display(column.sql_type).to_string())
        .collect();
    let expected = [
        "12.3457", "12.3457", "12.3457", "true", "true", "0.9999", "0",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_number_of_more_digits_than_a_decimal_has_does_not_fit() {
    let world = firm();
    records_become(
        &world,
        "/api/v4/activities.json",
        r#"{"id":1,"price":999999999999999,"quantity":1e15,"total":9007199254740993}"#,
    );
    let answer = world.ask("SELECT price FROM activities", &[]).unwrap();
    assert_eq!(answer.rows, [[Value::Real(999_999_999_999_999.0)]]);
    for column in ["quantity", "total"] {
        let sql = format!("SELECT {column} FROM activities");
        let error = world.ask(&sql, &[]).unwrap_err();
        assert_eq!(error.sqlstate, SqlState::INVALID_CAST, "{error}");
        assert!(error.to_string().contains("DECIMAL(19,4)"), "{error}");
        let lenient = world.connect("InvalidValues=NULL");
        let answer = world::ask(&lenient, &sql, &[]).unwrap();
        assert_eq!(answer.rows, [[Value::Null]]);
    }
}

#[test]
fn a_rounded_custom_field_is_found_by_what_it_shows() {
    let world = firm();
    let sql = "SELECT id FROM custom_fields WHERE name = 'Witnesses'";
    let definition = match world.ask(sql, &[]).unwrap().rows[..] {
        [ref row] => match row[..] {
            [Value::Integer(id)] => id,
            _ => panic!("{row:?}"),
        },
        ref rows => panic!("{rows:?}"),
    };
    let record = format!(
        r#"{{"id":1,"custom_field_values":[{{"id":"numeric-1","value":"12.34565",
            "custom_field":{{"id":{definition}}}}}]}}"#
    );
    for (condition, passed) in [
        ("= 12.3457", Some(">=12.3456")),
        (">= 12.3457", Some(">=12.3456")),
        ("> 12.3456", Some(">=12.3455")),
        ("<= 12.3457", Some("<=12.3458")),
        ("< 12.3458", Some("<=12.3459")),
        ("IN (12.3457, 1)", None),
    ] {
        world.sandbox.reset();
        records_become(&world, "/api/v4/matters.json", &record);
        let sql = format!("SELECT \"Witnesses\" FROM matters WHERE \"Witnesses\" {condition}");
        let answer = world.ask(&sql, &[]).unwrap();
        assert_eq!(answer.rows, [[Value::Real(12.3457)]], "{condition}");
        let requests = world.requests().join("\n");
        let parameter = format!("custom_field_values[{definition}]=");
        match passed {
            Some(value) => assert!(
                requests.contains(&format!("{parameter}{value}")),
                "{requests}"
            ),
            None => assert!(!requests.contains(&parameter), "{requests}"),
        }
    }
}

#[test]
fn messages_name_the_place_and_read_as_sentences() {
    let world = firm();
    for (sql, message) in [
        (
            "SELECT LEFT('abc')",
            "Line 1, column 8: LEFT() has too many arguments, or too few. It is written LEFT(text, \
             count).",
        ),
        (
            "SELECT 1, {fn LEFT('abc')} FROM matters a LEFT JOIN matters b ON b.id = a.id",
            "Line 1, column 15: LEFT() has too many arguments, or too few. It is written LEFT(text, \
             count).",
        ),
        (
            "SELECT INSERT('a', 1, 2)",
            "Line 1, column 8: INSERT() has too many arguments, or too few. It is written \
             INSERT(text, start, length, new).",
        ),
        (
            "SELECT CAST(1e30 AS BIGINT)",
            "The result of a conversion to BIGINT is out of range.",
        ),
        (
            "SELECT CAST('x' AS BIGINT)",
            "A conversion to BIGINT needs a number and was given a text of the shape 'x'.",
        ),
        (
            "MERGE INTO matters USING contacts ON 1 = 1",
            "MERGE is not available yet: writing comes in a later version. Reading with SELECT works.",
        ),
        (
            "REPLACE INTO matters VALUES (1)",
            "REPLACE is not available yet: writing comes in a later version. Reading with SELECT works.",
        ),
    ] {
        let error = world.ask(sql, &[]).unwrap_err();
        assert_eq!(error.message, message, "{sql}");
    }
}
