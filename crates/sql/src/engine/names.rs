//! Names of the records that custom fields stand for, where records show no more than their keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use apilink_core::{Diagnostic, Result};

use super::fetch::Fetcher;
use super::layout::Layout;
use super::page::Unnamed;
use super::plan::{Compared, Plan};
use super::request::Requester;
use super::row::Row;
use super::runtime::{internal, lock};
use super::stream::{Delivered, Stream, Wanted};
use super::text::whole;
use crate::catalog::{Catalog, CustomShow, Origin, TableShape, TableSource};
use crate::value::Value;

/// No more names than these are kept.
const MOST_KEPT: usize = 20_000;

/// The names that a statement has asked for.
pub(crate) struct Names {
    catalog: Arc<Catalog>,
    known: Mutex<HashMap<Place, HashMap<i64, Value>>>,
}

/// A table, and the field of its records that is their name.
type Place = (String, String);

impl Names {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self {
            catalog,
            known: Mutex::default(),
        }
    }

    /// Puts the names into pages that did not come with them. Rows that `conditions` leave out go
    /// without.
    ///
    /// # Errors
    /// As those of reading the tables that have them.
    pub(crate) fn complete(
        &self,
        fetcher: &Fetcher,
        shape: &TableShape,
        layout: &Layout,
        conditions: &[(usize, Compared)],
        pages: &mut [Delivered],
    ) -> Result<()> {
        let mut wanted: BTreeMap<Place, Vec<(usize, Unnamed)>> = BTreeMap::new();
        for (at, Delivered { page, .. }) in pages.iter_mut().enumerate() {
            for unnamed in std::mem::take(&mut page.unnamed) {
                let column = layout.columns.get(unnamed.slot).copied();
                let place = column.and_then(|column| place(shape, column));
                let row = page.rows.get(unnamed.row);
                if let Some(place) = place.filter(|_| row.is_some_and(|row| stays(row, conditions)))
                {
                    wanted.entry(place).or_default().push((at, unnamed));
                }
            }
        }
        let mut values: Vec<Vec<(usize, usize, Value)>> = vec![Vec::new(); pages.len()];
        let mut warnings = Vec::new();
        for (place, unnamed) in wanted {
            let ids = unnamed.iter().map(|(_, unnamed)| unnamed.id).collect();
            let names = self.of(fetcher, &place, &ids, &mut warnings)?;
            for (at, unnamed) in unnamed {
                if let Some((values, name)) = values.get_mut(at).zip(names.get(&unnamed.id)) {
                    values.push((unnamed.row, unnamed.slot, name.clone()));
                }
            }
        }
        for (Delivered { page, .. }, values) in pages.iter_mut().zip(values) {
            if !values.is_empty() {
                page.rows = Row::with(&page.rows, &values);
            }
        }
        if let Some(first) = pages.first_mut() {
            first.warnings.extend(warnings);
        }
        Ok(())
    }

    /// The names of records. One that is not there, or that the user may not see, has none.
    fn of(
        &self,
        fetcher: &Fetcher,
        place: &Place,
        ids: &BTreeSet<i64>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<HashMap<i64, Value>> {
        let known = |id: &i64| Some((*id, lock(&self.known).get(place)?.get(id)?.clone()));
        let mut names: HashMap<i64, Value> = ids.iter().filter_map(known).collect();
        let missing = ids.iter().filter(|id| !names.contains_key(id));
        let missing: Vec<Value> = missing.map(|id| Value::Integer(*id)).collect();
        if missing.is_empty() {
            return Ok(names);
        }
        let mut found = self.ask(fetcher, place, &missing, warnings)?;
        for id in &missing {
            if let Value::Integer(id) = id {
                found.entry(*id).or_insert(Value::Null);
            }
        }
        names.extend(found.clone());
        let mut known = lock(&self.known);
        let kept = known.entry(place.clone()).or_default();
        if kept.len() + found.len() > MOST_KEPT {
            kept.clear();
        }
        kept.extend(found);
        Ok(names)
    }

    fn ask(
        &self,
        fetcher: &Fetcher,
        (table, text): &Place,
        ids: &[Value],
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<HashMap<i64, Value>> {
        let shape = self.catalog.table(table).cloned();
        let shape = shape.ok_or_else(|| internal("names of a table that is not there"))?;
        let (TableSource::Service(source), [key], Some(column)) =
            (&shape.source, &shape.key[..], shape.column(text))
        else {
            return Err(internal("names of a table without a key or a name"));
        };
        let layout = Arc::new(Layout::new(&shape, &[column], false));
        let fields = layout.fields_parameter(None).len();
        let demand = Requester::of_keys(&shape, source, ids, fields);
        let slots = layout.slot(*key).zip(layout.slot(column));
        let (key, name) = slots.ok_or_else(|| internal("a layout without its columns"))?;
        let mut stream = Stream::new(fetcher.clone(), Arc::clone(&shape), layout, demand, None);
        let mut names = HashMap::new();
        while let Some(Delivered {
            page,
            warnings: more,
        }) = stream.next_page(Wanted::All)?
        {
            warnings.extend(more);
            names.extend(
                page.rows
                    .iter()
                    .filter_map(|row| Some((whole(row.get(key)?)?, row.get(name)?.into()))),
            );
        }
        Ok(names)
    }
}

/// Whether a row is not left out by what its slots are compared with.
fn stays(row: &Row, conditions: &[(usize, Compared)]) -> bool {
    !conditions.iter().any(|(slot, compared)| {
        let value = row.get(*slot);
        value.is_some_and(|value| compared.refuses(&value.into()))
    })
}

/// The comparisons of a plan that leave rows out before anybody asks for a name.
pub(crate) fn conditions(
    shape: &TableShape,
    layout: &Layout,
    plan: &Plan,
) -> Vec<(usize, Compared)> {
    let compared = plan.compared.iter();
    compared
        .filter_map(|compared| {
            let column = compared.column?;
            let slot = layout.slot(column)?;
            // A name is compared when it is there.
            place(shape, column)
                .is_none()
                .then(|| (slot, compared.clone()))
        })
        .collect()
}

/// Where the names are that a column shows.
fn place(shape: &TableShape, column: usize) -> Option<Place> {
    match &shape.columns.get(column)?.origin {
        Origin::Custom(custom) => match &custom.show {
            CustomShow::Object { table, text, .. } => Some((table.clone(), text.clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The columns of a layout whose names may have to be asked for.
pub(crate) fn named<'s>(
    shape: &'s TableShape,
    layout: &'s Layout,
) -> impl Iterator<Item = &'s str> {
    let columns = layout.columns.iter();
    let columns = columns.filter(|&&column| place(shape, column).is_some());
    columns.filter_map(|&column| Some(shape.columns.get(column)?.name.as_str()))
}
