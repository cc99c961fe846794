//! Opening the person's browser.

use std::io;
use std::process::{Child, Command, Stdio};

/// Whether there is a way to open a browser.
pub fn is_available() -> bool {
    !commands("").is_empty()
}

/// Opens `url` with the first command that can be started. The command may end at once or live as
/// long as the browser.
///
/// # Errors
/// The error of the last command that was tried.
pub fn open(url: &str) -> io::Result<Child> {
    let mut problem = io::Error::from(io::ErrorKind::NotFound);
    for command in commands(url) {
        let mut words = command.into_iter();
        let Some(program) = words.next() else {
            continue;
        };
        let started = Command::new(&program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => return Ok(child),
            Err(error) => {
                problem = io::Error::new(error.kind(), format!("{program}: {error}"));
            }
        }
    }
    Err(problem)
}

/// The commands to try, each with its arguments. The environment variable BROWSER comes first.
fn commands(url: &str) -> Vec<Vec<String>> {
    match std::env::var("BROWSER") {
        Ok(text) if !text.trim().is_empty() => from_variable(&text, url),
        _ => of_system(url),
    }
}

/// Commands as BROWSER lists them: separated by colons (not on Windows), each with `%s` for the
/// URL, or without it and the URL at its end.
fn from_variable(text: &str, url: &str) -> Vec<Vec<String>> {
    if std::path::Path::new(text).is_file() {
        return vec![vec![text.to_owned(), url.to_owned()]];
    }
    let separator = if cfg!(windows) { '\n' } else { ':' };
    text.split(separator)
        .map(|command| {
            let mut words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            if words.iter().any(|word| word.contains("%s")) {
                for word in &mut words {
                    *word = word.replace("%s", url);
                }
            } else if !words.is_empty() {
                words.push(url.to_owned());
            }
            words
        })
        .filter(|words| !words.is_empty())
        .collect()
}

#[cfg(target_os = "macos")]
fn of_system(url: &str) -> Vec<Vec<String>> {
    vec![vec!["open".into(), url.into()]]
}

#[cfg(windows)]
fn of_system(url: &str) -> Vec<Vec<String>> {
    vec![vec![
        "rundll32".into(),
        "url.dll,FileProtocolHandler".into(),
        url.into(),
    ]]
}

/// Without a display these commands would start a browser in the program's own terminal, or none.
#[cfg(not(any(target_os = "macos", windows)))]
fn of_system(url: &str) -> Vec<Vec<String>> {
    const COMMANDS: [&str; 4] = ["xdg-open", "sensible-browser", "x-www-browser", "wslview"];
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !has_display {
        return Vec::new();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_installed =
        |name: &&str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    COMMANDS
        .into_iter()
        .filter(is_installed)
        .map(|name| vec![name.to_owned(), url.to_owned()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_with_and_without_a_place_for_the_url() {
        assert_eq!(from_variable("firefox", "U"), [["firefox", "U"]]);
        assert_eq!(
            from_variable("firefox -new %s -x", "U"),
            [["firefox", "-new", "U", "-x"]]
        );
        #[cfg(not(windows))]
        assert_eq!(from_variable("a:b %s:", "U"), [["a", "U"], ["b", "U"]]);
    }
}
