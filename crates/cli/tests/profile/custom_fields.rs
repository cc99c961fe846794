//! The filters of the account's own fields against the sandbox.

use std::collections::BTreeSet;

use apilink_core::profile::Profile;
use apilink_core::profile::tables::{CustomFieldType, FilterOperator};
use serde_json::Value;

use crate::service::Service;

/// What was entered, as it is compared: of an option or a record, its `id`.
#[derive(Debug, PartialEq, PartialOrd)]
enum Entered {
    Number(f64),
    Text(String),
}

impl Entered {
    fn of(kind: &CustomFieldType, value: &Value) -> Option<Self> {
        let text = match (&kind.object, kind.option) {
            (Some(object), _) => value[&object.field]["id"].to_string(),
            (None, true) => value["picklist_option"]["id"].to_string(),
            (None, false) => value["value"].as_str()?.to_owned(),
        };
        Some(text.parse().map_or(Self::Text(text), Self::Number))
    }

    fn written(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn holds(&self, operator: FilterOperator, other: &Self) -> bool {
        match operator {
            FilterOperator::Equal => self == other,
            FilterOperator::Less => self < other,
            FilterOperator::LessOrEqual => self <= other,
            FilterOperator::Greater => self > other,
            FilterOperator::GreaterOrEqual => self >= other,
            _ => unreachable!(),
        }
    }
}

#[test]
fn the_account_s_own_fields_are_filtered_as_the_profile_says() {
    let service = Service::start();
    let clio = Profile::built_in_clio();
    let find = |name: &str| {
        clio.tables()
            .iter()
            .find(|table| table.name == name)
            .unwrap()
    };
    let format = clio.custom_fields.as_ref().unwrap();
    let definitions = service.all(
        find(&format.table),
        &[("fields", "id,field_type,parent_type")],
    );
    let mut compared = BTreeSet::new();
    for table in clio.tables() {
        let Some(own) = &table.custom_fields else {
            continue;
        };
        let inner = "id,value,custom_field,picklist_option,contact,matter";
        let fields = format!("id,{}{{{inner}}}", own.field);
        let records = service.all(table, &[("fields", &fields)]);
        for definition in definitions
            .iter()
            .filter(|one| one[&format.parent_type] == own.parent_type.as_str())
        {
            let name = definition[&format.kind].as_str().unwrap();
            let kind = &format.types[name];
            let entered: Vec<_> = records
                .iter()
                .filter_map(|record| {
                    let values = record[&own.field].as_array()?;
                    let value = values
                        .iter()
                        .find(|value| value[&format.value_definition]["id"] == definition["id"])?;
                    Some((record["id"].to_string(), Entered::of(kind, value)?))
                })
                .collect();
            let Some((_, middle)) = entered.get(entered.len() / 2) else {
                continue;
            };
            let parameter = own
                .filter
                .as_ref()
                .unwrap()
                .replace("{}", &definition["id"].to_string());
            for (operator, template) in &kind.filters {
                let asked = template.replace("{}", &middle.written());
                let found = service.all(table, &[("fields", "id"), (&parameter, &asked)]);
                let found: BTreeSet<_> = found
                    .iter()
                    .map(|record| record["id"].to_string())
                    .collect();
                let expected = entered
                    .iter()
                    .filter(|(_, value)| value.holds(*operator, middle));
                let expected: BTreeSet<_> = expected.map(|(id, _)| id.clone()).collect();
                let place = format!("{} {name} {parameter}={asked}", table.name);
                assert!(
                    expected.is_subset(&found),
                    "{place}: {expected:?} {found:?}"
                );
                assert!(
                    kind.wider || found.is_subset(&expected),
                    "{place}: {expected:?} {found:?}"
                );
                compared.insert((table.name.clone(), name.to_owned()));
            }
        }
    }
    assert!(compared.len() > 5, "{compared:?}");
    service.assert_documented();
}
