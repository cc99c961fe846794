//! The shell, where standard input is not a terminal.

use super::*;

fn run(world: &World, arguments: &[&str], input: &str) -> Run {
    let string = format!("{};Profile={}", world.with_token(), world.profile());
    let mut command = world.command(arguments);
    command.env("APILINK_CONNECTION", string);
    finish(command, input)
}

#[test]
fn commands_of_its_own_need_no_statement() {
    let world = World::new();
    let out = run(
        &world,
        &[],
        ".tables con*\n.output jsonl\n.describe contacts\n",
    )
    .good();
    assert!(
        out.starts_with("table,description\r\ncontacts,People and companies\r\n"),
        "{out}"
    );
    assert!(
        out.contains(r#"{"column":"name","type":"VARCHAR""#),
        "{out}"
    );
    let out = run(&world, &["shell"], ".help\n.quit\n.nonsense\n").good();
    assert!(out.contains(".describe TABLE"), "{out}");
}

#[test]
fn the_first_error_ends_it_unless_it_is_to_keep_going() {
    let world = World::new();
    let input = ".nonsense\n.tables contacts\n";
    let ended = run(&world, &[], input);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.err.contains(".nonsense"), "{}", ended.err);
    let gone_on = run(&world, &["shell", "--keep-going"], input);
    assert_eq!(gone_on.code, 1);
    assert!(gone_on.out.contains("contacts"), "{}", gone_on.out);
    let on_stdin = world.command(&["shell", "--connection-file", "-"]);
    finish(on_stdin, &world.with_token()).failed(2);
}

#[test]
fn a_plan_has_the_places_of_its_statement() {
    let world = World::new();
    let ended = run(&world, &[], ".explain SELECT nonsense FROM matters;\n");
    assert!(
        ended.err.starts_with("error: Line 1, column 8: "),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("\n  SELECT nonsense FROM matters"),
        "{}",
        ended.err
    );
    let out = run(&world, &[], ".explain SELECT id FROM matters;\n").good();
    assert!(out.contains("GET matters?"), "{out}");
}

#[test]
fn statements_run_one_after_another() {
    let world = World::new();
    let input = "-- several\nSELECT 1 AS a; SELECT ';'\n AS b;\n.output json\nSELECT\n\n3 AS c";
    assert_eq!(
        run(&world, &[], input).good(),
        "a\r\n1\r\nb\r\n;\r\n[\n{\"c\":3}\n]\n"
    );
    let ended = run(
        &world,
        &[],
        "SELECT 1 AS a; SELECT nonsense; SELECT 3 AS c;",
    );
    assert_eq!((ended.code, ended.out.as_str()), (1, "a\r\n1\r\n"));
    let gone_on = run(
        &world,
        &["shell", "--keep-going"],
        "SELECT nonsense; SELECT 3 AS c;",
    );
    assert_eq!((gone_on.code, gone_on.out.as_str()), (1, "c\r\n3\r\n"));
}
