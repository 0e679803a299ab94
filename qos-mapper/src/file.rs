// SPDX-License-Identifier: MIT OR Apache-2.0
//! The QoS file: what is asked for objects, by POA path and object id.

use std::time::Duration;

use orb_core::qos::Qos;
use rtu::Nanos;
use rtu::scheduler::Overrun;

use crate::calibration::machine;
use crate::glob::Glob;
use crate::join::join;
use crate::machine::Machine;
use crate::read::{FileErrors, Section, read};
use crate::request::Request;

/// A QoS file, `upcall.toml` by custom.
///
/// ```
/// let file = qos_mapper::QosFile::parse(r#"
///     [[object]]
///     poa = "telemetry/**"
///     id = "sensor-*"
///     class = "isochronous"
///     period = "10ms"
///     messages = 4
///     worst_case = "50us"
/// "#)?;
/// assert!(file.find("telemetry/indoor", b"sensor-7").is_some());
/// assert!(file.find("", b"sensor-7").is_none());
/// # Ok::<(), qos_mapper::FileErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct QosFile {
    /// The machine, if the file describes one.
    pub machine: Option<Machine>,
    /// What is asked for, in the order of the file.
    pub objects: Vec<ObjectEntry>,
}

/// One `[[object]]` of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectEntry {
    /// What it is called; its globs if it has no name.
    pub name: String,
    /// The line it begins in.
    pub line: usize,
    /// The POAs it is for, by their path below the root: `telemetry/indoor`; the root POA's is empty.
    pub poa: Glob,
    /// The object ids it is for.
    pub id: Glob,
    /// What is asked for.
    pub request: Request,
    /// The group on whose lane its objects are, if they share one with others.
    pub group: Option<String>,
    /// How many flows (objects × clients, of a group as many as clients) a check of the file counts. Defaults to 1.
    pub flows: u32,
}

/// The most flows that an entry may have in a check.
const MOST_FLOWS: u64 = 10_000;

#[derive(Clone, Copy)]
enum ClassName {
    Isochronous,
    Burst,
    LowDelay,
    BestEffort,
}

impl QosFile {
    /// Reads a QoS file.
    ///
    /// # Errors
    /// All mistakes in it, with line and column, and what was expected. Keys that a class does not have are mistakes.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        read(text, |root| {
            let machine = root.section("machine").map(|it| machine(&it));
            let mut objects: Vec<ObjectEntry> = Vec::new();
            for section in root.sections("object") {
                let wrong = section.place();
                if let Some(entry) = object(section) {
                    if let Some(why) = excluded(&objects, &entry) {
                        root.wrong_at(wrong, why);
                    }
                    objects.push(entry);
                }
            }
            Some(Self { objects, machine })
        })
    }

    /// Returns the entry for an object: the last one that matches.
    pub fn find(&self, poa_path: &str, object_id: &[u8]) -> Option<&ObjectEntry> {
        let mut from_last = self.objects.iter().rev();
        from_last.find(|it| it.poa.matches(poa_path.as_bytes()) && it.id.matches(object_id))
    }
}

fn object(mut section: Section<'_>) -> Option<ObjectEntry> {
    let name = section.text("name");
    let (poa, id) = (glob(&section, "poa"), glob(&section, "id"));
    let shown = match name {
        Some(name) => name.to_owned(),
        None => {
            let text = |glob: &Option<Glob>| glob.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{}:{}", text(&poa), text(&id))
        }
    };
    let flows = section
        .count("flows", 1..=MOST_FLOWS)
        .and_then(|it| u32::try_from(it).ok());
    let cpu = section
        .count("cpu", 0..=4095)
        .and_then(|it| u32::try_from(it).ok());
    let types = section.texts("types").unwrap_or_default();
    let on_overrun = section.word(
        "on_overrun",
        &[
            ("log", Overrun::Log),
            ("defer", Overrun::Defer),
            ("demote", Overrun::Demote),
        ],
    );
    let group = group(&section);
    let qos = request(&mut section);
    section.finish();
    Some(ObjectEntry {
        name: shown,
        line: section.line(),
        poa: poa?,
        id: id?,
        request: Request {
            types,
            on_overrun: on_overrun.unwrap_or(Overrun::Defer),
            cpu,
            ..Request::new(qos?)
        },
        group,
        flows: flows.unwrap_or(1),
    })
}

/// Says why an entry cannot be in its group beside those before it.
fn excluded(before: &[ObjectEntry], entry: &ObjectEntry) -> Option<String> {
    let group = entry.group.as_deref()?;
    // What is not declared here may be elsewhere.
    let declared = |entry: &ObjectEntry| Request {
        qos: entry.request.qos.clone().worst_case(Duration::from_nanos(1)),
        ..entry.request.clone()
    };
    let members = before.iter().filter(|it| it.group.as_deref() == Some(group));
    let requests: Vec<_> = members.chain([entry]).map(declared).collect();
    let refusal = join(&requests).err()?;
    Some(format!("the group `{group}`: {refusal}"))
}

/// A name that is not empty.
fn group(section: &Section<'_>) -> Option<String> {
    let name = section.text("group")?;
    if name.is_empty() {
        section.wrong_value("group", "`group`: expected a name");
    }
    Some(name.to_owned())
}

/// A pattern; everything if there is none.
fn glob(section: &Section<'_>, key: &'static str) -> Option<Glob> {
    let text = section.text(key).unwrap_or("**");
    Glob::new(text)
        .map_err(|error| section.wrong_value(key, format!("`{key}`: {error}")))
        .ok()
}

fn request(section: &mut Section<'_>) -> Option<Qos> {
    let classes = [
        ("isochronous", ClassName::Isochronous),
        ("burst", ClassName::Burst),
        ("low_delay", ClassName::LowDelay),
        ("best_effort", ClassName::BestEffort),
    ];
    let Some(class) = section.need("class", section.word("class", &classes)) else {
        // Which keys belong to an unknown class is not known.
        section.ignore_rest();
        return None;
    };
    let named = classes.get(class as usize).map_or("", |(name, _)| name);
    section.rename(format!("an object of class {named}"));
    let qos = match class {
        ClassName::Isochronous => isochronous(section),
        ClassName::Burst => burst(section),
        ClassName::LowDelay => low_delay(section),
        ClassName::BestEffort => {
            let weight = section.count("weight", 1..=u64::from(u32::MAX) / 4);
            return Some(Qos::best_effort(
                weight.and_then(|it| u32::try_from(it).ok()).unwrap_or(1),
            ));
        }
    };
    let worst_case = duration(section, "worst_case");
    let qos = qos?;
    Some(match worst_case {
        Some(longest) => qos.worst_case(longest),
        None => qos,
    })
}

fn isochronous(section: &Section<'_>) -> Option<Qos> {
    let period = section.need("period", duration(section, "period"));
    let messages = section.count("messages", 1..=u64::from(u32::MAX));
    let messages = messages.and_then(|it| u32::try_from(it).ok()).unwrap_or(1);
    let (size, deadline) = (message_size(section), duration(section, "deadline"));
    Some(with(Qos::isochronous(period?, messages), size, deadline))
}

fn burst(section: &Section<'_>) -> Option<Qos> {
    let bandwidth = section.need("bandwidth", section.rate("bandwidth"));
    let burst_size = section.need("burst_size", section.size("burst_size"));
    let (size, deadline) = (message_size(section), duration(section, "deadline"));
    let burst_size = usize::try_from(burst_size?).unwrap_or(usize::MAX);
    Some(with(Qos::burst(bandwidth?, burst_size), size, deadline))
}

fn low_delay(section: &Section<'_>) -> Option<Qos> {
    let delay = section.need("delay", duration(section, "delay"));
    let interval = duration(section, "minimum_interval");
    let size = message_size(section);
    let priority = section.integer("priority", i16::MIN.into()..=i16::MAX.into());
    let priority = priority.and_then(|it| i16::try_from(it).ok()).unwrap_or(0);
    let qos = with(Qos::low_delay(delay?), size, None).priority(priority);
    Some(match interval {
        Some(interval) => qos.minimum_interval(interval),
        None => qos,
    })
}

fn with(mut qos: Qos, size: Option<usize>, deadline: Option<Duration>) -> Qos {
    if let Some(size) = size {
        qos = qos.message_size(size);
    }
    match deadline {
        Some(deadline) => qos.deadline(deadline),
        None => qos,
    }
}

fn message_size(section: &Section<'_>) -> Option<usize> {
    section
        .size("message_size")
        .map(|it| usize::try_from(it).unwrap_or(usize::MAX))
}

/// A time that is not zero.
fn duration(section: &Section<'_>, key: &'static str) -> Option<Duration> {
    let time = section.time(key)?;
    if time == Nanos::ZERO {
        section.wrong_value(key, format!("`{key}`: expected a time above zero"));
        return None;
    }
    Some(time.into())
}

#[cfg(test)]
mod tests;
