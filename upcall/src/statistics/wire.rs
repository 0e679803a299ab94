// SPDX-License-Identifier: MIT OR Apache-2.0
//! The CDR form of a snapshot.

use std::time::Duration;

use orb_core::cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

use super::{Class, Flow, Granted, Recent, Response, Snapshot};

/// The CDR form of each: its members, one after the other.
macro_rules! members {
    ($($name:ident { $($member:ident as $form:ident),* })*) => {$(
        impl Marshal for $name {
            fn marshal<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
                $($form::write(&self.$member, encoder)?;)*
                Ok(())
            }
        }

        impl Unmarshal for $name {
            fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
                Ok(Self { $($member: $form::read(decoder)?),* })
            }
        }
    )*};
}

members! {
    Snapshot { process as plain, orb as plain, program as plain, flows as plain, left_out as plain }
    Flow {
        number as plain, object as plain, peer as plain, class as class, granted as optional, messages as plain, received as plain,
        upcalls as plain, misses as plain, overruns as plain, used as time, recent as plain, response as optional
    }
    Granted { cpu as plain, rate as plain, share as plain, deadline as time }
    Recent { rate as plain, bandwidth as plain, share as plain }
    Response { median as time, p99 as time, longest as time }
}

mod plain {
    use super::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

    pub(super) fn write<'a, T: Marshal>(value: &'a T, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        value.marshal(encoder)
    }

    pub(super) fn read<T: Unmarshal>(decoder: &mut Decoder<'_>) -> Result<T, CdrError> {
        T::unmarshal(decoder)
    }
}

mod optional {
    use super::{CdrError, Decoder, Encoder, Marshal, Unmarshal};

    pub(super) fn write<'a, T: Marshal>(
        value: &'a Option<T>,
        encoder: &mut Encoder<'a>,
    ) -> Result<(), CdrError> {
        encoder.boolean(value.is_some());
        value.as_ref().map_or(Ok(()), |value| value.marshal(encoder))
    }

    pub(super) fn read<T: Unmarshal>(decoder: &mut Decoder<'_>) -> Result<Option<T>, CdrError> {
        let there = decoder.boolean()?;
        there.then(|| T::unmarshal(decoder)).transpose()
    }
}

mod time {
    use super::{CdrError, Decoder, Duration, Encoder};

    pub(super) fn write(value: &Duration, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        encoder.ulonglong(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
        Ok(())
    }

    pub(super) fn read(decoder: &mut Decoder<'_>) -> Result<Duration, CdrError> {
        decoder.ulonglong().map(Duration::from_nanos)
    }
}

mod class {
    use super::{CdrError, Class, Decoder, Encoder};

    pub(super) fn write(value: &Class, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        encoder.octet(*value as u8);
        Ok(())
    }

    pub(super) fn read(decoder: &mut Decoder<'_>) -> Result<Class, CdrError> {
        let value = decoder.octet()?;
        let class = Class::ALL.get(usize::from(value)).copied();
        class.ok_or(CdrError::BadParam("there is no such class"))
    }
}
