//! Values out of JSON: VARCHAR by their type, and compared as what stands beside them.

use super::{analyzed, database};

#[test]
fn a_value_is_compared_as_what_stands_beside_it() {
    let connection = database();
    for (condition, expected) in [
        ("'{\"a\":5}' ->> '$.a' = 5", true),
        ("'{\"a\":5}' ->> '$.a' = '5'", true),
        ("'5' = '{\"a\":5}' ->> '$.a'", true),
        ("'{\"a\":5}' ->> '$.a' > 40", false),
        ("'{\"a\":5}' ->> '$.a' < 40", true),
        ("'{\"a\":5}' ->> '$.a' BETWEEN 1 AND 10", true),
        ("'{\"a\":5}' ->> '$.a' IN (5, 6)", true),
        ("'{\"a\":5}' ->> '$.a' IN ('5', '6')", true),
        ("'{\"a\":5}' ->> '$.a' <> '5'", false),
        ("'{\"a\":\"5\"}' ->> '$.a' = '5'", true),
        (
            "'{\"a\":\"5\"}' ->> '$.a' = '{\"b\":\"5\"}' ->> '$.b'",
            true,
        ),
        ("'{\"a\":true}' ->> '$.a' = true", true),
        ("json_extract('{\"a\":5}', '$.a') = '5'", true),
        ("json_extract('{\"a\":5}', '$.a') > 40", false),
        ("('{\"a\":5}' ->> '$.a') = '5'", true),
        (
            "'{\"a\":\"2026-07-01\"}' ->> '$.a' > apilink_date('2026-06-30')",
            true,
        ),
        ("CAST('{\"a\":5}' ->> '$.a' AS INTEGER) > 40", false),
        (
            "CAST('{\"a\":12.5}' ->> '$.a' AS DECIMAL(10,2)) = 12.5",
            true,
        ),
        (
            "CAST('{\"a\":\"2026-07-01\"}' ->> '$.a' AS DATE) = apilink_date('2026-07-01')",
            true,
        ),
        ("CAST('{\"a\":true}' ->> '$.a' AS BOOLEAN)", true),
        (
            "(SELECT count(*) FROM json_each('[1,2,10]') WHERE value > 5) = 1",
            true,
        ),
        (
            "(SELECT count(*) FROM json_each('[1,2,10]') WHERE value = '2') = 1",
            true,
        ),
        (
            "(SELECT count(*) FROM json_each('[1,2,10]') j WHERE j.\"key\" = '2') = 1",
            true,
        ),
        ("(SELECT max(value) FROM json_each('[1,2,10]')) = 10", true),
        (
            "(SELECT v > 5 FROM (SELECT '{\"a\":10}' ->> '$.a' AS v))",
            true,
        ),
        (
            "(SELECT count(*) FROM (SELECT max(value) AS v FROM json_each('[1,2,10]')) WHERE v > 5) = 1",
            true,
        ),
    ] {
        let analysis = analyzed(&format!("SELECT {condition}"));
        let found: bool = connection
            .query_row(&analysis.sql, [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, expected, "{condition} became {}", analysis.sql);
    }
}

#[test]
fn a_parameter_beside_a_value_is_a_text() {
    let analysis = analyzed("SELECT '{\"a\":5}' ->> '$.a' = ?");
    let found: bool = database()
        .query_row(&analysis.sql, ["5"], |row| row.get(0))
        .unwrap();
    assert!(found, "{}", analysis.sql);
}
