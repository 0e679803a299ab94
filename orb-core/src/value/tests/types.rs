// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes as the compiler would generate them.

use std::{
    any::{Any, TypeId},
    sync::Arc,
};

use crate::{
    cdr::{CdrError, Decoder, Encoder, Marshal, Unmarshal},
    typecode::{TypeCode, TypeCodeCell, Typed, ValueModifier},
    value::{CustomMarshal, MostDerived, Value, ValueCell, ValueFactory, ValueType},
};

macro_rules! valuetype {
    (
        $name:ident, $id:literal $(truncatable $base_id:literal)*, $modifier:ident, base $base:expr,
        { $($member:ident: $rust:ty $(= $own:ident)?),* },
        up [$($ancestor:ty),*], down [$($derived:ty),*]
    ) => {
        #[derive(Debug, Clone, PartialEq, Default)]
        pub(crate) struct $name {
            $(pub(crate) $member: $rust,)*
            pub(crate) most_derived: MostDerived,
        }
        impl Typed for $name {
            fn type_code() -> TypeCode {
                static CELL: TypeCodeCell = TypeCodeCell::new($id);
                CELL.get(|| {
                    let mut members = vec![$((stringify!($member), <$rust>::type_code(), true),)*];
                    let base: Option<TypeCode> = $base;
                    let inherited = base.as_ref().map_or(0, all_members);
                    members.drain(..inherited);
                    TypeCode::value($id, stringify!($name), ValueModifier::$modifier, base, members)
                })
            }
        }
        impl Value for $name {
            fn ids(&self) -> &'static [&'static str] {
                &[$id $(, $base_id)*]
            }
            fn actual_type(&self) -> TypeCode {
                Self::type_code()
            }
            fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
                $(self.$member.marshal(encoder)?;)*
                let _ = encoder;
                Ok(())
            }
            fn upcast(self: Arc<Self>, to: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
                $(if to == TypeId::of::<$ancestor>() {
                    return Some(Arc::new(<$ancestor>::from(self)));
                })*
                let _ = to;
                None
            }
            fn most_derived(&self) -> Option<&Arc<dyn Value>> {
                self.most_derived.get()
            }
        }
        impl ValueType for $name {
            const REPOSITORY_ID: &'static str = $id;
            fn derived() -> &'static [ValueFactory] {
                const { &[$(ValueFactory::of::<$derived>()),*] }
            }
            fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
                let _ = &decoder;
                Ok(Self { $($member: Unmarshal::unmarshal(decoder)?,)* most_derived: MostDerived::default() })
            }
        }
    };
}

fn all_members(of: &TypeCode) -> usize {
    of.member_count() + of.concrete_base_type().as_ref().map_or(0, all_members)
}

valuetype!(Animal, "IDL:Animal:1.0", None, base None, { name: String }, up [], down [Dog, Puppy, Cat]);
valuetype!(
    Dog, "IDL:Dog:1.0" truncatable "IDL:Animal:1.0", Truncatable, base Some(Animal::type_code()),
    { name: String, age: i32, friend: Option<Arc<Animal>> }, up [Animal], down [Puppy]
);
valuetype!(
    Puppy, "IDL:Puppy:1.0" truncatable "IDL:Dog:1.0" truncatable "IDL:Animal:1.0", Truncatable,
    base Some(Dog::type_code()),
    { name: String, age: i32, friend: Option<Arc<Animal>>, toys: Vec<f64>, spare: Option<Arc<Animal>> },
    up [Dog, Animal], down []
);
valuetype!(
    Cat, "IDL:Cat:1.0", None, base Some(Animal::type_code()), { name: String, lives: i16 }, up [Animal], down []
);
valuetype!(
    Wolf, "IDL:Wolf:1.0", None, base Some(Animal::type_code()), { name: String, pack: i16 }, up [Animal], down []
);
valuetype!(
    Link, "IDL:Link:1.0", None, base None,
    { id: i32, next: ValueCell<Link>, any: ValueCell<dyn Value> }, up [], down []
);
valuetype!(Pair, "IDL:Pair:1.0", None, base None, { left: Option<Arc<Animal>>, right: Option<Arc<Animal>> }, up [], down []);

impl From<Arc<Dog>> for Animal {
    fn from(value: Arc<Dog>) -> Self {
        Self {
            name: value.name.clone(),
            most_derived: MostDerived::new(value),
        }
    }
}

impl From<Arc<Cat>> for Animal {
    fn from(value: Arc<Cat>) -> Self {
        Self {
            name: value.name.clone(),
            most_derived: MostDerived::new(value),
        }
    }
}

impl From<Arc<Wolf>> for Animal {
    fn from(value: Arc<Wolf>) -> Self {
        Self {
            name: value.name.clone(),
            most_derived: MostDerived::new(value),
        }
    }
}

impl From<Arc<Puppy>> for Animal {
    fn from(value: Arc<Puppy>) -> Self {
        Self {
            name: value.name.clone(),
            most_derived: MostDerived::new(value),
        }
    }
}

impl From<Arc<Puppy>> for Dog {
    fn from(value: Arc<Puppy>) -> Self {
        let (name, age, friend) = (value.name.clone(), value.age, value.friend.clone());
        Self {
            name,
            age,
            friend,
            most_derived: MostDerived::new(value),
        }
    }
}

/// As a peer sees it that has only the IDL of `Animal`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct OldAnimal {
    pub(crate) name: String,
}

impl Typed for OldAnimal {
    fn type_code() -> TypeCode {
        Animal::type_code()
    }
}

impl Value for OldAnimal {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:Animal:1.0"]
    }
    fn actual_type(&self) -> TypeCode {
        Self::type_code()
    }
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.name.marshal(encoder)
    }
}

impl ValueType for OldAnimal {
    const REPOSITORY_ID: &'static str = "IDL:Animal:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            name: Unmarshal::unmarshal(decoder)?,
        })
    }
}

/// `valuetype Numbers sequence<long>;`
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Numbers(pub(crate) Vec<i32>);

impl Typed for Numbers {
    fn type_code() -> TypeCode {
        TypeCode::value_box("IDL:Numbers:1.0", "Numbers", Vec::<i32>::type_code())
    }
}

impl Value for Numbers {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:Numbers:1.0"]
    }
    fn actual_type(&self) -> TypeCode {
        Self::type_code()
    }
    fn marshal_state<'a>(&'a self, encoder: &mut Encoder<'a>) -> Result<(), CdrError> {
        self.0.marshal(encoder)
    }
}

impl ValueType for Numbers {
    const REPOSITORY_ID: &'static str = "IDL:Numbers:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Unmarshal::unmarshal(decoder).map(Self)
    }
}

/// `custom valuetype Secret { private string text; };`, marshalled backwards.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Secret {
    pub(crate) text: String,
}

impl Typed for Secret {
    fn type_code() -> TypeCode {
        let members = [("text", String::type_code(), false)];
        TypeCode::value("IDL:Secret:1.0", "Secret", ValueModifier::Custom, None, members)
    }
}

impl Value for Secret {
    fn ids(&self) -> &'static [&'static str] {
        &["IDL:Secret:1.0"]
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
    const REPOSITORY_ID: &'static str = "IDL:Secret:1.0";
    fn unmarshal_state(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        CustomMarshal::unmarshal(decoder)
    }
}

impl CustomMarshal for Secret {
    fn marshal(&self, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        let backwards: String = self.text.chars().rev().collect();
        encoder.string(&backwards)
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            text: decoder.string()?.chars().rev().collect(),
        })
    }
}

pub(crate) fn dog(name: &str, friend: Option<Arc<Animal>>) -> Arc<Dog> {
    Arc::new(Dog {
        name: name.into(),
        age: 3,
        friend,
        ..Dog::default()
    })
}

pub(crate) fn animal(name: &str) -> Arc<Animal> {
    Arc::new(Animal {
        name: name.into(),
        ..Animal::default()
    })
}

/// Not one of those that `Animal` knows: it is found by registration only.
pub(crate) fn wolf() -> Arc<Wolf> {
    Arc::new(Wolf {
        name: "akela".into(),
        pack: 2,
        ..Wolf::default()
    })
}

pub(crate) fn puppy() -> Arc<Puppy> {
    let friend = Some(animal("friend"));
    let spare = Some(Arc::new(Animal::from(dog("uncle", friend.clone()))));
    Arc::new(Puppy {
        name: "pup".into(),
        age: 1,
        friend,
        toys: vec![1.5, 2.5],
        spare,
        ..Puppy::default()
    })
}
