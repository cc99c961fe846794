//! The matters: their files, schedules and correspondence.

use super::{Founder, Place, document, participant};
use crate::clock::{self, Day, Second};
use crate::names;
use crate::record::{Cell, Key};

impl Founder<'_> {
    pub(super) fn open_matter(&mut self, at: usize, of: usize) {
        let number = i64::try_from(at).unwrap_or(0) + 1;
        let total = i64::try_from(of).unwrap_or(1).max(1);
        let span = i64::from(self.today - self.founded - 10);
        let opened = self.founded + Day::try_from(span * number / total).unwrap_or(0);
        let opened = self.working_day(opened, opened + 3);
        let client = self.client(opened);
        let age = self.today - opened;
        let status = match self.stream.below(100) {
            _ if age < 30 && self.stream.chance(40) => "Pending",
            chance if age > 400 && chance < 70 => "Closed",
            chance if age > 120 && chance < 25 => "Closed",
            _ => "Open",
        };
        let closed = (status == "Closed").then(|| self.working_day(opened + 60, self.today - 1));
        let created = self.office_hour(opened);
        let key = self.matter(number, opened, closed, status, client, created);
        let end = closed.unwrap_or(self.today - 1);
        self.file(key, client, opened, end, created);
        if status != "Pending" {
            let work = self.work(key, opened, end);
            self.bill_matter(key, client, &work);
        }
        self.schedule(key, opened, end, status);
        self.correspondence(key, client, opened, end);
        self.trust(key, client, opened);
    }

    pub(super) fn matter(
        &mut self,
        number: i64,
        opened: Day,
        closed: Option<Day>,
        status: &str,
        client: Key,
        created: Second,
    ) -> Key {
        let area = self.stream.below(self.office.areas.len());
        let practice_area = self.office.areas.get(area).copied();
        let stages = self.office.stages.get(area).cloned().unwrap_or_default();
        let stage = if closed.is_some() {
            stages.last().copied()
        } else {
            Some(self.pick(&stages))
        };
        let responsible = self.stream.pick(&self.office.attorneys);
        let originating = self.stream.pick(&self.office.attorneys);
        let staff = self.stream.pick(&self.office.staff);
        let short = match self.text(client, "last_name") {
            name if name.is_empty() => self
                .text(client, "name")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            name => name,
        };
        let display_number = format!("{number:05}-{short}");
        let cases = names::CASES
            .get(area % names::CASES.len())
            .copied()
            .unwrap_or_default();
        let title = self.stream.pick(&cases);
        let (area_name, _, _) = names::AREAS.get(area).copied().unwrap_or_default();
        let fields = self.office.matter_fields.clone();
        let custom = self.custom_values(&fields, created, opened);
        let method = match self.stream.below(10) {
            0 => "contingency",
            1 | 2 => "flat",
            _ => "hourly",
        };
        let location = self.stream.pick(&names::CITIES).0;
        let (group, currency) = (self.office.group, self.office.currency);
        let updated = closed.map_or(created, |day| clock::local_time(day, 17, 0));
        let reference = self
            .stream
            .chance(30)
            .then(|| format!("REF/{number}/{}", opened % 97));
        self.add("matters", created, |row| {
            row.set("number", number)
                .set("display_number", display_number.as_str())
                .set("description", format!("{area_name}: {title}"))
                .set("status", status)
                .set("billable", true)
                .set("billing_method", method)
                .set("client", client)
                .set("client_id", client.id)
                .set("client_reference", reference)
                .set(
                    "open_date",
                    (status != "Pending").then_some(Cell::Date(opened)),
                )
                .set(
                    "pending_date",
                    (status == "Pending").then_some(Cell::Date(opened)),
                )
                .set("close_date", closed.map(Cell::Date))
                .set("location", location)
                .set(
                    "maildrop_address",
                    format!("matter-{number}@maildrop.example"),
                )
                .set("matter_stage", stage)
                .set("matter_stage_updated_at", Cell::Time(created))
                .set("practice_area", practice_area)
                .set("responsible_attorney", responsible)
                .set("originating_attorney", originating)
                .set("responsible_staff", staff)
                .set("user", responsible)
                .set("group", group)
                .set("currency", currency)
                .set("require_utbms_codes", false)
                .set("shared", false)
                .set("has_tasks", true)
                .set("custom_field_values", custom)
                .set("updated_at", Cell::Time(updated));
        })
    }

    /// The matter's folder, documents and other parties.
    pub(super) fn file(
        &mut self,
        matter: Key,
        client: Key,
        opened: Day,
        end: Day,
        created: Second,
    ) {
        let name = self.text(matter, "display_number");
        let creator = self.stream.pick(&self.office.users);
        let folder = self.add("folders", created, |row| {
            row.set("name", name)
                .set("type", "Folder")
                .set("root", true)
                .set("locked", false)
                .set("matter", matter)
                .set("creator", creator);
        });
        let mut parties = Vec::new();
        for _ in 0..self.stream.below(3) {
            let contact = self.other_party(opened);
            if contact == client {
                continue;
            }
            let role = self.stream.pick(&names::ROLES);
            parties.push(self.add("relationships", created, |row| {
                row.set("description", role)
                    .set("contact", contact)
                    .set("matter", matter);
            }));
        }
        self.database.amend(matter, |row| {
            row.set("folder", folder).set("relationships", parties);
        });
        for nth in 0..=self.stream.below(3) {
            let at = {
                let day = self.working_day(opened, end);
                self.office_hour(day)
            };
            let filename = format!(
                "{} {nth}.{}",
                self.stream.pick(&names::DOCUMENTS),
                self.stream.pick(&["pdf", "docx", "txt", "eml"])
            );
            let length = self.stream.next() % 200_000 + 500;
            let seed = self.stream.next();
            let place = Place {
                matter: Some(matter),
                folder: Some(folder),
                creator: Some(creator),
            };
            let key = document(
                self.database,
                self.storage,
                &place,
                &filename,
                length,
                seed,
                at,
            );
            let category = self.stream.pick(&self.office.categories);
            self.database.amend(key, |row| {
                row.set("document_category", category);
            });
        }
    }

    /// Tasks and calendar entries, some of them still to come.
    pub(super) fn schedule(&mut self, matter: Key, opened: Day, end: Day, status: &str) {
        let last = if status == "Closed" {
            end
        } else {
            self.today + 60
        };
        for _ in 0..2 + self.stream.below(4) {
            let due = self.working_day(opened + 3, last);
            let created = {
                let day = (due - 14).clamp(opened, self.today - 1);
                self.office_hour(day)
            };
            let done = due < self.today && (status == "Closed" || self.stream.chance(85));
            let assignee = self.stream.pick(&self.office.users);
            let boss = self.stream.pick(&self.office.attorneys);
            let name = self.stream.pick(&names::TASKS);
            let number = self.text(matter, "display_number");
            let priority = self.stream.pick(&["High", "Normal", "Normal", "Low"]);
            let state = if done {
                "complete"
            } else {
                self.stream
                    .pick(&["pending", "pending", "in_progress", "in_review"])
            };
            let kind = self.stream.pick(&self.office.task_types);
            let estimate = self.stream.between(1, 12) * 1800;
            let completed = done.then(|| clock::local_time(due, 16, 30));
            let participant = self.participant(assignee, created);
            self.add("tasks", created, |row| {
                row.set("name", name)
                    .set("description", format!("{name} for {number}"))
                    .set("description_text_type", "plain_text")
                    .set("due_at", Cell::Date(due))
                    .set("completed_at", completed.map(Cell::Time))
                    .set("status", state)
                    .set("priority", priority)
                    .set("permission", "public")
                    .set("notify_completion", false)
                    .set("statute_of_limitations", false)
                    .set("time_entries_count", 0)
                    .set("time_estimated", estimate)
                    .set("assignee", participant)
                    .set("assigner", boss)
                    .set("task_type", kind)
                    .set("matter", matter);
            });
        }
        for _ in 0..=self.stream.below(3) {
            let day = self.working_day(opened + 1, last);
            let hour = self.stream.between(9, 16);
            let (start, finish) = (
                clock::local_time(day, hour, 0),
                clock::local_time(day, hour + 1, 0),
            );
            let created = {
                let day = (day - 10).clamp(opened, self.today - 1);
                self.office_hour(day)
            };
            let calendar = self.stream.pick(&self.office.calendars);
            let kind = self.stream.pick(&self.office.event_types);
            let number = self.text(matter, "display_number");
            let summary = format!("{} {number}", self.stream.pick(&names::EVENTS));
            let location = self.stream.pick(&names::PLACES);
            self.add("calendar_entries", created, |row| {
                row.set("summary", summary)
                    .set("location", location)
                    .set("description", "")
                    .set("all_day", false)
                    .set("court_rule", false)
                    .set("permission", "owner")
                    .set("start_at", Cell::Time(start))
                    .set("end_at", Cell::Time(finish))
                    .set("start_date", Cell::Date(day))
                    .set("end_date", Cell::Date(day))
                    .set("start_time", format!("{hour:02}:00"))
                    .set("end_time", format!("{:02}:00", hour + 1))
                    .set("start_at_time_zone", "America/Toronto")
                    .set("time_entries_count", 0)
                    .set("calendar_owner", calendar)
                    .set("calendar_owner_id", calendar.id)
                    .set("calendars", vec![calendar])
                    .set("calendar_entry_event_type", kind)
                    .set("matter", matter);
            });
        }
    }

    /// A user or contact as a participant.
    pub(super) fn participant(&mut self, key: Key, at: Second) -> Cell {
        participant(self.database, key, at).map_or(Cell::Null, Cell::from)
    }

    pub(super) fn correspondence(&mut self, matter: Key, client: Key, opened: Day, end: Day) {
        for _ in 0..=self.stream.below(3) {
            let day = self.working_day(opened, end);
            let at = self.office_hour(day);
            let author = self.stream.pick(&self.office.users);
            let (subject, detail) = self.stream.pick(&names::MEMOS);
            let about_client = self.stream.chance(20);
            self.add("notes", at, |row| {
                row.set("type", if about_client { "Contact" } else { "Matter" })
                    .set("subject", subject)
                    .set("detail", detail)
                    .set("detail_text_type", "plain_text")
                    .set("date", Cell::Date(day))
                    .set("time_entries_count", 0)
                    .set("author", author);
                if about_client {
                    row.set("contact", client);
                } else {
                    row.set("matter", matter);
                }
            });
        }
        for _ in 0..=self.stream.below(4) {
            let day = self.working_day(opened, end);
            let at = self.office_hour(day);
            let user = self.stream.pick(&self.office.users);
            let incoming = self.stream.chance(50);
            let email = self.stream.chance(70);
            let (subject, body) = self.stream.pick(&names::LETTERS);
            let (us, them) = (self.participant(user, at), self.participant(client, at));
            let (from, to) = if incoming { (them, us) } else { (us, them) };
            let several = |cell: Cell| match cell {
                Cell::Inline(record) => Cell::Inlines(vec![*record]),
                _ => Cell::Null,
            };
            self.add("communications", at, |row| {
                row.set(
                    "type",
                    if email {
                        "EmailCommunication"
                    } else {
                        "PhoneCommunication"
                    },
                )
                .set("subject", subject)
                .set("body", body)
                .set("date", Cell::Date(day))
                .set("received_at", Cell::Time(at))
                .set("time_entries_count", 0)
                .set("user", user)
                .set("matter", matter)
                .set("senders", several(from))
                .set("receivers", several(to));
            });
        }
    }
}
