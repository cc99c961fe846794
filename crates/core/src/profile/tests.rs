#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::SqlState;

fn built_in_json() -> Value {
    serde_json::from_str(include_str!("../../../../profiles/clio/profile.json")).unwrap()
}

fn read_json(json: &Value) -> Result<Profile> {
    Profile::from_json(&json.to_string(), Path::new("Test.apip"))
}

fn write(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

/// A profile that can be told from the built-in one.
fn named(name: &str) -> String {
    let mut json = built_in_json();
    json["name"] = json!(name);
    json.to_string()
}

fn selected(path: &Path) -> (String, bool) {
    let selection = Profile::select(path).unwrap();
    (selection.profile.name.clone(), selection.warning.is_some())
}

#[test]
fn the_built_in_profile_says_what_clio_documents() {
    let clio = Profile::built_in_clio();
    assert_eq!(clio.name, "Clio");
    assert_eq!(clio.default_region, "US");
    let hosts: Vec<_> = clio
        .regions
        .iter()
        .map(|region| region.host.as_str())
        .collect();
    assert_eq!(
        hosts,
        [
            "app.clio.com",
            "ca.app.clio.com",
            "eu.app.clio.com",
            "au.app.clio.com"
        ]
    );
    assert_eq!(clio.oauth.pkce, Pkce::Off);
    assert_eq!(clio.oauth.client_authentication, ClientAuthentication::Body);
    assert_eq!(
        clio.oauth.revocation_path.as_deref(),
        Some("/oauth/deauthorize")
    );
    assert_eq!(
        clio.oauth.authorization_parameters["redirect_on_decline"],
        "true"
    );
    assert_eq!(clio.api.version_header.as_ref().unwrap().value, "4.0.13");
    assert_eq!(clio.rate_limit.window_seconds, 60);
    assert_eq!(clio.paging.page_size, 200);
    assert!(Arc::ptr_eq(&clio, &Profile::built_in_clio()));
}

#[test]
fn misspelt_missing_and_ill_typed_members_are_named() {
    for (pointer, member) in [
        ("", "nam"),
        ("/oauth", "token_paht"),
        ("/api/identity", "field"),
        ("/paging", "page_sise"),
        ("/regions/0", "alias"),
    ] {
        let mut json = built_in_json();
        json.pointer_mut(pointer).unwrap()[member] = json!("x");
        let message = read_json(&json).unwrap_err().message;
        assert!(
            message.contains(&format!("unknown field `{member}`")),
            "{message}"
        );
        assert!(message.contains("line 1 column"), "{message}");
    }
    let mut json = built_in_json();
    json["oauth"].as_object_mut().unwrap().remove("token_path");
    assert!(
        read_json(&json)
            .unwrap_err()
            .message
            .contains("missing field `token_path`")
    );
    let mut json = built_in_json();
    json["oauth"]["pkce"] = json!("plain");
    assert!(
        read_json(&json)
            .unwrap_err()
            .message
            .contains("`off` or `S256`")
    );
}

#[test]
fn values_that_are_not_allowed_are_named_by_their_json_path() {
    for (pointer, value) in [
        ("/name", json!("")),
        ("/name", json!("../evil")),
        ("/regions", json!([])),
        ("/default_region", json!("USA")),
        ("/regions/3/name", json!("local")),
        ("/regions/1/name", json!("us")),
        ("/regions/0/host", json!("https://app.clio.com")),
        ("/regions/0/host", json!("user@app.clio.com")),
        ("/regions/0/host", json!("app.clio.com/x")),
        ("/regions/0/host", json!("app.clio.com.")),
        ("/regions/0/host", json!("app.clio.com:443")),
        ("/regions/0/host", json!("127.1")),
        ("/regions/0/host", json!("")),
        ("/oauth/authorization_path", json!("oauth")),
        ("/oauth/token_path", json!("//evil.example/token")),
        ("/oauth/token_path", json!("/token?x=1")),
        ("/oauth/revocation_path", json!("https://evil.example")),
        ("/oauth/out_of_band_path", json!("/a b")),
        ("/oauth/authorization_parameters", json!({"state": "1"})),
        ("/oauth/refresh_margin_seconds", json!(86_401)),
        ("/api/base_path", json!("/api/")),
        ("/api/base_path", json!("api")),
        ("/api/version_header/name", json!("X API")),
        ("/api/version_header/value", json!("a\nb")),
        ("/api/path_suffix", json!("/json")),
        ("/api/identity/path", json!("/users")),
        ("/api/identity/path", json!("../users")),
        ("/rate_limit/window_seconds", json!(0)),
        ("/rate_limit/reset_header", json!("")),
        ("/retry/statuses", json!([404])),
        ("/retry/attempts", json!(0)),
        ("/retry/base_milliseconds", json!(9000)),
        ("/retry/cap_milliseconds", json!(600_001)),
        ("/paging/page_size", json!(0)),
        ("/paging/next_pointer", json!("meta")),
        ("/paging/token_parameter", json!("")),
    ] {
        let mut json = built_in_json();
        *json.pointer_mut(pointer).unwrap() = value.clone();
        let message = read_json(&json).unwrap_err().message;
        let expected = format!("Profile \"Test.apip\": {pointer} must be ");
        assert!(
            message.starts_with(&expected),
            "{pointer} {value}: {message}"
        );
    }
    let mut json = built_in_json();
    json["errors"]["statuses"]["RateLimited"] = json!(200);
    assert!(
        read_json(&json)
            .unwrap_err()
            .message
            .contains("/errors/statuses/RateLimited must be ")
    );
    let mut json = built_in_json();
    json["errors"]["type_pointers"][1] = json!("error");
    assert!(
        read_json(&json)
            .unwrap_err()
            .message
            .contains("/errors/type_pointers/1")
    );
}

#[test]
fn another_format_version_is_named_before_its_members() {
    let text = r#"{"apilink_profile": 2, "news": true}"#;
    let message = Profile::from_json(text, Path::new("New.apip"))
        .unwrap_err()
        .message;
    assert!(message.contains("/apilink_profile is 2"), "{message}");
}

#[test]
fn the_built_in_profile_needs_no_file() {
    for value in [
        r"C:\profiles\Clio.apip",
        r"C:\profiles\clio",
        r"C:\profiles\CLIO.APIP",
        "/no/such/directory/Clio.apip",
        "no/such/Clio/",
        "Clio.apip",
        r"\\server\share\Clio",
    ] {
        assert_eq!(
            selected(Path::new(value)),
            ("Clio".to_owned(), false),
            "{value}"
        );
    }
    for value in [
        "/no/such/Klio.apip",
        "/no/such/Clio.json",
        "/no/such/Clio.apip.bak",
        "x",
    ] {
        let message = Profile::select(Path::new(value)).unwrap_err().message;
        assert!(message.contains("there is no file"), "{message}");
    }
}

#[test]
fn the_bare_name_is_no_file() {
    assert!(Profile::is_built_in_name("Clio") && Profile::is_built_in_name(" clio "));
    for value in ["Clio.apip", "./Clio", r".\Clio", "Clio/", "x"] {
        assert!(!Profile::is_built_in_name(value), "{value}");
    }
}

#[test]
fn a_file_of_ours_is_read_with_and_without_its_extension() {
    let directory = TempDir::new().unwrap();
    let path = write(&directory, "Clio.apip", named("Mine"));
    assert_eq!(selected(&path), ("Mine".to_owned(), false));
    assert_eq!(
        selected(&directory.path().join("Clio")),
        ("Mine".to_owned(), false)
    );
    let other = write(
        &directory,
        "other.json",
        format!("\u{feff}{}", named("Other")),
    );
    assert_eq!(selected(&other), ("Other".to_owned(), false));
}

#[test]
fn a_directory_may_be_named() {
    let directory = TempDir::new().unwrap();
    write(&directory, "one/Mine.apip", named("Mine"));
    write(&directory, "own/profile.json", named("Own"));
    write(&directory, "two/A.apip", named("A"));
    write(&directory, "two/B.apip", named("B"));
    write(&directory, "Clio/readme.txt", "nothing");
    write(&directory, "both/Clio.apip", named("File"));
    write(&directory, "both/Clio/profile.json", named("Directory"));
    write(&directory, "empty/readme.txt", "nothing");
    let at = |name: &str| directory.path().join(name);
    assert_eq!(selected(&at("one")).0, "Mine");
    assert_eq!(selected(&at("own")).0, "Own");
    assert_eq!(selected(&at("Clio")).0, "Clio");
    assert_eq!(selected(&at("both/Clio")).0, "File");
    assert!(
        Profile::select(&at("two"))
            .unwrap_err()
            .message
            .contains("several profiles")
    );
    assert!(Profile::select(&at("empty")).is_err());
}

#[test]
fn a_foreign_file_means_the_built_in_profile_only_with_its_stem() {
    let contents: [&[u8]; 5] = [
        b"PK\x03\x04\0\0zip",
        b"<?xml version=\"1.0\"?><profile/>",
        b"",
        b"{\"a\":1}",
        b"[1]",
    ];
    for content in contents {
        let directory = TempDir::new().unwrap();
        let path = write(&directory, "cLIO.apip", content);
        let selection = Profile::select(&path).unwrap();
        let warning = selection.warning.unwrap();
        assert_eq!(selection.profile.name, "Clio");
        assert_eq!(warning.sqlstate, SqlState::GENERAL_WARNING);
        assert!(warning.message.contains("cLIO.apip"), "{warning}");
        let path = write(&directory, "Other.apip", content);
        let message = Profile::select(&path).unwrap_err().message;
        assert!(message.contains("apilink_profile"), "{message}");
    }
}

#[test]
fn a_broken_profile_of_ours_is_not_taken_for_a_foreign_one() {
    let directory = TempDir::new().unwrap();
    let path = write(
        &directory,
        "Clio.apip",
        "{\"apilink_profile\": 1, \"name\": ",
    );
    let message = Profile::select(&path).unwrap_err().message;
    assert!(message.contains("EOF while parsing"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let message = Profile::select(Path::new("/dev/zero")).unwrap_err().message;
    assert!(message.contains("not a regular file"), "{message}");
}

#[test]
fn a_path_that_swallowed_another_property_is_not_shown() {
    let path = Path::new(r"C:\Other.apip OAuthClientSecret=canary");
    assert!(
        !Profile::select(path)
            .unwrap_err()
            .message
            .contains("canary")
    );
}

#[test]
fn the_built_in_tables_are_read() {
    let clio = Profile::built_in_clio();
    let matters = clio.tables().iter().find(|table| table.name == "matters");
    assert_eq!(matters.unwrap().key, ["id"]);
}

#[test]
fn the_built_in_tables_are_as_they_must_be() {
    let clio = Profile::built_in_clio();
    table_rules::check(clio.tables()).unwrap();
    table_rules::check_custom_fields(clio.custom_fields.as_ref(), clio.tables()).unwrap();
}
