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
        &["query", "@no/such/file.sql", "-c", "Region=US"],
        &["tables", "--connection-file", "no/such/file"],
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

#[test]
fn options_that_would_do_nothing_are_refused() {
    let world = World::new();
    let out = |name: &str| world.home().join(name).to_str().unwrap().to_owned();
    let (csv, db, sheet) = (out("out.csv"), out("out.db"), out("out.xlsx"));
    for (arguments, said) in [
        (&["--table", "t"][..], "--table"),
        (&["--append", "--file", &csv], "--append"),
        (&["--append", "--output", "json"], "--append"),
        (&["--delimiter", ";", "-o", "json"], "--delimiter"),
        (&["--delimiter", ",", "-o", "table"], "--delimiter"),
        (&["--no-header", "--file", &db], "--no-header"),
        (&["--file", &sheet], "xlsx"),
        (&["--file", &out("out.csv.gz")], "gz"),
    ] {
        let mut all = vec!["tables", "matters"];
        all.extend_from_slice(arguments);
        let message = world.run(&all).failed(2);
        assert!(message.contains(said), "{arguments:?}: {message}");
        assert!(message.contains("--output"), "{arguments:?}: {message}");
    }
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 0);
    for arguments in [
        &["--table", "t", "--file", &db][..],
        &["--append", "--table", "t", "--file", &db],
        &["--delimiter", ";", "--no-header"],
        &["--delimiter", ";", "--file", &out("no_ending")],
        &["--output", "csv", "--file", &sheet],
        &["--wide"],
    ] {
        let mut all = vec!["tables", "matters"];
        all.extend_from_slice(arguments);
        world.run(&all).good();
    }
}

#[test]
fn a_reader_of_profiles_may_leave() {
    let world = World::new();
    let document = world.home().join("api.json");
    std::fs::write(&document, r#"{"openapi":"3.0.3","paths":{}}"#).unwrap();
    let document = document.to_str().unwrap();
    for arguments in [
        &["profile", "show"][..],
        &["profile", "from-openapi", document],
    ] {
        let mut child = world.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn an_openapi_document_with_something_new_is_read_all_the_same() {
    let world = World::new();
    let document = world.home().join("api.json");
    let list = serde_json::json!({
        "parameters": [
            { "in": "query", "name": "limit", "schema": { "type": "integer", "maximum": 50 } },
            { "in": "query", "name": "smell", "schema": { "type": "string" } },
        ],
        "responses": { "200": { "content": { "application/json": { "schema": {
            "type": "array", "items": { "properties": { "id": { "type": "integer" } } },
        } } } } },
    });
    let text = serde_json::json!({ "openapi": "3.0.3", "paths": { "/books": { "get": list } } });
    std::fs::write(&document, text.to_string()).unwrap();
    let run = world.run(&["profile", "from-openapi", document.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(
        run.err.contains("books: the parameter smell"),
        "{}",
        run.err
    );
    let tables: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(tables[0]["name"], "books");
}

#[test]
fn a_misspelt_command_is_named() {
    let world = World::new();
    for arguments in [
        &["qurey"][..],
        &["qurey", "SELECT 1"],
        &["qurey", "x"],
        &["qurey", "-o", "csv"],
    ] {
        let message = world.run(arguments).failed(2);
        assert!(
            message.contains("There is no command qurey. Did you mean query?"),
            "{message}"
        );
    }
    let message = world.run(&["query", "--nonsense", "SELECT 1"]).failed(2);
    assert!(message.contains("--nonsense"), "{message}");
}
