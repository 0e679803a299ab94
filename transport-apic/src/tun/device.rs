// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes TUN devices and sets them up, in the kernel's own words: tuntap, netdevice(7), rtnetlink(7).

#![allow(unsafe_code, reason = "ioctl(2) has no safe form")]

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netdevice};

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
    let inet = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(|error| failed("opening a socket".to_owned(), error.into()))?;
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
    let index = netdevice::name_to_index(&inet, name)
        .map_err(|error| failed(format!("looking for {name}"), error.into()))?;
    for (address, prefix) in &config.addresses {
        add(index, *address, *prefix).map_err(|error| {
            let doing = format!("the address {address}/{prefix} of {name}");
            refused(
                doing,
                format!("ip address add {address}/{prefix} dev {name}"),
                error,
            )
        })?;
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

/// Gives an interface an address, unless the machine has it already.
fn add(index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(
        &socket,
        &new_address(index, address, prefix),
        SendFlags::empty(),
        &kernel,
    )?;
    // A header of 16 bytes, and a negative error number or 0.
    let mut answer = [0; 64];
    let (length, _) = rustix::net::recv(&socket, answer.as_mut_slice(), RecvFlags::empty())?;
    let code = answer.get(16..20).filter(|_| length >= 20);
    let code = code
        .and_then(|bytes| bytes.first_chunk())
        .copied()
        .map(i32::from_ne_bytes);
    match code {
        Some(0) => Ok(()),
        // Who may not set it can still use it.
        Some(_) if UdpSocket::bind((address, 0)).is_ok() => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The message by which rtnetlink(7) adds or replaces an address, for use at once: nobody else can have it there (RFC 4862
/// §5.4 is for links that are shared).
fn new_address(index: u32, address: IpAddr, prefix: u8) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (libc::AF_INET, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6, address.octets().to_vec()),
    };
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
    let attribute = 4 + octets.len();
    let total = 16 + 8 + 2 * attribute;
    let short = |value: usize| u16::try_from(value).unwrap_or_default().to_ne_bytes();
    let mut message = Vec::with_capacity(total);
    message.extend(u32::try_from(total).unwrap_or_default().to_ne_bytes());
    message.extend(libc::RTM_NEWADDR.to_ne_bytes());
    message.extend(u16::try_from(flags).unwrap_or_default().to_ne_bytes());
    // The number and the sender of the message: there is but one.
    message.extend([0; 8]);
    let no_search = u8::try_from(libc::IFA_F_NODAD).unwrap_or_default();
    message.extend([u8::try_from(family).unwrap_or_default(), prefix, no_search, 0]);
    message.extend(index.to_ne_bytes());
    for kind in [libc::IFA_LOCAL, libc::IFA_ADDRESS] {
        message.extend(short(attribute));
        message.extend(kind.to_ne_bytes());
        message.extend(&octets);
    }
    message
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

fn ioctl(file: &OwnedFd, request: libc::Ioctl, argument: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: the descriptor is open, and all requests of this module take a pointer to an `ifreq`, which they read, write,
    // and do not keep.
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
