// SPDX-License-Identifier: MIT OR Apache-2.0

mod hostile;
mod wire;

use std::collections::HashSet;

use super::{TypeCode, TypeCodeCell, TypeCodeKind, Typed, ValueModifier};

struct Tree;

impl Typed for Tree {
    fn type_code() -> TypeCode {
        static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Tree:1.0");
        CELL.get(|| {
            let children = TypeCode::sequence(Tree::type_code(), 0);
            TypeCode::structure(
                "IDL:Tree:1.0",
                "Tree",
                [("value", TypeCode::LONG), ("children", children)],
            )
        })
    }
}

/// Two types that contain each other.
struct Even;
struct Odd;

impl Typed for Even {
    fn type_code() -> TypeCode {
        static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Even:1.0");
        CELL.get(|| {
            let odd = TypeCode::sequence(Odd::type_code(), 1);
            TypeCode::structure("IDL:Even:1.0", "Even", [("odd", odd.clone()), ("again", odd)])
        })
    }
}

impl Typed for Odd {
    fn type_code() -> TypeCode {
        static CELL: TypeCodeCell = TypeCodeCell::new("IDL:Odd:1.0");
        CELL.get(|| {
            let even = TypeCode::sequence(Even::type_code(), 1);
            TypeCode::structure("IDL:Odd:1.0", "Odd", [("even", even), ("name", TypeCode::STRING)])
        })
    }
}

fn unit() -> TypeCode {
    TypeCode::enumeration("IDL:Unit:1.0", "Unit", ["CELSIUS", "KELVIN"])
}

fn choice() -> TypeCode {
    let cases = [
        (Some(0), "name", TypeCode::STRING),
        (Some(1), "number", TypeCode::LONG),
        (None, "other", TypeCode::ANY),
    ];
    TypeCode::union("IDL:Choice:1.0", "Choice", unit(), cases)
}

fn base() -> TypeCode {
    TypeCode::value(
        "IDL:Base:1.0",
        "Base",
        ValueModifier::None,
        None,
        [("name", TypeCode::STRING, true)],
    )
}

fn derived() -> TypeCode {
    let members = [
        ("secret", TypeCode::LONG, false),
        ("own", TypeCode::recursive("IDL:Derived:1.0"), true),
    ];
    TypeCode::value(
        "IDL:Derived:1.0",
        "Derived",
        ValueModifier::Truncatable,
        Some(base()),
        members,
    )
}

/// One of every shape.
fn all() -> Vec<TypeCode> {
    let mut all = vec![
        TypeCode::string(9),
        TypeCode::wstring(9),
        TypeCode::fixed(9, -2),
        TypeCode::sequence(TypeCode::OCTET, 0),
        TypeCode::sequence(TypeCode::string(4), 7),
        TypeCode::array(TypeCode::array(TypeCode::LONG, 2), 3),
        TypeCode::alias("IDL:Alias:1.0", "Alias", TypeCode::LONG),
        TypeCode::value_box("IDL:Box:1.0", "Box", TypeCode::STRING),
        TypeCode::interface("IDL:Thing:1.0", "Thing"),
        TypeCode::object(),
        TypeCode::value_base(),
        TypeCode::abstract_interface("IDL:Abs:1.0", "Abs"),
        TypeCode::local_interface("IDL:Loc:1.0", "Loc"),
        TypeCode::native("IDL:Nat:1.0", "Nat"),
        TypeCode::component("IDL:Com:1.0", "Com"),
        TypeCode::home("IDL:Hom:1.0", "Hom"),
        TypeCode::exception("IDL:Bad:1.0", "Bad", [("why", TypeCode::STRING)]),
        TypeCode::event(
            "IDL:Eve:1.0",
            "Eve",
            ValueModifier::Custom,
            None,
            [("x", TypeCode::LONG, true)],
        ),
        unit(),
        choice(),
        base(),
        derived(),
        Tree::type_code(),
        Even::type_code(),
        Odd::type_code(),
    ];
    let labels = [
        (TypeCode::BOOLEAN, 1),
        (TypeCode::CHAR, 97),
        (TypeCode::WCHAR, 0x20ac),
        (TypeCode::OCTET, 255),
        (TypeCode::SHORT, -1),
        (TypeCode::USHORT, 0xffff),
        (TypeCode::LONG, -1),
        (TypeCode::ULONG, 0xffff_ffff),
        (TypeCode::LONGLONG, i64::MIN),
        (TypeCode::ULONGLONG, -1),
        (TypeCode::alias("IDL:D:1.0", "D", TypeCode::SHORT), 5),
    ];
    all.extend(
        labels.map(|(kind, label)| {
            TypeCode::union("IDL:U:1.0", "U", kind, [(Some(label), "a", TypeCode::LONG)])
        }),
    );
    let simple = TypeCodeKind::ALL
        .into_iter()
        .filter(|kind| kind.number() <= 13 || (23..28).contains(&kind.number()));
    all.extend(simple.map(TypeCode::simple));
    all
}

#[test]
fn kinds_have_the_numbers_of_the_standard() {
    for (number, kind) in (0..).zip(TypeCodeKind::ALL) {
        assert_eq!(
            (kind.number(), TypeCodeKind::from_number(number)),
            (number, Some(kind))
        );
    }
    assert_eq!(TypeCodeKind::from_number(37), None);
    assert_eq!(TypeCodeKind::Event.number(), 36);
}

#[test]
fn all_shapes_together_have_every_kind() {
    let kinds: HashSet<_> = all().iter().map(TypeCode::kind).collect();
    assert_eq!(kinds.len(), 37);
}

#[test]
fn parameters_are_found_where_they_belong() {
    let choice = choice();
    assert_eq!(
        (choice.id(), choice.name()),
        (Some("IDL:Choice:1.0"), Some("Choice"))
    );
    assert_eq!((choice.member_count(), choice.default_index()), (3, Some(2)));
    assert_eq!(
        [0, 1, 2, 3].map(|index| choice.member_label(index)),
        [Some(0), Some(1), None, None]
    );
    assert_eq!(choice.member_name(1), Some("number"));
    assert_eq!(choice.member_type(1), Some(TypeCode::LONG));
    assert_eq!(choice.discriminator_type(), Some(unit()));
    assert_eq!(unit().member_name(1), Some("KELVIN"));
    let derived = derived();
    assert_eq!(derived.concrete_base_type(), Some(base()));
    assert_eq!(derived.type_modifier(), Some(ValueModifier::Truncatable));
    assert_eq!(
        [0, 1].map(|index| derived.member_is_public(index)),
        [Some(false), Some(true)]
    );
    assert_eq!(
        (
            TypeCode::fixed(9, -2).fixed_digits(),
            TypeCode::fixed(9, -2).fixed_scale()
        ),
        (Some(9), Some(-2))
    );
    assert_eq!(
        (TypeCode::string(4).length(), TypeCode::STRING.length()),
        (Some(4), Some(0))
    );
    assert_eq!(TypeCode::array(TypeCode::LONG, 3).length(), Some(3));
    assert_eq!(TypeCode::LONG.length(), None);
    assert_eq!(
        (
            TypeCode::LONG.id(),
            TypeCode::LONG.member_type(0),
            TypeCode::LONG.content_type()
        ),
        (None, None, None)
    );
}

#[test]
fn a_recursive_type_contains_itself() {
    let tree = Tree::type_code();
    assert!(tree.is_complete());
    let children = tree.member_type(1).expect("two members");
    assert_eq!(children.content_type(), Some(tree.clone()));
    let deeper = children
        .content_type()
        .and_then(|tree| tree.member_type(1))
        .and_then(|list| list.content_type());
    assert_eq!(deeper, Some(tree));
    assert_eq!(derived().member_type(1), Some(derived()));
}

#[test]
fn types_that_contain_each_other_are_complete_from_either_side() {
    let (even, odd) = (Even::type_code(), Odd::type_code());
    assert!(even.is_complete() && odd.is_complete());
    assert_eq!(
        even.member_type(0).and_then(|list| list.content_type()),
        Some(odd.clone())
    );
    assert_eq!(
        odd.member_type(0).and_then(|list| list.content_type()),
        Some(even.clone())
    );
    assert_ne!(even, odd);
}

#[test]
fn a_part_of_a_recursive_type_outlives_it() {
    let part = {
        let inner = TypeCode::structure(
            "IDL:I:1.0",
            "I",
            [("up", TypeCode::sequence(TypeCode::recursive("IDL:O:1.0"), 0))],
        );
        assert!(!inner.is_complete());
        let outer = TypeCode::structure("IDL:O:1.0", "O", [("inner", inner)]);
        assert!(outer.is_complete());
        outer.member_type(0).expect("one member")
    };
    let outer = part
        .member_type(0)
        .and_then(|list| list.content_type())
        .expect("the outer one");
    assert_eq!(outer.name(), Some("O"));
    assert_eq!(outer.member_type(0), Some(part));
}

#[test]
fn equal_is_only_the_same_description() {
    for (index, left) in all().iter().enumerate() {
        for (other, right) in all().iter().enumerate() {
            assert_eq!(left == right, index == other, "{left:?} and {right:?}");
        }
    }
    let renamed = TypeCode::structure("IDL:Tree:1.0", "Tree", [("v", TypeCode::LONG)]);
    assert_ne!(renamed, Tree::type_code());
}

#[test]
fn equivalence_goes_by_ids_and_looks_through_aliases() {
    let alias = |content| TypeCode::alias("IDL:A:1.0", "A", content);
    assert!(alias(alias(TypeCode::LONG)).equivalent(&TypeCode::LONG));
    assert!(!alias(TypeCode::LONG).equivalent(&TypeCode::SHORT));
    let other_names = TypeCode::structure("IDL:Tree:1.0", "T", [("v", TypeCode::LONG)]);
    assert!(other_names.equivalent(&Tree::type_code()), "the id decides");
    let nameless = |member| TypeCode::structure("", "", [("a", member)]);
    assert!(nameless(TypeCode::LONG).equivalent(&nameless(alias(TypeCode::LONG))));
    assert!(!nameless(TypeCode::LONG).equivalent(&nameless(TypeCode::STRING)));
    assert!(!TypeCode::string(4).equivalent(&TypeCode::STRING));
    assert!(!TypeCode::sequence(TypeCode::LONG, 1).equivalent(&TypeCode::sequence(TypeCode::LONG, 2)));
}

#[test]
fn narrower_bounds_can_be_read_as_wider_ones_only() {
    assert!(TypeCode::string(4).readable_as(&TypeCode::STRING));
    assert!(TypeCode::string(4).readable_as(&TypeCode::string(5)));
    assert!(!TypeCode::STRING.readable_as(&TypeCode::string(5)));
    let list = |bound| TypeCode::sequence(TypeCode::string(3), bound);
    assert!(list(2).readable_as(&TypeCode::sequence(TypeCode::STRING, 0)));
    assert!(!TypeCode::wstring(4).readable_as(&TypeCode::STRING));
}

#[test]
fn compact_types_have_no_names_but_ids() {
    for full in all() {
        let compact = full.compact();
        assert!(compact.equivalent(&full), "{full:?}");
        assert_eq!(compact.id(), full.id());
        assert!(compact.name().unwrap_or_default().is_empty());
        assert!((0..compact.member_count()).all(|index| compact.member_name(index) == Some("")));
        assert_eq!(compact.compact(), compact);
    }
    let inner = Even::type_code()
        .compact()
        .member_type(0)
        .and_then(|list| list.content_type());
    assert_eq!(inner.as_ref().and_then(TypeCode::name), Some(""));
}

#[test]
fn types_are_shown_as_idl() {
    for (code, shown) in [
        (TypeCode::ULONGLONG, "unsigned long long"),
        (
            TypeCode::sequence(TypeCode::sequence(TypeCode::string(4), 0), 3),
            "sequence<sequence<string<4>>,3>",
        ),
        (
            TypeCode::array(TypeCode::array(TypeCode::LONG, 3), 2),
            "long[2][3]",
        ),
        (Tree::type_code(), "Tree"),
    ] {
        assert_eq!(code.to_string(), shown);
    }
    for (code, shown) in [
        (unit(), "enum Unit { CELSIUS, KELVIN }"),
        (
            choice(),
            "union Choice switch(Unit) { case 0: string name; case 1: long number; default: any other }",
        ),
        (derived(), "valuetype Derived: Base { long secret; Derived own }"),
        (
            TypeCode::alias("IDL:A:1.0", "", TypeCode::LONG),
            "typedef IDL:A:1.0 = long",
        ),
        (TypeCode::interface("IDL:I:1.0", "I"), "interface I"),
    ] {
        assert_eq!(format!("{code:?}"), shown);
    }
}

#[test]
fn types_made_by_several_threads_at_once_are_complete() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(Odd::type_code().is_complete() && Tree::type_code().is_complete()));
        }
    });
}
