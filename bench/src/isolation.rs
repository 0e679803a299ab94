// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the group `isolation`: what becomes of flows when others want all of the machine, or of their CPU.

mod load;
mod streams;
mod watched;

use std::process::Command;

use probe::Report;

pub(crate) use self::load::Hogs;
use self::load::Load;
use self::streams::{Client, Figure};
pub(crate) use self::streams::{Streams, measure};
pub(crate) use self::watched::{longer, share};
use crate::lab::Lab;
use crate::plan::{Contestant, Method, Pair, Programs, Row, Unit};
use crate::process::{Server, findings, under};

/// Above every ordinary program, below the executive.
pub(crate) const CLIENT_PRIORITY: &str = "40";
/// That of a server without guarantees that has real-time scheduling all the same: the executive's.
const SERVER_PRIORITY: &str = "50";
/// The CPUs of a server and its client.
const CPUS: (usize, usize) = (1, 0);

/// All rows, in the order of the tables.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![low_delay(), low_delay_over_the_fabric()];
    rows.extend(
        STREAMS
            .iter()
            .flat_map(|row| [row.over_sockets(), row.over_the_fabric()]),
    );
    rows.extend([
        watched("watched", WATCHED, Programs::Ours),
        watched("watched-fabric", FABRIC, Programs::Fabric),
        watching("watching", WATCHING, Programs::Ours),
        watching("watching-fabric", FABRIC, Programs::Fabric),
    ]);
    rows
}

/// What a row is called that follows one of the same over sockets.
const FABRIC: &str = "the same over the fabric";
const WATCHED: &str = "a call to a server whose flows `upcall top` watches, p50: longer than to one beside it that nobody watches";
const WATCHING: &str = "share of a CPU that the statistics of ten flows take";

/// A row of streams, by one way and by the other.
struct StreamRow {
    names: (&'static str, &'static str),
    title: &'static str,
    unit: Unit,
    streams: Streams,
}

const STREAMS: &[StreamRow] = &[
    StreamRow {
        names: ("stream-60", "stream-60-fabric"),
        title: "stream at 60 % of a CPU: with 8 hogs and 50 flooding clients, against alone",
        unit: Unit::Share,
        // Each request takes 0.2 ms, and what a message costs.
        streams: Streams {
            objects: "--objects 1",
            periodic: "--periodic 10000:30:210",
            rates: &[2_900],
            client: burning(200),
            figure: Figure::KeptBesideLoad,
        },
    },
    StreamRow {
        names: ("shares", "shares-fabric"),
        title: "three streams asking 50/30/20 %, each offering all that a CPU can do: furthest from its share",
        unit: Unit::Deviation,
        streams: Streams {
            objects: "--objects 3",
            periodic: "--periodic 10000:35:105,10000:21:105,10000:14:105",
            rates: &[9_000, 9_000, 9_000],
            client: burning(100),
            figure: Figure::Deviation(&[0.5, 0.3, 0.2]),
        },
    },
    StreamRow {
        names: ("receivers", "receivers-fabric"),
        title: "four receivers with 97/1/1/1 % flooded at 5 × saturation: the first, against alone",
        unit: Unit::Share,
        streams: Streams {
            objects: "--objects 4",
            periodic: "--periodic 25000:291:53,25000:3:53,25000:3:53,25000:3:53",
            rates: &[90_000; 4],
            client: burning(50),
            figure: Figure::FirstBesideOthers,
        },
    },
    StreamRow {
        names: ("switches", "switches-fabric"),
        title: "context switches of the server per message: four streams, 8 messages in a period of 8 ms",
        unit: Unit::PerCall,
        streams: Streams {
            objects: "--objects 4",
            periodic: "--periodic 8000:8:20,8000:8:20,8000:8:20,8000:8:20",
            rates: &[1_000; 4],
            client: burning(5),
            figure: Figure::Switches,
        },
    },
];

const fn burning(microseconds: u32) -> Client {
    Client {
        orb: false,
        burn: microseconds,
    }
}

/// A call's time when its flow is watched.
fn watched(name: &'static str, title: &'static str, of: Programs) -> Row {
    let contestant = |name, watched| Contestant {
        name,
        method: Method::Watched {
            pair: Pair {
                of,
                cpus: CPUS,
                server: "--guarantee",
                calls: 200,
            },
            watched,
        },
    };
    Row {
        name,
        title,
        unit: Unit::Deviation,
        contestants: vec![contestant("ours", true), contestant("neither is watched", false)],
    }
}

/// What is done for that beside the flow.
fn watching(name: &'static str, title: &'static str, of: Programs) -> Row {
    let pair = Pair {
        of,
        cpus: CPUS,
        server: "--periodic 100000:1:20,100000:1:20,100000:1:20,100000:1:20,100000:1:20,\
                 100000:1:20,100000:1:20,100000:1:20,100000:1:20,100000:1:20",
        calls: 0,
    };
    Row {
        name,
        title,
        unit: Unit::Deviation,
        contestants: vec![Contestant {
            name: "ours",
            method: Method::Watching {
                pair,
                rates: &[10; 10],
            },
        }],
    }
}

fn beset(name: &'static str, of: Programs, server: &'static str, realtime: bool) -> Contestant {
    Contestant {
        name,
        method: Method::Beset {
            pair: Pair {
                of,
                cpus: CPUS,
                server,
                calls: 1_500,
            },
            realtime,
        },
    }
}

/// The same with a lane on the fabric.
fn low_delay_over_the_fabric() -> Row {
    Row {
        name: "low-delay-fabric",
        title: "p99 of a call over the fabric every 0.5 ms: with 8 hogs and 50 flooding clients, against alone",
        unit: Unit::Growth,
        contestants: vec![
            beset("ours", Programs::Fabric, "--guarantee", false),
            beset("no guarantee", Programs::Fabric, "", false),
            beset("by IIOP", Programs::Ours, "--guarantee", false),
        ],
    }
}

fn low_delay() -> Row {
    Row {
        name: "low-delay",
        title: "p99 of a call every 0.5 ms: with 8 hogs and 50 flooding clients, against alone",
        unit: Unit::Growth,
        contestants: vec![
            beset("ours", Programs::Ours, "--guarantee", false),
            beset("no guarantee", Programs::Ours, "", false),
            beset("no guarantee, FIFO", Programs::Ours, "", true),
            beset("omniORB", Programs::OmniOrb, "", false),
            beset("omniORB, FIFO", Programs::OmniOrb, "", true),
            beset("threads, FIFO", Programs::Threads, "", true),
            beset("tokio", Programs::Tokio, "", false),
        ],
    }
}

impl StreamRow {
    /// Each contestant's streams go to objects of one server, from a client without an ORB.
    fn over_sockets(&self) -> Row {
        let (ours, others) = (self.streams.periodic, self.streams.objects);
        self.row(
            self.names.0,
            self.title,
            vec![
                self.contestant("ours", Programs::Ours, ours, false),
                self.contestant("no guarantee", Programs::Ours, others, false),
                self.contestant("omniORB", Programs::OmniOrb, others, false),
                self.contestant("threads, FIFO", Programs::Threads, others, true),
                self.contestant("tokio", Programs::Tokio, others, false),
            ],
        )
    }

    /// The same from a client with our ORB, which knows the way over the fabric; and from that by IIOP.
    fn over_the_fabric(&self) -> Row {
        let orb = Self {
            streams: Streams {
                client: Client {
                    orb: true,
                    ..self.streams.client
                },
                ..self.streams
            },
            ..*self
        };
        let (ours, others) = (self.streams.periodic, self.streams.objects);
        self.row(
            self.names.1,
            FABRIC,
            vec![
                orb.contestant("ours", Programs::Fabric, ours, false),
                orb.contestant("no guarantee", Programs::Fabric, others, false),
                orb.contestant("by IIOP", Programs::Ours, ours, false),
                self.contestant("threads, FIFO", Programs::Threads, others, true),
            ],
        )
    }

    fn row(&self, name: &'static str, title: &'static str, contestants: Vec<Contestant>) -> Row {
        Row {
            name,
            title,
            unit: self.unit,
            contestants,
        }
    }

    fn contestant(
        &self,
        name: &'static str,
        of: Programs,
        server: &'static str,
        realtime: bool,
    ) -> Contestant {
        Contestant {
            name,
            method: Method::Streams {
                pair: Pair {
                    of,
                    cpus: CPUS,
                    server,
                    calls: 0,
                },
                realtime,
                streams: self.streams,
            },
        }
    }
}

/// Starts a server, with `SCHED_FIFO` for all of its threads if that is wanted.
fn start(lab: &Lab, pair: &Pair, realtime: bool) -> Result<Server, String> {
    let server = lab.server(pair)?;
    Server::start(if realtime {
        scheduled(&server, SERVER_PRIORITY)
    } else {
        server
    })
}

/// The p99 of calls beside the load, divided by that without. The client is ours, and has real-time scheduling, so that
/// only the server makes the difference.
pub(crate) fn growth(lab: &Lab, pair: &Pair, realtime: bool) -> Result<(f64, Report), String> {
    let server = start(lab, pair, realtime)?;
    let p99 = || -> Result<(f64, Report), String> {
        let mut client = lab.caller(pair.of)?;
        client
            .args(["--pause-us", "500", "--warmup", "200"])
            .args(["--cpu", &pair.cpus.1.to_string(), "--address", &server.address])
            .args(["--calls", &lab.calls(pair).to_string()]);
        let report = findings(&scheduled(&client, CLIENT_PRIORITY))?;
        let value = report.value("p99_ns").ok_or("the client reports no p99")?;
        Ok((value, report))
    };
    let (alone, _) = p99()?;
    let load = Load::start(lab, pair.of)?;
    let (beset, mut report) = p99()?;
    drop(load);
    report.set("alone_p99_ns", alone);
    Ok((beset / alone, report))
}

/// The command with `SCHED_FIFO`.
pub(crate) fn scheduled(command: &Command, priority: &str) -> Command {
    let mut chrt = Command::new("chrt");
    chrt.args(["--fifo", priority]);
    under(chrt, command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::Targets;

    #[test]
    fn what_is_guaranteed_over_sockets_is_over_the_fabric() {
        let targets = Targets::of("isolation").expect("readable");
        let bounds = |row: &str| -> Vec<_> {
            let of_row = targets.of_row(row);
            of_row
                .map(|target| (target.over.clone(), target.at_most, target.at_least))
                .collect()
        };
        for row in rows().iter().filter(|row| !row.name.ends_with("-fabric")) {
            let fabric = format!("{}-fabric", row.name);
            assert!(rows().iter().any(|row| row.name == fabric), "{fabric}");
            assert_eq!(bounds(&fabric), bounds(row.name), "{fabric}");
        }
    }

    #[test]
    fn every_row_has_a_target_and_controls() {
        let targets = Targets::of("isolation").expect("readable");
        let rows = rows();
        for row in &rows {
            // Whom nothing is like has no control but itself.
            if row.name.starts_with("watch") {
                continue;
            }
            assert!(targets.of_row(row.name).next().is_some(), "{}", row.name);
            let names: Vec<&str> = row.contestants.iter().map(|one| one.name).collect();
            let controls: &[_] = if row.name.ends_with("-fabric") {
                &["by IIOP"]
            } else {
                &["omniORB", "threads, FIFO", "tokio"]
            };
            for name in ["ours", "no guarantee"].iter().chain(controls) {
                assert!(names.contains(name), "{}: {name}", row.name);
            }
        }
        assert!(
            targets
                .targets
                .iter()
                .all(|target| rows.iter().any(|row| row.name == target.row))
        );
    }
}
