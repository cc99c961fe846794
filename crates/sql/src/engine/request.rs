//! A plan with the values of its arguments, as requests.

use apilink_core::profile::PagingProfile;
use apilink_core::profile::tables::{List, Table};

use super::filters::ids_filter;
use super::parameters::{
    Expansion, Parameters, expand, keys_at_once, product, required, several, with_constant,
};
use super::plan::{Access, Argument, Plan, Role};
use super::text::{render, whole};
use crate::catalog::{Catalog, ColumnShape, TableShape, TableSource};
use crate::value::Value;

/// No more requests than these are made for the values of one IN without a look at how long the list
/// is: most lists have more pages.
pub(super) const FEW_VALUES: usize = 4;

/// More requests than these are never made in place of reading a list.
const MOST_REQUESTS: usize = 10_000;

/// A value given to a scan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    One(Value),
    Many(Vec<Value>),
}

impl Given {
    pub(super) fn values(&self) -> &[Value] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// A request without the parameters of its pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Query {
    /// The path, relative to the API's.
    pub(crate) path: String,
    /// The parameters, without fields, page size and order.
    pub(crate) parameters: Vec<(String, String)>,
    /// The value of the parent column, where it is a part of the path.
    pub(crate) parent: Option<i64>,
    /// One record in place of a list: that there is none is no error.
    pub(crate) is_record: bool,
}

/// All that a scan asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Demand {
    /// The requests, one after the other; none where nothing can match.
    pub(crate) queries: Vec<Query>,
    /// The value of the order parameter.
    pub(crate) order: Option<String>,
    /// The largest page there is.
    pub(crate) page_size: u32,
    /// The list has no pages.
    pub(crate) is_unpaged: bool,
    /// The list can be read to its end by page tokens.
    pub(crate) has_fields: bool,
    /// Rows to leave out at the beginning.
    pub(crate) offset: u64,
    /// Rows that are wanted at most.
    pub(crate) limit: Option<u64>,
}

/// Turns plans into requests.
#[derive(Clone, Copy)]
pub(crate) struct Requester<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) paging: &'a PagingProfile,
    /// The length of the parameter that names the fields.
    pub(crate) fields: usize,
    /// For how many values of one IN requests of their own are made, where a filter takes one value;
    /// with more, all of the list is read, and compared here.
    pub(crate) most_values: usize,
}

impl Requester<'_> {
    /// What a plan asks for, with these values for its arguments.
    pub(crate) fn demand(&self, shape: &TableShape, plan: &Plan, given: &[Given]) -> Demand {
        let TableSource::Service(table) = &shape.source else {
            return Demand::default();
        };
        let arguments: Vec<(&Argument, &Given)> = plan.arguments.iter().zip(given).collect();
        match plan.access {
            Access::System => Demand::default(),
            Access::Keys => Self::of_keys(shape, table, &keys(&arguments, &Role::Key), self.fields),
            Access::Array => self.of_array(shape, table, &arguments),
            Access::List => self.of_list(shape, table, plan, &arguments),
        }
    }

    /// The records with these keys. `fields` is the length of the parameter that names the fields.
    pub(crate) fn of_keys(
        shape: &TableShape,
        table: &Table,
        keys: &[Value],
        fields: usize,
    ) -> Demand {
        let Some((&key, list)) = shape.key.first().zip(table.list.as_ref().or(NO_LIST)) else {
            return Demand::default();
        };
        let Some(column) = shape.columns.get(key) else {
            return Demand::default();
        };
        let mut texts: Vec<String> = keys
            .iter()
            .filter_map(|value| render(column.sql_type, value))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let ids = ids_filter(table, shape, key);
        let queries = match (&texts[..], &table.get, ids) {
            ([], ..) | (_, None, None) => Vec::new(),
            ([one], Some(get), _) => vec![Query {
                path: filled(get, &column.name, one),
                parameters: Vec::new(),
                parent: None,
                is_record: true,
            }],
            (many, _, Some(ids)) => many
                .chunks(keys_at_once(ids, list, fields))
                .flat_map(|chunk| {
                    let keys = with_constant(list, several(ids, chunk));
                    required(list, &[], vec![keys])
                })
                .map(|parameters| Query {
                    path: list.path.clone(),
                    parameters,
                    parent: None,
                    is_record: false,
                })
                .collect(),
            (many, Some(get), None) => many
                .iter()
                .map(|one| Query {
                    path: filled(get, &column.name, one),
                    parameters: Vec::new(),
                    parent: None,
                    is_record: true,
                })
                .collect(),
        };
        Demand {
            queries,
            order: None,
            ..Self::of(list)
        }
    }

    /// How many keys one request takes; one where each needs its own.
    pub(crate) fn keys_at_once(shape: &TableShape, table: &Table, fields: usize) -> usize {
        let Some((&key, list)) = shape.key.first().zip(table.list.as_ref()) else {
            return 1;
        };
        ids_filter(table, shape, key).map_or(1, |ids| keys_at_once(ids, list, fields))
    }

    /// The records that hold an array: all of them, or those with the given keys, if they can be asked
    /// for by these.
    fn of_array(
        &self,
        shape: &TableShape,
        table: &Table,
        arguments: &[(&Argument, &Given)],
    ) -> Demand {
        let Some(parent) = table
            .array
            .as_ref()
            .and_then(|array| self.catalog.table(&array.table))
        else {
            return Demand::default();
        };
        let TableSource::Service(holder) = &parent.source else {
            return Demand::default();
        };
        let is_given = arguments
            .iter()
            .any(|(argument, _)| argument.role == Role::Parent);
        if is_given && takes_keys(parent, holder) {
            return Self::of_keys(parent, holder, &keys(arguments, &Role::Parent), self.fields);
        }
        let Some(list) = &holder.list else {
            return Demand::default();
        };
        let Some(alternatives) = self.alternatives(list, shape, table, arguments) else {
            return Demand::default();
        };
        Demand {
            queries: alternatives
                .into_iter()
                .map(|parameters| Query {
                    path: list.path.clone(),
                    parameters,
                    parent: None,
                    is_record: list.single,
                })
                .collect(),
            order: self.full_order(list),
            ..Self::of(list)
        }
    }

    /// The parameters of each request for a list with a table's filters; `None` if no row can match.
    fn alternatives(
        &self,
        list: &List,
        shape: &TableShape,
        table: &Table,
        arguments: &[(&Argument, &Given)],
    ) -> Option<Vec<Parameters>> {
        let mut alternatives = vec![with_constant(list, Vec::new())];
        let mut given_parameters = Vec::new();
        for (argument, given) in arguments {
            let Role::Filters(filters) = &argument.role else {
                continue;
            };
            let column = argument.column.and_then(|at| shape.columns.get(at));
            for filter in filters.iter().filter_map(|&at| table.filters.get(at)) {
                let most = MOST_REQUESTS / alternatives.len().max(1);
                let most = self.most_values.min(most);
                match expand(filter, list, column, given, most) {
                    Expansion::Nothing => return None,
                    Expansion::Everything => {}
                    Expansion::Each(choices) => {
                        given_parameters.push(filter.parameter.clone());
                        alternatives = product(&alternatives, &choices);
                    }
                }
            }
        }
        Some(required(list, &given_parameters, alternatives))
    }

    fn of_list(
        &self,
        shape: &TableShape,
        table: &Table,
        plan: &Plan,
        arguments: &[(&Argument, &Given)],
    ) -> Demand {
        let Some(list) = &table.list else {
            return Demand::default();
        };
        let Some(alternatives) = self.alternatives(list, shape, table, arguments) else {
            return Demand::default();
        };
        let mut paths = vec![(list.path.clone(), None)];
        let (mut limit, mut offset) = (None, 0);
        for (argument, given) in arguments {
            let column = argument.column.and_then(|at| shape.columns.get(at));
            match &argument.role {
                Role::Limit => limit = count(given),
                Role::Offset => offset = count(given).unwrap_or(0),
                Role::Parent => paths = parents(list, column, given),
                Role::Filters(_) | Role::Key | Role::Local | Role::Bound | Role::Skipped => {}
            }
        }
        let order = match plan.order {
            Some((at, descending)) => self.order(list, at, descending),
            None => self.full_order(list),
        };
        let queries = paths
            .iter()
            .flat_map(|(path, parent)| {
                alternatives.iter().map(|parameters| Query {
                    path: path.clone(),
                    parameters: parameters.clone(),
                    parent: *parent,
                    is_record: list.single,
                })
            })
            .collect();
        Demand {
            queries: if limit == Some(0) {
                Vec::new()
            } else {
                queries
            },
            order,
            offset,
            limit,
            ..Self::of(list)
        }
    }

    fn of(list: &List) -> Demand {
        Demand {
            page_size: list.page_size,
            is_unpaged: list.unpaged || list.single,
            has_fields: !list.without_fields,
            ..Demand::default()
        }
    }

    /// The order in which a list can be read to its end, if it is documented for this one.
    fn full_order(&self, list: &List) -> Option<String> {
        let at = list.orders.iter().position(|order| {
            self.spelled(&order.name, false).as_deref() == Some(self.paging.order_value.as_str())
        })?;
        self.order(list, at, false)
    }

    fn order(&self, list: &List, at: usize, descending: bool) -> Option<String> {
        self.spelled(&list.orders.get(at)?.name, descending)
    }

    fn spelled(&self, name: &str, descending: bool) -> Option<String> {
        let template = if descending {
            &self.paging.descending
        } else {
            &self.paging.ascending
        };
        template
            .as_ref()
            .map(|template| template.replace("{}", name))
    }
}

/// Whether records can be asked for by their keys.
pub(super) fn takes_keys(shape: &TableShape, table: &Table) -> bool {
    let ids = |&key: &usize| ids_filter(table, shape, key);
    table.get.is_some() || shape.key.first().and_then(ids).is_some()
}

const NO_LIST: Option<&List> = None;

/// The values of a role's arguments.
fn keys(arguments: &[(&Argument, &Given)], role: &Role) -> Vec<Value> {
    arguments
        .iter()
        .filter(|(argument, _)| argument.role == *role)
        .flat_map(|(_, given)| given.values())
        .filter(|value| **value != Value::Null)
        .cloned()
        .collect()
}

/// A path for each of the parents.
fn parents(list: &List, column: Option<&ColumnShape>, given: &Given) -> Vec<(String, Option<i64>)> {
    let Some(column) = column else {
        return Vec::new();
    };
    let mut keys: Vec<i64> = given.values().iter().filter_map(whole).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter()
        .map(|key| {
            let path = filled(&list.path, &column.name, &key.to_string());
            (path, Some(key))
        })
        .collect()
}

/// A path with the value of a column in it.
fn filled(path: &str, column: &str, value: &str) -> String {
    // A key is a part of the path: nothing in it may lead elsewhere.
    let encoded: String = value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    path.replace(&format!("{{{column}}}"), &encoded)
}

fn count(given: &Given) -> Option<u64> {
    match given {
        // A negative limit is none.
        Given::One(value) => whole(value).and_then(|number| u64::try_from(number).ok()),
        Given::Many(_) => None,
    }
}
