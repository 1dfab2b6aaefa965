use proptest::prelude::*;

use super::{Data, Value, read};

/// A tree as `toml` makes it, too: without places, names sorted.
#[derive(Debug, PartialEq)]
enum Tree {
    Text(String),
    Boolean(bool),
    Integer(i64),
    Float(f64),
    List(Vec<Tree>),
    Table(Vec<(String, Tree)>),
}

fn ours(data: Data) -> Tree {
    match data {
        Data::Text(text) => Tree::Text(text),
        Data::Boolean(value) => Tree::Boolean(value),
        Data::Integer(number) => Tree::Integer(number),
        Data::Float(digits) => Tree::Float(digits.parse().unwrap()),
        Data::Date => panic!("no test has one"),
        Data::List(list) => Tree::List(list.into_iter().map(|value| ours(value.data)).collect()),
        Data::Table(table) => {
            let entries = table.into_iter();
            let entries = entries.map(|(key, Value { data, .. })| (key.name, ours(data)));
            let mut entries: Vec<_> = entries.collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Tree::Table(entries)
        }
    }
}

fn theirs(value: toml::Value) -> Tree {
    match value {
        toml::Value::String(text) => Tree::Text(text),
        toml::Value::Boolean(value) => Tree::Boolean(value),
        toml::Value::Integer(number) => Tree::Integer(number),
        toml::Value::Float(number) => Tree::Float(number),
        toml::Value::Datetime(_) => panic!("no test has one"),
        toml::Value::Array(list) => Tree::List(list.into_iter().map(theirs).collect()),
        toml::Value::Table(table) => {
            let entries = table.into_iter();
            Tree::Table(entries.map(|(name, value)| (name, theirs(value))).collect())
        }
    }
}

fn both(text: &str) -> (Option<Tree>, Option<Tree>) {
    let ours = read(text).ok().map(|table| ours(Data::Table(table)));
    let theirs = text
        .parse()
        .ok()
        .map(|table| theirs(toml::Value::Table(table)));
    (ours, theirs)
}

#[test]
fn values_are_read_as_toml_reads_them() {
    for text in [
        "",
        "a = 1\n",
        "a = -0x1",
        "a = 0xff\nb = 0o17\nc = 0b101\nd = 1_000\ne = +5\nf = 1_0.5e1\n",
        "a = \"x\\n\\u00e4\\\"\"\nb = 'c:\\d'\n",
        "a = \"\"\"\nx\\\n  y\"\"\"\nb = '''\n'x'\n'''\n",
        "a = [1, 2,\n # three\n 3,]\nb = []\nc = [[1], [\"x\"]]\n",
        "a = { b = 1, c.d = true, \"e f\" = {} }\n",
        "[a]\nb = 1\n[a.c.d]\ne = 2\n[a.c]\nf = 3\n",
        "[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 1\n[[a.e]]\n[[a.e]]\n",
        "a.b.c = 1\na.b.d = 2\n[a.e]\nf = 3\n",
        "a = [{ b = 1 }, { c = 2 }]\n",
        "\u{feff}a = 1\r\nb = 2\r\n",
        "a = 9223372036854775807\nb = -9223372036854775808\n",
    ] {
        let (ours, theirs) = both(text);
        assert!(
            text.contains("-0x") || ours.is_some(),
            "{text:?}: {:?}",
            read(text)
        );
        assert_eq!(ours, theirs, "{text:?}");
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    for (text, place, part) in [
        ("a = 1\na = 2\n", 6, "`a` is there twice"),
        ("[a]\n[a]\n", 5, "`a` is there twice"),
        ("[a]\nb = 1\n[a.b.c]\n", 13, "`b` is there twice"),
        ("a = []\n[[a]]\n", 9, "`a` is there twice"),
        ("[[a]]\n[a]\n", 7, "`a` is there twice"),
        ("[a]\n[[a]]\n", 6, "`a` is there twice"),
        ("a = {}\na.b = 1\n", 7, "`a` is there twice"),
        ("a = { b = {} }\n[a.b]\n", 16, "`a` is there twice"),
        ("[a.b]\n[a]\nb.c = 1\n", 10, "`b` is there twice"),
        ("[a.b.c]\n[a]\nb.d = 1\n", 12, "`b` is there twice"),
        ("[[a.b.c]]\n[a]\nb.d = 1\n", 14, "`b` is there twice"),
        ("a.b = 1\n[a]\n", 9, "`a` is there twice"),
        ("a = 9223372036854775808\n", 4, "too large"),
        ("a = 1 2\n", 4, ""),
        ("a = \n", 4, ""),
        ("a = \"x\n", 6, ""),
        ("[a\n", 2, "unclosed table: expected `]`"),
        ("# \u{1}\n", 2, ""),
    ] {
        let (span, told) = read(text).unwrap_err();
        assert_eq!(span.start(), place, "{text:?}: {told}");
        assert!(told.contains(part), "{text:?}: {told}");
    }
}

#[test]
fn what_nests_has_an_end() {
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let text = format!("a = {}1{}\n", open.repeat(50_000), close.repeat(50_000));
        assert!(read(&text).unwrap_err().1.contains("recursion"));
    }
    for text in [
        format!("[{}a]\n", "a.".repeat(50_000)),
        format!("{}a = 1\n", "a.".repeat(50_000)),
    ] {
        assert!(read(&text).unwrap_err().1.contains("names with dots"));
    }
    let many: String = (0..2000).map(|n| format!("a{n} = 1\n")).collect();
    assert!(read(&many).unwrap_err().1.contains("more than 1024 keys"));
}

/// A line of a file: few names, so that they meet.
fn line() -> impl Strategy<Value = String> {
    let names = "[abc](\\.[abc]){0,2}";
    let value = "([0-9]|\"x\"|true|\\[\\]|\\[1, 2\\]|\\{\\}|\\{ [ab] = 1 \\}|\\{ [ab]\\.[ab] = 1, [abc] = 2 \\}|0\\.5)";
    prop_oneof![
        2 => names.prop_map(|names| format!("[{names}]\n")),
        1 => names.prop_map(|names| format!("[[{names}]]\n")),
        3 => (names, value).prop_map(|(names, value)| format!("{names} = {value}\n")),
    ]
}

/// Whether the first error is a name with a dot behind it, and not in a header. `toml` lets such keys add to a table
/// that a header of a table inside of it has implied; TOML 1.0 wants all of that table's keys below one header
/// ("Table").
fn is_refused_at_a_dot(text: &str) -> bool {
    read(text).is_err_and(|(span, _)| {
        let before = text[..span.start()].rsplit('\n').next();
        let is_header = before.is_some_and(|line| line.starts_with('['));
        !is_header && text[span.end()..].starts_with('.')
    })
}

proptest! {
    #[test]
    fn tables_meet_as_toml_lets_them(lines in prop::collection::vec(line(), 0..8)) {
        let text = lines.concat();
        let (ours, theirs) = both(&text);
        if !(ours.is_none() && is_refused_at_a_dot(&text)) {
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }

    #[test]
    fn any_text_is_a_document_or_wrong(text in "([\\[\\]{}abc.=,#\"'\\\\ntu0-9 \n\r_+-]|\u{e4}){0,80}") {
        let _ = read(&text);
    }
}
