// SPDX-License-Identifier: MIT OR Apache-2.0
//! What would break an admitted set first.

use rtu::analysis::{AdmittedSet, Refusal, Task, TaskId, Whom};
use rtu::{Nanos, Urgency};

/// How much dearer a flow's messages may become before a promise breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// What its activations may cost, in percent of what they are planned to: the last value at which all is well. At
    /// least 100; at most 10,000, which stands for more.
    pub percent: u32,
    /// Whose deadline is missed then; none if guarantees then take more of the CPU than they may.
    pub breaks: Option<String>,
}

/// Where the search ends.
const MOST: u32 = 10_000;

/// Finds how much dearer the activations of one task may become. `usable` is the share that guarantees may take.
pub(crate) fn growth(
    set: &AdmittedSet,
    id: TaskId,
    usable: f64,
    name: impl Fn(TaskId) -> String,
) -> Option<Growth> {
    let task = *set.task(id)?;
    let mut others = set.clone();
    others.remove(id);
    let switches = set.overheads().switch * 2;
    let share = |task: &Task| (task.cost + switches).share_of(task.period);
    let guaranteed = others
        .tasks()
        .filter(|(_, it)| Urgency::is_guaranteed(it.urgency()));
    let left = usable - guaranteed.map(|(_, it)| share(it)).sum::<f64>();
    let mut fits = |percent| {
        let dearer = grown(&task, percent);
        share(&dearer) <= left && others.fits(&dearer)
    };
    let (mut well, mut broken) = (100, MOST + 1);
    while broken - well > 1 {
        let middle = well + (broken - well) / 2;
        if fits(middle) {
            well = middle;
        } else {
            broken = middle;
        }
    }
    let dearer = grown(&task, broken);
    let breaks = match others.admit(&dearer) {
        Err(Refusal::Miss(miss)) => Some(match miss.who {
            Whom::Candidate => name(id),
            Whom::Admitted(other) => name(other),
        }),
        _ => None,
    };
    Some(Growth {
        percent: well,
        breaks: breaks.filter(|_| share(&dearer) <= left),
    })
}

fn grown(task: &Task, percent: u32) -> Task {
    let grow = |time: Nanos| time * u64::from(percent) / 100;
    Task {
        cost: grow(task.cost),
        longest_iteration: grow(task.longest_iteration),
        ..*task
    }
}

#[cfg(test)]
mod tests {
    use rtu::Class;
    use rtu::analysis::Overheads;

    use super::*;

    fn task(period: u64, cost: u64) -> Task {
        Task {
            class: Class::Periodic,
            period: Nanos(period),
            cost: Nanos(cost),
            longest_iteration: Nanos(1),
            deadline: Nanos(period),
            jitter: Nanos::ZERO,
        }
    }

    #[test]
    fn a_lone_task_may_grow_to_what_is_usable() {
        let mut set = AdmittedSet::new(Overheads::default());
        let id = set.admit(&task(1_000, 200)).unwrap().id;
        let found = growth(&set, id, 0.9, |_| String::new()).unwrap();
        assert_eq!(
            found,
            Growth {
                percent: 450,
                breaks: None
            }
        );
    }

    #[test]
    fn the_one_that_would_miss_is_named() {
        let mut set = AdmittedSet::new(Overheads::default());
        let fast = set.admit(&task(1_000, 300)).unwrap().id;
        let slow = set.admit(&task(1_500, 600)).unwrap().id;
        let name = |id| {
            if id == slow {
                "slow".to_owned()
            } else {
                "fast".to_owned()
            }
        };
        // Two activations of the fast one and one of the slow fit into 1,500 as long as the fast takes 450.
        let found = growth(&set, fast, 1.0, name).unwrap();
        assert_eq!(
            found,
            Growth {
                percent: 150,
                breaks: Some("slow".into())
            }
        );
    }

    #[test]
    fn what_is_negligible_may_grow_beyond_the_search() {
        let mut set = AdmittedSet::new(Overheads::default());
        let id = set.admit(&task(1_000_000, 10)).unwrap().id;
        assert_eq!(growth(&set, id, 1.0, |_| String::new()).unwrap().percent, MOST);
    }
}
