// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many random sets: is every promise kept, and how much is refused for nothing?

use std::fmt;

use crate::Nanos;
use crate::analysis::{Overheads, Task, growth, hyperbolic, liu_layland, response_times};

use super::{Course, Iterations, Random, Sets, run};

/// What came of many random sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How many sets there were.
    pub sets: u64,
    /// How many of them the response times admit.
    pub admitted: u64,
    /// How many of them the hyperbolic bound admits as well.
    pub by_hyperbolic: u64,
    /// How many of them Liu and Layland's bound admits as well.
    pub by_liu_layland: u64,
    /// How many deadlines were missed by admitted sets: none, if the analysis is right.
    pub broken_promises: u64,
    /// How many response times of admitted sets were longer than said: none, if the analysis is right.
    pub too_long: u64,
    /// The first set with a promise that was broken, to look at.
    pub first_broken: Option<u64>,
    /// How many refused sets missed nothing either, in any run.
    pub refused_for_nothing: u64,
    /// How many activations were simulated.
    pub activations: u64,
    /// How close the admitted came to what was said: the longest seen share of a response time, on average per set.
    pub tightness: f64,
}

/// Makes, judges and runs random sets of 2 to 12 tasks, numbered from `first`; each number is always the same set.
///
/// Periods span a factor of 30, utilisation goes from 0.3 to 1, and both kinds of guaranteed tasks, early deadlines,
/// blocking, switch cost and jitter are mixed in.
#[must_use]
pub fn campaign(first: u64, sets: u64) -> Report {
    let mut report = Report::default();
    for number in first..first.saturating_add(sets) {
        let mut random = Random::new(number);
        let (tasks, overheads) = sample(&mut random);
        report.sets += 1;
        report.by_liu_layland += u64::from(liu_layland(&tasks, &overheads));
        report.by_hyperbolic += u64::from(hyperbolic(&tasks, &overheads));
        match promised(&tasks, &overheads) {
            Some(promised) => {
                report.admitted += 1;
                report.hold(number, &tasks, &overheads, &promised, &mut random);
            }
            None => report.retry(&tasks, &overheads, &mut random),
        }
    }
    report
}

/// Returns the mean breakdown utilisation of random sets of ten: to what all costs can grow before one is refused.
///
/// Periods are log-uniform over a factor of 100 from a millisecond on, deadlines are the periods, and iterations take at
/// most `iteration`.
#[must_use]
pub fn mean_breakdown(seed: u64, sets: u32, overheads: &Overheads, iteration: Nanos) -> f64 {
    let mut random = Random::new(seed);
    let shape = Sets {
        tasks: 10,
        utilisation: 0.5,
        shortest: Nanos::from_millis(1),
        longest: Nanos::from_millis(100),
        iterations: Iterations::Fixed(iteration),
        low_delay: 0.0,
        early_deadlines: 0.0,
    };
    let total: f64 = (0..sets)
        .map(|_| {
            let tasks = shape.sample(&mut random);
            let utilisation: f64 = tasks.iter().map(Task::utilisation).sum();
            utilisation * growth(&tasks, overheads)
        })
        .sum();
    total / f64::from(sets.max(1))
}

fn sample(random: &mut Random) -> (Vec<Task>, Overheads) {
    let shortest = Nanos::from_millis(1);
    let count = random.within(2, 12);
    let sets = Sets {
        tasks: usize::try_from(count).unwrap_or(2),
        utilisation: 0.3 + 0.7 * random.unit(),
        shortest,
        longest: shortest * 30,
        iterations: Iterations::UpTo(0.3),
        low_delay: if random.chance(0.5) { 0.3 } else { 0.0 },
        early_deadlines: if random.chance(0.5) { 0.5 } else { 0.0 },
    };
    let overheads = Overheads {
        switch: Nanos(random.within(0, shortest.0 / 200)),
        jitter: Nanos(random.within(0, shortest.0 / 20)),
    };
    (sets.sample(random), overheads)
}

/// The response time of every task, if all are in time.
fn promised(tasks: &[Task], overheads: &Overheads) -> Option<Vec<Nanos>> {
    let promise = |(task, response): (&Task, Option<Nanos>)| {
        let response = response? + overheads.jitter;
        (response <= task.deadline.min(task.period)).then_some(response)
    };
    let responses = response_times(tasks, overheads);
    tasks.iter().zip(responses).map(promise).collect()
}

fn courses(tasks: &[Task], worst_cases: usize, random: &mut Random) -> Vec<Course> {
    let length = tasks.iter().map(|task| task.period).max().unwrap_or_default() * 2;
    let any = Course {
        victim: None,
        length,
        worst_case: false,
    };
    let first = random.within(0, tasks.len() as u64);
    let worst = (0..worst_cases as u64).map(|step| {
        let victim = (first + step) % (tasks.len() as u64).max(1);
        Course {
            victim: usize::try_from(victim).ok(),
            worst_case: true,
            ..any
        }
    });
    worst.chain([any]).collect()
}

impl Report {
    /// Runs an admitted set, and sees whether what was promised holds.
    fn hold(
        &mut self,
        number: u64,
        tasks: &[Task],
        overheads: &Overheads,
        promised: &[Nanos],
        random: &mut Random,
    ) {
        let mut tightest = 0.0_f64;
        for course in courses(tasks, 2, random) {
            let seen = run(tasks, overheads, &course, random);
            self.activations += seen.completions;
            self.broken_promises += seen.misses;
            let pairs = || seen.longest.iter().zip(promised);
            let too_long = pairs().filter(|(seen, promised)| seen > promised).count();
            self.too_long += too_long as u64;
            if (seen.misses > 0 || too_long > 0) && self.first_broken.is_none() {
                self.first_broken = Some(number);
            }
            tightest = pairs()
                .map(|(seen, promised)| seen.share_of(*promised))
                .fold(tightest, f64::max);
        }
        let others = (self.admitted - 1) as f64;
        self.tightness = (self.tightness * others + tightest) / (others + 1.0);
    }

    /// Runs a refused set from the beginning that is worst for each of its tasks, to see whether any is missed.
    fn retry(&mut self, tasks: &[Task], overheads: &Overheads, random: &mut Random) {
        let missed = courses(tasks, tasks.len(), random).iter().any(|course| {
            let seen = run(tasks, overheads, course, random);
            self.activations += seen.completions;
            seen.misses > 0
        });
        self.refused_for_nothing += u64::from(!missed);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
        let refused = self.sets - self.admitted;
        writeln!(f, "random sets               {}", self.sets)?;
        writeln!(
            f,
            "admitted                  {} ({:.1} %; by the hyperbolic bound {:.1} %, by Liu and Layland's {:.1} %)",
            self.admitted,
            percent(self.admitted, self.sets),
            percent(self.by_hyperbolic, self.sets),
            percent(self.by_liu_layland, self.sets),
        )?;
        writeln!(f, "  deadlines missed        {}", self.broken_promises)?;
        writeln!(f, "  longer than said        {}", self.too_long)?;
        writeln!(
            f,
            "  longest seen / said     {:.3}, mean of the sets",
            self.tightness
        )?;
        if let Some(number) = self.first_broken {
            writeln!(f, "  first broken promise    set {number}")?;
        }
        writeln!(f, "refused                   {refused}")?;
        writeln!(
            f,
            "  missed nothing either   {} ({:.1} %)",
            self.refused_for_nothing,
            percent(self.refused_for_nothing, refused),
        )?;
        write!(f, "activations simulated     {}", self.activations)
    }
}
