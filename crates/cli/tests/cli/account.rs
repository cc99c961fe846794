//! `login`, `token` and `logout`.

use std::io::{BufRead as _, BufReader, Read as _};

use super::*;

/// Logs in as on a machine without a browser: the URL comes on standard output, `answer` makes the
/// line to enter from it.
fn log_in(world: &World, answer: impl FnOnce(&str) -> String) -> Run {
    let string = world.with_client();
    let mut command = world.command(&["login", "--no-browser", &string]);
    command.env("APILINK_CLIENT_SECRET", "sandbox-secret");
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut url = String::new();
    out.read_line(&mut url).unwrap();
    let line = answer(url.trim());
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{line}").unwrap();
    drop(stdin);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let ended = child.wait_with_output().unwrap();
    let mut run = Run::of(ended);
    run.out = rest;
    run
}

/// What a person does in a browser: the form repeats the query, and the reply redirects.
fn consent(url: &str) -> String {
    let (host, rest) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (path, query) = rest.split_once('?').unwrap();
    let form = format!("{query}&decision=approve");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         User-Agent: browser\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let location = reply.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.to_owned())
    });
    location.expect(&reply)
}

#[test]
fn a_login_without_a_browser_takes_the_redirected_url() {
    let world = World::new();
    let run = log_in(&world, consent);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.starts_with("Logged in to Clio (local) as "),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("The access token is good until 20"),
        "{}",
        run.out
    );

    // The token is kept: no secret is needed, and no login.
    let string = world.with_client();
    let token = world.run(&["token", &string]).good();
    assert!(token.trim().len() > 10 && !token.contains(' '), "{token}");
    let mut command = world.command(&["get", &string, "users/who_am_i"]);
    command.env("APILINK_CLIENT_SECRET", "sandbox-secret");
    finish(command, "").good();

    let mut command = world.command(&["token", "--refresh", &string]);
    command.env("APILINK_CLIENT_SECRET", "sandbox-secret");
    assert_ne!(finish(command, "").good(), token);

    let out = world.run(&["logout", &string]).good();
    assert!(out.contains("revoked"), "{out}");
    world.run(&["token", &string]).failed(3);
    world.run(&["logout", &string]).failed(3);
}

#[test]
fn a_login_takes_the_bare_code_too() {
    let world = World::new();
    let run = log_in(&world, |url| {
        let redirected = consent(url);
        let (_, query) = redirected.split_once("code=").unwrap();
        query.split('&').next().unwrap().to_owned()
    });
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn a_wrong_code_is_not_a_login() {
    let world = World::new();
    for (line, code) in [("nonsense", 3), ("", 2)] {
        let run = log_in(&world, |_| line.to_owned());
        run.failed(code);
    }
    let other = "http://localhost:33333/?code=abc&state=another";
    let run = log_in(&world, |_| other.to_owned());
    run.failed(3);
}

#[test]
fn a_secret_to_be_asked_for_is_only_asked_for_where_it_is_needed() {
    let world = World::new();
    let string = format!("{};OAuthClientSecret=?", world.with_client());
    for arguments in [
        &["tables", &string, "matters"][..],
        &["describe", &string, "users"],
        &["explain", &string, "SELECT 1"],
    ] {
        world.run(arguments).good();
    }
    // There is no token yet, and nobody to ask.
    for arguments in [&["query", &string, "SELECT 1"][..], &["token", &string]] {
        let message = world.run(arguments).failed(2);
        assert!(message.contains("APILINK_CLIENT_SECRET"), "{message}");
    }
    // The environment answers.
    let mut command = world.command(&["token", &string]);
    command.env("APILINK_CLIENT_SECRET", "sandbox-secret");
    let message = finish(command, "").failed(3);
    assert!(message.contains("apilink login gets one"), "{message}");

    assert_eq!(log_in(&world, consent).code, 0);
    world.run(&["query", &string, "SELECT 1"]).good();
    world
        .run(&["query", &string, "SELECT id FROM users"])
        .good();
    world.run(&["token", &string]).good();
    let message = world.run(&["token", "--refresh", &string]).failed(2);
    assert!(message.contains("APILINK_CLIENT_SECRET"), "{message}");
    world.run(&["logout", &string]).good();
}

#[test]
fn a_login_without_a_browser_says_what_the_tool_can_do() {
    let world = World::new();
    let string = world.with_client();
    let mut command = world.command(&["login", &string]);
    command.env("APILINK_CLIENT_SECRET", "sandbox-secret");
    let message = finish(command, "").failed(3);
    assert!(message.contains("apilink login --no-browser"), "{message}");
}
