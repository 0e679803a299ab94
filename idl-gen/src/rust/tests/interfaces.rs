// SPDX-License-Identifier: MIT OR Apache-2.0
//! What interfaces become.

use super::{assert_has, generated, rust};
use crate::rust::Options;

#[test]
fn a_servant_borrows_what_lies_in_the_message() {
    let text = rust(
        "module M { struct S { long x; }; interface I { void f(in string a, in sequence<octet> b, in sequence<long> c, \
         in sequence<string> d, in S e, in I g, inout wstring h, out boolean i); }; };",
    );
    assert_has(
        &text,
        "fn f(
             &self,
             cx: &::upcall::Context<'_>,
             a: &str,
             b: &[u8],
             c: &[i32],
             d_: Vec<String>,
             e_: S,
             g: Option<IRef>,
             h: &str,
         ) -> ::upcall::Result<(String, bool)>;",
    );
}

#[test]
fn a_stub_borrows_its_arguments_for_the_call() {
    let text =
        rust("module M { interface I { void f(in string a, in I b, in long c); void g(in long c); }; };");
    assert_has(
        &text,
        "pub fn f<'a>(
             &'a self,
             a: &'a str,
             b: Option<&'a IRef>,
             c: i32,
         ) -> ::upcall::Call<'a, __i::F> {
             ::upcall::Call::new(&self.0, (a, b, c))
         }",
    );
    assert_has(&text, "pub fn g(&self, c: i32) -> ::upcall::Call<'_, __i::G> {");
}

#[test]
fn a_oneway_returns_nothing_and_is_sent() {
    let text = rust("module M { interface I { oneway void tell(in long n); }; };");
    assert_has(&text, "fn tell(&self, cx: &::upcall::Context<'_>, n: i32);");
    assert_has(
        &text,
        "pub fn tell(&self, n: i32) -> ::upcall::OnewayCall<'_, __i::Tell> {",
    );
    assert_has(&text, "const ONEWAY: bool = true;");
    assert_has(&text, "servant.tell(cx, n);\nreply.ok(|_| Ok(()))");
}

#[test]
fn exceptions_are_variants_of_the_operations_error() {
    let text = rust(
        "module M { exception A { string why; }; module N { exception A {}; }; \
         interface I { void f() raises (A, N::A); attribute long x getraises (A); }; };",
    );
    assert_has(
        &text,
        "A(A),\n/// `M::N::A`\nA_(n::A),\n/// A system exception.\nSystem(::upcall::SystemException),",
    );
    assert_has(&text, "impl ::std::convert::From<n::A> for IFError {");
    assert_has(
        &text,
        "fn x(&self, cx: &::upcall::Context<'_>) -> Result<i32, IXError>;",
    );
    assert_has(
        &text,
        "fn set_x(&self, cx: &::upcall::Context<'_>, value: i32) -> ::upcall::Result<()>;",
    );
    assert_has(
        &text,
        "super::n::A::REPOSITORY_ID => Some(rt::raised::<super::n::A, _>(d)),",
    );
}

#[test]
fn a_diamond_inherits_each_operation_once() {
    let text = rust(
        "module M { interface Top { void t(); }; interface L : Top { void l(); }; interface R : Top {}; \
         interface B : L, R { void b(); }; };",
    );
    assert_has(&text, "pub trait B: L + R {");
    assert_has(
        &text,
        "\"t\" => __top::T::serve(&*self.servant, cx, d, reply),
         \"l\" => __l::L::serve(&*self.servant, cx, d, reply),
         \"b\" => __b::B::serve(&*self.servant, cx, d, reply),
         other => Err(rt::no_such_operation(BRef::REPOSITORY_ID, other)),",
    );
    assert_has(&text, "impl ::std::convert::From<BRef> for TopRef {");
    assert_eq!(text.matches("pub fn t(&self)").count(), 4);
}

#[test]
fn an_interface_that_is_only_declared_can_be_passed() {
    let text = rust("module M { interface Later; interface I { Later get(); }; };");
    assert_has(&text, "pub struct LaterRef(::upcall::ObjectRef);");
    assert!(!text.contains("pub trait Later"), "{text}");
}

#[test]
fn a_local_interface_is_a_trait_and_nothing_else() {
    let text = rust("module M { native Cookie; local interface I { Cookie next(in I other); }; };");
    assert_has(
        &text,
        "fn next(
             &self,
             other: Option<::upcall::Local<dyn I>>,
         ) -> ::upcall::Result<::upcall::Local<dyn Cookie>>;",
    );
    assert!(!text.contains("IRef") && !text.contains("ISkeleton"), "{text}");
}

#[test]
fn what_is_defined_inside_is_in_a_module_of_its_name() {
    let text =
        rust("module M { interface Deep { struct S { long x; }; S get(); }; struct Other { Deep::S s; }; };");
    assert_has(&text, "/// What is defined inside `M::Deep`.\npub mod deep {");
    assert_has(&text, "pub s: deep::S,");
    assert_has(&text, "type Output = super::deep::S;");
}

#[test]
fn a_context_is_a_last_parameter() {
    let text = rust("module M { interface I { void f(in long a) context (\"user\", \"sys*\"); }; };");
    assert_has(
        &text,
        "pub fn f<'a>(\n&'a self,\na: i32,\ncontext: &'a [(String, String)],",
    );
    assert_has(&text, "rt::context::encode(e, args.1, &[\"user\", \"sys*\"])?;");
}

#[test]
fn realtime_is_the_default_of_the_skeleton_and_of_what_inherits_it() {
    let text = rust(
        "module M { @realtime(class=\"low_delay\", delay=\"1ms\") interface I { void f(); }; interface J : I {}; };",
    );
    let qos = "Some(\n::upcall::qos::Qos::low_delay(::std::time::Duration::from_millis(1)),\n)";
    assert_eq!(
        text.matches("::upcall::qos::Qos::low_delay").count(),
        2,
        "{qos}\n{text}"
    );
}

#[test]
fn a_realtime_annotation_that_says_nothing_useful_is_noted() {
    let idl = "module M { @realtime(class=\"fast\") interface I {}; };";
    let notes = generated(&[("m.idl", idl)], &Options::default()).notes;
    assert!(
        notes.iter().any(|note| note.message.contains("no class `fast`")),
        "{notes:?}"
    );
}

#[test]
fn operations_of_valuetypes_are_a_trait() {
    let text =
        rust("module M { valuetype V { public long n; long doubled(); readonly attribute string name; }; };");
    assert_has(
        &text,
        "pub trait VOperations {
             /// The operation `doubled` of `M::V`.
             fn doubled(&self) -> ::upcall::Result<i32>;
             /// Reads the attribute `name` of `M::V`.
             fn name(&self) -> ::upcall::Result<String>;
         }",
    );
}
