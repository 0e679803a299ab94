// SPDX-License-Identifier: MIT OR Apache-2.0

use proptest::prelude::*;

use super::*;

fn mistakes<T>(text: &str, build: impl FnOnce(&Section<'_>) -> Option<T>) -> Vec<String> {
    match read(text, build) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.all().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "period = 10\nperoid = \"3ms\"\nmessages = \"four\"\nsize = \"1.5 MX\"\n";
    let found = mistakes(text, |root| {
        root.time("period");
        root.count("messages", 1..=8);
        root.size("size");
        Some(())
    });
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(
        found[0].starts_with("1:10: `period`: expected a time in quotes"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("2:1: the file has no `peroid` (did you mean `period`?)"),
        "{found:?}"
    );
    assert!(
        found[2].contains("expected a whole number, found \"four\""),
        "{found:?}"
    );
    assert!(found[3].starts_with("4:8: `size`: expected a size"), "{found:?}");
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let found = mistakes("a = 1\nb = = 2\n", |_| Some(()));
    assert!(found[0].starts_with("2:5: "), "{found:?}");
}

#[test]
fn a_missing_key_is_told_at_its_section() {
    let found = mistakes("\n[machine]\n", |root| {
        let machine = root.section("machine")?;
        machine.need("cpus", machine.numbers("cpus", 0..=9))
    });
    assert_eq!(found, ["2:1: machine needs `cpus`"]);
}

#[test]
fn numbers_keep_their_range_and_radix() {
    let read_one = |text: &str| read(text, |root| root.count("n", 1..=16)).map_err(|it| it.to_string());
    assert_eq!(read_one("n = 0x10"), Ok(16));
    assert_eq!(read_one("n = 1_6"), Ok(16));
    assert_eq!(
        read_one("n = 17"),
        Err("1:5: `n`: expected a whole number from 1 to 16".into())
    );
    assert!(read_one("n = -1").is_err());
    assert!(read_one(&format!("n = {}", "9".repeat(60))).is_err());
}

#[test]
fn columns_are_characters() {
    assert_eq!(position("a\nµµx", 6), (2, 3));
    assert_eq!(position("a", 99), (1, 2));
}

#[test]
fn words_are_suggested() {
    let class = |text: &str| mistakes(text, |root| root.word("class", &[("low_delay", 1), ("burst", 2)]));
    assert!(class("class = \"low_dely\"")[0].ends_with("(did you mean `low_delay`?)"));
    assert!(!class("class = \"zebra\"")[0].contains("did you mean"));
    assert!(class("class = \"burst\"").is_empty());
}

/// What each getter says of a value; nothing if it is fine with it.
fn said(getter: &str, value: &str) -> Option<String> {
    let text = format!("k = {value}\n");
    let found = mistakes(&text, |root| {
        match getter {
            "time" => drop(root.time("k")),
            "fine time" => drop(root.fine_time("k")),
            "size" => drop(root.size("k")),
            "rate" => drop(root.rate("k")),
            "text" => drop(root.text("k")),
            "word" => drop(root.word("k", &[("yes", 1), ("no", 2)])),
            "count" => drop(root.count("k", 0..=9)),
            "integer" => drop(root.integer("k", -9..=9)),
            "numbers" => drop(root.numbers("k", 0..=9)),
            "texts" => drop(root.texts("k")),
            "section" => drop(root.section("k").map(|it| it.finish())),
            "sections" => root.sections("k").iter().for_each(Section::finish),
            other => panic!("no getter {other}"),
        }
        Some(())
    });
    assert!(found.len() <= 1, "{getter} of {value}: {found:?}");
    found.into_iter().next()
}

/// Every kind of value, as TOML writes it and as messages call it.
const VALUES: [(&str, &str); 8] = [
    ("3", "the number 3"),
    ("2.5", "the number 2.5"),
    ("true", "true"),
    ("\"3us\"", "\"3us\""),
    ("\"yes\"", "\"yes\""),
    ("[3]", "a list"),
    ("{}", "a table"),
    ("2024-02-29", "the time 2024-02-29"),
];

#[test]
fn a_value_of_another_kind_is_named_with_what_was_expected() {
    // The getter, what it expects, and which of the values above it takes.
    let getters: [(&str, &str, &[&str]); 12] = [
        ("time", "a time", &["\"3us\""]),
        ("fine time", "a time", &["\"3us\""]),
        ("size", "a size", &["3"]),
        ("rate", "a rate", &[]),
        ("text", "a text in quotes", &["\"3us\"", "\"yes\""]),
        ("word", "\"yes\", \"no\"", &["\"yes\""]),
        ("count", "a whole number", &["3"]),
        ("integer", "a whole number", &["3"]),
        ("numbers", "numbers such as [2, 3]", &["[3]"]),
        ("texts", "a text in quotes", &["\"3us\"", "\"yes\""]),
        ("section", "a table", &["{}"]),
        ("sections", "[[k]], twice in brackets", &["[3]"]),
    ];
    for (getter, expected, taken) in getters {
        for (value, called) in VALUES {
            let found = said(getter, value);
            match (getter, value) {
                // Lists are gone into: what is wrong is an item.
                ("texts", "[3]") => assert!(found.unwrap().contains("1:6: `k`: expected a text in quotes")),
                ("sections", "[3]") => {
                    assert_eq!(found.unwrap(), "1:6: expected a table, found the number 3")
                }
                _ if taken.contains(&value) => assert_eq!(found, None, "{getter} of {value}"),
                ("sections", _) => assert_eq!(found.unwrap(), format!("1:5: expected {expected}")),
                _ => {
                    let found = found.unwrap_or_else(|| panic!("{getter} takes {value}"));
                    assert!(found.starts_with("1:5: "), "{getter} of {value}: {found}");
                    assert!(
                        found.contains(&format!("expected {expected}")),
                        "{getter} of {value}: {found}"
                    );
                    assert!(
                        found.contains(&format!("found {called}")),
                        "{getter} of {value}: {found}"
                    );
                }
            }
        }
    }
}

#[test]
fn each_wrong_item_of_a_list_has_its_place() {
    let found = mistakes("k = [1, \"x\",\n  99, 2]\n", |root| root.numbers("k", 0..=9));
    // One is enough: the list is no good.
    assert_eq!(found, ["1:9: `k`: expected a whole number, found \"x\""]);
    let read_all = |text: &str| read(text, |root| root.texts("k"));
    assert_eq!(read_all("k = \"a\"").unwrap(), ["a"]);
    assert_eq!(read_all("k = [\"a\", 'b']").unwrap(), ["a", "b"]);
    assert_eq!(read_all("k = []").unwrap(), Vec::<String>::new());
    assert!(read_all("k = [[\"a\"]]").is_err());
}

#[test]
fn mistakes_come_in_the_order_of_the_text() {
    let text = "b = 1\n[s]\nx = 1\n[[t]]\ny = 2\n[[t]]\ny = 3\n";
    let found = mistakes(text, |root| {
        for section in root.sections("t").iter().rev() {
            section.text("y");
            section.finish();
        }
        let section = root.section("s")?;
        section.time("x");
        section.finish();
        root.text("b");
        Some(())
    });
    let lines: Vec<_> = found.iter().map(|it| it.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["1", "3", "5", "7"], "{found:?}");
}

#[test]
fn a_section_is_known_by_its_name_and_place() {
    let found = mistakes("\n[a.\"b c\"]\nx = 1\n", |root| {
        for (name, mut section) in root.section("a")?.named() {
            assert_eq!((name.as_str(), section.line()), ("b c", 2));
            section.need("y", section.text("y"));
            section.rename("what b is");
            section.need("z", section.text("z"));
            section.finish();
        }
        Some(())
    });
    assert_eq!(
        found,
        [
            "2:1: a.\"b c\" needs `y`",
            "2:1: what b is needs `z`",
            "3:1: what b is has no `x` (did you mean `y`?); it has `y`, `z`"
        ]
    );
}

#[test]
fn what_is_there_but_wrong_is_not_called_missing() {
    let found = mistakes("k = 3", |root| root.need("k", root.text("k")).map(str::to_owned));
    assert_eq!(found, ["1:5: `k`: expected a text in quotes, found the number 3"]);
}

#[test]
fn nothing_built_is_a_mistake_even_if_nothing_was_said() {
    assert_eq!(mistakes("", |_| None::<()>), ["1:1: something is missing"]);
    let ignored = read("unknown = 1", |root| {
        root.ignore_rest();
        Some(7)
    });
    assert_eq!(ignored, Ok(7));
}

#[test]
fn texts_that_are_no_toml_are_refused_whatever_is_wrong() {
    for text in [
        "a",
        "a = ",
        "a = 1\na = 2",
        "[a]\n[a]",
        "a = \"\\q\"",
        "a = 'x",
        "[[a]]\n[a]",
        "a.b = 1\na = 2",
        "\u{0}",
        "a = 1 b = 2",
        "a = 2024-13-77",
    ] {
        let found = mistakes(text, |root| {
            root.ignore_rest();
            Some(())
        });
        assert!(!found.is_empty(), "{text:?}");
    }
    // Windows' line ends, comments and dotted keys are TOML.
    let read_it = read("# one\r\na.b = 'x' # two\r\n", |root| {
        root.section("a")?.text("b").map(str::to_owned)
    });
    assert_eq!(read_it.unwrap(), "x");
}

#[test]
fn nesting_has_a_bound() {
    for (open, close) in [("[", "]"), ("{ a = ", " }")] {
        let deep = format!("k = {}1{}", open.repeat(20_000), close.repeat(20_000));
        assert!(!mistakes(&deep, |_| Some(())).is_empty());
    }
    let dotted = format!("{}k = 1", "a.".repeat(20_000));
    assert!(!mistakes(&dotted, |_| Some(())).is_empty());
}

proptest! {
    #[test]
    fn every_mistake_stands_in_the_text(text in "(\\[|\\]|a|k|µ|\"|'|=|\\.|,|1|\n|\r\n| |#|\\PC){0,40}") {
        let result = read(&text, |root| {
            root.time("k");
            root.section("a");
            Some(())
        });
        let errors = result.err().map_or_else(Vec::new, |errors| errors.all().to_vec());
        for error in &errors {
            let line = text.split('\n').nth(error.line - 1);
            prop_assert!(line.is_some(), "{error} in {text:?}");
            let within = line.is_some_and(|line| error.column <= line.chars().count() + 1);
            prop_assert!(error.column >= 1 && within, "{error} in {text:?}");
        }
        prop_assert!(errors.is_sorted_by_key(|error| (error.line, error.column)));
    }
}
