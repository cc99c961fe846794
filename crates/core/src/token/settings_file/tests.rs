#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

const COMPLETE: &str = "oauthaccesstoken=at\n\
                        _persist_oauthaccesstoken=at\n\
                        _persist_oauthrefreshtoken=rt\n\
                        _persist_oauthexpiresin=2592000\n\
                        _persist_oauthtokentimestamp=1700000000123\n";

fn tokens(content: &str) -> Option<TokenSet> {
    SettingsFile::parse(content.as_bytes())
        .unwrap()
        .tokens()
        .unwrap()
}

fn some_tokens(content: &str) -> TokenSet {
    tokens(content).unwrap()
}

fn defect(content: &[u8]) -> Defect {
    SettingsFile::parse(content)
        .and_then(|file| file.tokens())
        .unwrap_err()
}

fn text(file: &SettingsFile) -> String {
    String::from_utf8(file.to_bytes().unwrap().to_vec()).unwrap()
}

fn updated(content: &str, tokens: &TokenSet) -> String {
    let mut file = SettingsFile::parse(content.as_bytes()).unwrap();
    file.set_tokens(tokens).unwrap();
    text(&file)
}

fn cleared(content: &str) -> String {
    let mut file = SettingsFile::parse(content.as_bytes()).unwrap();
    file.clear_tokens();
    text(&file)
}

fn exposed(secret: Option<&SecretString>) -> Option<&str> {
    secret.map(ExposeSecret::expose_secret)
}

/// All fields, comparable.
fn fields(tokens: &TokenSet) -> impl PartialEq + fmt::Debug + use<> {
    (
        exposed(tokens.access_token.as_ref()).map(str::to_owned),
        exposed(tokens.refresh_token.as_ref()).map(str::to_owned),
        (
            tokens.token_type.clone(),
            tokens.scope.clone(),
            tokens.lineage.clone(),
        ),
        (tokens.issued_at, tokens.expires_in),
    )
}

#[test]
fn a_file_of_the_established_provider_is_understood() {
    let tokens = some_tokens(COMPLETE);
    assert_eq!(exposed(tokens.access_token.as_ref()), Some("at"));
    assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("rt"));
    assert_eq!(tokens.token_type, "Bearer");
    assert_eq!(tokens.expires_in, Some(Duration::from_hours(720)));
    let since = tokens
        .issued_at
        .unwrap()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(since.as_millis(), 1_700_000_000_123);
    assert_eq!((tokens.scope, tokens.lineage), (None, Lineage::default()));
}

#[test]
fn what_is_written_is_what_the_established_provider_writes() {
    assert_eq!(updated("", &some_tokens(COMPLETE)), COMPLETE);
}

#[test]
fn keys_have_no_case_and_blanks_around_are_no_part() {
    let tokens = some_tokens("  OAuthAccessToken = a=b== \r\n_PERSIST_OAuthRefreshToken=\tr\r\n");
    assert_eq!(exposed(tokens.access_token.as_ref()), Some("a=b=="));
    assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("r"));
}

#[test]
fn missing_lines_are_unknown_values() {
    let only_refresh = some_tokens("_persist_oauthrefreshtoken=r");
    assert!(only_refresh.access_token.is_none());
    assert_eq!(
        (only_refresh.expires_in, only_refresh.issued_at),
        (None, None)
    );
    let only_access = some_tokens("oauthaccesstoken=a\n_persist_oauthexpiresin=\n");
    assert!(only_access.refresh_token.is_none());
    assert_eq!(only_access.expires_in, None);
}

#[test]
fn without_any_token_there_is_nothing() {
    for content in [
        "",
        "\n \r\n\t",
        "\u{feff}",
        "# mine\n; and mine\n",
        "theme=dark",
        "oauthaccesstoken=\n_persist_oauthrefreshtoken=   \n_persist_oauthexpiresin=5",
    ] {
        assert!(tokens(content).is_none(), "{content:?}");
    }
}

#[test]
fn of_repeated_keys_the_first_with_a_value_counts_and_one_is_kept() {
    let content = "oauthaccesstoken=\noauthaccesstoken=plain\n_persist_oauthrefreshtoken=1\n\
                   _persist_oauthrefreshtoken=2\n_persist_oauthaccesstoken=persisted";
    let tokens = some_tokens(content);
    assert_eq!(exposed(tokens.access_token.as_ref()), Some("persisted"));
    assert_eq!(exposed(tokens.refresh_token.as_ref()), Some("1"));
    assert_eq!(
        updated(content, &tokens),
        "oauthaccesstoken=persisted\n_persist_oauthrefreshtoken=1\n\
         _persist_oauthaccesstoken=persisted"
    );
    let plain = some_tokens("_persist_oauthaccesstoken= \noauthaccesstoken=plain");
    assert_eq!(exposed(plain.access_token.as_ref()), Some("plain"));
}

#[test]
fn a_life_or_a_timestamp_of_zero_means_expired() {
    for (life, timestamp) in [
        ("0", "1700000000000"),
        ("3600", "0"),
        ("-1", "5"),
        ("", "0"),
    ] {
        let tokens = some_tokens(&format!(
            "oauthaccesstoken=a\n_persist_oauthexpiresin={life}\n\
             _persist_oauthtokentimestamp={timestamp}"
        ));
        assert_eq!(
            tokens.expires_in,
            Some(Duration::ZERO),
            "{life:?} {timestamp:?}"
        );
    }
}

#[test]
fn enormous_numbers_neither_fail_nor_overflow() {
    let nines = "9".repeat(400);
    let tokens = some_tokens(&format!(
        "oauthaccesstoken=a\n_persist_oauthexpiresin={nines}\n\
         _persist_oauthtokentimestamp={nines}"
    ));
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(MAX_EXPIRES_IN)));
    let end = tokens
        .issued_at
        .unwrap()
        .checked_add(tokens.expires_in.unwrap());
    assert!(end.is_some_and(|end| end > SystemTime::now()));
}

#[test]
fn a_fraction_of_a_second_is_kept_beside_the_whole_seconds() {
    let mut tokens = some_tokens(COMPLETE);
    tokens.expires_in = Some(Duration::from_millis(1500));
    let content = updated(COMPLETE, &tokens);
    assert!(
        content.contains("\n_persist_oauthexpiresin=1\n"),
        "{content}"
    );
    assert!(
        content.ends_with("\n_apilink_expiresin=1.500000000\n"),
        "{content}"
    );
    assert_eq!(some_tokens(&content).expires_in, tokens.expires_in);
    // Another driver has renewed the token and does not know our line.
    let renewed = content.replace("_oauthexpiresin=1\n", "_oauthexpiresin=3600\n");
    assert_eq!(
        some_tokens(&renewed).expires_in,
        Some(Duration::from_hours(1))
    );
}

#[test]
fn numbers_of_other_writers_are_read() {
    for (text, life) in [
        ("3600.0", 3_600_000),
        ("0.25", 250),
        ("007", 7000),
        (" 8 ", 8000),
    ] {
        let tokens = some_tokens(&format!(
            "oauthaccesstoken=a\n_persist_oauthexpiresin={text}"
        ));
        assert_eq!(
            tokens.expires_in,
            Some(Duration::from_millis(life)),
            "{text}"
        );
    }
}

#[test]
fn each_defect_is_told_apart() {
    assert_eq!(defect(b"encrypted:AbCd=="), Defect::Encrypted);
    assert_eq!(
        defect(b"\xef\xbb\xbf\r\n Encrypted:\xff\0"),
        Defect::Encrypted
    );
    assert_eq!(defect(b"oauthaccesstoken=\xff"), Defect::NotUtf8);
    assert_eq!(defect(b"oauthaccesstoken=a\0"), Defect::Nul);
    assert_eq!(defect(b"o\0a\0u\0t\0h\0=\0"), Defect::Nul);
    assert_eq!(defect(&vec![b'\n'; MAX_LEN + 1]), Defect::TooLarge);
    for cut_off in [
        "oauthaccessto",
        "=value",
        "# comment\nnothing\n",
        "{\"a\": 1}",
    ] {
        assert_eq!(
            defect(cut_off.as_bytes()),
            Defect::NoKeyValueLine,
            "{cut_off}"
        );
    }
    for number in [
        "soon", "1e3", "0x10", "1,5", "1.", ".5", "--1", "-", "NaN", "+1", "١",
    ] {
        assert_eq!(
            defect(format!("a=b\n_persist_oauthexpiresin={number}\n").as_bytes()),
            Defect::NotANumber {
                key: "_persist_oauthexpiresin",
                line: 2
            },
            "{number}"
        );
    }
    assert_eq!(
        defect(b"_persist_oauthtokentimestamp=yesterday"),
        Defect::NotANumber {
            key: "_persist_oauthtokentimestamp",
            line: 1
        }
    );
    assert_eq!(
        defect(b"oauthaccesstoken=a\r_persist_oauthrefreshtoken=b\r"),
        Defect::ControlCharacter {
            key: "oauthaccesstoken",
            line: 1
        }
    );
}

#[test]
fn a_defect_says_what_to_do_and_shows_no_value() {
    let text = defect(b"_persist_oauthexpiresin=CANARY").to_string();
    assert!(
        text.contains("line 1") && text.contains("log in again"),
        "{text}"
    );
    assert!(!text.contains("CANARY"), "{text}");
    let file = SettingsFile::parse(b"oauthaccesstoken=CANARY").unwrap();
    assert!(!format!("{file:?}").contains("CANARY"));
}

#[test]
fn unknown_lines_stay_as_they_are_and_where_they_are() {
    let content = "\u{feff}# mine\r\n\r\n  Theme = dark \r\noauthaccesstoken=old\r\n\
                   no key here\n_apilink_future=1\r\nlast = one";
    let mut tokens = some_tokens(content);
    tokens.access_token = Some("new".into());
    tokens.scope = Some("a b".into());
    assert_eq!(
        updated(content, &tokens),
        "\u{feff}# mine\r\n\r\n  Theme = dark \r\noauthaccesstoken=new\r\n\
         no key here\n_apilink_future=1\r\nlast = one\r\n\
         _persist_oauthaccesstoken=new\r\n_apilink_scope=a b\r\n"
    );
}

#[test]
fn what_is_no_longer_known_disappears() {
    let mut tokens = some_tokens(COMPLETE);
    tokens.expires_in = None;
    tokens.issued_at = None;
    tokens.refresh_token = None;
    assert_eq!(
        updated(COMPLETE, &tokens),
        "oauthaccesstoken=at\n_persist_oauthaccesstoken=at\n"
    );
}

#[test]
fn clearing_leaves_what_is_not_ours_and_can_be_read_again() {
    assert_eq!(cleared(COMPLETE), "");
    assert_eq!(cleared(&format!("# mine\n{COMPLETE}a=b")), "# mine\na=b");
    let stranger = cleared("not a pair\noauthaccesstoken=a\n");
    assert_eq!(stranger, "oauthaccesstoken=\nnot a pair\n");
    assert!(tokens(&stranger).is_none());
    for unknown in [
        "encrypted: a=b",
        "\n encrypted:c",
        "\u{feff}oauthaccesstoken=d",
    ] {
        let cleared = cleared(&format!("oauthaccesstoken=a\n{unknown}"));
        assert_eq!(cleared, format!("oauthaccesstoken=\n{unknown}"));
        assert!(tokens(&cleared).is_none());
    }
}

#[test]
fn values_that_a_line_cannot_hold_are_refused() {
    for value in ["a\nb", "a\rb", "a\0b", " a", "a\t", "\u{85}"] {
        let mut tokens = some_tokens(COMPLETE);
        tokens.refresh_token = Some(value.into());
        let mut file = SettingsFile::parse(COMPLETE.as_bytes()).unwrap();
        let refused = file.set_tokens(&tokens).unwrap_err();
        assert_eq!(
            refused,
            Defect::Unwritable {
                key: "_persist_oauthrefreshtoken"
            }
        );
        assert_eq!(text(&file), COMPLETE, "{value:?}");
    }
}

#[test]
fn a_file_that_could_not_be_read_again_is_not_written() {
    let mut file = SettingsFile::default();
    let mut tokens = some_tokens(COMPLETE);
    tokens.access_token = Some("x".repeat(MAX_LEN / 2).into());
    file.set_tokens(&tokens).unwrap();
    assert_eq!(file.to_bytes().unwrap_err(), Defect::TooLarge);
}

fn a_value() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[!-~\u{e9}\u{4e2d}]([ -~\u{e9}\u{2028}]{0,40}[!-~])?")
}

prop_compose! {
    fn a_token_set()(
        access_token in a_value(),
        refresh_token in a_value(),
        token_type in a_value(),
        scope in a_value(),
        lineage in proptest::collection::vec("[!-~\u{e9}]{1,9}", 0..4),
        issued_at in proptest::option::of(1..=MAX_TIMESTAMP),
        expires_in in proptest::option::of((0..MAX_EXPIRES_IN, 0..1_000_000_000_u32)),
    ) -> TokenSet {
        TokenSet {
            access_token: access_token.map(SecretString::from),
            token_type: token_type.unwrap_or_else(|| "Bearer".into()),
            refresh_token: refresh_token.map(SecretString::from),
            scope,
            issued_at: issued_at
                .map(|since| SystemTime::UNIX_EPOCH + Duration::from_millis(since)),
            expires_in: expires_in.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
            lineage: Lineage::of_words(&lineage.join(" ")),
        }
    }
}

fn a_file() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        proptest::sample::select(Key::ALL.map(Key::name).to_vec()).prop_map(str::to_owned),
        "[a-z #;=]{0,8}",
        "[ \u{feff}]{0,2}(encrypted:|oauthaccesstoken)?",
    ];
    let line = (
        key,
        "[ =]{0,2}",
        "[ -~\u{e9}]{0,8}",
        prop_oneof!["\n", "\r\n"],
    )
        .prop_map(|(key, equals, value, end)| [key, equals, value, end].concat());
    proptest::collection::vec(line, 0..12).prop_map(|lines| lines.concat())
}

fn unknown_lines(file: &SettingsFile) -> Vec<String> {
    let unknown = file.lines.iter().filter(|line| line.known_key().is_none());
    unknown
        .map(|line| [line.text.as_str(), line.end].concat())
        .collect()
}

proptest! {
    #[test]
    fn any_tokens_come_back_from_any_file(tokens in a_token_set(), content in a_file()) {
        let mut file = SettingsFile::parse(content.as_bytes()).unwrap_or_default();
        let before = unknown_lines(&file);
        file.set_tokens(&tokens).unwrap();
        let after = text(&file);
        let has_token = tokens.access_token.is_some() || tokens.refresh_token.is_some();
        if has_token {
            prop_assert_eq!(fields(&some_tokens(&after)), fields(&tokens));
        }
        let after = SettingsFile::parse(after.as_bytes()).unwrap();
        prop_assert_eq!(before, unknown_lines(&after));
    }

    #[test]
    fn clearing_leaves_no_token(tokens in a_token_set(), content in a_file()) {
        let mut file = SettingsFile::parse(content.as_bytes()).unwrap_or_default();
        file.set_tokens(&tokens).unwrap();
        file.clear_tokens();
        let after = text(&file);
        prop_assert!(SettingsFile::parse(after.as_bytes()).unwrap().tokens().unwrap().is_none());
    }

    #[test]
    fn any_bytes_are_read_or_refused(content in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(file) = SettingsFile::parse(&content) {
            prop_assert_eq!(file.to_bytes().unwrap().to_vec(), content);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(content in "(_persist_oauthexpiresin|[a-z]{0,3})=\\PC{0,20}\n?") {
        if let Ok(file) = SettingsFile::parse(content.as_bytes()) {
            let _ = file.tokens();
            prop_assert_eq!(text(&file), content);
        }
    }
}
