// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a `context` clause sends: the properties whose names match, as a sequence of strings in which each name is
//! followed by its value (CORBA 3.3 part 2 §9.3.5.3).

use super::{CdrError, Decoded, Decoder, Encoded, Encoder};

/// Writes the properties that match one of the patterns; a pattern that ends in `*` matches what begins like it.
///
/// # Errors
/// As for strings.
pub fn encode(e: &mut Encoder<'_>, properties: &[(String, String)], patterns: &[&str]) -> Encoded {
    let matches = |name: &str| {
        patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *pattern,
        })
    };
    let sent = || properties.iter().filter(|(name, _)| matches(name));
    e.sequence_len(2 * sent().count(), None)?;
    for (name, value) in sent() {
        e.string(name)?;
        e.string(value)?;
    }
    Ok(())
}

/// Reads the properties.
///
/// # Errors
/// As for strings, and if a name has no value.
pub fn decode(d: &mut Decoder<'_>) -> Decoded<Vec<(String, String)>> {
    let count = d.sequence_len(None, 5)?;
    if !count.is_multiple_of(2) {
        return Err(CdrError::BadParam("a context has a name without a value"));
    }
    (0..count / 2).map(|_| Ok((d.string()?, d.string()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_matches_travels() {
        let given: Vec<_> = [("user", "a"), ("userid", "b"), ("sys_x", "c"), ("other", "d")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut e = Encoder::native();
        encode(&mut e, &given, &["user", "sys_*"]).unwrap();
        let bytes = e.contiguous();
        let got = decode(&mut Decoder::native(&bytes)).unwrap();
        assert_eq!(got, [given[0].clone(), given[2].clone()]);
    }

    #[test]
    fn a_name_without_a_value_is_refused() {
        let mut e = Encoder::native();
        e.sequence_len(1, None).unwrap();
        e.string("alone").unwrap();
        assert!(decode(&mut Decoder::native(&e.contiguous())).is_err());
    }
}
