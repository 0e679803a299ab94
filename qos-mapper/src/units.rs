// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times, sizes and rates as people write them: `10ms`, `1.5 KiB`, `80 MB/s`.

use rtu::Nanos;

use crate::cost::Picos;

/// A kind of quantity: what it is called, and its units with their worth in the smallest of them.
#[derive(Debug)]
pub(crate) struct Quantity {
    what: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u64)],
}

/// Times to the nanosecond.
pub(crate) const TIME: Quantity = Quantity {
    what: "a time",
    example: "10ms",
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ],
};

/// Times to the picosecond, for what one byte costs.
pub(crate) const FINE_TIME: Quantity = Quantity {
    what: "a time",
    example: "0.25ns",
    units: &[
        ("ps", 1),
        ("ns", 1_000),
        ("us", 1_000_000),
        ("µs", 1_000_000),
        ("ms", 1_000_000_000),
        ("s", 1_000_000_000_000),
    ],
};

/// Sizes in bytes.
pub(crate) const SIZE: Quantity = Quantity {
    what: "a size",
    example: "64KiB",
    units: &[
        ("B", 1),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ],
};

/// Rates in bits per second; the reader makes bytes of them.
pub(crate) const RATE: Quantity = Quantity {
    what: "a rate",
    example: "80MB/s",
    units: &[
        ("bit/s", 1),
        ("kbit/s", 1_000),
        ("Mbit/s", 1_000_000),
        ("Gbit/s", 1_000_000_000),
        ("B/s", 8),
        ("kB/s", 8_000),
        ("KiB/s", 8 << 10),
        ("MB/s", 8_000_000),
        ("MiB/s", 8 << 20),
        ("GB/s", 8_000_000_000),
        ("GiB/s", 8 << 30),
    ],
};

/// Decimals that a number may have.
const DECIMALS: usize = 12;

impl Quantity {
    /// Reads a number with a unit, in the smallest unit.
    ///
    /// # Errors
    /// What was expected, for people.
    pub(crate) fn parse(&self, text: &str) -> Result<u64, String> {
        let text = text.trim();
        let split = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = unit.trim();
        let Some((_, factor)) = self.units.iter().find(|(known, _)| *known == unit) else {
            return Err(self.expected(text));
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || decimals.len() > DECIMALS || number.ends_with('.') {
            return Err(self.expected(text));
        }
        scaled(whole, decimals, *factor).ok_or_else(|| {
            let smallest = self.units.first().map_or("", |(unit, _)| unit);
            format!("\"{text}\" is no whole number of {smallest}, or too many")
        })
    }

    /// Says what a text should have been.
    pub(crate) fn expected(&self, found: &str) -> String {
        let units: Vec<_> = self.units.iter().map(|(unit, _)| *unit).collect();
        format!(
            "expected {} such as \"{}\" (units: {}), found \"{found}\"",
            self.what,
            self.example,
            units.join(", ")
        )
    }

    /// Says what should stand where there is no text.
    pub(crate) fn expected_text(&self, found: &str) -> String {
        format!(
            "expected {} in quotes, such as \"{}\", found {found}",
            self.what, self.example
        )
    }
}

/// `whole.decimals × factor`, if that is a whole number within 64 bits.
fn scaled(whole: &str, decimals: &str, factor: u64) -> Option<u64> {
    let denominator = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let fraction = if decimals.is_empty() {
        0
    } else {
        decimals.parse::<u128>().ok()?
    };
    let digits = whole.parse::<u64>().ok().map(u128::from)?;
    let value = (digits * denominator + fraction).checked_mul(factor.into())?;
    (value % denominator == 0)
        .then(|| u64::try_from(value / denominator).ok())
        .flatten()
}

/// Shows a time to three decimals of its unit: `1.5 ms`.
pub fn show_time(span: Nanos) -> String {
    shown(
        span.0,
        &[(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")],
    )
}

/// Shows a size: in binary units where that is exact, otherwise in decimal ones.
pub fn show_size(bytes: u64) -> String {
    let binary = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match binary
        .iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
    {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => shown(
            bytes,
            &[(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"), (1, "B")],
        ),
    }
}

/// Shows a rate of bytes per second: `80 MB/s`.
pub fn show_rate(bytes_per_second: u64) -> String {
    let units = [
        (1_000_000_000, "GB/s"),
        (1_000_000, "MB/s"),
        (1_000, "kB/s"),
        (1, "B/s"),
    ];
    shown(bytes_per_second, &units)
}

/// Shows a share of a whole in percent, to one decimal: `12.5 %`.
pub fn show_share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The value in the largest unit that it reaches, to three decimals, the last one rounded up.
fn shown(value: u64, units: &[(u64, &str)]) -> String {
    let reached = units.iter().find(|(unit, _)| value >= *unit).or(units.last());
    let (unit, name) = reached.copied().unwrap_or((1, ""));
    let thousandths = (u128::from(value) * 1_000).div_ceil(u128::from(unit));
    let text = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{} {name}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes a time so that [`TIME`] reads the same.
pub(crate) fn write_time(span: Nanos) -> String {
    write(
        span.0,
        &[("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)],
    )
}

/// Writes a fine time so that [`FINE_TIME`] reads the same.
pub(crate) fn write_fine(span: Picos) -> String {
    write(span.0, &[("us", 1_000_000), ("ns", 1_000), ("ps", 1)])
}

/// Writes a size so that [`SIZE`] reads the same.
pub(crate) fn write_size(bytes: u64) -> String {
    write(bytes, &[("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)])
}

/// Writes a rate so that [`RATE`] reads the same.
pub(crate) fn write_rate(bytes_per_second: u64) -> String {
    write(
        bytes_per_second,
        &[
            ("GB/s", 1_000_000_000),
            ("MB/s", 1_000_000),
            ("kB/s", 1_000),
            ("B/s", 1),
        ],
    )
}

/// A whole number of the largest unit that divides it.
fn write(value: u64, units: &[(&str, u64)]) -> String {
    let exact = units
        .iter()
        .find(|(_, unit)| value.is_multiple_of(*unit) && value >= *unit);
    let (name, unit) = exact.or(units.last()).copied().unwrap_or(("", 1));
    format!("{}{name}", value / unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_units_and_may_have_decimals() {
        assert_eq!(TIME.parse("10ms"), Ok(10_000_000));
        assert_eq!(TIME.parse(" 1.5 µs "), Ok(1_500));
        assert_eq!(FINE_TIME.parse("0.25ns"), Ok(250));
        assert_eq!(SIZE.parse("64KiB"), Ok(65_536));
        assert_eq!(RATE.parse("1Gbit/s"), Ok(1_000_000_000));
        assert_eq!(RATE.parse("2.5MB/s"), Ok(20_000_000));
    }

    #[test]
    fn what_is_no_quantity_is_told_what_was_expected() {
        for wrong in [
            "", "10", "ms", ".5ms", "1.ms", "1.2.3ms", "-1ms", "10 m s", "1e3ms", "10MS",
        ] {
            let said = TIME.parse(wrong).unwrap_err();
            assert!(
                said.contains("\"10ms\"") || said.contains("whole number"),
                "{wrong}: {said}"
            );
        }
        assert!(TIME.parse("0.5ns").unwrap_err().contains("no whole number of ns"));
        assert!(
            TIME.parse("99999999999999999999s")
                .unwrap_err()
                .contains("too many")
        );
        assert!(TIME.parse("18446744074s").unwrap_err().contains("too many"));
    }

    #[test]
    fn quantities_are_shown_as_people_read_them() {
        assert_eq!(show_time(Nanos(0)), "0 ns");
        assert_eq!(show_time(Nanos(1_500_000)), "1.5 ms");
        assert_eq!(show_time(Nanos(1_234_567)), "1.235 ms");
        assert_eq!(show_size(65_536), "64 KiB");
        assert_eq!(show_size(1_500), "1.5 kB");
        assert_eq!(show_rate(80_000_000), "80 MB/s");
        assert_eq!(show_share(0.125), "12.5 %");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(value in any::<u64>()) {
            prop_assert_eq!(TIME.parse(&write_time(Nanos(value))), Ok(value));
            prop_assert_eq!(FINE_TIME.parse(&write_fine(Picos(value))), Ok(value));
            prop_assert_eq!(SIZE.parse(&write_size(value)), Ok(value));
            let rate = value / 8;
            prop_assert_eq!(RATE.parse(&write_rate(rate)), Ok(rate * 8));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            for quantity in [&TIME, &FINE_TIME, &SIZE, &RATE] {
                let _ = quantity.parse(&text);
            }
        }
    }
}
