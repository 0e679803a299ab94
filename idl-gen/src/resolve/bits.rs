// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bitsets and bitmasks (IDL 4.2 §7.4.13.4.3).

use super::scope::{ScopeKind, Symbol};
use super::types::Use;
use super::{Resolved, Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{BitFlag, Bitfield, Bitmask, Bitset, ItemId, ItemKind, Name, Primitive, Type};
use crate::source::Span;
use crate::syntax::{BitfieldDecl, Ident, Prelude, ScopedName};

/// Most bits of a set.
const BITS: u8 = 64;

impl Resolver<'_> {
    pub(super) fn bitset(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        base: Option<&ScopedName>,
        fields: &[BitfieldDecl],
    ) -> Resolved<ItemId> {
        let base = base.map(|base| self.base_bitset(base)).transpose();
        let id = self.add(name, span, prelude, ItemKind::Bitset(Bitset::default()))?;
        let scope = self.open_anonymous(ScopeKind::Struct);
        let mut bits = 0;
        if let Ok(Some((base, inherited))) = base {
            bits = inherited;
            if let Some(holder) = self.inner.get(&base).copied() {
                self.scope_mut(scope).bases.push(holder);
            }
        }
        self.inner.insert(id, scope);
        let own = self.within(scope, |resolver| resolver.bitfields(fields, &mut bits));
        let failed = base.is_err();
        if let ItemKind::Bitset(bitset) = &mut self.item_mut(id).kind {
            bitset.base = base.ok().flatten().map(|(base, _)| base);
            (bitset.fields, bitset.bits) = (own, bits);
        }
        if failed { Err(Wrong) } else { Ok(id) }
    }

    fn base_bitset(&mut self, name: &ScopedName) -> Resolved<(ItemId, u8)> {
        let found = self.look_up(name)?;
        if let Symbol::Item(id) = found.symbol
            && let ItemKind::Bitset(bitset) = &self.model.item(id).kind
        {
            return Ok((id, bitset.bits));
        }
        let error = Diagnostic::error(name.span, format!("`{}` is no bitset", name.text()))
            .label("expected a bitset");
        Err(self.report(error.also(found.span, "defined here")))
    }

    fn bitfields(&mut self, declarations: &[BitfieldDecl], bits: &mut u8) -> Vec<Bitfield> {
        let mut fields = Vec::new();
        for declaration in declarations {
            let Ok((width, ty)) = self.width_and_type(declaration) else {
                continue;
            };
            let names: Vec<Option<&Ident>> = match declaration.names.as_slice() {
                [] => vec![None],
                names => names.iter().map(Some).collect(),
            };
            for name in names {
                if let Some(name) = name
                    && self
                        .declare(name, Symbol::Taken("bit field"), "bit field")
                        .is_err()
                {
                    continue;
                }
                if width > BITS - *bits {
                    let span = name.map_or(declaration.width.span, |name| name.span);
                    self.error(span, format!("a bitset has at most {BITS} bits"));
                    return fields;
                }
                let annotations = self.annotations_of(&declaration.prelude);
                fields.push(Bitfield {
                    name: name.map(|name| Name {
                        text: name.text.to_string(),
                        span: name.span,
                    }),
                    ty: ty.clone(),
                    position: *bits,
                    width,
                    doc: declaration.prelude.doc.as_deref().map(str::to_owned),
                    annotations,
                });
                *bits += width;
            }
        }
        fields
    }

    fn width_and_type(&mut self, declaration: &BitfieldDecl) -> Resolved<(u8, Type)> {
        let width = self.positive(&declaration.width, "the width of a bit field")?;
        let width = match u8::try_from(width) {
            Ok(width @ 1..=BITS) => width,
            _ => {
                let error = Diagnostic::error(
                    declaration.width.span,
                    format!("a bit field has at most {BITS} bits"),
                );
                return Err(self.report(error));
            }
        };
        let Some(spec) = &declaration.ty else {
            return Ok((width, Type::Primitive(least(width))));
        };
        let ty = self.type_of(spec, Use::Call)?;
        let holds = match self.model.unaliased(&ty) {
            Type::Primitive(primitive) => capacity(*primitive),
            _ => None,
        };
        match holds {
            Some(holds) if width <= holds => Ok((width, ty)),
            Some(holds) => {
                let message = format!("{width} bits do not fit in this type of {holds}");
                Err(self.report(Diagnostic::error(spec.span, message)))
            }
            None => {
                let error = Diagnostic::error(spec.span, "a bit field cannot be of this type");
                Err(self.report(error.label("expected `boolean`, `octet` or an integer type")))
            }
        }
    }

    pub(super) fn bitmask(
        &mut self,
        prelude: &Prelude,
        span: Span,
        name: &Ident,
        flags: &[(Prelude, Ident)],
    ) -> Resolved<ItemId> {
        let id = self.add(
            name,
            span,
            prelude,
            ItemKind::Bitmask(Bitmask {
                bit_bound: 32,
                flags: Vec::new(),
            }),
        )?;
        let annotations = self.model.item(id).annotations.clone();
        let bound = self.integer_annotation(&annotations, "bit_bound", i128::from(BITS));
        let bound = bound
            .ok()
            .flatten()
            .and_then(|bound| u8::try_from(bound).ok())
            .unwrap_or(32);
        if bound == 0 {
            self.error(name.span, "`@bit_bound` must be 1 to 64");
        }
        let scope = self.open_anonymous(ScopeKind::Struct);
        self.inner.insert(id, scope);
        let flags = self.within(scope, |resolver| resolver.flags(flags, bound));
        if let ItemKind::Bitmask(bitmask) = &mut self.item_mut(id).kind {
            (bitmask.bit_bound, bitmask.flags) = (bound, flags);
        }
        Ok(id)
    }

    fn flags(&mut self, declarations: &[(Prelude, Ident)], bound: u8) -> Vec<BitFlag> {
        let mut flags: Vec<BitFlag> = Vec::new();
        let mut next = 0u8;
        for (prelude, name) in declarations {
            if self.declare(name, Symbol::Taken("flag"), "flag").is_err() {
                continue;
            }
            let annotations = self.annotations_of(prelude);
            let given = self
                .integer_annotation(&annotations, "position", i128::from(u8::MAX))
                .ok()
                .flatten();
            let position = given
                .and_then(|position| u8::try_from(position).ok())
                .unwrap_or(next);
            if position >= bound {
                self.error(
                    name.span,
                    format!("flag `{}` is at bit {position} of {bound}", name.text),
                );
                return flags;
            }
            if let Some(other) = flags.iter().find(|flag| flag.position == position) {
                let error = Diagnostic::error(name.span, format!("bit {position} has two flags"));
                let error = error.also(other.name.span, "the first");
                self.diagnostics.push(error);
            }
            next = position.saturating_add(1);
            flags.push(BitFlag {
                name: Name {
                    text: name.text.to_string(),
                    span: name.span,
                },
                position,
                doc: prelude.doc.as_deref().map(str::to_owned),
                annotations,
            });
        }
        flags
    }
}

/// IDL 4.2 §7.4.13.4.3.2: the type of a field that names none.
const fn least(width: u8) -> Primitive {
    match width {
        1 => Primitive::Boolean,
        2..=8 => Primitive::Octet,
        9..=16 => Primitive::UShort,
        17..=32 => Primitive::ULong,
        _ => Primitive::ULongLong,
    }
}

const fn capacity(primitive: Primitive) -> Option<u8> {
    Some(match primitive {
        Primitive::Boolean => 1,
        Primitive::Octet | Primitive::UInt8 | Primitive::Int8 => 8,
        Primitive::Short | Primitive::UShort => 16,
        Primitive::Long | Primitive::ULong => 32,
        Primitive::LongLong | Primitive::ULongLong => 64,
        _ => return None,
    })
}
