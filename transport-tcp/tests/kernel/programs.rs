// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of the machine, and what tshark says of all this.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use transport_tcp::engine::Settings;

use crate::apart::apart;
use crate::applications::{Relay, Says, Then};
use crate::host::{Host, Place};
use crate::machine::{call, exchange, noise};
use crate::pcap::Pcap;
use crate::tshark::{WRONG, skip, tshark};
use crate::{HERE, PORT, echo};

impl Pcap {
    /// The packets that a filter of tshark's selects; none if there is no tshark.
    pub(crate) fn select(&self, filter: &str) -> Option<String> {
        tshark(self.bytes(), filter)
    }

    /// Fails if tshark finds anything wrong with what our host sent; what the machine sends has no checksum yet.
    pub(crate) fn is_sound(&self) {
        match self.select(&format!("ip.src != 10.77.0.1 && {WRONG}")) {
            Some(found) => assert!(found.is_empty(), "{found}"),
            None => skip("what tshark says", "tshark is not installed"),
        }
    }
}

/// A program that is ended with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program prints, or what is wrong with it.
fn run(program: &str, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("{program} does not run: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!(
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&said)
    ))
}

fn is_here(program: &str) -> bool {
    Command::new(program).arg("-V").output().is_ok()
}

#[test]
fn curl_fetches_from_our_host() {
    let name = "curl_fetches_from_our_host";
    if !is_here("curl") {
        return skip(name, "curl is not installed");
    }
    apart(name, || {
        let body = noise(3_000_000);
        let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        response.extend(&body);
        let (ends, ended) = channel();
        let application = Says::new(PORT, None, response.into(), Then::Wait, ends);
        let host = Host::start(HERE, Settings::default(), application);
        let url = format!("http://{}/", HERE.host(PORT));
        let fetched = run("curl", &["--silent", "--show-error", "--max-time", "60", &url]).unwrap();
        assert!(fetched == body);
        let end = ended.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(end.heard.starts_with(b"GET / HTTP/1.1\r\n"));
        host.stop().is_sound();
    });
}

#[test]
fn iperf3_runs_through_our_host_both_ways() {
    let name = "iperf3_runs_through_our_host_both_ways";
    if !is_here("iperf3") {
        return skip(name, "iperf3 is not installed");
    }
    apart(name, || {
        let to = SocketAddr::from((HERE.machine(), 5201));
        let host = Host::start(HERE, Settings::default(), Relay::new(PORT, to));
        let mut server = Command::new("iperf3");
        let server = server.args(["--server", "--bind", &HERE.machine().to_string()]);
        let _server = Running(server.stdout(Stdio::null()).spawn().unwrap());
        let (address, port) = (HERE.host(0).ip().to_string(), PORT.to_string());
        let patience = Instant::now() + Duration::from_secs(30);
        for direction in [&["--parallel", "2"][..], &["--reverse"]] {
            let basic = ["--client", &address, "--port", &port, "--bytes", "8M"];
            // The server may not have started, or not be done with the one before.
            while let Err(said) = run("iperf3", &[&basic, direction].concat()) {
                assert!(Instant::now() < patience, "{said}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        host.stop().is_sound();
    });
}

#[test]
fn the_mtu_shrinks_and_grows_while_bytes_flow() {
    let name = "the_mtu_shrinks_and_grows_while_bytes_flow";
    if !is_here("ip") {
        return skip(name, "ip is not installed");
    }
    apart(name, || {
        let _host = Host::start(HERE, Settings::default(), echo());
        std::thread::scope(|scope| {
            let talk = scope.spawn(|| exchange(call(HERE.host(PORT)), &noise(30 << 20), 10_000));
            for mtu in ["1000", "700", "1500", "600"].iter().cycle() {
                if talk.is_finished() {
                    break;
                }
                run("ip", &["link", "set", HERE.device, "mtu", mtu]).unwrap();
                std::thread::sleep(Duration::from_millis(50));
            }
        });
    });
}

#[test]
fn a_router_with_a_short_mtu_is_obeyed() {
    let name = "a_router_with_a_short_mtu_is_obeyed";
    if !is_here("ip") {
        return skip(name, "ip is not installed");
    }
    apart(name, || {
        // The machine routes between two of our hosts; the way to the second takes shorter packets.
        let there = Place {
            device: "upcall1",
            network: 78,
            mtu: 1500,
        };
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let _second = Host::start(there, Settings::default(), echo());
        run("ip", &["link", "set", there.device, "mtu", "800"]).unwrap();
        // Neither host knows of it: only the machine can tell the first.
        let first = Host::start(HERE, Settings::default(), Relay::new(PORT, there.host(PORT)));
        exchange(call(HERE.host(PORT)), &noise(1 << 20), 10_000);
        let trace = first.stop();
        trace.is_sound();
        let told = trace.select("icmp.type == 3 && icmp.code == 4");
        assert!(
            told.is_none_or(|told| !told.is_empty()),
            "the machine said nothing"
        );
    });
}
