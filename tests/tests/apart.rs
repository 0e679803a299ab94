// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients that are apart from their server: in containers with and without its directory, of other users, without memory to
//! share. Whoever cannot take the fabric goes by IIOP, and who is told of nothing else is told why.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that panics has failed; a child says what it saw"
)]

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use tempfile::TempDir;
use upcall::{Bytes, Context, Fabric, Orb};
use upcall_tests::skip;
upcall::include_idl!("main_thread");
use desk::{Clerk, ClerkDivideError, ClerkRef, ClerkSkeleton};

const REFERENCE: &str = "UPCALL_TEST_REFERENCE";
const PLACE: &str = "UPCALL_TEST_DIRECTORY";
const SERVER: &str = "UPCALL_TEST_SERVER_USER";
const NOBODY: u32 = 65_534;

/// Says how it was reached.
struct Witness;

impl Clerk for Witness {
    fn bounce(&self, _: &Context, _: Option<ClerkRef>, times: u32) -> upcall::Result<u32> {
        Ok(times)
    }
    fn divide(
        &self,
        cx: &Context,
        a: f64,
        b: f64,
        count: i32,
    ) -> Result<(f64, String, i32), ClerkDivideError> {
        let scheme = cx.peer().map_or("none", |peer| peer.scheme());
        Ok((a / b, scheme.to_owned(), count))
    }
    fn copy(&self, _: &Context, originals: &[u8]) -> upcall::Result<Bytes> {
        Ok(Bytes::copy_from_slice(originals))
    }
    fn note(&self, _: &Context, _: i32) {}
    fn close(&self, _: &Context) -> upcall::Result<()> {
        Ok(())
    }
    fn wait(&self, _: &Context) -> upcall::Result<()> {
        Ok(())
    }
}

/// A server, with a directory of its own.
struct Host {
    folder: TempDir,
    reference: String,
    _orb: Orb,
}

impl Host {
    fn start(endpoints: &[&str], change: impl FnOnce(Fabric) -> Fabric) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // What keeps others out is the fabric's own directory.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let fabric = change(Fabric::at(folder.path().join("fabric")));
        let builder = Orb::builder().environment(false).statistics(None).fabric(fabric);
        let builder = endpoints
            .iter()
            .fold(builder, |builder, &url| builder.listen(url));
        let orb = builder.build().unwrap();
        let object: ClerkRef = orb
            .root_poa()
            .activate(ClerkSkeleton::new(Witness))
            .export()
            .unwrap();
        Self {
            reference: orb.object_to_string(&object),
            folder,
            _orb: orb,
        }
    }

    fn both() -> Self {
        Self::start(&["iiop://127.0.0.1:0", "apic://server"], |fabric| fabric)
    }

    fn directory(&self) -> std::path::PathBuf {
        self.folder.path().join("fabric")
    }

    /// How a client reaches it whose command line is behind `wrapper`.
    fn reached(&self, wrapper: &[&str]) -> String {
        self.reached_by(wrapper, &self.directory())
    }

    fn reached_by(&self, wrapper: &[&str], directory: &Path) -> String {
        let this = env::current_exe().unwrap();
        let mut words = wrapper.iter().map(|word| word.to_string());
        let mut command = match words.next() {
            Some(program) => Command::new(program),
            None => Command::new(&this),
        };
        command.args(words);
        if !wrapper.is_empty() {
            command.arg(&this);
        }
        let output = command
            .args(["--exact", "child", "--nocapture"])
            .env(REFERENCE, &self.reference)
            .env(PLACE, directory)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = text.lines().find_map(|line| line.split_once("REACHED "));
        said.map_or_else(
            || panic!("{text}{}", String::from_utf8_lossy(&output.stderr)),
            |(_, said)| said.to_owned(),
        )
    }
}

/// What the other tests start; on its own it does nothing.
#[test]
fn child() {
    let Ok(reference) = env::var(REFERENCE) else {
        return;
    };
    let fabric = Fabric::at(env::var(PLACE).unwrap());
    let fabric = match env::var(SERVER) {
        Ok(user) => fabric.users([user.parse().unwrap()]),
        Err(_) => fabric,
    };
    let orb = Orb::builder()
        .environment(false)
        .statistics(None)
        .fabric(fabric)
        .build()
        .unwrap();
    let clerk: ClerkRef = orb.resolve(&reference).unwrap();
    match clerk.divide(1.0, 2.0, 0).wait() {
        Ok((_, scheme, _)) => println!("REACHED {scheme}"),
        Err(error) => println!("REACHED nobody: {error}"),
    }
}

/// Whether containers can be made here, by whoever runs this.
fn containers(name: &str) -> bool {
    let made = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .output();
    let can = made.is_ok_and(|output| output.status.success());
    if !can {
        skip(name, "namespaces of users cannot be made here");
    }
    can
}

fn root(name: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(name, "only root can be another user");
    }
    root
}

#[test]
fn a_container_that_shares_the_directory_is_on_the_fabric_and_one_that_does_not_goes_by_iiop() {
    if !containers("a container with the directory and one without") {
        return;
    }
    let host = Host::both();
    assert_eq!(host.reached(&[]), "apic");
    let apart = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
    ];
    let alone = Host::start(&["apic://server"], |fabric| fabric);
    assert_eq!(alone.reached(&apart), "apic");
    let directory = host.directory();
    let hide = format!("mount -t tmpfs none {} && exec \"$@\"", directory.display());
    let without = [&apart[..], &["sh", "-c", &hide, "sh"]].concat();
    assert_eq!(host.reached(&without), "iiop");
}

#[test]
fn another_user_is_on_the_fabric_only_by_the_lists_of_both() {
    if !root("another user") {
        return;
    }
    let number = NOBODY.to_string();
    let user = [
        "setpriv",
        "--reuid",
        &number,
        "--regid",
        &number,
        "--clear-groups",
    ];
    let listed = [&["env", "UPCALL_TEST_SERVER_USER=0"][..], &user].concat();
    let closed = Host::both();
    assert_eq!(closed.reached(&user), "iiop", "its directory is for its owner");
    let open = |host: &Host| fs::set_permissions(host.directory(), Permissions::from_mode(0o755)).unwrap();
    open(&closed);
    assert_eq!(closed.reached(&listed), "iiop", "its socket is for its owner");
    let listing = Host::start(&["iiop://127.0.0.1:0", "apic://server"], |fabric| {
        fabric.users([NOBODY])
    });
    open(&listing);
    assert_eq!(listing.reached(&listed), "apic");
    assert_eq!(
        listing.reached(&user),
        "iiop",
        "the client does not list the server"
    );
    assert_eq!(listing.reached(&[]), "iiop", "root is not on the list");
}

#[test]
fn where_there_is_no_memory_to_share_or_no_directory_calls_go_by_iiop() {
    let host = Host::both();
    // Address space for an ORB, and not for channels.
    assert_eq!(host.reached(&["prlimit", "--as=64000000"]), "iiop");
    assert_eq!(host.reached_by(&[], Path::new("/proc/none/fabric")), "iiop");
    let alone = Host::start(&["apic://server"], |fabric| fabric);
    let told = alone.reached(&["prlimit", "--as=64000000"]);
    assert!(told.contains("Cannot allocate memory"), "{told}");
}

#[test]
fn a_server_without_a_directory_listens_at_what_is_left_or_says_why_it_cannot() {
    let build = |endpoints: &[&str]| {
        let builder = Orb::builder().environment(false).statistics(None);
        let builder = builder.fabric(Fabric::at("/proc/none/fabric"));
        endpoints
            .iter()
            .fold(builder, |builder, &url| builder.listen(url))
            .build()
    };
    let both = build(&["apic://server", "iiop://127.0.0.1:0"]).unwrap();
    let schemes: Vec<_> = both
        .endpoints()
        .iter()
        .map(|endpoint| endpoint.scheme().to_owned())
        .collect();
    assert_eq!(schemes, ["iiop"]);
    let error = build(&["apic://server"]).unwrap_err().to_string();
    assert!(error.contains("/proc/none/fabric"), "{error}");
    assert!(build(&[]).is_ok(), "a client needs none");
}
