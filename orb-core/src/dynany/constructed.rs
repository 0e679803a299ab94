// SPDX-License-Identifier: MIT OR Apache-2.0
//! Structs, unions and sequences: `DynStruct`, `DynUnion`, `DynSequence`, `DynArray`.

use super::{
    Content, DynAny, DynAnyError, Result, defaults,
    parts::{COMPONENTS, label_of},
};
use crate::{
    any::Any,
    cdr::Encoder,
    typecode::{Node, TypeCode, TypeCodeKind, write_label},
};

impl DynAny {
    /// Returns the members of a struct, exception or valuetype with their names.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it has no members; as [`Self::to_any`].
    pub fn members(&mut self) -> Result<Vec<(String, Any)>> {
        self.members_only()?;
        self.expand()?;
        let named = |(index, part): (usize, &DynAny)| {
            Ok((self.component_name(index).unwrap_or_default(), part.to_any()?))
        };
        self.parts().iter().enumerate().map(named).collect()
    }

    /// Sets all members of a struct, exception or valuetype; an empty name fits any.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if a name or type is not the member's; [`DynAnyError::InvalidValue`] if there are
    /// more or fewer.
    pub fn set_members(&mut self, members: &[(String, Any)]) -> Result<()> {
        self.members_only()?;
        if matches!(self.kind(), TypeCodeKind::Value | TypeCodeKind::Event) {
            self.set_to_value()?;
        }
        self.expand()?;
        for (index, (name, _)) in members.iter().enumerate() {
            let own = self.component_name(index).unwrap_or_default();
            if !name.is_empty() && !own.is_empty() && *name != own {
                return Err(self.mismatch(&format!("member {name}")));
            }
        }
        let values: Vec<&Any> = members.iter().map(|(_, value)| value).collect();
        self.set_parts(&values)
    }

    fn members_only(&self) -> Result<()> {
        match self.kind() {
            TypeCodeKind::Struct | TypeCodeKind::Except | TypeCodeKind::Value | TypeCodeKind::Event => Ok(()),
            _ => Err(self.mismatch(&"named members")),
        }
    }

    /// Sets all components, as many as there are; nothing changes if one does not fit.
    fn set_parts(&mut self, values: &[&Any]) -> Result<()> {
        let mut parts = self.parts().to_vec();
        if parts.len() != values.len() {
            return Err(DynAnyError::InvalidValue("there are more or fewer components"));
        }
        for (part, value) in parts.iter_mut().zip(values) {
            part.assign_any(value)?;
        }
        self.content = Content::Parts(parts);
        self.rewind();
        Ok(())
    }

    /// Returns the elements of a sequence or array.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is neither; as [`Self::to_any`].
    pub fn elements(&mut self) -> Result<Vec<Any>> {
        self.element_type()?;
        self.expand()?;
        self.parts().iter().map(DynAny::to_any).collect()
    }

    /// Sets all elements: of an array as many as it has, of a sequence as many as its bound allows.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is neither, or an element is of another type; [`DynAnyError::InvalidValue`] if
    /// there are too many or too few.
    pub fn set_elements(&mut self, elements: &[Any]) -> Result<()> {
        let old = self.clone();
        if self.kind() == TypeCodeKind::Sequence {
            self.set_length(elements.len())?;
        }
        self.element_type()?;
        self.expand()?;
        let values: Vec<&Any> = elements.iter().collect();
        self.set_parts(&values).inspect_err(|_| *self = old)
    }

    /// Makes a sequence longer, with default values, or shorter.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no sequence; [`DynAnyError::InvalidValue`] beyond its bound.
    pub fn set_length(&mut self, length: usize) -> Result<()> {
        let bound = self.type_code.resolved().length().filter(|bound| *bound > 0);
        if self.kind() != TypeCodeKind::Sequence {
            return Err(self.mismatch(&"a length"));
        }
        let element = self.element_type()?;
        let limit = bound
            .and_then(|bound| usize::try_from(bound).ok())
            .unwrap_or(COMPONENTS)
            .min(COMPONENTS);
        if length > limit {
            return Err(DynAnyError::InvalidValue("longer than a sequence may be"));
        }
        self.expand()?;
        let Content::Parts(parts) = &mut self.content else {
            return Ok(());
        };
        let old = parts.len();
        if length > old {
            let new = DynAny::of_type(&element)?;
            parts.resize(length, new);
            // The first of the new ones becomes the current one, if there was none.
            self.position = self.position.or(Some(old));
        } else {
            parts.truncate(length);
            self.position = self.position.filter(|position| *position < length);
        }
        Ok(())
    }

    /// Returns the number of elements of a sequence or array.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is neither.
    pub fn length(&mut self) -> Result<usize> {
        self.element_type()?;
        self.component_count()
    }

    fn element_type(&self) -> Result<TypeCode> {
        match self.kind() {
            TypeCodeKind::Sequence | TypeCodeKind::Array => {
                Ok(self.type_code.resolved().content_type().unwrap_or_default())
            }
            _ => Err(self.mismatch(&"elements")),
        }
    }

    /// Returns a union's discriminator.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union.
    pub fn discriminator(&mut self) -> Result<Any> {
        self.union_only()?;
        self.component(0)?.to_any()
    }

    /// Returns the kind of a union's discriminator.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union.
    pub fn discriminator_kind(&self) -> Result<TypeCodeKind> {
        self.union_only()?;
        let own = self.type_code.resolved().discriminator_type().unwrap_or_default();
        Ok(own.resolved().kind())
    }

    /// Sets a union's discriminator. If that selects another member, this one gets its default; the member becomes the
    /// current component, or the discriminator if it selects none.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union, or the value no discriminator of it.
    pub fn set_discriminator(&mut self, value: &Any) -> Result<()> {
        self.union_only()?;
        self.expand()?;
        let active = self.active_member()?.map(|(index, _)| index);
        let mut discriminator = self.component(0)?.clone();
        discriminator.assign_any(value)?;
        let node = self.type_code.root().resolved();
        let selected = node.node().selected_case(label_of(&discriminator)?);
        let mut parts = vec![discriminator];
        match (selected, self.parts().get(1)) {
            (Some(index), Some(member)) if Some(index) == active => parts.push(member.clone()),
            (Some(index), _) => {
                let member = self.type_code.resolved().member_type(index).unwrap_or_default();
                parts.push(DynAny::of_type(&member)?);
            }
            (None, _) => {}
        }
        self.position = Some(parts.len() - 1);
        self.content = Content::Parts(parts);
        Ok(())
    }

    /// Selects a union's default member, by a discriminator that no other member has.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union or has no explicit default.
    pub fn set_to_default_member(&mut self) -> Result<()> {
        if self.type_code.resolved().default_index().is_none() {
            return Err(self.mismatch(&"a default member"));
        }
        self.select_unused(0)
    }

    /// Selects no member of a union, by a discriminator that none has.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union, has an explicit default, or a member for every discriminator.
    pub fn set_to_no_active_member(&mut self) -> Result<()> {
        if self.type_code.resolved().default_index().is_some() {
            return Err(self.mismatch(&"no active member"));
        }
        self.select_unused(0)
    }

    /// Selects by a discriminator that is no member's label; `position` becomes the current one.
    fn select_unused(&mut self, position: usize) -> Result<()> {
        self.union_only()?;
        let union = self.type_code.resolved();
        let discriminator = union.discriminator_type().unwrap_or_default();
        let kind = discriminator.root().resolved();
        let label = defaults::unused_label(union.root(), kind);
        let label = label.ok_or_else(|| self.mismatch(&"a discriminator without a member"))?;
        let mut encoder = Encoder::native();
        write_label(&mut encoder, kind.kind(), label)?;
        self.set_discriminator(&Any::from_parts(
            discriminator.clone(),
            encoder.contiguous(),
            None,
        ))?;
        self.seek(position);
        Ok(())
    }

    /// Returns whether a union's discriminator selects no member.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union.
    pub fn has_no_active_member(&mut self) -> Result<bool> {
        self.union_only()?;
        self.expand()?;
        Ok(self.active_member()?.is_none())
    }

    /// Returns a union's active member.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no union; [`DynAnyError::InvalidValue`] if none is active.
    pub fn active(&mut self) -> Result<&mut DynAny> {
        self.union_only()?;
        self.component(1)
    }

    /// Returns the name of a union's active member.
    ///
    /// # Errors
    ///
    /// As [`Self::active`].
    pub fn active_name(&mut self) -> Result<String> {
        self.union_only()?;
        self.expand()?;
        self.active_member()?
            .map(|(_, name)| name)
            .ok_or(DynAnyError::InvalidValue("no member is active"))
    }

    /// The index and name of the member that the discriminator selects.
    pub(super) fn active_member(&self) -> Result<Option<(usize, String)>> {
        let Some(discriminator) = self.parts().first() else {
            return Ok(None);
        };
        let node = self.type_code.root().resolved();
        let index = node.node().selected_case(label_of(discriminator)?);
        Ok(index.map(|index| {
            (
                index,
                node.node().member_name(index).unwrap_or_default().to_owned(),
            )
        }))
    }

    fn union_only(&self) -> Result<()> {
        match self.type_code.root().resolved().node() {
            Node::Union { .. } => Ok(()),
            _ => Err(self.mismatch(&"a discriminator")),
        }
    }
}
