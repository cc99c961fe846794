//! What the parameters of a list filter by.

use std::collections::BTreeMap;

use apilink_core::profile::tables::{
    Column, ColumnType, Filter, FilterOperator, RequiredParameter,
};

use super::columns::plain_column;
use super::document::Parameter;
use super::names::column_name;
use super::overlay::{FilterRule, Overlay, ParameterColumn, ParameterRule, ParameterUse};

/// What the parameters of a list mean.
#[derive(Debug, Default)]
pub struct Filters {
    /// The comparisons.
    pub comparisons: Vec<Filter>,
    /// The columns that stand for parameters.
    pub columns: Vec<Column>,
    /// Parameters that must be given.
    pub required: Vec<RequiredParameter>,
    /// Parameters that are not used, because nobody has said what they mean.
    pub open: Vec<String>,
    /// What the overlay says about parameters that are not there.
    pub warnings: Vec<String>,
}

/// A list whose parameters are read.
#[derive(Clone, Copy, Debug)]
pub struct FilteredList<'a> {
    /// The table.
    pub table: &'a str,
    /// Its columns.
    pub columns: &'a [Column],
    /// The values of columns that have listed ones.
    pub values: &'a BTreeMap<String, Vec<&'a str>>,
    /// The largest page.
    pub page_size: u32,
    /// What the document does not say.
    pub overlay: &'a Overlay,
}

impl FilteredList<'_> {
    /// Reads the parameters, but for those that every list has.
    pub fn read(&self, parameters: &[Parameter<'_>]) -> Filters {
        let mut found = Filters::default();
        let mut parameters: Vec<_> = parameters
            .iter()
            .filter(|parameter| !self.is_structural(parameter.name))
            .collect();
        parameters.sort_by_key(|parameter| parameter.name);
        for parameter in &parameters {
            if let Err(problem) = self.parameter(parameter, &mut found) {
                let place = format!("{}: the parameter {}", self.table, parameter.name);
                found.open.push(format!("{place} {problem}"));
            }
        }
        let own = self.overlay.tables.get(self.table);
        for name in own.into_iter().flat_map(|rules| rules.parameters.keys()) {
            if !parameters.iter().any(|parameter| parameter.name == name) {
                let warning = format!("{}: there is no parameter {name}", self.table);
                found.warnings.push(warning);
            }
        }
        found.comparisons.sort_by(|a, b| {
            let key = |filter: &Filter| (filter.column.clone(), filter.operator);
            key(a).cmp(&key(b))
        });
        found
    }

    fn is_structural(&self, name: &str) -> bool {
        let conventions = &self.overlay.conventions;
        [
            &conventions.fields_parameter,
            &conventions.page_size_parameter,
            &conventions.token_parameter,
            &conventions.order_parameter,
        ]
        .into_iter()
        .any(|known| known == name)
    }

    fn parameter(&self, parameter: &Parameter<'_>, found: &mut Filters) -> Result<(), String> {
        let own = self.overlay.tables.get(self.table);
        let rule = own
            .and_then(|rules| rules.parameters.get(parameter.name))
            .or_else(|| self.overlay.parameters.get(parameter.name));
        let mut values = parameter.scalar().values;
        match rule {
            Some(ParameterRule::Ignored(rule)) if rule.ignored.is_empty() => {
                return Err("is ignored without a reason".into());
            }
            Some(ParameterRule::Ignored(_)) => return Ok(()),
            Some(ParameterRule::Uses(uses)) => {
                for one in uses {
                    match one {
                        ParameterUse::Filter(rule) => {
                            found.comparisons.push(self.ruled(rule, parameter)?);
                        }
                        ParameterUse::Column(rule) => self.column(rule, parameter, found)?,
                    }
                }
            }
            Some(ParameterRule::Column(rule)) => {
                self.column(rule, parameter, found)?;
                if !rule.values.is_empty() {
                    values = rule.values.iter().map(String::as_str).collect();
                }
            }
            None => found.comparisons.extend(self.conventional(parameter)?),
        }
        Self::require(parameter, &values, found)
    }

    fn require(
        parameter: &Parameter<'_>,
        values: &[&str],
        found: &mut Filters,
    ) -> Result<(), String> {
        if !parameter.required {
            return Ok(());
        }
        let has_filter = found.comparisons.iter().any(|filter| {
            filter.parameter == parameter.name && filter.operator == FilterOperator::Equal
        });
        if !has_filter {
            return Err("must be given, and no column can be compared with \"=\" for it".into());
        }
        found.required.push(RequiredParameter {
            parameter: parameter.name.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        });
        Ok(())
    }

    /// A filter as the overlay says.
    fn ruled(&self, rule: &FilterRule, parameter: &Parameter<'_>) -> Result<Filter, String> {
        let column = self.find(&rule.column).ok_or_else(|| {
            format!(
                "is said to filter by {}, and there is no such column",
                rule.column
            )
        })?;
        let listed = || {
            let templated = rule.template.is_some();
            let values = if templated {
                Vec::new()
            } else {
                parameter.scalar().values
            };
            values.into_iter().map(str::to_owned).collect()
        };
        let values = rule.values.clone().unwrap_or_else(listed);
        if column.ignore_case && values.is_empty() && rule.operator == FilterOperator::Equal {
            return Err(format!(
                "compares {} without regard to case; list its values",
                rule.column
            ));
        }
        Ok(Filter {
            template: rule.template.clone(),
            values,
            wider: rule.wider,
            with: rule.with.clone(),
            ..self.filter(&rule.column, rule.operator, parameter)
        })
    }

    /// A column that stands for a parameter.
    fn column(
        &self,
        rule: &ParameterColumn,
        parameter: &Parameter<'_>,
        found: &mut Filters,
    ) -> Result<(), String> {
        let name = &rule.becomes;
        let is_taken = self.find(name).is_some() || found.columns.iter().any(|c| &c.name == name);
        if is_taken {
            return Err(format!(
                "is to become the column {name}, and there is one already"
            ));
        }
        let scalar = parameter.scalar();
        found.columns.push(Column {
            parameter: true,
            ignore_case: scalar.kind == ColumnType::Text && !scalar.values.is_empty(),
            ..plain_column(name.clone(), scalar.kind)
        });
        found.comparisons.push(Filter {
            values: scalar.values.into_iter().map(str::to_owned).collect(),
            with: rule.with.clone(),
            ..self.filter(name, FilterOperator::Equal, parameter)
        });
        Ok(())
    }

    /// What the name and the type of a parameter say.
    fn conventional(&self, parameter: &Parameter<'_>) -> Result<Vec<Filter>, String> {
        use FilterOperator::{Equal, Greater, GreaterOrEqual, In, IsNull, NotIn};
        let name = parameter.name.strip_suffix("[]").unwrap_or(parameter.name);
        let one = |column: &str, operator| self.filter(column, operator, parameter);
        let kind = parameter.scalar().kind;
        match name {
            "ids" if self.has("id", kind) => return Ok(vec![one("id", In)]),
            "exclude_ids" if self.has("id", kind) => return Ok(vec![one("id", NotIn)]),
            _ => {}
        }
        let since = name.strip_suffix("_since").map(|stem| format!("{stem}_at"));
        if let Some(column) = since.filter(|column| self.has(column, ColumnType::Timestamp)) {
            let strict = Filter {
                wider: true,
                ..one(&column, Greater)
            };
            return Ok(vec![one(&column, GreaterOrEqual), strict]);
        }
        let column = self
            .find(&column_name(name))
            .ok_or("is unknown: say in the overlay what it means")?;
        if let Some(filters) = self.operators(parameter, &column.name) {
            return Ok(filters);
        }
        if name != parameter.name {
            return Err("takes several values: say in the overlay what it means".into());
        }
        if !self.has(&column.name, kind) {
            return Err(format!(
                "has another type than the column {}: say in the overlay what it means",
                column.name
            ));
        }
        let equal = one(&column.name, Equal);
        Ok(match kind {
            ColumnType::Boolean => truths(&equal),
            ColumnType::Text => vec![self.text(equal, parameter, column)?],
            _ if parameter.takes_null() => {
                let null = Filter {
                    template: Some("null".to_owned()),
                    ..one(&column.name, IsNull)
                };
                vec![equal, null]
            }
            _ => vec![equal],
        })
    }

    /// The filters of a parameter whose values begin with an operator.
    fn operators(&self, parameter: &Parameter<'_>, column: &str) -> Option<Vec<Filter>> {
        let values = parameter.scalar().values;
        let operators: Option<Vec<_>> = values.into_iter().map(operator).collect();
        let filters = operators?.into_iter().map(|(operator, sign)| Filter {
            template: Some(format!("{sign}{{}}")),
            ..self.filter(column, operator, parameter)
        });
        let filters: Vec<_> = filters.collect();
        (!filters.is_empty()).then_some(filters)
    }

    /// Equality of texts. The service may have a rule of its own about case; what it returns is
    /// then more.
    fn text(
        &self,
        equal: Filter,
        parameter: &Parameter<'_>,
        column: &Column,
    ) -> Result<Filter, String> {
        let empty = Vec::new();
        let stored = self.values.get(&column.name).unwrap_or(&empty);
        let known = parameter.scalar().values;
        let is_stored = |value: &&str| stored.iter().any(|one| one.eq_ignore_ascii_case(value));
        match (known.is_empty(), stored.is_empty()) {
            (true, true) => Ok(Filter {
                wider: true,
                ..equal
            }),
            (true, false) => Ok(Filter {
                values: stored.iter().map(|value| (*value).to_owned()).collect(),
                wider: true,
                ..equal
            }),
            (false, true) => Ok(Filter {
                values: known.into_iter().map(str::to_owned).collect(),
                wider: true,
                ..equal
            }),
            (false, false) if known.iter().all(is_stored) => Ok(Filter {
                values: known.into_iter().map(str::to_owned).collect(),
                ..equal
            }),
            (false, false) => Err(format!(
                "lists other values than the column {}: say in the overlay what they mean",
                column.name
            )),
        }
    }

    fn filter(&self, column: &str, operator: FilterOperator, parameter: &Parameter<'_>) -> Filter {
        let several = matches!(operator, FilterOperator::In | FilterOperator::NotIn);
        let max_values = self.overlay.conventions.max_values;
        Filter {
            column: column.to_owned(),
            operator,
            parameter: parameter.name.to_owned(),
            template: None,
            values: Vec::new(),
            wider: false,
            with: BTreeMap::new(),
            max_values: (several && self.page_size > max_values).then_some(max_values),
        }
    }

    fn find(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether there is a column of this name to which values of this type can be compared.
    fn has(&self, name: &str, kind: ColumnType) -> bool {
        use ColumnType::{Bigint, Integer};
        let is_whole = |kind| matches!(kind, Bigint | Integer);
        self.find(name)
            .is_some_and(|column| column.kind == kind || (is_whole(column.kind) && is_whole(kind)))
    }
}

/// A flag that is asked for as `true` gives what has it; one that is asked for as `false` may be
/// taken for one that is not asked for.
fn truths(equal: &Filter) -> Vec<Filter> {
    let with = |value: &str, wider| Filter {
        values: vec![value.to_owned()],
        wider,
        ..equal.clone()
    };
    vec![with("true", false), with("false", true)]
}

/// The operator at the beginning of `>=DATE`.
fn operator(value: &str) -> Option<(FilterOperator, &str)> {
    use FilterOperator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    let end = value.find(|c: char| c.is_ascii_alphabetic())?;
    let sign = value.get(..end)?;
    let operator = match sign {
        "<" => Less,
        "<=" => LessOrEqual,
        "=" => Equal,
        ">=" => GreaterOrEqual,
        ">" => Greater,
        _ => return None,
    };
    Some((operator, sign))
}
