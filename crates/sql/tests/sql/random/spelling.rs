//! Statements in two spellings: for the library, and for plain `SQLite`.
//!
//! A text holds marks for what differs, and for values that may be parameters. They nest.

use apilink_sql::Value;

const OURS: char = '\u{e000}';
const THEIRS: char = '\u{e001}';
const VALUE: char = '\u{e002}';
const END: char = '\u{e003}';

/// What is written in one way for the library and in another for plain `SQLite`.
pub fn either(ours: &str, theirs: &str) -> String {
    format!("{OURS}{ours}{THEIRS}{theirs}{END}")
}

/// A literal that may become a parameter.
pub fn value(literal: &str) -> String {
    format!("{VALUE}{literal}{END}")
}

/// As the library is asked, with literals.
pub fn ours(text: &str) -> String {
    Speller::default().spelled(text, true)
}

/// As plain `SQLite` is asked.
pub fn theirs(text: &str) -> String {
    Speller::default().spelled(text, false)
}

/// As the library is asked, with parameters in place of literals.
pub fn with_parameters(text: &str) -> (String, Vec<Value>) {
    let mut speller = Speller {
        parameters: Some(Vec::new()),
    };
    let sql = speller.spelled(text, true);
    (sql, speller.parameters.unwrap_or_default())
}

#[derive(Default)]
struct Speller {
    parameters: Option<Vec<Value>>,
}

impl Speller {
    fn spelled(&mut self, text: &str, is_ours: bool) -> String {
        let mut letters = text.chars();
        let mut out = String::new();
        self.copy(&mut letters, is_ours, &mut Some(&mut out));
        out
    }

    /// Copies up to the end of a mark; tells which mark ended it.
    fn copy(
        &mut self,
        letters: &mut std::str::Chars,
        is_ours: bool,
        out: &mut Option<&mut String>,
    ) -> Option<char> {
        while let Some(letter) = letters.next() {
            match letter {
                OURS => {
                    let mut nowhere = None;
                    self.copy(letters, is_ours, if is_ours { out } else { &mut nowhere });
                    self.copy(letters, is_ours, if is_ours { &mut nowhere } else { out });
                }
                VALUE => {
                    let mut literal = String::new();
                    self.copy(letters, is_ours, &mut Some(&mut literal));
                    if let Some(out) = out {
                        match (&mut self.parameters, parsed(&literal)) {
                            (Some(parameters), Some(value)) => {
                                parameters.push(value);
                                out.push('?');
                            }
                            _ => out.push_str(&literal),
                        }
                    }
                }
                THEIRS | END => return Some(letter),
                other => {
                    if let Some(out) = out {
                        out.push(other);
                    }
                }
            }
        }
        None
    }
}

fn parsed(literal: &str) -> Option<Value> {
    let text = literal
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .map(|text| Value::Text(text.replace("''", "'")));
    text.or_else(|| literal.parse().ok().map(Value::Integer))
        .or_else(|| literal.parse().ok().map(Value::Real))
}

#[test]
fn both_spellings_are_told_apart() {
    let text = format!(
        "{} = {} AND {}",
        either(&format!("a{}", value("1")), "b"),
        value("'it''s'"),
        value("2.5")
    );
    assert_eq!(ours(&text), "a1 = 'it''s' AND 2.5");
    assert_eq!(theirs(&text), "b = 'it''s' AND 2.5");
    let values = vec![
        Value::Integer(1),
        Value::Text("it's".into()),
        Value::Real(2.5),
    ];
    assert_eq!(with_parameters(&text), ("a? = ? AND ?".into(), values));
}
