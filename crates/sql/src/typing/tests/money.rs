//! Money against exact arithmetic on whole numbers.

#![expect(
    clippy::float_cmp,
    reason = "the double nearest to the decimal, or a wrong one"
)]

use proptest::prelude::*;
use rusqlite::Connection;

use super::{analyzed, database};

/// The units of the last place of DECIMAL(19,4).
const UNIT: i128 = 10_000;

/// Amounts up to a hundred billion, in units of 1/10000: cents, and with four places.
fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        (-10_000_000_000_000..=10_000_000_000_000_i64).prop_map(|cents| cents * 100),
        (-10_000_000..=10_000_000_i64).prop_map(|cents| cents * 100),
        -1_000_000_000_000_000..=1_000_000_000_000_000_i64,
        -100_000..=100_000_i64,
    ]
}

/// The double that is nearest to a decimal, as a service sends it.
fn double(units: i128, scale: usize) -> f64 {
    let digits = units.unsigned_abs().to_string();
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}").parse().unwrap()
}

/// A quotient of whole numbers, halves away from zero.
fn divided(left: i128, right: i128) -> i128 {
    let (left, right) = if right < 0 {
        (-left, -right)
    } else {
        (left, right)
    };
    let half = if left < 0 { -right } else { right };
    (2 * left + half) / (2 * right)
}

fn with_bills(rows: &[(i64, i64)]) -> Connection {
    let database = database();
    for (total, paid) in rows {
        let balance = i128::from(*total) - i128::from(*paid);
        database
            .execute(
                "INSERT INTO bills (id, total, paid, balance) VALUES (1, ?, ?, ?)",
                [
                    double((*total).into(), 4),
                    double((*paid).into(), 4),
                    double(balance, 4),
                ],
            )
            .unwrap();
    }
    database
}

fn number(database: &Connection, sql: &str) -> f64 {
    let sql = analyzed(sql).sql;
    database.query_row(&sql, [], |row| row.get(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn equal_amounts_are_equal(rows in prop::collection::vec((amount(), amount()), 1..8)) {
        let database = with_bills(&rows);
        for condition in [
            "total - paid = balance",
            "total = balance + paid",
            "total - paid - balance = 0",
            "(total - paid) * 2 = balance + balance",
            "-(paid - total) = balance",
            "total + paid + balance = total * 2",
            "total - paid IN (balance)",
            "balance BETWEEN total - paid AND total - paid",
            "coalesce(total, 0) - coalesce(paid, 0) IS balance",
            "round(total - paid, 2) = round(balance, 2)",
            "total + total - total - paid + paid - total + balance = total - paid",
        ] {
            let sql = analyzed(&format!("SELECT count(*) FROM bills WHERE {condition}")).sql;
            let count: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
            prop_assert_eq!(usize::try_from(count), Ok(rows.len()), "{}", condition);
        }
    }

    #[test]
    fn sums_and_averages_are_exact(rows in prop::collection::vec((amount(), amount()), 1..40)) {
        let database = with_bills(&rows);
        let count = i128::try_from(rows.len()).unwrap();
        let total: i128 = rows.iter().map(|row| i128::from(row.0)).sum();
        let paid: i128 = rows.iter().map(|row| i128::from(row.1)).sum();
        for (sql, expected) in [
            ("SELECT sum(total) FROM bills", double(total, 4)),
            ("SELECT total(total) FROM bills", double(total, 4)),
            ("SELECT sum(balance) FROM bills", double(total - paid, 4)),
            ("SELECT sum(total) OVER () FROM bills", double(total, 4)),
            ("SELECT avg(total) FROM bills", double(divided(total * 100, count), 6)),
        ] {
            prop_assert_eq!(number(&database, sql), expected, "{}", sql);
        }
        let equal = "SELECT sum(total) - sum(paid) = sum(balance) FROM bills";
        let sums_fit = [total, paid, total - paid].iter().all(|sum| sum.abs() <= 1_000_000_000_000_000);
        if sums_fit {
            prop_assert_eq!(number(&database, equal), 1.0);
        }
    }

    #[test]
    fn products_and_quotients_are_rounded_as_decimals_are(
        total in -10_000_000_i64..=10_000_000,
        paid in 1_i64..=1_000_000,
    ) {
        // Amounts in cents: up to 100 000, and up to 10 000; their product has at most 15 digits.
        let (total, paid) = (total * 100, paid * 100);
        let database = with_bills(&[(total, paid)]);
        let (total, paid) = (i128::from(total), i128::from(paid));
        let hundredths = |units: i128, places: u32| divided(units, 10_i128.pow(places));
        for (sql, expected) in [
            ("SELECT total * 1.1 FROM bills", double(total * 11, 5)),
            ("SELECT total * paid FROM bills", double(hundredths(total * paid, 2), 6)),
            ("SELECT total % paid FROM bills", double(total % paid, 4)),
            ("SELECT total % 0.3 FROM bills", double(total % 3_000, 4)),
            ("SELECT total * 3 FROM bills", double(total * 3, 4)),
            ("SELECT total / 3 FROM bills", double(divided(total * 100, 3), 6)),
            ("SELECT total / paid FROM bills", double(divided(total * 1_000_000, paid), 6)),
            ("SELECT round(total * 0.175, 2) FROM bills", double(divided(total * 175, UNIT * 10), 2)),
            ("SELECT round(total, 1) FROM bills", double(divided(total, 1000), 1)),
            ("SELECT round(total) FROM bills", double(divided(total, UNIT), 0)),
            ("SELECT CAST(total AS DECIMAL(12,1)) FROM bills", double(divided(total, 1000), 1)),
        ] {
            prop_assert_eq!(number(&database, sql), expected, "{} of {} and {}", sql, total, paid);
        }
    }
}

#[test]
fn five_by_two() {
    let database = with_bills(&[(50_000, 20_000)]);
    database
        .execute("INSERT INTO tasks (id, minutes) VALUES (1, 5)", [])
        .unwrap();
    assert_eq!(number(&database, "SELECT total / 2 FROM bills"), 2.5);
    assert_eq!(number(&database, "SELECT total / paid FROM bills"), 2.5);
    assert_eq!(number(&database, "SELECT 5 / 2.0"), 2.5);
    assert_eq!(number(&database, "SELECT coalesce(NULL, 5, 1.5) / 2"), 2.5);
    assert_eq!(number(&database, "SELECT CAST(5 AS DECIMAL(5,2)) / 2"), 2.5);
    assert_eq!(
        number(
            &database,
            "SELECT CASE WHEN minutes > 9 THEN 0.5 ELSE 5 END / 2 FROM tasks"
        ),
        2.5
    );
    assert_eq!(number(&database, "SELECT sum(total) / 2 FROM bills"), 2.5);
    let sql = analyzed("SELECT minutes / 2 FROM tasks").sql;
    let whole: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
    assert_eq!(whole, 2);
}
