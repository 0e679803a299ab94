// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enumerations and fixed-point numbers: `DynEnum` and `DynFixed`.

use super::{DynAny, DynAnyError, Result};
use crate::{
    any::Any,
    cdr::{CdrError, Encoder},
    fixed::Decimal,
    typecode::{Node, TypeCode},
};

impl DynAny {
    /// Returns the name of the enumerator.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no enumeration.
    pub fn enumerator(&self) -> Result<String> {
        let value = usize::try_from(self.enum_value()?).unwrap_or(usize::MAX);
        let name = self.type_code.resolved().member_name(value).map(str::to_owned);
        name.ok_or(DynAnyError::InvalidValue("there is no such enumerator"))
    }

    /// Makes it the enumerator with this name.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no enumeration; [`DynAnyError::InvalidValue`] if it has none of that name.
    pub fn set_enumerator(&mut self, name: &str) -> Result<()> {
        self.enum_only()?;
        let own = self.type_code.resolved();
        let value = (0..own.member_count()).find(|index| own.member_name(*index) == Some(name));
        let value = value.and_then(|value| u32::try_from(value).ok());
        self.set_enum_value(value.ok_or(DynAnyError::InvalidValue("there is no such enumerator"))?)
    }

    /// Returns the position of the enumerator.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no enumeration.
    pub fn enum_value(&self) -> Result<u32> {
        self.enum_only()?;
        Ok(self.to_any()?.decoder()?.ulong()?)
    }

    /// Makes it the enumerator at this position.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is no enumeration; [`DynAnyError::InvalidValue`] if it has not so many.
    pub fn set_enum_value(&mut self, value: u32) -> Result<()> {
        self.enum_only()?;
        let count = self.type_code.resolved().member_count();
        if usize::try_from(value).map_or(true, |value| value >= count) {
            return Err(DynAnyError::InvalidValue("there is no such enumerator"));
        }
        let mut encoder = Encoder::native();
        encoder.ulong(value);
        self.put(encoder);
        Ok(())
    }

    fn enum_only(&self) -> Result<()> {
        match self.type_code.root().resolved().node() {
            Node::Enum { .. } => Ok(()),
            _ => Err(self.mismatch(&"an enumerator")),
        }
    }

    /// Returns the fixed-point number.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is none.
    pub fn fixed(&self) -> Result<Decimal> {
        let (digits, scale) = self.fixed_type()?;
        let any = self.to_any()?;
        let packed = any.decoder()?.raw(usize::from(digits) / 2 + 1)?;
        Ok(Decimal::from_packed(packed, digits, scale).map_err(|_| CdrError::BadFixed)?)
    }

    /// Sets the fixed-point number; returns whether it fitted without cutting places off.
    ///
    /// # Errors
    ///
    /// [`DynAnyError::TypeMismatch`] if it is none; [`DynAnyError::InvalidValue`] if there are too many digits before the
    /// point.
    pub fn set_fixed(&mut self, value: Decimal) -> Result<bool> {
        let (digits, scale) = self.fixed_type()?;
        let fitted = value
            .fit(digits, scale)
            .map_err(|_| DynAnyError::InvalidValue("too many digits"))?;
        let mut encoder = Encoder::native();
        encoder.raw(fitted.to_packed().as_ref());
        self.put(encoder);
        Ok(fitted == value)
    }

    fn fixed_type(&self) -> Result<(u16, i16)> {
        let own: TypeCode = self.type_code.resolved();
        own.fixed_digits()
            .zip(own.fixed_scale())
            .ok_or_else(|| self.mismatch(&"a fixed-point number"))
    }

    fn put(&mut self, encoder: Encoder<'_>) {
        *self = Self::whole(Any::from_parts(
            self.type_code.clone(),
            encoder.contiguous(),
            None,
        ));
    }
}
