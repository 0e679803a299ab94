// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::model::*;
use crate::source::{FileId, Span};

struct Builder { model: Model }
fn span() -> Span { Span::new(FileId(0), 0, 0) }
fn name(t: &str) -> Name { Name { text: t.into(), span: span() } }
impl Builder {
    fn add(&mut self, parent: Option<ItemId>, n: &str, kind: ItemKind) -> ItemId {
        let id = ItemId(self.model.items.len() as u32);
        let mut path = parent.map(|p| self.model.item(p).path.clone()).unwrap_or_default();
        path.push(n.into());
        let repository_id = format!("IDL:{}:1.0", path.join("/"));
        self.model.items.push(Item { name: name(n), parent, path, repository_id, span: span(), input: 0, main: true, doc: None, annotations: vec![], kind });
        match parent {
            None => self.model.definitions.push(id),
            Some(p) => match &mut self.model.items[p.0 as usize].kind {
                ItemKind::Module(m) => m.definitions.push(id),
                ItemKind::Interface(m) => m.definitions.push(id),
                _ => {}
            },
        }
        id
    }
}
fn member(n: &str, ty: Type) -> Member { Member { name: name(n), ty, doc: None, annotations: vec![], recursive: false } }
fn prim(p: Primitive) -> Type { Type::Primitive(p) }
fn seq(t: Type) -> Type { Type::Sequence { element: Box::new(t), bound: None } }
fn op(n: &str, result: Option<Type>, ps: Vec<(Direction, &str, Type)>, raises: Vec<ItemId>, oneway: bool) -> InterfaceMember {
    InterfaceMember::Operation(Operation { name: name(n), repository_id: String::new(), span: span(), oneway, result,
        parameters: ps.into_iter().map(|(direction, n, ty)| Parameter { direction, ty, name: name(n), annotations: vec![] }).collect(),
        raises, contexts: vec![], doc: None, annotations: vec![] })
}
fn attr(n: &str, ty: Type, readonly: bool) -> InterfaceMember {
    InterfaceMember::Attribute(Attribute { name: name(n), repository_id: String::new(), span: span(), readonly, ty, get_raises: vec![], set_raises: vec![], doc: None, annotations: vec![] })
}

#[test]
fn telemetry() {
    use Direction::*;
    let mut b = Builder { model: Model::default() };
    let copies = std::env::var("COPIES").ok().and_then(|c| c.parse().ok()).unwrap_or(1);
    b.model.inputs.push(Input { path: "t.idl".into(), stem: "telemetry".into(), file: FileId(0) });
    for copy in 0..copies {
    let m = Some(b.add(None, &if copy == 0 { "Telemetry".to_owned() } else { format!("Telemetry{copy}") }, ItemKind::Module(Module::default())));
    let en = |n: &str, value| Enumerator { name: name(n), value, repository_id: String::new(), doc: None, annotations: vec![] };
    let unit = b.add(m, "Unit", ItemKind::Enum(Enum { enumerators: vec![en("CELSIUS", 0), en("KELVIN", 1)] }));
    let sample = b.add(m, "Sample", ItemKind::Struct(Struct { defined: true, members: vec![member("t", prim(Primitive::LongLong)), member("value", prim(Primitive::Double)), member("unit", Type::Named(unit))], ..Default::default() }));
    let samples = b.add(m, "SampleSeq", ItemKind::Typedef(Typedef { ty: seq(Type::Named(sample)) }));
    let blob = b.add(m, "Blob", ItemKind::Typedef(Typedef { ty: seq(prim(Primitive::Octet)) }));
    let oor = b.add(m, "OutOfRange", ItemKind::Exception(Exception { members: vec![member("why", Type::String { bound: None })], definitions: vec![] }));
    let long = || prim(Primitive::Long);
    let sensor = b.add(m, "Sensor", ItemKind::Interface(Interface { defined: true, ..Default::default() }));
    let members = vec![
        attr("name", Type::String { bound: None }, true), attr("gain", prim(Primitive::Double), false),
        op("read", Some(prim(Primitive::Double)), vec![(In, "channel", long())], vec![oor], false),
        op("stats", Some(prim(Primitive::Boolean)), vec![(In, "channel", long()), (Out, "mean", prim(Primitive::Double)), (InOut, "count", long())], vec![], false),
        op("snapshot", Some(Type::Named(blob)), vec![(In, "mask", Type::Named(blob))], vec![], false),
        op("push", None, vec![(In, "samples", Type::Named(samples))], vec![], true),
        op("peer", Some(Type::Named(sensor)), vec![], vec![], false),
    ];
    if let ItemKind::Interface(i) = &mut b.model.items[sensor.0 as usize].kind { i.members = members; }
    let all = b.add(m, "Everything", ItemKind::Struct(Struct { defined: true, members: vec![
        member("ws", Type::WideString { bound: None }), member("bs", Type::String { bound: Some(8) }),
        member("wc", prim(Primitive::WideChar)), member("bseq", Type::Sequence { element: Box::new(Type::WideString { bound: Some(4) }), bound: Some(5) }),
        member("arr", Type::Array { element: Box::new(Type::String { bound: None }), dimensions: vec![2, 40] }),
        member("parr", Type::Array { element: Box::new(long()), dimensions: vec![3] }),
        member("map", Type::Map { key: Box::new(Type::String { bound: None }), value: Box::new(Type::Named(samples)), bound: None }),
        member("type", Type::Fixed { digits: 5, scale: 2 }), member("ld", prim(Primitive::LongDouble)),
        member("tc", Type::TypeCode), member("o", Type::Object), member("s", Type::Named(sensor)),
        member("bools", Type::Sequence { element: Box::new(prim(Primitive::Boolean)), bound: Some(3) }),
        member("blobs", Type::Sequence { element: Box::new(prim(Primitive::Octet)), bound: Some(3) }),
    ], ..Default::default() }));
    b.add(m, "Value", ItemKind::Union(Union { discriminator: long(), cases: vec![
        Case { labels: vec![Label::Value(Value::Integer(-1))], member: member("number", long()) },
        Case { labels: vec![Label::Value(Value::Integer(1)), Label::Value(Value::Integer(2))], member: member("text", Type::String { bound: None }) },
    ], implicit_default: true, default_discriminator: Some(Value::Integer(0)), recursive: false, definitions: vec![], defined: true }));
    b.add(m, "ByUnit", ItemKind::Union(Union { discriminator: Type::Named(unit), cases: vec![
        Case { labels: vec![Label::Value(Value::Enumerator { of: unit, index: 0 })], member: member("c", Type::Named(all)) },
        Case { labels: vec![Label::Default], member: member("d", long()) },
    ], implicit_default: false, default_discriminator: Some(Value::Enumerator { of: unit, index: 1 }), recursive: false, definitions: vec![], defined: true }));
    let tree = b.add(m, "Tree", ItemKind::Struct(Struct { defined: true, recursive: true, ..Default::default() }));
    if let ItemKind::Struct(i) = &mut b.model.items[tree.0 as usize].kind { i.members = vec![member("kids", seq(Type::Named(tree)))]; }
    b.add(m, "maxSize", ItemKind::Const(Const { ty: long(), value: Value::Integer(-5) }));
    b.add(m, "Flags", ItemKind::Bitmask(Bitmask { bit_bound: 16, flags: vec![BitFlag { name: name("fooBar"), position: 3, doc: None, annotations: vec![] }] }));
    b.add(m, "Bits", ItemKind::Bitset(Bitset { base: None, bits: 12, fields: vec![Bitfield { name: Some(name("lo")), ty: prim(Primitive::Octet), position: 0, width: 4, doc: None, annotations: vec![] }] }));
    let base = b.add(m, "Base", ItemKind::Interface(Interface { defined: true, members: vec![op("clone", None, vec![], vec![], false)], ..Default::default() }));
    b.add(m, "Derived", ItemKind::Interface(Interface { defined: true, bases: vec![base], all_bases: vec![base], members: vec![
       op("all", Some(Type::Named(all)), vec![(In, "a", Type::Named(all)), (In, "o", Type::Object), (In, "s", Type::Named(sensor)), (InOut, "ws", Type::WideString { bound: None }), (In, "seqs", seq(Type::String { bound: None }))], vec![oor], false)], ..Default::default() }));
    }
    let t = std::time::Instant::now();
    let g = generate(&b.model, &Options::default()).unwrap();
    println!("{:?} {} bytes {} lines", t.elapsed(), g.outputs[0].text.len(), g.outputs[0].text.lines().count());
    std::fs::write("/tmp/proto/telemetry.rs", &g.outputs[0].text).unwrap();
    println!("{:?}", g.notes);
}
