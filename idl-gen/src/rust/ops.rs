// SPDX-License-Identifier: MIT OR Apache-2.0
//! Operations and attributes of the model as the operations that are emitted.

use std::collections::HashMap;

use proc_macro2::TokenStream;

use super::Note;
use super::docs::docs;
use super::names::{self, Taken};
use super::operation::{Op, Param};
use super::qos;
use super::scope::Scope;
use super::ty::Ty;
use super::world::{Made, getter, setter};
use crate::model::{
    Attribute, Direction, Interface, InterfaceMember, ItemId, ItemKind, Model, Operation, Parameter,
};

/// Names the generated code uses beside parameters.
const LOCALS: &[&str] = &[
    "self", "cx", "servant", "d", "e", "reply", "result", "raised", "item0", "rt",
];

/// The Rust names of one operation or half attribute.
#[derive(Debug, Clone, Default)]
pub(crate) struct MethodNames {
    /// Of the method.
    pub(crate) method: String,
    /// Of its hidden type.
    pub(crate) marker: String,
}

/// The names of an interface's own operations, by their names on the wire.
pub(crate) type Methods = HashMap<String, MethodNames>;

/// Names the methods of all interfaces; those of a base are taken in what inherits it.
pub(crate) fn name_methods(model: &Model, notes: &mut Vec<Note>) -> HashMap<ItemId, Methods> {
    let mut all: HashMap<ItemId, Methods> = HashMap::new();
    for (id, item) in model.items() {
        let members: (&[ItemId], &[InterfaceMember]) = match &item.kind {
            ItemKind::Interface(it) => (&it.all_bases, &it.members),
            ItemKind::Valuetype(it) => (&[], &it.members),
            _ => continue,
        };
        let mut taken = Taken::default();
        for base in members.0.iter().filter_map(|base| all.get(base)) {
            for (wire, names) in base {
                taken.take(&names.method, wire);
            }
        }
        let methods = members_named(members.1, taken, notes);
        all.insert(id, methods);
    }
    all
}

fn members_named(members: &[InterfaceMember], mut taken: Taken, notes: &mut Vec<Note>) -> Methods {
    let mut markers = Taken::default();
    let mut methods = Methods::new();
    for member in members {
        let (name, halves) = match member {
            InterfaceMember::Operation(it) => {
                let text = &it.name.text;
                (
                    &it.name,
                    vec![(text.clone(), names::snake(text), names::camel(text))],
                )
            }
            InterfaceMember::Attribute(it) => (&it.name, attribute_names(it)),
        };
        for (wire, method, marker) in halves {
            let given = taken.take(&method, &name.text);
            if let Some(other) = given.instead_of {
                let message = format!(
                    "`{}` is `{}` in Rust, since `{method}` is taken by `{other}`",
                    name.text, given.name
                );
                notes.push(Note {
                    span: name.span,
                    message,
                });
            }
            let marker = markers.take(&marker, &name.text).name;
            methods.insert(
                wire,
                MethodNames {
                    method: given.name,
                    marker,
                },
            );
        }
    }
    methods
}

fn attribute_names(it: &Attribute) -> Vec<(String, String, String)> {
    let text = &it.name.text;
    let (snake, camel) = (names::snake(text), names::camel(text));
    let mut halves = vec![(getter(text), snake.clone(), format!("Get{camel}"))];
    if !it.readonly {
        halves.push((setter(text), format!("set_{snake}"), format!("Set{camel}")));
    }
    halves
}

/// The interface's own operations, attributes as one or two of them.
pub(crate) fn own(scope: &Scope<'_>, id: ItemId, members: &[InterfaceMember]) -> Vec<Op> {
    members
        .iter()
        .flat_map(|member| match member {
            InterfaceMember::Operation(it) => vec![operation(scope, id, it)],
            InterfaceMember::Attribute(it) => attribute(scope, id, it),
        })
        .collect()
}

/// The operations of an interface with those of its bases, these first.
pub(crate) fn all(scope: &Scope<'_>, id: ItemId, it: &Interface) -> Vec<Op> {
    let inherited = it
        .all_bases
        .iter()
        .flat_map(|base| match &scope.world.model.item(*base).kind {
            ItemKind::Interface(of_base) => own(scope, *base, &of_base.members),
            _ => Vec::new(),
        });
    inherited.chain(own(scope, id, &it.members)).collect()
}

fn operation(scope: &Scope<'_>, owner: ItemId, it: &Operation) -> Op {
    let mut op = new(scope, owner, &it.name.text, it.doc.as_deref(), &it.raises);
    op.result = it.result.as_ref().map(|ty| scope.world.ty(ty));
    op.oneway = it.oneway;
    op.params = parameters(scope, &it.parameters);
    if !it.contexts.is_empty() {
        let ty = Ty::Context(it.contexts.clone());
        op.params.push(Param {
            name: names::ident("context"),
            ty,
            goes_in: true,
            comes_out: false,
        });
    }
    op.qos = qos::requested(&it.annotations).ok().flatten();
    op
}

/// The parameters with their Rust names.
pub(crate) fn parameters(scope: &Scope<'_>, parameters: &[Parameter]) -> Vec<Param> {
    let mut taken = Taken::reserving(LOCALS);
    parameters
        .iter()
        .map(|parameter| {
            let idl = &parameter.name.text;
            Param {
                name: names::ident(&taken.take(&names::snake(idl), idl).name),
                ty: scope.world.ty(&parameter.ty),
                goes_in: parameter.direction != Direction::Out,
                comes_out: parameter.direction != Direction::In,
            }
        })
        .collect()
}

fn attribute(scope: &Scope<'_>, owner: ItemId, it: &Attribute) -> Vec<Op> {
    let text = &it.name.text;
    let ty = scope.world.ty(&it.ty);
    let mut get = new(scope, owner, &getter(text), it.doc.as_deref(), &it.get_raises);
    get.result = Some(ty.clone());
    if it.readonly {
        return vec![get];
    }
    let mut set = new(scope, owner, &setter(text), it.doc.as_deref(), &it.set_raises);
    set.params = vec![Param {
        name: names::ident("value"),
        ty,
        goes_in: true,
        comes_out: false,
    }];
    vec![get, set]
}

fn new(scope: &Scope<'_>, owner: ItemId, wire: &str, doc: Option<&str>, raises: &[ItemId]) -> Op {
    let world = scope.world;
    let names = world.method(owner, wire);
    let error = world.made(owner, Made::Error(wire.to_owned()));
    Op {
        owner,
        wire: wire.to_owned(),
        method: names::ident(&names.method),
        marker: names::ident(&names.marker),
        docs: described(scope, owner, wire, doc),
        result: None,
        params: Vec::new(),
        raises: variants(scope, raises),
        error: (!error.is_empty()).then(|| names::ident(error)),
        oneway: false,
        qos: None,
    }
}

fn described(scope: &Scope<'_>, owner: ItemId, wire: &str, doc: Option<&str>) -> TokenStream {
    let owner = scope.world.model.scoped_name(owner);
    let otherwise = match (wire.strip_prefix("_get_"), wire.strip_prefix("_set_")) {
        (Some(attribute), _) => format!("Reads the attribute `{attribute}` of `{owner}`."),
        (_, Some(attribute)) => format!("Sets the attribute `{attribute}` of `{owner}`."),
        _ => format!("The operation `{wire}` of `{owner}`."),
    };
    docs(doc, &otherwise)
}

/// The exceptions an operation may raise with their variants in its error enum. A native one can't be raised from afar.
fn variants(scope: &Scope<'_>, raises: &[ItemId]) -> Vec<(ItemId, proc_macro2::Ident)> {
    let mut taken = Taken::reserving(&["System"]);
    raises
        .iter()
        .filter(|id| matches!(scope.world.model.item(**id).kind, ItemKind::Exception(_)))
        .map(|id| {
            let name = scope.world.name(*id);
            (*id, names::ident(&taken.take(name, name).name))
        })
        .collect()
}
