// SPDX-License-Identifier: MIT OR Apache-2.0
//! Going through components.

use super::{Content, DynAny, DynAnyError, Result, parts, values};
use crate::typecode::TypeCodeKind;

impl DynAny {
    /// Returns whether values of this type have components, if only none at the moment.
    pub(super) fn has_components(&self) -> bool {
        matches!(
            self.kind(),
            TypeCodeKind::Struct
                | TypeCodeKind::Except
                | TypeCodeKind::Union
                | TypeCodeKind::Sequence
                | TypeCodeKind::Array
                | TypeCodeKind::Value
                | TypeCodeKind::ValueBox
                | TypeCodeKind::Event
        )
    }

    /// Takes the value apart, if it is not yet.
    pub(super) fn expand(&mut self) -> Result<()> {
        if let Content::Whole(any) = &self.content {
            if !self.has_components() {
                return Err(self.mismatch(&"a component"));
            }
            let (type_code, content) = parts::split(any)?;
            self.content = content;
            self.type_code = type_code;
            self.position =
                (self.parts().len() > self.position.unwrap_or(0)).then_some(self.position.unwrap_or(0));
        }
        Ok(())
    }

    pub(super) fn parts(&self) -> &[DynAny] {
        match &self.content {
            Content::Parts(parts) => parts,
            Content::Whole(_) | Content::Null => &[],
        }
    }

    /// Returns the number of components: members, elements, or a union's discriminator and member. Others have none.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::Malformed`]; [`DynAnyError::InvalidValue`] if there are too many.
    pub fn component_count(&mut self) -> Result<usize> {
        if !self.has_components() {
            return Ok(0);
        }
        self.expand()?;
        Ok(self.parts().len())
    }

    /// Makes the component at `index` the current one; returns whether there is one.
    pub fn seek(&mut self, index: usize) -> bool {
        let there = self.component_count().is_ok_and(|count| index < count);
        self.position = there.then_some(index);
        there
    }

    /// Makes the first component the current one; returns whether there is one.
    pub fn rewind(&mut self) -> bool {
        self.seek(0)
    }

    /// Makes the next component the current one; returns whether there is one.
    #[expect(
        clippy::should_implement_trait,
        reason = "the standard's name; it gives no items"
    )]
    pub fn next(&mut self) -> bool {
        match self.position {
            Some(position) => self.seek(position + 1),
            None => self.rewind(),
        }
    }

    /// Returns the position of the current component.
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// Returns the current component; nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if values of this type have no components; [`DynAnyError::Malformed`].
    pub fn current_component(&mut self) -> Result<Option<&mut DynAny>> {
        self.expand()?;
        match (&mut self.content, self.position) {
            (Content::Parts(parts), Some(position)) => Ok(parts.get_mut(position)),
            _ => Ok(None),
        }
    }

    pub(super) fn current(&mut self) -> Result<&mut DynAny> {
        self.current_component()?
            .ok_or(DynAnyError::InvalidValue("there is no current component"))
    }

    /// Returns the component at `index`.
    ///
    /// # Errors
    ///
    /// As [`Self::current_component`]; [`DynAnyError::InvalidValue`] if there is none.
    pub fn component(&mut self, index: usize) -> Result<&mut DynAny> {
        self.expand()?;
        match &mut self.content {
            Content::Parts(parts) => parts.get_mut(index),
            Content::Whole(_) | Content::Null => None,
        }
        .ok_or(DynAnyError::InvalidValue("there is no such component"))
    }

    /// Returns all components.
    ///
    /// # Errors
    ///
    /// As [`Self::current_component`].
    pub fn components(&mut self) -> Result<&mut [DynAny]> {
        self.expand()?;
        Ok(match &mut self.content {
            Content::Parts(parts) => parts,
            Content::Whole(_) | Content::Null => &mut [],
        })
    }

    /// Returns the member of a struct, exception or valuetype with this name, or a union's if it is the active one.
    ///
    /// # Errors
    ///
    /// As [`Self::component`].
    pub fn member(&mut self, name: &str) -> Result<&mut DynAny> {
        self.expand()?;
        let index =
            (0..self.parts().len()).find(|index| self.component_name(*index).is_some_and(|own| own == name));
        self.component(index.ok_or(DynAnyError::InvalidValue("there is no such member"))?)
    }

    /// Returns the name of the current component: of members, and of a union's active one.
    pub fn current_member_name(&mut self) -> Option<String> {
        self.component_name(self.position?)
    }

    /// Returns the kind of the current component.
    pub fn current_member_kind(&mut self) -> Option<TypeCodeKind> {
        let current = self.current_component().ok()??;
        Some(current.type_code.kind())
    }

    pub(super) fn component_name(&self, index: usize) -> Option<String> {
        match self.kind() {
            TypeCodeKind::Struct | TypeCodeKind::Except => {
                self.type_code.resolved().member_name(index).map(str::to_owned)
            }
            TypeCodeKind::Value | TypeCodeKind::Event => values::member_name(&self.type_code, index),
            TypeCodeKind::Union if index == 1 => self.active_member().ok().flatten().map(|(_, name)| name),
            _ => None,
        }
    }
}
