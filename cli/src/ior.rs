// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall ior`: explains a reference of any ORB, without calling anybody.

mod names;

use std::fmt::{self, Write};
use std::io::Read;

use object_adapter::key::{ObjectKey, PoaPath};
use orb_core::codeset::{CodeSetComponent, CodeSetInfo};
use orb_core::ior::{IiopProfile, Ior, LocalEndpoint, TaggedComponent, TaggedProfile};
use orb_core::rtcorba::{ExposedPolicies, PolicyType, Protocol};
use orb_core::url::ObjectUrl;

use crate::failure::Failure;

/// Octets of a key or of a component's data that are shown.
const SHOWN: usize = 256;

/// Explains the reference that `text` is; `-` reads it from standard input.
pub(crate) fn run(text: &str) -> Result<String, Failure> {
    let text = if text == "-" { input()? } else { text.to_owned() };
    explain(&follow(&text)?).map_err(|error| Failure::new(format!("the explanation: {error}")))
}

fn input() -> Result<String, Failure> {
    let mut text = String::new();
    // A reference of a megabyte is none.
    let read = std::io::stdin().take(1 << 20).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("standard input: {error}")))?;
    Ok(text)
}

/// Reads object URLs until one holds a reference itself.
fn follow(text: &str) -> Result<Ior, Failure> {
    let mut text = text.trim().to_owned();
    for _ in 0..8 {
        let url: ObjectUrl = text.parse().map_err(|error| {
            Failure::new(format!("`{}` is no reference: {error}", shortened(&text))).hint(
                "a reference is IOR:…, corbaloc:…, corbaname:… or file:…; `-` reads it from standard input",
            )
        })?;
        match url {
            ObjectUrl::Ior(ior) => return Ok(ior),
            ObjectUrl::Corbaloc(location) => {
                return location.reference().ok_or_else(|| {
                    Failure::new("`rir:` names an initial reference of a running ORB")
                        .hint("`upcall ping` resolves it")
                });
            }
            ObjectUrl::Corbaname { context, name } => {
                let whole = Failure::new(format!("`{name}` has to be looked up in a naming service"))
                    .hint("`upcall names resolve` prints the reference; to see where the service is, leave out `#…`");
                return if name.is_empty() {
                    context.reference().ok_or(whole)
                } else {
                    Err(whole)
                };
            }
            ObjectUrl::File(path) => {
                text = std::fs::read_to_string(&path)
                    .map_err(|error| Failure::new(format!("{path}: {error}")))?;
            }
            other => return Err(Failure::new(format!("{other} can't be explained"))),
        }
    }
    Err(Failure::new("files that name one another without an end"))
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        format!("{start}…")
    } else {
        start
    }
}

/// What a reference says, line by line.
fn explain(ior: &Ior) -> Result<String, fmt::Error> {
    let mut out = String::new();
    if ior.is_nil() {
        writeln!(out, "nil: it refers to no object")?;
    }
    let type_id = if ior.type_id.is_empty() {
        "(none: the object is not asked for its type)"
    } else {
        &ior.type_id
    };
    writeln!(out, "type:       {type_id}")?;
    for (number, profile) in ior.profiles.iter().enumerate() {
        writeln!(out, "profile {}:  {}", number + 1, names::profile(profile.tag))?;
        explain_profile(&mut out, profile)?;
    }
    Ok(out)
}

fn explain_profile(out: &mut String, profile: &TaggedProfile) -> fmt::Result {
    let by_address = profile.as_iiop().map(|iiop| ("IIOP", iiop));
    if let Some((protocol, read)) = by_address.or_else(|| Some(("DIOP", profile.as_diop()?))) {
        return match read {
            Ok(profile) => explain_address(out, protocol, &profile),
            Err(error) => {
                writeln!(out, "  malformed: {error}")?;
                dump(out, &profile.data)
            }
        };
    }
    match profile.as_components() {
        Some(Ok(components)) => components
            .iter()
            .try_for_each(|component| explain_component(out, component)),
        Some(Err(error)) => {
            writeln!(out, "  malformed: {error}")?;
            dump(out, &profile.data)
        }
        None => dump(out, &profile.data),
    }
}

fn explain_address(out: &mut String, protocol: &str, profile: &IiopProfile) -> fmt::Result {
    let host = if profile.host.contains(':') {
        format!("[{}]", profile.host)
    } else {
        profile.host.clone()
    };
    writeln!(
        out,
        "  version:    {protocol} {}.{}",
        profile.version.major, profile.version.minor
    )?;
    writeln!(out, "  address:    {host}:{}", profile.port)?;
    writeln!(out, "  object key: {} octets", profile.object_key.len())?;
    dump(out, &profile.object_key)?;
    if let Some(key) = ObjectKey::parse(&profile.object_key) {
        writeln!(out, "    an Upcall key: {}", explain_key(&key))?;
    }
    profile
        .components
        .iter()
        .try_for_each(|component| explain_component(out, component))
}

/// What the key of one of our own references says.
fn explain_key(key: &ObjectKey<'_>) -> String {
    let path = |path: &PoaPath<'_>| {
        path.names()
            .fold("RootPOA".to_owned(), |all, name| format!("{all}/{name}"))
    };
    let id = |id: &[u8]| String::from_utf8_lossy(id).escape_debug().to_string();
    match key {
        ObjectKey::System { instance, slot } => {
            format!(
                "slot {}, generation {}, server run {instance:#x}",
                slot.slot, slot.generation
            )
        }
        ObjectKey::Transient {
            instance,
            path: names,
            object_id,
        } => {
            format!(
                "object `{}` of {}, server run {instance:#x}",
                id(object_id),
                path(names)
            )
        }
        ObjectKey::Persistent {
            server_id,
            path: names,
            object_id,
        } => {
            format!(
                "object `{}` of {}, persistent, {}",
                id(object_id),
                path(names),
                match server_id {
                    [] => "of a server without an id".to_owned(),
                    named => format!("server `{}`", id(named)),
                }
            )
        }
        other => format!("{other:?}"),
    }
}

fn explain_component(out: &mut String, component: &TaggedComponent) -> fmt::Result {
    write!(out, "  component:  {}", names::component(component.tag))?;
    if let Some(Ok(orb)) = component.as_orb_type() {
        writeln!(out, ": {}", names::orb(orb))
    } else if let Some(Ok((host, port))) = component.as_alternate_address() {
        writeln!(out, ": {host}:{port}")
    } else if let Some(Ok(local)) = LocalEndpoint::of(component) {
        writeln!(out, ": {} at {}", local.endpoint, local.locality)
    } else if let Some(Ok(sets)) = component.as_code_sets() {
        writeln!(out)?;
        explain_code_sets(out, &sets)
    } else if let Some(Ok(policies)) = ExposedPolicies::of(component)
        && policies != ExposedPolicies::default()
    {
        writeln!(out)?;
        explain_policies(out, &policies)
    } else {
        writeln!(out, ", {} octets", component.data.len())?;
        dump(out, &component.data)
    }
}

fn explain_code_sets(out: &mut String, sets: &CodeSetInfo) -> fmt::Result {
    for (kind, sets) in [("char", &sets.narrow), ("wchar", &sets.wide)] {
        let CodeSetComponent { native, conversion } = sets;
        write!(out, "    {kind:<6}    native {}", names::code_set(*native))?;
        if !conversion.is_empty() {
            let others: Vec<String> = conversion.iter().map(|number| names::code_set(*number)).collect();
            write!(out, ", converts {}", others.join(", "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What a reference says of its object's RT-CORBA policies.
fn explain_policies(out: &mut String, policies: &ExposedPolicies) -> fmt::Result {
    if let Some(policy) = policies.model {
        let (model, priority) = (policy.model, policy.server_priority);
        writeln!(
            out,
            "    {}: {model}, server priority {priority}",
            PolicyType::PriorityModel
        )?;
    }
    if !policies.bands.is_empty() {
        let bands: Vec<String> = policies.bands.iter().map(ToString::to_string).collect();
        let name = PolicyType::PriorityBandedConnection;
        writeln!(out, "    {name}: {}", bands.join(", "))?;
    }
    for protocol in &policies.client_protocols {
        explain_protocol(out, protocol)?;
    }
    Ok(())
}

/// By what connections clients are to call.
fn explain_protocol(out: &mut String, protocol: &Protocol) -> fmt::Result {
    let tcp = protocol.tcp.unwrap_or_default();
    let room = |bytes: u32| match bytes {
        0 => "the system's".to_owned(),
        bytes => format!("{bytes} B"),
    };
    writeln!(
        out,
        "    {}: {}, buffers {} out and {} in, keep alive {}, route {}, delay {}",
        PolicyType::ClientProtocol,
        names::profile(protocol.protocol_type.0),
        room(tcp.send_buffer_size),
        room(tcp.recv_buffer_size),
        yes_or_no(tcp.keep_alive),
        yes_or_no(!tcp.dont_route),
        yes_or_no(!tcp.no_delay),
    )
}

fn yes_or_no(it: bool) -> &'static str {
    if it { "yes" } else { "no" }
}

/// Octets in hexadecimal and as text, sixteen a line.
fn dump(out: &mut String, octets: &[u8]) -> fmt::Result {
    for (line, chunk) in octets.chunks(16).take(SHOWN / 16).enumerate() {
        let hexadecimal: Vec<String> = chunk.iter().map(|octet| format!("{octet:02x}")).collect();
        let printable = |octet: &u8| {
            if octet.is_ascii_graphic() || *octet == b' ' {
                char::from(*octet)
            } else {
                '.'
            }
        };
        let text: String = chunk.iter().map(printable).collect();
        writeln!(
            out,
            "    {:04x}  {:<47}  {text}",
            line * 16,
            hexadecimal.join(" ")
        )?;
    }
    match octets.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => writeln!(out, "    … and {more} more"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
