// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is called: nothing at all, several at once; and values of each kind, of several sizes.

use orb_core::cdr::{CdrError, Marshal};
use upcall::{Any, Bytes};

use super::caller::Request;
use super::probe::Reading;

/// How many null calls are sent at once.
const BATCHES: [usize; 5] = [1, 2, 4, 8, 16];
/// About how large the values are, in bytes.
const SIZES: [usize; 4] = [16, 512, 4_096, 32_768];
/// About how large an element of a sequence of structures is.
const READING: usize = 32;

/// What a point belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Null calls.
    Calls,
    /// Values of a type, by its name in the calibration file.
    Type(&'static str),
}

/// Something that is called again and again.
#[derive(Debug)]
pub(super) struct Point {
    /// What it belongs to.
    pub(super) kind: Kind,
    /// How many requests are sent at once.
    pub(super) batch: usize,
    /// Bytes of the arguments of each, and of its result.
    pub(super) payload: usize,
    /// The requests.
    pub(super) octets: Vec<u8>,
    /// What each batch cost, in nanoseconds.
    pub(super) samples: Vec<u64>,
}

impl Point {
    fn new(kind: Kind, batch: usize, request: &Request) -> Self {
        Self {
            kind,
            batch,
            payload: request.payload,
            octets: request.octets.repeat(batch),
            samples: Vec::new(),
        }
    }

    /// Returns whether this is a single call with no argument.
    pub(super) fn is_null_call(&self) -> bool {
        self.kind == Kind::Calls && self.batch == 1
    }
}

/// Makes all points, for an object of that key.
///
/// # Errors
/// If a value has no CDR form; none has not.
pub(super) fn points(key: &[u8]) -> Result<Vec<Point>, CdrError> {
    let mut points = Vec::new();
    let nothing = Request::new(key, "nothing", None::<&bool>)?;
    points.extend(BATCHES.map(|batch| Point::new(Kind::Calls, batch, &nothing)));
    for size in SIZES {
        let mut add = |name, operation, value: &dyn Value| {
            let request = value.request(key, operation)?;
            points.push(Point::new(Kind::Type(name), 1, &request));
            Ok::<_, CdrError>(())
        };
        add("sequence<octet>", "octets", &Bytes::from(vec![7; size]))?;
        add("sequence<double>", "doubles", &vec![0.5; size / 8])?;
        add("string", "text", &"x".repeat(size))?;
        add("struct", "structure", &reading("x".repeat(size)))?;
        let readings = vec![reading("sensor 7".to_owned()); size.div_ceil(READING)];
        add("sequence<struct>", "structures", &readings)?;
        add("any", "anything", &Any::from(readings.clone()))?;
    }
    Ok(points)
}

fn reading(text: String) -> Reading {
    Reading {
        channel: 7,
        value: 0.5,
        text,
    }
}

/// An argument.
trait Value {
    fn request(&self, key: &[u8], operation: &str) -> Result<Request, CdrError>;
}

impl<T: Marshal> Value for T {
    fn request(&self, key: &[u8], operation: &str) -> Result<Request, CdrError> {
        Request::new(key, operation, Some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_large_as_they_say() {
        let points = points(b"key").unwrap();
        assert_eq!(points.len(), BATCHES.len() + 6 * SIZES.len());
        assert_eq!(points.iter().filter(|point| point.is_null_call()).count(), 1);
        for point in &points {
            let each = point.octets.len() / point.batch;
            assert!(
                each >= point.payload + 12 && each <= point.payload + 96,
                "{:?} {each}",
                point.kind
            );
            assert_eq!(point.octets.get(..4), Some(&b"GIOP"[..]));
        }
        for name in ["sequence<octet>", "struct", "any"] {
            let of_it = points.iter().filter(|point| point.kind == Kind::Type(name));
            let sizes: Vec<_> = of_it.map(|point| point.payload).collect();
            let as_wanted = sizes
                .iter()
                .zip(SIZES)
                .all(|(size, about)| *size >= about && *size <= about + 300);
            assert!(sizes.len() == SIZES.len() && as_wanted, "{name}: {sizes:?}");
        }
    }
}
