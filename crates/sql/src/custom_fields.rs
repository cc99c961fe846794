//! The fields that an account has added, as columns of the tables that have them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody};
use apilink_core::profile::Profile;
use apilink_core::profile::tables::{
    ColumnType, CustomFieldType, CustomFieldsProfile, Filter, List, Table, TableCustomFields,
};
use apilink_core::session::Session;
use apilink_core::{Diagnostic, Result, SqlState};
use serde_json::Value as Json;

use crate::catalog::{
    Catalog, ColumnShape, CustomColumn, CustomShow, Origin, TableShape, TableSource,
};
use crate::engine::cell;
use crate::engine::explain::Step;
use crate::engine::reply;
use crate::progress::Progress;
use crate::types::SqlType;

/// The definition of a field that the account has added.
#[derive(Debug)]
struct Definition {
    id: i64,
    name: String,
    kind: String,
    parent_type: String,
    options: HashMap<i64, String>,
}

/// The catalogue with the account's own fields as columns. Asks the service for their definitions.
///
/// # Errors
/// As [`Session::execute`]; 42000 if they may not be read.
pub(crate) fn load(
    catalog: &Catalog,
    session: &Session,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Catalog> {
    let Some((names, list)) = definitions(catalog, session) else {
        return Ok(catalog.clone());
    };
    let definitions = read_definitions(&list, names, session, progress, cancel)?;
    Ok(with_columns(catalog, names, &definitions))
}

/// What EXPLAIN says where it does not know the fields, because it makes no request.
pub(crate) fn unread(catalog: &Catalog, session: &Session) -> Option<Step> {
    let (names, list) = definitions(catalog, session)?;
    let request = definitions_request(&list, names, session);
    let query = request.query().iter();
    let query: Vec<String> = query
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Some(Step {
        table: names.table.clone(),
        request: Some(format!("GET {}?{}", list.path, query.join("&"))),
        calls: None,
        reason: "the fields that the account has added, read once for each connection; as they \
                 are not known yet, they are left out of the requests below"
            .to_owned(),
    })
}

/// How the definitions are called, and the list that they are in.
fn definitions<'s>(
    catalog: &Catalog,
    session: &'s Session,
) -> Option<(&'s CustomFieldsProfile, List)> {
    let names = session.settings().profile.custom_fields.as_ref()?;
    let list = match &catalog.table(&names.table)?.source {
        TableSource::Service(table) => table.list.clone()?,
        TableSource::System => return None,
    };
    Some((names, list))
}

/// The first request for the definitions.
fn definitions_request(list: &List, names: &CustomFieldsProfile, session: &Session) -> Request {
    let paging = &session.settings().profile.paging;
    let mut request = Request::get(list.path.clone());
    if let Some(parameter) = &paging.fields_parameter {
        let fields = format!(
            "id,{},{},{},{},{}{{id,{}}}",
            names.name,
            names.kind,
            names.parent_type,
            names.deleted,
            names.options,
            names.option_text
        );
        request.add_query(parameter, &fields);
    }
    request.add_query(&paging.page_size_parameter, &list.page_size.to_string());
    request.add_query(&paging.order_parameter, &paging.order_value);
    request
}

fn read_definitions(
    list: &List,
    names: &CustomFieldsProfile,
    session: &Session,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Vec<Definition>> {
    let paging = &session.settings().profile.paging;
    let mut request = definitions_request(list, names, session);
    let mut definitions = Vec::new();
    let mut received = 0;
    let mut asked = HashSet::new();
    loop {
        let mut problems = Vec::new();
        progress.add_call();
        let mut reply = session
            .execute(&request, RequestBody::Empty, cancel, &mut problems)
            .map_err(|problem| {
                if asked.is_empty() || problem.sqlstate != SqlState::INVALID_VALUE {
                    return problem;
                }
                wrong(names, &reply::foreign(request.target()))
            })?;
        progress.add_reply(reply.waited(), reply.calls_left());
        if reply.status().as_u16() >= 400 {
            return Err(refused(reply.status().as_u16(), problems));
        }
        let body = reply.json(cancel)?;
        let records =
            records(body, &session.settings().profile).map_err(|what| wrong(names, &what))?;
        received += records.len() as u64;
        progress.add_page(records.len() as u64);
        for record in records {
            definitions.extend(definition(record, names)?);
        }
        let next = reply::next_page(body, paging).map_err(|what| wrong(names, &what))?;
        let Some(next) = next else {
            let counted = body.pointer(&paging.records_pointer).and_then(Json::as_u64);
            let page_size = u64::from(list.page_size);
            let lacks = |counted: &u64| reply::lacks_a_page(received, *counted, page_size);
            return match counted.filter(lacks) {
                Some(counted) => Err(wrong(names, &reply::ended_early(received, counted))),
                None => Ok(definitions),
            };
        };
        if !asked.insert(next.to_owned()) {
            return Err(wrong(names, reply::READ_ALREADY));
        }
        request = Request::get(next);
    }
}

fn records<'b>(body: &'b Json, profile: &Profile) -> std::result::Result<&'b [Json], String> {
    match body.pointer(&profile.paging.data_pointer) {
        Some(Json::Array(records)) => Ok(records),
        Some(other) => Err(reply::not_records(cell::kind_of(other))),
        None => Err(reply::without_data(body, profile)),
    }
}

fn wrong(names: &CustomFieldsProfile, what: &str) -> Diagnostic {
    reply::wrong(&names.table, what)
}

/// A definition; `None` for a field that is no longer in use.
fn definition(record: &Json, names: &CustomFieldsProfile) -> Result<Option<Definition>> {
    if record.get(&names.deleted) == Some(&Json::Bool(true)) {
        return Ok(None);
    }
    read_definition(record, names).map(Some).ok_or_else(|| {
        let id = record.get("id").and_then(Json::as_i64);
        let which = id.map(|id| format!(" (id {id})")).unwrap_or_default();
        wrong(
            names,
            &format!("has a field{which} without its name, its type or what it is a field of"),
        )
    })
}

/// What a record says of a field; `None` if it does not say what is needed.
fn read_definition(record: &Json, names: &CustomFieldsProfile) -> Option<Definition> {
    let text = |name: &str| record.get(name).and_then(Json::as_str).map(str::to_owned);
    let option = |option: &Json| {
        let id = option.get("id")?.as_i64()?;
        Some((id, option.get(&names.option_text)?.as_str()?.to_owned()))
    };
    let options = match record.get(&names.options) {
        None | Some(Json::Null) => HashMap::new(),
        Some(options) => options
            .as_array()?
            .iter()
            .map(option)
            .collect::<Option<_>>()?,
    };
    Some(Definition {
        id: record.get("id")?.as_i64()?,
        name: text(&names.name)?,
        kind: text(&names.kind)?,
        parent_type: text(&names.parent_type)?,
        options,
    })
}

fn refused(status: u16, problems: Vec<Diagnostic>) -> Diagnostic {
    let said = problems
        .into_iter()
        .next()
        .map(|problem| problem.message)
        .unwrap_or_default();
    Diagnostic::new(
        SqlState::SYNTAX,
        format!(
            "The fields that the account has added could not be read: {said} Give the application \
             the permission to read them, or set CustomFields=OFF to do without them."
        ),
    )
    .with_native(i32::from(status))
}

/// The catalogue with a column, or two, for each definition.
fn with_columns(
    catalog: &Catalog,
    names: &CustomFieldsProfile,
    definitions: &[Definition],
) -> Catalog {
    let mut full = catalog.clone();
    for table in catalog.tables() {
        let TableSource::Service(source) = &table.source else {
            continue;
        };
        let Some(own) = &source.custom_fields else {
            continue;
        };
        let mut shape = TableShape::clone(table);
        let mut filters = source.filters.clone();
        shape.custom_fields_unknown = false;
        for definition in definitions {
            if definition
                .parent_type
                .eq_ignore_ascii_case(&own.parent_type)
            {
                let kind = kind_of(names, definition);
                let column = add_columns(&mut shape, &kind, definition);
                filters.extend(filters_of(&kind, own, definition, &column));
            }
        }
        shape.source = TableSource::Service(Arc::new(Table {
            filters,
            ..Table::clone(source)
        }));
        full.add(shape);
    }
    full
}

/// What the profile says of a field's type; one that it does not know is text.
fn kind_of(names: &CustomFieldsProfile, definition: &Definition) -> CustomFieldType {
    let known = names.types.get(&definition.kind).cloned();
    known.unwrap_or(CustomFieldType {
        kind: ColumnType::Text,
        option: false,
        object: None,
        filters: BTreeMap::new(),
        wider: false,
    })
}

/// The comparisons of a field that the list can make itself.
fn filters_of(
    kind: &CustomFieldType,
    own: &TableCustomFields,
    definition: &Definition,
    column: &str,
) -> Vec<Filter> {
    let Some(parameter) = &own.filter else {
        return Vec::new();
    };
    kind.filters
        .iter()
        .map(|(&operator, template)| Filter {
            column: column.to_owned(),
            operator,
            parameter: parameter.replace("{}", &definition.id.to_string()),
            template: Some(template.clone()),
            values: Vec::new(),
            wider: kind.wider,
            with: BTreeMap::new(),
            max_values: None,
        })
        .collect()
}

/// Adds what shows a field; the name of the column that the service compares.
fn add_columns(shape: &mut TableShape, kind: &CustomFieldType, definition: &Definition) -> String {
    let show = match &kind.object {
        Some(object) => CustomShow::Object {
            field: object.field.clone(),
            text: object.text.clone(),
            table: object.table.clone(),
        },
        None if kind.option => CustomShow::Option(Arc::new(definition.options.clone())),
        None => CustomShow::Value,
    };
    let mut column = add_column(
        shape,
        definition,
        &definition.name,
        kind.kind.into(),
        show,
        None,
    );
    if let Some(object) = &kind.object {
        let show = CustomShow::ObjectId {
            field: object.field.clone(),
        };
        let name = format!("{}_id", definition.name);
        let table = Some(object.table.clone());
        column = add_column(shape, definition, &name, SqlType::Bigint, show, table);
    }
    column
}

fn add_column(
    shape: &mut TableShape,
    definition: &Definition,
    name: &str,
    sql_type: SqlType,
    show: CustomShow,
    references: Option<String>,
) -> String {
    let name = free_name(shape, name, definition.id);
    shape.columns.push(ColumnShape {
        name: name.clone(),
        sql_type,
        nullable: true,
        hidden: false,
        ignore_case: false,
        references,
        description: Some(format!("The account's own field \"{}\".", definition.name)),
        origin: Origin::Custom(CustomColumn {
            definition: definition.id,
            show,
        }),
    });
    name
}

/// The field's name; with `_custom` behind it where the table has a column of that name, and with
/// the field's `id` behind that where this is taken too.
fn free_name(shape: &TableShape, name: &str, id: i64) -> String {
    let name = if name.trim().is_empty() {
        "custom"
    } else {
        name
    };
    [
        name.to_owned(),
        format!("{name}_custom"),
        format!("{name}_custom_{id}"),
    ]
    .into_iter()
    .find(|candidate| shape.column(candidate).is_none())
    .unwrap_or_else(|| format!("custom_{id}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn field(id: i64, name: &str, kind: &str) -> Definition {
        Definition {
            id,
            name: name.to_owned(),
            kind: kind.to_owned(),
            parent_type: "Matter".to_owned(),
            options: HashMap::new(),
        }
    }

    /// The names of the columns that matters have by these fields, and the filters for each.
    fn added(definitions: &[Definition]) -> (Vec<String>, Vec<Filter>) {
        let profile = Profile::built_in_clio();
        let catalog = Catalog::of_profile(profile.tables());
        let names = profile.custom_fields.as_ref().unwrap();
        let full = with_columns(&catalog, names, definitions);
        let table = full.table("matters").unwrap();
        let is_added = |column: &&ColumnShape| matches!(column.origin, Origin::Custom(_));
        let columns = table.columns.iter().filter(is_added);
        let TableSource::Service(source) = &table.source else {
            return Default::default();
        };
        let filters = source.filters.iter();
        let filters = filters.filter(|filter| filter.parameter.starts_with("custom_field_values["));
        (
            columns.map(|column| column.name.clone()).collect(),
            filters.cloned().collect(),
        )
    }

    #[test]
    fn a_name_that_is_taken_gets_something_behind_it() {
        for (fields, expected) in [
            // By a column of the table, whatever its case.
            (vec![field(1, "Status", "text_line")], vec!["Status_custom"]),
            // By another field, or by what a clash has made.
            (
                vec![
                    field(1, "Judge", "text_line"),
                    field(2, "judge", "date"),
                    field(3, "JUDGE", "date"),
                ],
                vec!["Judge", "judge_custom", "JUDGE_custom_3"],
            ),
            (
                vec![
                    field(1, "status_custom", "text_line"),
                    field(2, "status", "date"),
                ],
                vec!["status_custom", "status_custom_2"],
            ),
            // The key of a record that a field stands for.
            (
                vec![
                    field(1, "Judge_id", "text_line"),
                    field(2, "Judge", "contact"),
                    field(3, "Client", "contact"),
                ],
                vec![
                    "Judge_id",
                    "Judge",
                    "Judge_id_custom",
                    "Client",
                    "Client_id_custom",
                ],
            ),
            // A column that only passes a value.
            (vec![field(1, "query", "text_line")], vec!["query_custom"]),
            (
                vec![field(1, " ", "text_line"), field(2, "", "text_line")],
                vec!["custom", "custom_custom"],
            ),
        ] {
            assert_eq!(added(&fields).0, expected);
        }
    }

    #[test]
    fn filters_follow_the_names_of_their_columns() {
        let (_, filters) = added(&[
            field(1, "Judge_id", "text_line"),
            field(2, "Judge", "contact"),
            field(3, "Status", "date"),
        ]);
        let of = |id: i64| {
            let parameter = format!("custom_field_values[{id}]");
            let filter = filters.iter().find(|filter| filter.parameter == parameter);
            filter.unwrap().column.clone()
        };
        assert_eq!(of(1), "Judge_id");
        assert_eq!(of(2), "Judge_id_custom");
        assert_eq!(of(3), "Status_custom");
    }
}
