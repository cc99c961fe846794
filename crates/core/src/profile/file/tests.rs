#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Write;

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::Profile;
use super::*;

/// A profile that can be told from the built-in one.
fn profile() -> String {
    let [(_, text), _] = Profile::built_in_files();
    let mut profile: serde_json::Value = serde_json::from_str(text).unwrap();
    profile["name"] = json!("Other");
    profile.as_object_mut().unwrap().remove("custom_fields");
    profile.to_string()
}

const TABLES_JSON: &str = r#"[{
    "name": "books",
    "list": { "path": "books", "page_size": 10 },
    "columns": [{ "name": "title", "type": "text" }]
}]"#;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn select(bytes: &[u8], name: &str) -> Result<std::sync::Arc<Profile>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Profile::select(&path).map(|selection| selection.profile)
}

#[test]
fn a_profile_can_be_in_an_archive() {
    let profile = profile();
    let bytes = archive(&[
        ("notes.txt", b"not read"),
        (PROFILE, profile.as_bytes()),
        (TABLES, TABLES_JSON.as_bytes()),
    ]);
    let selected = select(&bytes, "Other.apip").unwrap();
    assert_eq!(selected.name, "Other");
    assert_eq!(selected.tables()[0].name, "books");
    let without_tables = archive(&[(PROFILE, profile.as_bytes())]);
    let selected = select(&without_tables, "Other.apip").unwrap();
    assert!(selected.tables().is_empty());
}

#[test]
fn tables_may_lie_beside_a_profile_or_in_it_but_not_both() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(PROFILE), profile()).unwrap();
    std::fs::write(folder.path().join(TABLES), TABLES_JSON).unwrap();
    let selected = Profile::select(folder.path()).unwrap().profile;
    assert_eq!(selected.tables()[0].name, "books");

    let mut whole: serde_json::Value = serde_json::from_str(&profile()).unwrap();
    whole["tables"] = serde_json::from_str(TABLES_JSON).unwrap();
    std::fs::write(folder.path().join(PROFILE), whole.to_string()).unwrap();
    let message = Profile::select(folder.path()).unwrap_err().message;
    assert!(message.contains(TABLES), "{message}");
    std::fs::remove_file(folder.path().join(TABLES)).unwrap();
    assert_eq!(
        Profile::select(folder.path())
            .unwrap()
            .profile
            .tables()
            .len(),
        1
    );
}

#[test]
fn an_archive_without_a_profile_of_ours_is_foreign() {
    let others: [Vec<u8>; 4] = [
        archive(&[]),
        archive(&[("Clio.xml", b"<profile/>")]),
        archive(&[(PROFILE, b"{ \"theirs\": 1 }")]),
        archive(&[("inner/profile.json", profile().as_bytes())]),
    ];
    for bytes in others {
        assert_eq!(select(&bytes, "Clio.apip").unwrap().name, "Clio");
        let message = select(&bytes, "Other.apip").unwrap_err().message;
        assert!(message.contains("apilink_profile"), "{message}");
    }
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let mut text = profile();
    text.push_str(&" ".repeat(5 << 20));
    let bytes = archive(&[(PROFILE, text.as_bytes())]);
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    let message = select(&bytes, "Clio.apip").unwrap_err().message;
    assert!(message.contains("4 MiB"), "{message}");
}

#[test]
fn mistakes_in_an_archive_are_named() {
    let wrong = TABLES_JSON.replace("\"text\"", "\"colour\"");
    let bytes = archive(&[(PROFILE, profile().as_bytes()), (TABLES, wrong.as_bytes())]);
    let message = select(&bytes, "Other.apip").unwrap_err().message;
    assert!(
        message.contains(TABLES) && message.contains("colour"),
        "{message}"
    );
    let bytes = archive(&[(PROFILE, profile().as_bytes()), (TABLES, b"[\xff]")]);
    let message = select(&bytes, "Other.apip").unwrap_err().message;
    assert!(message.contains("UTF-8"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_archive_is_an_error_or_foreign(at in 0usize..1_500, byte: u8) {
        let mut bytes = archive(&[(PROFILE, profile().as_bytes()), (TABLES, TABLES_JSON.as_bytes())]);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = select(&bytes, "Clio.apip");
    }
}
