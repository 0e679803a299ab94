// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust back end: a [`Model`] to Rust source text.
//!
//! The mapping is described in `docs/idl-mapping.md`. Definitions are emitted one by one, each formatted by itself, in the
//! order of the model; several threads share the work, and the text does not depend on how.

mod cycles;
mod decode;
mod docs;
mod encode;
mod enums;
mod format;
mod interface;
mod names;
mod operation;
mod ops;
mod qos;
mod scope;
mod skeleton;
mod stamp;
mod structs;
mod ty;
mod typecode;
mod unions;
mod values;
mod valuetypes;
mod work;
mod world;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::scope::Scope;
use self::stamp::{Holes, Stamp};
use self::world::{Made, World};
use crate::model::{ItemId, ItemKind, Model, Type};
use crate::source::Span;

/// How the Rust is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether types derive serde's traits, which needs the feature `serde` of the `upcall` crate.
    pub serde: bool,
}

/// The Rust of one input.
#[derive(Clone, Debug)]
pub struct Output {
    /// The input's index in [`Model::inputs`].
    pub input: usize,
    /// The text of `<stem>.rs`.
    pub text: String,
}

/// Something the user should know, about names that had to be changed or an annotation that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub span: Span,
    /// What to know.
    pub message: String,
}

/// What the generator makes of a model.
#[derive(Clone, Debug)]
pub struct Generated {
    /// One for each input, in their order.
    pub outputs: Vec<Output>,
    /// What the user should know.
    pub notes: Vec<Note>,
}

/// Why a model could not be made into Rust.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The generator made something that is not Rust: a bug in it.
    #[error("the code generated for `{item}` is not Rust ({reason}); this is a bug in the generator")]
    NotRust {
        /// The scoped IDL name.
        item: String,
        /// What the parser said.
        reason: String,
    },
}

/// Says what applies to all the generated items.
const PREFACE: &str = "// Generated from IDL; changes are lost.\n\n";

/// Generates the Rust of all inputs.
///
/// # Errors
/// [`GenerateError`], which is a bug of the generator.
pub fn generate(model: &Model, options: &Options) -> Result<Generated, GenerateError> {
    let mut world = World::new(model, options.clone());
    let mut notes = std::mem::take(&mut world.notes);
    notes.extend(annotation_notes(model));
    let mut outputs = Vec::new();
    for input in 0..model.inputs.len() {
        let mut pieces = vec![Piece::Text(PREFACE.to_owned())];
        for &id in model
            .definitions
            .iter()
            .filter(|id| model.item(**id).input == input)
        {
            plan(&world, id, 0, &mut pieces)?;
        }
        outputs.push(Output {
            input,
            text: work::render(&world, &pieces)?,
        });
    }
    Ok(Generated { outputs, notes })
}

fn annotation_notes(model: &Model) -> Vec<Note> {
    let wrong = model.items().filter_map(|(_, item)| {
        let message = qos::requested(&item.annotations).err()?;
        let span = item.annotation("realtime")?.span;
        Some(Note {
            span,
            message: format!("@realtime has no effect: {message}"),
        })
    });
    wrong.collect()
}

/// A part of an output.
#[derive(Debug)]
enum Piece {
    /// Finished text.
    Text(String),
    /// A definition, so many modules deep.
    Definition(ItemId, usize),
}

/// Lists a definition and all that is inside it.
fn plan(world: &World<'_>, id: ItemId, depth: usize, out: &mut Vec<Piece>) -> Result<(), GenerateError> {
    let item = world.model.item(id);
    let idl = world.model.scoped_name(id);
    if matches!(item.kind, ItemKind::Module(_)) {
        let docs = docs::docs(item.doc.as_deref(), &format!("Module `{idl}`."));
        return plan_module(world, id, &docs, world.name(id), depth, out);
    }
    out.push(Piece::Definition(id, depth));
    if world.model.definitions(id).is_empty() {
        return Ok(());
    }
    let docs = docs::docs(None, &format!("What is defined inside `{idl}`."));
    plan_module(world, id, &docs, world.made(id, Made::Inside), depth, out)
}

/// What an emitter makes.
enum Item {
    /// Items to be formatted.
    Tokens(TokenStream),
    /// Items whose frame is formatted once.
    Stamp(Stamp),
    /// The head of a module, as an empty module; what follows is inside.
    Open(TokenStream),
    /// The end of the module.
    Close,
}

impl From<TokenStream> for Item {
    fn from(tokens: TokenStream) -> Self {
        Self::Tokens(tokens)
    }
}

impl From<Stamp> for Item {
    fn from(stamp: Stamp) -> Self {
        Self::Stamp(stamp)
    }
}

/// Appends a definition's items.
fn write_items(world: &World<'_>, id: ItemId, depth: usize, out: &mut String) -> Result<(), GenerateError> {
    let mut depth = depth;
    for item in items(world, id) {
        let written = match item {
            Item::Tokens(tokens) => format::format(tokens, depth, out),
            Item::Stamp(stamp) => stamp.write(depth, out),
            Item::Open(head) => {
                depth += 1;
                open(head, depth - 1, out)
            }
            Item::Close => {
                depth -= 1;
                close(depth, out);
                Ok(())
            }
        };
        written.map_err(|error| bug(world, id, &error))?;
    }
    Ok(())
}

/// Appends the head of a module, given as an empty module.
fn open(head: TokenStream, depth: usize, out: &mut String) -> Result<(), syn::Error> {
    // It is formatted for its attributes; then its brace is opened again.
    format::format(head, depth, out)?;
    out.truncate(out.trim_end().trim_end_matches('}').len());
    out.push('\n');
    Ok(())
}

fn close(depth: usize, out: &mut String) {
    out.push_str(&"    ".repeat(depth));
    out.push_str("}\n");
}

fn bug(world: &World<'_>, id: ItemId, error: &syn::Error) -> GenerateError {
    GenerateError::NotRust {
        item: world.model.scoped_name(id),
        reason: error.to_string(),
    }
}

/// The items of one definition, each formatted by itself.
fn items(world: &World<'_>, id: ItemId) -> Vec<Item> {
    let scope = Scope::of(world, id);
    let mut items = Vec::new();
    match &world.model.item(id).kind {
        ItemKind::Interface(it) => interface::emit(&scope, id, it, &mut items),
        ItemKind::Valuetype(it) => valuetypes::emit(&scope, id, it, &mut items),
        ItemKind::Struct(it) if it.defined => structs::emit_struct(&scope, id, &mut items),
        ItemKind::Union(it) if it.defined => items.push(unions::emit(&scope, id, it).into()),
        ItemKind::Enum(it) => enums::emit_enum(&scope, id, it, &mut items),
        ItemKind::Bitset(it) => items.push(enums::emit_bitset(&scope, id, it).into()),
        ItemKind::Bitmask(it) => items.push(enums::emit_bitmask(&scope, id, it).into()),
        ItemKind::Exception(_) => structs::emit_exception(&scope, id, &mut items),
        ItemKind::Typedef(it) => emit_typedef(&scope, id, &it.ty, &mut items),
        ItemKind::Const(it) => items.push(values::emit_const(&scope, id, it).into()),
        ItemKind::Native => items.push(emit_native(&scope, id).into()),
        ItemKind::Module(_) | ItemKind::Struct(_) | ItemKind::Union(_) | ItemKind::NotGenerated(_) => {}
    }
    items
}

/// Lists a module and the definitions in it.
fn plan_module(
    world: &World<'_>,
    id: ItemId,
    docs: &TokenStream,
    name: &str,
    depth: usize,
    out: &mut Vec<Piece>,
) -> Result<(), GenerateError> {
    let name = names::ident(name);
    let mut head = String::new();
    open(quote!(#docs pub mod #name {}), depth, &mut head).map_err(|error| bug(world, id, &error))?;
    out.push(Piece::Text(head));
    for &inside in world.model.definitions(id) {
        plan(world, inside, depth + 1, out)?;
    }
    if world.has_values(id) {
        let mut text = String::new();
        let function = valuetypes::register_all(world, id);
        format::format(function, depth + 1, &mut text).map_err(|error| bug(world, id, &error))?;
        out.push(Piece::Text(text));
    }
    let mut end = String::new();
    close(depth, &mut end);
    out.push(Piece::Text(end));
    Ok(())
}

fn emit_typedef(scope: &Scope<'_>, id: ItemId, target: &Type, out: &mut Vec<Item>) {
    let item = scope.world.model.item(id);
    let idl = scope.world.model.scoped_name(id);
    let docs = docs::docs(item.doc.as_deref(), &format!("Typedef `{idl}`."));
    let name = names::ident(scope.world.name(id));
    let rust = scope.owned(&scope.world.ty_within(Some(id), target));
    out.push(quote!(#docs pub type #name = #rust;).into());
    let function = names::ident(scope.world.made(id, Made::TypeCode));
    let (repository_id, simple, code) = (
        &item.repository_id,
        &item.name.text,
        typecode::code(scope, target),
    );
    let holes = Holes::default()
        .inline("function", quote!(#function))
        .elements("id", vec![quote!(#repository_id,)])
        .elements(
            "alias",
            vec![quote!(#repository_id,), quote!(#simple,), quote!(#code,)],
        );
    out.push(
        Stamp {
            frame: typedef_frame,
            holes,
        }
        .into(),
    );
}

fn typedef_frame(holes: &Holes) -> TokenStream {
    let (function, id, alias) = (holes.get("function"), holes.get("id"), holes.get("alias"));
    quote! {
        /// The TypeCode of the typedef.
        pub fn #function() -> ::upcall::TypeCode {
            use ::upcall::rt;
            static CELL: rt::TypeCodeCell = rt::TypeCodeCell::new(#id);
            CELL.get(|| rt::TypeCode::alias(#alias))
        }
    }
}

fn emit_native(scope: &Scope<'_>, id: ItemId) -> TokenStream {
    let item = scope.world.model.item(id);
    let docs = docs::docs(
        item.doc.as_deref(),
        &format!("Native type `{}`.", scope.world.model.scoped_name(id)),
    );
    let name = names::ident(scope.world.name(id));
    quote! {
        #docs
        pub trait #name: ::std::any::Any + Send + Sync {}
        impl<T: ::std::any::Any + Send + Sync> #name for T {}
    }
}
