//! Work, bills, payments, trust, and the lists that sum them up.

use std::collections::BTreeMap;

use serde_json::json;

use super::{BILLING_PERIOD, Founder, TAX_RATE, cents, money};
use crate::clock::{self, Day, Second};
use crate::names;
use crate::record::{Cell, Key};

/// An activity on its way to a bill.
#[derive(Clone, Copy)]
pub(super) struct Work {
    key: Key,
    date: Day,
    cents: i64,
    service: bool,
    /// Hundredths of an hour, or pieces times 100.
    quantity: i64,
    price: i64,
    user: Key,
}

fn percent(cents: i64, rate: i64) -> i64 {
    (cents * rate + 50).div_euclid(100)
}

impl Founder<'_> {
    /// Time and expenses, in the order of their dates.
    pub(super) fn work(&mut self, matter: Key, opened: Day, end: Day) -> Vec<Work> {
        let mut days: Vec<Day> = (0..4 + self.stream.below(17))
            .map(|_| self.working_day(opened, end))
            .collect();
        days.sort_unstable();
        let mut done = Vec::new();
        for date in days {
            let at = clock::local_time(date, 18, self.stream.between(0, 59));
            let user = if self.stream.chance(70) {
                self.stream.pick(&self.office.attorneys)
            } else {
                self.stream.pick(&self.office.staff)
            };
            let service = self.stream.chance(85);
            let non_billable = service && self.stream.chance(8);
            let (quantity, price) = if service {
                // Tenths of an hour, as lawyers bill.
                let rate = self.office.rates.get(&user.id).copied().unwrap_or(30_000);
                (self.stream.between(1, 60) * 10, rate)
            } else {
                (100, self.stream.between(500, 90_000))
            };
            let cents = quantity * price / 100;
            let work = self.stream.pick(&self.office.work);
            let expense = self.stream.pick(&self.office.expenses);
            let note = if service {
                self.stream.pick(&names::NOTES).to_owned()
            } else {
                format!(
                    "{}, receipt {}",
                    self.text(expense, "name"),
                    self.stream.between(100, 999)
                )
            };
            let currency = self.office.currency;
            let key = self.add("activities", at, |row| {
                row.set("type", if service { "TimeEntry" } else { "ExpenseEntry" })
                    .set("date", Cell::Date(date))
                    .set("note", note)
                    .set("price", money(price))
                    .set("total", money(if non_billable { 0 } else { cents }))
                    .set("non_billable", non_billable)
                    .set(
                        "non_billable_total",
                        money(if non_billable { cents } else { 0 }),
                    )
                    .set("no_charge", false)
                    .set("flat_rate", false)
                    .set("contingency_fee", false)
                    .set("billed", false)
                    .set("on_bill", false)
                    .set("quantity_redacted", false)
                    .set("tax_setting", "tax_1_only")
                    .set("currency", currency)
                    .set("matter", matter)
                    .set("user", user);
                if service {
                    // Hundredths of an hour to seconds.
                    row.set("quantity", Cell::Int(quantity * 36))
                        .set("rounded_quantity", Cell::Int(quantity * 36))
                        .set("quantity_in_hours", money(quantity))
                        .set("rounded_quantity_in_hours", money(quantity))
                        .set("activity_description", work);
                } else {
                    row.set("quantity", 1.0)
                        .set("rounded_quantity", 1.0)
                        .set("expense_category", expense);
                }
            });
            self.database.amend(matter, |row| {
                row.set("last_activity_date", Cell::Date(date));
            });
            if !non_billable {
                done.push(Work {
                    key,
                    date,
                    cents,
                    service,
                    quantity,
                    price,
                    user,
                });
            }
        }
        done
    }

    /// Bills for the work of each period but the last weeks.
    pub(super) fn bill_matter(&mut self, matter: Key, client: Key, work: &[Work]) {
        let mut periods: BTreeMap<Day, Vec<Work>> = BTreeMap::new();
        for entry in work.iter().filter(|entry| entry.date < self.today - 20) {
            periods
                .entry(entry.date.div_euclid(BILLING_PERIOD))
                .or_default()
                .push(*entry);
        }
        for (period, entries) in periods {
            let issued = ((period + 1) * BILLING_PERIOD + 7).min(self.today - 1);
            self.bill(matter, client, issued, &entries);
        }
    }

    pub(super) fn bill(&mut self, matter: Key, client: Key, issued: Day, entries: &[Work]) {
        let at = clock::local_time(issued, 10, 0);
        let number = self.office.next_bill;
        self.office.next_bill += 1;
        let services: i64 = entries.iter().filter(|e| e.service).map(|e| e.cents).sum();
        let sub_total: i64 = entries.iter().map(|entry| entry.cents).sum();
        let tax = percent(sub_total, TAX_RATE);
        let services_tax = percent(services, TAX_RATE);
        let total = sub_total + tax;
        let age = self.today - issued;
        let state = match self.stream.below(100) {
            _ if age < 15 && self.stream.chance(60) => "draft",
            chance if age > 40 && chance < 80 => "paid",
            chance if chance > 97 => "void",
            _ => "awaiting_payment",
        };
        let paid = match state {
            "paid" => total,
            "awaiting_payment" if self.stream.chance(25) => total / 2,
            _ => 0,
        };
        let due = if state == "void" { 0 } else { total - paid };
        let first = entries.first().map_or(issued, |entry| entry.date);
        let last = entries.last().map_or(issued, |entry| entry.date);
        let user = self.stream.pick(&self.office.attorneys);
        let (currency, account) = (self.office.currency, self.office.operating);
        let shared = state == "paid" || state == "awaiting_payment";
        let paid_on = (issued + 21).min(self.today);
        let balance = self.inlines("Balance", at, |row| {
            row.set("id", matter.id)
                .set("amount", money(total))
                .set("due", money(due))
                .set("interest_amount", 0.0)
                .set("type", "Matter");
        });
        let next_states = match state {
            "draft" => json!(["awaiting_approval", "awaiting_payment", "deleted"]),
            "awaiting_payment" => json!(["void"]),
            _ => json!([]),
        };
        let bill = self.add("bills", at, |row| {
            row.set("number", number.to_string())
                .set("type", "MatterBill")
                .set("kind", "revenue_kind")
                .set("state", state)
                .set("subject", format!("Invoice {number}"))
                .set("issued_at", Cell::Date(issued))
                .set("due_at", Cell::Date(issued + 30))
                .set("start_at", Cell::Date(first))
                .set("end_at", Cell::Date(last))
                .set("sub_total", money(sub_total))
                .set("services_sub_total", money(services))
                .set("taxable_sub_total", money(sub_total))
                .set("services_taxable_sub_total", money(services))
                .set("tax_rate", TAX_RATE)
                .set("tax_sum", money(tax))
                .set("total_tax", money(tax))
                .set("services_tax", money(services_tax))
                .set("secondary_tax_rate", 0.0)
                .set("secondary_tax_sum", 0.0)
                .set("services_secondary_tax", 0.0)
                .set("secondary_taxable_sub_total", 0)
                .set("services_secondary_taxable_sub_total", 0)
                .set("total", money(total))
                .set("paid", money(paid))
                .set("due", money(due))
                .set("balance", money(due))
                .set("pending", 0.0)
                .set("credits_issued", 0.0)
                .set("discount_services_only", false)
                .set("can_update", state == "draft")
                .set("shared", shared)
                .set("last_sent_at", shared.then_some(Cell::Time(at + 3600)))
                .set("matters", vec![matter])
                .set("client", client)
                .set("user", user)
                .set("currency", currency)
                .set("destination_account", account)
                .set("balances", balance)
                .set(
                    "available_state_transitions",
                    Cell::Json(Box::new(next_states)),
                );
            if state == "paid" {
                row.set("paid_at", Cell::Time(clock::local_time(paid_on, 11, 0)));
            }
        });
        for entry in entries {
            self.line_item(bill, matter, entry, at);
            self.database.amend(entry.key, |row| {
                row.set("bill", bill)
                    .set("on_bill", true)
                    .set("billed", state != "draft" && state != "void");
            });
        }
        if paid > 0 {
            self.payment(bill, matter, client, paid, paid_on);
        }
    }

    pub(super) fn line_item(&mut self, bill: Key, matter: Key, entry: &Work, at: Second) {
        let note = self.text(entry.key, "note");
        let tax = percent(entry.cents, TAX_RATE);
        self.add("line_items", at, |row| {
            row.set("type", "ActivityLineItem")
                .set("kind", if entry.service { "Service" } else { "Expense" })
                .set("date", Cell::Date(entry.date))
                .set("description", note.as_str())
                .set("note", note.as_str())
                .set("quantity", money(entry.quantity))
                .set("price", money(entry.price))
                .set("sub_total", money(entry.cents))
                .set("tax", money(tax))
                .set("secondary_tax", 0.0)
                .set("total", money(entry.cents))
                .set("taxable", true)
                .set("secondary_taxable", false)
                .set("group_ordering", 0)
                .set("bill", bill)
                .set("matter", matter)
                .set("activity", entry.key)
                .set("user", entry.user);
        });
    }

    pub(super) fn payment(&mut self, bill: Key, matter: Key, client: Key, cents: i64, day: Day) {
        let at = clock::local_time(day, 11, 0);
        let account = self.office.operating;
        self.add("allocations", at, |row| {
            row.set("amount", money(cents))
                .set("date", Cell::Date(day))
                .set("description", "Payment")
                .set("payment_type", "Check")
                .set("destroyable", true)
                .set("has_online_payment", false)
                .set("interest", false)
                .set("bill", bill)
                .set("contact", client)
                .set("matter", matter)
                .set("destination_bank_account", account);
        });
        self.transaction(account, Some(bill), matter, client, cents, day);
    }

    pub(super) fn transaction(
        &mut self,
        account: Key,
        bill: Option<Key>,
        matter: Key,
        client: Key,
        cents: i64,
        day: Day,
    ) {
        let currency = self.office.currency.id;
        let payer = self.text(client, "name");
        let mut balance = 0.0;
        self.database.amend(account, |row| {
            let before = row.get("balance").number().unwrap_or(0.0);
            #[allow(clippy::cast_precision_loss, reason = "amounts are far below 2^52")]
            let after = ((before * 100.0).round() + cents as f64) / 100.0;
            balance = after;
            let count = row.get("bank_transactions_count").number().unwrap_or(0.0) + 1.0;
            row.set("balance", after)
                .set("bank_transactions_count", count);
        });
        self.add("bank_transactions", clock::local_time(day, 11, 5), |row| {
            row.set("amount", money(cents))
                .set("funds_in", money(cents))
                .set("funds_out", 0.0)
                .set("date", Cell::Date(day))
                .set(
                    "description",
                    if bill.is_some() {
                        "Bill payment"
                    } else {
                        "Retainer"
                    },
                )
                .set("payer_payee", payer)
                .set("source", "Check")
                .set("transaction_type", "Deposit")
                .set("type", "Deposit")
                .set("currency", "CAD")
                .set("currency_id", currency)
                .set("exchange_rate", 1.0)
                .set("current_account_balance", balance)
                .set("clio_payments_transaction", false)
                .set("read_only_confirmation", false)
                .set("bank_account_id", account.id)
                .set("bank_account", account)
                .set("bill", bill)
                .set("client", client)
                .set("matter", matter);
        });
    }

    /// A retainer in trust, for some matters.
    pub(super) fn trust(&mut self, matter: Key, client: Key, opened: Day) {
        if !self.stream.chance(35) {
            return;
        }
        let cents = self.stream.between(5, 100) * 10_000;
        let (account, currency) = (self.office.trust, self.office.currency.id);
        let day = (opened + 2).min(self.today);
        self.transaction(account, None, matter, client, cents, day);
        let at = clock::local_time(day, 11, 0);
        let balance = self.inlines("AccountBalance_base", at, |row| {
            row.set("id", account.id)
                .set("name", "Pooled trust")
                .set("type", "Trust")
                .set("currency_id", currency)
                .set("balance", money(cents));
        });
        self.database.amend(matter, |row| {
            row.set("account_balances", balance);
        });
        self.add("trust_line_items", at, |row| {
            row.set("date", Cell::Date(day))
                .set("note", "Retainer received in trust")
                .set("total", money(cents))
                .set("client", client)
                .set("matter", matter);
        });
    }

    /// The lists that sum up others: what is unbilled, what is owed.
    pub(super) fn sum_up(&mut self) {
        let now = clock::local_time(self.today, 9, 0);
        let mut unbilled: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for activity in self.database.rows("activities") {
            let open =
                !activity.get("on_bill").is_true() && !activity.get("non_billable").is_true();
            if let Some(matter) = activity.get("matter").key().filter(|_| open) {
                let entry = unbilled.entry(matter.id).or_default();
                entry.0 += cents(activity.get("total"));
                entry.1 += cents(activity.get("quantity_in_hours"));
            }
        }
        let mut clients: BTreeMap<i64, (i64, i64, i64, i64, Vec<Key>)> = BTreeMap::new();
        for (id, (amount, hours)) in unbilled {
            let Some(matter) = self
                .database
                .named("matters")
                .and_then(|table| table.row(id))
            else {
                continue;
            };
            let number = matter.get("display_number").clone();
            let client = matter.get("client").key();
            let trust = match matter.get("account_balances") {
                Cell::Inlines(all) => all.iter().map(|one| cents(one.get("balance"))).sum(),
                _ => 0,
            };
            let currency = self.office.currency.id;
            let key = self.add("billable_matters", now, |row| {
                row.set("id", id)
                    .set("display_number", number)
                    .set("unbilled_amount", money(amount))
                    .set("unbilled_hours", money(hours))
                    .set("amount_in_trust", money(trust))
                    .set("currency_code", "CAD")
                    .set("currency_id", currency)
                    .set("client", client);
            });
            if let Some(client) = client {
                let entry = clients.entry(client.id).or_default();
                entry.0 += amount;
                entry.1 += hours;
                entry.2 += trust;
                entry.3 += 1;
                entry.4.push(key);
            }
        }
        for (id, (amount, hours, trust, count, keys)) in clients {
            let name = self
                .database
                .named("contacts")
                .and_then(|table| table.row(id));
            let name = name.map(|row| row.get("name").clone()).unwrap_or_default();
            self.add("billable_clients", now, |row| {
                row.set("id", id)
                    .set("name", name)
                    .set("unbilled_amount", money(amount))
                    .set("unbilled_hours", money(hours))
                    .set("amount_in_trust", money(trust))
                    .set("billable_matters_count", count)
                    .set("billable_matters", keys);
            });
        }
        self.outstanding(now);
    }

    pub(super) fn outstanding(&mut self, now: Second) {
        let Some(bills) = self.database.id("bills") else {
            return;
        };
        let mut owed: BTreeMap<i64, (i64, Vec<Key>, Day)> = BTreeMap::new();
        for bill in self.database.rows("bills") {
            if bill.get("state").text() != Some("awaiting_payment") {
                continue;
            }
            if let (Some(client), Cell::Date(due)) = (bill.get("client").key(), bill.get("due_at"))
            {
                let entry = owed.entry(client.id).or_default();
                entry.0 += cents(bill.get("due"));
                entry.1.push(Key {
                    table: bills,
                    id: bill.id(),
                });
                entry.2 = entry.2.max(*due);
            }
        }
        let Some(contacts) = self.database.id("contacts") else {
            return;
        };
        let currency = self.office.currency;
        for (id, (cents, keys, due)) in owed {
            self.add("outstanding_client_balances", now, |row| {
                row.set("total_outstanding_balance", money(cents))
                    .set("pending_payments_total", 0.0)
                    .set("newest_issued_bill_due_date", Cell::Date(due))
                    .set("last_shared_date", Cell::Date(due - 30))
                    .set("reminders_enabled", false)
                    .set(
                        "contact",
                        Key {
                            table: contacts,
                            id,
                        },
                    )
                    .set("currency", currency)
                    .set("outstanding_bills", keys);
            });
        }
    }
}
