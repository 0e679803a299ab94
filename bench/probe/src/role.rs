// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a measured program is told on its command line.

use std::io::BufRead;
use std::time::Duration;

use crate::{BLOB, Report, Usage, count_heap, heap, pin, resident_bytes};

/// What a client calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// An operation without arguments or result.
    Null,
    /// An operation that takes octets.
    Put,
    /// An operation that takes 100 structures and returns them.
    Echo,
}

/// A periodic guarantee, for an object of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periodic {
    /// From one release to the next.
    pub period: Duration,
    /// Messages in each period.
    pub messages: u32,
    /// What each of them may take.
    pub worst_case: Duration,
}

/// The arguments of a measured program.
#[derive(Debug, Clone)]
pub struct Role {
    /// `server`, `client`, or what else the program can be.
    pub name: String,
    /// Where a client finds its server: a reference, or host and port.
    pub address: String,
    /// The CPU to stay on.
    pub cpu: Option<usize>,
    /// Poll instead of blocking.
    pub spin: bool,
    /// Count heap allocations, which takes time.
    pub count: bool,
    /// Ask for a guarantee for the objects of a server.
    pub guarantee: bool,
    /// Ask for these guarantees instead: an object for each.
    pub periodic: Vec<Periodic>,
    /// What each request asks its servant to take of the CPU.
    pub burn: Duration,
    /// Requests each second, for each of the server's objects.
    pub rates: Vec<u32>,
    /// How long a client waits from one call to the next.
    pub pause: Duration,
    /// What to call.
    pub work: Work,
    /// Octets in the argument of [`Work::Put`].
    pub size: usize,
    /// They were filled where they are sent from.
    pub in_place: bool,
    /// Calls that are in flight at once; above 0 their rate is measured.
    pub window: usize,
    /// Calls without a reply.
    pub oneway: bool,
    /// Connections that one thread keeps so many calls in flight on.
    pub flows: usize,
    /// Client threads; above 0 the rate of calls is measured, not their latency.
    pub threads: usize,
    /// Connections that a load generator keeps open.
    pub connections: usize,
    /// Objects that a server activates.
    pub objects: usize,
    /// Timed calls.
    pub calls: usize,
    /// Calls before those.
    pub warmup: usize,
    /// How long the rate is measured.
    pub duration: Duration,
}

impl Role {
    /// Reads this program's arguments: the role's name, then options; stays on the CPU it is told to.
    ///
    /// # Errors
    ///
    /// Says which argument it does not understand.
    pub fn from_arguments() -> Result<Self, String> {
        let role = Self::parse(std::env::args().skip(1))?;
        if role.count {
            count_heap();
        }
        if let Some(cpu) = role.cpu {
            pin(cpu).map_err(|error| format!("CPU {cpu}: {error}"))?;
        }
        Ok(role)
    }

    /// Reads arguments from `words`.
    ///
    /// # Errors
    ///
    /// Says which argument it does not understand.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let mut role = Self {
            name: words.next().ok_or("no role: server or client?")?,
            address: String::new(),
            cpu: None,
            spin: false,
            count: false,
            guarantee: false,
            periodic: Vec::new(),
            burn: Duration::ZERO,
            rates: Vec::new(),
            pause: Duration::ZERO,
            work: Work::Null,
            size: BLOB,
            window: 0,
            in_place: false,
            oneway: false,
            flows: 1,
            threads: 0,
            connections: 0,
            objects: 1,
            calls: 1000,
            warmup: 100,
            duration: Duration::from_secs(1),
        };
        while let Some(option) = words.next() {
            match option.as_str() {
                "--spin" => role.spin = true,
                "--count" => role.count = true,
                "--guarantee" => role.guarantee = true,
                "--oneway" => role.oneway = true,
                "--in-place" => role.in_place = true,
                _ => {
                    let value = words.next().ok_or_else(|| format!("{option} lacks its value"))?;
                    role.set(&option, value)?;
                }
            }
        }
        Ok(role)
    }

    fn set(&mut self, option: &str, value: String) -> Result<(), String> {
        let number = || {
            value
                .parse::<usize>()
                .map_err(|_| format!("{option}: `{value}` is no number"))
        };
        match option {
            "--cpu" => self.cpu = Some(number()?),
            "--threads" => self.threads = number()?,
            "--connections" => self.connections = number()?,
            "--objects" => self.objects = number()?,
            "--calls" => self.calls = number()?,
            "--warmup" => self.warmup = number()?,
            "--size" => self.size = number()?,
            "--window" => self.window = number()?,
            "--flows" => self.flows = number()?,
            "--burn-us" => self.burn = Duration::from_micros(number()? as u64),
            "--rates" => self.rates = list(option, &value, |word| word.parse().ok())?,
            "--periodic" => self.periodic = list(option, &value, Periodic::parse)?,
            "--pause-us" => self.pause = Duration::from_micros(number()? as u64),
            "--millis" => self.duration = Duration::from_millis(number()? as u64),
            "--address" => self.address = value,
            "--work" => {
                self.work = match value.as_str() {
                    "null" => Work::Null,
                    "put" => Work::Put,
                    "echo" => Work::Echo,
                    _ => return Err(format!("no work `{value}`")),
                }
            }
            _ => return Err(format!("no option {option}")),
        }
        Ok(())
    }
}

impl Periodic {
    /// Reads `20000:70:105`: period in µs, messages, worst case in µs.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(':');
        let mut next = || words.next();
        let periodic = Self {
            period: Duration::from_micros(next()?.parse().ok()?),
            messages: next()?.parse().ok()?,
            worst_case: Duration::from_micros(next()?.parse().ok()?),
        };
        next().is_none().then_some(periodic)
    }
}

/// Reads values with commas between them.
fn list<T>(option: &str, value: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    value
        .split(',')
        .map(|word| parse(word).ok_or_else(|| format!("{option}: `{word}` is wrong")))
        .collect()
}

/// Says where the server is, then answers each line of input with what was used so far, until the input ends.
pub fn serve(address: &str) {
    println!("READY {address}");
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        let (usage, (allocations, in_use)) = (Usage::now(), heap());
        let mut report = Report::default();
        report.set("user_ns", usage.user.as_nanos() as f64);
        report.set("system_ns", usage.system.as_nanos() as f64);
        report.set("allocations", allocations as f64);
        report.set("heap_bytes", in_use as f64);
        report.set("resident_bytes", resident_bytes() as f64);
        report.print("COUNT");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Role, String> {
        Role::parse(text.split(' ').map(str::to_owned))
    }

    #[test]
    fn options_are_read_in_any_order() {
        let role = parse("client --work echo --spin --cpu 1 --address here:1 --millis 20").expect("valid");
        assert_eq!((role.name.as_str(), role.address.as_str()), ("client", "here:1"));
        assert_eq!((role.work, role.spin, role.cpu), (Work::Echo, true, Some(1)));
        assert_eq!(role.duration, Duration::from_millis(20));
    }

    #[test]
    fn lists_have_a_value_for_each_object() {
        let role = parse("server --periodic 20000:70:105,1000:1:9 --rates 7,0").expect("valid");
        let second = Periodic {
            period: Duration::from_millis(1),
            messages: 1,
            worst_case: Duration::from_micros(9),
        };
        assert_eq!((role.periodic.len(), role.periodic.get(1)), (2, Some(&second)));
        assert_eq!(role.rates, [7, 0]);
        for wrong in ["--periodic 1:2", "--periodic 1:2:3:4", "--rates 1,,2"] {
            assert!(parse(&format!("server {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_option_is_named() {
        assert!(
            parse("client --speed 3")
                .expect_err("unknown")
                .contains("--speed")
        );
        assert!(parse("client --cpu x").expect_err("no number").contains("`x`"));
        assert!(parse("client --cpu").expect_err("no value").contains("--cpu"));
        assert!(
            parse("client --work sleep")
                .expect_err("unknown")
                .contains("sleep")
        );
    }
}
