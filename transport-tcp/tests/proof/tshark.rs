// SPDX-License-Identifier: MIT OR Apache-2.0
//! What tshark says of a capture.

use std::io::Write;
use std::process::Command;

/// Packets with a wrong checksum, that are malformed, or that break a rule of TCP's or of what is below it: noise is now and then
/// taken for another protocol's, and is malformed as such.
pub(crate) const WRONG: &str = "(ip.checksum.status == 0 || tcp.checksum.status == 0 \
    || ((_ws.malformed || _ws.expert.severity >= 0x800000) && frame.protocols matches \"ip(v6)?(:(icmp|icmpv6|tcp|udp))?(:data)?$\"))";

/// The packets of a capture that a filter selects, one line each; none if there is no tshark.
pub(crate) fn tshark(capture: &[u8], filter: &str) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a capture");
    file.write_all(capture).expect("there is room for a capture");
    let output = Command::new("tshark")
        .arg("-r")
        .arg(file.path())
        .args([
            "-o",
            "ip.check_checksum:TRUE",
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
            "-Y",
            filter,
        ])
        .output()
        .ok()?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Says that the test `name` can't run here because of `reason`; under `CI=true` that is a failure.
pub(crate) fn skip(name: &str, reason: &str) {
    println!("SKIPPED: {name}: {reason}");
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name} must not be skipped here: {reason}"
    );
}
