//! Lists: paging, order, filters.

use serde_json::Value;

use crate::client::{Client, sandbox, start};

/// All ids of a list, page by page along `next`.
fn walk(client: &Client<'_>, first: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut path = first.to_owned();
    loop {
        let reply = client.get(&path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        ids.extend(reply.ids());
        match reply.at("/meta/paging/next") {
            Value::String(next) => path = next,
            _ => return ids,
        }
    }
}

#[test]
fn a_cursor_reaches_every_row_once() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let ids = walk(&client, "activities.json?fields=id&limit=50&order=id(asc)");
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    let records = client.get("activities.json?limit=1").at("/meta/records");
    assert_eq!(records, ids.len());
}

#[test]
fn a_cursor_does_not_mind_deletions_and_goes_back() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let all = walk(&client, "tasks.json?fields=id&order=id(asc)");
    let first = client.get("tasks.json?fields=id&limit=10&order=id(asc)");
    assert!(first.at("/meta/paging/previous").is_null());
    assert_eq!(client.delete(&format!("tasks/{}.json", all[3])).status, 204);
    let second = client.get(first.at("/meta/paging/next").as_str().unwrap());
    assert_eq!(second.ids(), all[10..20]);
    let back = client.get(second.at("/meta/paging/previous").as_str().unwrap());
    assert_eq!(back.ids().last(), Some(&all[9]));
    assert!(!back.ids().contains(&all[3]));
}

#[test]
fn links_lead_to_the_host_that_was_asked() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let base = sandbox.base_url().replace("127.0.0.1", "localhost");
    let reply = client.get(&format!(
        "{base}/api/v4/matters.json?limit=1&fields=id,client%7Bid%7D"
    ));
    let next = reply.at("/meta/paging/next").as_str().unwrap().to_owned();
    assert!(
        next.starts_with(&format!("{base}/api/v4/matters.json?")),
        "{next}"
    );
    assert!(next.contains("fields=id%2Cclient%7Bid%7D"), "{next}");
}

#[test]
fn offsets_end_at_ten_thousand() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let all = walk(&client, "notes.json?type=Matter&fields=id&order=id(asc)");
    let at = |offset: usize| {
        client.get(&format!(
            "notes.json?type=Matter&fields=id&limit=5&offset={offset}"
        ))
    };
    assert_eq!(at(7).ids(), all[7..12]);
    assert_eq!(at(9_999).ids(), Vec::<i64>::new());
    assert_eq!(at(10_000).status, 422);
    assert_eq!(at(10_000).at("/error/type"), "ArgumentError");
    assert_eq!(client.get("folders/list.json?offset=5").status, 422);
}

#[test]
fn without_an_explicit_order_the_walk_ends_at_ten_thousand() {
    // 1,000 matters have more than 10,000 activities.
    let sandbox = start(|options| options.matters = 1000);
    let client = Client::new(&sandbox);
    let total = client
        .get("activities.json?limit=1")
        .at("/meta/records")
        .as_u64()
        .unwrap();
    assert!(total > 10_000);
    let mut path = "activities.json?fields=id".to_owned();
    let mut seen = 0;
    let refused = loop {
        let reply = client.get(&path);
        if reply.status != 200 {
            break reply;
        }
        seen += reply.ids().len();
        path = reply.at("/meta/paging/next").as_str().unwrap().to_owned();
    };
    assert_eq!((seen, refused.status), (10_000, 422));
    assert_eq!(
        refused.at("/error/message"),
        "page_token is now out of bounds"
    );
    let all = walk(&client, "activities.json?fields=id&order=id(asc)");
    assert_eq!(all.len() as u64, total);
}

#[test]
fn limits_and_tokens_are_checked() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    for (query, status) in [
        ("limit=0", 400),
        ("limit=201", 400),
        ("limit=x", 400),
        ("order=x(asc)", 400),
        ("page_token=x", 422),
        ("offset=-1", 422),
    ] {
        let reply = client.get(&format!("matters.json?{query}"));
        assert_eq!(reply.status, status, "{query}");
        assert_eq!(reply.at("/error/type"), "ArgumentError", "{query}");
    }
    assert_eq!(client.get("users.json?limit=2000").status, 200);
    let next = client.get("matters.json?limit=1").at("/meta/paging/next");
    let whole = next
        .as_str()
        .unwrap()
        .replace(':', "%3A")
        .replace('&', "%26");
    let reply = client.get(&format!("matters.json?limit=1&page_token={whole}"));
    assert_eq!(reply.at("/error/message"), "page_token is invalid");
}

#[test]
fn an_order_sorts() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let path = "contacts.json?fields=id,name&order=name";
    let names = |reply: &crate::client::Reply| -> Vec<String> {
        reply
            .data()
            .iter()
            .map(|row| row["name"].as_str().unwrap().to_lowercase())
            .collect()
    };
    let up = names(&client.get(&format!("{path}(asc)")));
    let mut sorted = up.clone();
    sorted.sort();
    assert_eq!(up, sorted);
    let down = names(&client.get(&format!("{path}(desc)")));
    assert_eq!(down, up.into_iter().rev().collect::<Vec<_>>());
    let by_client = client.get("matters.json?fields=id,client{name}&order=client.name(asc)");
    let firsts: Vec<String> = by_client
        .data()
        .iter()
        .map(|row| row["client"]["name"].to_string().to_lowercase())
        .collect();
    assert!(firsts.is_sorted());
}

#[test]
fn filters_filter() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let all = client
        .get("matters.json?fields=id,status,client{id},open_date,description,created_at,display_number")
        .data();
    let count = |path: &str| client.get(path).at("/meta/records").as_u64().unwrap();
    let expect = |path: &str, test: &dyn Fn(&Value) -> bool| {
        let wanted: Vec<i64> = all
            .iter()
            .filter(|row| test(row))
            .map(|row| row["id"].as_i64().unwrap())
            .collect();
        let got = client.get(path).ids();
        assert_eq!(got, wanted, "{path}");
        assert!(
            !got.is_empty() && got.len() < all.len(),
            "{path} must tell rows apart"
        );
    };
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    expect("matters.json?status=open", &|row| row["status"] == "Open");
    expect("matters.json?status=closed,pending", &|row| {
        row["status"] != "Open"
    });
    let client_id = all[4]["client"]["id"].as_i64().unwrap();
    expect(&format!("matters.json?client_id={client_id}"), &|row| {
        row["client"]["id"] == client_id
    });
    expect(
        "matters.json?open_date[]=%3E%3D2022-01-01&open_date[]=%3C2024-06-30",
        &|row| {
            let date = text(row, "open_date");
            !date.is_empty() && date.as_str() >= "2022-01-01" && date.as_str() < "2024-06-30"
        },
    );
    expect(
        "matters.json?created_since=2023-05-05T12:00:00-04:00",
        &|row| text(row, "created_at").as_str() > "2023-05-05T12",
    );
    expect("matters.json?query=FAMILY", &|row| {
        text(row, "description").contains("Family")
    });
    let (one, two) = (all[1]["id"].clone(), all[2]["id"].clone());
    expect(&format!("matters.json?ids[]={one}&ids[]={two}"), &|row| {
        row["id"] == one || row["id"] == two
    });
    // Ignored, as Clio does.
    assert_eq!(count("matters.json?matter=5&colour=red"), all.len() as u64);
    let matter = &all[0]["id"];
    let activities = count(&format!("activities.json?matter_id={matter}"));
    assert!(activities > 0 && activities < count("activities.json"));
    assert_eq!(
        count("tasks.json?complete=true") + count("tasks.json?complete=false"),
        count("tasks.json")
    );
    assert_eq!(client.get("tasks.json?assignee_id=5").status, 400);
    assert_eq!(client.get("notes.json").status, 400);
    let types = |kind: &str| count(&format!("notes.json?type={kind}"));
    assert_eq!(types("Matter"), types("matter"));
    assert!(types("Contact") > 0);
}

#[test]
fn custom_fields_filter_and_can_be_chosen() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let fields = client
        .get("custom_fields.json?fields=id,name,field_type&parent_type=matter")
        .data();
    let field = |kind: &str| {
        fields.iter().find(|row| row["field_type"] == kind).unwrap()["id"]
            .as_i64()
            .unwrap()
    };
    let amount = field("currency");
    let path = "fields=id,custom_field_values{field_name,value}&custom_field_ids[]=";
    let rows = client.get(&format!(
        "matters.json?{path}{amount}&custom_field_values[{amount}]=%3E%3D20000"
    ));
    assert!(!rows.data().is_empty());
    for row in rows.data() {
        let values = row["custom_field_values"].as_array().unwrap();
        assert_eq!(values.len(), 1);
        assert_eq!(values[0]["field_name"], "Amount in dispute");
        assert!(values[0]["value"].as_str().unwrap().parse::<f64>().unwrap() >= 20_000.0);
    }
}

#[test]
fn fields_have_their_rules() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let row = |fields: &str| client.get(&format!("matters.json?limit=1{fields}"));
    let keys = crate::member_names;
    assert_eq!(keys(&row("").data()[0]), ["display_number", "etag", "id"]);
    assert_eq!(
        keys(&client.get("tasks.json?limit=1").data()[0]),
        ["etag", "id"]
    );
    let nested = row("&fields=client{name,company},custom_field_values").data()[0].clone();
    assert_eq!(keys(&nested["client"]), ["company", "name"]);
    assert_eq!(keys(&nested["custom_field_values"][0]), ["id", "value"]);
    assert_eq!(row("&fields=client{company{name}}").status, 400);
    assert_eq!(row("&fields=nonsense").at("/error/type"), "InvalidFields");
    assert!(client.get("calendar_entries.json?limit=1").data()[0]["id"].is_string());
}

#[test]
fn lists_below_others_are_there() {
    let sandbox = sandbox();
    let client = Client::new(&sandbox);
    let contact = client.first("contacts.json");
    let emails = client.get(&format!(
        "contacts/{contact}/email_addresses.json?fields=address"
    ));
    let shown = client.get(&format!(
        "contacts/{contact}.json?fields=primary_email_address"
    ));
    assert_eq!(
        emails.data()[0]["address"],
        shown.at("/data/primary_email_address")
    );
    let matter = client
        .get("relationships.json?fields=matter{id}&limit=1")
        .data()[0]["matter"]["id"]
        .as_i64()
        .unwrap();
    let all = client
        .get(&format!(
            "matters/{matter}/contacts.json?fields=id,is_client"
        ))
        .data();
    assert_eq!(all.iter().filter(|row| row["is_client"] == true).count(), 1);
    let related = client
        .get(&format!("matters/{matter}/related_contacts.json"))
        .ids();
    assert_eq!(related.len(), all.len() - 1);
    let client_of = client.get(&format!("matters/{matter}/client.json?fields=id,name"));
    assert_eq!(client_of.status, 200);
    assert_eq!(client.get("matters/5/contacts.json").status, 404);
    let ids = client.get("billable_matters/ids.json").at("/data");
    assert!(ids.as_array().unwrap().iter().all(Value::is_i64));
}
