// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `bench/targets.toml` holds the rows to.

use crate::lab::Measured;
use crate::plan::Unit;

/// The targets of one group.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// Each of them.
    pub(crate) targets: Vec<Target>,
}

/// A bound on a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The row's name.
    pub(crate) row: String,
    /// The contestant that ours is divided by; without one the value itself is bounded.
    pub(crate) over: Option<String>,
    /// The largest value allowed.
    pub(crate) at_most: Option<f64>,
    /// The smallest value allowed.
    pub(crate) at_least: Option<f64>,
}

impl Targets {
    /// Reads those of `group` from the file that was there when this program was built.
    pub(crate) fn of(group: &str) -> Result<Self, String> {
        Self::parse(include_str!("../targets.toml"), group)
    }

    fn parse(text: &str, group: &str) -> Result<Self, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| format!("bench/targets.toml: {error}"))?;
        let entries = table.get(group).and_then(toml::Value::as_array);
        let entries = entries.ok_or_else(|| format!("bench/targets.toml has no targets for `{group}`"))?;
        let targets: Result<_, String> = entries.iter().map(Target::parse).collect();
        Ok(Self { targets: targets? })
    }

    /// Those of a row.
    pub(crate) fn of_row<'a>(&'a self, row: &'a str) -> impl Iterator<Item = &'a Target> {
        self.targets.iter().filter(move |target| target.row == row)
    }

    /// What the row misses, in words.
    pub(crate) fn misses(&self, row: &Measured) -> Vec<String> {
        self.of_row(row.row.name)
            .filter(|target| !target.is_met(row))
            .map(|target| target.explain(row))
            .collect()
    }
}

impl Target {
    fn parse(entry: &toml::Value) -> Result<Self, String> {
        let text = |name| entry.get(name).and_then(toml::Value::as_str).map(str::to_owned);
        let number = |name| entry.get(name).and_then(toml::Value::as_float);
        let row = text("row").ok_or_else(|| format!("a target without `row`: {entry}"))?;
        let target = Self {
            row,
            over: text("over"),
            at_most: number("at_most"),
            at_least: number("at_least"),
        };
        if target.at_most.is_none() && target.at_least.is_none() {
            return Err(format!("the target of `{}` bounds nothing", target.row));
        }
        Ok(target)
    }

    /// The value that the target bounds.
    pub(crate) fn value(&self, row: &Measured) -> Option<f64> {
        match &self.over {
            Some(over) => row.ratio(over),
            None => row.of("ours").map(|contestant| contestant.summary.median),
        }
    }

    /// Whether the row keeps within the bounds; what was not measured does not.
    pub(crate) fn is_met(&self, row: &Measured) -> bool {
        self.value(row).is_some_and(|value| {
            self.at_most.is_none_or(|bound| value <= bound)
                && self.at_least.is_none_or(|bound| value >= bound)
        })
    }

    /// The bound, for people.
    pub(crate) fn bound(&self, unit: Unit) -> String {
        let show = |bound: f64| self.show(unit, bound, bound.to_string());
        let over = self
            .over
            .as_ref()
            .map_or(String::new(), |over| format!(" × {over}"));
        let most = self.at_most.map(|bound| format!("≤ {}{over}", show(bound)));
        let least = self.at_least.map(|bound| format!("≥ {}{over}", show(bound)));
        most.into_iter().chain(least).collect::<Vec<_>>().join(", ")
    }

    /// A value beside the bound, for people.
    pub(crate) fn show_value(&self, row: &Measured) -> String {
        let show = |value| self.show(row.row.unit, value, format!("{value:.3}"));
        self.value(row).map_or("not measured".to_owned(), show)
    }

    /// A ratio is a number, and all else has its unit.
    fn show(&self, unit: Unit, value: f64, plain: String) -> String {
        match self.over {
            Some(_) => plain,
            None => unit.show(value),
        }
    }

    fn explain(&self, row: &Measured) -> String {
        let (value, bound) = (self.show_value(row), self.bound(row.row.unit));
        format!("{}: {value}, target {bound}", self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::tests::measured;

    const TEXT: &str =
        "[[g]]\nrow = \"a\"\nover = \"raw\"\nat_most = 1.05\n[[g]]\nrow = \"a\"\nat_least = 3.0\n";

    #[test]
    fn a_ratio_is_held_to_its_bound() {
        let targets = Targets::parse(TEXT, "g").expect("valid");
        let near = measured("a", &[("ours", &[103.0, 104.0]), ("raw", &[100.0, 100.0])]);
        assert!(targets.misses(&near).is_empty());
        let far = measured("a", &[("ours", &[120.0, 110.0]), ("raw", &[100.0, 100.0])]);
        assert_eq!(targets.misses(&far), ["a: 1.150, target ≤ 1.05 × raw"]);
    }

    #[test]
    fn what_was_not_measured_misses() {
        let targets = Targets::parse(TEXT, "g").expect("valid");
        assert_eq!(
            targets.misses(&measured("a", &[("ours", &[5.0])])),
            ["a: not measured, target ≤ 1.05 × raw"]
        );
        assert_eq!(targets.misses(&measured("a", &[])).len(), 2);
    }

    #[test]
    fn a_target_that_bounds_nothing_is_an_error() {
        assert!(Targets::parse("[[g]]\nrow = \"a\"\n", "g").is_err());
        assert!(Targets::parse(TEXT, "other").is_err());
    }
}
