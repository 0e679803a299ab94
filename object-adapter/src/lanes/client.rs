// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client of a lane: its connection, run by a real-time upcall.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
};

use orb_core::{
    qos::Granted,
    server::{Flow, Run, Verdict},
    transport,
};
use parking_lot::Mutex;
use qos_mapper::{Corrector, FlowCost, Plan, Sample, Supply};
use rtu::{
    Activation, Class, Nanos, Outcome, Upcall,
    executive::{Interest, Notifier},
};
use rustix::time::{ClockId, clock_gettime};

use super::{
    keeper::{Errand, News, Report},
    lane::Lane,
    progress::Progress,
};

/// Of so many activations of a flow with a guarantee, one is measured: reading the thread's CPU time is a system call.
const MEASURED: u32 = 8;

/// What a flow is run by, as it is now: the lane changes it while the flow runs.
#[derive(Debug)]
pub(super) struct Terms {
    batch: AtomicU32,
    /// What a message was planned to cost, in ns.
    planned: AtomicU64,
    /// Everything is measured, and best-effort time used, until enough is known.
    probation: AtomicBool,
    /// It is run when something comes, and not each period.
    reactive: AtomicBool,
    /// How large a message may be, in bytes, its header included.
    largest: AtomicUsize,
    /// Requests and other messages that were served, and octets received for that.
    progress: Arc<Progress>,
    /// What came of what the client asked for itself.
    verdict: Mutex<Option<Verdict>>,
    /// What the client is to be told that it has been granted; the flag says whether there is anything.
    news: Mutex<Option<Granted>>,
    has_news: AtomicBool,
    /// What the connection's window was found to be.
    supply: Mutex<Supply>,
}

/// What a message may have beside what the plan counts: its header, with service contexts.
const HEADERS: u64 = 4096;

impl Terms {
    /// Those of a plan for a window that is large enough.
    pub(super) fn of(plan: &Plan) -> Self {
        let terms = Self {
            batch: AtomicU32::new(1),
            planned: AtomicU64::new(0),
            probation: AtomicBool::new(false),
            reactive: AtomicBool::new(true),
            largest: AtomicUsize::new(usize::MAX),
            progress: Arc::default(),
            verdict: Mutex::default(),
            news: Mutex::default(),
            has_news: AtomicBool::new(false),
            supply: Mutex::default(),
        };
        terms.change(plan, None);
        terms
    }

    /// Takes over a plan that was made for this window, if one was known.
    pub(super) fn change(&self, plan: &Plan, window: Option<u64>) {
        self.batch.store(plan.rtu.batch.max(1), Ordering::Relaxed);
        self.probation.store(plan.probation, Ordering::Relaxed);
        let reactive = plan.parameters().class != Class::Periodic;
        self.reactive.store(reactive, Ordering::Relaxed);
        let largest = plan
            .largest_message
            .map_or(u64::MAX, |bytes| bytes.saturating_add(HEADERS));
        let largest = usize::try_from(largest).unwrap_or(usize::MAX);
        self.largest.store(largest, Ordering::Relaxed);
        self.expect(&plan.cost);
        self.supply.lock().plan(plan, window);
    }

    /// Sets what is known of the costs, whatever the plan.
    pub(super) fn expect(&self, cost: &FlowCost) {
        self.planned.store(cost.message.0, Ordering::Relaxed);
    }

    /// Returns how large a message may be, in bytes, its header included.
    pub(super) fn largest(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    /// Says what came of what the client asked for; its upcall is to be notified.
    pub(super) fn decide(&self, verdict: Verdict) {
        *self.verdict.lock() = Some(verdict);
    }

    /// Has the client told what it has been granted meanwhile; its upcall is to be notified.
    pub(super) fn tell(&self, granted: Granted) {
        *self.news.lock() = Some(granted);
        self.has_news.store(true, Ordering::Release);
    }

    pub(super) fn served(&self) -> u64 {
        self.progress.messages()
    }

    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Takes note of how far the flow is.
    fn note(&self, flow: &Flow) {
        self.progress.note(flow.messages(), flow.received());
    }
}

/// Where a client belongs.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) lane: Weak<Lane>,
    pub(super) client: u64,
    pub(super) errands: mpsc::Sender<Errand>,
}

/// The handler: receive, dispatch and reply, within the batch of the plan.
pub(super) struct Client {
    flow: Flow,
    notifier: Notifier,
    home: Home,
    terms: Arc<Terms>,
    corrector: Corrector,
    /// What is left of the batch of an activation that was not done.
    left: Option<u32>,
    activations: u32,
    /// What the activation used so far, if it is measured.
    sample: Option<Sample>,
    /// What was reported last, so that it is not again.
    reported: Nanos,
    /// How large the flow takes messages to be at most.
    largest: usize,
    /// What the client asked for is being decided.
    asking: bool,
    ended: bool,
}

impl Client {
    /// Makes the handler; it watches the connection once it was run.
    pub(super) fn new(
        flow: Flow,
        notifier: Notifier,
        home: Home,
        terms: Arc<Terms>,
        corrector: Corrector,
    ) -> Self {
        Self {
            largest: terms.largest(),
            flow,
            notifier,
            home,
            terms,
            corrector,
            left: None,
            activations: 0,
            sample: None,
            reported: Nanos::ZERO,
            asking: false,
            ended: false,
        }
    }

    /// Serves what has come, within what is left of the batch.
    fn serve(&mut self, left: &mut u32, cx: &mut Activation<'_>) -> (Run, bool) {
        let mut yields = false;
        let run = self.flow.run(|| {
            *left -= 1;
            if *left > 0 {
                yields = cx.should_yield();
            }
            *left > 0 && !yields
        });
        (run, yields)
    }

    /// Tells whether the client's next request waits to be decided on.
    fn is_undecided(&mut self) -> bool {
        if !self.asking {
            return false;
        }
        // Who holds the lock notifies afterwards.
        let verdict = self
            .terms
            .verdict
            .try_lock()
            .and_then(|mut verdict| verdict.take());
        if let Some(verdict) = verdict {
            self.flow.decide(verdict);
            self.asking = false;
        }
        self.asking
    }

    /// Has decided what the client asks for.
    #[cold]
    fn ask(&mut self) -> Outcome {
        if let Some(qos) = self.flow.asked() {
            self.report(News::Asked(Box::new(qos.clone())));
            self.asking = true;
        }
        Outcome::Done
    }

    /// Takes over how large messages may be, if that has changed.
    fn keep_limit(&mut self) {
        let largest = self.terms.largest();
        if largest != self.largest {
            self.largest = largest;
            self.flow.limit_messages(largest);
        }
    }

    /// Passes on what the client is to be told.
    fn take_news(&mut self) {
        // Acquire pairs with the Release in `tell`. Who holds the lock has not finished yet: then it is for the next time.
        if self.terms.has_news.load(Ordering::Acquire)
            && let Some(mut news) = self.terms.news.try_lock()
        {
            self.terms.has_news.store(false, Ordering::Relaxed);
            if let Some(granted) = news.take() {
                self.flow.announce(granted);
            }
        }
    }

    fn begin_measuring(&mut self) -> Option<Measure> {
        if self.left.is_none() {
            self.activations = self.activations.wrapping_add(1);
            let every = if self.terms.probation.load(Ordering::Relaxed) {
                1
            } else {
                MEASURED
            };
            let empty = Sample {
                messages: 0,
                bytes: 0,
                used: Nanos::ZERO,
                longest_iteration: Nanos::ZERO,
            };
            self.sample = self.activations.is_multiple_of(every).then_some(empty);
        }
        self.sample.is_some().then(|| Measure::begin(&self.flow))
    }

    fn measured(&mut self, measure: &Measure, done: bool) {
        let Some(sample) = &mut self.sample else { return };
        measure.end(&self.flow, sample);
        if !done {
            return;
        }
        self.corrector.observe(sample);
        self.look_at_window();
        let planned = FlowCost {
            upcall: Nanos::ZERO,
            message: Nanos(self.terms.planned.load(Ordering::Relaxed)),
            byte: qos_mapper::Picos::default(),
        };
        if let Some(cost) = self.corrector.cost()
            && self.reported != cost.message
            && (self.terms.probation.load(Ordering::Relaxed) || self.corrector.calls_for_change(&planned))
        {
            self.reported = cost.message;
            self.report(News::Costs(cost));
        }
    }

    /// Reports a window that calls for another plan.
    fn look_at_window(&self) {
        // Who holds the lock changes the plan: then it is for the next time.
        let window = self.terms.supply.try_lock().and_then(|mut supply| {
            let windows = supply.counts().then(|| self.flow.link().windows())??;
            supply.observe(windows.receive as u64)
        });
        if let Some(window) = window {
            self.report(News::Window(window));
        }
    }

    fn report(&self, news: News) {
        // Who looks after lanes goes only when nobody is left to report.
        let _ = self.home.errands.send(Errand::Hear(Report {
            lane: self.home.lane.clone(),
            client: self.home.client,
            news,
        }));
    }

    /// Asks to be notified of what is waited for; `false` if it is there already.
    fn watch(&self, wanted: transport::Interest) -> io::Result<bool> {
        // A periodic one looks each period anyway.
        let reactive = self.terms.reactive.load(Ordering::Relaxed);
        let Some(fd) = self.flow.fd().filter(|_| reactive) else {
            return Ok(true);
        };
        let Some(told) = self.flow.watch(wanted) else {
            return Ok(false);
        };
        let interest = if told.writable {
            Interest::Writable
        } else {
            Interest::Readable
        };
        self.notifier.watch(fd, interest)?;
        Ok(true)
    }

    fn end(&mut self) -> Outcome {
        self.ended = true;
        self.report(News::Ended);
        Outcome::Done
    }

    /// Waits for more; a connection that cannot be waited for is at its end.
    fn wait_for(&mut self, wanted: transport::Interest, cx: &mut Activation<'_>) -> Outcome {
        match self.watch(wanted) {
            Ok(true) => Outcome::Done,
            Ok(false) => {
                cx.again();
                Outcome::Done
            }
            Err(error) => {
                tracing::warn!(peer = %self.flow.peer(), %error, "a connection cannot be watched");
                self.end()
            }
        }
    }
}

impl Upcall for Client {
    fn upcall(&mut self, cx: &mut Activation<'_>) -> Outcome {
        if self.ended || self.is_undecided() {
            return Outcome::Done;
        }
        self.keep_limit();
        self.take_news();
        let measure = self.begin_measuring();
        let mut left = self
            .left
            .take()
            .unwrap_or_else(|| self.terms.batch.load(Ordering::Relaxed));
        let (run, yields) = self.serve(&mut left, cx);
        self.terms.note(&self.flow);
        let unfinished = yields && run == Run::NotDone;
        if let Some(measure) = measure {
            self.measured(&measure, !unfinished);
        }
        match run {
            Run::Ended => self.end(),
            Run::Asked => self.ask(),
            Run::NotDone if yields => {
                self.left = Some(left);
                Outcome::NotDone
            }
            Run::NotDone => {
                // The batch is used up: what has come waits for the next activation, and what follows in the network.
                cx.again();
                Outcome::Done
            }
            Run::Drained => self.wait_for(transport::Interest::READ_ONCE, cx),
            Run::Blocked => self.wait_for(transport::Interest::WRITE_ONCE, cx),
        }
    }
}

/// A stretch of an activation that is measured.
struct Measure {
    messages: u64,
    received: u64,
    cpu: Nanos,
}

impl Measure {
    fn begin(flow: &Flow) -> Self {
        Self {
            messages: flow.messages(),
            received: flow.received(),
            cpu: cpu_time(),
        }
    }

    fn end(&self, flow: &Flow, sample: &mut Sample) {
        let messages = u32::try_from(flow.messages() - self.messages).unwrap_or(u32::MAX);
        sample.messages = sample.messages.saturating_add(messages);
        sample.bytes += flow.received() - self.received;
        sample.used += cpu_time() - self.cpu;
    }
}

/// What the calling thread used of a CPU: neither what others took meanwhile, nor what a hypervisor did.
fn cpu_time() -> Nanos {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    Nanos(seconds.unwrap_or(0) * 1_000_000_000 + nanos.unwrap_or(0))
}
