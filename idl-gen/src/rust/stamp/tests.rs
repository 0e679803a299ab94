// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

fn spelled(tokens: TokenStream) -> Option<String> {
    let mut text = String::new();
    spell(tokens, &mut text).map(|()| text)
}

#[test]
fn types_and_expressions_are_spaced_as_people_do() {
    for text in [
        "::upcall::Call<'a, __sensor::Read>",
        "&'a [String]",
        "&'a str",
        "[[f64; 3]; 2]",
        "Option<&'a super::FooRef>",
        "(i32, &'a str,)",
        "e.string_bounded(&self.name, 4)?;",
        "rt::Marshal::marshal(&args.0, e)?;",
        "e.object(args.1.map(rt::AsRef::as_ref))?;",
        "let r#type = d.primitives_ref::<i32>()?;",
        "\"read\" => __sensor::Read::serve(&*self.servant, cx, d, reply),",
        "-5 => Ok(Self::Other(tag, d.octet()?)),",
        "2 | 3 => Ok(()),",
        "::std::sync::Arc<dyn ::upcall::Value>",
        "x: d.long()?,",
        "(i32, ::upcall::Any, <A as ::upcall::B>::c())",
        "grid: rt::array(|| Ok(d.primitive_array::<f64, 3>()?))?,",
    ] {
        let tokens: TokenStream = text.parse().unwrap();
        assert_eq!(spelled(tokens).as_deref(), Some(text));
    }
}

#[test]
fn more_than_an_expression_is_left_to_the_formatter() {
    assert_eq!(spelled(quote!(for item in items {})), None);
    assert_eq!(spelled(quote!(a % b)), None);
    assert_eq!(spelled(quote!(f(|e| e.g()))), None);
    assert_eq!(spelled(quote!(a - b)), None);
}

fn frame(holes: &Holes) -> TokenStream {
    let (name, body, arms) = (holes.get("name"), holes.get("body"), holes.get("arms"));
    quote! {
        fn #name(n: u32) -> u32 {
            #body
            match n {
                #arms
                _ => 0,
            }
        }
    }
}

fn stamped(name: TokenStream, body: Vec<TokenStream>) -> String {
    let arms = vec![quote!(1 => one(),), quote!(2 => two(),)];
    let holes = Holes::default()
        .inline("name", name)
        .statements("body", body)
        .arms("arms", arms);
    let mut out = String::new();
    Stamp { frame, holes }.write(2, &mut out).unwrap();
    out
}

#[test]
fn lines_go_where_their_placeholder_stood() {
    let expected = "        fn first(n: u32) -> u32 {
            a(n);
            b();
            match n {
                1 => one(),
                2 => two(),
                _ => 0,
            }
        }
";
    assert_eq!(
        stamped(quote!(first), vec![quote!(a(n);), quote!(b();)]),
        expected
    );
}

#[test]
fn a_hole_may_be_empty() {
    assert!(stamped(quote!(second), vec![]).contains("-> u32 {\n            match n {"));
}

#[test]
fn what_does_not_fit_is_formatted_as_a_whole() {
    let looped = stamped(
        quote!(third),
        vec![quote!(for i in 0..n {
            a(i);
        })],
    );
    assert!(
        looped.contains("            for i in 0..n {\n                a(i);\n            }\n"),
        "{looped}"
    );
    let long: TokenStream = format!("f({});", vec!["argument"; 20].join(", "))
        .parse()
        .unwrap();
    assert!(stamped(quote!(fourth), vec![long]).contains("                argument,\n"));
}
