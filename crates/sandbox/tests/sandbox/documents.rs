//! Documents: the three steps of an upload, and downloads from another host.

use serde_json::json;

use crate::client::{Client, Reply, control, sandbox, send};

const UPLOAD: &str = "?fields=id,latest_document_version{uuid,put_url,put_headers,version_number}";

/// The first and second step.
fn upload(client: &Client<'_>, parent: &serde_json::Value, bytes: &[u8]) -> Reply {
    let body = json!({"data": {"name": "letter.txt", "parent": parent}});
    let created = client.post(&format!("documents.json{UPLOAD}"), &body);
    assert_eq!(created.status, 201, "{}", created.text());
    let url = created.at("/data/latest_document_version/put_url");
    let headers = created.at("/data/latest_document_version/put_headers");
    let headers: Vec<(String, String)> = headers
        .as_array()
        .unwrap()
        .iter()
        .map(|header| {
            let text = |name: &str| header[name].as_str().unwrap().to_owned();
            (text("name"), text("value"))
        })
        .collect();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let url = url.as_str().unwrap();
    assert!(url.starts_with(client.sandbox.storage_url()));
    assert_eq!(
        send("PUT", url, &[], bytes).unwrap().status,
        403,
        "put_headers are needed"
    );
    assert_eq!(send("PUT", url, &headers, bytes).unwrap().status, 200);
    created
}

fn finish(client: &Client<'_>, created: &Reply) -> Reply {
    let uuid = created.at("/data/latest_document_version/uuid");
    let path = format!("documents/{}.json", created.at("/data/id"));
    client.patch(
        &path,
        &json!({"data": {"uuid": uuid, "fully_uploaded": true}}),
    )
}

fn download(client: &Client<'_>, id: &serde_json::Value) -> Reply {
    let reply = client.get(&format!("documents/{id}/download.json"));
    assert_eq!(reply.status, 303);
    let location = reply.header("location").unwrap();
    assert!(location.starts_with(client.sandbox.storage_url()));
    send("GET", location, &[], b"").unwrap()
}

#[test]
fn an_upload_takes_three_steps() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let matter = client.first("matters.json");
    let parent = json!({"id": matter, "type": "Matter"});
    let created = upload(&client, &parent, b"Dear Sir");
    let id = created.at("/data/id");
    let listed = |query: &str| {
        let path = format!("documents.json?matter_id={matter}&fields=id{query}");
        client.get(&path).ids().contains(&id.as_i64().unwrap())
    };
    assert!(!listed(""));
    assert!(listed("&show_uncompleted=true"));
    assert_eq!(
        client.get(&format!("documents/{id}/download.json")).status,
        404
    );
    assert_eq!(finish(&client, &created).status, 200);
    assert!(listed(""));
    assert_eq!(download(&client, &id).body, b"Dear Sir");
    let shown = client.get(&format!(
        "documents/{id}.json?fields=size,filename,content_type,parent{{root}}"
    ));
    assert_eq!(shown.at("/data/size"), 8);
    assert_eq!(shown.at("/data/content_type"), "text/plain");
    assert_eq!(shown.at("/data/parent/root"), true);
    assert_eq!(sandbox.counters().storage.bytes_uploaded, 8);
    let copy = client.post(
        &format!("documents/{id}/copy.json"),
        &json!({"data": {"parent": parent}}),
    );
    assert_eq!(copy.status, 201, "{}", copy.text());
    assert_eq!(download(&client, &copy.at("/data/id")).body, b"Dear Sir");
    assert_eq!(client.delete(&format!("documents/{id}.json")).status, 204);
    assert!(!listed(""));
    assert!(listed("&include_deleted=true"));
}

#[test]
fn a_false_claim_of_an_upload_is_refused() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let parent = json!({"id": client.first("matters.json"), "type": "Matter"});
    let body = json!({"data": {"name": "a.pdf", "parent": parent}});
    let created = client.post(&format!("documents.json{UPLOAD}"), &body);
    let refused = finish(&client, &created);
    assert_eq!(refused.status, 422);
    let body = json!({"data": {"name": "a.pdf", "parent": {"id": 5, "type": "Folder"}}});
    assert_eq!(client.post("documents.json", &body).status, 422);
}

#[test]
fn the_storage_host_wants_no_token_and_a_fitting_signature() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = client.first("documents.json");
    let location = client.get(&format!("documents/{id}/download.json"));
    let location = location.header("location").unwrap();
    let token = format!("Bearer {}", client.token);
    let refused = send("GET", location, &[("Authorization", &token)], b"").unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(sandbox.counters().storage.with_authorization, 1);
    assert_eq!(
        send("GET", &format!("{location}0"), &[], b"")
            .unwrap()
            .status,
        403
    );
    let later = location.replace("expires=", "expires=9");
    assert_eq!(send("GET", &later, &[], b"").unwrap().status, 403);
    assert_eq!(send("PUT", location, &[], b"x").unwrap().status, 403);
}

#[test]
fn generated_documents_have_their_content() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let row = client.get("documents.json?fields=id,size&limit=1").data()[0].clone();
    let bytes = download(&client, &row["id"]).body;
    assert_eq!(bytes.len() as u64, row["size"].as_u64().unwrap());
    let expected = control(
        &sandbox,
        "GET",
        &format!("documents/{}/content", row["id"]),
        "",
    );
    assert_eq!(bytes, expected.body);
    let large = json!(sandbox.add_document(3_000_000));
    let reply = download(&client, &large);
    assert_eq!((reply.status, reply.body.len()), (200, 3_000_000));
    let location = client.get(&format!("documents/{large}/download.json"));
    let location = location.header("location").unwrap();
    let part = send("GET", location, &[("Range", "bytes=2999990-")], b"").unwrap();
    assert_eq!(part.status, 206);
    assert_eq!(part.body, reply.body[2_999_990..]);
}

#[test]
fn versions_are_listed_and_can_be_restored() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = client.first("documents.json");
    let path = format!("documents/{id}/versions.json?fields=id,version_number");
    let versions = client.get(&path);
    assert_eq!(versions.data()[0]["version_number"], 1);
    let version = &versions.data()[0]["id"];
    let path = format!("documents/{id}/versions/{version}/save_as_latest_version.json");
    assert_eq!(client.post(&path, &json!({"data": {}})).status, 200);
    let shown = client.get(&format!(
        "documents/{id}.json?fields=latest_document_version{{version_number}}"
    ));
    assert_eq!(shown.at("/data/latest_document_version/version_number"), 2);
}

#[test]
fn a_new_version_belongs_to_its_document() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let id = client.first("documents.json");
    let created = upload(&client, &json!({"id": id, "type": "Document"}), b"second");
    assert_eq!(created.at("/data/id"), id);
    assert_eq!(
        created.at("/data/latest_document_version/version_number"),
        2
    );
    let before = download(&client, &json!(id)).body;
    assert_ne!(
        before, b"second",
        "the first version stands until the upload is complete"
    );
    assert_eq!(client.first("documents.json"), id);
    assert_eq!(finish(&client, &created).status, 200);
    assert_eq!(download(&client, &json!(id)).body, b"second");
    let versions = client.get(&format!("documents/{id}/versions.json"));
    assert_eq!(versions.at("/meta/records"), 2);
    let first = &versions.ids()[0];
    let old = client.get(&format!(
        "documents/{id}/download.json?document_version_id={first}"
    ));
    let old = send("GET", old.header("location").unwrap(), &[], b"").unwrap();
    assert_eq!(old.body, before);
}

#[test]
fn reports_and_their_like_have_a_file() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let documents = client.get("documents.json?limit=1");
    let wanted = json!({"data": {"items": [{"id": documents.at("/data/0/id"), "type": 1}]}});
    let archive = client.post("document_archives.json", &wanted);
    assert_eq!(archive.status, 201, "{}", archive.text());
    let first_of = |list: &str| client.get(&format!("{list}.json?limit=1")).at("/data/0/id");
    for (list, id) in [
        ("reports", first_of("reports")),
        ("document_templates", first_of("document_templates")),
        ("document_archives", archive.at("/data/id")),
    ] {
        let reply = client.get(&format!("{list}/{id}/download.json"));
        assert_eq!(reply.status, 303, "{list}");
        let file = send("GET", reply.header("location").unwrap(), &[], b"").unwrap();
        assert_eq!((file.status, file.body.len()), (200, 2_000), "{list}");
        let missing = client.get(&format!("{list}/1/download.json"));
        assert_eq!(missing.status, 404, "{list}");
    }
    let bill = client.get("bills.json?limit=1&fields=id,number");
    let (id, number) = (bill.at("/data/0/id"), bill.at("/data/0/number"));
    let page = client.get(&format!("bills/{id}/preview.json"));
    assert_eq!(page.status, 200);
    assert!(page.text().contains(number.as_str().unwrap()));
}
