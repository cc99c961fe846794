//! Checks of what lists leave out: whether a filter finds all that it names, and whether the number of
//! records in a reply is that of the records which come.

use apilink_core::Result;
use serde_json::Value;

use super::Verdict::{self, Confirmed, Contradicted, Unclear};
use super::probe::Probe;

/// No more pages than this are read of a list.
const MOST_PAGES: u64 = 10;
/// The records of a page.
const PAGE_SIZE: u64 = 200;
/// Lists of which a person may be allowed to see a part only.
const LISTS: [&str; 3] = ["matters", "activities", "tasks"];

/// Whether `bills?matter_id=` finds a bill by each of its matters.
pub fn bill_matters(probe: &mut Probe<'_>) -> Result<()> {
    const CLAIM: &str = "matter_id finds every bill whose array matters holds that matter";
    let query = [("limit", "200"), ("fields", "id,matters{id}")];
    let page = probe.get("bills", &query)?;
    let bills: Vec<(i64, Vec<i64>)> = page.records().iter().filter_map(bill).collect();
    // The last of several is the one that a filter for a single matter of a bill would miss.
    let most = bills.iter().max_by_key(|(_, matters)| matters.len());
    let Some((matter, count)) = most.and_then(|(_, all)| Some((*all.last()?, all.len()))) else {
        let evidence = format!("{}; no bill with a matter", page.described());
        probe.found("bills", CLAIM, Unclear, evidence);
        return Ok(());
    };
    let holds = |(_, matters): &&(i64, Vec<i64>)| matters.contains(&matter);
    let expected: Vec<i64> = bills.iter().filter(holds).map(|(id, _)| *id).collect();
    let matter = matter.to_string();
    let query = [("limit", "200"), ("fields", "id"), ("matter_id", &matter)];
    let answer = probe.get("bills", &query)?;
    let found: Vec<i64> = answer.records().iter().filter_map(id).collect();
    let missing = expected.iter().filter(|id| !found.contains(id)).count();
    let verdict = if answer.is_success() {
        all_found(missing, count, answer.next().is_none())
    } else {
        Unclear
    };
    let evidence = format!(
        "{}; of {} bills that hold a matter, {missing} are not found by it; the bill with the most \
         matters has {count}",
        answer.described(),
        expected.len()
    );
    probe.found("bills", CLAIM, verdict, evidence);
    Ok(())
}

/// What it shows that so many bills are missing: nothing, if no bill has more than one matter. What
/// is missing may be on another page.
fn all_found(missing: usize, most_matters: usize, is_whole: bool) -> Verdict {
    match missing {
        0 if most_matters > 1 => Confirmed,
        1.. if is_whole => Contradicted,
        _ => Unclear,
    }
}

/// The id of a bill and those of its matters.
fn bill(record: &Value) -> Option<(i64, Vec<i64>)> {
    let matters = record.get("matters")?.as_array()?;
    Some((id(record)?, matters.iter().filter_map(id).collect()))
}

fn id(record: &Value) -> Option<i64> {
    record.get("id")?.as_i64()
}

/// Whether `meta.records` is the number of records that paging brings: it is not, where it counts
/// what the person may not see.
pub fn counted(probe: &mut Probe<'_>) -> Result<()> {
    LISTS.iter().try_for_each(|list| counted_in(probe, list))
}

fn counted_in(probe: &mut Probe<'_>, list: &str) -> Result<()> {
    const CLAIM: &str = "meta.records is the number of records that paging brings";
    let query = [("limit", "200"), ("fields", "id"), ("order", "id(asc)")];
    let mut page = probe.get(list, &query)?;
    let Some(total) = page.total().filter(|_| page.is_success()) else {
        probe.found(list, CLAIM, Unclear, page.described());
        return Ok(());
    };
    if total > MOST_PAGES * PAGE_SIZE {
        let evidence = format!("{total} records are more than are read for this");
        probe.found(list, CLAIM, Unclear, evidence);
        return Ok(());
    }
    let mut came = page.records().len() as u64;
    for _ in 1..=MOST_PAGES {
        let Some(next) = page.next().map(str::to_owned) else {
            break;
        };
        page = probe.get(&next, &[])?;
        if !page.is_success() {
            probe.found(list, CLAIM, Unclear, page.described());
            return Ok(());
        }
        came += page.records().len() as u64;
    }
    let evidence = format!("meta.records is {total}, and {came} records came");
    probe.found(list, CLAIM, Verdict::of(total == came), evidence);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bill_of_one_matter_shows_nothing() {
        assert_eq!(all_found(0, 1, true), Unclear);
        assert_eq!(all_found(0, 2, false), Confirmed);
        assert_eq!(all_found(3, 1, true), Contradicted);
        assert_eq!(all_found(3, 2, false), Unclear);
    }

    #[test]
    fn a_bill_is_read_with_its_matters() {
        let record = json!({"id": 7, "matters": [{"id": 1}, {"id": 2}]});
        assert_eq!(bill(&record), Some((7, vec![1, 2])));
        assert_eq!(bill(&json!({"id": 7})), None);
    }
}
