//! What expressions without tables give, on the whole way of a statement.

use apilink_sql::Value;
use clio_sandbox::Options;

use crate::world::World;

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
