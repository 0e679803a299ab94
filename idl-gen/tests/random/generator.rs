// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes valid IDL: what both CORBA 2 and IDL 4 allow, so that any compiler must accept it.

use std::fmt::Write as _;

use super::chance::Chance;

/// A definition that later ones may refer to.
#[derive(Clone, Debug)]
struct Known {
    /// From file scope, with `::` in front.
    name: String,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// A type that may stand anywhere.
    Plain,
    /// An interface, defined.
    Interface,
    /// An abstract interface, defined.
    AbstractInterface,
    /// A stateful valuetype, defined.
    Value,
    AbstractValue,
    Exception,
    /// An integer constant from 1 to 9.
    SmallConst,
    FloatConst,
    StringConst,
}

/// Makes one file.
#[derive(Debug)]
pub(crate) struct Generator {
    chance: Chance,
    text: String,
    path: Vec<String>,
    known: Vec<Known>,
    enums: Vec<(String, Vec<String>)>,
    next: usize,
}

impl Generator {
    pub(crate) fn file(seed: u64) -> String {
        let mut generator = Self {
            chance: Chance::of(seed),
            text: String::new(),
            path: Vec::new(),
            known: Vec::new(),
            enums: Vec::new(),
            next: 0,
        };
        generator.preamble();
        for _ in 0..3 + generator.chance.below(8) {
            generator.definition(0);
        }
        generator.text
    }

    fn preamble(&mut self) {
        if self.chance.one_in(3) {
            self.text
                .push_str("#define LIMIT 7\n#define PAIR(T, n) struct n { T first; T second; }\n");
            self.text
                .push_str("#if defined(LIMIT) && LIMIT > 3\nPAIR(long, Pair);\n#else\nnot idl\n#endif\n");
        }
        if self.chance.one_in(3) {
            self.text.push_str("#pragma prefix \"example.org\"\n");
        }
    }

    fn fresh(&mut self, letter: char) -> String {
        self.next += 1;
        format!("{letter}{}", self.next)
    }

    fn learn(&mut self, name: &str, what: What) {
        let mut path = self.path.join("::");
        if !path.is_empty() {
            path.push_str("::");
        }
        self.known.push(Known {
            name: format!("::{path}{name}"),
            what,
        });
    }

    /// Picks a known definition, and a way to write its name.
    fn some(&mut self, wanted: &[What]) -> Option<String> {
        let names: Vec<String> = self
            .known
            .iter()
            .filter(|known| wanted.contains(&known.what))
            .map(|known| known.name.clone())
            .collect();
        if names.is_empty() {
            return None;
        }
        let name = self.chance.pick(&names).clone();
        let short = name.strip_prefix("::").unwrap().to_owned();
        let here = format!("{}::", self.path.join("::"));
        Some(match self.chance.below(3) {
            0 => name,
            1 => short,
            _ => short.strip_prefix(&here).map_or(name, str::to_owned),
        })
    }

    fn definition(&mut self, depth: usize) {
        match self.chance.below(if depth < 2 { 16 } else { 12 }) {
            0 => self.constant(),
            1 => self.enumeration(),
            2 | 3 => self.typedef(),
            4 | 5 => self.structure(),
            6 => self.union(),
            7 => self.exception(),
            8 => self.forward(),
            9 => self.value(),
            10 => self.box_or_native(),
            11 | 12 => self.interface(),
            _ => self.module(depth),
        }
    }

    fn module(&mut self, depth: usize) {
        let name = self.fresh('M');
        writeln!(self.text, "module {name} {{").unwrap();
        self.path.push(name.clone());
        for _ in 0..1 + self.chance.below(5) {
            self.definition(depth + 1);
        }
        self.path.pop();
        self.text.push_str("};\n");
        if self.chance.one_in(4) {
            writeln!(self.text, "module {name} {{").unwrap();
            self.path.push(name);
            self.typedef();
            self.path.pop();
            self.text.push_str("};\n");
        }
    }

    fn constant(&mut self) {
        let name = self.fresh('K');
        let (ty, value, what) = match self.chance.below(9) {
            0 => ("octet", self.small(), Some(What::SmallConst)),
            1 => ("unsigned long", self.small(), Some(What::SmallConst)),
            2 => ("long", self.integer(3), None),
            3 => ("long long", self.integer(3), None),
            4 => ("double", self.float(3), Some(What::FloatConst)),
            5 => ("string", self.string(), Some(What::StringConst)),
            6 => (
                "char",
                String::from(*self.chance.pick(&["'a'", "'\\n'", "'\\x41'", "'\\101'", "'\\''"])),
                None,
            ),
            7 => (
                "wstring",
                String::from(*self.chance.pick(&["L\"a\"", "L\"\\u00e9\""])),
                None,
            ),
            _ => (
                "boolean",
                String::from(*self.chance.pick(&["TRUE", "FALSE"])),
                None,
            ),
        };
        writeln!(self.text, "const {ty} {name} = {value};").unwrap();
        if let Some(what) = what {
            self.learn(&name, what);
        }
        if let Some((name, members)) = self.enums.last().cloned()
            && self.chance.one_in(3)
        {
            let value = self.chance.pick(&members).clone();
            let own = self.fresh('K');
            writeln!(self.text, "const {name} {own} = {value};").unwrap();
        }
    }

    /// An integer from 1 to 9.
    fn small(&mut self) -> String {
        match self.chance.below(5) {
            0 => String::from("2 + 3"),
            1 => String::from("0x10 >> 2"),
            2 => String::from("(7 | 8) % 8"),
            3 => self
                .some(&[What::SmallConst])
                .unwrap_or_else(|| String::from("4")),
            _ => (1 + self.chance.below(9)).to_string(),
        }
    }

    fn integer(&mut self, depth: usize) -> String {
        if depth == 0 || self.chance.one_in(3) {
            return match self.chance.below(4) {
                0 => format!("0x{:x}", self.chance.below(4096)),
                1 => format!("0{:o}", self.chance.below(512)),
                2 => self
                    .some(&[What::SmallConst])
                    .unwrap_or_else(|| String::from("1")),
                _ => self.chance.below(1000).to_string(),
            };
        }
        let (left, right) = (self.integer(depth - 1), self.integer(depth - 1));
        match *self.chance.pick(&["+", "-", "*", "|", "&", "^"]) {
            operator @ ("+" | "-") => format!("({left} {operator} {right})"),
            // Compilers differ in what bits a negative number has, and where it is too large.
            operator => format!("(({left} & 0xff) {operator} ({right} & 0xff))"),
        }
    }

    fn float(&mut self, depth: usize) -> String {
        if depth == 0 || self.chance.one_in(2) {
            return match self.chance.below(4) {
                0 => self
                    .some(&[What::FloatConst])
                    .unwrap_or_else(|| String::from("1.5")),
                1 => String::from("2.5e-3"),
                2 => String::from(".5"),
                _ => format!("{}.25", self.chance.below(100)),
            };
        }
        let (left, right) = (self.float(depth - 1), self.float(depth - 1));
        format!("({left} {} {right})", self.chance.pick(&["+", "-", "*"]))
    }

    fn string(&mut self) -> String {
        match self.chance.below(4) {
            0 => String::from("\"a\" \"b\""),
            1 => String::from("\"tab\\t quote\\\" back\\\\ hex\\x41\""),
            2 => self
                .some(&[What::StringConst])
                .unwrap_or_else(|| String::from("\"\"")),
            _ => format!("\"text {}\"", self.chance.below(100)),
        }
    }

    fn enumeration(&mut self) {
        let name = self.fresh('E');
        let members: Vec<String> = (0..1 + self.chance.below(6)).map(|_| self.fresh('e')).collect();
        writeln!(self.text, "enum {name} {{ {} }};", members.join(", ")).unwrap();
        self.learn(&name, What::Plain);
        let path = self.path.join("::");
        let scope = if path.is_empty() {
            String::from("::")
        } else {
            format!("::{path}::")
        };
        let members = members
            .into_iter()
            .map(|member| format!("{scope}{member}"))
            .collect();
        self.enums.push((format!("{scope}{name}"), members));
    }

    /// A type that needs no definition, or has one.
    fn simple(&mut self) -> String {
        const BASIC: [&str; 18] = [
            "short",
            "long",
            "long long",
            "unsigned short",
            "unsigned long",
            "unsigned long long",
            "float",
            "double",
            "long double",
            "char",
            "wchar",
            "boolean",
            "octet",
            "any",
            "Object",
            "string",
            "wstring",
            "ValueBase",
        ];
        let named = [
            What::Plain,
            What::Interface,
            What::AbstractInterface,
            What::Value,
            What::AbstractValue,
        ];
        let known = if self.chance.one_in(2) {
            self.some(&named)
        } else {
            None
        };
        known.unwrap_or_else(|| String::from(*self.chance.pick(&BASIC)))
    }

    fn member_type(&mut self, depth: usize) -> String {
        match self.chance.below(if depth == 0 { 7 } else { 12 }) {
            7 => format!("sequence<{} >", self.member_type(depth - 1)),
            8 => format!("sequence<{}, {}>", self.simple(), self.small()),
            9 => format!("string<{}>", self.small()),
            10 => format!("fixed<{}, {}>", 5 + self.chance.below(20), self.chance.below(5)),
            11 => format!("wstring<{}>", self.small()),
            _ => self.simple(),
        }
    }

    fn dimensions(&mut self) -> String {
        let count = if self.chance.one_in(4) {
            1 + self.chance.below(2)
        } else {
            0
        };
        (0..count).map(|_| format!("[{}]", self.small())).collect()
    }

    fn typedef(&mut self) {
        let (ty, name, dimensions) = (self.member_type(2), self.fresh('T'), self.dimensions());
        writeln!(self.text, "typedef {ty} {name}{dimensions};").unwrap();
        self.learn(&name, What::Plain);
    }

    fn members(&mut self, least: usize) -> String {
        let mut text = String::new();
        for _ in 0..least + self.chance.below(5) {
            let (ty, name, dimensions) = (self.member_type(1), self.fresh('m'), self.dimensions());
            write!(text, " {ty} {name}{dimensions};").unwrap();
        }
        text
    }

    fn structure(&mut self) {
        let name = self.fresh('S');
        let recursive = self.chance.one_in(4);
        let mut members = self.members(1);
        if recursive {
            let member = self.fresh('m');
            write!(members, " sequence<{name}> {member};").unwrap();
        }
        writeln!(self.text, "struct {name} {{{members} }};").unwrap();
        self.learn(&name, What::Plain);
    }

    fn union(&mut self) {
        let name = self.fresh('U');
        let enumerated = self.enums.last().cloned().filter(|_| self.chance.one_in(2));
        let (discriminator, mut labels) = match enumerated {
            Some((name, members)) => (name, members),
            None => match self.chance.below(3) {
                0 => (
                    String::from("boolean"),
                    vec![String::from("TRUE"), String::from("FALSE")],
                ),
                1 => (
                    String::from("char"),
                    ["'a'", "'b'", "'\\0'"].map(String::from).to_vec(),
                ),
                _ => (
                    String::from("short"),
                    ["-1", "1 + 1", "077", "300"].map(String::from).to_vec(),
                ),
            },
        };
        let spare = labels.len() > 1 && self.chance.one_in(2);
        if spare {
            labels.pop();
        }
        let mut body = String::new();
        while !labels.is_empty() {
            write!(body, " case {}:", labels.remove(0)).unwrap();
            if self.chance.one_in(4) && !labels.is_empty() {
                write!(body, " case {}:", labels.remove(0)).unwrap();
            }
            let (ty, member, dimensions) = (self.member_type(1), self.fresh('m'), self.dimensions());
            write!(body, " {ty} {member}{dimensions};").unwrap();
        }
        if spare && self.chance.one_in(2) {
            let (ty, member) = (self.member_type(1), self.fresh('m'));
            write!(body, " default: {ty} {member};").unwrap();
        }
        writeln!(self.text, "union {name} switch ({discriminator}) {{{body} }};").unwrap();
        self.learn(&name, What::Plain);
    }

    fn exception(&mut self) {
        let (name, members) = (self.fresh('X'), self.members(0));
        writeln!(self.text, "exception {name} {{{members} }};").unwrap();
        self.learn(&name, What::Exception);
    }

    fn forward(&mut self) {
        let (name, struct_name, member) = (self.fresh('I'), self.fresh('S'), self.fresh('m'));
        writeln!(
            self.text,
            "interface {name};\ntypedef sequence<{name}> {name}Seq;\nstruct {struct_name};"
        )
        .unwrap();
        writeln!(self.text, "typedef sequence<{struct_name}> {struct_name}Seq;").unwrap();
        writeln!(
            self.text,
            "struct {struct_name} {{ {struct_name}Seq {member}; {name} {member}x; }};"
        )
        .unwrap();
        writeln!(self.text, "interface {name} {{ {name}Seq all{name}(); }};").unwrap();
        self.learn(&name, What::Interface);
        self.learn(&struct_name, What::Plain);
    }

    fn raises(&mut self) -> String {
        match self.some(&[What::Exception]) {
            Some(name) if self.chance.one_in(2) => format!(" raises ({name})"),
            _ => String::new(),
        }
    }

    fn operations(&mut self, least: usize) {
        for _ in 0..least + self.chance.below(4) {
            if self.chance.one_in(4) {
                let readonly = if self.chance.one_in(2) { "readonly " } else { "" };
                let (ty, name) = (self.simple(), self.fresh('a'));
                writeln!(self.text, "  {readonly}attribute {ty} {name};").unwrap();
                continue;
            }
            if self.chance.one_in(5) {
                let (name, ty, parameter) = (self.fresh('o'), self.simple(), self.fresh('p'));
                writeln!(self.text, "  oneway void {name}(in {ty} {parameter});").unwrap();
                continue;
            }
            let (result, name) = (self.simple(), self.fresh('o'));
            let parameters: Vec<String> = (0..self.chance.below(4))
                .map(|_| {
                    format!(
                        "{} {} {}",
                        *self.chance.pick(&["in", "out", "inout"]),
                        self.simple(),
                        self.fresh('p')
                    )
                })
                .collect();
            let (raises, result) = (
                self.raises(),
                if self.chance.one_in(3) {
                    String::from("void")
                } else {
                    result
                },
            );
            let context = if self.chance.one_in(12) {
                " context (\"a.b\", \"c*\")"
            } else {
                ""
            };
            writeln!(
                self.text,
                "  {result} {name}({}){raises}{context};",
                parameters.join(", ")
            )
            .unwrap();
        }
    }

    fn interface(&mut self) {
        let name = self.fresh('I');
        let is_abstract = self.chance.one_in(5);
        let mut bases: Vec<String> = Vec::new();
        for _ in 0..self.chance.below(3) {
            let all = [What::Interface, What::AbstractInterface];
            let wanted = if is_abstract { &all[1..] } else { &all[..] };
            let base = self.some(wanted).map(|base| self.absolute(&base));
            bases.extend(base.filter(|base| !bases.contains(base)));
        }
        let bases = if bases.is_empty() {
            String::new()
        } else {
            format!(" : {}", bases.join(", "))
        };
        let before = if is_abstract { "abstract " } else { "" };
        writeln!(
            self.text,
            "/// Documentation of {name}.\n{before}interface {name}{bases} {{"
        )
        .unwrap();
        self.path.push(name.clone());
        for _ in 0..self.chance.below(3) {
            match self.chance.below(4) {
                0 => self.constant(),
                1 => self.typedef(),
                2 => self.structure(),
                _ => self.exception(),
            }
        }
        self.operations(0);
        self.path.pop();
        self.text.push_str("};\n");
        self.learn(
            &name,
            if is_abstract {
                What::AbstractInterface
            } else {
                What::Interface
            },
        );
    }

    /// Makes a name absolute, so that two ways to write one are the same.
    fn absolute(&self, name: &str) -> String {
        let ends = |known: &&Known| known.name == name || known.name.ends_with(&format!("::{name}"));
        self.known
            .iter()
            .find(ends)
            .map_or_else(|| name.to_owned(), |known| known.name.clone())
    }

    fn value(&mut self) {
        let name = self.fresh('V');
        if self.chance.one_in(4) {
            writeln!(self.text, "abstract valuetype {name} {{").unwrap();
            self.path.push(name.clone());
            self.operations(0);
            self.path.pop();
            self.text.push_str("};\n");
            self.learn(&name, What::AbstractValue);
            return;
        }
        let base = if self.chance.one_in(3) {
            self.some(&[What::Value])
        } else {
            None
        };
        let supports = if self.chance.one_in(4) && base.is_none() {
            self.some(&[What::Interface])
        } else {
            None
        };
        let custom = base.is_none() && self.chance.one_in(6);
        let mut head = format!("{}valuetype {name}", if custom { "custom " } else { "" });
        if let Some(base) = base {
            let truncatable = if self.chance.one_in(2) { "truncatable " } else { "" };
            write!(head, " : {truncatable}{base}").unwrap();
        }
        if let Some(supports) = supports {
            write!(head, " supports {supports}").unwrap();
        }
        writeln!(self.text, "{head} {{").unwrap();
        self.path.push(name.clone());
        for _ in 0..self.chance.below(4) {
            let access = *self.chance.pick(&["public", "private"]);
            let (ty, member, dimensions) = (self.member_type(1), self.fresh('m'), self.dimensions());
            writeln!(self.text, "  {access} {ty} {member}{dimensions};").unwrap();
        }
        if self.chance.one_in(3) {
            let (factory, ty, parameter) = (self.fresh('f'), self.simple(), self.fresh('p'));
            writeln!(
                self.text,
                "  private {name} next{factory};\n  factory {factory}(in {ty} {parameter});"
            )
            .unwrap();
        }
        self.operations(0);
        self.path.pop();
        self.text.push_str("};\n");
        // A valuetype with a custom base must be custom, so these are no bases.
        self.learn(&name, if custom { What::Plain } else { What::Value });
    }

    fn box_or_native(&mut self) {
        let name = self.fresh('B');
        if self.chance.one_in(3) {
            writeln!(self.text, "native {name};").unwrap();
            return;
        }
        let boxed = *self
            .chance
            .pick(&["long", "string", "sequence<octet>", "wstring<9>", "any"]);
        writeln!(self.text, "valuetype {name} {boxed};").unwrap();
        self.learn(&name, What::Plain);
    }
}
