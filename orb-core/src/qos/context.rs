// SPDX-License-Identifier: MIT OR Apache-2.0
//! How requests and grants travel between two ORBs of this kind: in a service context of their own.
//!
//! The data of a context with the id [`ID`] is one octet with the version of its format, and then what that version
//! defines. Version 1 is one value in bincode's standard configuration (little endian, integers of variable length), with
//! times in nanoseconds and sizes in bytes. In a request the context says what the client asks for its connection, in the
//! reply what it was granted. Who does not know the id or the version leaves the context unread (CORBA 3.3 Part 2 §9.7.1),
//! and so grants nothing.
//!
//! Nothing outside this module knows the encoding.

use std::time::Duration;

use bincode::{Decode, Encode, config};

use super::{BestEffort, Burst, Granted, Isochronous, LowDelay, Qos};

/// The id of the service context: our vendor's prefix, as in minor codes, and a number of it.
pub const ID: u32 = 0x5550_0001;

/// The format that is written here.
const VERSION: u8 = 1;

/// No context of version 1 is longer, in octets.
const LONGEST: usize = 128;

/// A request of version 1.
#[derive(Encode, Decode)]
enum Request {
    Isochronous {
        period: u64,
        messages: u32,
        message_size: u64,
        deadline: Option<u64>,
    },
    Burst {
        bandwidth: u64,
        burst_size: u64,
        message_size: Option<u64>,
        deadline: Option<u64>,
    },
    LowDelay {
        delay: u64,
        minimum_interval: Option<u64>,
        message_size: u64,
        priority: i16,
    },
    BestEffort {
        weight: u32,
    },
}

/// A grant of version 1.
#[derive(Encode, Decode)]
struct Grant {
    request: Request,
    probation: bool,
    period: u64,
    messages: u32,
    deadline: u64,
}

/// Writes what a client asks for; the servant's worst case is not a client's to declare, and stays behind.
pub fn encode_request(qos: &Qos) -> Vec<u8> {
    encode(Request::from(qos))
}

/// Reads what a client asks for; `None` for what is of another version, or makes no sense.
pub fn decode_request(data: &[u8]) -> Option<Qos> {
    decode::<Request>(data)?.try_into().ok()
}

/// Writes what was granted.
pub fn encode_grant(granted: &Granted) -> Vec<u8> {
    encode(Grant {
        request: Request::from(&granted.qos),
        probation: granted.probation,
        period: nanos(granted.period),
        messages: granted.messages,
        deadline: nanos(granted.deadline),
    })
}

/// Reads what was granted; `None` for what is of another version, or makes no sense.
pub fn decode_grant(data: &[u8]) -> Option<Granted> {
    let grant = decode::<Grant>(data)?;
    Some(Granted {
        qos: grant.request.try_into().ok()?,
        probation: grant.probation,
        period: Duration::from_nanos(grant.period),
        messages: grant.messages,
        deadline: Duration::from_nanos(grant.deadline),
    })
}

fn encode(value: impl Encode) -> Vec<u8> {
    let mut data = vec![VERSION];
    match bincode::encode_to_vec(value, config::standard()) {
        Ok(octets) => data.extend(octets),
        // Numbers have a form in memory; an empty context asks for nothing.
        Err(error) => tracing::error!(%error, "a QoS context cannot be written"),
    }
    data
}

fn decode<T: Decode<()>>(data: &[u8]) -> Option<T> {
    let (version, octets) = data.split_first()?;
    if *version != VERSION || data.len() > LONGEST {
        return None;
    }
    let (value, read) =
        bincode::decode_from_slice(octets, config::standard().with_limit::<LONGEST>()).ok()?;
    (read == octets.len()).then_some(value)
}

impl From<&Qos> for Request {
    fn from(qos: &Qos) -> Self {
        match qos {
            Qos::Isochronous(it) => Self::Isochronous {
                period: nanos(it.period),
                messages: it.messages,
                message_size: it.message_size as u64,
                deadline: it.deadline.map(nanos),
            },
            Qos::Burst(it) => Self::Burst {
                bandwidth: it.bandwidth,
                burst_size: it.burst_size as u64,
                message_size: it.message_size.map(|bytes| bytes as u64),
                deadline: it.deadline.map(nanos),
            },
            Qos::LowDelay(it) => Self::LowDelay {
                delay: nanos(it.delay),
                minimum_interval: it.minimum_interval.map(nanos),
                message_size: it.message_size as u64,
                priority: it.priority,
            },
            Qos::BestEffort(it) => Self::BestEffort { weight: it.weight },
        }
    }
}

impl TryFrom<Request> for Qos {
    type Error = std::num::TryFromIntError;

    fn try_from(request: Request) -> Result<Self, Self::Error> {
        Ok(match request {
            Request::Isochronous {
                period,
                messages,
                message_size,
                deadline,
            } => Self::Isochronous(Isochronous {
                period: Duration::from_nanos(period),
                messages,
                message_size: message_size.try_into()?,
                deadline: deadline.map(Duration::from_nanos),
                worst_case: None,
            }),
            Request::Burst {
                bandwidth,
                burst_size,
                message_size,
                deadline,
            } => Self::Burst(Burst {
                bandwidth,
                burst_size: burst_size.try_into()?,
                message_size: message_size.map(usize::try_from).transpose()?,
                deadline: deadline.map(Duration::from_nanos),
                worst_case: None,
            }),
            Request::LowDelay {
                delay,
                minimum_interval,
                message_size,
                priority,
            } => Self::LowDelay(LowDelay {
                delay: Duration::from_nanos(delay),
                minimum_interval: minimum_interval.map(Duration::from_nanos),
                message_size: message_size.try_into()?,
                priority,
                worst_case: None,
            }),
            Request::BestEffort { weight } => Self::BestEffort(BestEffort { weight }),
        })
    }
}

/// A time on the wire: 584 years and more are the same.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
