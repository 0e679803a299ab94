// SPDX-License-Identifier: MIT OR Apache-2.0
//! Object keys: what stands in a reference's profile and comes back with each request.
//!
//! | kind | layout |
//! |---|---|
//! | system | `UPs1`, instance (8), slot (4), generation (4): the last 8 octets are the object id |
//! | transient | `UPt1`, instance (8), length of the path (2), path, object id |
//! | persistent | `UPp1`, length of the server id (2), server id, length of the path (2), path, object id |
//!
//! Numbers are big-endian. A path is the names of the POAs below the root, each after its length (1). Other keys
//! are names given to single objects, such as `NameService`. `instance` tells one run of a server from the next.

const SYSTEM: &[u8; 4] = b"UPs1";
const TRANSIENT: &[u8; 4] = b"UPt1";
const PERSISTENT: &[u8; 4] = b"UPp1";

/// The longest POA name, in octets.
pub const MAX_NAME: usize = 255;
/// The longest object id, in octets.
pub const MAX_OBJECT_ID: usize = 4096;
/// How deeply POAs nest.
pub const MAX_DEPTH: usize = 64;

/// Octets of an object id made by the adapter.
pub(crate) const SYSTEM_ID_SIZE: usize = 8;

/// Where an object that the adapter gave an id stands in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotId {
    /// The index.
    pub slot: u32,
    /// How often the slot had been used before.
    pub generation: u32,
}

impl SlotId {
    /// Returns the object id.
    #[must_use]
    pub fn to_object_id(self) -> [u8; SYSTEM_ID_SIZE] {
        (u64::from(self.slot) << 32 | u64::from(self.generation)).to_be_bytes()
    }

    /// Reads an object id.
    #[must_use]
    pub fn from_object_id(id: &[u8]) -> Option<Self> {
        let both = u64::from_be_bytes(id.try_into().ok()?);
        Some(Self {
            slot: high(both),
            generation: low(both),
        })
    }
}

fn high(both: u64) -> u32 {
    (both >> 32) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn low(both: u64) -> u32 {
    both as u32
}

/// An object key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectKey<'a> {
    /// Of an object that lives no longer than the process, with an id made by the adapter.
    System {
        /// Which run of the server.
        instance: u64,
        /// Where it stands.
        slot: SlotId,
    },
    /// Of an object that lives no longer than the process, with an id the application chose.
    Transient {
        /// Which run of the server.
        instance: u64,
        /// Which POA.
        path: PoaPath<'a>,
        /// Which object.
        object_id: &'a [u8],
    },
    /// Of an object that a later process may serve.
    Persistent {
        /// Which server.
        server_id: &'a [u8],
        /// Which POA.
        path: PoaPath<'a>,
        /// Which object.
        object_id: &'a [u8],
    },
}

/// The names of the POAs from below the root to an object's, as they stand in a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoaPath<'a>(&'a [u8]);

impl<'a> PoaPath<'a> {
    /// Returns the names, outermost first; those that are not UTF-8 are left out.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let name;
            (name, rest) = split_short(rest)?;
            Some(name)
        })
        .map_while(|name| std::str::from_utf8(name).ok())
    }

    fn is_well_formed(self) -> bool {
        let mut rest = self.0;
        for _ in 0..=MAX_DEPTH {
            let Some((name, after)) = split_short(rest) else {
                return rest.is_empty();
            };
            if std::str::from_utf8(name).is_err() {
                return false;
            }
            rest = after;
        }
        false
    }
}

impl<'a> ObjectKey<'a> {
    /// Takes a key apart; `None` if it is none of this adapter's.
    #[must_use]
    pub fn parse(key: &'a [u8]) -> Option<Self> {
        let (kind, rest) = key.split_first_chunk::<4>()?;
        match kind {
            SYSTEM => {
                let (instance, id) = rest.split_first_chunk::<8>()?;
                Some(Self::System {
                    instance: u64::from_be_bytes(*instance),
                    slot: SlotId::from_object_id(id)?,
                })
            }
            TRANSIENT => {
                let (instance, rest) = rest.split_first_chunk::<8>()?;
                let (path, object_id) = split_path(rest)?;
                Some(Self::Transient {
                    instance: u64::from_be_bytes(*instance),
                    path,
                    object_id,
                })
            }
            PERSISTENT => {
                let (server_id, rest) = split_long(rest)?;
                let (path, object_id) = split_path(rest)?;
                Some(Self::Persistent {
                    server_id,
                    path,
                    object_id,
                })
            }
            _ => None,
        }
    }
}

fn split_path(data: &[u8]) -> Option<(PoaPath<'_>, &[u8])> {
    let (path, object_id) = split_long(data)?;
    let path = PoaPath(path);
    (path.is_well_formed() && object_id.len() <= MAX_OBJECT_ID).then_some((path, object_id))
}

fn split_long(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn split_short(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// Reads a system key on the path of a request: `None` if it is another kind or another instance's.
#[inline]
pub(crate) fn system_slot(key: &[u8], instance: u64) -> Option<SlotId> {
    let (head, id) = key.split_first_chunk::<12>()?;
    let (kind, from) = head.split_first_chunk::<4>()?;
    if kind != SYSTEM || *from != instance.to_be_bytes() {
        return None;
    }
    SlotId::from_object_id(id)
}

/// Writes the key of an object with an id made by the adapter.
pub(crate) fn system_key(instance: u64, slot: SlotId) -> Vec<u8> {
    let mut key = Vec::with_capacity(4 + 8 + SYSTEM_ID_SIZE);
    key.extend_from_slice(SYSTEM);
    key.extend_from_slice(&instance.to_be_bytes());
    key.extend_from_slice(&slot.to_object_id());
    key
}

/// Writes what the keys of all objects of one POA begin with.
pub(crate) fn prefix(lifetime: Lifetime<'_>, path: &[String]) -> Vec<u8> {
    let mut key = Vec::new();
    match lifetime {
        Lifetime::Transient(instance) => {
            key.extend_from_slice(TRANSIENT);
            key.extend_from_slice(&instance.to_be_bytes());
        }
        Lifetime::Persistent(server_id) => {
            key.extend_from_slice(PERSISTENT);
            put_length(&mut key, server_id.len());
            key.extend_from_slice(server_id.as_bytes());
        }
    }
    put_length(&mut key, path.iter().map(|name| name.len() + 1).sum());
    for name in path {
        key.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        key.extend_from_slice(name.as_bytes());
    }
    key
}

/// Whose objects a key names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lifetime<'a> {
    /// Those of one run of the server.
    Transient(u64),
    /// Those of every run of the server with this id.
    Persistent(&'a str),
}

/// Names and depth are bounded when POAs are made, so a path always fits.
fn put_length(key: &mut Vec<u8>, length: usize) {
    key.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests;
