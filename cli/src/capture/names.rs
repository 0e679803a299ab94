// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which flow is meant, and what others call it.

use orb_core::transport::Endpoint;
use upcall::statistics::{Flow, Snapshot};

use crate::failure::Failure;

/// Flows that are listed where several have the name.
const MOST: usize = 8;

/// Finds the flow of that name, or the only one with such an object or peer.
pub(super) fn find<'a>(snapshots: &'a [Snapshot], wanted: &str) -> Result<(&'a Snapshot, &'a Flow), Failure> {
    let all = || {
        snapshots
            .iter()
            .flat_map(|orb| orb.flows.iter().map(move |flow| (orb, flow)))
    };
    if let Some(found) = all().find(|(orb, flow)| flow.name(orb) == wanted) {
        return Ok(found);
    }
    let alike: Vec<_> = all()
        .filter(|(_, flow)| !wanted.is_empty() && (flow.object == wanted || flow.peer == wanted))
        .collect();
    match alike.as_slice() {
        [one] => Ok(*one),
        [] => Err(none(snapshots, wanted)),
        several => {
            let names: Vec<_> = several
                .iter()
                .take(MOST)
                .map(|(orb, flow)| flow.name(orb))
                .collect();
            let more = if several.len() > MOST { " and others" } else { "" };
            Err(
                Failure::new(format!("{wanted}: {} flows are called so", several.len()))
                    .hint(format!("they are {}{more}", names.join(", "))),
            )
        }
    }
}

fn none(snapshots: &[Snapshot], wanted: &str) -> Failure {
    let process = wanted
        .split_once('.')
        .and_then(|(process, _)| process.parse::<u32>().ok());
    let gone = process.filter(|process| snapshots.iter().all(|orb| orb.process != *process));
    let why = match gone {
        Some(process) => {
            format!("{wanted}: process {process} is gone, or is none of this user's with an ORB")
        }
        None => format!("{wanted}: there is no such flow"),
    };
    Failure::new(why)
        .hint("`upcall top` shows the flows there are, under FLOW; a new one takes a second to appear")
}

/// The commands that capture and show what the kernel carries between two endpoints.
pub(super) fn by_the_kernel(local: &str, peer: &str) -> String {
    let parse = |url: &str| url.parse::<Endpoint>().ok();
    let (Some(local), Some(peer)) = (parse(local), parse(peer)) else {
        return "tcpdump captures it".to_owned();
    };
    let device = if local.host() == peer.host() { "lo" } else { "any" };
    let filter = format!("tcp port {} and tcp port {}", local.port(), peer.port());
    let port = local.port().min(peer.port());
    format!("tcpdump -i {device} -w flow.pcap '{filter}'; then tshark -r flow.pcap -d tcp.port=={port},giop")
}

/// As a shell takes it for one word.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(number: u64, object: &str, peer: &str) -> Flow {
        let mut flow = Flow::default();
        (flow.number, flow.object, flow.peer) = (number, object.into(), peer.into());
        flow
    }

    fn orb(process: u32, flows: Vec<Flow>) -> Snapshot {
        let mut orb = Snapshot::default();
        (orb.process, orb.flows) = (process, flows);
        orb
    }

    fn machine() -> Vec<Snapshot> {
        vec![
            orb(7, vec![flow(1, "axes/x", "apic://"), flow(2, "", "apic://")]),
            orb(8, vec![flow(1, "axes/y", "iiop://[::1]:9")]),
        ]
    }

    #[test]
    fn a_flow_is_found_by_its_name_and_by_what_it_alone_has() {
        let machine = machine();
        let found = |wanted: &str| find(&machine, wanted).map(|(orb, flow)| flow.name(orb));
        assert_eq!(found("7.2").unwrap(), "7.2");
        assert_eq!(found("axes/y").unwrap(), "8.1");
        assert_eq!(found("iiop://[::1]:9").unwrap(), "8.1");
        let several = found("apic://").unwrap_err().to_string();
        assert!(
            several.contains("2 flows") && several.contains("7.1, 7.2"),
            "{several}"
        );
        for none in ["7.3", "x", "", "1.1.1"] {
            let none = found(none).unwrap_err().to_string();
            assert!(none.contains("upcall top"), "{none}");
        }
        let gone = found("9.1").unwrap_err().to_string();
        assert!(gone.contains("process 9 is gone"), "{gone}");
    }

    #[test]
    fn what_the_kernel_carries_is_captured_with_its_tools() {
        let far = by_the_kernel("iiop://10.0.0.1:2809", "iiop://10.0.0.2:50000");
        assert!(far.contains("-i any") && far.contains("tcp.port==2809"), "{far}");
        let near = by_the_kernel("iiop://127.0.0.1:50000", "iiop://127.0.0.1:2809");
        assert!(
            near.contains("-i lo") && near.contains("tcp.port==2809"),
            "{near}"
        );
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_divide_them() {
        assert_eq!(quoted("a/b.pcapng"), "a/b.pcapng");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("a b"), "'a b'");
    }
}
