//! The table of queries, read from `queries.md`.

use apilink_sql::Value;

use crate::oracle::Oracle;

/// A query of the table, as it is written there.
#[derive(Debug, Default)]
pub struct Entry {
    pub name: String,
    /// What the least number of calls is worked out from.
    pub why: String,
    /// The least number of calls, as an expression over the data.
    pub least: String,
    /// The values of its parameters, as expressions over the data; empty for none.
    pub with: String,
    /// Its order is total: the rows are compared in it.
    pub in_order: bool,
    /// It has no rows.
    pub no_rows: bool,
    pub sql: String,
    /// The same for plain tables, where it is not the same text.
    pub plain: Option<String>,
}

/// A query with what depends on the data filled in.
#[derive(Debug)]
pub struct Query {
    pub sql: String,
    pub values: Vec<Value>,
    /// The least number of calls.
    pub least: u64,
    /// The rows it has.
    pub rows: Vec<Vec<Value>>,
}

impl Entry {
    pub fn fill_in(&self, oracle: &Oracle) -> Result<Query, String> {
        let sql = fill(&self.sql, oracle)?;
        let plain = self.plain.as_deref().unwrap_or(&self.sql);
        let plain = fill(plain, oracle)?;
        let values = match self.with.as_str() {
            "" => Vec::new(),
            with => oracle.query(&format!("SELECT {with}"), &[])?.remove(0),
        };
        Ok(Query {
            least: oracle.number(&self.least)?,
            rows: oracle.query(&plain, &values)?,
            sql,
            values,
        })
    }
}

/// Replaces each `{{SELECT …}}` by what it gives, as it is.
fn fill(sql: &str, oracle: &Oracle) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once("{{") {
        let (expression, after) = after.split_once("}}").ok_or("{{ is not closed")?;
        out.push_str(before);
        match oracle
            .query(expression, &[])?
            .pop()
            .and_then(|mut row| row.pop())
        {
            Some(Value::Integer(number)) => out.push_str(&number.to_string()),
            Some(Value::Text(text)) => out.push_str(&text),
            other => return Err(format!("{other:?} cannot be filled in: {expression}")),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// All queries, in order. The form is described at the beginning of the file.
pub fn entries() -> Vec<Entry> {
    let text = include_str!("queries.md");
    let mut entries: Vec<Entry> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            entries.push(Entry {
                name: name.to_owned(),
                ..Entry::default()
            });
            continue;
        }
        let Some(entry) = entries.last_mut() else {
            continue;
        };
        if line.starts_with("```sql") {
            let block = lines.by_ref().take_while(|line| *line != "```");
            let sql = block.collect::<Vec<_>>().join("\n");
            if entry.sql.is_empty() {
                entry.sql = sql;
            } else {
                assert_eq!(entry.plain, None, "{}: a third block", entry.name);
                entry.plain = Some(sql);
            }
        } else if let Some(least) = line.strip_prefix("- least: ") {
            entry.least = unquoted(least);
        } else if let Some(with) = line.strip_prefix("- with: ") {
            entry.with = unquoted(with);
        } else if line == "- in order" {
            entry.in_order = true;
        } else if line == "- no rows" {
            entry.no_rows = true;
        } else if !line.starts_with('#') {
            entry.why.push_str(line);
        }
    }
    entries
}

fn unquoted(text: &str) -> String {
    text.trim_matches('`').to_owned()
}
