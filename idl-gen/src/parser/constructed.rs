// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structures, unions, enumerations, bit sets, exceptions and typedefs (IDL 4.2 §7.4.1.4.4).

use super::{Parsed, Parser};
use crate::diagnostics::Diagnostic;
use crate::source::Span;
use crate::syntax::{
    BitfieldDecl, CaseDecl, Declarator, Definition, DefinitionKind, Ident, LabelDecl, MemberDecl, Prelude,
    ScopedName, UnionDecl,
};

impl Parser<'_> {
    /// Parses a struct, union, enum, bitset or bitmask, without the `;` after it.
    pub(super) fn constructed(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        let word = self.peek().text.clone();
        self.bump();
        let kind = match &*word {
            "struct" => self.structure()?,
            "union" => self.union()?,
            "enum" => self.enumeration()?,
            "bitset" => self.bitset()?,
            _ => self.bitmask()?,
        };
        Ok(Definition {
            prelude,
            span: self.since(start),
            kind,
        })
    }

    fn structure(&mut self) -> Parsed<DefinitionKind> {
        let name = self.ident("the name of a struct")?;
        if self.peek().is(";") {
            return Ok(DefinitionKind::StructForward { name });
        }
        let base = self.base("the name of a struct")?;
        let opening = self.peek().span;
        if !self.accept("{") {
            return Err(self.expected(if base.is_some() { "`{`" } else { "`{`, `:` or `;`" }));
        }
        let members = self.members(opening, "struct")?;
        Ok(DefinitionKind::Struct { name, base, members })
    }

    fn base(&mut self, what: &str) -> Parsed<Option<ScopedName>> {
        if self.accept(":") {
            self.scoped_name(what).map(Some)
        } else {
            Ok(None)
        }
    }

    pub(super) fn exception(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let name = self.ident("the name of an exception")?;
        let opening = self.peek().span;
        self.expect("{")?;
        let members = self.members(opening, "exception")?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Exception { name, members },
        })
    }

    /// Parses members up to the closing brace; a wrong one doesn't end the list.
    fn members(&mut self, opening: Span, what: &str) -> Parsed<Vec<MemberDecl>> {
        let mut members = Vec::new();
        while !self.peek().is("}") && self.peek().kind != crate::token::Kind::End {
            let (level, before) = (self.braces, self.at);
            match self.nested(Self::member) {
                Ok(member) => members.push(member),
                Err(_) => self.recover(level, before),
            }
        }
        self.closing_brace(opening, what)?;
        Ok(members)
    }

    fn member(&mut self) -> Parsed<MemberDecl> {
        let prelude = self.prelude()?;
        let member = self.member_after(prelude)?;
        self.semicolon()?;
        Ok(member)
    }

    /// Parses the type and the declarators of a member.
    pub(super) fn member_after(&mut self, prelude: Prelude) -> Parsed<MemberDecl> {
        if !self.begins_type() {
            return Err(self.expected("the type of a member"));
        }
        let ty = self.type_spec()?;
        let declarators = self.declarators("the name of a member")?;
        Ok(MemberDecl {
            prelude,
            ty,
            declarators,
        })
    }

    fn declarators(&mut self, what: &str) -> Parsed<Vec<Declarator>> {
        let mut declarators = vec![self.declarator(what)?];
        while self.accept(",") {
            declarators.push(self.declarator(what)?);
        }
        Ok(declarators)
    }

    fn declarator(&mut self, what: &str) -> Parsed<Declarator> {
        self.annotations()?;
        let name = self.ident(what)?;
        let mut dimensions = Vec::new();
        while self.accept("[") {
            dimensions.push(self.constant()?);
            self.expect("]")?;
            if dimensions.len() > super::DEPTH {
                return Err(self.too_deep());
            }
        }
        Ok(Declarator { name, dimensions })
    }

    pub(super) fn typedef(&mut self, prelude: Prelude) -> Parsed<Definition> {
        let start = self.peek().span;
        self.bump();
        let ty = self.type_spec()?;
        let declarators = self.declarators("the name of a type")?;
        let span = self.since(start);
        self.semicolon()?;
        Ok(Definition {
            prelude,
            span,
            kind: DefinitionKind::Typedef { ty, declarators },
        })
    }

    fn union(&mut self) -> Parsed<DefinitionKind> {
        let name = self.ident("the name of a union")?;
        if self.peek().is(";") {
            return Ok(DefinitionKind::UnionForward { name });
        }
        if !self.accept_word("switch") {
            return Err(self.expected("`switch` or `;`"));
        }
        self.expect("(")?;
        self.annotations()?;
        let discriminator = self.type_spec()?;
        self.expect(")")?;
        let opening = self.peek().span;
        self.expect("{")?;
        let mut cases = Vec::new();
        while !self.peek().is("}") && self.peek().kind != crate::token::Kind::End {
            let (level, before) = (self.braces, self.at);
            match self.nested(Self::case) {
                Ok(case) => cases.push(case),
                Err(_) => self.recover(level, before),
            }
        }
        if cases.is_empty() && self.peek().is("}") && self.previous == opening {
            let error = Diagnostic::error(
                opening.to(self.peek().span),
                format!("union `{}` has no case", name.text),
            );
            self.diagnostics.push(error.label("expected at least one `case`"));
        }
        self.closing_brace(opening, "union")?;
        Ok(DefinitionKind::Union(UnionDecl {
            name,
            discriminator,
            cases,
        }))
    }

    fn case(&mut self) -> Parsed<CaseDecl> {
        let mut prelude = self.prelude()?;
        let mut labels = Vec::new();
        loop {
            let span = self.peek().span;
            if self.accept_word("default") {
                labels.push(LabelDecl::Default(span));
            } else if self.accept_word("case") {
                labels.push(LabelDecl::Value(self.constant()?));
            } else if labels.is_empty() {
                return Err(self.expected("`case` or `default`"));
            } else {
                break;
            }
            if !self.accept(":") {
                return Err(self.expected("`:`"));
            }
        }
        let inner = self.prelude()?;
        prelude.doc = prelude.doc.or(inner.doc);
        prelude.annotations.extend(inner.annotations);
        let mut member = self.member_after(prelude)?;
        if let Some(extra) = member.declarators.get(1) {
            // IDL 4.2 §7.4.1.4.4.4: `<element_spec> ::= <type_spec> <declarator>`.
            let error = Diagnostic::error(extra.name.span, "a case of a union holds one member");
            self.diagnostics.push(error.label("expected `;` before this"));
            member.declarators.truncate(1);
        }
        self.semicolon()?;
        Ok(CaseDecl { labels, member })
    }

    fn enumeration(&mut self) -> Parsed<DefinitionKind> {
        let name = self.ident("the name of an enum")?;
        let enumerators = self.names("the name of an enumerator")?;
        Ok(DefinitionKind::Enum { name, enumerators })
    }

    fn bitmask(&mut self) -> Parsed<DefinitionKind> {
        let name = self.ident("the name of a bitmask")?;
        let flags = self.names("the name of a flag")?;
        Ok(DefinitionKind::Bitmask { name, flags })
    }

    /// Takes `{ a, b, c }`.
    fn names(&mut self, what: &str) -> Parsed<Vec<(Prelude, Ident)>> {
        self.expect("{")?;
        let mut names = Vec::new();
        loop {
            let prelude = self.prelude()?;
            names.push((prelude, self.ident(what)?));
            if self.accept("}") {
                return Ok(names);
            }
            if !self.accept(",") {
                let failed = self.expected("`,` or `}`");
                if self.peek().kind != crate::token::Kind::Ident {
                    return Err(failed);
                }
            }
            if self.peek().is("}") {
                let error = Diagnostic::error(self.previous, "unexpected `,` at the end of a list");
                self.diagnostics
                    .push(error.label(format!("expected {what} after it")));
                self.bump();
                return Ok(names);
            }
        }
    }

    fn bitset(&mut self) -> Parsed<DefinitionKind> {
        let name = self.ident("the name of a bitset")?;
        let base = self.base("the name of a bitset")?;
        let opening = self.peek().span;
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.peek().is("}") && self.peek().kind != crate::token::Kind::End {
            let (level, before) = (self.braces, self.at);
            match self.bitfield() {
                Ok(field) => fields.push(field),
                Err(_) => self.recover(level, before),
            }
        }
        self.closing_brace(opening, "bitset")?;
        Ok(DefinitionKind::Bitset { name, base, fields })
    }

    fn bitfield(&mut self) -> Parsed<BitfieldDecl> {
        let prelude = self.prelude()?;
        self.expect_word("bitfield")?;
        self.expect("<")?;
        self.angles += 1;
        let width = self.constant();
        self.angles -= 1;
        let width = width?;
        let ty = if self.accept(",") {
            Some(self.type_spec()?)
        } else {
            None
        };
        self.close_angle()?;
        let mut names = Vec::new();
        if !self.peek().is(";") {
            names.push(self.ident("the name of a bit field")?);
            while self.accept(",") {
                names.push(self.ident("the name of a bit field")?);
            }
        }
        self.semicolon()?;
        Ok(BitfieldDecl {
            prelude,
            width,
            ty,
            names,
        })
    }
}
