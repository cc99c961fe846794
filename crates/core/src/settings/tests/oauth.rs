//! What logins and tokens need.

use std::fs;

use tempfile::TempDir;

use super::*;

#[test]
fn what_a_connection_needs_is_named() {
    let needs = |text: &str| parse(text).check_for_connect().unwrap_err().message;
    assert!(needs("").starts_with("OAuthAccessToken is missing"));
    assert!(
        needs("InitiateOAuth=GETANDREFRESH")
            .starts_with("OAuthClientId and OAuthClientSecret are missing")
    );
    assert!(
        needs("InitiateOAuth=GETANDREFRESH;OAuthClientId=a")
            .starts_with("OAuthClientSecret is missing")
    );
    assert!(
        needs("InitiateOAuth=GETANDREFRESH;OAuthClientSecret=a")
            .starts_with("OAuthClientId is missing")
    );
    let client = "OAuthClientId=a;OAuthClientSecret=b;OAuthVerifier=c";
    assert!(needs(client).contains("InitiateOAuth=OFF"));
    assert!(
        needs(&format!("InitiateOAuth=REFRESH;{client}"))
            .starts_with("OAuthSettingsLocation is missing")
    );
    let location = "InitiateOAuth=REFRESH;OAuthVerifier=c;OAuthSettingsLocation=memory://x";
    assert!(needs(location).starts_with("OAuthClientId and OAuthClientSecret"));
    for text in [
        "OAuthAccessToken=a",
        "AuthScheme=None",
        "InitiateOAuth=REFRESH",
        "InitiateOAuth=REFRESH;OAuthSettingsLocation=memory://x;OAuthClientId=a;\
         OAuthClientSecret=b;OAuthVerifier=c",
    ] {
        parse(text).check_for_connect().unwrap();
    }
    assert!(parse("").check_for_login().is_err());
    assert!(parse("OAuthClientId=a").check_for_login().is_ok());
    assert!(parse("OAuthClientId=a").check_for_token_request().is_err());
}

#[test]
fn a_profile_with_pkce_needs_no_secret() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.apip");
    let text = include_str!("../../../../../profiles/clio/profile.json");
    fs::write(
        &path,
        text.replace("\"pkce\": \"off\"", "\"pkce\": \"S256\""),
    )
    .unwrap();
    let text = format!(
        "Profile={};InitiateOAuth=GETANDREFRESH;OAuthClientId=a",
        path.display()
    );
    parse(&text).check_for_connect().unwrap();
}

/// RFC 7636 section 4.1.
#[test]
fn a_pkce_verifier_is_43_to_128_unreserved_characters() {
    for good in ["a".repeat(43), "-._~".repeat(32)] {
        parse(&format!("PKCEVerifier={good}"));
    }
    for bad in [
        "a".repeat(42),
        "a".repeat(129),
        format!("{}+", "a".repeat(43)),
        format!("{}é", "a".repeat(43)),
        format!("{} b", "a".repeat(43)),
    ] {
        let message = error(&format!("PKCEVerifier={bad}"));
        assert!(message.contains("PKCEVerifier"), "{message}");
        assert!(message.contains("43 to 128"), "{message}");
        assert!(!message.contains("aaa"), "{message}");
    }
}

#[test]
fn a_foreign_profile_is_replaced_with_a_warning() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("Clio.apip");
    fs::write(&path, b"PK\x03\x04").unwrap();
    let warnings = warnings(&format!("Profile={}", path.display()));
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].sqlstate, SqlState::GENERAL_WARNING);
}

#[test]
fn oauth_endpoints_can_be_replaced() {
    let settings = parse(
        "OAuthAuthorizationURL=https://login.example/authorize;\
         OAuthAccessTokenURL=http://127.0.0.1:9/token",
    );
    assert_eq!(
        settings.endpoints.authorization.as_str(),
        "https://login.example/authorize"
    );
    assert_eq!(
        settings.endpoints.refresh.as_str(),
        "http://127.0.0.1:9/token"
    );
    let settings = parse("OAuthRefreshTokenURL=https://login.example/refresh");
    assert_eq!(
        settings.endpoints.token.as_str(),
        "https://app.clio.com/oauth/token"
    );
    assert_eq!(
        settings.endpoints.refresh.as_str(),
        "https://login.example/refresh"
    );
    for name in [
        "OAuthAuthorizationURL",
        "OAuthAccessTokenURL",
        "OAuthRefreshTokenURL",
    ] {
        assert!(error(&format!("{name}=http://login.example/x")).starts_with(name));
    }
}

#[test]
fn callback_urls_are_kept_as_written() {
    for text in [
        "http://localhost:33333",
        "http://127.0.0.1:8080/a?b=c",
        "https://app.firm.example/callback",
        "https://eu.app.clio.com/oauth/approval",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert_eq!(parse(&format!("CallbackURL={text}")).callback_url, text);
    }
    for text in [
        "localhost/callback",
        "http://",
        "http://localhost/#x",
        "'http://local host'",
    ] {
        assert!(
            error(&format!("CallbackURL={text}")).starts_with("CallbackURL"),
            "{text}"
        );
    }
}

#[test]
fn given_tokens_are_read() {
    let given = parse(
        "OAuthAccessToken=at;OAuthRefreshToken=rt;OAuthExpiresIn=3600;\
         OAuthTokenTimestamp=1700000000123",
    )
    .given;
    assert_eq!(exposed(given.access_token.as_ref()), Some("at"));
    assert_eq!(exposed(given.refresh_token.as_ref()), Some("rt"));
    assert_eq!(given.expires_in, Some(Duration::from_secs(3600)));
    let since = given
        .issued_at
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(since.as_millis(), 1_700_000_000_123);
    let given = parse("OAuthExpiresIn=0;OAuthTokenTimestamp=0").given;
    assert_eq!(given.expires_in, Some(Duration::ZERO));
    assert_eq!(given.issued_at, Some(SystemTime::UNIX_EPOCH));
}

#[test]
fn token_locations_are_read() {
    let location = |value: &str| parse(&format!("OAuthSettingsLocation={value}")).token_location;
    let file = |path: PathBuf| TokenLocation::File(path);
    assert_eq!(
        location("MEMORY://One"),
        TokenLocation::Memory("One".to_owned())
    );
    let home = etcetera::home_dir().unwrap();
    let config = etcetera::choose_base_strategy().unwrap().config_dir();
    assert_eq!(
        location("~/tokens/a.txt"),
        file(home.join("tokens").join("a.txt"))
    );
    assert_eq!(
        location(r"%AppData%\CData\Clio Data Provider\OAuthSettings.txt"),
        file(
            config
                .join("CData")
                .join("Clio Data Provider")
                .join("OAuthSettings.txt")
        )
    );
    assert_eq!(
        location("tokens.txt"),
        file(std::path::absolute("tokens.txt").unwrap())
    );
    assert_eq!(
        location("~user"),
        file(std::path::absolute("~user").unwrap())
    );
    let refused = Settings::parse("OAuthSettingsLocation=register://DSN").unwrap_err();
    assert_eq!(refused.sqlstate, SqlState::NOT_IMPLEMENTED);
    assert!(refused.message.contains("Name a file"));
    assert!(error("OAuthSettingsLocation=vault://x").contains("memory://ID"));
}
