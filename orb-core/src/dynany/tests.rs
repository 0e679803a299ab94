// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::Arc;

use super::{DynAny, DynAnyError};
use crate::{
    any::Any,
    fixed::Decimal,
    object::ObjectRef,
    typecode::{TypeCode, TypeCodeKind, Typed, WideChar, WideString},
    value::tests::types::{Animal, Dog, Link, Numbers, Pair, Secret, animal, dog},
};

fn unit() -> TypeCode {
    TypeCode::enumeration("IDL:Unit:1.0", "Unit", ["CELSIUS", "KELVIN"])
}

fn sample() -> TypeCode {
    let members = [
        ("t", TypeCode::LONGLONG),
        ("unit", unit()),
        ("values", TypeCode::sequence(TypeCode::DOUBLE, 3)),
    ];
    TypeCode::structure("IDL:Sample:1.0", "Sample", members)
}

fn choice() -> TypeCode {
    let cases = [
        (Some(1), "name", TypeCode::STRING),
        (Some(2), "number", TypeCode::LONG),
        (None, "other", TypeCode::OCTET),
    ];
    TypeCode::union("IDL:Choice:1.0", "Choice", TypeCode::LONG, cases)
}

fn closed() -> TypeCode {
    TypeCode::union(
        "IDL:Closed:1.0",
        "Closed",
        unit(),
        [(Some(1), "k", TypeCode::DOUBLE)],
    )
}

fn new(type_code: &TypeCode) -> DynAny {
    DynAny::of_type(type_code).expect("a type with values")
}

fn mismatch<T: std::fmt::Debug>(result: Result<T, DynAnyError>) -> bool {
    matches!(result, Err(DynAnyError::TypeMismatch { .. }))
}

fn invalid<T: std::fmt::Debug>(result: Result<T, DynAnyError>) -> bool {
    matches!(result, Err(DynAnyError::InvalidValue(_)))
}

#[test]
fn defaults_are_those_of_the_standard() {
    for (code, shown) in [
        (TypeCode::LONG, "dyn any(long: 0)"),
        (TypeCode::BOOLEAN, "dyn any(boolean: false)"),
        (TypeCode::string(4), "dyn any(string<4>: \"\")"),
        (TypeCode::WSTRING, "dyn any(wstring: \"\")"),
        (TypeCode::fixed(4, 2), "dyn any(fixed<4,2>: 0.00)"),
        (TypeCode::LONGDOUBLE, "dyn any(long double: 0.0)"),
        (TypeCode::ANY, "dyn any(any: any(null: ()))"),
        (TypeCode::TYPE_CODE, "dyn any(TypeCode: null)"),
        (sample(), "dyn any(Sample: { t: 0, unit: CELSIUS, values: [] })"),
        (choice(), "dyn any(Choice: case 1: \"\")"),
        (closed(), "dyn any(Closed: case 1: 0.0)"),
        (TypeCode::array(TypeCode::SHORT, 2), "dyn any(short[2]: [0, 0])"),
        (
            TypeCode::exception("IDL:E:1.0", "E", [("x", TypeCode::LONG)]),
            "dyn any(E: { x: 0 })",
        ),
        (TypeCode::NULL, "dyn any()"),
    ] {
        assert_eq!(format!("{:?}", new(&code)), shown);
    }
    assert_eq!(new(&TypeCode::object()).get::<Option<ObjectRef>>(), Ok(None));
    assert_eq!(new(&Animal::type_code()).get::<Option<Arc<Animal>>>(), Ok(None));
    assert_eq!(new(&Numbers::type_code()).is_null(), Ok(true));
}

#[test]
fn types_without_values_are_refused() {
    for code in [
        TypeCode::native("IDL:N:1.0", "N"),
        TypeCode::local_interface("IDL:L:1.0", "L"),
        TypeCode::recursive("IDL:R:1.0"),
    ] {
        assert!(
            matches!(DynAny::of_type(&code), Err(DynAnyError::InconsistentTypeCode(_))),
            "{code:?}"
        );
    }
    let endless = TypeCode::structure("IDL:S:1.0", "S", [("own", TypeCode::recursive("IDL:S:1.0"))]);
    assert!(DynAny::of_type(&endless).is_err());
    assert!(DynAny::of_type(&TypeCode::array(TypeCode::LONG, u32::MAX)).is_err());
}

#[test]
fn basic_values_are_inserted_and_read() {
    let mut long = new(&TypeCode::LONG);
    long.insert(-5i32).expect("a long");
    assert_eq!(long.get::<i32>(), Ok(-5));
    assert!(mismatch(long.insert("text".to_owned())) && mismatch(long.get::<i16>()));
    let mut wide = new(&TypeCode::WCHAR);
    wide.insert(WideChar('€')).expect("a wchar");
    assert_eq!(wide.get::<WideChar>(), Ok(WideChar('€')));
    let mut text = new(&TypeCode::wstring(3));
    assert!(text.insert(WideString("four".into())).is_err(), "over its bound");
    text.insert(WideString("abc".into())).expect("within its bound");
    let mut any = new(&TypeCode::ANY);
    any.insert_any(&Any::from(1i16)).expect("an any");
    assert_eq!(any.get_any().and_then(|inner| Ok(inner.get::<i16>()?)), Ok(1));
}

#[test]
fn a_struct_is_gone_through_member_by_member() {
    let mut sample = new(&sample());
    assert_eq!(sample.component_count(), Ok(3));
    assert_eq!(
        (sample.current_member_name(), sample.current_member_kind()),
        (Some("t".into()), Some(TypeCodeKind::LongLong))
    );
    sample.insert(9i64).expect("the current component");
    assert!(sample.next());
    sample
        .current_component()
        .expect("components")
        .expect("a current one")
        .set_enumerator("KELVIN")
        .expect("one of two");
    assert!(sample.next());
    sample.insert(vec![1.5f64, 2.5]).expect("a sequence of doubles");
    assert!(!sample.next() && sample.position().is_none());
    assert!(invalid(sample.insert(9i64)));
    assert!(sample.rewind() && sample.seek(2) && !sample.seek(3));
    assert_eq!(
        format!("{sample:?}"),
        "dyn any(Sample: { t: 9, unit: KELVIN, values: [1.5, 2.5] })"
    );
    assert_eq!(sample.member("t").and_then(DynAny::get::<i64>), Ok(9));
    assert!(invalid(sample.member("none")));
}

#[test]
fn all_members_are_set_at_once_or_not_at_all() {
    let mut dynamic = new(&sample());
    let mut members = dynamic.members().expect("three");
    assert_eq!(
        members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["t", "unit", "values"]
    );
    members[0].1 = Any::from(4i64);
    dynamic.set_members(&members).expect("all fit");
    members[0].1 = Any::from(5i64);
    members[2].1 = Any::from("no sequence");
    assert!(mismatch(dynamic.set_members(&members)));
    assert_eq!(
        dynamic.member("t").and_then(DynAny::get::<i64>),
        Ok(4),
        "unchanged"
    );
    assert!(invalid(dynamic.set_members(&members[..1])));
    members[0].0 = "wrong".into();
    assert!(mismatch(dynamic.set_members(&members)));
    assert!(mismatch(new(&TypeCode::LONG).members()));
}

#[test]
fn a_union_changes_its_member_with_its_discriminator() {
    let mut union = new(&choice());
    assert_eq!(union.active_name(), Ok("name".into()));
    union
        .active()
        .expect("active")
        .insert("x".to_owned())
        .expect("a string");
    union.set_discriminator(&Any::from(1i32)).expect("the same");
    assert_eq!(
        union.active().and_then(DynAny::get::<String>),
        Ok("x".into()),
        "kept"
    );
    union.set_discriminator(&Any::from(2i32)).expect("another");
    assert_eq!(
        (union.active_name(), union.position()),
        (Ok("number".into()), Some(1))
    );
    assert_eq!(union.active().and_then(DynAny::get::<i32>), Ok(0));
    union.set_to_default_member().expect("it has one");
    assert_eq!(
        (union.active_name(), union.position()),
        (Ok("other".into()), Some(0))
    );
    assert_eq!(union.discriminator().map(|any| any.get::<i32>()), Ok(Ok(0)));
    assert_eq!(union.discriminator_kind(), Ok(TypeCodeKind::Long));
    assert_eq!(union.has_no_active_member(), Ok(false));
    assert!(mismatch(union.set_to_no_active_member()));
    assert!(mismatch(union.set_discriminator(&Any::from("x"))));
    assert!(mismatch(new(&TypeCode::LONG).discriminator()));
}

#[test]
fn a_union_may_have_no_active_member() {
    let mut union = new(&closed());
    assert_eq!(union.component_count(), Ok(2));
    union.set_to_no_active_member().expect("CELSIUS has none");
    assert_eq!(
        (union.component_count(), union.has_no_active_member()),
        (Ok(1), Ok(true))
    );
    assert!(
        invalid(union.active()) && invalid(union.active_name()) && mismatch(union.set_to_default_member())
    );
    let copy = DynAny::from_any(&union.to_any().expect("legal")).expect("legal");
    assert_eq!(copy, union);
}

#[test]
fn a_union_whose_discriminator_was_changed_alone_is_refused() {
    let mut union = new(&choice());
    union
        .component(0)
        .expect("the discriminator")
        .insert(2i32)
        .expect("a long");
    assert!(invalid(union.to_any()));
}

#[test]
fn a_sequence_grows_with_defaults_up_to_its_bound() {
    let mut list = new(&TypeCode::sequence(TypeCode::SHORT, 3));
    assert_eq!((list.length(), list.position()), (Ok(0), None));
    list.set_length(2).expect("within its bound");
    assert_eq!(list.position(), Some(0));
    list.component(1).expect("two").insert(7i16).expect("a short");
    assert_eq!(list.get::<Vec<i16>>(), Ok(vec![0, 7]));
    assert!(invalid(list.set_length(4)));
    list.set_elements(&[Any::from(1i16), Any::from(2i16), Any::from(3i16)])
        .expect("three");
    assert!(mismatch(list.set_elements(&[Any::from("x")])));
    assert_eq!(list.elements().map(|all| all.len()), Ok(3), "unchanged");
    list.seek(2);
    list.set_length(1).expect("shorter");
    assert_eq!(list.position(), None);
    assert_eq!(list.get::<Vec<i16>>(), Ok(vec![1]));
    assert!(mismatch(new(&TypeCode::LONG).set_length(1)));
}

#[test]
fn an_array_keeps_its_length() {
    let mut array = new(&TypeCode::array(TypeCode::SHORT, 2));
    array
        .set_elements(&[Any::from(1i16), Any::from(2i16)])
        .expect("two");
    assert!(invalid(array.set_elements(&[Any::from(1i16)])));
    assert!(mismatch(array.set_length(1)));
    assert_eq!(array.get::<[i16; 2]>(), Ok([1, 2]));
}

#[test]
fn enumerators_go_by_name_and_position() {
    let mut unit = new(&unit());
    assert_eq!(
        (unit.enumerator(), unit.enum_value()),
        (Ok("CELSIUS".into()), Ok(0))
    );
    unit.set_enum_value(1).expect("one of two");
    assert_eq!(unit.enumerator(), Ok("KELVIN".into()));
    assert!(invalid(unit.set_enum_value(2)) && invalid(unit.set_enumerator("RANKINE")));
    assert!(mismatch(new(&TypeCode::ULONG).set_enum_value(0)));
}

#[test]
fn fixed_numbers_tell_whether_they_were_cut() {
    let mut fixed = new(&TypeCode::fixed(4, 2));
    let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
    assert_eq!(fixed.set_fixed(decimal("12.34")), Ok(true));
    assert_eq!(fixed.fixed(), Ok(decimal("12.34")));
    assert_eq!(fixed.set_fixed(decimal("-1.239")), Ok(false));
    assert_eq!(fixed.fixed(), Ok(decimal("-1.23")));
    assert!(invalid(fixed.set_fixed(decimal("123"))));
    assert!(mismatch(new(&TypeCode::LONG).fixed()));
}

#[test]
fn assignment_and_equality_go_by_type_and_value() {
    let alias = TypeCode::alias("IDL:A:1.0", "A", TypeCode::LONG);
    let (mut left, mut right) = (new(&TypeCode::LONG), new(&alias));
    right.insert(3i32).expect("a long");
    assert_ne!(left, right);
    left.assign(&right).expect("equivalent");
    assert_eq!(left, right);
    assert_eq!(left.type_code(), &TypeCode::LONG);
    assert!(mismatch(left.assign(&new(&TypeCode::SHORT))));
}

#[test]
fn a_copy_is_a_value_of_its_own() {
    let mut original = new(&sample());
    let mut copy = original.clone();
    copy.insert(1i64).expect("the first member");
    assert_eq!(original.get::<i64>(), Ok(0));
}

#[test]
fn a_value_shows_the_members_of_what_it_is() {
    let any = Any::from(Some(dog("rex", Some(animal("tom")))));
    let mut value = DynAny::from_any(&any).expect("a value");
    assert_eq!(value.is_null(), Ok(false));
    let names: Vec<String> = value
        .members()
        .expect("three")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["name", "age", "friend"]);
    value
        .member("age")
        .expect("a member")
        .insert(9i32)
        .expect("a long");
    let changed = value
        .to_any()
        .and_then(|any| Ok(any.get::<Option<Arc<Dog>>>()?))
        .expect("a dog")
        .expect("not null");
    assert_eq!((changed.name.as_str(), changed.age), ("rex", 9));
    assert_eq!(changed.friend, Some(animal("tom")));
}

#[test]
fn a_value_becomes_null_and_back() {
    let mut value = new(&Pair::type_code());
    value.set_to_value().expect("described");
    assert_eq!(
        value.to_any().and_then(|any| Ok(any.get::<Option<Arc<Pair>>>()?)),
        Ok(Some(Arc::new(Pair::default())))
    );
    value.set_to_null().expect("a value");
    assert_eq!(value.get::<Option<Arc<Pair>>>(), Ok(None));
    assert!(mismatch(new(&TypeCode::LONG).is_null()) && mismatch(new(&Secret::type_code()).set_to_value()));
    let members = [
        (String::from("left"), Any::from(None::<Arc<Animal>>)),
        (String::new(), Any::from(Some(animal("r")))),
    ];
    value.set_members(&members).expect("two");
    let pair = value
        .get::<Option<Arc<Pair>>>()
        .expect("a pair")
        .expect("not null");
    assert_eq!(pair.right, Some(animal("r")));
}

#[test]
fn a_box_has_its_content() {
    let mut boxed = DynAny::from_any(&Any::from(Some(Arc::new(Numbers(vec![1]))))).expect("a box");
    boxed
        .boxed_value()
        .expect("not null")
        .set_elements(&[Any::from(2i32), Any::from(3i32)])
        .expect("longs");
    assert_eq!(
        boxed.get::<Option<Arc<Numbers>>>(),
        Ok(Some(Arc::new(Numbers(vec![2, 3]))))
    );
    assert!(mismatch(new(&Pair::type_code()).boxed_value()));
    let mut null = new(&Numbers::type_code());
    assert!(invalid(null.boxed_value()));
    null.set_to_value().expect("described");
    assert_eq!(null.boxed_value().and_then(DynAny::get::<Vec<i32>>), Ok(vec![]));
}

#[test]
fn a_cyclic_value_is_taken_apart_without_end_or_harm() {
    let own = Arc::new(Link {
        id: 4,
        ..Link::default()
    });
    own.next.set_weak(&own);
    let mut value = DynAny::from_any(&Any::from(Some(Arc::clone(&own)))).expect("a value");
    let mut current = &mut value;
    for _ in 0..5 {
        assert_eq!(current.member("id").and_then(DynAny::get::<i32>), Ok(4));
        current = current.member("next").expect("itself again");
    }
    let copy = value
        .to_any()
        .and_then(|any| Ok(any.get::<Option<Arc<Link>>>()?))
        .expect("a link");
    assert_eq!(copy.map(|link| link.id), Some(4));
}

#[test]
fn what_omniorb_wrote_is_taken_apart_and_put_together() {
    use crate::cdr::{Decoder, Endian, Unmarshal, Version};
    for line in include_str!("../../testdata/omniorb_any.txt")
        .lines()
        .filter(|line| line.starts_with("little"))
    {
        let hex = line.rsplit(' ').next().expect("octets").as_bytes();
        let octet =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
        let octets: Vec<u8> = hex.chunks(2).map(octet).collect();
        let mut decoder = Decoder::new(
            &octets,
            Endian::Little,
            Version::V1_2,
            crate::codeset::CodeSets::NATIVE,
        );
        let any = Any::unmarshal(&mut decoder).expect("recorded");
        let mut dynamic = DynAny::from_any(&any).expect("it has a value");
        take_apart(&mut dynamic, 4);
        let again = dynamic.to_any().expect("unchanged");
        if !line.contains("value_") {
            assert_eq!(again, any, "{line}");
        }
    }
}

fn take_apart(dynamic: &mut DynAny, depth: u8) {
    if depth > 0 && dynamic.has_components() {
        dynamic
            .components()
            .expect("legal")
            .iter_mut()
            .for_each(|part| take_apart(part, depth - 1));
    }
}
