// SPDX-License-Identifier: MIT OR Apache-2.0
//! Agreeing on code sets: the server's component, the client's choice, its service context.

use super::{CharSet, CodeSets, WideSet, registry};
use crate::cdr::{CdrError, Decoder, Encoder};

/// The two sides have no code set in common: the exception is `CODESET_INCOMPATIBLE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no code set in common with a server whose native one is {native:#x}")]
pub struct Incompatible {
    /// The server's native code set.
    pub native: u32,
}

/// The code sets that one side can use for one kind of character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSetComponent {
    /// The one it uses itself, 0 for none.
    pub native: u32,
    /// Those it can convert from and to, the preferred one first.
    pub conversion: Vec<u32>,
}

impl CodeSetComponent {
    fn encode(&self, encoder: &mut Encoder<'_>) {
        encoder.ulong(self.native);
        // No list of code sets reaches 2^32.
        encoder
            .sequence_len(self.conversion.len(), None)
            .unwrap_or_default();
        self.conversion.iter().for_each(|&number| encoder.ulong(number));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        Ok(Self {
            native: decoder.ulong()?,
            conversion: decoder.primitives()?,
        })
    }

    /// Chooses what a client with `native` and `conversion` uses with this server (§7.10.2.6).
    /// `fallback` is what all can be asked to understand.
    fn choose(&self, native: u32, conversion: u32, fallback: u32) -> u32 {
        if self.native == native {
            return native;
        }
        if self.native == conversion {
            return conversion;
        }
        if self.conversion.contains(&native) {
            return native;
        }
        if self.conversion.contains(&conversion) {
            return conversion;
        }
        fallback
    }
}

/// The code sets of a server, as its references list them (§7.10.2.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeSetInfo {
    /// For `char` and `string`.
    pub narrow: CodeSetComponent,
    /// For `wchar` and `wstring`.
    pub wide: CodeSetComponent,
}

impl CodeSetInfo {
    /// Returns ours: UTF-8 with ISO 8859-1, and UTF-16 with UCS-2.
    #[must_use]
    pub fn ours() -> Self {
        Self {
            narrow: CodeSetComponent {
                native: registry::UTF_8,
                conversion: vec![registry::ISO_8859_1],
            },
            wide: CodeSetComponent {
                native: registry::UTF_16,
                conversion: vec![registry::UCS_2],
            },
        }
    }

    /// Chooses the code sets for a connection to the server whose references list these (§7.10.2.6).
    /// Wide ones stay undeclared where the server has none.
    ///
    /// # Errors
    /// [`Incompatible`] if the server can use nothing that we can. As UTF-8 and UTF-16 are what the
    /// standard has all fall back to, that is a server without any code set for `char`.
    pub fn choose(&self) -> Result<CodeSets, Incompatible> {
        let narrow = match self.narrow.native {
            0 if self.narrow.conversion.is_empty() => None,
            _ => CharSet::from_number(self.narrow.choose(
                registry::UTF_8,
                registry::ISO_8859_1,
                registry::UTF_8,
            )),
        };
        let wide = match self.wide.native {
            0 if self.wide.conversion.is_empty() => WideSet::Undeclared,
            _ => WideSet::from_number(
                self.wide
                    .choose(registry::UTF_16, registry::UCS_2, registry::UTF_16),
            )
            .unwrap_or(WideSet::Undeclared),
        };
        narrow
            .map(|narrow| CodeSets { narrow, wide })
            .ok_or(Incompatible {
                native: self.narrow.native,
            })
    }

    /// Writes the content of the component.
    pub fn encode(&self, encoder: &mut Encoder<'_>) {
        self.narrow.encode(encoder);
        self.wide.encode(encoder);
    }

    /// Reads the content of the component.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, CdrError> {
        let narrow = CodeSetComponent::decode(decoder)?;
        Ok(Self {
            narrow,
            wide: CodeSetComponent::decode(decoder)?,
        })
    }
}

/// The client's choice, as it tells the server in a service context (§7.10.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSetContext {
    /// For `char` and `string`, 0 for none.
    pub narrow: u32,
    /// For `wchar` and `wstring`, 0 for none.
    pub wide: u32,
}

impl CodeSetContext {
    /// Returns the sets, if they are supported here.
    ///
    /// # Errors
    /// [`Incompatible`] if they are not.
    pub fn sets(self) -> Result<CodeSets, Incompatible> {
        let narrow = match self.narrow {
            0 => Some(CharSet::Latin1),
            number => CharSet::from_number(number),
        };
        Ok(CodeSets {
            narrow: narrow.ok_or(Incompatible { native: self.narrow })?,
            wide: WideSet::from_number(self.wide).ok_or(Incompatible { native: self.wide })?,
        })
    }

    /// Reads the content of the service context, an encapsulation.
    ///
    /// # Errors
    /// [`CdrError`] if it is malformed.
    pub fn decode(data: &[u8]) -> Result<Self, CdrError> {
        let mut decoder = Decoder::of_encapsulation(data, crate::cdr::Version::V1_2, CodeSets::UNNEGOTIATED)?;
        Ok(Self {
            narrow: decoder.ulong()?,
            wide: decoder.ulong()?,
        })
    }

    /// Returns the content of the service context.
    #[must_use]
    pub fn encode(self) -> [u8; 12] {
        let [n0, n1, n2, n3] = self.narrow.to_be_bytes();
        let [w0, w1, w2, w3] = self.wide.to_be_bytes();
        // Big-endian, and three octets of padding before the first number.
        [0, 0, 0, 0, n0, n1, n2, n3, w0, w1, w2, w3]
    }
}

impl From<CodeSets> for CodeSetContext {
    fn from(sets: CodeSets) -> Self {
        Self {
            narrow: sets.narrow.number(),
            wide: sets.wide.number(),
        }
    }
}
