// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our servant of `interop/types.idl`: valuetypes, and values in an Any.

use std::sync::Arc;

use upcall::rt::AnyValue;
use upcall::{
    AbstractRef, Any, Bytes, Completed, Context, Fixed, LongDouble, ObjectRef, SystemException,
    SystemExceptionKind, TypeCode, Value, ValueCell, ValueType, WideChar, WideString,
};

use super::idl::interop::{
    Arms, Arrays, BoxedBlob, BoxedLong, BoxedRecord, BoxedString, ByBoolean, ByChar, ByColor, ByLong,
    ByShort, ByULongLong, Cell, Circle, Color, Line, Members, Named, Node, Point, Printable, PrintableObject,
    PrintableObjectRef, PrintableObjectSkeleton, PrintableValue, Record, Route, Sequences, Shape, Square,
    TargetRef, Term, Tree, Values,
};
use super::samples;
use super::server::{Serving, activated};
use crate::{each_kind, serve_each};

/// Makes the process able to read the values wherever they may stand.
pub(super) fn register() {
    Point::register();
    Circle::register();
    Square::register();
    Named::register();
    PrintableValue::register();
    BoxedString::register();
}

/// Takes sample 0 of `kind` out of an Any, and puts sample 1 into another.
pub(super) fn exchange(kind: &str, a: &Any) -> upcall::Result<Any> {
    macro_rules! of_kinds {
        ($($how:ident $type:ty $([$element:ty])?, $echo:ident, $kept:ident, $set:ident, $sample:ident;)*) => {
            $(if kind == stringify!($sample) {
                return taken(kind, a.get::<$type>()?, samples::$sample);
            })*
        };
    }
    match kind {
        "any" => return taken_any(a),
        "longdouble" => return taken_longdouble(a),
        "wchar" => return bounded(kind, a, TypeCode::WCHAR, |n| WideChar(samples::wchar(n))),
        "uptofour" => return bounded(kind, a, TypeCode::sequence(TypeCode::LONG, 4), samples::uptofour),
        "label" => return bounded(kind, a, TypeCode::string(8), samples::label),
        "wstring" => return bounded(kind, a, TypeCode::wstring(0), |n| WideString(samples::wstring(n))),
        "widelabel" => {
            return bounded(kind, a, TypeCode::wstring(8), |n| {
                WideString(samples::widelabel(n))
            });
        }
        _ => {}
    }
    each_kind!(anys, of_kinds);
    each_kind!(composites, of_kinds);
    each_kind!(values, of_kinds);
    Err(wrong(kind))
}

fn wrong(kind: &str) -> SystemException {
    SystemException::new(SystemExceptionKind::BadParam, 1, Completed::No)
        .with_message(format!("{kind} in an any is not the sample"))
}

fn taken<T: AnyValue + PartialEq>(kind: &str, value: T, sample: fn(usize) -> T) -> upcall::Result<Any> {
    if value == sample(0) {
        Ok(Any::from(sample(1)))
    } else {
        Err(wrong(kind))
    }
}

fn bounded<T: AnyValue + PartialEq>(
    kind: &str,
    a: &Any,
    type_code: TypeCode,
    sample: fn(usize) -> T,
) -> upcall::Result<Any> {
    if a.get::<T>()? != sample(0) {
        return Err(wrong(kind));
    }
    Ok(Any::with_type(type_code, &sample(1))?)
}

fn taken_any(a: &Any) -> upcall::Result<Any> {
    if a.get_any()? == samples::any(0) {
        Ok(Any::of_any(&samples::any(1)))
    } else {
        Err(wrong("any"))
    }
}

fn taken_longdouble(a: &Any) -> upcall::Result<Any> {
    let bits = samples::x87_bits(a.get::<LongDouble>()?);
    if bits != samples::x87_bits(samples::longdouble(0)) {
        return Err(wrong("longdouble"));
    }
    Ok(Any::from(samples::longdouble(1)))
}

impl Values for Serving {
    each_kind!(values, serve_each);

    fn is_shared(
        &self,
        _: &Context<'_>,
        a: Option<Arc<Point>>,
        b: Option<Arc<Point>>,
    ) -> upcall::Result<bool> {
        Ok(a.zip(b).is_some_and(|(a, b)| Arc::ptr_eq(&a, &b)))
    }
    fn shared_route(&self, _: &Context<'_>, n: i32) -> upcall::Result<Route> {
        Ok(samples::shared_route(usize::try_from(n).unwrap_or(0)))
    }
    fn shared_count(&self, _: &Context<'_>, r: Route) -> upcall::Result<i32> {
        Ok(shared(&r))
    }
    fn ring(&self, _: &Context<'_>, n: i32) -> upcall::Result<Option<Arc<Node>>> {
        Ok(ring(n))
    }
    fn ring_length(&self, _: &Context<'_>, first: Option<Arc<Node>>) -> upcall::Result<i32> {
        Ok(ring_length(first.as_ref()))
    }
    fn circle(&self, _: &Context<'_>) -> upcall::Result<Option<Arc<Shape>>> {
        Ok(Some(Arc::new(Shape::from(Arc::new(Circle::new(
            "c".into(),
            5,
            2.5,
        ))))))
    }
    fn square(&self, _: &Context<'_>) -> upcall::Result<Option<Arc<Shape>>> {
        Ok(Some(Arc::new(Shape::from(Arc::new(Square::new(
            "s".into(),
            6,
            4.5,
        ))))))
    }
    fn kind_of(&self, _: &Context<'_>, s: Option<Arc<Shape>>) -> upcall::Result<String> {
        Ok(kind(s.as_ref()))
    }
    fn named(&self, _: &Context<'_>, label: &str) -> upcall::Result<Option<Arc<dyn Value>>> {
        Ok(Some(Arc::new(Named::new(label.into()))))
    }
    fn label_of(&self, _: &Context<'_>, d: Option<Arc<dyn Value>>) -> upcall::Result<String> {
        Ok(d.and_then(|value| value.downcast::<Named>())
            .map_or("nil".into(), |named| named.label.clone()))
    }
    fn to_print(&self, _: &Context<'_>, as_value: bool) -> upcall::Result<Option<AbstractRef>> {
        if as_value {
            return Ok(Some(AbstractRef::Value(Arc::new(PrintableValue::new(
                "value".into(),
            )))));
        }
        let object: PrintableObjectRef = activated(&self.orb, PrintableObjectSkeleton::new(Printer))?;
        Ok(Some(AbstractRef::Object(object.into())))
    }
    fn print_it(&self, _: &Context<'_>, p: Option<AbstractRef>) -> upcall::Result<String> {
        printed(p)
    }
    fn base(&self, _: &Context<'_>, boxed: bool) -> upcall::Result<Option<Arc<dyn Value>>> {
        Ok(Some(if boxed {
            Arc::new(BoxedString::new("boxed".into()))
        } else {
            Arc::new(Point::new(7, 8))
        }))
    }
    fn base_is(&self, _: &Context<'_>, v: Option<Arc<dyn Value>>) -> upcall::Result<String> {
        let Some(value) = v else { return Ok("nil".into()) };
        let name = if Arc::clone(&value).downcast::<Point>().is_some() {
            "Point"
        } else if value.downcast::<BoxedString>().is_some() {
            "BoxedString"
        } else {
            "other"
        };
        Ok(name.into())
    }
}

struct Printer;

impl Printable for Printer {
    fn print(&self, _: &Context<'_>) -> upcall::Result<String> {
        Ok("object".into())
    }
}

impl PrintableObject for Printer {}

/// What is printed by an object, or by a value.
pub(super) fn printed(what: Option<AbstractRef>) -> upcall::Result<String> {
    match what {
        None => Ok("nil".into()),
        Some(AbstractRef::Object(object)) => object.unchecked_narrow::<PrintableObjectRef>().print().wait(),
        Some(AbstractRef::Value(value)) => Ok(value
            .downcast::<PrintableValue>()
            .map_or("not printable".into(), |value| value.text.clone())),
    }
}

/// How many of `to` and `via` are the same value as `from`.
pub(super) fn shared(route: &Route) -> i32 {
    let Some(from) = &route.from else { return 0 };
    let others = route.via.iter().chain([&route.to]).flatten();
    i32::try_from(others.filter(|point| Arc::ptr_eq(point, from)).count()).unwrap_or(i32::MAX)
}

/// `n` nodes, the last of which leads to the first.
pub(super) fn ring(n: i32) -> Option<Arc<Node>> {
    let first = Arc::new(Node::new(0, ValueCell::default()));
    let mut at = Arc::clone(&first);
    for i in 1..n {
        let next = Arc::new(Node::new(i, ValueCell::default()));
        at.next.set(Some(Arc::clone(&next)));
        at = next;
    }
    at.next.set(Some(Arc::clone(&first)));
    Some(first)
}

/// How many nodes there are until the first comes again; -1 if it never does.
pub(super) fn ring_length(first: Option<&Arc<Node>>) -> i32 {
    let Some(first) = first else { return -1 };
    let mut at = Arc::clone(first);
    for n in 0..1000 {
        if at.n != n {
            return -1;
        }
        match at.next.get() {
            Some(next) if Arc::ptr_eq(&next, first) => return n + 1,
            Some(next) => at = next,
            None => return -1,
        }
    }
    -1
}

/// The name of a shape's type, and its own.
pub(super) fn kind(shape: Option<&Arc<Shape>>) -> String {
    let Some(shape) = shape else { return "nil".into() };
    let kind = if shape.downcast::<Circle>().is_some() {
        "Circle"
    } else if shape.downcast::<Square>().is_some() {
        "Square"
    } else {
        "Shape"
    };
    format!("{kind} {}", shape.name)
}
