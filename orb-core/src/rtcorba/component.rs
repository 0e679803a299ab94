// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies that references show: `TAG_POLICIES`, a list of policy types and encapsulated values
//! (CORBA 3.3 Part 1 §17.3.2).

use bytes::Bytes;

use super::{
    PolicyType, Priority, PriorityBand, PriorityModel, PriorityModelPolicy, Protocol, ProtocolList,
    ProtocolType, TcpProtocolProperties,
};
use crate::{
    cdr::{CdrError, Decoder, Encoder, Endian, Version},
    codeset::CodeSets,
    ior::{TaggedComponent, component_tag},
};

/// So many bands a reference may have; those of a peer that has more are not believed.
const MOST_BANDS: usize = 256;
/// So many protocols, likewise.
const MOST_PROTOCOLS: usize = 64;

/// What a reference says of the RT-CORBA policies of its object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExposedPolicies {
    /// At which priority the object is served.
    pub model: Option<PriorityModelPolicy>,
    /// The ranges of priorities with a connection each; empty for none.
    pub bands: Vec<PriorityBand>,
    /// By which protocols clients are to call; empty for any.
    pub client_protocols: ProtocolList,
}

impl ExposedPolicies {
    /// Returns what a reference is to show.
    #[must_use]
    pub fn new(
        model: Option<PriorityModelPolicy>,
        bands: Vec<PriorityBand>,
        client_protocols: ProtocolList,
    ) -> Self {
        Self {
            model,
            bands,
            client_protocols,
        }
    }

    /// Reads the component; other policies in it are skipped. `None` if this is another component.
    #[must_use]
    pub fn of(component: &TaggedComponent) -> Option<Result<Self, CdrError>> {
        (component.tag == component_tag::POLICIES).then(|| Self::decode(&component.data))
    }

    /// Returns the component; `None` if there is nothing to show.
    #[must_use]
    pub fn component(&self) -> Option<TaggedComponent> {
        let model = self.model.map(|model| {
            (
                PolicyType::PriorityModel,
                encapsulated(|e| encode_model(model, e)),
            )
        });
        let bands = (!self.bands.is_empty()).then(|| {
            let value = encapsulated(|e| encode_bands(&self.bands, e));
            (PolicyType::PriorityBandedConnection, value)
        });
        let protocols = (!self.client_protocols.is_empty()).then(|| {
            let value = encapsulated(|e| encode_protocols(&self.client_protocols, e));
            (PolicyType::ClientProtocol, value)
        });
        let values: Vec<_> = model.into_iter().chain(bands).chain(protocols).collect();
        (!values.is_empty()).then(|| TaggedComponent {
            tag: component_tag::POLICIES,
            data: encapsulated(|encoder| {
                encoder.sequence_len(values.len(), None)?;
                for (policy, value) in &values {
                    encoder.ulong(policy.number());
                    encoder.sequence_len(value.len(), None)?;
                    encoder.raw(value);
                }
                Ok(())
            }),
        })
    }

    fn decode(data: &[u8]) -> Result<Self, CdrError> {
        let mut policies = encapsulation(data)?;
        let mut read = Self::default();
        for _ in 0..policies.sequence_len(None, 8)? {
            let policy = policies.ulong()?;
            let value = policies.octets()?;
            if policy == PolicyType::PriorityModel.number() {
                read.model = Some(decode_model(&mut encapsulation(value)?)?);
            } else if policy == PolicyType::PriorityBandedConnection.number() {
                read.bands = decode_bands(&mut encapsulation(value)?)?;
            } else if policy == PolicyType::ClientProtocol.number() {
                read.client_protocols = decode_protocols(&mut encapsulation(value)?)?;
            }
        }
        Ok(read)
    }
}

fn encode_model(policy: PriorityModelPolicy, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
    encoder.ulong(match policy.model {
        PriorityModel::ClientPropagated => 0,
        PriorityModel::ServerDeclared => 1,
    });
    encoder.short(policy.server_priority.get());
    Ok(())
}

fn decode_model(decoder: &mut Decoder<'_>) -> Result<PriorityModelPolicy, CdrError> {
    let model = match decoder.ulong()? {
        0 => PriorityModel::ClientPropagated,
        1 => PriorityModel::ServerDeclared,
        value => {
            return Err(CdrError::BadEnum {
                name: "RTCORBA::PriorityModel",
                value,
            });
        }
    };
    Ok(PriorityModelPolicy {
        model,
        server_priority: priority(decoder)?,
    })
}

fn encode_bands(bands: &[PriorityBand], encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
    encoder.sequence_len(bands.len(), None)?;
    for band in bands {
        encoder.short(band.low.get());
        encoder.short(band.high.get());
    }
    Ok(())
}

fn decode_bands(decoder: &mut Decoder<'_>) -> Result<Vec<PriorityBand>, CdrError> {
    let count = decoder.sequence_len(None, 4)?;
    if count > MOST_BANDS {
        return Err(CdrError::BadReference("more priority bands than anybody needs"));
    }
    (0..count)
        .map(|_| Ok(PriorityBand::new(priority(decoder)?, priority(decoder)?)))
        .collect()
}

/// The standard does not say how properties travel. These do as TAO writes them: none for GIOP, and those of TCP as they
/// are declared.
fn encode_protocols(protocols: &ProtocolList, encoder: &mut Encoder<'_>) -> Result<(), CdrError> {
    // Nobody here knows what properties others have. Ours has none.
    let known = protocols
        .iter()
        .filter(|protocol| [ProtocolType::IIOP, ProtocolType::LOCAL].contains(&protocol.protocol_type));
    encoder.sequence_len(known.clone().count(), None)?;
    for protocol in known {
        encoder.ulong(protocol.protocol_type.0);
        if protocol.protocol_type == ProtocolType::LOCAL {
            continue;
        }
        let tcp = protocol.tcp.unwrap_or_default();
        for size in [tcp.send_buffer_size, tcp.recv_buffer_size] {
            encoder.long(i32::try_from(size).unwrap_or(i32::MAX));
        }
        for flag in [tcp.keep_alive, tcp.dont_route, tcp.no_delay] {
            encoder.boolean(flag);
        }
    }
    Ok(())
}

/// Reads the protocols up to one whose properties are unknown: where they end is unknown too.
fn decode_protocols(decoder: &mut Decoder<'_>) -> Result<ProtocolList, CdrError> {
    let count = decoder.sequence_len(None, 4)?;
    if count > MOST_PROTOCOLS {
        return Err(CdrError::BadReference("more protocols than anybody speaks"));
    }
    let mut protocols = Vec::new();
    for _ in 0..count {
        match ProtocolType(decoder.ulong()?) {
            ProtocolType::IIOP => {}
            ProtocolType::LOCAL => {
                protocols.push(Protocol::local());
                continue;
            }
            _ => break,
        }
        protocols.push(Protocol::iiop_with(TcpProtocolProperties {
            send_buffer_size: buffer_size(decoder)?,
            recv_buffer_size: buffer_size(decoder)?,
            keep_alive: decoder.boolean()?,
            dont_route: decoder.boolean()?,
            no_delay: decoder.boolean()?,
        }));
    }
    Ok(protocols.into_iter().collect())
}

fn buffer_size(decoder: &mut Decoder<'_>) -> Result<u32, CdrError> {
    let size = decoder.long()?;
    u32::try_from(size).map_err(|_| CdrError::BadReference("a buffer of negative size"))
}

fn priority(decoder: &mut Decoder<'_>) -> Result<Priority, CdrError> {
    Priority::new(decoder.short()?).map_err(|_| CdrError::BadReference("a negative RTCORBA::Priority"))
}

fn encapsulation(data: &[u8]) -> Result<Decoder<'_>, CdrError> {
    Decoder::of_encapsulation(data, Version::V1_2, CodeSets::UNNEGOTIATED)
}

/// Encodes what always has a form on the wire: numbers, and short lists of them.
fn encapsulated(write: impl FnOnce(&mut Encoder<'_>) -> Result<(), CdrError>) -> Bytes {
    let mut encoder = Encoder::new(Endian::NATIVE, Version::V1_2, CodeSets::UNNEGOTIATED);
    encoder.octet(Endian::NATIVE.flag());
    let written = write(&mut encoder);
    debug_assert!(written.is_ok(), "a short list has a length on the wire");
    encoder.contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All policies that we know and a foreign one, big-endian, as CDR lays them out.
    const RECORDED: &[u8] = b"\0\0\0\0\0\0\0\x04\
        \0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\x01\x01\x2c\0\0\
        \0\0\0\x1f\0\0\0\x04\0\0\0\0\
        \0\0\0\x2b\0\0\0\x17\0\0\0\0\0\0\0\x01\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x01\0\
        \0\0\0\x2d\0\0\0\x10\0\0\0\0\0\0\0\x02\0\0\0\x63\0\x64\x7f\xff";

    fn recorded() -> ExposedPolicies {
        let priority = |value| Priority::new(value).unwrap();
        ExposedPolicies {
            model: Some(PriorityModelPolicy {
                model: PriorityModel::ServerDeclared,
                server_priority: priority(300),
            }),
            bands: vec![
                PriorityBand::new(Priority::MIN, priority(99)),
                PriorityBand::new(priority(100), Priority::MAX),
            ],
            client_protocols: ProtocolList::from_iter([Protocol::iiop_with(TcpProtocolProperties {
                send_buffer_size: 65_536,
                recv_buffer_size: 0,
                keep_alive: false,
                dont_route: true,
                no_delay: true,
            })]),
        }
    }

    fn component(data: &'static [u8]) -> TaggedComponent {
        TaggedComponent {
            tag: component_tag::POLICIES,
            data: Bytes::from_static(data),
        }
    }

    #[test]
    fn octets_written_down_from_the_standard_are_read() {
        assert_eq!(ExposedPolicies::of(&component(RECORDED)), Some(Ok(recorded())));
        assert_eq!(ExposedPolicies::of(&TaggedComponent::orb_type(1)), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let only_model = ExposedPolicies {
            bands: Vec::new(),
            ..recorded()
        };
        let propagated = ExposedPolicies {
            model: Some(PriorityModelPolicy {
                model: PriorityModel::ClientPropagated,
                server_priority: Priority::MAX,
            }),
            ..recorded()
        };
        let any_protocol = ExposedPolicies {
            client_protocols: ProtocolList::default(),
            ..recorded()
        };
        let iiop = Protocol::iiop_with(TcpProtocolProperties::default());
        let both_ways = ExposedPolicies {
            client_protocols: [Protocol::local(), iiop].into_iter().collect(),
            ..recorded()
        };
        for policies in [recorded(), only_model, propagated, any_protocol, both_ways] {
            let written = policies.component().expect("a component");
            assert_eq!(ExposedPolicies::of(&written), Some(Ok(policies)));
        }
        assert_eq!(ExposedPolicies::default().component(), None);
    }

    #[test]
    fn of_protocols_that_are_not_iiop_nothing_is_written_and_nothing_behind_them_read() {
        let other = Protocol {
            protocol_type: ProtocolType(0x5441_4f00),
            tcp: None,
        };
        let default = Protocol::iiop_with(TcpProtocolProperties::default());
        let both = ExposedPolicies::new(None, Vec::new(), [other, Protocol::iiop()].into_iter().collect());
        let read = ExposedPolicies::of(&both.component().expect("a component"));
        let read = read.expect("policies").expect("well-formed").client_protocols;
        assert_eq!(read, [default].into_iter().collect());
        let foreign = b"\0\0\0\0\0\0\0\x01\0\0\0\x2b\0\0\0\x10\0\0\0\0\0\0\0\x02TAO\0what";
        assert_eq!(
            ExposedPolicies::of(&component(foreign)),
            Some(Ok(ExposedPolicies::default()))
        );
    }

    #[test]
    fn a_component_cut_off_anywhere_is_an_error() {
        for end in 0..RECORDED.len() {
            let read = ExposedPolicies::of(&component(&RECORDED[..end]));
            assert!(matches!(read, Some(Err(_))), "cut at {end}: {read:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let wrong: [&[u8]; 4] = [
            // A third priority model, a negative priority, a negative buffer, and a band too many for what follows.
            b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\x02\0\x01",
            b"\0\0\0\0\0\0\0\x01\0\0\0\x28\0\0\0\x0a\0\0\0\0\0\0\0\x01\xff\xff",
            b"\0\0\0\0\0\0\0\x01\0\0\0\x2b\0\0\0\x17\0\0\0\0\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\0\0\0\0\x01\0\x01",
            b"\0\0\0\0\0\0\0\x01\0\0\0\x2d\0\0\0\x08\0\0\0\0\0\0\0\x01",
        ];
        for data in wrong {
            let read = ExposedPolicies::of(&component(data));
            assert!(matches!(read, Some(Err(_))), "{read:?}");
        }
    }
}
