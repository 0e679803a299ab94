// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a servant learns about the call it serves.

use std::marker::PhantomData;

/// What a servant learns about the call it serves.
#[derive(Debug)]
pub struct Context<'a> {
    object_id: &'a [u8],
    operation: &'a str,
    lives: PhantomData<&'a ()>,
}

impl<'a> Context<'a> {
    /// Describes a call within this process.
    pub fn collocated(object_id: &'a [u8], operation: &'a str) -> Self {
        Self {
            object_id,
            operation,
            lives: PhantomData,
        }
    }

    /// Returns the id under which the object was activated.
    pub fn object_id(&self) -> &'a [u8] {
        self.object_id
    }

    /// Returns the name of the operation.
    pub fn operation(&self) -> &'a str {
        self.operation
    }
}
