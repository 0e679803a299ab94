// SPDX-License-Identifier: MIT OR Apache-2.0
//! The traits of types that have a CDR form, and those of the standard library that do.

use bytes::Bytes;

use super::{CdrError, Decoder, Encoder};

/// A type that can be written as CDR.
pub trait Marshal {
    /// Writes the value; large pieces of it may be kept by reference.
    ///
    /// # Errors
    /// [`CdrError`] if the value has no CDR form in this stream.
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError>;

    /// Writes values one after the other: the elements of a sequence or an array.
    ///
    /// # Errors
    /// As [`Self::marshal`].
    fn marshal_slice<'a>(values: &'a [Self], encoder: &mut Encoder<'a>) -> Result<(), CdrError>
    where
        Self: Sized,
    {
        values.iter().try_for_each(|value| value.marshal(encoder))
    }

    /// Writes an unbounded sequence.
    ///
    /// # Errors
    /// As [`Self::marshal`].
    #[inline]
    fn marshal_sequence<'a>(values: &'a [Self], encoder: &mut Encoder<'a>) -> Result<(), CdrError>
    where
        Self: Sized,
    {
        encoder.sequence_len(values.len(), None)?;
        Self::marshal_slice(values, encoder)
    }
}

/// A type that can be read from CDR.
pub trait Unmarshal: Sized {
    /// How many octets a value takes at least, alignment not counted: what a sequence's length is
    /// checked against. At least 1.
    const MIN_SIZE: usize = 1;

    /// Reads a value.
    ///
    /// # Errors
    /// [`CdrError`] if the data is no such value.
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError>;

    /// Reads `count` values one after the other; `count` was checked with
    /// [`Decoder::sequence_len`].
    ///
    /// # Errors
    /// As [`Self::unmarshal`].
    fn unmarshal_vec(decoder: &mut Decoder<'_>, count: usize) -> Result<Vec<Self>, CdrError> {
        // The count is bounded by the data, but a value in memory may be much larger than on the
        // wire, so the capacity asked for in advance is bounded by the data as well.
        let capacity = count.min(decoder.remaining() / size_of::<Self>().max(1) + 4);
        let mut values = Vec::with_capacity(capacity);
        // IDL's types contain themselves by way of sequences, so these are where nesting has its limit.
        decoder.enter()?;
        for _ in 0..count {
            values.push(Self::unmarshal(decoder)?);
        }
        decoder.leave();
        Ok(values)
    }

    /// Reads an array.
    ///
    /// # Errors
    /// As [`Self::unmarshal`].
    fn unmarshal_array<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[Self; N], CdrError> {
        let mut error = None;
        let values: [Option<Self>; N] = std::array::from_fn(|_| match error {
            None => Self::unmarshal(decoder)
                .map_err(|reason| error = Some(reason))
                .ok(),
            Some(_) => None,
        });
        match error {
            Some(error) => Err(error),
            None => Ok(values.map(|value| value.expect("there was no error, so each was read"))),
        }
    }
}

macro_rules! primitives {
    ($($t:ty: $method:ident;)*) => {$(
        impl Marshal for $t {
            #[inline]
            fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
                encoder.$method(*self);
                Ok(())
            }

            #[inline]
            fn marshal_slice<'a>(values: &'a [Self], encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
                encoder.primitive_array(values);
                Ok(())
            }

            #[inline]
            fn marshal_sequence<'a>(values: &'a [Self], encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
                encoder.primitives(values)
            }
        }

        impl Unmarshal for $t {
            const MIN_SIZE: usize = size_of::<$t>();

            #[inline]
            fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
                decoder.$method()
            }

            #[inline]
            fn unmarshal_vec(decoder: &mut Decoder<'_>, count: usize) -> Result<Vec<Self>, CdrError> {
                decoder.primitive_vec(count)
            }

            #[inline]
            fn unmarshal_array<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[Self; N], CdrError> {
                decoder.primitive_array()
            }
        }
    )*};
}

primitives! {
    u8: octet;
    i8: int8;
    i16: short;
    u16: ushort;
    i32: long;
    u32: ulong;
    i64: longlong;
    u64: ulonglong;
    f32: float;
    f64: double;
}

impl Marshal for bool {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.boolean(*self);
        Ok(())
    }
}

impl Unmarshal for bool {
    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.boolean()
    }
}

/// As IDL `char`.
impl Marshal for char {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.char(*self)
    }
}

/// As IDL `char`.
impl Unmarshal for char {
    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.char()
    }
}

/// As IDL `string`.
impl Marshal for str {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.string(self)
    }
}

/// As IDL `string`.
impl Marshal for String {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.string(self)
    }
}

/// As IDL `string`.
impl Unmarshal for String {
    /// The length and the NUL.
    const MIN_SIZE: usize = 5;

    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.string()
    }
}

/// As `sequence<octet>`.
impl Marshal for Bytes {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        encoder.octets(self)
    }
}

/// As `sequence<octet>`.
impl Unmarshal for Bytes {
    const MIN_SIZE: usize = 4;

    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.bytes()
    }
}

/// As an unbounded sequence.
impl<T: Marshal> Marshal for [T] {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        T::marshal_sequence(self, encoder)
    }
}

/// As an unbounded sequence.
impl<T: Marshal> Marshal for Vec<T> {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.as_slice().marshal(encoder)
    }
}

/// As an unbounded sequence.
impl<T: Unmarshal> Unmarshal for Vec<T> {
    const MIN_SIZE: usize = 4;

    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let count = decoder.sequence_len(None, T::MIN_SIZE)?;
        T::unmarshal_vec(decoder, count)
    }
}

/// As an array: no length.
impl<T: Marshal, const N: usize> Marshal for [T; N] {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        T::marshal_slice(self, encoder)
    }

    fn marshal_slice<'a>(values: &'a [Self], encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        T::marshal_slice(values.as_flattened(), encoder)
    }
}

/// As an array: no length.
impl<T: Unmarshal, const N: usize> Unmarshal for [T; N] {
    const MIN_SIZE: usize = T::MIN_SIZE * N;

    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        T::unmarshal_array(decoder)
    }
}

/// As the value itself.
impl<T: Marshal> Marshal for Box<T> {
    #[inline]
    fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        T::marshal(self, encoder)
    }
}

/// As the value itself, one level deeper: boxes are how recursive types nest.
impl<T: Unmarshal> Unmarshal for Box<T> {
    const MIN_SIZE: usize = 1;

    #[inline]
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.nested(T::unmarshal).map(Self::new)
    }
}
