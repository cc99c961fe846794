//! How long an analysis takes. Run in a release build: `cargo nextest run --release -p apilink-sql
//! --run-ignored only --no-capture typing::tests::speed`.

use std::time::Instant;

use super::{analyze, catalog, shape};

const STATEMENTS: &[&str] = &[
    "SELECT id, display_number, status FROM matters WHERE status = 'Open' AND created_at >= '2026-01-01' ORDER BY id LIMIT 100",
    "SELECT m.display_number, c.name, sum(b.total - b.paid) AS due, count(*) AS bills, max(b.due_at) AS last_due \
     FROM matters m JOIN contacts c ON c.id = m.client_id LEFT JOIN bills b ON b.matter_id = m.id \
     WHERE m.status = 'Open' AND b.due_at < CURRENT_DATE - 30 GROUP BY m.id, c.name \
     HAVING sum(b.total - b.paid) > 0 ORDER BY due DESC",
    "WITH w AS (SELECT matter_id, sum(CASE WHEN billed THEN 0 ELSE total END) AS open FROM activities GROUP BY matter_id) \
     SELECT m.display_number, w.open, rank() OVER (ORDER BY w.open DESC) FROM matters m JOIN w ON w.matter_id = m.id \
     WHERE EXISTS (SELECT 1 FROM tasks t WHERE t.matter_id = m.id AND t.due_at < '2026-06-30')",
    "SELECT * FROM wide w1 JOIN wide w2 ON w1.id = w2.c5 JOIN wide w3 USING (id)",
];

#[test]
#[ignore = "measures"]
fn an_analysis_takes_well_under_a_third_of_a_millisecond() {
    let mut catalog = catalog();
    let columns: Vec<String> = (0..120).map(|at| format!("c{at} TEXT")).collect();
    catalog.add(shape("wide", &format!("id BIGINT, {}", columns.join(", "))));
    for sql in STATEMENTS {
        let rounds = 1000;
        let start = Instant::now();
        for _ in 0..rounds {
            assert!(analyze(std::hint::black_box(sql), &catalog).is_ok());
        }
        let each = start.elapsed() / rounds;
        println!("{each:?}: {sql:.60}");
        assert!(each.as_micros() < 300, "{each:?}: {sql}");
    }
}
