//! Functions of the connection itself.

use rusqlite::Connection;

use super::flags;

/// The name of the database.
const DATABASE: [&str; 3] = ["database", "db_name", "current_database"];
/// The name of the user.
const USER: [&str; 5] = [
    "user",
    "current_user",
    "session_user",
    "system_user",
    "user_name",
];

pub(super) fn register(
    connection: &Connection,
    database: &str,
    user: &str,
) -> rusqlite::Result<()> {
    for (names, value) in [(DATABASE.as_slice(), database), (USER.as_slice(), user)] {
        for name in names {
            let value = value.to_owned();
            connection.create_scalar_function(*name, 0, flags(true), move |_| Ok(value.clone()))?;
        }
    }
    Ok(())
}
