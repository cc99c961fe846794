//! The properties that a connection string gives, checked against the table.

use secrecy::{ExposeSecret, SecretString};

use crate::connection_string::{Pair, scan, scan_part};
use crate::error::{Diagnostic, Result, SqlState};
use crate::properties::{PROPERTIES, Property, Value};
use crate::secret::named;

/// Where keys stand, for messages.
const TOP: &str = "the connection string";
const NESTED: &str = "the value of ProfileSettings";

/// The properties for which examples hold placeholders.
const WITH_PLACEHOLDERS: [&str; 7] = [
    "Region",
    "OAuthClientId",
    "OAuthClientSecret",
    "CallbackURL",
    "OAuthAccessToken",
    "OAuthRefreshToken",
    "OAuthVerifier",
];

/// Properties in the order of precedence: of the same property, the first with a value counts.
pub(super) struct Given {
    entries: Vec<Entry>,
}

struct Entry {
    property: &'static Property,
    value: SecretString,
}

impl Given {
    /// Reads a connection string and what is nested in it, and checks the type of each value.
    pub(super) fn read(text: &str, warnings: &mut Vec<Diagnostic>) -> Result<Self> {
        refuse_jdbc(text)?;
        let mut given = Self {
            entries: collect(scan(text)?, TOP, warnings)?,
        };
        let nested = given.get("ProfileSettings").unwrap_or_default();
        let nested = collect(scan_part(nested, NESTED)?, NESTED, warnings)?;
        if nested
            .iter()
            .any(|entry| entry.property.name == "ProfileSettings")
        {
            let message = "ProfileSettings: it holds another ProfileSettings. Move what that one \
                           holds one level up.";
            return Err(Diagnostic::invalid_value(message));
        }
        given.entries.extend(nested);
        given.refuse_placeholders()?;
        given.entries.iter().try_for_each(Entry::check)?;
        Ok(given)
    }

    /// The value given for a property; `None` if there is none or if it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.of(table(name)?)
    }

    /// The same as [`Given::get`], with the default where none is given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.effective(table(name)?)
    }

    fn of(&self, property: &Property) -> Option<&str> {
        let mut values = self
            .entries
            .iter()
            .filter(|entry| entry.property.name == property.name)
            .map(|entry| entry.value.expose_secret());
        values.find(|value| !value.is_empty())
    }

    fn effective(&self, property: &Property) -> Option<&str> {
        self.of(property)
            .or(Some(property.default))
            .filter(|value| !value.is_empty())
    }

    pub(super) fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    pub(super) fn boolean(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Boolean(true)))
    }

    pub(super) fn word(&self, name: &str) -> &'static str {
        match self.value(name) {
            Some(Value::Word(word)) => word,
            _ => "",
        }
    }

    /// A number that the table does not let be negative.
    pub(super) fn unsigned(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Integer(number) => number.try_into().ok(),
            Value::Size(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The names of the properties given that do nothing.
    pub(super) fn without_effect(&self) -> Vec<String> {
        let given = |property: &&Property| self.of(property).is_some();
        let idle = PROPERTIES
            .iter()
            .filter(|property| !property.works)
            .filter(given);
        idle.map(|property| property.name.to_owned()).collect()
    }

    /// Name and value of every property that works, for people: secrets are masked, and each value
    /// is on one line.
    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let working = PROPERTIES.iter().filter(|property| property.works);
        working
            .map(|property| {
                let value = self.effective(property).unwrap_or_default();
                (property.name, for_people(property, value))
            })
            .collect()
    }

    fn value(&self, name: &str) -> Option<Value<'_>> {
        let property = table(name)?;
        property.kind.read(self.effective(property)?)
    }

    fn refuse_placeholders(&self) -> Result<()> {
        let left: Vec<&str> = WITH_PLACEHOLDERS
            .into_iter()
            .filter(|name| self.get(name).is_some_and(is_placeholder))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let (verb, values) = if left.len() == 1 {
            ("still holds a placeholder", "its value")
        } else {
            ("still hold placeholders", "their values")
        };
        Err(Diagnostic::invalid_value(format!(
            "{} {verb} of an example. Fill in {values}.",
            left.join(", ")
        )))
    }
}

/// The entry of a property that this library asks for by its name in the table.
fn table(name: &str) -> Option<&'static Property> {
    let property = PROPERTIES.iter().find(|property| property.name == name);
    debug_assert!(
        property.is_some(),
        "{name} is not in the table of properties"
    );
    property
}

impl Entry {
    fn check(&self) -> Result<()> {
        let (property, value) = (self.property, self.value.expose_secret());
        if value.is_empty() {
            return Ok(());
        }
        if value.trim().is_empty() {
            return Err(Diagnostic::invalid_value(format!(
                "{}: the value holds nothing but blanks. Give a value or leave the property out.",
                property.name
            )));
        }
        match property.kind.read(value) {
            Some(_) => Ok(()),
            None => Err(not_allowed(property, value)),
        }
    }
}

fn collect(pairs: Vec<Pair>, part: &str, warnings: &mut Vec<Diagnostic>) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    for Pair {
        key,
        value,
        position,
    } in pairs
    {
        let property = Property::find(&key).ok_or_else(|| unknown(&key, position, part))?;
        if entries
            .iter()
            .any(|entry| entry.property.name == property.name)
        {
            warnings.push(repeated(property, position, part));
        } else {
            entries.push(Entry { property, value });
        }
    }
    Ok(entries)
}

fn not_allowed(property: &Property, value: &str) -> Diagnostic {
    let value = if property.secret { "" } else { value };
    Diagnostic::invalid_value(format!(
        "{}: {} is not allowed. Allowed: {}.",
        property.name,
        named(value),
        property.kind.allowed()
    ))
}

/// A URL of JDBC is a connection string after a prefix.
fn refuse_jdbc(text: &str) -> Result<()> {
    let start = text.trim_start().get(..5);
    if !start.is_some_and(|start| start.eq_ignore_ascii_case("jdbc:")) {
        return Ok(());
    }
    Err(Diagnostic::invalid_value(
        "The connection string is a URL for JDBC. Remove what stands before the first property \
         (jdbc:...:); the properties can stay as they are.",
    ))
}

/// What to do about a keyword that is meant for the driver manager of ODBC.
fn advice_on_odbc(key: &str) -> Option<&'static str> {
    let is = |keyword: &str| key.eq_ignore_ascii_case(keyword);
    if is("Driver") {
        Some(
            "It names an ODBC driver, and apilink is not called through ODBC. Remove it; the \
             properties can stay as they are.",
        )
    } else if is("DSN") || is("FILEDSN") {
        Some(
            "It names a data source of ODBC, and apilink is not called through ODBC. Write the \
             properties of the data source in its place.",
        )
    } else {
        None
    }
}

fn unknown(key: &str, position: usize, part: &str) -> Diagnostic {
    let hint = match (advice_on_odbc(key), Property::nearest_name(key)) {
        (Some(advice), _) => advice.to_owned(),
        (None, Some(name)) => format!("Did you mean {name}?"),
        (None, None) => "docs/connection-string.md lists the properties. A value that holds a ; \
                         must be enclosed in quotes."
            .to_owned(),
    };
    let key = if is_like_a_name(key) {
        format!("\"{key}\"")
    } else {
        "this".to_owned()
    };
    Diagnostic::invalid_value(format!(
        "Byte {position} of {part}: {key} is not a property. {hint}"
    ))
}

/// Other text could be a piece of a secret that holds a `;`.
fn is_like_a_name(key: &str) -> bool {
    key.len() <= 40
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || " _-.".contains(c))
}

fn repeated(property: &Property, position: usize, part: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::INVALID_ATTRIBUTE,
        format!(
            "{} is given more than once. The first value is used; the one at byte {position} of \
             {part} is not.",
            property.name
        ),
    )
}

/// `your_client_id`, `<client id>` or dots, as examples have them.
fn is_placeholder(value: &str) -> bool {
    let value = value.trim();
    if matches!(value, "..." | "\u{2026}") {
        return true;
    }
    let begins_with_your = value
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("your"));
    (begins_with_your && value.get(4..5).is_some_and(|c| "_- ".contains(c)))
        || (value.starts_with('<') && value.ends_with('>'))
}

fn for_people(property: &Property, value: &str) -> String {
    if value.is_empty() {
        String::new()
    } else if property.secret {
        "*****".to_owned()
    } else if value.contains("-----BEGIN") {
        "PEM text".to_owned()
    } else {
        value.replace(char::is_control, " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let read = Given::read(text, &mut Vec::new());
        read.err().map(|error| error.message).unwrap_or_default()
    }

    #[test]
    fn strings_of_odbc_and_jdbc_are_refused_with_what_to_do() {
        for (text, start, advice) in [
            (
                "Driver={Some ODBC Driver};Region=US",
                "Byte 1 of the connection string: \"Driver\" is not a property.",
                "Remove it",
            ),
            (
                "Region=US; dsn=Clio",
                "Byte 12 of the connection string: \"dsn\" is not a property.",
                "Write the properties of the data source in its place.",
            ),
            (
                "FileDSN=C:\\clio.dsn",
                "Byte 1 of",
                "Write the properties of the data source",
            ),
            (
                "jdbc:apis:Profile=Clio;Region=US",
                "The connection string is a URL for JDBC.",
                "Remove what stands before the first property",
            ),
            (" JDBC:apis:;Profile=Clio", "The connection", "Remove what"),
        ] {
            let message = message(text);
            assert!(message.starts_with(start), "{text}: {message}");
            assert!(message.contains(advice), "{text}: {message}");
            assert!(!message.contains("Did you mean"), "{text}: {message}");
        }
        assert_eq!(message("Region=US;Profile=jdbc:x"), "");
    }
}
