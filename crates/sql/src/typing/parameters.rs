//! The parameters of a statement; the first place that says something of a type decides it.

use crate::database::Parameter;
use crate::types::SqlType;

/// The parameters by their number.
pub(super) struct Parameters {
    known: Vec<(Option<String>, Option<SqlType>)>,
}

impl Parameters {
    pub(super) fn new(names: Vec<Option<String>>) -> Self {
        Self {
            known: names.into_iter().map(|name| (name, None)).collect(),
        }
    }

    /// The type of a parameter, if a place has said something of it.
    pub(super) fn sql_type(&self, number: usize) -> Option<SqlType> {
        self.known.get(number).and_then(|(_, sql_type)| *sql_type)
    }

    /// Says that a place asks for a type. Returns the type that the parameter has.
    pub(super) fn suggest(&mut self, number: usize, sql_type: SqlType) -> SqlType {
        match self.known.get_mut(number) {
            Some((_, known)) => *known.get_or_insert(sql_type),
            None => sql_type,
        }
    }

    /// All parameters; one of which nothing is known is a text.
    pub(super) fn into_vec(self) -> Vec<Parameter> {
        self.known
            .into_iter()
            .map(|(name, sql_type)| Parameter {
                name,
                sql_type: sql_type.unwrap_or(SqlType::TEXT),
            })
            .collect()
    }
}
