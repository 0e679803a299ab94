// SPDX-License-Identifier: MIT OR Apache-2.0
//! Executives of two processes on one CPU: this test, and itself started again.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops where something is not as expected; the other process tells us that it is ready"
)]

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use rtu::executive::{Executive, Overcommitted, Spec};
use rtu::scheduler::Parameters;
use rtu::{Activation, Class, Nanos, Outcome};

/// Longer than anything takes on a busy machine: who waits so long fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// One test at a time: executives with different pages do not know of each other, and keep the CPU.
static ALONE: Mutex<()> = Mutex::new(());
/// Names the page for the other process.
const PAGE: &str = "UPCALL_TEST_PAGE";

fn executive(page: &Path) -> (Executive, usize) {
    let builder = Executive::builder().capacity(4).page(Some(page.to_owned()));
    let executive = builder.build().unwrap();
    let cpu = executive.cpus().next().unwrap();
    (executive, cpu)
}

/// A page of its own for a test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upcall-processes-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The other process, killed with this.
struct Other {
    child: Child,
    /// Open as long as it writes.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(page: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_other_process", "--nocapture"])
            .env(PAGE, page)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = output
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("ready"));
        let other = Self {
            child,
            _output: output,
        };
        assert!(ready, "the other process is ready");
        other
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process of the tests here, if it is told the page: admits 40 %, and runs an RTU of the least urgency that is
/// always ready, until its standard input ends.
#[test]
fn the_other_process() {
    let Some(page) = std::env::var_os(PAGE) else {
        return;
    };
    // Whatever becomes of the tests, nobody is left behind who keeps a CPU.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).unwrap();
    let (executive, cpu) = executive(Path::new(&page));
    executive.publish_load(cpu, 0.4, 1.0).unwrap();
    let hog = Box::new(|cx: &mut Activation<'_>| {
        while !cx.should_yield() {}
        Outcome::NotDone
    });
    let spec = Spec::new("hog", Parameters::periodic(Nanos::from_secs(100)));
    let _hog = executive.add(spec, cpu, hog).unwrap();
    println!("ready");
    let _ = std::io::stdin().lines().count();
}

#[test]
fn what_one_admits_the_other_counts_and_a_killed_one_gives_back() {
    let _alone = ALONE.lock();
    let scratch = Scratch::new("killed");
    let (executive, cpu) = executive(&scratch.0);
    assert_eq!(executive.external_load(cpu), 0.0);
    let mut other = Other::start(&scratch.0);
    assert_eq!(executive.external_load(cpu), 0.4);
    let refused = executive.publish_load(cpu, 0.55, 0.9).unwrap_err();
    assert_eq!(refused, Overcommitted { cpu, external: 0.4 });
    assert_eq!(
        refused.to_string(),
        format!("other processes have admitted 40.0 % of CPU {cpu}")
    );
    executive.publish_load(cpu, 0.5, 0.9).unwrap();
    other.kill();
    assert_eq!(executive.external_load(cpu), 0.0);
    executive.publish_load(cpu, 0.9, 0.9).unwrap();
}

#[test]
fn the_more_urgent_of_two_processes_goes_first_at_the_end_of_an_iteration() {
    let _alone = ALONE.lock();
    let scratch = Scratch::new("urgent");
    let _other = Other::start(&scratch.0);
    let (executive, cpu) = executive(&scratch.0);
    let (sender, receiver) = mpsc::channel();
    let say = move |_: &mut Activation<'_>| {
        let _ = sender.send(());
        Outcome::Done
    };
    let parameters = Parameters::new(Class::LowDelay { priority: 1 }, Nanos::ZERO);
    let urgent = executive
        .add(Spec::new("urgent", parameters), cpu, Box::new(say.clone()))
        .unwrap();
    let ticking = Spec::new("ticking", Parameters::periodic(Nanos::from_millis(3)));
    let _ticking = executive.add(ticking, cpu, Box::new(say)).unwrap();
    // The other one has the CPU for as long as it likes, under real-time scheduling, and does not like to keep it.
    for _ in 0..30 {
        urgent.notify();
        receiver.recv_timeout(PATIENCE).unwrap();
    }
}
