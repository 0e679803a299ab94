// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looks up names, evaluates constants and checks the rules of the standard: from syntax trees to the [`Model`].

use std::collections::{HashMap, HashSet};

use self::prefix::Prefix;
use self::scope::{Scope, ScopeId, ScopeKind, Symbol};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::{Input, Item, ItemId, ItemKind, Model, Module, Name};
use crate::source::{FileId, Span};
use crate::syntax::{Definition, DefinitionKind, Ident, Prelude};

mod annotation;
mod arithmetic;
mod bits;
mod component;
mod constant;
mod constructed;
mod declare;
mod finish;
mod graph;
mod inheritance;
mod interface;
mod prefix;
mod scope;
mod types;
mod union;
mod value;

/// Steps that a compilation may take, so that hostile input can't make it run for long.
const MOST_WORK: usize = 20_000_000;

/// Longest chain of typedefs of typedefs.
const ALIASES: usize = 256;

/// Most interfaces that one inherits, directly and indirectly.
const MOST_BASES: usize = 1024;

/// What is known so far of a compilation.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    model: &'a mut Model,
    diagnostics: &'a mut Diagnostics,
    scopes: Vec<Scope>,
    /// The scope that definitions go to.
    current: ScopeId,
    /// The scope that an item opens.
    inner: HashMap<ItemId, ScopeId>,
    prefix: Prefix,
    /// Prefixes of the files that include the current one.
    outer_prefixes: Vec<Prefix>,
    /// Repository ids given explicitly, and where.
    explicit: HashMap<ItemId, (String, Span)>,
    /// The same for operations and attributes.
    member_ids: HashMap<(ScopeId, String), (String, Span)>,
    /// How many typedefs stand between a typedef and what it names in the end.
    aliases: HashMap<ItemId, usize>,
    /// Items whose values or references can't leave the process.
    local: HashSet<ItemId>,
    /// Names that a definition of an earlier input brought: by scope, file and offset.
    known: HashMap<(ScopeId, FileId, u32), (usize, Vec<String>)>,
    /// Annotations defined in IDL.
    annotations: HashSet<String>,
    /// Index of the current input.
    input: usize,
    main_file: FileId,
    work: usize,
    stopped: bool,
}

/// What was wrong was reported.
#[derive(Debug)]
pub(crate) struct Wrong;

pub(crate) type Resolved<T> = Result<T, Wrong>;

impl<'a> Resolver<'a> {
    pub(crate) fn new(model: &'a mut Model, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            model,
            diagnostics,
            scopes: vec![Scope::new(None, None, ScopeKind::Root)],
            current: ScopeId::ROOT,
            inner: HashMap::new(),
            prefix: Prefix::default(),
            outer_prefixes: Vec::new(),
            explicit: HashMap::new(),
            member_ids: HashMap::new(),
            aliases: HashMap::new(),
            local: HashSet::new(),
            known: HashMap::new(),
            annotations: HashSet::new(),
            input: 0,
            main_file: FileId(0),
            work: 0,
            stopped: false,
        }
    }

    /// Takes the definitions of one input.
    pub(crate) fn input(&mut self, input: Input, definitions: &[Definition]) {
        self.input = self.model.inputs.len();
        self.main_file = input.file;
        self.model.inputs.push(input);
        self.prefix = Prefix::default();
        self.outer_prefixes.clear();
        self.definitions(definitions);
    }

    /// Takes what was found before the definitions were resolved.
    pub(crate) fn take(&mut self, found: Diagnostics) {
        self.diagnostics.extend(found);
    }

    fn definitions(&mut self, definitions: &[Definition]) {
        for definition in definitions {
            if self.stopped {
                return;
            }
            // What was wrong was reported; the next definition may still be right.
            let _ = self.remembered(definition);
        }
    }

    /// Takes a definition, unless an earlier input brought it already.
    fn remembered(&mut self, definition: &Definition) -> Resolved<()> {
        let module = matches!(
            definition.kind,
            DefinitionKind::Module { .. } | DefinitionKind::Marker { .. }
        );
        if module || !self.scope(self.current).kind.is_module() {
            return self.definition(definition);
        }
        let key = (self.current, definition.span.file, definition.span.start);
        if let Some((input, names)) = self.known.get(&key)
            && *input != self.input
        {
            let names = names.clone();
            self.see_again(self.current, &names);
            return Ok(());
        }
        let before = self.scope(self.current).order.len();
        let result = self.definition(definition);
        let names = self
            .scope(self.current)
            .order
            .get(before..)
            .unwrap_or_default()
            .to_vec();
        let input = self.input;
        self.known
            .entry(key)
            .or_insert((input, Vec::new()))
            .1
            .extend(names);
        result
    }

    fn definition(&mut self, definition: &Definition) -> Resolved<()> {
        let Definition { prelude, span, kind } = definition;
        match kind {
            DefinitionKind::Marker { marker, text } => {
                self.marker(*marker, text, *span);
                Ok(())
            }
            DefinitionKind::Module { name, body } => self.module(prelude, *span, name, body),
            DefinitionKind::Interface(interface) => self.interface(prelude, *span, interface),
            DefinitionKind::InterfaceForward { name, kind } => {
                self.interface_forward(prelude, *span, name, *kind)
            }
            DefinitionKind::Value(value) => self.value(prelude, *span, value),
            DefinitionKind::ValueForward {
                name,
                is_abstract,
                event,
            } => self.value_forward(prelude, *span, name, *is_abstract, *event),
            DefinitionKind::ValueBox { name, ty } => self.value_box(prelude, *span, name, ty),
            DefinitionKind::Struct { name, base, members } => self
                .structure(prelude, *span, name, base.as_ref(), members)
                .map(drop),
            DefinitionKind::StructForward { name } => self.struct_forward(prelude, *span, name),
            DefinitionKind::Union(union) => self.union(prelude, *span, union).map(drop),
            DefinitionKind::UnionForward { name } => self.union_forward(prelude, *span, name),
            DefinitionKind::Enum { name, enumerators } => {
                self.enumeration(prelude, *span, name, enumerators).map(drop)
            }
            DefinitionKind::Bitset { name, base, fields } => {
                self.bitset(prelude, *span, name, base.as_ref(), fields).map(drop)
            }
            DefinitionKind::Bitmask { name, flags } => self.bitmask(prelude, *span, name, flags).map(drop),
            DefinitionKind::Exception { name, members } => self.exception(prelude, *span, name, members),
            DefinitionKind::Typedef { ty, declarators } => self.typedef(prelude, *span, ty, declarators),
            DefinitionKind::Const { name, ty, value } => self.constant(prelude, *span, name, ty, value),
            DefinitionKind::Native { name } => self.add(name, *span, prelude, ItemKind::Native).map(drop),
            DefinitionKind::TypeId { name, id } => self.type_id(name, id),
            DefinitionKind::TypePrefix { name, prefix } => self.type_prefix(name, prefix),
            DefinitionKind::Import { name } => name.as_ref().map_or(Ok(()), |name| self.import(name)),
            DefinitionKind::Component(component) => self.component(prelude, *span, component),
            DefinitionKind::Template { name, what } => self.not_generated(prelude, *span, name, what),
            DefinitionKind::AnnotationDefinition { name } => {
                self.annotations.insert(name.text.to_string());
                Ok(())
            }
            // These stand in interfaces and valuetypes, which take them themselves.
            DefinitionKind::Operation(_)
            | DefinitionKind::Attribute(_)
            | DefinitionKind::State { .. }
            | DefinitionKind::Factory(_) => Ok(()),
        }
    }

    fn module(&mut self, prelude: &Prelude, span: Span, name: &Ident, body: &[Definition]) -> Resolved<()> {
        let id = match self.own_module(name) {
            Some(id) => {
                self.reopen(id, name, prelude);
                id
            }
            None => {
                let module = Module {
                    definitions: Vec::new(),
                    openings: vec![name.span],
                };
                let id = self.add(name, span, prelude, ItemKind::Module(module))?;
                self.open(id, ScopeKind::Module, name);
                id
            }
        };
        let Some(scope) = self.inner.get(&id).copied() else {
            return Err(Wrong);
        };
        self.within(scope, |resolver| resolver.definitions(body));
        Ok(())
    }

    /// Returns the module of that name in the current scope.
    fn own_module(&self, name: &Ident) -> Option<ItemId> {
        let entry = self
            .scope(self.current)
            .entries
            .get(&name.text.to_ascii_lowercase())?;
        let Symbol::Item(id) = entry.symbol else {
            return None;
        };
        let module = matches!(self.model.item(id).kind, ItemKind::Module(_));
        (module && *entry.name == *name.text).then_some(id)
    }

    fn reopen(&mut self, id: ItemId, name: &Ident, prelude: &Prelude) {
        let lower = name.text.to_ascii_lowercase();
        self.see_again(self.current, &[lower]);
        let annotations = self.annotations_of(prelude);
        let item = self.item_mut(id);
        if let ItemKind::Module(module) = &mut item.kind
            && !module.openings.contains(&name.span)
        {
            module.openings.push(name.span);
        }
        if let (None, Some(doc)) = (&item.doc, &prelude.doc) {
            item.doc = Some(doc.to_string());
        }
        for annotation in annotations {
            if !item.annotations.contains(&annotation) {
                item.annotations.push(annotation);
            }
        }
    }

    /// Makes an item of a definition and declares its name.
    fn add(&mut self, name: &Ident, span: Span, prelude: &Prelude, kind: ItemKind) -> Resolved<ItemId> {
        let id = ItemId(u32::try_from(self.model.items.len()).map_err(|_| Wrong)?);
        self.declare(name, Symbol::Item(id), what_of(&kind))?;
        let parent = self.enclosing_item();
        let mut path = parent
            .map(|parent| self.model.item(parent).path.clone())
            .unwrap_or_default();
        path.push(name.text.to_string());
        self.spend(path.iter().map(String::len).sum::<usize>() / 8, name.span);
        let repository_id = self.prefix.repository_id(&path);
        let annotations = self.annotations_of(prelude);
        let item = Item {
            name: Name {
                text: name.text.to_string(),
                span: name.span,
            },
            parent,
            path,
            repository_id,
            span,
            input: self.input,
            main: span.file == self.main_file,
            doc: prelude.doc.as_deref().map(str::to_owned),
            annotations,
            kind,
        };
        self.model.items.push(item);
        match parent {
            Some(parent) => self.definitions_of(parent).push(id),
            None => self.model.definitions.push(id),
        }
        Ok(id)
    }

    /// Returns the list that definitions inside an item go to.
    fn definitions_of(&mut self, id: ItemId) -> &mut Vec<ItemId> {
        match &mut self.item_mut(id).kind {
            ItemKind::Module(module) => &mut module.definitions,
            ItemKind::Interface(interface) => &mut interface.definitions,
            ItemKind::Valuetype(valuetype) => &mut valuetype.definitions,
            ItemKind::Struct(structure) => &mut structure.definitions,
            ItemKind::Union(union) => &mut union.definitions,
            ItemKind::Exception(exception) => &mut exception.definitions,
            ItemKind::NotGenerated(other) => &mut other.definitions,
            _ => unreachable!("only these items open a scope"),
        }
    }

    fn item_mut(&mut self, id: ItemId) -> &mut Item {
        self.model
            .items
            .get_mut(id.0 as usize)
            .expect("an ItemId is only made by the model that holds its item")
    }

    /// Counts work, up to the bound.
    fn spend(&mut self, steps: usize, span: Span) {
        self.work = self.work.saturating_add(steps);
        if self.work > MOST_WORK && !self.stopped {
            self.stopped = true;
            self.error(
                span,
                "the definitions are too many or too entangled to be checked",
            );
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(span, message));
    }

    fn report(&mut self, diagnostic: Diagnostic) -> Wrong {
        self.diagnostics.push(diagnostic);
        Wrong
    }
}

/// Says what an item is, for people.
pub(crate) fn what_of(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Module(_) => "module",
        ItemKind::Interface(_) => "interface",
        ItemKind::Valuetype(value) if value.event => "eventtype",
        ItemKind::Valuetype(_) => "valuetype",
        ItemKind::Struct(_) => "struct",
        ItemKind::Union(_) => "union",
        ItemKind::Enum(_) => "enum",
        ItemKind::Bitset(_) => "bitset",
        ItemKind::Bitmask(_) => "bitmask",
        ItemKind::Exception(_) => "exception",
        ItemKind::Typedef(_) => "typedef",
        ItemKind::Const(_) => "constant",
        ItemKind::Native => "native type",
        ItemKind::NotGenerated(other) => other.what,
    }
}

#[cfg(test)]
mod tests;
