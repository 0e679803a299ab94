// SPDX-License-Identifier: MIT OR Apache-2.0

use upcall::Context;
use upcall_tests::loopback::{Wire, call};

use crate::generated::r#type as names;
use crate::generated::r#type::{
    __inner_scope, Elsewhere, ElsewhereSkeleton, InnerScope, InnerScopeAllError, inner_scope, inner_scope_,
};
use crate::generated::{AtFileScope, reopened};

#[test]
fn keywords_are_raw_identifiers() {
    assert_eq!(names::r#impl::Fn { r#match: 1 }.r#match, 1);
    assert_eq!(names::str_::Bool::MAX, i32::MAX);
    assert_eq!(names::rt_::Inside { u8: 2 }.u8, 2);
}

#[test]
fn types_may_be_called_like_those_of_the_prelude() {
    let option = names::Option {
        value: vec![1],
        some: None,
    };
    let r#box = names::Box { inner: option };
    assert_eq!(r#box.clone(), r#box);
    assert_eq!(names::Ok::default(), names::Ok::Err);
    assert_eq!(names::Ok::try_from(2), Ok(names::Ok::Self_));
}

#[test]
fn the_later_of_two_that_meet_has_an_underscore() {
    let (first, second) = (names::FooBar { a: 1 }, names::FooBar_ { b: 2 });
    assert_eq!((first.a, second.b), (1, 2));
    let meeting = names::Meeting {
        max_size: 1,
        max_size_: 2,
    };
    assert_eq!(
        (meeting.max_size, meeting.max_size_),
        (names::MAX_SIZE, names::MAX_SIZE_)
    );
    let _: (names::HttpServer, names::HttpServer_) = (1, 2);
}

#[test]
fn what_the_generator_makes_up_gives_way() {
    let _ = (
        names::ThingRef { a: 1 },
        names::ThingSkeleton { a: 1 },
        names::ThingGoError::Wrong,
    );
    assert_eq!(names::ThingRef_::REPOSITORY_ID, "IDL:type/Thing:1.0");
    let error = names::ThingGoError_::from(names::System { minor: 1 });
    assert!(matches!(error, names::ThingGoError_::System_(_)));
}

struct Inner;

impl InnerScope for Inner {
    fn all(&self, _: &Context, kind: inner_scope_::Kind) -> Result<inner_scope_::Points, InnerScopeAllError> {
        match kind {
            inner_scope_::Kind::One => Ok(vec![inner_scope_::Point {
                x: inner_scope_::LIMIT,
            }]),
            why => Err(inner_scope_::Refused { why }.into()),
        }
    }
}

impl Elsewhere for Inner {
    fn more(
        &self,
        cx: &Context,
        kind: inner_scope_::Kind,
    ) -> Result<inner_scope_::Points, names::ElsewhereMoreError> {
        self.all(cx, kind).map_err(|error| match error {
            InnerScopeAllError::Refused(refused) => refused.into(),
            InnerScopeAllError::System(system) => system.into(),
        })
    }
}

#[test]
fn what_an_interface_defines_is_in_its_module() {
    assert_eq!(inner_scope::A, 1);
    let skeleton = ElsewhereSkeleton::new(Inner);
    let got = call::<__inner_scope::All>(&skeleton, Wire::ALL[0], &(inner_scope_::Kind::One,));
    assert_eq!(got, Ok(vec![inner_scope_::Point { x: 3 }]));
    let refused = call::<names::__elsewhere::More>(&skeleton, Wire::ALL[1], &(inner_scope_::Kind::Two,));
    assert_eq!(
        refused,
        Err(inner_scope_::Refused {
            why: inner_scope_::Kind::Two
        }
        .into())
    );
}

#[test]
fn a_reopened_module_is_one() {
    let first = reopened::A { n: 1 };
    let b = reopened::B {
        first: first.clone(),
        at: AtFileScope { inner: first },
    };
    assert_eq!(b.at.inner.n, 1);
}
