// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what `cargo test` prints: how many tests passed, and which said that they could not run.

use std::collections::BTreeSet;

/// The mark of a line that says what could not run here, and why.
pub(crate) const SKIPPED: &str = "SKIPPED:";

/// What a run came to so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests and checks that held.
    pub(crate) passed: usize,
    /// Names of what failed.
    pub(crate) failed: Vec<String>,
    /// What could not run, each with its reason.
    pub(crate) skipped: BTreeSet<String>,
}

impl Tally {
    /// The closing line, in the form that CI reads.
    pub(crate) fn closing_line(&self) -> String {
        let (failed, skipped) = (self.failed.len(), self.skipped.len());
        format!("{} passed, {failed} failed, {skipped} skipped", self.passed)
    }

    /// Counts a check that is no test of cargo's.
    pub(crate) fn check(&mut self, name: &str, held: bool) {
        if held {
            self.passed += 1;
        } else {
            self.failed.push(name.to_owned());
        }
    }
}

/// Follows the output of `cargo test -- --show-output`, line by line.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    tally: Tally,
    /// Inside the section that repeats what passing tests printed.
    within_successes: bool,
    /// Tests of the current binary that passed by saying they could not run.
    skipped_here: usize,
}

impl Reader {
    /// Takes one line, and says whether a person wants to see it.
    pub(crate) fn line(&mut self, line: &str) -> bool {
        if let Some(reason) = skip_reason(line) {
            let reason = reason.to_owned();
            if self.tally.skipped.insert(reason) && self.within_successes {
                self.skipped_here += 1;
            }
            return true;
        }
        if line == "successes:" {
            self.within_successes = true;
        } else if line == "failures:" {
            self.within_successes = false;
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.within_successes = false;
            self.result(result);
        } else if let Some(test) = line.strip_prefix("test ") {
            self.test(test);
        }
        !self.within_successes
    }

    /// What all lines came to.
    pub(crate) fn finish(self) -> Tally {
        self.tally
    }

    fn test(&mut self, test: &str) {
        let Some((name, verdict)) = test.rsplit_once(" ... ") else {
            return;
        };
        if verdict == "FAILED" {
            self.tally.failed.push(name.to_owned());
        } else if let Some(reason) = verdict.strip_prefix("ignored") {
            let reason = reason.trim_start_matches(", ");
            let reason = if reason.is_empty() {
                "marked `ignore`"
            } else {
                reason
            };
            self.tally.skipped.insert(format!("{name}: {reason}"));
        }
    }

    fn result(&mut self, result: &str) {
        let passed = result
            .split_once(" passed")
            .and_then(|(before, _)| before.rsplit(' ').next())
            .and_then(|count| count.parse::<usize>().ok())
            .unwrap_or(0);
        self.tally.passed += passed.saturating_sub(self.skipped_here);
        self.skipped_here = 0;
    }
}

fn skip_reason(line: &str) -> Option<&str> {
    let (before, reason) = line.split_once(SKIPPED)?;
    before.trim().is_empty().then(|| reason.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Tally, Vec<&str>) {
        let mut reader = Reader::default();
        let shown = text.lines().filter(|line| reader.line(line)).collect();
        (reader.finish(), shown)
    }

    #[test]
    fn results_of_several_binaries_add_up() {
        let (tally, _) = read(
            "test a ... ok\ntest result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
             test b::c ... FAILED\ntest result: FAILED. 3 passed; 1 failed; 0 ignored\n",
        );
        assert_eq!(tally.passed, 15);
        assert_eq!(tally.failed, ["b::c"]);
        assert_eq!(tally.closing_line(), "15 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_test_that_could_not_run_is_no_pass() {
        let (tally, shown) = read(
            "test x ... ok\n\nsuccesses:\n\n---- x stdout ----\nSKIPPED: x: tshark is missing\nnoise\n\n\
             successes:\n    x\n\ntest result: ok. 2 passed; 0 failed\n",
        );
        assert_eq!((tally.passed, tally.skipped.len()), (1, 1));
        assert!(tally.skipped.contains("x: tshark is missing"));
        assert!(!shown.contains(&"noise"));
        assert!(shown.iter().any(|line| line.starts_with("test result")));
    }

    #[test]
    fn an_ignored_test_counts_as_skipped() {
        let (tally, _) =
            read("test slow ... ignored, needs a day\ntest result: ok. 0 passed; 0 failed; 1 ignored\n");
        assert!(tally.skipped.contains("slow: needs a day"));
    }

    #[test]
    fn what_failing_tests_printed_is_shown() {
        let (_, shown) =
            read("successes:\nquiet\nfailures:\n---- x stdout ----\nwhy\ntest result: FAILED. 0 passed\n");
        assert!(shown.contains(&"why") && !shown.contains(&"quiet"));
    }
}
