//! The habits of `ODBC` tools, as `SQLite` understands them.
