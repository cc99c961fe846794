//! Statements that are made up: none panics, and what is right stays right.

use proptest::prelude::*;

use super::*;

/// The texts of the tokens of a statement.
fn token_texts(sql: &str) -> Vec<&str> {
    let tokens = lexer::tokens(sql);
    tokens.iter().map(|token| &sql[token.range()]).collect()
}

/// A piece of an expression that `SQLite` takes after translation, over the columns of `t`.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("t.b".to_owned()),
        Just("Clio.t.x".to_owned()),
        Just("N'x'".to_owned()),
        Just("{d '2026-01-05'}".to_owned()),
        Just("TIMESTAMP '2026-01-05 10:00'".to_owned()),
        Just("?".to_owned()),
        Just("CURRENT_DATE()".to_owned()),
        Just("-5".to_owned()),
        Just("1.5e-3".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 3, |inner| {
        let one = (0..ONE.len(), inner.clone()).prop_map(|(form, x)| ONE[form].replace('§', &x));
        let two = (0..TWO.len(), inner.clone(), inner)
            .prop_map(|(form, x, y)| TWO[form].replace('§', &x).replace('¤', &y));
        prop_oneof![one, two]
    })
}

const ONE: [&str; 14] = [
    "(§)",
    "{fn ucase(§)}",
    "CAST(§ AS DECIMAL(10,2))",
    "CONVERT(§, SQL_BIGINT)",
    "CONVERT(NVARCHAR(9), §)",
    "EXTRACT(MONTH FROM §)",
    "TRIM(LEADING '0' FROM §)",
    "TRIM(§)",
    "(SELECT TOP 1 § FROM t)",
    "EXISTS (SELECT 1 FROM main.u WHERE c = §)",
    "-{fn abs(§)}",
    "{fn TIMESTAMPADD(SQL_TSI_HOUR, 2, §)}",
    "LEFT(§, 2)",
    "CASE WHEN § IS NULL THEN 1 END",
];

const TWO: [&str; 8] = [
    "(§ + ¤)",
    "ISNULL(§, ¤)",
    "POSITION(§ IN ¤)",
    "SUBSTRING(§ FROM ¤)",
    "(§ LIKE ¤ {escape '!'})",
    "(§ IN (SELECT TOP (1) c FROM u UNION SELECT TOP 2 ¤ FROM t))",
    "DATEDIFF(day, §, ¤)",
    "(§ IS NOT DISTINCT FROM ¤)",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_is_translated_or_refused(sql in "\\PC*|[a-zA-Z{}()'\"\\[\\],.;?:@ \\-*/0-9]*") {
        let _ = translate(&sql, &Qualifiers::default());
    }

    #[test]
    fn any_words_are_translated_or_refused(words in prop::collection::vec(word(), 0..30)) {
        let sql = words.join(" ");
        if let Ok(translated) = translate(&sql, &Qualifiers::default()) {
            for offset in 0..=translated.sql.len() {
                prop_assert!(translated.positions.original(offset) <= sql.len());
            }
        }
    }

    /// Tokens cover all but blanks and comments, in order.
    #[test]
    fn tokens_and_gaps_make_the_text(sql in "\\PC*|[a-z'\"\\[\\]\\-/*. 0-9e+?:]*") {
        let mut end = 0;
        for token in lexer::tokens(&sql) {
            prop_assert!(token.start >= end && token.end > token.start);
            prop_assert!(sql.is_char_boundary(token.start) && sql.is_char_boundary(token.end));
            prop_assert!(token_texts(&sql[end..token.start]).is_empty());
            end = token.end;
        }
        prop_assert!(token_texts(&sql[end..]).is_empty());
    }

    /// Without any of the habits nothing changes.
    #[test]
    fn plain_sql_stays(names in prop::collection::vec("[a-z]{1,3}_|\"[a-z ]*\"|'[^']*'|[0-9]+|[-+*/<>=]", 1..20)) {
        let sql = format!("SELECT {}", names.join(" "));
        if let Ok(translated) = translate(&sql, &Qualifiers::default()) {
            prop_assert_eq!(token_texts(&translated.sql), token_texts(&sql));
        }
    }

    #[test]
    fn sqlite_takes_generated_statements(columns in prop::collection::vec(expression(), 1..4), limit in 0_usize..5) {
        let top = ["", "TOP 5", "DISTINCT TOP (?)", "ALL", "TOP (1 + 2)"][limit];
        let sql = format!("SELECT {top} {} FROM Clio.t WITH (NOLOCK)", columns.join(", "));
        let became = translated(&sql);
        if let Err(problem) = connection().prepare(&became) {
            panic!("{sql}\nbecame {became}\n{problem}");
        }
    }

    /// Parameters keep their order, wherever they are written.
    #[test]
    fn parameters_keep_their_numbers(count in 1_usize..6) {
        let values: Vec<String> = (0..count).map(|_| "?".to_owned()).collect();
        let sql = format!("SELECT TOP (?) {} FROM t", values.join(", "));
        let connection = connection();
        connection.execute_batch("INSERT INTO t DEFAULT VALUES").unwrap();
        let translated = translated(&sql);
        let mut statement = connection.prepare(&translated).unwrap();
        prop_assert_eq!(statement.parameter_count(), count + 1);
        let given = rusqlite::params_from_iter(1..=i64::try_from(count).unwrap() + 1);
        let row: Vec<i64> = statement
            .query_row(given, |row| (0..count).map(|column| row.get(column)).collect())
            .unwrap();
        let expected: Vec<i64> = (2..).take(count).collect();
        prop_assert_eq!(row, expected);
    }
}

/// A word that the translation looks at, or something next to it.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "TOP",
        "5",
        "(",
        ")",
        "{",
        "}",
        "fn",
        "d",
        "'2026-01-05'",
        "'x'",
        "?",
        ",",
        ".",
        "CAST",
        "CONVERT",
        "AS",
        "INTEGER",
        "FROM",
        "t",
        "JOIN",
        "UNION",
        "ALL",
        "ORDER",
        "BY",
        "LIMIT",
        "OFFSET",
        "ROWS",
        "FETCH",
        "NEXT",
        "ONLY",
        "TRIM",
        "BOTH",
        "SUBSTRING",
        "FOR",
        "POSITION",
        "IN",
        "EXTRACT",
        "year",
        "DATEADD",
        "N",
        "WITH",
        "NOLOCK",
        "OPTION",
        "INTO",
        "EXPLAIN",
        "Clio",
        "information_schema",
        "*",
        "call",
        "DATE",
        "CURRENT_USER",
        "escape",
        "-",
        ";",
        "EXEC",
        "ISNULL",
        "--\n",
        "/* */",
        "USING",
        "DISTINCT",
        ":name",
        "?3",
    ])
}
