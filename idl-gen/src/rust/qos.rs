// SPDX-License-Identifier: MIT OR Apache-2.0
//! The `@realtime` annotation: quality of service asked for in the IDL.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use crate::model::{Annotation, Value};

/// Reads the `@realtime` annotation, if there is one, as an expression of `upcall::qos::Qos`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn requested(annotations: &[Annotation]) -> Result<Option<TokenStream>, String> {
    annotations
        .iter()
        .find(|annotation| annotation.name == "realtime")
        .map(expression)
        .transpose()
}

fn expression(annotation: &Annotation) -> Result<TokenStream, String> {
    let class = text(annotation, "class")?
        .unwrap_or("best_effort")
        .replace('-', "_");
    let (made, used): (TokenStream, &[&str]) = match class.as_str() {
        "isochronous" => {
            let period = duration(annotation, "period")?.ok_or("class \"isochronous\" needs a `period`")?;
            let messages = number(annotation, "messages")?.unwrap_or(1);
            let messages = u32::try_from(messages).map_err(|_| "`messages` is out of range")?;
            let messages = Literal::u32_unsuffixed(messages);
            (
                quote!(isochronous(#period, #messages)),
                &["period", "messages", "message_size", "deadline", "worst_case"],
            )
        }
        "burst" => {
            let bandwidth = size(annotation, "bandwidth")?.ok_or("class \"burst\" needs a `bandwidth`")?;
            let burst = size(annotation, "burst_size")?.ok_or("class \"burst\" needs a `burst_size`")?;
            let (bandwidth, burst) = (Literal::u64_unsuffixed(bandwidth), Literal::u64_unsuffixed(burst));
            (
                quote!(burst(#bandwidth, #burst)),
                &[
                    "bandwidth",
                    "burst_size",
                    "message_size",
                    "deadline",
                    "worst_case",
                ],
            )
        }
        "low_delay" => {
            let delay = duration(annotation, "delay")?.ok_or("class \"low_delay\" needs a `delay`")?;
            (
                quote!(low_delay(#delay)),
                &[
                    "delay",
                    "minimum_interval",
                    "message_size",
                    "priority",
                    "worst_case",
                ],
            )
        }
        "best_effort" => {
            let weight = u32::try_from(number(annotation, "weight")?.unwrap_or(1));
            let weight = Literal::u32_unsuffixed(weight.map_err(|_| "`weight` is out of range")?);
            (quote!(best_effort(#weight)), &["weight"])
        }
        other => {
            return Err(format!(
                "no class `{other}`: it is isochronous, burst, low_delay or best_effort"
            ));
        }
    };
    known(annotation, &class, used)?;
    let refinements = refinements(annotation, used)?;
    Ok(quote!(::upcall::qos::Qos::#made #refinements))
}

fn known(annotation: &Annotation, class: &str, used: &[&str]) -> Result<(), String> {
    let unknown = annotation
        .arguments
        .iter()
        .filter_map(|argument| argument.name.as_deref())
        .find(|name| *name != "class" && !used.contains(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(format!(
            "class `{class}` has no `{name}`; it has {}",
            used.join(", ")
        )),
    }
}

fn refinements(annotation: &Annotation, used: &[&str]) -> Result<TokenStream, String> {
    let mut calls = TokenStream::new();
    for name in ["deadline", "minimum_interval", "worst_case"]
        .into_iter()
        .filter(|name| used.contains(name))
    {
        if let Some(value) = duration(annotation, name)? {
            let method = Ident::new(name, Span::call_site());
            calls.extend(quote!(.#method(#value)));
        }
    }
    if used.contains(&"message_size")
        && let Some(bytes) = size(annotation, "message_size")?
    {
        let bytes = Literal::u64_unsuffixed(bytes);
        calls.extend(quote!(.message_size(#bytes)));
    }
    if used.contains(&"priority")
        && let Some(priority) = number(annotation, "priority")?
    {
        let priority = i16::try_from(priority).map_err(|_| "`priority` is out of range")?;
        let priority = super::values::integer(priority.into());
        calls.extend(quote!(.priority(#priority)));
    }
    Ok(calls)
}

fn text<'a>(annotation: &'a Annotation, name: &str) -> Result<Option<&'a str>, String> {
    match annotation.argument(name).map(|argument| &argument.value) {
        None => Ok(None),
        Some(Value::String(text) | Value::Name(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{name}` is a string, not {other}")),
    }
}

fn number(annotation: &Annotation, name: &str) -> Result<Option<i128>, String> {
    match annotation.argument(name).map(|argument| &argument.value) {
        None => Ok(None),
        Some(Value::Integer(number)) => Ok(Some(*number)),
        Some(other) => Err(format!("`{name}` is a number, not {other}")),
    }
}

/// A number with a unit: `"10ms"`.
fn with_unit<'a>(text: &'a str, name: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let text: &'a str = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor = units
        .iter()
        .find(|(known, _)| *known == unit.trim())
        .map(|(_, factor)| *factor);
    let value = digits
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    value.ok_or_else(|| {
        let units: Vec<_> = units
            .iter()
            .map(|(unit, _)| *unit)
            .filter(|unit| !unit.is_empty())
            .collect();
        format!(
            "`{name}` is a whole number and a unit ({}), not \"{text}\"",
            units.join(", ")
        )
    })
}

fn duration(annotation: &Annotation, name: &str) -> Result<Option<TokenStream>, String> {
    const UNITS: &[(&str, u64)] = &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ];
    let Some(text) = text(annotation, name)? else {
        return Ok(None);
    };
    let nanoseconds = with_unit(text, name, UNITS)?;
    let (unit, amount) = match nanoseconds {
        n if n % 1_000_000_000 == 0 => ("from_secs", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => ("from_millis", n / 1_000_000),
        n if n % 1_000 == 0 => ("from_micros", n / 1_000),
        n => ("from_nanos", n),
    };
    let (unit, amount) = (
        Ident::new(unit, Span::call_site()),
        Literal::u64_unsuffixed(amount),
    );
    Ok(Some(quote!(::std::time::Duration::#unit(#amount))))
}

/// Octets, or octets per second: `1024`, `"1KiB"`.
fn size(annotation: &Annotation, name: &str) -> Result<Option<u64>, String> {
    const UNITS: &[(&str, u64)] = &[
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ];
    match annotation.argument(name).map(|argument| &argument.value) {
        Some(Value::Integer(number)) => u64::try_from(*number)
            .map(Some)
            .map_err(|_| format!("`{name}` is out of range")),
        _ => match text(annotation, name)? {
            None => Ok(None),
            Some(text) => with_unit(text.strip_suffix("/s").unwrap_or(text), name, UNITS).map(Some),
        },
    }
}

#[cfg(test)]
mod tests;
