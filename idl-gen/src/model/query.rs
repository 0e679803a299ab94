// SPDX-License-Identifier: MIT OR Apache-2.0
//! Questions that a reader of a model asks.

use super::{Annotation, Item, ItemId, ItemKind, Model, Type};

impl Model {
    /// Returns an item.
    ///
    /// # Panics
    /// If the id is of another model.
    #[must_use]
    pub fn item(&self, id: ItemId) -> &Item {
        self.items
            .get(id.0 as usize)
            .expect("an ItemId is only made by the model that holds its item")
    }

    /// Returns all items with their ids, in order of (first) declaration.
    pub fn items(&self) -> impl Iterator<Item = (ItemId, &Item)> {
        (0u32..).map(ItemId).zip(&self.items)
    }

    /// Returns the item with these names from file scope down.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<ItemId> {
        self.items()
            .find(|(_, item)| item.path.iter().map(String::as_str).eq(path.iter().copied()))
            .map(|(id, _)| id)
    }

    /// Follows typedefs until something else is found. Arrays and sequences are not looked into.
    #[must_use]
    pub fn unaliased<'a>(&'a self, mut ty: &'a Type) -> &'a Type {
        while let Type::Named(id) = ty {
            match &self.item(*id).kind {
                ItemKind::Typedef(typedef) => ty = &typedef.ty,
                _ => break,
            }
        }
        ty
    }

    /// Returns the items that stand directly inside `id`, in order of declaration.
    #[must_use]
    pub fn definitions(&self, id: ItemId) -> &[ItemId] {
        match &self.item(id).kind {
            ItemKind::Module(module) => &module.definitions,
            ItemKind::Interface(interface) => &interface.definitions,
            ItemKind::Valuetype(valuetype) => &valuetype.definitions,
            ItemKind::Struct(structure) => &structure.definitions,
            ItemKind::Union(union) => &union.definitions,
            ItemKind::Exception(exception) => &exception.definitions,
            ItemKind::NotGenerated(other) => &other.definitions,
            _ => &[],
        }
    }

    /// Returns the scoped name, as IDL writes it: `Telemetry::Sensor`.
    #[must_use]
    pub fn scoped_name(&self, id: ItemId) -> String {
        self.item(id).path.join("::")
    }
}

impl Item {
    /// Returns the first annotation of that name.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&Annotation> {
        self.annotations.iter().find(|annotation| annotation.name == name)
    }
}
