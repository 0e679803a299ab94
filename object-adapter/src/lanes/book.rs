// SPDX-License-Identifier: MIT OR Apache-2.0
//! The book of grants, kept in step with what other processes have admitted on the same CPUs.

use qos_mapper::{Admission, Bottleneck, CpuShortage, GrantId, Refusal};
use rtu::{Class, Nanos, analysis::Task};

use super::Running;

/// As what the share of other processes is counted. Their RTUs are not known one by one; those of all executives have turns.
const OTHERS_PERIOD: Nanos = Nanos::from_millis(100);
const OTHERS_ITERATION: Nanos = Nanos::from_micros(100);

impl Running {
    /// Changes what is granted, beside what other processes have admitted: all of the change holds, or nothing of it.
    pub(super) fn negotiate<T, E: From<Refusal>>(
        &self,
        change: impl FnOnce(&mut Admission) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut book = self.book.lock();
        for cpu in book.machine().cpus.clone() {
            let share = self.executive.external_load(cpu as usize);
            // If others have taken more than what was left, nothing more is granted there, and that is said.
            book.set_external(cpu, &others(share));
        }
        let before = book.clone();
        let agreed = change(&mut book).and_then(|agreed| Ok(self.publish(&book).map(|()| agreed)?));
        if agreed.is_err() {
            *book = before;
            self.publish_as_is(&book);
        }
        agreed
    }

    /// Gives grants back.
    pub(super) fn release(&self, grants: impl IntoIterator<Item = GrantId>) {
        let mut book = self.book.lock();
        for id in grants {
            book.release(id);
        }
        self.publish_as_is(&book);
    }

    /// Tells other processes what is granted here, unless it is too much with theirs: they may have been quicker.
    fn publish(&self, book: &Admission) -> Result<(), Refusal> {
        let usable = f64::from(book.machine().usable) / 100.0;
        for cpu in &book.machine().cpus {
            let share = self.own_share(book, *cpu);
            let published = self.executive.publish_load(*cpu as usize, share, usable);
            if let Err(overcommitted) = published.map_err(|error| error.external)
                && share > 0.0
            {
                return Err(Refusal {
                    bottleneck: Bottleneck::Cpu(CpuShortage {
                        cpu: Some(*cpu),
                        admitted: overcommitted,
                        asked: share,
                        usable,
                        missed: None,
                    }),
                    alternatives: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// Tells them what was granted before, or less: that is theirs to know, and nobody's to refuse.
    fn publish_as_is(&self, book: &Admission) {
        for cpu in &book.machine().cpus {
            let share = self.own_share(book, *cpu);
            // Without a limit it cannot be too much.
            let _ = self.executive.publish_load(*cpu as usize, share, f64::INFINITY);
        }
    }

    fn own_share(&self, book: &Admission, cpu: u32) -> f64 {
        let tasks = book
            .grants()
            .filter_map(|(_, _, plan)| Some((plan.cpu?, plan.task()?)));
        let switches = book.machine().switch * 2;
        let ours = tasks.filter(|(on, _)| *on == cpu);
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 15 digits")]
        let share = |task: Task| (task.cost + switches).0 as f64 / task.period.0.max(1) as f64;
        ours.map(|(_, task)| share(task)).sum()
    }
}

/// The RTUs of other processes, as one.
fn others(share: f64) -> Vec<Task> {
    if share <= 0.0 {
        return Vec::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of 100 ms is a positive number of nanoseconds"
    )]
    let cost = Nanos((OTHERS_PERIOD.0 as f64 * share.min(1.0)) as u64);
    vec![Task {
        class: Class::Periodic,
        period: OTHERS_PERIOD,
        cost,
        longest_iteration: OTHERS_ITERATION.min(cost),
        deadline: OTHERS_PERIOD,
        jitter: Nanos::ZERO,
    }]
}
