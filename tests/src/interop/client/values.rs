// SPDX-License-Identifier: MIT OR Apache-2.0
//! Valuetypes: shared, cyclic, derived, truncated, abstract.

use std::sync::Arc;

use upcall::{AbstractRef, ValueType};

use super::{Checks, ensure, expect};
use crate::interop::idl::interop::{
    BoxedString, Circle, Named, PeerRef, Point, PrintableValue, Shape, Square,
};
use crate::interop::{peer_values, samples};

pub(super) fn check(checks: &mut Checks, peer: &PeerRef) {
    sharing(checks, peer);
    inheritance(checks, peer);
    abstractions(checks, peer);
}

fn sharing(checks: &mut Checks, peer: &PeerRef) {
    checks.check("value_sharing", || {
        let (p, q) = (samples::point(0), samples::point(0));
        ensure(
            peer.is_shared(p.clone(), p.clone()).wait()?,
            "one value twice arrived as two",
        )?;
        ensure(!peer.is_shared(p, q).wait()?, "two values arrived as one")?;
        expect(
            "how many were shared",
            &peer.shared_count(&samples::shared_route(5)).wait()?,
            &6,
        )?;
        expect(
            "how many are shared",
            &peer_values::shared(&peer.shared_route(5).wait()?),
            &6,
        )
    });
    checks.check("value_cycle", || {
        let there = peer_values::ring(7);
        let length = peer.ring_length(there.clone()).wait()?;
        let back = peer.ring(9).wait()?;
        let came_back = peer_values::ring_length(back.as_ref());
        [there, back]
            .into_iter()
            .flatten()
            .for_each(|node| node.next.set(None));
        expect("the ring there", &length, &7)?;
        expect("the ring that came back", &came_back, &9)
    });
}

fn inheritance(checks: &mut Checks, peer: &PeerRef) {
    checks.check("value_derived", || {
        let (circle, square) = (peer.circle().wait()?, peer.square().wait()?);
        expect(
            "the circle",
            &peer_values::kind(circle.as_ref()),
            &"Circle c".to_owned(),
        )?;
        expect(
            "the square",
            &peer_values::kind(square.as_ref()),
            &"Square s".to_owned(),
        )?;
        let circle = circle
            .and_then(|shape| shape.downcast::<Circle>())
            .ok_or("no circle")?;
        expect("the radius", &circle.radius, &2.5)?;
        let square = square
            .and_then(|shape| shape.downcast::<Square>())
            .ok_or("no square")?;
        expect("the side", &square.side, &4.5)
    });
    checks.check("value_kind_of", || {
        let circle = Shape::from(Arc::new(Circle::new("c2".into(), 5, 2.5)));
        let shape = Shape::new("plain".into(), 1);
        expect(
            "the circle",
            &peer.kind_of(Some(Arc::new(circle))).wait()?,
            &"Circle c2".to_owned(),
        )?;
        expect(
            "the shape",
            &peer.kind_of(Some(Arc::new(shape))).wait()?,
            &"Shape plain".to_owned(),
        )?;
        expect("nil", &peer.kind_of(None).wait()?, &"nil".to_owned())
    });
}

fn abstractions(checks: &mut Checks, peer: &PeerRef) {
    checks.check("value_abstract", || {
        let described = peer
            .named("n")
            .wait()?
            .and_then(|value| value.downcast::<Named>());
        expect(
            "the label",
            &described.ok_or("not a Named")?.label,
            &"n".to_owned(),
        )?;
        let mine = Named::new("mine".into());
        expect(
            "my label",
            &peer.label_of(Some(Arc::new(mine))).wait()?,
            &"mine".to_owned(),
        )
    });
    checks.check("value_abstract_interface", || {
        let (value, object) = (peer.to_print(true).wait()?, peer.to_print(false).wait()?);
        expect("the value", &peer_values::printed(value)?, &"value".to_owned())?;
        expect(
            "the object",
            &peer_values::printed(object.clone())?,
            &"object".to_owned(),
        )?;
        expect(
            "the object there",
            &peer.print_it(object).wait()?,
            &"object".to_owned(),
        )?;
        let mine = PrintableValue::new("mine".into());
        let mine = AbstractRef::Value(Arc::new(mine));
        expect(
            "my value there",
            &peer.print_it(Some(mine)).wait()?,
            &"mine".to_owned(),
        )
    });
    checks.check("value_base", || {
        let (boxed, point) = (peer.base(true).wait()?, peer.base(false).wait()?);
        let boxed = boxed
            .and_then(|value| value.downcast::<BoxedString>())
            .ok_or("not a BoxedString")?;
        expect("the string", &boxed.value, &"boxed".to_owned())?;
        let point = point
            .and_then(|value| value.downcast::<Point>())
            .ok_or("not a Point")?;
        expect("the point", &(point.x, point.y), &(7, 8))?;
        expect(
            "what I sent",
            &peer.base_is(Some(boxed)).wait()?,
            &"BoxedString".to_owned(),
        )?;
        expect("nil", &peer.base_is(None).wait()?, &"nil".to_owned())
    });
}
