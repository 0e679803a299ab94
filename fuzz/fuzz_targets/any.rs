// SPDX-License-Identifier: MIT OR Apache-2.0
//! Octets read as anys, TypeCodes and valuetypes; what was read is compared, shown, taken apart, written and read again.
#![no_main]

use std::{
    any::{Any as StdAny, TypeId},
    sync::{Arc, Once},
};

use libfuzzer_sys::fuzz_target;
use orb_core::{
    any::Any,
    cdr::{CdrError, Decoder, Encoder, Endian, Marshal, Unmarshal, Version},
    codeset::{CharSet, CodeSets},
    dynany::DynAny,
    typecode::{TypeCode, TypeCodeCell, Typed, ValueModifier},
    value::{CustomMarshal, MostDerived, Value, ValueCell, ValueFactory, ValueType, register},
};

fuzz_target!(|data: &[u8]| {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        register(&[
            ValueFactory::of::<Base>(),
            ValueFactory::of::<Derived>(),
            ValueFactory::of::<Secret>(),
        ]);
    });
    let Some((&form, octets)) = data.split_first() else {
        return;
    };
    let endian = if form & 1 == 0 {
        Endian::Big
    } else {
        Endian::Little
    };
    let version = Version {
        major: 1,
        minor: form >> 1 & 3,
    };
    let mut codesets = CodeSets::NATIVE;
    if form & 8 != 0 {
        codesets.narrow = CharSet::Latin1;
    }
    let mut decoder = Decoder::new(octets, endian, version, codesets);
    // Several in one message, so that they share.
    for kind in [form >> 4, form >> 6, 0, form >> 4] {
        let read = match kind % 4 {
            0 => decoder.any().map(|any| check(&any)),
            1 => Option::<Arc<Base>>::unmarshal(&mut decoder).map(|value| drop(again(&value))),
            2 => Option::<Arc<Derived>>::unmarshal(&mut decoder).map(|value| drop(again(&value))),
            _ => Option::<Arc<dyn Value>>::unmarshal(&mut decoder).map(drop),
        };
        if read.is_err() {
            break;
        }
    }
});

/// Whatever can be done with an any.
fn check(any: &Any) {
    let copy = again(any);
    assert!(copy.type_code() == any.type_code() && any.type_code().equivalent(copy.type_code()));
    let _ = format!("{any:?} {:?} {}", any.type_code(), any.type_code());
    assert!(any.type_code().compact().equivalent(any.type_code()));
    if let Ok(mut dynamic) = DynAny::from_any(any) {
        let mut steps = 100;
        take_apart(&mut dynamic, 6, &mut steps);
        // A union's member or a value may have been a copy that is malformed in no way.
        let _ = dynamic.to_any().map(|any| again(&any));
    }
    let _ = DynAny::of_type(any.type_code());
    let _ = any.get::<Option<Arc<Base>>>();
    let _ = any.get::<Option<Arc<dyn Value>>>();
    let _ = any.get::<Vec<Any>>();
}

fn take_apart(dynamic: &mut DynAny, depth: u8, steps: &mut u32) {
    if depth == 0 || *steps == 0 {
        return;
    }
    *steps -= 1;
    for part in dynamic.components().into_iter().flatten() {
        take_apart(part, depth - 1, steps);
    }
}

/// Writes a value and reads it again.
fn again<T: Marshal + Unmarshal + PartialEq + std::fmt::Debug>(value: &T) -> T {
    let mut encoder = Encoder::new(Endian::NATIVE.opposite(), Version::V1_2, CodeSets::NATIVE);
    value.marshal(&mut encoder).expect("what was read can be written");
    let octets = encoder.contiguous();
    let mut decoder = Decoder::new(
        &octets,
        Endian::NATIVE.opposite(),
        Version::V1_2,
        CodeSets::NATIVE,
    );
    let read = T::unmarshal(&mut decoder).expect("what was written can be read");
    assert_eq!(&read, value);
    read
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Base {
    id: i32,
    next: ValueCell<Base>,
    most_derived: MostDerived,
}

/// `truncatable` to [`Base`].
#[derive(Debug, Clone, PartialEq, Default)]
struct Derived {
    id: i32,
    next: ValueCell<Base>,
    text: String,
    any: Any,
    other: Option<Arc<Base>>,
    most_derived: MostDerived,
}

/// `custom`.
#[derive(Debug, Clone, PartialEq, Default)]
struct Secret(String);

impl Typed for Base {
    fn type_code() -> TypeCode {
        static CELL: TypeCodeCell = TypeCodeCell::new("IDL:V/Base:1.0");
        CELL.get(|| {
            let members = [("id", i32::type_code(), true), ("next", Base::type_code(), true)];
            TypeCode::value("IDL:V/Base:1.0", "Base", ValueModifier::None, None, members)
        })
    }
}

impl Value for Base {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:V/Base:1.0"]
    }
    fn actual_type(&self) -> TypeCode {
        Self::type_code()
    }
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.id.marshal(encoder)?;
        self.next.marshal(encoder)
    }
    fn most_derived(&self) -> Option<&Arc<dyn Value>> {
        self.most_derived.get()
    }
}

impl ValueType for Base {
    const REPOSITORY_ID: &'static str = "IDL:V/Base:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let (id, next) = (decoder.long()?, Unmarshal::unmarshal(decoder)?);
        Ok(Self {
            id,
            next,
            most_derived: MostDerived::default(),
        })
    }
}

impl From<Arc<Derived>> for Base {
    fn from(value: Arc<Derived>) -> Self {
        Self {
            id: value.id,
            next: value.next.shared(),
            most_derived: MostDerived::new(value),
        }
    }
}

impl Typed for Derived {
    fn type_code() -> TypeCode {
        static CELL: TypeCodeCell = TypeCodeCell::new("IDL:V/Derived:1.0");
        CELL.get(|| {
            let members = [
                ("text", String::type_code(), true),
                ("any", TypeCode::ANY, true),
                ("other", Base::type_code(), true),
            ];
            let base = Some(Base::type_code());
            TypeCode::value(
                "IDL:V/Derived:1.0",
                "Derived",
                ValueModifier::Truncatable,
                base,
                members,
            )
        })
    }
}

impl Value for Derived {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:V/Derived:1.0", "IDL:V/Base:1.0"]
    }
    fn actual_type(&self) -> TypeCode {
        Self::type_code()
    }
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.id.marshal(encoder)?;
        self.next.marshal(encoder)?;
        self.text.marshal(encoder)?;
        self.any.marshal(encoder)?;
        self.other.marshal(encoder)
    }
    fn upcast(self: Arc<Self>, to: TypeId) -> Option<Arc<dyn StdAny + Send + Sync>> {
        (to == TypeId::of::<Base>()).then(|| Arc::new(Base::from(self)) as _)
    }
    fn most_derived(&self) -> Option<&Arc<dyn Value>> {
        self.most_derived.get()
    }
}

impl ValueType for Derived {
    const REPOSITORY_ID: &'static str = "IDL:V/Derived:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            id: decoder.long()?,
            next: Unmarshal::unmarshal(decoder)?,
            text: decoder.string()?,
            any: decoder.any()?,
            other: decoder.value()?,
            most_derived: MostDerived::default(),
        })
    }
}

impl Typed for Secret {
    fn type_code() -> TypeCode {
        let members = [("text", String::type_code(), false)];
        TypeCode::value("IDL:V/Secret:1.0", "Secret", ValueModifier::Custom, None, members)
    }
}

impl Value for Secret {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:V/Secret:1.0"]
    }
    fn actual_type(&self) -> TypeCode {
        Self::type_code()
    }
    fn is_custom(&self) -> bool {
        true
    }
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        CustomMarshal::marshal(self, encoder)
    }
}

impl ValueType for Secret {
    const REPOSITORY_ID: &'static str = "IDL:V/Secret:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        CustomMarshal::unmarshal(decoder)
    }
}

impl CustomMarshal for Secret {
    fn marshal(&self, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        encoder.string(&self.0)
    }
    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        decoder.string().map(Self)
    }
}
