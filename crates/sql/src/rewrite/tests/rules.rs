//! Each rule on texts: where it applies and where it must not.

use super::{assert_rewritten, assert_untouched, rewritten};

#[test]
fn a_key_is_counted_as_rows() {
    assert_rewritten(&[
        (
            "SELECT COUNT(id) FROM matters",
            "SELECT COUNT(*) AS \"COUNT(id)\" FROM matters",
        ),
        (
            "SELECT count( m . \"ID\" ) AS n FROM [matters] AS m HAVING COUNT(m.id) > 1 ORDER BY COUNT(id)",
            "SELECT count(*) AS n FROM [matters] AS m HAVING COUNT(*) > 1 ORDER BY COUNT(*)",
        ),
        (
            "SELECT x.n FROM (SELECT COUNT(id) n FROM matters) x",
            "SELECT x.n FROM (SELECT COUNT(*) n FROM matters) x",
        ),
        (
            "WITH c AS (SELECT client_id, COUNT(id) FROM matters GROUP BY 1) SELECT * FROM c",
            "WITH c AS (SELECT client_id, COUNT(*) AS \"COUNT(id)\" FROM matters GROUP BY 1) SELECT * FROM c",
        ),
        (
            "SELECT COUNT(c.id) FROM contacts c LEFT JOIN matters m ON m.client_id = c.id",
            "SELECT COUNT(*) AS \"COUNT(c.id)\" FROM contacts c LEFT JOIN matters m ON m.client_id = c.id",
        ),
        (
            "SELECT COUNT(id) FROM matters UNION ALL SELECT COUNT(id) FROM contacts",
            "SELECT COUNT(*) AS \"COUNT(id)\" FROM matters UNION ALL SELECT COUNT(*) AS \"COUNT(id)\" FROM contacts",
        ),
        (
            "SELECT COUNT(*) AS n FROM (SELECT id FROM matters WHERE rate > 1 ORDER BY number, id) AS t WHERE id > 1",
            "SELECT COUNT(*) AS n FROM (SELECT id FROM matters WHERE rate > 1) AS t WHERE id > 1",
        ),
        (
            "SELECT COUNT(DISTINCT id) n, COUNT(DISTINCT client_id) FROM matters m WHERE rate > 1",
            "SELECT COUNT(*) n, COUNT(DISTINCT client_id) FROM matters m WHERE rate > 1",
        ),
        (
            "SELECT COUNT(id) + 1 FROM matters",
            "SELECT COUNT(*) + 1 FROM matters",
        ),
    ]);
    assert_untouched(&[
        "SELECT COUNT(client_id) FROM matters",
        "SELECT COUNT(DISTINCT client_id) FROM matters",
        "SELECT COUNT(*) FROM (SELECT rate FROM matters ORDER BY number LIMIT 3)",
        "SELECT COUNT(*) + rate FROM (SELECT rate FROM matters ORDER BY number)",
        "SELECT COUNT(*), GROUP_CONCAT(rate) FROM (SELECT rate FROM matters ORDER BY number)",
        "SELECT rate FROM (SELECT rate FROM matters ORDER BY number)",
        "SELECT COUNT(DISTINCT m.id) FROM matters m JOIN activities a ON a.matter_id = m.id",
        "SELECT COUNT(DISTINCT id) FROM balances",
        "SELECT COUNT(id) FILTER (WHERE id > 2) FROM matters",
        "SELECT COUNT(id) OVER () FROM matters",
        "SELECT COUNT(m.id) FROM contacts c LEFT JOIN matters m ON m.client_id = c.id",
        "SELECT COUNT(c.id) FROM contacts c FULL JOIN matters m ON m.client_id = c.id",
        "SELECT COUNT(m.id) FROM contacts c LEFT JOIN (matters m JOIN activities a ON a.matter_id = m.id) ON m.client_id = c.id",
        "WITH matters AS (SELECT client_id AS id FROM x) SELECT COUNT(id) FROM matters",
        "WITH a AS (SELECT 1) SELECT * FROM (WITH MATTERS AS (SELECT NULL AS id) SELECT COUNT(id) n FROM matters)",
        "SELECT COUNT(m.id) FROM (SELECT NULL AS id) m",
        "SELECT COUNT(id) FROM other.matters",
        "SELECT x.\"COUNT(id) + 1\" FROM (SELECT COUNT(id) + 1 FROM matters) x",
        "SELECT COUNT(id) FROM matters JOIN contacts USING (id)",
        "SELECT (SELECT COUNT(m.id) FROM contacts) FROM matters m",
        "SELECT COUNT(id) FROM matters UNION SELECT COUNT(id) FROM contacts ORDER BY COUNT(id)",
        "SELECT 'COUNT(id)' FROM matters -- COUNT(id)",
    ]);
}

#[test]
fn a_short_list_of_values_to_leave_out_is_taken_apart() {
    assert_rewritten(&[
        (
            "SELECT * FROM matters WHERE id NOT IN (1, -2, 3.5)",
            "SELECT * FROM matters WHERE (id <> 1 AND id <> -2 AND id <> 3.5)",
        ),
        (
            "SELECT * FROM matters m LEFT JOIN contacts c ON c.id = m.client_id AND c.name NOT IN ('it''s', 'b') WHERE m.rate > 1",
            "SELECT * FROM matters m LEFT JOIN contacts c ON c.id = m.client_id AND (c.name <> 'it''s' AND c.name <> 'b') WHERE m.rate > 1",
        ),
        (
            "SELECT * FROM matters WHERE (status NOT IN ('a') AND rate BETWEEN 1 AND 2) LIMIT 3",
            "SELECT * FROM matters WHERE ((status <> 'a') AND rate BETWEEN 1 AND 2) LIMIT 3",
        ),
    ]);
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let many = format!(
        "SELECT * FROM matters WHERE id NOT IN ({})",
        many.join(", ")
    );
    assert_untouched(&[
        &many,
        "SELECT * FROM matters WHERE id NOT IN (1, NULL)",
        "SELECT * FROM matters WHERE id NOT IN ()",
        "SELECT * FROM matters WHERE id NOT IN (1 + 1)",
        "SELECT * FROM matters WHERE id NOT IN (SELECT id FROM contacts)",
        "SELECT * FROM matters WHERE id + 1 NOT IN (1, 2)",
        "SELECT * FROM matters WHERE number COLLATE NOCASE NOT IN ('a', 'b')",
        "SELECT * FROM matters WHERE id NOT IN (1, 2) IS NULL",
        "SELECT * FROM matters WHERE rate BETWEEN 1 AND id NOT IN (1, 2)",
        "SELECT * FROM matters WHERE rate NOT IN (1, 2)",
        "SELECT * FROM matters WHERE NOT id NOT IN (1, 2)",
        "SELECT * FROM matters WHERE CASE WHEN rate > 1 AND id NOT IN (1, 2) THEN 1 END",
        "WITH matters(id) AS (VALUES (1)) SELECT * FROM matters WHERE id NOT IN (1, 2)",
    ]);
}

#[test]
fn alternatives_become_a_list() {
    assert_rewritten(&[
        (
            "SELECT * FROM matters WHERE id = 1 OR 2 = id OR matters.id IN (3, 4)",
            "SELECT * FROM matters WHERE id IN (1, 2, 3, 4)",
        ),
        (
            "SELECT * FROM matters m WHERE m.rate > 1 AND (m.id = 1 OR m.id = -2)",
            "SELECT * FROM matters m WHERE m.rate > 1 AND m.id IN (1, -2)",
        ),
    ]);
    assert_untouched(&[
        "SELECT * FROM matters WHERE id = 1 OR client_id = 2",
        "SELECT * FROM matters WHERE id = 1 OR id > 2",
        "SELECT * FROM matters WHERE id = 1 OR id = NULL",
        "SELECT * FROM matters WHERE id = 1 OR id NOT IN (2)",
        "SELECT * FROM matters WHERE NOT (id = 1 OR id = 2)",
        "SELECT * FROM matters WHERE id = 1 OR id = 2 AND rate > 1",
    ]);
}

#[test]
fn a_value_is_passed_on_along_equalities() {
    assert_rewritten(&[
        (
            "SELECT * FROM matters m JOIN activities a ON a.id = m.id WHERE m.id = 5",
            "SELECT * FROM matters m JOIN activities a ON a.id = m.id WHERE m.id = 5 AND a.id = 5",
        ),
        (
            "SELECT 1 FROM contacts c, matters m WHERE m.number = c.name AND 'x' = c.name GROUP BY 1",
            "SELECT 1 FROM contacts c, matters m WHERE m.number = c.name AND 'x' = c.name AND m.number = 'x' GROUP BY 1",
        ),
        (
            "SELECT 1 FROM matters m CROSS JOIN contacts c ON number = c.name AND c.name IN ('x', 'y') ORDER BY 1",
            "SELECT 1 FROM matters m CROSS JOIN contacts c ON number = c.name AND c.name IN ('x', 'y') WHERE number IN ('x', 'y') ORDER BY 1",
        ),
        (
            "SELECT 1 FROM matters m JOIN activities a ON a.id = m.id AND a.id = 7 WHERE m.rate > 1 OR a.total > 1",
            "SELECT 1 FROM matters m JOIN activities a ON a.id = m.id AND a.id = 7 WHERE (m.rate > 1 OR a.total > 1) AND m.id = 7",
        ),
        // From one to the next, and the equality before the list.
        (
            "SELECT 1 FROM contacts c JOIN matters m ON m.id = c.id JOIN activities a ON a.id = m.id WHERE c.id IN (1, 2) AND c.id = 2",
            "SELECT 1 FROM contacts c JOIN matters m ON m.id = c.id JOIN activities a ON a.id = m.id WHERE c.id IN (1, 2) AND c.id = 2 AND m.id = 2 AND a.id = 2",
        ),
        // Two of one table.
        (
            "SELECT 1 FROM matters a JOIN matters b ON a.client_id = b.client_id WHERE a.client_id = 1",
            "SELECT 1 FROM matters a JOIN matters b ON a.client_id = b.client_id WHERE a.client_id = 1 AND b.client_id = 1",
        ),
        // An outer join beside.
        (
            "SELECT 1 FROM matters m JOIN activities a ON a.id = m.id LEFT JOIN contacts c ON c.id = m.client_id WHERE m.id = 5",
            "SELECT 1 FROM matters m JOIN activities a ON a.id = m.id LEFT JOIN contacts c ON c.id = m.client_id WHERE m.id = 5 AND a.id = 5",
        ),
        (
            "SELECT 1 FROM (contacts c JOIN matters m ON m.number = c.name) JOIN activities a ON a.matter_id = m.id WHERE c.name = '1'",
            "SELECT 1 FROM (contacts c JOIN matters m ON m.number = c.name) JOIN activities a ON a.matter_id = m.id WHERE c.name = '1' AND m.number = '1'",
        ),
    ]);
    assert_untouched(&[
        "SELECT 1 FROM matters m LEFT JOIN activities a ON a.matter_id = m.id WHERE m.id = 5",
        "SELECT 1 FROM activities a RIGHT JOIN matters m ON a.matter_id = m.id JOIN contacts c ON c.id = m.id WHERE m.id = 5",
        "SELECT 1 FROM contacts c LEFT JOIN (matters m JOIN activities a ON a.matter_id = m.id) ON c.id = m.client_id WHERE c.rate = 5 AND m.id = 5",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id = NULL",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id IN (5, NULL)",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id = 5 OR m.rate = 2",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id OR a.id = 1 WHERE m.id = 5",
        "SELECT 1 FROM matters m JOIN activities a ON NOT a.matter_id = m.id WHERE m.id = 5",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE NOT m.id = 5",
        "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.rate NOT IN (5)",
        "SELECT 1 FROM matters m JOIN activities a ON a.id = m.id WHERE m.id = 5 AND a.id = 5",
        // Other types, other collations.
        "SELECT 1 FROM matters m JOIN contacts c ON c.weight = m.id WHERE m.id = 5",
        "SELECT 1 FROM matters m JOIN activities a ON a.note = m.status WHERE m.status = 'a'",
        "SELECT 1 FROM matters m JOIN contacts c ON m.number = c.name COLLATE NOCASE WHERE c.name = 'a'",
        "SELECT 1 FROM matters m JOIN contacts c ON m.number = c.name WHERE c.name = 'a' COLLATE NOCASE",
        // Names that say nothing certain.
        "SELECT 1 FROM matters m JOIN activities m ON m.matter_id = m.id WHERE m.id = 5",
        "SELECT 1 FROM matters m NATURAL JOIN activities a WHERE matter_id = id AND id = 5",
        "WITH activities AS (SELECT 1 AS matter_id) SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id = 5",
    ]);
}

#[test]
fn the_value_of_a_key_moves_to_what_refers_to_it() {
    assert_rewritten(&[
        (
            "SELECT * FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id = 5 AND m.rate > 1",
            "SELECT * FROM matters m JOIN activities a ON a.matter_id = m.id WHERE a.matter_id = CAST(5 AS INTEGER) AND m.rate > 1",
        ),
        (
            "SELECT * FROM matters m JOIN activities a ON a.matter_id = m.id WHERE a.matter_id = 5",
            "SELECT * FROM matters m JOIN activities a ON a.matter_id = m.id WHERE a.matter_id = CAST(5 AS INTEGER)",
        ),
        (
            "SELECT 1 FROM contacts c, matters m WHERE m.client_id = c.id AND (c.id IN (1, -2))",
            "SELECT 1 FROM contacts c, matters m WHERE m.client_id = c.id AND (m.client_id IN (1, -2))",
        ),
        // Several refer to it.
        (
            "SELECT 1 FROM matters m, activities a, activities b WHERE a.matter_id = m.id AND b.matter_id = m.id AND '5' = m.id",
            "SELECT 1 FROM matters m, activities a, activities b WHERE a.matter_id = m.id AND b.matter_id = m.id AND a.matter_id = '5' AND b.matter_id = '5'",
        ),
        // Both values stay.
        (
            "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE m.id = 5 AND a.matter_id IN (5, 6)",
            "SELECT 1 FROM matters m JOIN activities a ON a.matter_id = m.id WHERE a.matter_id = CAST(5 AS INTEGER) AND a.matter_id IN (5, 6)",
        ),
        // In ON, what refers may stand further right: the value stays, too.
        (
            "SELECT 1 FROM contacts c JOIN matters m ON c.id = 1 JOIN activities a ON m.client_id = c.id",
            "SELECT 1 FROM contacts c JOIN matters m ON c.id = 1 JOIN activities a ON m.client_id = c.id WHERE m.client_id = CAST(1 AS INTEGER)",
        ),
    ]);
}

#[test]
fn exists_becomes_in() {
    assert_rewritten(&[
        (
            "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id AND m.status = 'a')",
            "SELECT * FROM contacts c WHERE c.id IN (SELECT m.client_id FROM matters m WHERE m.status = 'a')",
        ),
        (
            "SELECT * FROM contacts c WHERE c.weight > 1 AND EXISTS (SELECT * FROM matters WHERE contacts.id = 1 OR c.id = client_id) AND EXISTS(SELECT *, id FROM matters WHERE c.id = client_id)",
            "SELECT * FROM contacts c WHERE c.weight > 1 AND EXISTS (SELECT * FROM matters WHERE contacts.id = 1 OR c.id = client_id) AND c.id IN (SELECT client_id FROM matters)",
        ),
        // One within the other, and a join.
        (
            "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m JOIN contacts k ON k.id = m.id WHERE m.client_id = c.id AND (m.rate > 1 OR m.id > 1) AND EXISTS (SELECT 1 FROM activities a WHERE a.matter_id = m.id))",
            "SELECT * FROM contacts c WHERE c.id IN (SELECT m.client_id FROM matters m JOIN contacts k ON k.id = m.id WHERE (m.rate > 1 OR m.id > 1) AND m.id IN (SELECT a.matter_id FROM activities a))",
        ),
        (
            "SELECT * FROM contacts c WHERE c.id = 5 AND EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id AND m.id = 2)",
            "SELECT * FROM contacts c WHERE c.id = 5 AND c.id IN (SELECT m.client_id FROM matters m WHERE m.id = 2)",
        ),
    ]);
    assert_untouched(&[
        "SELECT * FROM contacts c WHERE NOT EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id)",
        "SELECT * FROM contacts c WHERE c.id > 1 OR EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id)",
        "SELECT EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id) FROM contacts c",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id) = 1",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT COUNT(*) FROM matters m WHERE m.client_id = c.id)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id GROUP BY m.id)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id HAVING 1)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id LIMIT 0)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id UNION SELECT 2)",
        "SELECT * FROM contacts c WHERE EXISTS (WITH x AS (SELECT 1) SELECT 1 FROM matters m WHERE m.client_id = c.id)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id AND m.number = c.name)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id AND m.rate > c.weight)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id AND m.rate > weight)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id > c.id)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.weight)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.status = c.kind)",
        // The inner name hides the outer one.
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters c WHERE c.client_id = c.id)",
        "SELECT * FROM contacts WHERE EXISTS (SELECT 1 FROM matters WHERE client_id = id)",
        // An alias is not the column of the same name.
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 AS weight FROM matters m WHERE m.id = weight)",
        "SELECT * FROM contacts c WHERE EXISTS (SELECT 1 AS x FROM matters m WHERE m.client_id = c.id AND x = 1)",
        // Few rows outside, many inside.
        "SELECT * FROM contacts c WHERE c.id = 5 AND EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id)",
        "WITH matters AS (SELECT 1 AS client_id) SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id)",
        "WITH contacts AS (SELECT 1 AS id) SELECT * FROM contacts c WHERE EXISTS (SELECT 1 FROM matters m WHERE m.client_id = c.id)",
    ]);
}

#[test]
fn ends_are_first_records() {
    assert_rewritten(&[
        (
            "SELECT MIN(id), MAX(m.id) AS last FROM matters m",
            "SELECT (SELECT id FROM matters m ORDER BY id LIMIT 1) AS \"MIN(id)\" , (SELECT m.id FROM matters m ORDER BY m.id DESC LIMIT 1) AS last",
        ),
        (
            "SELECT MAX(id), COUNT(*) FROM matters WHERE client_id = 1 AND 2 <= id",
            "SELECT (SELECT id FROM matters WHERE client_id = 1 AND 2 <= id ORDER BY id DESC LIMIT 1) AS \"MAX(id)\" , (SELECT COUNT(*) FROM matters WHERE client_id = 1 AND 2 <= id) AS \"COUNT(*)\"",
        ),
        (
            "SELECT * FROM (SELECT MIN(id) AS x FROM matters) AS y",
            "SELECT * FROM (SELECT (SELECT id FROM matters ORDER BY id LIMIT 1) AS x) AS y",
        ),
    ]);
    assert_untouched(
        &[
            "SELECT COUNT(*), COUNT(*) FROM matters",
            "SELECT MIN(client_id), MAX(client_id) FROM matters",
            "SELECT MIN(id), MAX(id), SUM(rate) FROM matters",
            "SELECT MIN(id) + 1, MAX(id) FROM matters",
            "SELECT MIN(id, 3), MAX(id) FROM matters",
            "SELECT MIN(DISTINCT id) FROM matters",
            "SELECT MIN(id) OVER () FROM matters",
            "SELECT MIN(id) FILTER (WHERE rate > 1) FROM matters",
            "SELECT DISTINCT MIN(id), MAX(id) FROM matters",
            "SELECT MIN(id), MAX(id) FROM matters GROUP BY client_id",
            "SELECT MIN(id), MAX(id) FROM matters HAVING 1",
            "SELECT MIN(id), MAX(id) FROM matters LIMIT 0",
            "SELECT MIN(id), MAX(id) FROM matters UNION SELECT 1, 2",
            "SELECT MIN(m.id), MAX(m.id) FROM matters m, contacts c",
            // What the service cannot compare would be read twice.
            "SELECT MIN(id), MAX(id) FROM matters WHERE rate = 1",
            "SELECT MIN(id), MAX(id) FROM matters WHERE client_id < 1",
            "SELECT MIN(id), MAX(id) FROM matters WHERE client_id = 1 OR id = 2",
            "SELECT MIN(id), MAX(id) FROM matters WHERE id IN (SELECT id FROM contacts)",
            "WITH matters AS (SELECT NULL AS id) SELECT MIN(id), MAX(id) FROM matters",
        ]
        .map(|sql| sql),
    );
}

#[test]
fn a_right_join_is_turned_around() {
    assert_rewritten(&[
        (
            "SELECT m.id, c.* FROM contacts c RIGHT OUTER JOIN matters m ON m.client_id = c.id WHERE m.id > 1",
            "SELECT m.id, c.* FROM matters m LEFT JOIN contacts c ON m.client_id = c.id WHERE m.id > 1",
        ),
        (
            "SELECT a.id FROM (SELECT c.id FROM contacts c RIGHT JOIN matters m ON m.id = c.id) a RIGHT JOIN contacts b ON a.id = b.id",
            "SELECT a.id FROM contacts b LEFT JOIN (SELECT c.id FROM matters m LEFT JOIN contacts c ON m.id = c.id) a ON a.id = b.id",
        ),
    ]);
    assert_untouched(&[
        "SELECT * FROM contacts c RIGHT JOIN matters m ON m.client_id = c.id",
        "SELECT m.id FROM contacts c FULL JOIN matters m ON m.client_id = c.id",
        "SELECT m.id FROM contacts c NATURAL RIGHT JOIN matters m",
        "SELECT m.id FROM contacts c RIGHT JOIN matters m USING (id)",
        "SELECT m.id FROM contacts c RIGHT JOIN matters m ON m.client_id = c.id JOIN activities a",
        "SELECT m.id FROM (contacts c RIGHT JOIN matters m ON m.client_id = c.id)",
        "SELECT j.value FROM contacts c RIGHT JOIN json_each('[1]') j ON j.value = c.id",
    ]);
}

#[test]
fn an_array_is_read_with_its_holder() {
    assert_rewritten(&[
        (
            "SELECT b.kind, COUNT(*) FROM balances b WHERE EXISTS (SELECT 1 FROM matters m WHERE m.id = b.matter_id AND m.status = 'a') GROUP BY b.kind",
            "SELECT b.kind, COUNT(*) FROM balances b JOIN (SELECT m.id AS \"holder key 0\" FROM matters m WHERE m.status = 'a') AS \"holder 0\" ON \"holder key 0\" = b.matter_id WHERE TRUE GROUP BY b.kind",
        ),
        (
            "SELECT kind FROM balances WHERE kind > 'a' AND matter_id IN (SELECT id FROM matters)",
            "SELECT kind FROM balances JOIN (SELECT id AS \"holder key 1\" FROM matters) AS \"holder 1\" ON \"holder key 1\" = matter_id WHERE kind > 'a' AND TRUE",
        ),
        (
            "SELECT * FROM balances b LEFT OUTER JOIN matters m ON b.matter_id = m.id LEFT JOIN contacts c ON c.id = m.client_id",
            "SELECT * FROM balances b JOIN matters m ON b.matter_id = m.id LEFT JOIN contacts c ON c.id = m.client_id",
        ),
        (
            "SELECT *, 2 * id FROM balances WHERE matter_id IN (SELECT id FROM matters)",
            "SELECT \"balances\".* , 2 * id FROM balances JOIN (SELECT id AS \"holder key 0\" FROM matters) AS \"holder 0\" ON \"holder key 0\" = matter_id WHERE TRUE",
        ),
    ]);
    assert_untouched(&[
        "SELECT kind FROM balances WHERE matter_id NOT IN (SELECT id FROM matters)",
        "SELECT kind FROM balances WHERE matter_id IN (SELECT client_id FROM matters)",
        "SELECT kind FROM balances WHERE id IN (SELECT id FROM matters)",
        "SELECT kind FROM balances b WHERE matter_id IN (SELECT id FROM matters WHERE number = b.kind)",
        "SELECT kind FROM balances WHERE matter_id IN (SELECT id FROM matters LIMIT 1)",
        "SELECT 1 FROM balances b LEFT JOIN matters m ON b.matter_id = m.id AND m.rate > 1",
        "SELECT 1 FROM matters m LEFT JOIN balances b ON b.matter_id = m.id",
        "SELECT 1 FROM balances b LEFT JOIN matters m ON b.id = m.id",
        "SELECT 1 FROM contacts c LEFT JOIN balances b ON b.id = c.id LEFT JOIN matters m ON m.id = b.matter_id",
    ]);
}

#[test]
fn what_a_record_shows_of_another_is_not_asked_for() {
    assert_rewritten(&[
        (
            "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE kind = 'a' AND id > 1) AND rate > 1",
            "SELECT number FROM matters JOIN (SELECT id AS \"holder key 0\" FROM contacts WHERE kind = 'a' AND id > 1) AS \"holder 0\" ON \"holder key 0\" = client_id WHERE TRUE AND rate > 1",
        ),
        (
            "SELECT * FROM matters m, activities WHERE EXISTS (SELECT 1 FROM contacts c WHERE c.id = m.client_id AND c.kind = 'a')",
            "SELECT \"m\".*, \"activities\".* FROM matters m, activities JOIN (SELECT c.id AS \"holder key 0\" FROM contacts c WHERE c.kind = 'a') AS \"holder 0\" ON \"holder key 0\" = m.client_id WHERE TRUE",
        ),
        (
            "SELECT number FROM matters WHERE client_id NOT IN (SELECT id FROM contacts WHERE kind = 'a')",
            "SELECT number FROM matters WHERE CASE WHEN client_id IS NULL THEN NOT EXISTS (SELECT 1 FROM (SELECT id AS \"none key 0\" FROM contacts WHERE kind = 'a')) ELSE NOT EXISTS (SELECT 1 FROM (SELECT id AS \"none key 0\" FROM contacts WHERE kind = 'a') WHERE \"none key 0\" = client_id) END",
        ),
    ]);
    assert_untouched(&[
        // What is not shown, and what has a filter of its own.
        "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE name = 'a')",
        "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE id = 1 AND kind = 'a')",
        "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE kind IN (SELECT note FROM activities))",
        "SELECT number FROM matters WHERE client_id IN (SELECT weight FROM contacts WHERE kind = 'a')",
        "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE kind = 'a' LIMIT 2)",
        "SELECT number FROM matters WHERE client_id IN (SELECT id FROM contacts WHERE kind = 'a') OR rate > 1",
        "SELECT note FROM activities WHERE matter_id IN (SELECT id FROM matters WHERE rate = 1)",
        "SELECT * FROM matters JOIN (SELECT 1) WHERE client_id IN (SELECT id FROM contacts WHERE kind = 'a')",
        "SELECT * FROM matters JOIN activities USING (id) WHERE matters.client_id IN (SELECT id FROM contacts WHERE kind = 'a')",
        "SELECT m.number FROM activities a LEFT JOIN matters m ON m.id = a.matter_id WHERE m.client_id IN (SELECT id FROM contacts WHERE kind = 'a')",
    ]);
}

#[test]
fn a_bound_is_for_records() {
    let bounded = |sql: &str| crate::rewrite::bounded(sql, 5);
    let with_limit = [
        "SELECT id FROM matters ORDER BY id",
        "SELECT id FROM matters UNION SELECT id FROM contacts",
        "SELECT *, (SELECT COUNT(*) FROM contacts) FROM matters m WHERE id IN (SELECT MAX(id) FROM contacts)",
        "SELECT COUNT(*) OVER (), SUM(rate) FILTER (WHERE id > 1) OVER (ORDER BY id) FROM matters",
        "SELECT MAX(id, client_id) FROM (SELECT * FROM matters LIMIT 3)",
        "WITH a AS (SELECT COUNT(*) AS n FROM matters LIMIT 1) SELECT n FROM a",
    ];
    for sql in with_limit {
        assert_eq!(bounded(&format!("{sql} ;")), Some(format!("{sql} LIMIT 5")));
    }
    let own = "SELECT id FROM matters ORDER BY id LIMIT 2 OFFSET 1";
    assert_eq!(bounded(own).as_deref(), Some(own));
    for sql in [
        "SELECT COUNT(*) FROM matters",
        "SELECT 1 + max(id) FROM matters",
        "SELECT DISTINCT client_id FROM matters GROUP BY client_id",
        "SELECT id FROM matters UNION ALL SELECT SUM(rate) FROM matters",
        "SELECT 1 FROM matters HAVING 1",
    ] {
        assert_eq!(bounded(sql), None, "{sql}");
    }
}

#[test]
fn the_only_set_is_known() {
    use crate::value::Value::{Integer, Real, Text};
    let set = crate::rewrite::only_set;
    assert_eq!(
        set("SELECT 1 FROM matters m WHERE m.number IN ('a', 'it''s') AND rate > 1"),
        Some(vec![Text("a".to_owned()), Text("it's".to_owned())])
    );
    assert_eq!(
        set("SELECT 1 FROM matters WHERE id IN (1, -2, 2.5)"),
        Some(vec![Integer(1), Integer(-2), Real(2.5)])
    );
    for sql in [
        "SELECT 1 FROM matters WHERE id = 1",
        "SELECT 1 FROM matters WHERE id NOT IN (1)",
        "SELECT 1 FROM matters WHERE id IN (1, NULL)",
        "SELECT 1 FROM matters WHERE id IN (1, client_id)",
        "SELECT 1 FROM matters WHERE id IN (1) AND client_id IN (2)",
        "SELECT 1 FROM matters WHERE id IN (1) AND (client_id = 2 OR client_id = 3)",
        "SELECT 1 FROM matters WHERE id IN (SELECT id FROM contacts)",
        "SELECT 1 FROM matters WHERE (id, client_id) IN (VALUES (1, 2))",
        "SELECT 1 FROM matters WHERE id + 1 IN (1)",
    ] {
        assert_eq!(set(sql), None, "{sql}");
    }
}

#[test]
fn what_cannot_be_read_stays() {
    assert_untouched(&[
        "",
        ";",
        "SELECT COUNT(id FROM matters",
        "SELECT COUNT(id)) FROM matters",
        "SELECT COUNT(id) FROM matters WHERE name = 'a",
        "SELECT COUNT(id) FROM matters; SELECT 1",
        "SELECT COUNT(id) FROM matters WHERE id = ?1",
        "SELECT COUNT(id) FROM matters INDEXED BY x",
        "COUNT NOT IN JOIN EXISTS MIN RIGHT OR",
        "SELECT COUNT(id) FROM matters WINDOW w AS (ORDER BY id)",
    ]);
    assert_eq!(
        rewritten("SELECT id FROM matters WHERE (id) IN (SELECT COUNT(id) AS n FROM matters);"),
        "SELECT id FROM matters WHERE (id) IN (SELECT COUNT(*) AS n FROM matters)"
    );
}

#[test]
fn deep_nesting_is_left_alone() {
    for depth in [150, 100_000] {
        let sql = format!(
            "SELECT {}COUNT(id){} FROM matters",
            "(SELECT ".repeat(depth),
            ")".repeat(depth)
        );
        let _ = rewritten(&sql);
        let sql = format!(
            "SELECT id FROM matters WHERE {}id NOT IN (1, 2){}",
            "(".repeat(depth),
            ")".repeat(depth)
        );
        assert_eq!(rewritten(&sql) != sql, depth < 200);
    }
    let many = "id <> 7 AND ".repeat(20_000);
    let sql = format!("SELECT id FROM matters WHERE {many} id NOT IN (1)");
    assert!(rewritten(&sql).ends_with("(id <> 1)"));
}
