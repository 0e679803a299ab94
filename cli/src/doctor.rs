// SPDX-License-Identifier: MIT OR Apache-2.0
//! `upcall doctor`: what of this machine keeps upcalls from being in time.

use clap::Args;
use rtu::doctor::{Check, Verdict, examine};
use serde_json::json;

use crate::failure::Failure;
use crate::output::say;

/// How to print it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks at the machine, and returns what to print.
///
/// # Errors
///
/// If something makes real-time upcalls impossible; the error has all that would have been printed.
pub(crate) fn run(options: &Options) -> Result<String, Failure> {
    report(&examine(), options.json)
}

fn report(checks: &[Check], json: bool) -> Result<String, Failure> {
    let text = if json { as_json(checks) } else { as_text(checks) };
    let unusable = checks.iter().filter(|check| check.verdict == Verdict::Unusable);
    let unusable: Vec<&str> = unusable.map(|check| check.name).collect();
    if unusable.is_empty() {
        return Ok(text);
    }
    // What was found is the answer in any case, so it goes where answers go.
    say(text)?;
    let what = unusable.join(", ");
    Err(Failure::new(format!(
        "real-time upcalls do not work on this machine: {what}"
    )))
}

fn as_text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = check.verdict.word();
        text.push_str(&format!("{word:<8}  {:<width$}  {}\n", check.name, check.found));
        let indent = " ".repeat(width + 12);
        if let Some(cost) = &check.cost {
            text.push_str(&format!("{indent}costs:  {cost}\n"));
        }
        if let Some(remedy) = &check.remedy {
            text.push_str(&format!("{indent}change: {remedy}\n"));
        }
    }
    text
}

fn as_json(checks: &[Check]) -> String {
    let checks: Vec<_> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "verdict": check.verdict.word(),
                "found": check.found,
                "cost": check.cost,
                "remedy": check.remedy,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "checks": checks }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict) -> Check {
        Check {
            name: "timers",
            verdict,
            found: "4ms apart".to_owned(),
            cost: Some("time".to_owned()),
            remedy: None,
        }
    }

    #[test]
    fn a_line_says_how_good_something_is_and_the_next_what_it_costs() {
        let text = report(&[check(Verdict::Poor)], false).unwrap();
        assert_eq!(
            text,
            "poor      timers  4ms apart\n                  costs:  time\n"
        );
    }

    #[test]
    fn json_has_everything() {
        let text = report(&[check(Verdict::Note)], true).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = json!({"checks": [{"name": "timers", "verdict": "note", "found": "4ms apart", "cost": "time", "remedy": null}]});
        assert_eq!(value, expected);
    }

    #[test]
    fn only_what_is_unusable_is_an_error() {
        assert!(
            report(&examine(), false).is_ok()
                || examine().iter().any(|check| check.verdict == Verdict::Unusable)
        );
        let failure = report(&[check(Verdict::Unusable)], true).unwrap_err();
        assert!(failure.to_string().contains("timers"), "{failure}");
    }
}
