#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use apilink_core::{Diagnostic, Result, SqlState};
use apilink_sql::types::SqlType;
use apilink_sql::{ResultColumn, Value, ValueRef};
use proptest::prelude::*;

use super::*;
use crate::rows::{ListedRows, column};

/// Rows that end with an error.
struct Broken(ListedRows);

impl RowSource for Broken {
    fn columns(&self) -> &[ResultColumn] {
        self.0.columns()
    }

    fn advance(&mut self) -> Result<bool> {
        if self.0.advance()? {
            return Ok(true);
        }
        Err(Diagnostic::new(SqlState::LINK_FAILURE, "gone"))
    }

    fn value(&self, column: usize) -> ValueRef<'_> {
        self.0.value(column)
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn sample() -> ListedRows {
    ListedRows::new(
        vec![
            column("id", SqlType::Bigint),
            column("name", SqlType::TEXT),
            column("total", SqlType::DECIMAL),
            column("billable", SqlType::Boolean),
            column("id", SqlType::Bigint),
        ],
        vec![
            vec![
                Value::Integer(9_007_199_254_740_993),
                text("Müller, \"Söhne\"\nLtd"),
                Value::Real(0.1 + 0.2),
                Value::Integer(1),
                Value::Integer(1),
            ],
            vec![
                Value::Integer(2),
                text(""),
                Value::Real(1200.0),
                Value::Integer(0),
                Value::Null,
            ],
            vec![
                Value::Integer(3),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
            ],
        ],
    )
}

fn written_with(
    source: &mut dyn RowSource,
    format: Format,
    options: &Options,
    width: Option<usize>,
) -> (String, Outcome) {
    let layout = Layout {
        whole: options.whole,
        width,
        style: Style::PLAIN,
        cut: options.cut,
        null: options.null,
    };
    let mut out = Vec::new();
    let outcome = write_text(source, format, options, &layout, &mut out);
    (String::from_utf8(out).unwrap(), outcome)
}

fn written(source: &mut dyn RowSource, format: Format) -> String {
    let (text, outcome) = written_with(source, format, &Options::default(), None);
    outcome.unwrap();
    text
}

#[test]
fn csv_tells_null_from_empty_text() {
    assert_eq!(
        written(&mut sample(), Format::Csv),
        "id,name,total,billable,id\r\n\
         9007199254740993,\"Müller, \"\"Söhne\"\"\nLtd\",0.3,true,1\r\n\
         2,\"\",1200,false,\r\n\
         3,,,,\r\n"
    );
    let options = Options {
        header: false,
        delimiter: ';',
        ..Options::default()
    };
    let (text, _) = written_with(&mut sample(), Format::Csv, &options, None);
    assert!(text.starts_with("9007199254740993;\"Müller, "), "{text}");
}

#[test]
fn json_has_exact_numbers_and_names_only_once() {
    let text = written(&mut sample(), Format::Json);
    assert_eq!(
        text,
        "[\n\
         {\"id\":9007199254740993,\"name\":\"Müller, \\\"Söhne\\\"\\nLtd\",\"total\":0.3,\"billable\":true,\"id_2\":1},\n\
         {\"id\":2,\"name\":\"\",\"total\":1200,\"billable\":false,\"id_2\":null},\n\
         {\"id\":3,\"name\":null,\"total\":null,\"billable\":null,\"id_2\":null}\n\
         ]\n"
    );
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed.as_array().unwrap().len(), 3);
    let lines = written(&mut sample(), Format::Jsonl);
    assert_eq!(lines.lines().count(), 3);
    for (line, object) in lines.lines().zip(parsed.as_array().unwrap()) {
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(line).unwrap(),
            *object
        );
    }
}

#[test]
fn no_rows_are_an_empty_array_and_a_header() {
    let nothing = || ListedRows::new(vec![column("a", SqlType::TEXT)], Vec::new());
    assert_eq!(written(&mut nothing(), Format::Json), "[]\n");
    assert_eq!(written(&mut nothing(), Format::Jsonl), "");
    assert_eq!(written(&mut nothing(), Format::Csv), "a\r\n");
    assert_eq!(written(&mut nothing(), Format::Table), "a\n-\n");
}

#[test]
fn tables_align_numbers_to_the_right_and_show_null() {
    assert_eq!(
        written(&mut sample(), Format::Table),
        "              id  name                   total  billable    id\n\
         ----------------  -------------------  -------  --------  ----\n\
         9007199254740993  Müller, \"Söhne\"⏎Ltd     0.30  true         1\n               \
         2                       1200.00  false     NULL\n               \
         3  NULL                    NULL  NULL      NULL\n"
    );
}

#[test]
fn the_text_null_is_not_null() {
    let mut rows = ListedRows::of_texts(["a"], vec![[Some("NULL".to_owned())], [None]]);
    assert_eq!(
        written(&mut rows, Format::Table),
        "a\n------\n\"NULL\"\nNULL\n"
    );
}

#[test]
fn the_longest_texts_give_way_to_the_terminal() {
    let (text, _) = written_with(&mut sample(), Format::Table, &Options::default(), Some(56));
    assert!(text.contains("Müller, \"Söh…"), "{text}");
    assert!(
        text.lines()
            .all(|line| console::measure_text_width(line) <= 56),
        "{text}"
    );
    // Numbers are never cut, because the rest would look like a number.
    assert!(text.contains("9007199254740993"));
}

#[test]
fn what_does_not_fit_into_a_line_is_shown_as_lists() {
    let (text, _) = written_with(&mut sample(), Format::Table, &Options::default(), Some(30));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "--- row 1 ---",
            "id        9007199254740993",
            "name      Müller, \"Söhne\"⏎Ltd",
            "total     0.30",
        ]
    );
    assert_eq!(lines.len(), 18);
}

#[test]
fn a_long_name_in_a_list_takes_no_room_from_the_values() {
    let long = "how_the_client_came_to_know_of_the_office_and_who_it_was_that_told_them";
    let columns = vec![
        column("id", SqlType::TEXT),
        column("the_number_of_many_things", SqlType::Bigint),
        column(long, SqlType::TEXT),
    ];
    let rows = || {
        let row = vec![
            text("A text that needs room"),
            Value::Integer(7),
            text(&"x".repeat(60)),
        ];
        ListedRows::new(columns.clone(), vec![row])
    };
    let (text, _) = written_with(&mut rows(), Format::Table, &Options::default(), Some(40));
    let expected = format!(
        "--- row 1 ---\n\
         id  A text that needs room\n\
         the_number_of_many_things\n    7\n\
         {long}\n    {}…\n",
        "x".repeat(35)
    );
    assert_eq!(text, expected);
    let options = Options {
        cut: false,
        ..Options::default()
    };
    let (text, _) = written_with(&mut rows(), Format::Table, &options, Some(40));
    assert!(text.ends_with(&format!("\n    {}\n", "x".repeat(60))));
}

#[test]
fn dates_are_never_cut() {
    let day = "2025-10-31";
    let moment = "2025-10-31 23:59:59";
    let columns = vec![
        column("opened", SqlType::Date),
        column("the_moment_of_the_last_change", SqlType::Timestamp),
        column("is_open", SqlType::Boolean),
        column("name", SqlType::TEXT),
    ];
    let rows = || {
        let row = vec![
            text(day),
            text(moment),
            Value::Integer(1),
            text("A long name that gives way"),
        ];
        ListedRows::new(columns.clone(), vec![row])
    };
    for width in [20, 49, 50, 60, 70] {
        let (text, _) = written_with(&mut rows(), Format::Table, &Options::default(), Some(width));
        assert!(
            text.contains(day) && text.contains(moment),
            "{width}: {text}"
        );
        let is_list = text.starts_with("---");
        assert_eq!(is_list, width < 50, "{width}: {text}");
        for line in text.lines().filter(|_| !is_list) {
            assert!(console::measure_text_width(line) <= width, "{text}");
        }
    }
}

#[test]
fn where_nothing_may_be_cut_lists_take_the_place_of_columns() {
    let options = Options {
        cut: false,
        ..Options::default()
    };
    let long = "A text of thirty characters or so".to_owned();
    let rows = || ListedRows::of_texts(["a", "b"], vec![[Some(long.clone()), Some("x".into())]]);
    let (text, _) = written_with(&mut rows(), Format::Table, &options, Some(30));
    assert_eq!(text, format!("--- row 1 ---\na  {long}\nb  x\n"));
    let (text, _) = written_with(&mut rows(), Format::Table, &options, Some(40));
    assert!(text.contains(&format!("{long}  x\n")), "{text}");
}

#[test]
fn rows_before_an_error_are_shown_and_the_error_is_kept() {
    for format in [Format::Table, Format::Csv, Format::Json, Format::Jsonl] {
        let (text, outcome) =
            written_with(&mut Broken(sample()), format, &Options::default(), None);
        assert!(text.contains("9007199254740993"), "{format:?}");
        assert_eq!(outcome.unwrap_err().exit_code(), 4);
    }
}

#[test]
fn an_error_before_the_first_row_leaves_the_output_empty() {
    for format in [Format::Table, Format::Csv, Format::Json, Format::Jsonl] {
        let nothing = ListedRows::new(vec![column("a", SqlType::TEXT)], Vec::new());
        let (text, outcome) = written_with(&mut Broken(nothing), format, &Options::default(), None);
        assert_eq!((text.as_str(), outcome.is_err()), ("", true), "{format:?}");
    }
}

#[test]
fn a_file_appears_only_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    let write = |source: &mut dyn RowSource, format| {
        write(source, format, &Options::default(), Some(&file), &|| ())
    };
    write(&mut Broken(sample()), Format::Csv).unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    write(&mut sample(), Format::Csv).unwrap();
    let complete = std::fs::read(&file).unwrap();
    write(&mut Broken(sample()), Format::Json).unwrap_err();
    assert_eq!(std::fs::read(&file).unwrap(), complete);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_and_its_target_is_written() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    std::fs::write(at("data/old.csv"), "old").unwrap();
    symlink("data/old.csv", at("second")).unwrap();
    symlink(at("second"), at("first")).unwrap();
    symlink("data/new.csv", at("ahead")).unwrap();
    let write = |source: &mut dyn RowSource, link: &str, format| {
        write(source, format, &Options::default(), Some(&at(link)), &|| ())
    };
    for (link, target) in [("first", "data/old.csv"), ("ahead", "data/new.csv")] {
        write(&mut Broken(sample()), link, Format::Csv).unwrap_err();
        write(&mut sample(), link, Format::Csv).unwrap();
        assert!(at(link).is_symlink() && at("second").is_symlink(), "{link}");
        assert!(!at(target).is_symlink(), "{target}");
        let text = std::fs::read_to_string(at(target)).unwrap();
        assert!(text.starts_with("id,name,"), "{text}");
    }
    symlink("data/new.db", at("base")).unwrap();
    write(&mut Broken(sample()), "base", Format::Sqlite).unwrap_err();
    assert!(at("base").is_symlink() && !at("data/new.db").exists());
    write(&mut sample(), "base", Format::Sqlite).unwrap();
    assert!(at("base").is_symlink() && at("data/new.db").is_file());

    symlink("round", at("about")).unwrap();
    symlink("about", at("round")).unwrap();
    for format in [Format::Csv, Format::Sqlite] {
        write(&mut sample(), "about", format).unwrap_err();
        assert!(at("about").is_symlink() && at("round").is_symlink());
    }
    assert_eq!(std::fs::read_dir(at("data")).unwrap().count(), 3);
}

#[cfg(unix)]
#[test]
fn a_replaced_file_stays_as_private_as_it_was() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.csv");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    write(
        &mut sample(),
        Format::Csv,
        &Options::default(),
        Some(&file),
        &|| (),
    )
    .unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_open_already_is_written_as_it_is() {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::MetadataExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("open.csv");
    std::fs::write(&file, "before\n").unwrap();
    let inode = || std::fs::metadata(&file).unwrap().ino();
    let before = inode();
    let open = std::fs::File::open(&file).unwrap();
    let link = folder.path().join("link");
    for descriptor in ["/proc/self/fd", "/dev/fd"] {
        let descriptor = format!("{descriptor}/{}", open.as_raw_fd());
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&descriptor, &link).unwrap();
        write(
            &mut sample(),
            Format::Csv,
            &Options::default(),
            Some(&link),
            &|| (),
        )
        .unwrap();
        assert!(link.is_symlink());
    }
    assert_eq!(inode(), before);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("before\nid,name,"), "{text}");
    assert_eq!(text.matches("id,name,").count(), 2);
}

#[test]
fn sqlite_keeps_types_and_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.db");
    let write = |source: &mut dyn RowSource, append| {
        let options = Options {
            sqlite: SqliteTarget {
                table: "my \"rows\"".to_owned(),
                append,
            },
            ..Options::default()
        };
        write(source, Format::Sqlite, &options, Some(&file), &|| ())
    };
    let count = || {
        let database = rusqlite::Connection::open(&file).unwrap();
        let count = "SELECT count(*) FROM \"my \"\"rows\"\"\"";
        database
            .query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    write(&mut Broken(sample()), false).unwrap_err();
    assert!(!file.exists());
    write(&mut sample(), false).unwrap();
    assert_eq!(count(), 3);
    write(&mut sample(), true).unwrap();
    assert_eq!(count(), 6);
    write(&mut Broken(sample()), false).unwrap_err();
    assert_eq!(count(), 6);
    write(&mut sample(), false).unwrap();
    assert_eq!(count(), 3);

    let database = rusqlite::Connection::open(&file).unwrap();
    let types = "SELECT typeof(id) || typeof(name) || typeof(total) || typeof(billable) || \
                 typeof(id_2), total / 500 FROM \"my \"\"rows\"\"\" WHERE id = 2";
    let row = database
        .query_row(types, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?))
        })
        .unwrap();
    assert_eq!(row, ("integertextrealintegernull".to_owned(), 2.4));
}

proptest! {
    #[test]
    fn csv_reads_back(
        rows in prop::collection::vec(prop::array::uniform3(".{0,6}|[\",;\r\n]{0,3}"), 0..5),
        delimiter in prop::sample::select(vec![',', ';', '\t']),
    ) {
        let listed = rows.iter().map(|row| row.clone().map(Some)).collect();
        let mut source = ListedRows::of_texts(["a", "b,\"", "c"], listed);
        let options = Options { delimiter, ..Options::default() };
        let (text, _) = written_with(&mut source, Format::Csv, &options, None);
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(u8::try_from(delimiter).unwrap())
            .from_reader(text.as_bytes());
        prop_assert_eq!(reader.headers().unwrap(), &::csv::StringRecord::from(vec!["a", "b,\"", "c"]));
        let read: Vec<Vec<String>> = reader
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(read, rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
    }

    #[test]
    fn tables_fit_into_the_terminal_or_become_lists(
        rows in prop::collection::vec(prop::array::uniform3("\\PC{0,30}"), 1..5),
        width in 20_usize..120,
    ) {
        let listed = rows.iter().map(|row| row.clone().map(Some)).collect();
        let mut source = ListedRows::of_texts(["a", "b", "c"], listed);
        let (text, _) = written_with(&mut source, Format::Table, &Options::default(), Some(width));
        for line in text.lines() {
            prop_assert!(console::measure_text_width(line) <= width, "{:?}", line);
        }
    }
}

#[test]
fn amounts_have_two_places_in_a_table_only() {
    let rows = || {
        let amounts = [68024.8, 83993.56, 1_860_700.0, -0.1234];
        ListedRows::new(
            vec![column("total", SqlType::DECIMAL)],
            amounts.map(|amount| vec![Value::Real(amount)]).into(),
        )
    };
    assert_eq!(
        written(&mut rows(), Format::Table),
        "     total\n----------\n  68024.80\n  83993.56\n1860700.00\n   -0.1234\n"
    );
    assert_eq!(
        written(&mut rows(), Format::Csv),
        "total\r\n68024.8\r\n83993.56\r\n1860700\r\n-0.1234\r\n"
    );
}

#[test]
fn the_first_columns_can_be_kept_whole() {
    let mut rows = ListedRows::of_texts(
        ["column", "about"],
        vec![[
            Some("activity_description_name".to_owned()),
            Some("A text that has to give way here".to_owned()),
        ]],
    );
    let options = Options {
        whole: 1,
        ..Options::default()
    };
    let (text, _) = written_with(&mut rows, Format::Table, &options, Some(40));
    let expected = format!("activity_description_name\n{:20}  A text that has t…\n", "");
    assert!(text.ends_with(&expected), "{text}");
}
