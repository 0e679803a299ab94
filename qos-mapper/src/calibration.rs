// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calibration file: a machine and its costs, measured once and kept.

use std::collections::BTreeMap;
use std::fmt;

use crate::cost::{CostModel, FlowCost, TypeCost};
use crate::machine::{Link, Machine};
use crate::read::{FileErrors, Section, read};
use crate::units::{write_fine, write_rate, write_size, write_time};

/// What a calibration run measured, or a file describes.
///
/// Its `Display` is the file, which [`parse`](Self::parse) reads back to the same. What a file does not name has its
/// conservative default.
///
/// ```
/// let described = qos_mapper::Calibration::parse("version = 1\n[costs]\nupcall = \"3us\"\n")?;
/// assert_eq!(described.costs.upcall, rtu::Nanos::from_micros(3));
/// assert_eq!(qos_mapper::Calibration::parse(&described.to_string())?, described);
/// # Ok::<(), qos_mapper::FileErrors>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    /// When and how it was measured; shown only.
    pub made: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// Its costs.
    pub costs: CostModel,
}

/// The version of the file that is written, and the only one that is read.
const VERSION: u64 = 1;
/// The highest number that a CPU may have.
const HIGHEST_CPU: i128 = 4095;

impl Calibration {
    /// Reads a calibration file.
    ///
    /// # Errors
    /// All mistakes in it, with line and column.
    pub fn parse(text: &str) -> Result<Self, FileErrors> {
        read(text, |root| {
            let version = root.need("version", root.count("version", 0..=u64::from(u32::MAX)));
            if let Some(version) = version.filter(|it| *it != VERSION) {
                root.wrong_value(
                    "version",
                    format!("this is version {version} of the file; 1 is understood"),
                );
                // What another version's keys are is not known, so none is called unknown.
                root.ignore_rest();
                return None;
            }
            let made = root.text("made").map(str::to_owned);
            let machine = root
                .section("machine")
                .map_or_else(Machine::default, |it| machine(&it));
            let costs = root
                .section("costs")
                .map_or_else(CostModel::default, |it| costs(&it));
            Some(Self { made, machine, costs })
        })
    }
}

/// Reads the section that describes a machine; the QoS file has it, too.
pub(crate) fn machine(section: &Section<'_>) -> Machine {
    let mut machine = Machine {
        name: section.text("name").map(str::to_owned),
        ..Machine::default()
    };
    if let Some(cpus) = section.numbers("cpus", 0..=HIGHEST_CPU) {
        machine.cpus = cpus.iter().filter_map(|cpu| u32::try_from(*cpu).ok()).collect();
        if machine.cpus.is_empty() {
            section.wrong_value("cpus", "`cpus`: expected at least one CPU");
        }
        let mut sorted = machine.cpus.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            section.wrong_value("cpus", "`cpus`: a CPU is there twice");
        }
    }
    set(&mut machine.switch, section.time("switch"));
    set(&mut machine.jitter, section.time("jitter"));
    let usable = section.count("usable", 1..=100);
    set(&mut machine.usable, usable.and_then(|it| u8::try_from(it).ok()));
    set(&mut machine.ring_memory, section.size("ring_memory"));
    set(&mut machine.largest_ring, section.size("largest_ring"));
    if let Some(link) = section.section("link") {
        machine.link = read_link(&link);
    }
    section.finish();
    machine
}

fn read_link(section: &Section<'_>) -> Link {
    let mut link = Link::default();
    set(&mut link.rate, section.rate("rate"));
    let mtu = section.count("mtu", 68..=u64::from(u32::MAX));
    set(&mut link.mtu, mtu.and_then(|it| u32::try_from(it).ok()));
    set(&mut link.round_trip, section.time("round_trip"));
    section.finish();
    link
}

fn costs(section: &Section<'_>) -> CostModel {
    let mut costs = CostModel::default();
    set(&mut costs.upcall, section.time("upcall"));
    set(&mut costs.message, section.time("message"));
    set(&mut costs.byte, section.fine_time("byte"));
    set(&mut costs.servant, section.time("servant"));
    if let Some(sending) = section.section("sending") {
        costs.sending = sending_cost(&sending, costs.sending);
    }
    if let Some(other) = section.section("other_types") {
        costs.other_types = type_cost(&other);
    }
    if let Some(types) = section.section("types") {
        let each = types.named().into_iter();
        costs.types = each.map(|(name, section)| (name, type_cost(&section))).collect();
    }
    if let Some(servants) = section.section("servants") {
        costs.servants = worst_cases(&servants);
    }
    section.finish();
    costs
}

fn sending_cost(section: &Section<'_>, mut cost: FlowCost) -> FlowCost {
    set(&mut cost.upcall, section.time("upcall"));
    set(&mut cost.message, section.time("message"));
    set(&mut cost.byte, section.fine_time("byte"));
    section.finish();
    cost
}

fn type_cost(section: &Section<'_>) -> TypeCost {
    let cost = TypeCost {
        message: section
            .need("message", section.time("message"))
            .unwrap_or_default(),
        byte: section
            .need("byte", section.fine_time("byte"))
            .unwrap_or_default(),
    };
    section.finish();
    cost
}

fn worst_cases(section: &Section<'_>) -> BTreeMap<String, rtu::Nanos> {
    let each = section.named().into_iter().filter_map(|(name, servant)| {
        let longest = servant.need("worst_case", servant.time("worst_case"));
        servant.finish();
        longest.map(|longest| (name, longest))
    });
    each.collect()
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What a machine is and what messages cost on it. `upcall calibrate` writes this file;"
        )?;
        writeln!(f, "# docs/qos-guide.md explains it.")?;
        writeln!(f, "version = {VERSION}")?;
        if let Some(made) = &self.made {
            writeln!(f, "made = {}", quoted(made))?;
        }
        write_machine(f, &self.machine)?;
        write_costs(f, &self.costs)
    }
}

fn write_machine(f: &mut fmt::Formatter<'_>, machine: &Machine) -> fmt::Result {
    writeln!(f, "\n[machine]")?;
    if let Some(name) = &machine.name {
        writeln!(f, "name = {}", quoted(name))?;
    }
    writeln!(f, "cpus = {:?}", machine.cpus)?;
    writeln!(f, "switch = \"{}\"", write_time(machine.switch))?;
    writeln!(f, "jitter = \"{}\"", write_time(machine.jitter))?;
    writeln!(f, "usable = {}", machine.usable)?;
    writeln!(f, "ring_memory = \"{}\"", write_size(machine.ring_memory))?;
    writeln!(f, "largest_ring = \"{}\"", write_size(machine.largest_ring))?;
    writeln!(f, "\n[machine.link]")?;
    writeln!(f, "rate = \"{}\"", write_rate(machine.link.rate))?;
    writeln!(f, "mtu = {}", machine.link.mtu)?;
    writeln!(f, "round_trip = \"{}\"", write_time(machine.link.round_trip))
}

fn write_costs(f: &mut fmt::Formatter<'_>, costs: &CostModel) -> fmt::Result {
    writeln!(f, "\n[costs]")?;
    writeln!(f, "upcall = \"{}\"", write_time(costs.upcall))?;
    writeln!(f, "message = \"{}\"", write_time(costs.message))?;
    writeln!(f, "byte = \"{}\"", write_fine(costs.byte))?;
    writeln!(f, "servant = \"{}\"", write_time(costs.servant))?;
    writeln!(f, "\n[costs.sending]")?;
    writeln!(f, "upcall = \"{}\"", write_time(costs.sending.upcall))?;
    writeln!(f, "message = \"{}\"", write_time(costs.sending.message))?;
    writeln!(f, "byte = \"{}\"", write_fine(costs.sending.byte))?;
    writeln!(f, "\n[costs.other_types]")?;
    write_type(f, &costs.other_types)?;
    for (name, cost) in &costs.types {
        writeln!(f, "\n[costs.types.{}]", quoted(name))?;
        write_type(f, cost)?;
    }
    for (name, longest) in &costs.servants {
        writeln!(f, "\n[costs.servants.{}]", quoted(name))?;
        writeln!(f, "worst_case = \"{}\"", write_time(*longest))?;
    }
    Ok(())
}

fn write_type(f: &mut fmt::Formatter<'_>, cost: &TypeCost) -> fmt::Result {
    writeln!(f, "message = \"{}\"", write_time(cost.message))?;
    writeln!(f, "byte = \"{}\"", write_fine(cost.byte))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
