//! Where the connection string comes from, and the secrets that are not in it.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use apilink_core::SqlState;
use apilink_core::cancel::CancellationToken;
use apilink_core::connection_string;
use apilink_core::properties::Property;
use apilink_core::session::{ConnectOptions, Session};
use apilink_core::settings::{AuthScheme, InitiateOAuth, Settings};
use secrecy::{ExposeSecret as _, SecretString};

use crate::args::ConnectionArgs;
use crate::failure::{Failure, Outcome, warn};
use crate::terminal;

/// The environment variables for the connection string, the first before the second. The second is
/// what the example programs of the project read.
const STRING_VARIABLES: [&str; 2] = ["APILINK_CONNECTION", "APILINK_CONNECTION_STRING"];

/// Environment variables for properties that are secrets, or stand beside them. They count where
/// the connection string does not say otherwise.
const PROPERTY_VARIABLES: [(&str, &str); 4] = [
    ("APILINK_CLIENT_ID", "OAuthClientId"),
    ("APILINK_CLIENT_SECRET", "OAuthClientSecret"),
    ("APILINK_ACCESS_TOKEN", "OAuthAccessToken"),
    ("APILINK_REFRESH_TOKEN", "OAuthRefreshToken"),
];

/// The value that asks for a prompt.
const ASK: &str = "?";

/// The secret that is asked for only when the service is to be asked for a token.
const CLIENT_SECRET: &str = "OAuthClientSecret";

/// A connection string, complete but for what a prompt may add.
pub struct ConnectionSource {
    pairs: Vec<(String, SecretString)>,
    /// Standard input was read for it.
    took_stdin: bool,
}

impl ConnectionSource {
    /// Finds the connection string. `positional` is the one before a command's own argument.
    pub fn find(args: &ConnectionArgs, positional: Option<&str>) -> Outcome<Self> {
        Self::find_or_none(args, positional)?.ok_or_else(|| {
            Failure::Usage(
                "There is no connection string. Give it as the first argument, with --connection, \
                 --connection-file, or in the environment variable APILINK_CONNECTION."
                    .to_owned(),
            )
        })
    }

    /// The same; an empty one, which means the built-in profile, where there is none.
    pub fn find_or_empty(args: &ConnectionArgs, positional: Option<&str>) -> Outcome<Self> {
        match Self::find_or_none(args, positional)? {
            Some(found) => Ok(found),
            None => Self::completed(args, "", false),
        }
    }

    fn find_or_none(args: &ConnectionArgs, positional: Option<&str>) -> Outcome<Option<Self>> {
        let is_twice =
            positional.is_some() && (args.connection.is_some() || args.connection_file.is_some());
        if is_twice {
            return Err(Failure::Usage(
                "The connection string is given twice: as an argument and as an option.".to_owned(),
            ));
        }
        if let Some(text) = positional.or(args.connection.as_deref()) {
            return Self::completed(args, text, false).map(Some);
        }
        if let Some(file) = &args.connection_file {
            let took_stdin = file.as_os_str() == "-";
            let text = if took_stdin {
                read_stdin()?
            } else {
                read_file(file)?
            };
            return Self::completed(args, &text, took_stdin).map(Some);
        }
        let variable = STRING_VARIABLES
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .filter(|text| !text.trim().is_empty());
        match variable {
            Some(text) => Self::completed(args, &text, false).map(Some),
            None if !args.set.is_empty() => Self::completed(args, "", false).map(Some),
            None => Ok(None),
        }
    }

    /// Puts `--set` before the string and the environment behind it: the first value counts.
    fn completed(args: &ConnectionArgs, text: &str, took_stdin: bool) -> Outcome<Self> {
        let mut pairs: Vec<(String, SecretString)> = Vec::new();
        for setting in &args.set {
            let (name, value) = setting
                .split_once('=')
                .ok_or_else(|| Failure::Usage("--set is written Property=Value.".to_owned()))?;
            pairs.push((name.trim().to_owned(), value.to_owned().into()));
        }
        let set = pairs.len();
        let string = connection_string::scan(text)?;
        let is_new = |pairs: &[(String, SecretString)], key: &str| {
            pairs.iter().all(|(name, _)| !is_same_property(name, key))
        };
        for pair in string {
            // Those of --set take the place of the string's, which is no mistake to be warned of.
            if pairs.get(..set).is_some_and(|set| is_new(set, &pair.key)) {
                pairs.push((pair.key, pair.value));
            }
        }
        for (variable, property) in PROPERTY_VARIABLES {
            let Some(value) = std::env::var(variable).ok().filter(|text| !text.is_empty()) else {
                continue;
            };
            if is_new(&pairs, property) && !is_nested(&pairs, property) {
                pairs.push((property.to_owned(), value.into()));
                continue;
            }
            let asked = |(name, text): &&mut (String, SecretString)| {
                is_same_property(name, property) && text.expose_secret() == ASK
            };
            if let Some((_, text)) = pairs.iter_mut().find(asked) {
                *text = value.into();
            }
        }
        Ok(Self { pairs, took_stdin })
    }

    /// Whether standard input was read for the string, so that nothing else can be read from it.
    pub fn took_stdin(&self) -> bool {
        self.took_stdin
    }

    /// What the string says. Secrets that are `?` are asked for, but for the client secret, which
    /// may not be needed. Warnings are told.
    pub fn settings(&self) -> Outcome<Settings> {
        let mut pairs = Vec::new();
        for (name, value) in &self.pairs {
            let value = match to_ask(name, value) {
                None => value.clone(),
                Some(property) if property.name == CLIENT_SECRET => continue,
                Some(property) => self.ask(property.name)?,
            };
            pairs.push((name.clone(), value));
        }
        parse(&pairs)
    }

    /// The settings with the client secret, which is asked for if a token cannot be asked for
    /// without.
    pub fn with_secret(&self, mut settings: Settings) -> Outcome<Settings> {
        if self.may_need_secret(&settings) {
            settings.client_secret = Some(self.ask(CLIENT_SECRET)?);
        }
        Ok(settings)
    }

    /// Whether there is a client secret to ask for: it is `?`, or it is missing, and a login may need
    /// it.
    fn may_need_secret(&self, settings: &Settings) -> bool {
        let is_asked = self.pairs.iter().any(|(name, value)| {
            to_ask(name, value).is_some_and(|property| property.name == CLIENT_SECRET)
        });
        let may_log_in = settings.initiate_oauth == InitiateOAuth::GetAndRefresh;
        settings.auth_scheme != AuthScheme::None
            && settings.initiate_oauth != InitiateOAuth::Off
            && !settings.client_id.is_empty()
            && settings.check_for_token_request().is_err()
            && (is_asked || (may_log_in && can_ask(self.took_stdin)))
    }

    /// Asks for the value of a property.
    fn ask(&self, property: &str) -> Outcome<SecretString> {
        if can_ask(self.took_stdin) {
            return prompt(property);
        }
        let of_property = |(_, name): &&(&str, &str)| *name == property;
        let variable = PROPERTY_VARIABLES.iter().find(of_property);
        let elsewhere = variable.map_or_else(
            || "in a file (--connection-file)".to_owned(),
            |(variable, _)| format!("in the environment variable {variable}"),
        );
        Err(Failure::Usage(format!(
            "{property} is needed and to be asked for, and standard input or standard error is no \
             terminal. Give it {elsewhere}."
        )))
    }

    /// Connects. A login takes place in the browser, if the string allows one.
    pub fn connect(&self, cancel: &CancellationToken) -> Outcome<Arc<Session>> {
        self.connect_with(self.settings()?, cancel)
    }

    /// Connects with settings that were made of the string's. The client secret is asked for only
    /// where a token that was kept does not do.
    pub fn connect_with(
        &self,
        settings: Settings,
        cancel: &CancellationToken,
    ) -> Outcome<Arc<Session>> {
        if !self.may_need_secret(&settings) {
            return connect(settings, cancel);
        }
        let mut records = Vec::new();
        let kept = Session::connect(
            never_asking(settings.clone()),
            ConnectOptions::default(),
            cancel,
            &mut records,
        );
        match kept {
            Err(problem) if problem.sqlstate == SqlState::AUTHORIZATION => {
                connect(self.with_secret(settings)?, cancel)
            }
            kept => {
                warn(&records);
                Ok(Arc::new(kept?))
            }
        }
    }

    /// A session for what needs no request: it never asks for a token.
    pub fn offline(&self) -> Outcome<Arc<Session>> {
        let known = |(name, value): &&(String, SecretString)| to_ask(name, value).is_none();
        let pairs: Vec<_> = self.pairs.iter().filter(known).cloned().collect();
        let mut settings = parse(&pairs)?;
        settings.auth_scheme = AuthScheme::None;
        settings.connect_on_open = false;
        connect(settings, &CancellationToken::new())
    }
}

/// The settings of a connection that never opens a browser.
pub fn never_asking(mut settings: Settings) -> Settings {
    if settings.initiate_oauth == InitiateOAuth::GetAndRefresh {
        settings.initiate_oauth = InitiateOAuth::Refresh;
    }
    settings
}

/// The settings that pairs make. Warnings are told.
fn parse(pairs: &[(String, SecretString)]) -> Outcome<Settings> {
    let (settings, warnings) = Settings::parse(join(pairs).expose_secret())?;
    warn(&warnings);
    Ok(settings)
}

/// The property that a prompt is to bring.
fn to_ask(name: &str, value: &SecretString) -> Option<&'static Property> {
    Property::find(name).filter(|property| property.secret && value.expose_secret() == ASK)
}

/// Connects. Warnings are told.
pub fn connect(settings: Settings, cancel: &CancellationToken) -> Outcome<Arc<Session>> {
    let mut records = Vec::new();
    let session = Session::connect(settings, ConnectOptions::default(), cancel, &mut records);
    warn(&records);
    Ok(Arc::new(session?))
}

/// Whether two keys name the same property.
fn is_same_property(one: &str, other: &str) -> bool {
    match (Property::find(one), Property::find(other)) {
        (Some(one), Some(other)) => one.name == other.name,
        _ => one.eq_ignore_ascii_case(other),
    }
}

/// Whether the nested string of `ProfileSettings` gives the property.
fn is_nested(pairs: &[(String, SecretString)], property: &str) -> bool {
    pairs
        .iter()
        .filter(|(name, _)| is_same_property(name, "ProfileSettings"))
        .filter_map(|(_, value)| connection_string::scan(value.expose_secret()).ok())
        .flatten()
        .any(|pair| is_same_property(&pair.key, property))
}

fn can_ask(took_stdin: bool) -> bool {
    !took_stdin && terminal::stdin_is_terminal() && terminal::stderr_is_terminal()
}

fn prompt(property: &str) -> Outcome<SecretString> {
    rpassword::prompt_password(format!("{property}: "))
        .map(SecretString::from)
        .map_err(|error| Failure::Local(format!("{property} cannot be asked for: {error}.")))
}

/// A connection string of the pairs.
fn join(pairs: &[(String, SecretString)]) -> SecretString {
    let mut text = String::new();
    for (name, value) in pairs {
        text.push_str(name);
        text.push_str("=\"");
        text.push_str(&value.expose_secret().replace('"', "\"\""));
        text.push_str("\";");
    }
    text.into()
}

/// All of standard input.
pub fn read_stdin() -> Outcome<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Local(format!("Standard input cannot be read: {error}.")))?;
    Ok(text)
}

/// All of a text file that the command line names.
pub fn read_file(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}.", path.display())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn pairs(args: &ConnectionArgs, text: &str) -> Vec<(String, String)> {
        let source = ConnectionSource::find(args, Some(text)).unwrap();
        connection_string::scan(join(&source.pairs).expose_secret())
            .unwrap()
            .into_iter()
            .map(|pair| (pair.key, pair.value.expose_secret().to_owned()))
            .collect()
    }

    #[test]
    fn set_takes_the_place_of_the_strings_value() {
        let args = ConnectionArgs {
            set: vec!["client id=9".into(), "Timeout=5;x".into()],
            ..ConnectionArgs::default()
        };
        let expected = [("client id", "9"), ("Timeout", "5;x"), ("Region", "US")];
        assert_eq!(
            pairs(&args, "OAuthClientId=1;Region=US;timeout=7"),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn a_string_from_two_places_is_refused() {
        let args = ConnectionArgs {
            connection: Some("Region=US".into()),
            ..ConnectionArgs::default()
        };
        let failure = ConnectionSource::find(&args, Some("Region=EU"))
            .err()
            .unwrap();
        assert_eq!(failure.exit_code(), crate::failure::USAGE);
    }

    #[test]
    fn nested_properties_are_seen() {
        let nested = [(
            "ProfileSettings".to_owned(),
            "Region=EU;ClientSecret=x".into(),
        )];
        assert!(is_nested(&nested, "OAuthClientSecret"));
        assert!(!is_nested(&nested, "OAuthClientId"));
    }

    proptest! {
        #[test]
        fn joined_pairs_read_back(values in prop::collection::vec("[^\\x00]{0,20}", 0..4)) {
            let pairs: Vec<(String, SecretString)> = values
                .iter()
                .enumerate()
                .map(|(index, value)| (format!("k{index}"), value.clone().into()))
                .collect();
            let read = connection_string::scan(join(&pairs).expose_secret()).unwrap();
            let read: Vec<String> = read
                .into_iter()
                .map(|pair| pair.value.expose_secret().to_owned())
                .collect();
            prop_assert_eq!(read, values);
        }
    }
}
