//! `get`.

use super::*;

#[test]
fn a_reply_is_written_as_it_was_sent() {
    let world = World::new();
    let string = world.with_token();
    let out = world
        .run(&[
            "get",
            &string,
            "matters",
            "-q",
            "limit=2",
            "-q",
            "fields=id,client{name}",
        ])
        .good();
    let reply: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(reply["data"].as_array().unwrap().len(), 2);
    assert!(reply["data"][0]["client"]["name"].is_string());
    assert!(!out.contains("\n  "), "not indented: {out}");
}

#[test]
fn all_pages_are_one_array() {
    let world = World::new();
    let string = world.with_token();
    let out = world
        .run(&[
            "get",
            &string,
            "matters",
            "--all",
            "-q",
            "limit=7",
            "-q",
            "order=id(asc)",
            "-q",
            "fields=id",
        ])
        .good();
    let records: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!(records.len(), 20);
    let requests = world
        .sandbox
        .counters()
        .requests("GET /api/v4/matters.json");
    assert_eq!(requests, 3);
    assert_eq!(out.lines().count(), 22, "a record a line");

    let empty = world
        .run(&["get", &string, "matters", "--all", "-q", "ids[]=1"])
        .good();
    assert_eq!(empty, "[]\n");
    let message = world
        .run(&["get", &string, "users/who_am_i", "--all"])
        .failed(2);
    assert!(message.contains("not a list"), "{message}");
}

#[test]
fn a_page_that_fails_leaves_no_file() {
    let world = World::new();
    let string = world.with_token();
    let file = world.home().join("out.json");
    world.sandbox.fault(clio_sandbox::Fault {
        skip: 1,
        times: 0,
        status: Some(422),
        ..clio_sandbox::Fault::new("/api/v4/matters*", clio_sandbox::FaultKind::Status)
    });
    let file_text = file.to_str().unwrap();
    let run = world.run(&[
        "get", &string, "matters", "--all", "-q", "limit=7", "--output", file_text,
    ]);
    run.failed(1);
    assert!(!file.exists());
}

#[test]
fn a_document_is_downloaded_to_a_file() {
    let world = World::new();
    let string = world.with_token();
    let id = world.sandbox.add_document(300_000);
    let file = world.home().join("document");
    let path = format!("documents/{id}/download");
    let out = world
        .run(&["get", &string, &path, "--output", file.to_str().unwrap()])
        .good();
    assert_eq!(out, "");
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 300_000);
}

#[test]
fn errors_of_the_service_have_exit_codes() {
    let world = World::with(Options {
        matters: 5,
        without_permissions: vec!["bills".into()],
        ..Options::default()
    });
    let string = world.with_token();
    let message = world.run(&["get", &string, "matters/1"]).failed(1);
    assert!(message.contains("404"), "{message}");
    let message = world.run(&["get", &string, "bills"]).failed(1);
    assert!(message.contains("permission"), "{message}");
    world.sandbox.revoke_tokens();
    let message = world.run(&["get", &string, "matters"]).failed(3);
    assert!(message.contains("401"), "{message}");
    let nobody = "Region=http://127.0.0.1:9;AuthScheme=None;Timeout=2";
    let message = world.run(&["get", nobody, "matters"]).failed(4);
    assert!(message.contains("[08001]"), "{message}");
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let world = World::new();
    let string = world.with_token();
    let mut command = world.command(&["get", &string, "matters", "--all", "-q", "limit=1"]);
    let mut child = command.spawn().unwrap();
    // Nobody reads what it writes.
    drop(child.stdout.take());
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}
