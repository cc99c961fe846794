//! Checks that are made on every list.

use apilink_core::Result;
use apilink_core::profile::tables::{self, Table};

use super::Verdict;
use super::Verdict::{Confirmed, Contradicted, Unclear};
use super::probe::{Answer, Probe, names};

/// A list that can be asked for without a parent's key.
pub struct List<'a> {
    name: &'a str,
    request: &'a tables::List,
    /// The field that is asked for: the smallest request.
    field: &'a str,
    /// The parameters without which it answers with an error.
    needed: Vec<(&'a str, &'a str)>,
}

impl<'a> List<'a> {
    /// The list of a table, if it has one that needs no key and no value that only the account
    /// knows.
    pub fn of(table: &'a Table) -> Option<Self> {
        let list = table.list.as_ref()?;
        if list.single || list.path.contains('{') {
            return None;
        }
        let mut needed: Vec<(&str, &str)> = list
            .constant
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        for required in &list.required {
            needed.push((&required.parameter, required.values.first()?));
        }
        let has_record = |column: &&tables::Column| !column.parent && !column.parameter;
        let field = table.columns.iter().find(has_record)?.path().0;
        Some(Self {
            name: &table.name,
            field,
            request: list,
            needed,
        })
    }

    /// A request for the list, with its default fields.
    fn get_defaults(&self, probe: &Probe<'_>, query: &[(&str, &str)]) -> Result<Answer> {
        let mut all = self.needed.clone();
        all.extend_from_slice(query);
        probe.get(&self.request.path, &all)
    }

    /// A request for the list, with one field.
    fn get(&self, probe: &Probe<'_>, query: &[(&str, &str)]) -> Result<Answer> {
        let mut all = query.to_vec();
        if !self.request.without_fields {
            all.push(("fields", self.field));
        }
        self.get_defaults(probe, &all)
    }
}

/// What a record holds when no fields are asked for, and whether the number of all records is told.
pub fn defaults(probe: &mut Probe<'_>, list: &List<'_>) -> Result<()> {
    const FIELDS: &str = "without the parameter fields, a record holds id and etag only";
    const RECORDS: &str = "meta.records tells the number of all matching records";
    let answer = list.get_defaults(probe, &[("limit", "1")])?;
    if !answer.is_success() {
        probe.found(list.name, FIELDS, Unclear, answer.described());
        probe.found(list.name, RECORDS, Unclear, answer.described());
        return Ok(());
    }
    match answer.records().first() {
        None => probe.found(list.name, FIELDS, Unclear, "the list is empty"),
        Some(record) => {
            let mut names = names(record);
            names.sort_unstable();
            let verdict = Verdict::of(names == ["etag", "id"]);
            probe.found(
                list.name,
                FIELDS,
                verdict,
                format!("it holds {}", names.join(", ")),
            );
        }
    }
    match answer.total() {
        Some(_) => probe.found(list.name, RECORDS, Confirmed, "a number is there"),
        None => probe.found(list.name, RECORDS, Contradicted, "there is none"),
    }
    Ok(())
}

/// Whether a list can be read to its end in the order of ids. 37 lists do not document it.
pub fn order(probe: &mut Probe<'_>, list: &List<'_>) -> Result<()> {
    const ORDER: &str = "order=id(asc) is accepted, and leads to page tokens";
    if list.request.unpaged {
        return Ok(());
    }
    let answer = list.get(probe, &[("limit", "1"), ("order", "id(asc)")])?;
    if !answer.is_success() {
        // A list may be closed to the account for another reason.
        let is_about_it = matches!(answer.status, 400 | 422);
        let verdict = if is_about_it { Contradicted } else { Unclear };
        probe.found(list.name, ORDER, verdict, answer.described());
        return Ok(());
    }
    let (verdict, evidence) = match answer.next() {
        Some(next) if next.contains("page_token=") => {
            (Confirmed, "accepted; the next page has a page token")
        }
        Some(next) if next.contains("offset=") => {
            (Contradicted, "accepted; the next page has an offset")
        }
        Some(_) => (
            Unclear,
            "accepted; the next page has neither token nor offset",
        ),
        None => (Unclear, "accepted; there is one page only"),
    };
    probe.found(list.name, ORDER, verdict, evidence);
    Ok(())
}

/// Whether the largest page is as large as is said.
pub fn page_size(probe: &mut Probe<'_>, list: &List<'_>) -> Result<()> {
    const SIZE: &str = "the largest page is the documented one";
    if list.request.unpaged {
        return Ok(());
    }
    let size = u64::from(list.request.page_size);
    let largest = list.get(probe, &[("limit", &size.to_string())])?;
    if !largest.is_success() {
        let verdict = if matches!(largest.status, 400 | 422) {
            Contradicted
        } else {
            Unclear
        };
        let evidence = format!("limit={size}: {}", largest.described());
        probe.found(list.name, SIZE, verdict, evidence);
        return Ok(());
    }
    let larger = list.get(probe, &[("limit", &(size + 1).to_string())])?;
    let count = larger.records().len() as u64;
    let verdict = if !larger.is_success() {
        Confirmed
    } else if count > size {
        Contradicted
    } else if larger.next().is_some() || larger.total().is_some_and(|total| total > size) {
        // Cut to the largest page.
        Confirmed
    } else {
        Unclear
    };
    let evidence = format!(
        "limit={size}: {} with {} records; limit={}: {} with {count}",
        largest.described(),
        largest.records().len(),
        size + 1,
        larger.described(),
    );
    probe.found(list.name, SIZE, verdict, evidence);
    Ok(())
}
