// SPDX-License-Identifier: MIT OR Apache-2.0

use std::collections::BTreeMap;
use std::fmt::Debug;

use upcall::{
    Any, AnyValue, Bytes, CdrError, Context, Decoder, Encoder, Fixed, LongDouble, ObjectRef, SystemException,
    SystemExceptionKind,
};
use upcall_tests::loopback::{Wire, call, collocated};

use crate::generated::everything::*;
use crate::generated::everything::{__each as op, __target};

/// Gives back `a` as result and in `b`, and what was in `b` as `c`.
struct Echo;

type Three<T> = (T, T, T);

fn three<T: Clone, U>(a: T, b: U) -> Three<T>
where
    U: Into<T>,
{
    (a.clone(), a, b.into())
}

macro_rules! echo {
    ($($name:ident: $given:ty => $owned:ty;)*) => {$(
        fn $name(&self, _: &Context, a: $given, b: $given) -> upcall::Result<Three<$owned>> {
            Ok(three(a.to_owned().into(), b.to_owned()))
        }
    )*};
}

impl Each for Echo {
    fn echo_members(
        &self,
        _: &Context,
        a: Members,
        b: Members,
    ) -> Result<Three<Members>, EachEchoMembersError> {
        match a.c {
            1 => Err(Nothing {}.into()),
            2 => Err(Everywhere { what: b }.into()),
            _ => Ok(three(a, b)),
        }
    }

    echo! {
        echo_places: Places => Places;
        echo_by_number: ByNumber => ByNumber;
        echo_flags: Flags => Flags;
        echo_packed: Packed => Packed;
        echo_bounded: &str => String;
        echo_wide_bounded: &str => String;
        echo_pair: &[f64] => Vec<f64>;
        echo_ragged: Ragged => Ragged;
        echo_grid: WideGrid => WideGrid;
        echo_digest: Digest => Digest;
        echo_booleans: &[bool] => Vec<bool>;
        echo_letters: &[char] => Vec<char>;
        echo_tinted: Tinted => Tinted;
        echo_anything: Any => Any;
        echo_object: Option<ObjectRef> => Option<ObjectRef>;
        echo_target: Option<TargetRef> => Option<TargetRef>;
        echo_targets: Vec<Option<TargetRef>> => Vec<Option<TargetRef>>;
        echo_precise: LongDouble => LongDouble;
        echo_amount: Amount => Amount;
        echo_tiny: i8 => i8;
    }

    fn echo_blob(&self, _: &Context, a: &[u8], b: &[u8]) -> upcall::Result<Three<Bytes>> {
        Ok(three(Bytes::copy_from_slice(a), Bytes::copy_from_slice(b)))
    }
    fn in_context(&self, _: &Context, a: i32, context: Vec<(String, String)>) -> upcall::Result<String> {
        Ok(format!("{a} {context:?}"))
    }
    fn tree(&self, _: &Context) -> Result<Tree, EachTreeError> {
        Err(Nothing {}.into())
    }
    fn set_tree(&self, _: &Context, value: Tree) -> Result<(), EachSetTreeError> {
        if value.children.is_empty() {
            Err(Nothing {}.into())
        } else {
            Ok(())
        }
    }
    fn note(&self, _: &Context, _: &str, _: &[u8], _: &[i32], _: Vec<String>) {}
}

fn servant() -> EachSkeleton<Echo> {
    EachSkeleton::new(Echo)
}

fn tree() -> Tree {
    let leaf = |value| Tree {
        value,
        children: vec![],
    };
    Tree {
        value: 1,
        children: vec![
            leaf(2),
            Tree {
                value: 3,
                children: vec![leaf(4)],
            },
        ],
    }
}

/// A value of every member that is not its default.
fn sample() -> Members {
    let point = Point { x: 1, y: -2 };
    Members {
        a: -1,
        c: 70_000,
        f: u64::MAX,
        h: 0.1,
        i: LongDouble::from(1.5),
        j: 'z',
        k: '€',
        l: true,
        n: "narrow".into(),
        o: "wide €𝄞".into(),
        p: "1234".into(),
        q: "€€€€".into(),
        r: Fixed::from_mantissa(-1_234_567).unwrap(),
        s: Color::Blue,
        t: Solid {
            x: 1,
            y: 2,
            depth: 3.0,
            tint: Color::Green,
        },
        u: Plain::Text("text".into()),
        v: Any::from(point.clone()),
        x: BTreeMap::from([("b".into(), point.clone()), ("a".into(), Point::default())]),
        y: vec![(2.5, Bytes::from_static(b"two")), (0.0, Bytes::new())],
        z: -128,
        dd: Flags::READ | Flags::EXECUTE,
        ee: Packed {
            low: 7,
            on: true,
            signed_part: -512,
        },
        ff: Bytes::from_static(&[1, 2, 3, 4]),
        gg: vec![0.5, 0.25],
        hh: vec![vec!["abc".into(), "é".into()], vec![]],
        ii: [['a', 'b', 'c'], ['€', 'é', 'z']],
        jj: std::array::from_fn(|at| u8::try_from(at).unwrap()),
        kk: [0.5; 100],
        ll: Several::Late('c', point.clone()),
        mm: Covered::No(vec!["x".into()]),
        nn: Tinted::Other(Color::Green, Any::from(7i32)),
        oo: Signed::Most([9; 32]),
        pp: Wide::Default('€'),
        qq: ByOctet::Other(3, 9),
        rr: tree(),
        ss: Left {
            rights: vec![Right {
                lefts: vec![Left::default()],
                name: "r".into(),
            }],
        },
        uu: vec![true, false],
        vv: vec!['a'],
        ww: vec!['€'],
        xx: vec![LongDouble::from(-0.25)],
        yy: vec![Fixed::from_mantissa(1).unwrap()],
        zz: vec![None],
        aaa: vec![Any::default(), Any::from("any".to_owned())],
        bbb: ["x".into(), "y".into()],
        ccc: [[point.clone(), point.clone()], [Point::default(), point]],
        ..Members::default()
    }
}

#[test]
fn every_type_goes_through_as_argument_result_and_member() {
    let (skeleton, sample, other) = (servant(), sample(), Members::default());
    let expected = (sample.clone(), sample.clone(), other.clone());
    for wire in Wire::ALL {
        assert_eq!(
            call::<op::EchoMembers>(&skeleton, wire, &(&sample, &other)).as_ref(),
            Ok(&expected),
            "{wire:?}"
        );
    }
    assert_eq!(
        collocated::<op::EchoMembers>(&skeleton, &(&sample, &other)),
        Ok(expected)
    );
}

#[test]
fn exceptions_carry_every_type() {
    let (skeleton, sample) = (servant(), sample());
    let nothing = Members {
        c: 1,
        ..Members::default()
    };
    let everywhere = Members {
        c: 2,
        ..Members::default()
    };
    for wire in Wire::ALL {
        let error = call::<op::EchoMembers>(&skeleton, wire, &(&nothing, &sample)).unwrap_err();
        assert_eq!(error, EachEchoMembersError::Nothing(Nothing {}));
        let error = call::<op::EchoMembers>(&skeleton, wire, &(&everywhere, &sample)).unwrap_err();
        assert_eq!(error, Everywhere { what: sample.clone() }.into());
    }
}

#[test]
fn anonymous_and_extended_types_go_through() {
    let skeleton = servant();
    let sample = sample();
    for wire in Wire::ALL {
        assert_eq!(
            call::<op::EchoPlaces>(&skeleton, wire, &(&sample.x, &Places::new())),
            Ok(three(sample.x.clone(), Places::new()))
        );
        assert_eq!(
            call::<op::EchoByNumber>(&skeleton, wire, &(&sample.y, &vec![])),
            Ok(three(sample.y.clone(), vec![]))
        );
        assert_eq!(
            call::<op::EchoFlags>(&skeleton, wire, &(sample.dd, !Flags::READ)),
            Ok(three(sample.dd, !Flags::READ))
        );
        let packed = (&sample.ee, &Packed::default());
        assert_eq!(
            call::<op::EchoPacked>(&skeleton, wire, &packed),
            Ok(three(sample.ee, Packed::default()))
        );
        assert_eq!(
            call::<op::EchoWideBounded>(&skeleton, wire, &("€uro", "")),
            Ok(three("€uro".into(), ""))
        );
        assert_eq!(
            call::<op::EchoBlob>(&skeleton, wire, &(b"blob", b"")),
            Ok(three("blob".into(), Bytes::new()))
        );
        assert_eq!(
            call::<op::EchoPair>(&skeleton, wire, &(&[1.5], &[])),
            Ok(three(vec![1.5], vec![]))
        );
        assert_eq!(
            call::<op::EchoRagged>(&skeleton, wire, &(&sample.hh, &[])),
            Ok(three(sample.hh.clone(), vec![]))
        );
        assert_eq!(
            call::<op::EchoLetters>(&skeleton, wire, &(&['€'], &[])),
            Ok(three(vec!['€'], vec![]))
        );
        assert_eq!(
            call::<op::EchoBooleans>(&skeleton, wire, &(&[true], &[])),
            Ok(three(vec![true], vec![]))
        );
        assert_eq!(
            call::<op::EchoObject>(&skeleton, wire, &(None, None)),
            Ok((None, None, None))
        );
        assert_eq!(
            call::<op::EchoTargets>(&skeleton, wire, &(&[None], &[])),
            Ok(three(vec![None], vec![]))
        );
        assert_eq!(call::<op::EchoTiny>(&skeleton, wire, &(-7, 7)), Ok(three(-7, 7)));
    }
}

#[test]
fn over_a_bound_nothing_is_sent() {
    let skeleton = servant();
    let refused = |error: SystemException| assert_eq!(error.kind(), SystemExceptionKind::BadParam, "{error}");
    refused(call::<op::EchoBounded>(&skeleton, Wire::ALL[0], &("12345", "")).unwrap_err());
    refused(call::<op::EchoBounded>(&skeleton, Wire::ALL[0], &("1\0", "")).unwrap_err());
    refused(call::<op::EchoWideBounded>(&skeleton, Wire::ALL[0], &("12345", "")).unwrap_err());
    refused(call::<op::EchoBlob>(&skeleton, Wire::ALL[0], &(b"12345", b"")).unwrap_err());
    refused(call::<op::EchoPair>(&skeleton, Wire::ALL[0], &(&[1.0; 3], &[])).unwrap_err());
    refused(call::<op::EchoRagged>(&skeleton, Wire::ALL[0], &(&[vec![], vec![], vec![]], &[])).unwrap_err());
    refused(call::<op::EchoRagged>(&skeleton, Wire::ALL[0], &(&[vec!["1234".into()]], &[])).unwrap_err());
    let many: ByNumber = (0..4u8).map(|n| (n.into(), Bytes::new())).collect();
    refused(call::<op::EchoByNumber>(&skeleton, Wire::ALL[0], &(&many, &many)).unwrap_err());
}

#[test]
fn a_bit_field_that_does_not_fit_is_refused() {
    let wide = Packed {
        low: 8,
        ..Packed::default()
    };
    let refused = call::<op::EchoPacked>(&servant(), Wire::ALL[0], &(&wide, &wide)).unwrap_err();
    assert_eq!(refused.kind(), SystemExceptionKind::BadParam);
}

#[test]
fn attributes_may_raise() {
    let skeleton = servant();
    assert_eq!(
        call::<op::GetTree>(&skeleton, Wire::ALL[0], &()),
        Err(Nothing {}.into())
    );
    assert_eq!(
        call::<op::SetTree>(&skeleton, Wire::ALL[0], &(&Tree::default(),)),
        Err(Nothing {}.into())
    );
    assert_eq!(call::<op::SetTree>(&skeleton, Wire::ALL[1], &(&tree(),)), Ok(()));
}

#[test]
fn a_context_brings_what_matches() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let given = [pair("user", "me"), pair("other", "x"), pair("sys_host", "here")];
    let got = call::<op::InContext>(&servant(), Wire::ALL[1], &(5, &given));
    assert_eq!(got, Ok(r#"5 [("user", "me"), ("sys_host", "here")]"#.to_owned()));
}

/// What the value is after a trip in an Any.
fn through_any<T: AnyValue + Debug + PartialEq + Clone>(value: T) {
    let any = Any::from(value.clone());
    let mut encoder = Encoder::native();
    encoder.any(&any).unwrap();
    let data = encoder.contiguous();
    let got = Decoder::native(&data).any().unwrap();
    assert_eq!(got.get::<T>().unwrap(), value, "{}", T::type_code());
}

#[test]
fn every_named_type_fits_an_any() {
    let sample = sample();
    through_any(sample.s);
    through_any(sample.t.clone());
    through_any(sample.u.clone());
    through_any(sample.dd);
    through_any(sample.ee);
    through_any(sample.ll.clone());
    through_any(sample.mm.clone());
    through_any(sample.nn.clone());
    through_any(sample.oo.clone());
    through_any(sample.qq.clone());
    through_any(sample.rr.clone());
    through_any(sample.ss.clone());
    through_any(Empty {});
    through_any(Nothing {});
    through_any(Everywhere { what: sample });
    through_any(None::<TargetRef>);
}

fn encoded<T: AnyValue>(value: &T) -> Result<Bytes, CdrError> {
    let mut encoder = Encoder::native();
    value.marshal(&mut encoder)?;
    Ok(encoder.contiguous())
}

#[test]
fn a_discriminator_of_another_member_is_refused() {
    assert!(encoded(&Several::Early('a', "x".into())).is_ok());
    assert!(encoded(&Several::Early('c', "x".into())).is_err());
    assert!(encoded(&Several::Late('a', Point::default())).is_err());
    assert!(encoded(&Plain::Default(1)).is_err());
    assert!(encoded(&Plain::Default(7)).is_ok());
    assert!(encoded(&Tinted::Other(Color::Red, Any::default())).is_err());
}

#[test]
fn unions_know_their_discriminator_and_default() {
    assert_eq!(Plain::default(), Plain::Number(0));
    assert_eq!(Several::default(), Several::Early('a', String::new()));
    assert_eq!(Plain::Text(String::new()).discriminator(), 1);
    assert_eq!(
        Tinted::Other(Color::Blue, Any::default()).discriminator(),
        Color::Blue
    );
    assert!(!Covered::No(vec![]).discriminator());
}

#[test]
fn a_type_nested_beyond_reason_is_an_error() {
    let mut data = vec![0; 4];
    for _ in 0..100_000 {
        data.extend_from_slice(&1u32.to_ne_bytes());
        data.extend_from_slice(&0u32.to_ne_bytes());
    }
    let got = <Tree as upcall::rt::Unmarshal>::unmarshal(&mut Decoder::native(&data));
    assert_eq!(got, Err(CdrError::TooDeep));
}

#[test]
fn constants_have_their_values() {
    assert_eq!((SMALLEST, LARGEST), (i32::MIN, u64::MAX));
    assert_eq!((HALF, TENTH, EIGHT, YES), (0.5, 0.1, 8, true));
    assert_eq!(
        (LETTER, WIDE_LETTER, TEXT, WIDE_TEXT),
        ('\n', 'é', "a\tb \"c\"", "été")
    );
    assert_eq!((FAVOURITE, COUNT), (Color::Blue, 40));
    assert_eq!(
        (PRICE.to_string(), DEBT.to_string()),
        ("12.5".into(), "-0.007".into())
    );
    assert_eq!(THIRD, LongDouble::from(0.25));
}

#[test]
fn flags_are_a_set() {
    let both = Flags::READ | Flags::EXECUTE;
    assert_eq!(both.bits(), 0x101);
    assert!(both.contains(Flags::READ) && !both.contains(Flags::WRITE));
    assert_eq!(Flags::from_bits(2), Flags::WRITE);
    assert_eq!(
        (both & Flags::READ, both ^ Flags::READ),
        (Flags::READ, Flags::EXECUTE)
    );
}

#[test]
fn typedefs_have_their_own_type_code() {
    let code = ragged_type_code();
    assert_eq!(
        (code.id(), code.name()),
        (Some("IDL:Everything/Ragged:1.0"), Some("Ragged"))
    );
    assert_eq!(
        code.content_type().and_then(|sequence| sequence.length()),
        Some(2)
    );
    let _ = <__target::GetName as upcall::rt::Operation>::NAME;
}

#[test]
fn a_type_within_itself_cannot_outgrow_the_stack() {
    let mut octets = vec![0; 8 * 100_000];
    for level in octets.chunks_exact_mut(8) {
        level[4..].copy_from_slice(&1_u32.to_ne_bytes());
    }
    let read = <Tree as upcall::rt::Unmarshal>::unmarshal(&mut Decoder::native(&octets));
    assert_eq!(read, Err(CdrError::TooDeep));
}
