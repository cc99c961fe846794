//! Where a statement ends.

/// The position behind the first `;` that is neither in quotes nor in a comment.
pub fn end(text: &str) -> Option<usize> {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ';' => return Some(text.len() - rest.len() + 1),
            '\'' | '"' | '`' => quoted(rest, first)?,
            '[' => quoted(rest, ']')?,
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/")? + 2,
            other => other.len_utf8(),
        };
        rest = rest.get(length..)?;
    }
    None
}

/// The length of a quoted text, with its quotes. A doubled quote inside needs no care: it ends one
/// text and begins another.
fn quoted(text: &str, close: char) -> Option<usize> {
    let inner = text.get(1..)?;
    Some(inner.find(close)? + 1 + close.len_utf8())
}

/// Whether there is nothing but blanks and comments.
pub fn is_blank(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        if rest.is_empty() {
            return true;
        }
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            match rest.find("*/") {
                Some(at) => at + 2,
                None => return true,
            }
        } else {
            return false;
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_unless_it_is_quoted() {
        for (text, expected) in [
            ("SELECT 1;", Some(9)),
            ("SELECT 1", None),
            ("SELECT ';'", None),
            ("SELECT ';';", Some(11)),
            ("SELECT 'it''s; fine'; x", Some(21)),
            ("SELECT \"a;b\", `c;d`, [e;f];", Some(27)),
            ("SELECT 1 -- ;\n;", Some(15)),
            ("SELECT 1 -- ;", None),
            ("SELECT /* ; */ 1;", Some(17)),
            ("SELECT /* ; ", None),
            ("SELECT 'open;", None),
            (";", Some(1)),
            ("SELECT 1 - -1 / 2;", Some(18)),
        ] {
            assert_eq!(end(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_are_blank() {
        for (text, expected) in [
            ("", true),
            (" \n-- a\n /* b */ ", true),
            ("-- a", true),
            ("/* b", true),
            ("-- a\nSELECT 1", false),
            ("- 1", false),
        ] {
            assert_eq!(is_blank(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_end_is_behind_a_semicolon_and_what_follows_does_not_matter(text in "[a;'\"`\\[\\]\\-/* \nü]{0,20}", more in ".{0,5}") {
            if let Some(end) = end(&text) {
                prop_assert!(text.get(..end).unwrap().ends_with(';'));
                let both = format!("{text}{more}");
                prop_assert_eq!(super::end(&both), Some(end));
            }
        }

        #[test]
        fn a_quoted_text_holds_no_end(inner in "[a;' ]{0,10}") {
            let text = format!("SELECT '{}'", inner.replace('\'', "''"));
            prop_assert_eq!(end(&text), None);
        }
    }
}
