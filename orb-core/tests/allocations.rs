// SPDX-License-Identifier: MIT OR Apache-2.0
//! Once the buffers have grown, a message is received, read, answered and sent without one allocation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops where something is not as expected, and says so"
)]
#![allow(
    unsafe_code,
    reason = "a global allocator is unsafe by nature; this one only counts"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use orb_core::cdr::{CdrError, Encoder, Endian, Marshal, Unmarshal, Version};
use orb_core::codeset::CodeSets;
use orb_core::giop::{
    self, Assembler, Message, MessageType, ReplyHeader, ReplyStatus, RequestHeader, ResponseFlags,
};
use orb_core::giop::{ServiceContext, ServiceContexts, TargetAddress};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `work` until it has grown what it needs, and then counts what it allocates.
fn steady(mut work: impl FnMut()) -> usize {
    (0..16).for_each(|_| work());
    let before = COUNT.with(Cell::get);
    (0..100).for_each(|_| work());
    COUNT.with(Cell::get) - before
}

fn write_request(buffer: BytesMut, version: Version, body: &[f64]) -> Result<BytesMut, CdrError> {
    let contexts = [ServiceContext {
        id: 1,
        data: &[0, 0, 0, 0, 5, 1, 0, 1, 0, 1, 1, 9],
    }];
    let mut encoder = Encoder::with_buffer(buffer, Endian::NATIVE, version, CodeSets::NATIVE);
    giop::begin(&mut encoder, MessageType::Request);
    let header = RequestHeader {
        request_id: 1,
        response: ResponseFlags::Target,
        target: TargetAddress::Key(b"an object key"),
        operation: "measure",
        service_contexts: ServiceContexts::from(&contexts[..]),
    };
    header.encode(&mut encoder)?;
    let padding = giop::begin_body(&mut encoder);
    encoder.string("temperature")?;
    body.marshal(&mut encoder)?;
    encoder.encapsulation(|inner| {
        inner.long(7);
        Ok(())
    })?;
    giop::finish(&mut encoder, Some(padding))?;
    Ok(encoder.into_buffer())
}

fn read_request(message: &Message) -> Result<f64, CdrError> {
    let (header, mut body) = message.request(CodeSets::NATIVE, None)?;
    assert_eq!(header.target.object_key()?, b"an object key");
    assert_eq!(
        (header.operation, header.service_contexts.iter().count()),
        ("measure", 1)
    );
    assert_eq!(body.str_ref()?, "temperature");
    let rest = body.rest();
    let shared: Bytes = body.share(rest);
    black_box(shared);
    let count = body.sequence_len(None, 8)?;
    let sum = (0..count).map(|_| body.double()).sum();
    body.encapsulation()?.long()?;
    sum
}

fn write_reply(buffer: BytesMut, version: Version, sum: f64) -> Result<BytesMut, CdrError> {
    let mut encoder = Encoder::with_buffer(buffer, Endian::NATIVE, version, CodeSets::NATIVE);
    giop::begin(&mut encoder, MessageType::Reply);
    let (status, service_contexts) = (ReplyStatus::NoException, ServiceContexts::default());
    ReplyHeader {
        request_id: 1,
        status,
        service_contexts,
    }
    .encode(&mut encoder)?;
    let padding = giop::begin_body(&mut encoder);
    encoder.double(sum);
    giop::finish(&mut encoder, Some(padding))?;
    Ok(encoder.into_buffer())
}

#[test]
fn a_call_allocates_nothing_on_either_side() {
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        let (mut request, mut reply) = (BytesMut::new(), BytesMut::new());
        let (mut server, mut client) = (Assembler::default(), Assembler::default());
        let allocations = steady(|| {
            request.clear();
            request = write_request(std::mem::take(&mut request), version, &[1.0, 2.0]).unwrap();
            server.buffer(4096).extend_from_slice(&request);
            let message = server.next_message().unwrap().unwrap();
            let sum = read_request(&message).unwrap();
            drop(message);

            reply.clear();
            reply = write_reply(std::mem::take(&mut reply), version, sum).unwrap();
            client.buffer(4096).extend_from_slice(&reply);
            let message = client.next_message().unwrap().unwrap();
            let (header, mut body) = message.reply(CodeSets::NATIVE, None).unwrap();
            assert_eq!(header.status, ReplyStatus::NoException);
            assert_eq!(body.double(), Ok(3.0));
        });
        assert_eq!(allocations, 0, "GIOP {version}");
    }
}

#[test]
fn a_burst_of_messages_in_one_buffer_allocates_nothing() {
    let one = write_request(BytesMut::new(), Version::V1_2, &[1.0]).unwrap();
    let mut server = Assembler::default();
    let allocations = steady(|| {
        let buffer = server.buffer(64 * one.len());
        (0..32).for_each(|_| buffer.extend_from_slice(&one));
        let mut count = 0;
        while let Some(message) = server.next_message().unwrap() {
            read_request(&message).unwrap();
            count += 1;
        }
        assert_eq!(count, 32);
    });
    assert_eq!(allocations, 0);
}

#[test]
fn swapping_and_arrays_allocate_nothing_beside_what_is_returned() {
    let numbers = [[1.5f64; 8]; 4];
    let mut buffer = BytesMut::new();
    let allocations = steady(|| {
        buffer.clear();
        let endian = Endian::NATIVE.opposite();
        let taken = std::mem::take(&mut buffer);
        let mut encoder = Encoder::with_buffer(taken, endian, Version::V1_2, CodeSets::NATIVE);
        numbers.marshal(&mut encoder).unwrap();
        encoder.primitives(numbers.as_flattened()).unwrap();
        buffer = encoder.into_buffer();
        let mut decoder = orb_core::cdr::Decoder::new(&buffer, endian, Version::V1_2, CodeSets::NATIVE);
        assert_eq!(<[[f64; 8]; 4]>::unmarshal(&mut decoder).unwrap(), numbers);
        assert_eq!(decoder.sequence_len(None, 8).unwrap(), 32);
        assert_eq!(<[f64; 32]>::unmarshal(&mut decoder).unwrap(), [1.5; 32]);
    });
    assert_eq!(allocations, 0);
}

#[test]
fn a_large_argument_is_neither_copied_nor_swapped_for_space() {
    let large = vec![7u8; 1 << 20];
    let mut buffer = BytesMut::new();
    // The list of borrowed parts is the one allocation of a message that has such a part.
    let allocations = steady(|| {
        buffer.clear();
        let taken = std::mem::take(&mut buffer);
        let mut encoder = Encoder::with_buffer(taken, Endian::NATIVE, Version::V1_2, CodeSets::NATIVE);
        encoder.octets(&large).unwrap();
        assert_eq!(encoder.parts().map(<[u8]>::len).sum::<usize>(), large.len() + 4);
        buffer = encoder.reclaim();
        assert!(buffer.capacity() < 1024);
    });
    assert_eq!(allocations, 100);
}
