// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes TUN devices and sets them up, in the kernel's own words: ioctl(2), tuntap, netdevice(7).

#![allow(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketType, netdevice};

use super::{Config, DEVICE, OpenError};

/// Attaches to the device called `name`, made for that if there is none; gives its true name.
pub(super) fn attach(name: &str) -> Result<(OwnedFd, String), OpenError> {
    let mut request = named(name)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(DEVICE, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::ACCESS => {
            not_permitted(format!("opening {DEVICE}"), format!("chmod a+rw {DEVICE}"))
        }
        _ => OpenError::NoDevice { source: error.into() },
    })?;
    let packets_alone = libc::IFF_TUN | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(packets_alone).unwrap_or_default();
    ioctl(&file, libc::TUNSETIFF, &mut request).map_err(|error| match error.raw_os_error() {
        Some(libc::EPERM) => not_permitted(
            format!("making the device {name}"),
            format!("ip tuntap add dev {name} mode tun user $USER"),
        ),
        Some(libc::EBUSY) => OpenError::Busy {
            name: name.to_owned(),
        },
        Some(libc::EINVAL) => OpenError::BadName {
            name: name.to_owned(),
        },
        _ => failed(format!("making the device {name}"), error),
    })?;
    let name = request.ifr_name.iter().take_while(|byte| **byte != 0);
    let name: Vec<u8> = name.map(|byte| byte.cast_unsigned()).collect();
    Ok((file, String::from_utf8_lossy(&name).into_owned()))
}

/// Gives the interface its addresses and its MTU, and switches it on, as far as it is not so already.
pub(super) fn configure(name: &str, config: &Config) -> Result<(), OpenError> {
    let socket = |family| {
        rustix::net::socket(family, SocketType::DGRAM, None)
            .map_err(|error| failed("opening a socket".to_owned(), error.into()))
    };
    let inet = socket(AddressFamily::INET)?;
    let mut request = named(name)?;
    let wanted = i32::from(config.mtu);
    let mtu = get(&inet, libc::SIOCGIFMTU, &mut request, |request| {
        // SAFETY: SIOCGIFMTU fills in this field of the union.
        unsafe { request.ifr_ifru.ifru_mtu }
    });
    if mtu != Some(wanted) {
        request.ifr_ifru.ifru_mtu = wanted;
        let instead = format!("ip link set {name} mtu {wanted}");
        ioctl(&inet, libc::SIOCSIFMTU, &mut request)
            .map_err(|error| refused(format!("an MTU of {wanted} for {name}"), instead, error))?;
    }
    for (address, prefix) in &config.addresses {
        let instead = format!("ip address add {address}/{prefix} dev {name}");
        let doing = format!("the address {address}/{prefix} of {name}");
        let done = match *address {
            IpAddr::V4(address) => set_v4(&inet, name, address, *prefix),
            IpAddr::V6(address) => {
                let index = netdevice::name_to_index(&inet, name).map_err(io::Error::from);
                let inet6 = socket(AddressFamily::INET6)?;
                index.and_then(|index| set_v6(&inet6, index, address.octets(), *prefix))
            }
        };
        done.map_err(|error| refused(doing, instead, error))?;
    }
    switch_on(&inet, name).map_err(|error| {
        refused(
            format!("switching {name} on"),
            format!("ip link set {name} up"),
            error,
        )
    })
}

fn switch_on(inet: &OwnedFd, name: &str) -> io::Result<()> {
    let mut request = named(name).map_err(io::Error::other)?;
    let up = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
    let flags = get(inet, libc::SIOCGIFFLAGS, &mut request, |request| {
        // SAFETY: SIOCGIFFLAGS fills in this field of the union.
        unsafe { request.ifr_ifru.ifru_flags }
    });
    let flags = flags.unwrap_or_default();
    if flags & up != 0 {
        return Ok(());
    }
    request.ifr_ifru.ifru_flags = flags | up;
    ioctl(inet, libc::SIOCSIFFLAGS, &mut request)
}

fn set_v4(inet: &OwnedFd, name: &str, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let mut request = named(name).map_err(io::Error::other)?;
    let has = get(inet, libc::SIOCGIFADDR, &mut request, |request| {
        // SAFETY: SIOCGIFADDR fills in this field of the union; what it holds, two bytes of family and two of port before
        // the address, is as good for `sockaddr_in` as for `sockaddr`.
        let family = unsafe { request.ifr_ifru.ifru_addr };
        let [_, _, a, b, c, d, ..] = family.sa_data.map(libc::c_char::cast_unsigned);
        Ipv4Addr::new(a, b, c, d)
    });
    if has == Some(address) {
        return Ok(());
    }
    request.ifr_ifru.ifru_addr = sockaddr(address);
    ioctl(inet, libc::SIOCSIFADDR, &mut request)?;
    let bits = u32::MAX
        .checked_shl(32_u32.saturating_sub(prefix.into()))
        .unwrap_or(0);
    request.ifr_ifru.ifru_netmask = sockaddr(Ipv4Addr::from(bits));
    ioctl(inet, libc::SIOCSIFNETMASK, &mut request)
}

fn sockaddr(address: Ipv4Addr) -> libc::sockaddr {
    let [a, b, c, d] = address.octets().map(u8::cast_signed);
    libc::sockaddr {
        sa_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default(),
        sa_data: [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0],
    }
}

fn set_v6(inet6: &OwnedFd, index: u32, octets: [u8; 16], prefix: u8) -> io::Result<()> {
    let mut request = libc::in6_ifreq {
        ifr6_addr: libc::in6_addr { s6_addr: octets },
        ifr6_prefixlen: prefix.into(),
        ifr6_ifindex: index.cast_signed(),
    };
    match ioctl(inet6, libc::SIOCSIFADDR, &mut request) {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        result => result,
    }
}

/// A request about the interface called `name`.
fn named(name: &str) -> Result<libc::ifreq, OpenError> {
    let mut letters: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    // The last byte stays zero.
    if name.len() >= letters.len() || name.contains(['\0', '/', '%']) || name.contains(char::is_whitespace) {
        return Err(OpenError::BadName {
            name: name.to_owned(),
        });
    }
    for (letter, byte) in letters.iter_mut().zip(name.bytes()) {
        *letter = byte.cast_signed();
    }
    Ok(libc::ifreq {
        ifr_name: letters,
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_addr: libc::sockaddr {
                sa_family: 0,
                sa_data: [0; 14],
            },
        },
    })
}

/// Asks about an interface; `None` if it does not say.
fn get<T>(
    socket: &OwnedFd,
    request: libc::Ioctl,
    about: &mut libc::ifreq,
    read: impl FnOnce(&libc::ifreq) -> T,
) -> Option<T> {
    ioctl(socket, request, about).ok().map(|()| read(about))
}

fn ioctl<T>(file: &OwnedFd, request: libc::Ioctl, argument: &mut T) -> io::Result<()> {
    // SAFETY: the descriptor is open, and all requests of this module take a pointer to what `argument` is, an `ifreq` or an
    // `in6_ifreq`, which they read, write, and do not keep.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), request, std::ptr::from_mut(argument)) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn refused(doing: String, instead: String, source: io::Error) -> OpenError {
    match source.raw_os_error() {
        Some(libc::EPERM) => not_permitted(doing, instead),
        _ => failed(doing, source),
    }
}

fn not_permitted(doing: String, instead: String) -> OpenError {
    OpenError::NotPermitted { doing, instead }
}

fn failed(doing: String, source: io::Error) -> OpenError {
    OpenError::Failed { doing, source }
}
