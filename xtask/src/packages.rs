// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs that the tests use beside Rust: other ORBs, a packet dissector, a JavaScript runtime.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use crate::house;

/// A Debian package, and how to see without asking dpkg that its work is already here.
struct Package {
    name: &'static str,
    /// A program on the PATH, or a file, that the package brings.
    brings: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "omniidl",
        brings: "omniidl",
    },
    Package {
        name: "omniorb",
        brings: "nameclt",
    },
    Package {
        name: "omniorb-nameserver",
        brings: "omniNames",
    },
    Package {
        name: "libomniorb4-dev",
        brings: "/usr/include/omniORB4/CORBA.h",
    },
    Package {
        name: "omniorb-idl",
        brings: "/usr/share/idl/omniORB/COS/CosNaming.idl",
    },
    Package {
        name: "g++",
        brings: "g++",
    },
    Package {
        name: "tshark",
        brings: "tshark",
    },
    Package {
        name: "iperf3",
        brings: "iperf3",
    },
    Package {
        name: "curl",
        brings: "curl",
    },
    Package {
        name: "nodejs",
        brings: "node",
    },
    Package {
        name: "npm",
        brings: "npm",
    },
];

/// Installs what is missing where that is allowed; gives what is missing still, with the reason.
pub(crate) fn prepare() -> BTreeSet<String> {
    let absent = absent();
    if absent.is_empty() {
        return BTreeSet::new();
    }
    if let Err(reason) = install(&absent) {
        return absent
            .iter()
            .map(|name| format!("package {name}: {reason}"))
            .collect();
    }
    self::absent()
        .iter()
        .map(|name| format!("package {name}: apt-get installed it, but it is not there"))
        .collect()
}

fn absent() -> Vec<&'static str> {
    PACKAGES
        .iter()
        .filter(|package| !is_here(package.brings))
        .map(|package| package.name)
        .collect()
}

fn is_here(brings: &str) -> bool {
    if brings.starts_with('/') {
        Path::new(brings).exists()
    } else {
        house::which(brings).is_some()
    }
}

fn install(names: &[&str]) -> Result<(), String> {
    let list = names.join(" ");
    let by_hand = format!("not installed; `apt-get install {list}` as root brings it");
    if house::which("apt-get").is_none() {
        return Err("not installed, and this machine has no apt-get".into());
    }
    if !house::is_root() {
        return Err(by_hand);
    }
    println!("installing {list}");
    let apt = |arguments: &[&str]| {
        let mut command = house::command("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null());
        house::must(command)
    };
    apt(&["update", "-qq"]).map_err(|error| format!("{by_hand} ({error})"))?;
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(names);
    apt(&arguments).map_err(|error| format!("{by_hand} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_here_when_what_it_brings_is() {
        assert!(is_here("sh") && is_here("/proc/self"));
        assert!(!is_here("no-such-program-here") && !is_here("/no/such/file"));
    }

    #[test]
    fn packages_are_named_once() {
        let names: BTreeSet<_> = PACKAGES.iter().map(|package| package.name).collect();
        assert_eq!(names.len(), PACKAGES.len());
    }
}
