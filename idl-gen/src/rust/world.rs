// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the generator knows of a whole compilation before it emits the first line: the Rust name and module of each
//! definition, and the properties that depend on other definitions.

use std::collections::{HashMap, HashSet};

use super::cycles::Cycles;
use super::names::{self, Taken};
use super::ops::{self, MethodNames, Methods};
use super::ty::{Prim, Ty};
use super::{Note, Options};
use crate::model::{
    Interface, InterfaceKind, InterfaceMember, ItemId, ItemKind, Member, Model, Primitive, Type, ValueKind,
};

/// The names of Rust's prelude that generated code uses as types or paths.
const PRELUDE: &[&str] = &["Option", "Result", "String", "Vec", "Box"];

/// A name the generator makes for a definition, beside the definition's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Made {
    /// `FooRef`
    Reference,
    /// `FooSkeleton`
    Skeleton,
    /// `mod foo` of what is defined inside
    Inside,
    /// `mod __foo`
    Hidden,
    /// `foo_type_code()`
    TypeCode,
    /// `FooOperations`
    Operations,
    /// `register_values()`, of a module with valuetypes in it.
    Register,
    /// The error enum of the operation, by its name on the wire.
    Error(String),
}

/// The definitions of a compilation and all that was worked out about them.
#[derive(Debug)]
pub(crate) struct World<'m> {
    /// What the front end made.
    pub(crate) model: &'m Model,
    /// By item: its name.
    names: Vec<String>,
    /// By item: the module it lies in, as names from where the file is included.
    modules: Vec<Vec<String>>,
    made: HashMap<(ItemId, Made), String>,
    /// The prelude's names that something generated shadows.
    shadowed: HashSet<&'static str>,
    /// By item: the fewest octets of a value.
    sizes: Vec<u64>,
    /// By item: whether it has a default value.
    defaults: Vec<bool>,
    /// By item: whether serde can have it.
    serializable: Vec<bool>,
    /// By interface: the names of its own operations.
    methods: HashMap<ItemId, Methods>,
    cycles: Cycles,
    /// How the Rust is to be.
    pub(crate) options: Options,
    /// What the user should know about names.
    pub(crate) notes: Vec<Note>,
}

impl<'m> World<'m> {
    /// Names everything and works out what depends on several definitions.
    pub(crate) fn new(model: &'m Model, options: Options) -> Self {
        let count = model.items().count();
        let mut world = Self {
            model,
            names: vec![String::new(); count],
            modules: vec![Vec::new(); count],
            made: HashMap::new(),
            shadowed: HashSet::new(),
            sizes: vec![0; count],
            defaults: vec![true; count],
            serializable: vec![true; count],
            methods: HashMap::new(),
            cycles: Cycles::new(model),
            options,
            notes: Vec::new(),
        };
        world.name_all(None, &model.definitions, &[]);
        world.methods = ops::name_methods(model, &mut world.notes);
        world.measure();
        world
    }

    /// The definition's name in its module.
    pub(crate) fn name(&self, id: ItemId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// The module the definition lies in.
    pub(crate) fn module(&self, id: ItemId) -> &[String] {
        self.modules.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// A name made for the definition; it lies in the same module.
    pub(crate) fn made(&self, id: ItemId, made: Made) -> &str {
        self.made.get(&(id, made)).map_or("", String::as_str)
    }

    /// The names of an operation, given its interface and its name on the wire.
    pub(crate) fn method(&self, interface: ItemId, wire: &str) -> MethodNames {
        self.methods
            .get(&interface)
            .and_then(|methods| methods.get(wire))
            .cloned()
            .unwrap_or_default()
    }

    /// Whether something generated has this name of the prelude.
    pub(crate) fn is_shadowed(&self, prelude: &str) -> bool {
        self.shadowed.contains(prelude)
    }

    fn name_all(&mut self, parent: Option<ItemId>, definitions: &[ItemId], module: &[String]) {
        let mut taken = Taken::default();
        for &id in definitions {
            self.name_definition(id, module, &mut taken);
        }
        for &id in definitions {
            self.name_made(id, &mut taken);
        }
        if let Some(parent) = parent.filter(|parent| self.has_values(*parent)) {
            let given = taken.take("register_values", "");
            self.made.insert((parent, Made::Register), given.name);
        }
        for &id in definitions {
            let inside = self.model.definitions(id);
            if !inside.is_empty() {
                let own = match &self.model.item(id).kind {
                    ItemKind::Module(_) => self.name(id),
                    _ => self.made(id, Made::Inside),
                };
                let path: Vec<String> = module.iter().cloned().chain([own.to_owned()]).collect();
                self.name_all(Some(id), inside, &path);
            }
        }
    }

    fn name_definition(&mut self, id: ItemId, module: &[String], taken: &mut Taken) {
        let item = self.model.item(id);
        let text = &item.name.text;
        let wanted = match &item.kind {
            ItemKind::Module(_) => names::module(text),
            ItemKind::Const(_) => names::screaming(text),
            _ => names::camel(text),
        };
        let given = taken.take(&wanted, text);
        if let Some(other) = given.instead_of {
            let message = format!(
                "`{text}` is `{}` in Rust, since `{wanted}` is taken by `{other}`",
                given.name
            );
            self.notes.push(Note {
                span: item.name.span,
                message,
            });
        }
        self.note_shadow(&given.name);
        if let Some(name) = self.names.get_mut(id.0 as usize) {
            *name = given.name;
        }
        if let Some(place) = self.modules.get_mut(id.0 as usize) {
            *place = module.to_vec();
        }
    }

    fn note_shadow(&mut self, name: &str) {
        self.shadowed.extend(PRELUDE.iter().find(|known| **known == name));
    }

    fn name_made(&mut self, id: ItemId, taken: &mut Taken) {
        let item = self.model.item(id);
        let (text, own) = (&item.name.text, self.name(id).to_owned());
        let snake = names::snake(text);
        let mut wanted: Vec<(Made, String)> = Vec::new();
        match &item.kind {
            ItemKind::Interface(interface) => {
                wanted.push((Made::Reference, format!("{own}Ref")));
                wanted.push((Made::Skeleton, format!("{own}Skeleton")));
                wanted.push((Made::Hidden, format!("__{snake}")));
                wanted.extend(errors(&own, interface));
            }
            ItemKind::Typedef(_) => wanted.push((Made::TypeCode, format!("{snake}_type_code"))),
            ItemKind::Valuetype(_) => wanted.push((Made::Operations, format!("{own}Operations"))),
            _ => {}
        }
        let has_inside = !matches!(item.kind, ItemKind::Module(_)) && !self.model.definitions(id).is_empty();
        if has_inside {
            wanted.push((Made::Inside, names::module(text)));
        }
        if let ItemKind::Interface(interface) = &item.kind {
            // The hidden types of operations lie among references to the prelude too.
            for member in &interface.members {
                let name = match member {
                    InterfaceMember::Operation(operation) => names::camel(&operation.name.text),
                    InterfaceMember::Attribute(attribute) => names::camel(&attribute.name.text),
                };
                self.note_shadow(&name);
            }
        }
        for (made, name) in wanted {
            let given = taken.take(&name, text);
            self.made.insert((id, made), given.name);
        }
    }

    /// The type of a parameter, a result or a constant, with its typedefs followed.
    pub(crate) fn ty(&self, ty: &Type) -> Ty {
        match self.ty_within(None, ty) {
            Ty::Cell(value) => *value,
            other => other,
        }
    }

    /// The type as it stands in the definition `owner`, with its typedefs followed.
    pub(crate) fn ty_within(&self, owner: Option<ItemId>, ty: &Type) -> Ty {
        let inner = |ty: &Type| Box::new(self.ty_within(owner, ty));
        match ty {
            Type::Primitive(primitive) => primitive_ty(*primitive),
            Type::String { bound } => Ty::Text {
                wide: false,
                bound: *bound,
            },
            Type::WideString { bound } => Ty::Text {
                wide: true,
                bound: *bound,
            },
            Type::Fixed { digits, scale } => Ty::Fixed {
                digits: *digits,
                scale: *scale,
            },
            Type::FixedConst => Ty::Fixed { digits: 31, scale: 0 },
            Type::Sequence { element, bound } => Ty::Sequence {
                element: inner(element),
                bound: *bound,
            },
            Type::Map { key, value, bound } => Ty::Map {
                key: inner(key),
                value: inner(value),
                bound: *bound,
            },
            Type::Array { element, dimensions } => {
                dimensions
                    .iter()
                    .rev()
                    .fold(*inner(element), |element, len| Ty::Array {
                        element: Box::new(element),
                        len: *len,
                    })
            }
            Type::Named(id) => self.named(owner, *id),
            Type::Any => Ty::Any,
            Type::ValueBase => self.value(owner, None),
            Type::AbstractBase => Ty::AbstractBase,
            Type::TypeCode => Ty::TypeCode,
            Type::Object => Ty::Object,
        }
    }

    fn named(&self, owner: Option<ItemId>, id: ItemId) -> Ty {
        match &self.model.item(id).kind {
            ItemKind::Typedef(typedef) => self.ty_within(Some(id), &typedef.ty),
            ItemKind::Enum(_) | ItemKind::Bitmask(_) => Ty::Copied(id),
            ItemKind::Interface(interface) => match interface.kind {
                InterfaceKind::Unconstrained => Ty::Reference(id),
                InterfaceKind::Local => Ty::Local(id),
                InterfaceKind::Abstract => Ty::AbstractBase,
            },
            ItemKind::Valuetype(value) if value.kind == ValueKind::Abstract || !value.defined => {
                self.value(owner, None)
            }
            ItemKind::Valuetype(_) => self.value(owner, Some(id)),
            ItemKind::Native => Ty::Native(id),
            ItemKind::NotGenerated(_) => Ty::Object,
            _ => Ty::Data(id),
        }
    }

    /// A value of this type, or of any, as `owner` holds it.
    fn value(&self, owner: Option<ItemId>, of: Option<ItemId>) -> Ty {
        let value = of.map_or(Ty::ValueBase, Ty::Value);
        match owner {
            Some(owner) if self.cycles.closes(owner, of) => Ty::Cell(Box::new(value)),
            _ => value,
        }
    }

    /// The members of a struct, exception or union with their types, those of the structs it extends first.
    pub(crate) fn members(&self, id: ItemId) -> Vec<(&'m Member, Ty)> {
        let typed = |member: &'m Member| (member, self.ty_within(Some(id), &member.ty));
        match &self.model.item(id).kind {
            ItemKind::Struct(structure) => {
                let mut members = structure.base.map(|base| self.members(base)).unwrap_or_default();
                members.extend(structure.members.iter().map(typed));
                members
            }
            ItemKind::Exception(exception) => exception.members.iter().map(typed).collect(),
            ItemKind::Union(union) => union.cases.iter().map(|case| typed(&case.member)).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the definition is a valuetype of which there are instances.
    pub(crate) fn is_value(&self, id: ItemId) -> bool {
        matches!(&self.model.item(id).kind, ItemKind::Valuetype(it) if it.defined && it.kind != ValueKind::Abstract)
    }

    /// Whether valuetypes are defined inside, at any depth.
    pub(crate) fn has_values(&self, id: ItemId) -> bool {
        self.model
            .definitions(id)
            .iter()
            .any(|inside| self.is_value(*inside) || self.has_values(*inside))
    }

    /// The fewest octets a value takes on the wire.
    pub(crate) fn min_size(&self, ty: &Ty) -> u64 {
        ty.min_size(&|id| self.sizes.get(id.0 as usize).copied().unwrap_or(0))
    }

    /// Whether every value of the type has a default.
    pub(crate) fn has_default(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Array { element, .. } => self.has_default(element),
            Ty::Data(id) => self.defaults.get(id.0 as usize).copied().unwrap_or(true),
            Ty::Native(_) => false,
            _ => true,
        }
    }

    /// Whether serde can have the type.
    pub(crate) fn is_serializable(&self, ty: &Ty) -> bool {
        match ty {
            Ty::Prim(_) | Ty::Text { .. } | Ty::Copied(_) => true,
            Ty::Sequence { element, .. } => self.is_serializable(element),
            // serde knows arrays up to 32.
            Ty::Array { element, len } => *len <= 32 && self.is_serializable(element),
            Ty::Map { key, value, .. } => self.is_serializable(key) && self.is_serializable(value),
            Ty::Data(id) => self.serializable.get(id.0 as usize).copied().unwrap_or(true),
            _ => false,
        }
    }

    /// Works out sizes, defaults and what serde can have: again and again until nothing changes, since types refer to
    /// each other in any order. Recursion is through sequences, so it ends.
    fn measure(&mut self) {
        loop {
            let mut changed = false;
            for (id, _) in self.model.items() {
                let at = id.0 as usize;
                let next = (self.size_of(id), self.default_of(id), self.serde_of(id));
                let slots = (
                    self.sizes.get_mut(at),
                    self.defaults.get_mut(at),
                    self.serializable.get_mut(at),
                );
                if let (Some(size), Some(default), Some(serde)) = slots
                    && (*size, *default, *serde) != next
                {
                    (*size, *default, *serde) = next;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
    }

    fn size_of(&self, id: ItemId) -> u64 {
        match &self.model.item(id).kind {
            ItemKind::Enum(_) => 4,
            ItemKind::Bitmask(bitmask) => bit_holder(bitmask.bit_bound).1,
            ItemKind::Bitset(bitset) => bit_holder(bitset.bits).1,
            ItemKind::Union(union) => self.min_size(&self.ty(&union.discriminator)),
            ItemKind::Struct(_) | ItemKind::Exception(_) => self
                .members(id)
                .iter()
                .fold(0u64, |sum, (_, ty)| sum.saturating_add(self.min_size(ty))),
            _ => 4,
        }
    }

    fn default_of(&self, id: ItemId) -> bool {
        let members = self.members(id);
        match &self.model.item(id).kind {
            ItemKind::Union(_) => members.first().is_some_and(|(_, ty)| self.has_default(ty)),
            _ => members.iter().all(|(_, ty)| self.has_default(ty)),
        }
    }

    fn serde_of(&self, id: ItemId) -> bool {
        self.members(id).iter().all(|(_, ty)| self.is_serializable(ty))
    }
}

/// The unsigned integer that holds so many bits on the wire, and its size in octets (IDL 4.2 §7.4.13.4.3.3).
pub(crate) fn bit_holder(bits: u8) -> (Prim, u64) {
    match bits {
        0..=8 => (Prim::Octet, 1),
        9..=16 => (Prim::UShort, 2),
        17..=32 => (Prim::ULong, 4),
        _ => (Prim::ULongLong, 8),
    }
}

fn primitive_ty(primitive: Primitive) -> Ty {
    Ty::Prim(match primitive {
        Primitive::Boolean => Prim::Boolean,
        Primitive::Octet | Primitive::UInt8 => Prim::Octet,
        Primitive::Char => Prim::Char,
        Primitive::WideChar => Prim::Wchar,
        Primitive::Int8 => Prim::Int8,
        Primitive::Short => Prim::Short,
        Primitive::UShort => Prim::UShort,
        Primitive::Long => Prim::Long,
        Primitive::ULong => Prim::ULong,
        Primitive::LongLong => Prim::LongLong,
        Primitive::ULongLong => Prim::ULongLong,
        Primitive::Float => Prim::Float,
        Primitive::Double => Prim::Double,
        Primitive::LongDouble => return Ty::LongDouble,
    })
}

/// The error enums that an interface's operations and attributes need.
fn errors(own: &str, interface: &Interface) -> Vec<(Made, String)> {
    let mut errors = Vec::new();
    for member in &interface.members {
        match member {
            InterfaceMember::Operation(operation) if !operation.raises.is_empty() => {
                let text = &operation.name.text;
                errors.push((
                    Made::Error(text.clone()),
                    format!("{own}{}Error", names::camel(text)),
                ));
            }
            InterfaceMember::Attribute(attribute) => {
                let text = &attribute.name.text;
                if !attribute.get_raises.is_empty() {
                    errors.push((
                        Made::Error(getter(text)),
                        format!("{own}{}Error", names::camel(text)),
                    ));
                }
                if !attribute.set_raises.is_empty() {
                    errors.push((
                        Made::Error(setter(text)),
                        format!("{own}Set{}Error", names::camel(text)),
                    ));
                }
            }
            InterfaceMember::Operation(_) => {}
        }
    }
    errors
}

/// The name on the wire of the operation that reads an attribute (CORBA 3.3 §9.4.2.1).
pub(crate) fn getter(attribute: &str) -> String {
    format!("_get_{attribute}")
}

/// The name on the wire of the operation that sets an attribute.
pub(crate) fn setter(attribute: &str) -> String {
    format!("_set_{attribute}")
}
