//! Whatever arrives: no panic, no stack overflow.

use proptest::prelude::*;

use super::{Failure, analyze, catalog, database, problem};

/// A thread with a stack as small as those of some hosts, in a build without optimisation.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(work)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn deep_nesting_is_an_error() {
    on_a_small_stack(|| {
        let repeated = [
            ("(", ")"),
            ("CASE WHEN 1 THEN ", " END"),
            ("abs(", ")"),
            ("(SELECT ", ")"),
        ];
        for (open, close) in repeated {
            let sql = format!("SELECT {}1{}", open.repeat(100_000), close.repeat(100_000));
            assert!(problem(&sql).message.contains("nested"), "{open}");
        }
        for sign in ["- ", "NOT ", "~", "+"] {
            let sql = format!("SELECT {}1", sign.repeat(100_000));
            assert!(problem(&sql).message.contains("nested"), "{sign}");
        }
        assert!(problem(&"(".repeat(100_000)).message.contains("nested"));
    });
}

#[test]
fn what_is_allowed_fits_the_stack() {
    on_a_small_stack(|| {
        let depth = super::super::source::MAX_NESTING - 1;
        for (open, close) in [
            ("(", ")"),
            ("abs(", ")"),
            ("CASE WHEN 1 THEN ", " END"),
            ("(SELECT ", ")"),
            ("coalesce(1, ", ")"),
            ("1 IN (SELECT ", ")"),
            ("1 BETWEEN 2 AND (", ")"),
            ("sum(total) OVER (ORDER BY ", ")"),
        ] {
            let sql = format!(
                "SELECT {}1{} FROM bills",
                open.repeat(depth),
                close.repeat(depth)
            );
            assert!(analyze(&sql, &catalog()).is_ok(), "{open}");
        }
        let sql = format!("SELECT {}1", "- ".repeat(240));
        assert!(analyze(&sql, &catalog()).is_ok());
        let from = format!(
            "SELECT 1 FROM {}bills{}",
            "(".repeat(depth),
            ")".repeat(depth)
        );
        assert!(analyze(&from, &catalog()).is_ok());
    });
}

#[test]
fn long_chains_are_no_nesting() {
    on_a_small_stack(|| {
        for operator in [" OR ", " AND ", " + ", " || ", " = "] {
            let sql = format!("SELECT {}", vec!["id"; 10_000].join(operator)) + " FROM bills";
            assert!(analyze(&sql, &catalog()).is_ok(), "{operator}");
        }
        let money = format!("SELECT {} FROM bills", vec!["total"; 450].join(" + "));
        let analysis = analyze(&money, &catalog()).unwrap();
        assert!(database().prepare(&analysis.sql).is_ok());
    });
}

fn word() -> impl Strategy<Value = String> {
    let words = "SELECT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET WITH RECURSIVE AS UNION ALL \
        EXCEPT INTERSECT VALUES JOIN LEFT RIGHT FULL NATURAL CROSS ON USING ( ) ( ) , , . * + - / % \
        || = <> < <= > >= IS NOT NULL AND OR IN BETWEEN LIKE ESCAPE CASE WHEN THEN ELSE END CAST \
        EXISTS DISTINCT OVER PARTITION WINDOW ROWS PRECEDING FILTER COLLATE ISNULL ? ?1 :a @b 1 1.5 \
        1e3 'x' '2026-01-01' x'00' TRUE CURRENT_DATE matters m bills b tasks id name total paid \
        due_at created_at status minutes billable sum count coalesce round lag date \"id\" [id] `id` \
        \"no such\" ; -- /* */ INTEGER DATE DECIMAL -> ->> & | ~ json_each rowid INSERT INTO";
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    prop::sample::select(words)
}

/// An expression over `bills` (b) and `tasks` (t), typed loosely.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "b.id",
        "b.total",
        "b.paid",
        "b.due_at",
        "b.created_at",
        "b.state",
        "t.name",
        "t.minutes",
        "t.due_at",
        "1",
        "2.5",
        "1e2",
        "'x'",
        "'2026-01-01'",
        "'7'",
        "NULL",
        "?",
        "?2",
        ":p",
        "TRUE",
        "CURRENT_DATE",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "||", "=", "<>", "<", ">=", "IS", "IS NOT", "AND", "OR", "&",
        ]);
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} END")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("({a} BETWEEN {b} AND {c})")),
            three
                .clone()
                .prop_map(|(a, b, c)| format!("({a} NOT IN ({b}, {c}))")),
            three.prop_map(|(a, b, c)| format!("coalesce({a}, {b}, {c})")),
            inner.clone().prop_map(|a| format!("round({a}, 2)")),
            inner
                .clone()
                .prop_map(|a| format!("CAST({a} AS DECIMAL(12,3))")),
            inner.clone().prop_map(|a| format!("(- {a})")),
            inner.clone().prop_map(|a| format!("({a} NOT NULL)")),
            inner
                .clone()
                .prop_map(|a| format!("(SELECT max({a}) FROM matters)")),
            inner
                .clone()
                .prop_map(|a| format!("({a} IN (SELECT due_at FROM bills))")),
            inner.prop_map(|a| format!("sum({a}) OVER (PARTITION BY b.state)")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_is_analysed_or_refused(text in any::<String>()) {
        let _ = analyze(&text, &catalog());
    }

    #[test]
    fn any_words_are_analysed_or_refused(words in prop::collection::vec(word(), 0..40)) {
        let _ = analyze(&words.join(" "), &catalog());
        let _ = analyze(&format!("SELECT {}", words.join(" ")), &catalog());
    }
}

thread_local! {
    static DATABASE: rusqlite::Connection = database();
}

/// The numbers of columns and parameters, as `SQLite` counts them.
fn prepared(sql: &str) -> Result<(usize, usize), rusqlite::Error> {
    DATABASE.with(|database| {
        let statement = database.prepare(sql)?;
        Ok((statement.column_count(), statement.parameter_count()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn generated_queries_prepare(a in expression(), b in expression(), c in expression()) {
        let sql = format!(
            "SELECT {a}, {b} AS x FROM bills b LEFT JOIN tasks t ON t.id = b.id WHERE {c} ORDER BY x"
        );
        // Aggregates and window functions are not allowed everywhere.
        prop_assume!(DATABASE.with(|database| database.prepare(&sql).is_ok()));
        match analyze(&sql, &catalog()) {
            Ok(analysis) => {
                let expected = Ok((2, analysis.parameters.len()));
                prop_assert_eq!(prepared(&analysis.sql), expected, "{}\n{}", sql, analysis.sql);
            }
            Err(Failure::Wrong(problem)) => {
                // Only what compares or computes with dates what has no such meaning, compares
                // numbers with texts that are none, or adds texts.
                let known = [
                    "cannot be compared",
                    "has no meaning",
                    " is no ",
                    "cannot be cast",
                    "+ adds numbers",
                    "needs numbers, and",
                    "is neither 'true' nor 'false'",
                ];
                let message = &problem.message;
                prop_assert!(known.iter().any(|k| message.contains(k)), "{sql}: {message}");
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
