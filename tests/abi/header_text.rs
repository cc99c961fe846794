//! The C header as data.

use std::path::PathBuf;

/// A function that the header declares.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub result: String,
    /// Type and name, in order.
    pub parameters: Vec<(String, String)>,
    /// The comment above it.
    pub comment: String,
}

impl Function {
    /// The parameters of a type.
    pub fn of_type(&self, wanted: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter(move |(kind, _)| kind == wanted)
            .map(|(_, name)| name.as_str())
    }
}

pub fn committed_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("include/apilink.h")
}

pub fn committed() -> String {
    std::fs::read_to_string(committed_path()).expect("include/apilink.h")
}

/// What the build has just made of src.
pub fn generated() -> String {
    std::fs::read_to_string(env!("APILINK_GENERATED_HEADER")).expect("the generated header")
}

/// Every function of the header.
pub fn functions() -> Vec<Function> {
    let text = generated();
    let (mut functions, mut comment, mut code) = (Vec::new(), String::new(), String::new());
    for line in text.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("//") {
            comment.push_str(text);
            comment.push('\n');
        } else if line.is_empty() || line.starts_with('#') {
            comment.clear();
            code.clear();
        } else {
            code.push_str(line);
            code.push(' ');
            if line.ends_with(';') {
                functions.extend(prototype(&code, &comment));
                comment.clear();
                code.clear();
            }
        }
    }
    assert!(functions.len() > 40, "the header was not understood");
    functions
}

/// Whether the comment of a function, or one that it refers to ("as apilink_..."), has a SQLSTATE
/// among those of its errors. What the head of the header says of all functions counts too.
pub fn lists_state(name: &str, state: &str) -> bool {
    let functions = functions();
    let comment_of = |name: &str| {
        let function = functions.iter().find(|function| function.name == name);
        let function = function.unwrap_or_else(|| panic!("{name} is not in the header"));
        function
            .comment
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let own = comment_of(name);
    let referred = own.split("as apilink_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let name = &rest[..end.unwrap_or(rest.len())];
        functions
            .iter()
            .any(|f| f.name == format!("apilink_{name}"))
            .then(|| comment_of(&format!("apilink_{name}")))
    });
    std::iter::once(own.clone())
        .chain(referred)
        .any(|comment| comment.contains(state))
        || state == "HY000" && generated().contains("Every function can fail with HY000 as well")
}

fn prototype(code: &str, comment: &str) -> Option<Function> {
    let code = code.trim().trim_end_matches(';');
    if code.starts_with("typedef") || !code.ends_with(')') {
        return None;
    }
    let (start, parameters) = code.trim_end_matches(')').split_once('(')?;
    let (result, name) = declaration(start);
    let parameters = match parameters.trim() {
        "void" => Vec::new(),
        list => list.split(',').map(declaration).collect(),
    };
    Some(Function {
        name,
        result,
        parameters,
        comment: comment.to_owned(),
    })
}

/// Splits `const char *name` into type and name.
fn declaration(text: &str) -> (String, String) {
    let text = text.trim();
    let at = text.rfind([' ', '*']).expect("a type and a name") + 1;
    (text[..at].trim().to_owned(), text[at..].to_owned())
}
