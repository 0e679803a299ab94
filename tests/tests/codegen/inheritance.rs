// SPDX-License-Identifier: MIT OR Apache-2.0

use upcall::{AbstractRef, Context, Interface, Servant, SystemException};
use upcall_tests::loopback::{Wire, call, collocated};

use crate::generated::inheritance::{
    __bottom, __describable, __left, __right, __top, __user, Bottom, BottomRef, BottomSkeleton, Describable,
    Described, DescribedSkeleton, Left, LeftRef, Right, RightRef, Tired, Top, TopDepthError, TopRef, User,
    UserSkeleton,
};

struct Diamond;

impl Top for Diamond {
    fn at_top(&self, _: &Context) -> upcall::Result<String> {
        Ok("top".into())
    }
    fn who(&self, _: &Context) -> upcall::Result<String> {
        Ok("Diamond".into())
    }
    fn depth(&self, _: &Context, n: i32) -> Result<i32, TopDepthError> {
        if n > 3 { Err(Tired { after: 3 })? } else { Ok(n) }
    }
}

impl Left for Diamond {
    fn at_left(&self, _: &Context) -> upcall::Result<String> {
        Ok("left".into())
    }
    fn both(&self, _: &Context) -> upcall::Result<i32> {
        Ok(2)
    }
    fn set_both(&self, _: &Context, _: i32) -> upcall::Result<()> {
        Err(SystemException::new(
            upcall::SystemExceptionKind::NoPermission,
            5,
            upcall::Completed::No,
        ))
    }
}

impl Right for Diamond {
    fn at_right(&self, _: &Context) -> upcall::Result<String> {
        Ok("right".into())
    }
    fn told(&self, _: &Context, _: i32) {}
}

impl Bottom for Diamond {
    fn at_bottom(&self, _: &Context, a: Option<TopRef>, b: Option<LeftRef>) -> upcall::Result<String> {
        Ok(format!("{} {}", a.is_none(), b.is_none()))
    }
}

#[test]
fn a_skeleton_serves_what_it_inherits() {
    let skeleton = BottomSkeleton::new(Diamond);
    for wire in Wire::ALL {
        assert_eq!(call::<__top::AtTop>(&skeleton, wire, &()), Ok("top".into()));
        assert_eq!(call::<__left::GetBoth>(&skeleton, wire, &()), Ok(2));
        assert_eq!(call::<__right::AtRight>(&skeleton, wire, &()), Ok("right".into()));
        assert_eq!(
            call::<__bottom::AtBottom>(&skeleton, wire, &(None, None)),
            Ok("true true".into())
        );
        assert_eq!(
            call::<__top::Depth>(&skeleton, wire, &(4,)),
            Err(Tired { after: 3 }.into())
        );
    }
}

#[test]
fn a_caller_in_the_process_reaches_every_ancestor() {
    let skeleton = BottomSkeleton::new(Diamond);
    assert_eq!(collocated::<__top::GetWho>(&skeleton, &()), Ok("Diamond".into()));
    assert_eq!(collocated::<__left::AtLeft>(&skeleton, &()), Ok("left".into()));
    assert_eq!(collocated::<__right::Told>(&skeleton, &(1,)), Ok(()));
    assert_eq!(
        collocated::<__bottom::AtBottom>(&skeleton, &(None, None)),
        Ok("true true".into())
    );
}

#[test]
fn a_servant_may_raise_any_system_exception() {
    let refused = call::<__left::SetBoth>(&BottomSkeleton::new(Diamond), Wire::ALL[0], &(1,)).unwrap_err();
    assert_eq!(
        (refused.kind(), refused.minor()),
        (upcall::SystemExceptionKind::NoPermission, 5)
    );
}

#[test]
fn a_skeleton_is_all_its_ancestors() {
    let skeleton = BottomSkeleton::new(Diamond);
    for id in [
        TopRef::REPOSITORY_ID,
        LeftRef::REPOSITORY_ID,
        RightRef::REPOSITORY_ID,
        BottomRef::REPOSITORY_ID,
    ] {
        assert!(skeleton.is_a(id), "{id}");
    }
}

/// References go to every ancestor's without asking.
#[test]
fn references_convert_to_each_ancestors() {
    fn converts<T: Interface, A: From<T>>() {}
    converts::<BottomRef, TopRef>();
    converts::<BottomRef, LeftRef>();
    converts::<BottomRef, RightRef>();
}

impl Describable for Diamond {
    fn describe(&self, _: &Context) -> upcall::Result<String> {
        Ok("a diamond".into())
    }
}
impl Described for Diamond {}
impl User for Diamond {
    fn pass(&self, _: &Context, d: Option<AbstractRef>) -> upcall::Result<Option<AbstractRef>> {
        Ok(d)
    }
}

#[test]
fn an_abstract_interface_is_served_by_what_inherits_it() {
    let skeleton = DescribedSkeleton::new(Diamond);
    assert_eq!(
        call::<__describable::Describe>(&skeleton, Wire::ALL[0], &()),
        Ok("a diamond".into())
    );
    assert_eq!(
        call::<__user::Pass>(&UserSkeleton::new(Diamond), Wire::ALL[1], &(None,)),
        Ok(None)
    );
}
