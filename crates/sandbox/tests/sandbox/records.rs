//! Single records: conditional requests, creating, changing, deleting.

use serde_json::{Value, json};

use crate::client::{Client, sandbox};

#[test]
fn an_unchanged_record_is_not_sent_again() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let path = format!("matters/{}.json", client.first("matters.json"));
    let first = client.get(&path);
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!(first.at("/data/etag"), etag.as_str());
    let again = client.get_with(&path, &[("If-None-Match", &etag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(etag.as_str()));
    let modified = first.header("last-modified").unwrap();
    assert_eq!(
        client
            .get_with(&path, &[("If-Modified-Since", modified)])
            .status,
        304
    );
    let body = json!({"data": {"description": "changed"}});
    assert_eq!(
        client
            .call("PATCH", &path, &[("If-Match", &etag)], Some(&body))
            .status,
        200
    );
    assert_eq!(
        client
            .call("PATCH", &path, &[("If-Match", &etag)], Some(&body))
            .status,
        412
    );
    assert_eq!(
        client.get_with(&path, &[("If-None-Match", &etag)]).status,
        200
    );
}

#[test]
fn a_contact_lives_and_dies() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let body = json!({"data": {
        "type": "Person", "name": "Ada Lovelace",
        "email_addresses": [{"name": "Work", "address": "ada@mail.example"}],
        "nonsense": true,
    }});
    let reply = client.post("contacts.json", &body);
    assert_eq!(reply.status, 201);
    assert_eq!(crate::member_names(&reply.at("/data")), ["etag", "id"]);
    let path = format!("contacts/{}.json", reply.at("/data/id"));
    let fields = "?fields=first_name,last_name,primary_email_address,email_addresses{id,address}";
    let shown = client.get(&format!("{path}{fields}"));
    assert_eq!(shown.at("/data/first_name"), "Ada");
    assert_eq!(shown.at("/data/primary_email_address"), "ada@mail.example");
    let email = shown.at("/data/email_addresses/0/id");
    let body = json!({"data": {"last_name": "King", "email_addresses": [
        {"id": email, "address": "a.king@mail.example"}, {"address": "second@mail.example"},
    ]}});
    let changed = client.patch(&format!("{path}{fields},name"), &body);
    assert_eq!(changed.status, 200);
    assert_eq!(changed.at("/data/name"), "Ada King");
    assert_eq!(
        changed.at("/data/primary_email_address"),
        "a.king@mail.example"
    );
    let second = changed.at("/data/email_addresses/1/id");
    assert_ne!(second, email);
    let body = json!({"data": {"email_addresses": [{"id": second, "_destroy": true}]}});
    let fewer = client
        .patch(&format!("{path}{fields}"), &body)
        .at("/data/email_addresses");
    assert_eq!(fewer.as_array().unwrap().len(), 1);
    let gone = client.delete(&path);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(client.get(&path).status, 404);
    assert_eq!(client.delete(&path).status, 404);
}

#[test]
fn a_new_matter_gets_its_number_folder_and_fields() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let contact = client
        .get("contacts.json?type=Person&client_only=true")
        .ids()[0];
    let field = client
        .get("custom_fields.json?fields=id&parent_type=matter&field_type=text_line")
        .ids()[0];
    let body = json!({"data": {
        "client": {"id": contact}, "description": "test", "status": "open",
        "custom_field_values": [{"custom_field": {"id": field}, "value": "CV-1"}],
    }});
    let fields = "?fields=id,status,number,display_number,folder{root},\
                  custom_field_values{id,field_name,value},client{is_client}";
    let reply = client.post(&format!("matters.json{fields}"), &body);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.at("/data/number"), 31);
    assert!(
        reply
            .at("/data/display_number")
            .as_str()
            .unwrap()
            .starts_with("00031-")
    );
    assert_eq!(reply.at("/data/status"), "Open");
    assert_eq!(reply.at("/data/folder/root"), true);
    assert_eq!(reply.at("/data/client/is_client"), true);
    let id = reply.at("/data/custom_field_values/0/id");
    assert!(id.as_str().unwrap().starts_with("text_line-"));
    let path = format!("matters/{}.json", reply.at("/data/id"));
    let value = json!({"data": {"custom_field_values": [{"id": id, "value": "CV-2"}]}});
    let changed = client.patch(&format!("{path}{fields}"), &value);
    assert_eq!(changed.at("/data/custom_field_values/0/value"), "CV-2");
    // The form for a new value does not change one that is there.
    let again = json!({"data": {"custom_field_values": [
        {"custom_field": {"id": field}, "value": "CV-3"}]}});
    assert_eq!(client.patch(&path, &again).status, 422);
}

#[test]
fn wrong_bodies_are_refused_with_reasons() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let refused = |body: &Value| {
        let reply = client.post("matters.json", body);
        assert_eq!(reply.status, 422, "{}", reply.text());
        crate::member_names(&reply.at("/error/errors"))
    };
    assert_eq!(refused(&json!({"data": {}})), ["client", "description"]);
    let unknown = json!({"data": {"description": "x", "client": {"id": 5}}});
    assert_eq!(refused(&unknown), ["client"]);
    let contact = client.first("contacts.json");
    let wrong = json!({"data": {"description": 5, "client": {"id": contact}, "status": "odd",
        "open_date": "soon"}});
    assert_eq!(refused(&wrong), ["description", "open_date", "status"]);
    let count = client.get("matters.json?limit=1").at("/meta/records");
    assert_eq!(count, 30, "nothing was created");
    assert_eq!(client.post("matters.json", &json!([1])).status, 400);
    let form = [("Content-Type", "text/plain")];
    let url = client.url("matters.json");
    let token = format!("Bearer {}", client.token);
    let mut headers = vec![("Authorization", token.as_str()), ("User-Agent", "t/1")];
    headers.extend(form);
    assert_eq!(
        crate::client::send("POST", &url, &headers, b"{}")
            .unwrap()
            .status,
        400
    );
    assert_eq!(client.post("matters.json?fields=x", &wrong).status, 400);
}

#[test]
fn work_is_reckoned_and_billed_work_is_locked() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let matter = client.first("matters.json");
    let body = json!({"data": {"type": "TimeEntry", "date": "2026-06-01", "quantity": 5400,
        "price": 300.5, "matter": {"id": matter}}});
    let fields = "fields=id,total,quantity_in_hours,billed,user{id},matter{id}";
    let reply = client.post(&format!("activities.json?{fields}"), &body);
    assert_eq!(reply.at("/data/total"), 450.75);
    assert_eq!(reply.at("/data/quantity_in_hours"), 1.5);
    assert_eq!(reply.at("/data/user/id"), sandbox.people()[0].id);
    assert_eq!(reply.at("/data/matter/id"), matter);
    let path = format!("activities/{}.json", reply.at("/data/id"));
    let body = json!({"data": {"non_billable": true}});
    assert_eq!(
        client
            .patch(&format!("{path}?fields=total"), &body)
            .at("/data/total"),
        0.0
    );
    let billed = client.get("activities.json?status=billed&limit=1").ids()[0];
    let path = format!("activities/{billed}.json");
    assert_eq!(client.patch(&path, &body).status, 422);
    assert_eq!(client.delete(&path).status, 422);
}

#[test]
fn changes_show_up_in_updated_since() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = client.first("tasks.json");
    // The firm's clock starts at noon of its today.
    let since = "tasks.json?fields=id&updated_since=2026-06-30T12:00:00-04:00";
    assert_eq!(client.get(since).ids(), Vec::<i64>::new());
    let path = format!("tasks/{id}.json?fields=status,completed_at,assignee{{type}}");
    let user = sandbox.people()[1].id;
    let body = json!({"data": {"status": "complete", "assignee": {"id": user, "type": "User"}}});
    let reply = client.patch(&path, &body);
    assert_eq!(reply.at("/data/status"), "complete");
    assert_eq!(reply.at("/data/assignee/type"), "User");
    assert!(reply.at("/data/completed_at").is_string());
    assert_eq!(client.get(since).ids(), [id]);
}

#[test]
fn no_two_records_have_the_same_etag() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let mut seen = std::collections::BTreeSet::new();
    let mut count = 0;
    for list in ["users", "contacts", "matters", "activities", "tasks"] {
        for row in client.get(&format!("{list}.json?fields=id,etag")).data() {
            seen.insert(row["etag"].as_str().unwrap().to_owned());
            count += 1;
        }
    }
    assert!(count > 200, "only {count} rows");
    assert_eq!(seen.len(), count);
}
