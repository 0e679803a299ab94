// SPDX-License-Identifier: MIT OR Apache-2.0
use std::io;

use super::*;

/// Files that exist only in a test.
pub(crate) struct Memory(pub(crate) HashMap<PathBuf, Vec<u8>>);

impl Memory {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self(
            files
                .iter()
                .map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()))
                .collect(),
        )
    }
}

impl SourceLoader for Memory {
    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.0
            .get(path)
            .cloned()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

struct Ran {
    tokens: Vec<Token>,
    summary: String,
}

fn run(files: &[(&str, &str)]) -> Ran {
    let options = Options {
        includes: vec![PathBuf::from("inc")],
        defines: vec![("GIVEN".into(), "41 + 1".into())],
    };
    let mut loader = Memory::of(files);
    let mut sources = Files::default();
    let mut diagnostics = Diagnostics::default();
    let (_, tokens) = Preprocessor::new(&options, &mut loader, &mut sources, &mut diagnostics)
        .run(Path::new(files[0].0))
        .expect("the first file exists");
    Ran {
        tokens,
        summary: diagnostics.summary(&sources.map),
    }
}

fn text(ran: &Ran) -> String {
    let shown = |token: &Token| match token.kind {
        Kind::Marker(marker) => format!("<{marker:?} {}>", token.text.replace('\n', "=")),
        _ => expand::spelled(token),
    };
    let words: Vec<String> = ran
        .tokens
        .iter()
        .filter(|t| t.kind != Kind::End)
        .map(shown)
        .collect();
    words.join(" ")
}

fn expands(source: &str, expected: &str) {
    let ran = run(&[("a.idl", source)]);
    assert_eq!(ran.summary, "", "{source}");
    assert_eq!(text(&ran), expected, "{source}");
}

fn fails(source: &str, expected: &str) {
    let ran = run(&[("a.idl", source)]);
    assert_eq!(ran.summary.trim_end(), expected, "{source}");
}

#[test]
fn object_macros_are_replaced_and_rescanned() {
    expands("#define A B\n#define B 1\nA B C", "1 1 C");
    expands("GIVEN", "41 + 1");
    expands("#define A 1\n#undef A\nA", "A");
    expands("#define A A + B\n#define B A\nA", "A + A");
}

#[test]
fn function_macros_take_arguments_over_lines() {
    expands(
        "#define SEQ(T, N) typedef sequence<T, N> T##Seq;\nSEQ(long,\n  4)",
        "typedef sequence < long , 4 > longSeq ;",
    );
    expands("#define F(x) x\nF (1) F F(F(2)) F((3,4))", "1 F 2 ( 3 , 4 )");
    expands("#define Z() 0\nZ() Z( )", "0 0");
    expands(
        "#define V(a, ...) a: __VA_ARGS__\nV(1, 2, 3) V(1)",
        "1 : 2 , 3 1 :",
    );
}

#[test]
fn arguments_become_strings_and_parts_of_names() {
    expands(
        r#"#define S(x) #x
S(a  "b\n" c) S()"#,
        r#""a \"b\\n\" c" """#,
    );
    expands("#define P(a,b) a##b\nP(x,1) P(,y) P(z,)", "x1 y z");
    expands("#define X 1\n#define P(a) a##2 a\nP(X)", "X2 1");
}

#[test]
fn a_macro_never_expands_itself() {
    expands("#define F(x) F(x)\nF(F(1))", "F ( F ( 1 ) )");
    expands("#define A B\n#define B A\nA", "A");
}

#[test]
fn conditionals_choose_one_branch() {
    expands("#if 1\na\n#elif 1\nb\n#else\nc\n#endif\nd", "a d");
    expands("#if 0\na\n#elif 2 > 1\nb\n#elif 1\nx\n#else\nc\n#endif", "b");
    expands("#ifdef N\na\n#else\nc\n#endif", "c");
    expands("#ifndef N\n#if 0\nx\n#else\ny\n#endif\n#endif", "y");
    expands(
        "#if 0\n#if 1\nx\n#else\ny\n#endif\n'unterminated\n#bogus\n#endif\nz",
        "z",
    );
}

#[test]
fn conditions_are_full_expressions() {
    for (condition, holds) in [
        ("1 + 2 * 3 == 7", true),
        ("(1 + 2) * 3 == 7", false),
        ("defined GIVEN && defined(GIVEN) && !defined X", true),
        ("GIVEN == 42", true),
        ("1 || 1/0", true),
        ("0 && 1/0", false),
        ("1 ? 2 : 3/0", true),
        ("unknown", false),
        ("~0 == -1 && 0x10 == 020 && 16UL == 0x10", true),
        ("'a' == 97", true),
        ("7 % 4 << 1 >= 6 && 1 != 2 && (5 & 4) && (5 ^ 5 | 1)", true),
    ] {
        expands(
            &format!("#if {condition}\nyes\n#endif"),
            if holds { "yes" } else { "" },
        );
    }
}

#[test]
fn wrong_conditions_say_where() {
    fails(
        "#if 1 +\n#endif",
        "a.idl:1:1: error: expected a value at the end of the condition",
    );
    fails(
        "#if 1 2\n#endif",
        "a.idl:1:7: error: unexpected `2` after the condition",
    );
    fails(
        "#if 1/0\n#endif",
        "a.idl:1:7: error: division by zero in a condition",
    );
    fails(
        "#if (1\n#endif",
        "a.idl:1:1: error: expected `)` at the end of the condition",
    );
    fails(
        "#if defined\n#endif",
        "a.idl:1:5: error: `defined` needs the name of a macro",
    );
}

#[test]
fn misplaced_conditionals_are_reported() {
    fails("#endif", "a.idl:1:1: error: `#endif` without `#if`");
    fails(
        "#if 1\n#else\n#else\n#endif",
        "a.idl:3:1: error: `#else` after `#else`",
    );
    fails(
        "x\n#ifdef A\n",
        "a.idl:2:1: error: unterminated conditional directive",
    );
}

#[test]
fn included_files_are_bracketed_by_markers() {
    let files = [
        ("d/a.idl", "#include \"b.idl\"\n#include <c.idl>\nx"),
        ("d/b.idl", "b"),
        ("inc/c.idl", "c"),
    ];
    let ran = run(&files);
    assert_eq!(ran.summary, "");
    assert_eq!(
        text(&ran),
        "<Enter b.idl> b <Leave b.idl> <Enter c.idl> c <Leave c.idl> x"
    );
}

#[test]
fn an_include_may_come_from_a_macro() {
    let ran = run(&[
        (
            "a.idl",
            "#define F <c.idl>\n#include F\n#define G \"c.idl\"\n#include G\n",
        ),
        ("inc/c.idl", "c"),
    ]);
    assert_eq!(ran.summary, "");
}

#[test]
fn a_missing_include_is_named_with_the_directories_searched() {
    fails(
        "\n  #include <nope.idl>",
        "a.idl:2:12: error: included file `nope.idl` is not found",
    );
}

#[test]
fn a_file_that_includes_itself_ends() {
    let ran = run(&[("a.idl", "#include \"a.idl\"\n")]);
    assert!(ran.summary.contains("nests too deeply"), "{}", ran.summary);
    let ran = run(&[("a.idl", "#pragma once\n#include \"a.idl\"\nx")]);
    assert_eq!((text(&ran).as_str(), ran.summary.as_str()), ("x", ""));
}

#[test]
fn exponential_inclusion_and_expansion_end() {
    let ran = run(&[("a.idl", "#include \"a.idl\"\n#include \"a.idl\"\n")]);
    assert!(ran.summary.contains("error"));
    let mut source = String::from("#define A0 x x\n");
    for n in 1..64 {
        source.push_str(&format!("#define A{n} A{0} A{0}\n", n - 1));
    }
    let ran = run(&[("a.idl", &format!("{source}A63"))]);
    assert!(
        ran.summary.contains("macros expand to too much"),
        "{}",
        ran.summary
    );
}

#[test]
fn deep_nesting_ends() {
    let ran = run(&[("a.idl", &format!("#if {}1\n#endif", "(".repeat(100_000)))]);
    assert!(ran.summary.contains("nests too deeply"));
    let ran = run(&[(
        "a.idl",
        &format!("#define F(x) x\n{}1{}", "F(".repeat(1000), ")".repeat(1000)),
    )]);
    assert!(ran.summary.contains("too deeply"));
}

#[test]
fn pragmas_become_markers() {
    expands(
        "#pragma prefix \"omg.org\"\n#pragma ID A::B \"IDL:x:1.0\"\n#pragma version ::C 2.3\n#pragma hh x",
        "<Prefix omg.org> <Id A::B=IDL:x:1.0> <Version ::C=2.3>",
    );
    fails("#pragma prefix omg", "a.idl:1:9: error: malformed `#pragma`");
    fails("#pragma version A 1", "a.idl:1:9: error: malformed `#pragma`");
    fails("#pragma ID \"x\"", "a.idl:1:9: error: malformed `#pragma`");
}

#[test]
fn line_directives_move_what_diagnostics_name() {
    fails(
        "#line 100 \"gen.idl\"\n\n#error no",
        "gen.idl:101:1: error: #error no",
    );
    fails("# 7 \"x.idl\" 1\n#error no", "x.idl:7:1: error: #error no");
    fails("#line x", "a.idl:1:1: error: `#line` needs a line number");
    expands("#line 9 \"f\"\n__LINE__ __FILE__", "9 \"f\"");
}

#[test]
fn wrong_definitions_are_reported() {
    fails("#define", "a.idl:1:1: error: `#define` needs the name of a macro");
    fails("#define F(x", "a.idl:1:9: error: malformed parameters of a macro");
    fails(
        "#define F(x) #y",
        "a.idl:1:14: error: `#` must stand before a parameter of the macro",
    );
    fails(
        "#define F a ##",
        "a.idl:1:13: error: `##` must stand between two tokens",
    );
    fails(
        "#define A 1\n#define A 2",
        "a.idl:2:9: warning: macro `A` is redefined",
    );
    fails(
        "#define F(x) x\nF(1",
        "a.idl:2:1: error: unterminated call of macro `F`",
    );
    fails(
        "#define F(x) x\nF(1,2)",
        "a.idl:2:1: error: macro `F` takes 1 arguments, not 2",
    );
    fails(
        "#define P(a,b) a##b\nP(1,;)",
        "a.idl:2:3: error: `##` makes `1;`, which is not one token",
    );
    fails("#undef", "a.idl:1:1: error: `#undef` needs the name of a macro");
    fails("#bogus", "a.idl:1:1: error: unknown directive `#bogus`");
}

#[test]
fn bytes_that_are_not_utf_8_are_latin_1() {
    let mut loader = Memory(HashMap::from([(PathBuf::from("a.idl"), b"\"\xe9\"".to_vec())]));
    let (mut sources, mut diagnostics) = (Files::default(), Diagnostics::default());
    let options = Options::default();
    let preprocessor = Preprocessor::new(&options, &mut loader, &mut sources, &mut diagnostics);
    let (_, tokens) = preprocessor.run(Path::new("a.idl")).expect("it exists");
    assert_eq!(&*tokens[0].text, "é");
}

#[test]
fn doc_comments_survive_expansion() {
    let ran = run(&[("a.idl", "#define I interface\n/// Doc.\nI A;")]);
    assert_eq!(ran.tokens[0].doc.as_deref(), Some("Doc."));
}

#[test]
fn orb_idl_is_known_without_a_file() {
    let ran = run(&[("a.idl", "#include <orb.idl>\n")]);
    assert_eq!(ran.summary, "");
    assert!(text(&ran).contains("module CORBA"));
}
