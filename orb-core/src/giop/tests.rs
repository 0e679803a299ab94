// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;
use crate::cdr::{Encoder, Endian, Version};
use crate::codeset::CodeSets;

fn request(version: Version, endian: Endian, id: u32, body: &[i32]) -> Vec<u8> {
    let mut encoder = Encoder::new(endian, version, CodeSets::NATIVE);
    begin(&mut encoder, MessageType::Request);
    let header = RequestHeader {
        request_id: id,
        response: ResponseFlags::Target,
        target: TargetAddress::Key(b"key"),
        operation: "read",
        service_contexts: ServiceContexts::default(),
    };
    header.encode(&mut encoder).unwrap();
    let padding = begin_body(&mut encoder);
    encoder.primitive_array(body);
    finish(&mut encoder, Some(padding)).unwrap();
    encoder.contiguous().to_vec()
}

#[test]
fn a_request_survives_assembly_octet_by_octet() {
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        for endian in [Endian::Big, Endian::Little] {
            let sent = request(version, endian, 7, &[1, 2, 3]);
            let mut assembler = Assembler::default();
            for (index, octet) in sent.iter().enumerate() {
                assert!(assembler.next_message().unwrap().is_none(), "at {index}");
                assembler.buffer(1).extend_from_slice(&[*octet]);
            }
            let message = assembler.next_message().unwrap().unwrap();
            let (header, mut body) = message.request(CodeSets::NATIVE, None).unwrap();
            assert_eq!((header.request_id, header.operation), (7, "read"));
            assert_eq!(header.target.object_key().unwrap(), b"key");
            assert_eq!(body.primitive_array::<i32, 3>().unwrap(), [1, 2, 3]);
            assert_eq!(body.remaining(), 0);
        }
    }
}
