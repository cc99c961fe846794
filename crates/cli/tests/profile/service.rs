//! A sandbox, and requests to it.

use apilink_core::cancel::CancellationToken;
use apilink_core::http::{Request, RequestBody};
use apilink_core::profile::Profile;
use apilink_core::profile::tables::Table;
use apilink_core::session::{ConnectOptions, Session};
use apilink_core::settings::Settings;
use clio_sandbox::{Options, Sandbox};
use serde_json::Value;

/// Parameters with their values.
pub type Query<'a> = Vec<(&'a str, &'a str)>;

/// A sandbox with a connection to it.
pub struct Service {
    sandbox: Sandbox,
    session: Session,
}

impl Service {
    pub fn start() -> Self {
        let options = Options {
            matters: 15,
            rate_limit: 0,
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).unwrap();
        let life = std::time::Duration::from_secs(3600);
        let grant = sandbox.issue_token(sandbox.people()[0].id, life);
        let string = format!(
            "Profile=Clio;Region={};AuthScheme=OAuth;InitiateOAuth=OFF;OAuthAccessToken={}",
            sandbox.base_url(),
            grant.access_token
        );
        let settings = Settings::parse(&string).unwrap().0;
        let cancel = CancellationToken::new();
        let options = ConnectOptions::default();
        let session = Session::connect(settings, options, &cancel, &mut Vec::new()).unwrap();
        Self { sandbox, session }
    }

    /// All records of a list.
    pub fn all(&self, table: &Table, query: &[(&str, &str)]) -> Vec<Value> {
        let records = self.built(table, query);
        records.unwrap_or_else(|| panic!("{} is not in the sandbox", table.name))
    }

    /// The same, if the sandbox has what is asked. A list that must be asked with a parameter is
    /// asked with each of its values.
    pub fn built(&self, table: &Table, query: &[(&str, &str)]) -> Option<Vec<Value>> {
        let required = table
            .list
            .as_ref()
            .unwrap()
            .required
            .iter()
            .find(|required| !query.iter().any(|(name, _)| *name == required.parameter));
        let Some(required) = required else {
            return self.pages(table, query);
        };
        let unknown = ["7".to_owned()];
        let values = if required.values.is_empty() {
            &unknown[..]
        } else {
            &required.values
        };
        let mut records = Vec::new();
        for value in values {
            let mut query = query.to_vec();
            query.push((&required.parameter, value));
            records.extend(self.pages(table, &query)?);
        }
        Some(records)
    }

    fn pages(&self, table: &Table, query: &[(&str, &str)]) -> Option<Vec<Value>> {
        let cancel = CancellationToken::new();
        let mut records = Vec::new();
        let mut diagnostics = Vec::new();
        let mut page = Some(self.ask(table, query)?);
        while let Some(mut reply) = page {
            let body = reply.json(&cancel).unwrap();
            match &body["data"] {
                Value::Array(rows) => records.extend(rows.iter().cloned()),
                row => records.push(row.clone()),
            }
            page = self
                .session
                .next_page(&mut reply, None, &cancel, &mut diagnostics)
                .unwrap();
        }
        Some(records)
    }

    /// The first page of a list.
    pub fn page(&self, table: &Table, query: &[(&str, &str)]) {
        self.ask(table, query).unwrap();
    }

    fn ask(&self, table: &Table, query: &[(&str, &str)]) -> Option<apilink_core::http::Response> {
        let list = table.list.as_ref().unwrap();
        let path = self.filled(table, &list.path);
        let mut request = Request::get(&path);
        for (name, value) in query {
            request.add_query(name, value);
        }
        for required in &list.required {
            if !query.iter().any(|(name, _)| *name == required.parameter) {
                let value = required.values.first().map_or("7", String::as_str);
                request.add_query(&required.parameter, value);
            }
        }
        for (name, value) in &list.constant {
            request.add_query(name, value);
        }
        let cancel = CancellationToken::new();
        let mut records = Vec::new();
        let reply = self
            .session
            .execute(&request, RequestBody::Empty, &cancel, &mut records);
        let mut reply = reply.unwrap();
        let status = reply.status();
        if status == 501 {
            return None;
        }
        let asked: Vec<_> = query.iter().filter(|(name, _)| *name != "fields").collect();
        assert!(
            status == 200,
            "{path} {asked:?}: {status} {}",
            String::from_utf8_lossy(reply.body(&cancel).unwrap())
        );
        Some(reply)
    }

    /// A path with the key of the first record of each parent.
    fn filled(&self, table: &Table, path: &str) -> String {
        let mut filled = path.to_owned();
        for column in table.columns.iter().filter(|column| column.parent) {
            let parent = &column.reference.as_ref().unwrap().table;
            let profile = Profile::built_in_clio();
            let parent = profile
                .tables()
                .iter()
                .find(|table| &table.name == parent)
                .unwrap();
            let placeholder = format!("{{{}}}", column.name);
            if filled.contains(&placeholder) {
                let records = self.all(parent, &[("fields", "id"), ("limit", "1")]);
                let id = records
                    .first()
                    .map_or("7".to_owned(), |record| record["id"].to_string());
                filled = filled.replace(&placeholder, &id);
            }
        }
        filled
    }

    /// Nothing was asked that the service does not document.
    pub fn assert_documented(&self) {
        let counters = self.sandbox.counters();
        assert_eq!(counters.unknown_requests, Vec::<String>::new());
        assert_eq!(counters.unknown_request_count, 0);
    }
}
