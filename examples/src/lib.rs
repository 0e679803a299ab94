// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the demonstration's programs share: how they find a naming service and the object in it, and where their
//! round trips are counted. Start reading at `src/bin/server.rs` and `src/bin/client.rs`, which share nothing.

use std::fmt::Display;

/// The name under which the demonstration's server binds its object.
pub const NAME: &str = "telemetry/sensor-0.sensor";

/// The value of `--name` among this program's arguments.
///
/// # Errors
///
/// Names the option that is missing.
pub fn option(name: &str) -> Result<String, String> {
    let mut words = std::env::args().skip(1);
    let wanted = format!("--{name}");
    let value = words
        .by_ref()
        .find(|word| *word == wanted)
        .and_then(|_| words.next());
    value.ok_or_else(|| format!("`{wanted} VALUE` is missing"))
}

/// An error with what was being done.
pub fn doing<E: Display>(what: &str) -> impl Fn(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_option_is_named() {
        assert_eq!(
            option("no-such-option"),
            Err("`--no-such-option VALUE` is missing".into())
        );
    }

    #[test]
    fn an_error_says_what_was_being_done() {
        assert_eq!(
            doing("opening the file")("no such file"),
            "opening the file: no such file"
        );
    }
}
