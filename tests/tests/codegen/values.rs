// SPDX-License-Identifier: MIT OR Apache-2.0

use std::sync::Arc;

use upcall::{CdrError, Context, CustomMarshal, Decoder, Encoder, Value, ValueType};
use upcall_tests::loopback::{Wire, call};

use crate::generated::values::__keeper as op;
use crate::generated::values::*;

impl CustomMarshal for Own {
    fn marshal(&self, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
        encoder.long(-self.a);
        encoder.string(&self.b)
    }

    fn unmarshal(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self::new(-decoder.long()?, decoder.string()?))
    }
}

struct Echo;

impl Keeper for Echo {
    fn echo_point(
        &self,
        _: &Context,
        a: Option<Arc<Point>>,
        b: Option<Arc<Point>>,
    ) -> upcall::Result<(Option<Arc<Point>>, Option<Arc<Point>>, Option<Arc<Point>>)> {
        Ok((a.clone(), a, b))
    }
    fn echo_route(&self, _: &Context, a: Route) -> upcall::Result<Route> {
        Ok(a)
    }
    fn ring(&self, _: &Context, first: Option<Arc<Node>>) -> upcall::Result<Option<Arc<Node>>> {
        Ok(first)
    }
    fn echo_shape(&self, _: &Context, s: Option<Arc<Shape>>) -> upcall::Result<Option<Arc<Shape>>> {
        Ok(s)
    }
    fn base(&self, _: &Context, v: Option<Arc<dyn Value>>) -> upcall::Result<Option<Arc<dyn Value>>> {
        Ok(v)
    }
    fn described(&self, _: &Context, d: Option<Arc<dyn Value>>) -> upcall::Result<Option<Arc<dyn Value>>> {
        Ok(d)
    }
    fn echo_text(&self, _: &Context, t: Option<Arc<Text>>) -> upcall::Result<Option<Arc<Text>>> {
        Ok(t)
    }
    fn own_one(&self, _: &Context, c: Option<Arc<Own>>) -> upcall::Result<Option<Arc<Own>>> {
        Ok(c)
    }
    fn echo_graphs(&self, _: &Context, g: Graphs) -> upcall::Result<Graphs> {
        Ok(g)
    }
}

fn servant() -> KeeperSkeleton<Echo> {
    KeeperSkeleton::new(Echo)
}

#[test]
fn values_and_nil_go_through() {
    let point = Some(Arc::new(Point::new(1, 2)));
    for wire in Wire::ALL {
        let got = call::<op::EchoPoint>(&servant(), wire, &(point.clone(), None)).unwrap();
        assert_eq!(got, (point.clone(), point.clone(), None));
    }
}

#[test]
fn what_is_shared_arrives_shared() {
    let point = Some(Arc::new(Point::new(1, 2)));
    let route = Route {
        from: point.clone(),
        to: Some(Arc::new(Point::new(1, 2))),
        via: vec![point.clone(), None, point],
        name: Some(Arc::new(Text::new("wide €".into()))),
    };
    for wire in Wire::ALL {
        let got = call::<op::EchoRoute>(&servant(), wire, &(&route,)).unwrap();
        assert_eq!(got, route);
        let same =
            |other: &Option<Arc<Point>>| Arc::ptr_eq(got.from.as_ref().unwrap(), other.as_ref().unwrap());
        assert!(same(&got.via[0]) && same(&got.via[2]) && !same(&got.to));
    }
}

#[test]
fn a_ring_arrives_as_a_ring() {
    let first = Arc::new(Node::new(1, None.into()));
    let second = Arc::new(Node::new(2, Some(Arc::clone(&first)).into()));
    first.next.set_weak(&second);
    for wire in Wire::ALL {
        let got = call::<op::Ring>(&servant(), wire, &(Some(Arc::clone(&first)),))
            .unwrap()
            .unwrap();
        let second = got.next.get().unwrap();
        assert_eq!((got.n, second.n), (1, 2));
        assert!(Arc::ptr_eq(&second.next.get().unwrap(), &got));
    }
}

#[test]
fn a_graph_arrives_with_its_edges() {
    let a = Arc::new(Graph::new("a".into(), vec![], vec![]));
    let b = Arc::new(Graph::new(
        "b".into(),
        vec![Arc::clone(&a).into()],
        vec![Edge {
            to: Arc::clone(&a).into(),
            weight: 0.5,
        }],
    ));
    let graphs: Graphs = vec![b.into(), a.into()];
    let got = call::<op::EchoGraphs>(&servant(), Wire::ALL[0], &(&graphs,)).unwrap();
    assert_eq!(got, graphs);
    let b = got[0].get().unwrap();
    assert!(Arc::ptr_eq(&b.edges[0].to.get().unwrap(), &got[1].get().unwrap()));
}

#[test]
fn a_derived_value_stays_itself_where_its_base_is_expected() {
    let ellipse = Ellipse::new("e".into(), 7, 2.5, Some(Arc::new(Point::new(3, 4))), 0.5);
    let shape = Arc::new(Shape::from(Arc::new(ellipse.clone())));
    let got = call::<op::EchoShape>(&servant(), Wire::ALL[0], &(Some(shape),))
        .unwrap()
        .unwrap();
    assert_eq!((got.name.as_str(), got.serial), ("e", 7));
    assert_eq!(got.downcast::<Ellipse>().as_deref(), Some(&ellipse));
    assert_eq!(got.downcast::<Circle>().map(|circle| circle.radius), Some(2.5));
    assert!(got.downcast::<Square>().is_none());
}

#[test]
fn a_value_of_any_type_needs_registration() {
    register_values();
    let value: Arc<dyn Value> = Arc::new(Described::new("label".into()));
    let got = call::<op::Described>(&servant(), Wire::ALL[0], &(Some(Arc::clone(&value)),))
        .unwrap()
        .unwrap();
    assert_eq!(got.downcast::<Described>().unwrap().label, "label");
    let boxed: Arc<dyn Value> = Arc::new(Boxed::new(Pair {
        first: Some(Arc::new(Point::new(5, 6))),
        second: None,
    }));
    let got = call::<op::Base>(&servant(), Wire::ALL[1], &(Some(boxed),))
        .unwrap()
        .unwrap();
    assert_eq!(
        got.downcast::<Boxed>().unwrap().value.first.as_ref().unwrap().y,
        6
    );
}

#[test]
fn a_custom_value_is_marshalled_by_the_application() {
    let custom = Some(Arc::new(Own::new(5, "b".into())));
    let got = call::<op::OwnOne>(&servant(), Wire::ALL[1], &(custom.clone(),)).unwrap();
    assert_eq!(got, custom);
}

#[test]
fn a_box_keeps_its_bound() {
    let long = Some(Arc::new(Text::new("more than ten".into())));
    assert!(call::<op::EchoText>(&servant(), Wire::ALL[0], &(long,)).is_err());
}

/// The operations of a valuetype are the application's.
impl PrintedOperations for Printed {
    fn copies(&self) -> upcall::Result<i32> {
        Ok(i32::try_from(self.text.len()).unwrap_or(0))
    }
    fn set_copies(&self, _value: i32) -> upcall::Result<()> {
        Ok(())
    }
}

impl DescribableOperations for Described {
    fn describe(&self, depth: i32) -> upcall::Result<String> {
        Ok(format!("{} {depth}", self.label))
    }
}

#[test]
fn operations_of_values_are_called_here() {
    assert_eq!(Printed::new("abc".into()).copies(), Ok(3));
    assert_eq!(Described::new("x".into()).describe(1), Ok("x 1".into()));
}
