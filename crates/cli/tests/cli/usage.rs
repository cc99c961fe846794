//! The command line, connection strings and their sources.

use super::*;

#[test]
fn help_names_commands_and_exit_codes() {
    let world = World::new();
    let help = world.run(&["--help"]).good();
    for text in ["login", "live-check", "Exit codes", "APILINK_CONNECTION"] {
        assert!(help.contains(text), "{text} is missing in {help}");
    }
}

#[test]
fn wrong_command_lines_have_exit_code_2() {
    let world = World::new();
    for arguments in [
        &["--nonsense"][..],
        &["query"],
        &["qury"],
        &["query", "SELECT 1"],
        &["get", "a=b", "matters", "more"],
        &["get", "-c", "Region=US", "Region=US", "matters"],
        &["get", "Region", "matters"],
        &["get", "Regoin=US", "matters"],
        &["login", "AuthScheme=None"],
        &["login", "OAuthClientId=a;OAuthClientSecret=?"],
        &["live-check", "-c", "AuthScheme=None", "--only", "nonsense"],
    ] {
        let message = world.run(arguments).failed(2);
        assert!(message.starts_with("error: "), "{message}");
    }
}

#[test]
fn a_connection_string_is_never_shown() {
    let world = World::new();
    for arguments in [
        &["query", "OAuthClientSecret=canary"][..],
        &["OAuthClientSecret=canary;x"],
        &["get", "OAuthClientSecret=canary;Region=Mars", "matters"],
        &["-c", "OAuthClientSecret=canary", "query", "a", "b"],
        &["--set", "OAuthClientSecret canary", "tables"],
    ] {
        let run = world.run(arguments);
        assert_ne!(run.code, 0, "{arguments:?}");
        assert!(!run.err.contains("canary"), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn the_connection_string_comes_from_five_places() {
    let world = World::new();
    let string = world.with_token();
    let file = world.home().join("connection.txt");
    std::fs::write(&file, &string).unwrap();
    let file = file.to_str().unwrap();
    let expected = world.run(&["get", &string, "users/who_am_i"]).good();
    assert!(expected.contains("\"id\""), "{expected}");

    let path = "users/who_am_i";
    assert_eq!(world.run(&["-c", &string, "get", path]).good(), expected);
    assert_eq!(
        world.run(&["get", path, "--connection", &string]).good(),
        expected
    );
    assert_eq!(
        world.run(&["get", path, "--connection-file", file]).good(),
        expected
    );
    let from_stdin = world.command(&["get", path, "--connection-file", "-"]);
    assert_eq!(finish(from_stdin, &string).good(), expected);
    for variable in ["APILINK_CONNECTION", "APILINK_CONNECTION_STRING"] {
        let mut command = world.command(&["get", path]);
        command.env(variable, &string);
        assert_eq!(finish(command, "").good(), expected);
    }
}

#[test]
fn properties_and_secrets_come_from_options_and_the_environment() {
    let world = World::new();
    let string = world.with_token();
    let (region, token) = string.split_once(";OAuthAccessToken=").unwrap();
    let mut command = world.command(&["get", region, "users/who_am_i"]);
    command.env("APILINK_ACCESS_TOKEN", token);
    finish(command, "").good();

    let set = format!("Region={}", world.sandbox.base_url());
    let wrong = format!("Region=US;OAuthAccessToken={token}");
    world
        .run(&["get", &wrong, "users/who_am_i", "--set", &set])
        .good();

    // The string comes before the environment.
    let mut command = world.command(&["get", &string, "users/who_am_i"]);
    command.env("APILINK_ACCESS_TOKEN", "nonsense");
    finish(command, "").good();
}
