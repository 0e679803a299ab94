// SPDX-License-Identifier: MIT OR Apache-2.0
//! Annotations as applied to a definition.

use super::Value;
use crate::source::Span;

/// One use of an annotation: `@realtime(class="burst")`.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// Its name without the `@`; scoped names keep their `::`.
    pub name: String,
    /// Its arguments, in order.
    pub arguments: Vec<AnnotationArgument>,
    /// The whole use.
    pub span: Span,
}

/// One argument of an [`Annotation`].
#[derive(Clone, Debug, PartialEq)]
pub struct AnnotationArgument {
    /// The parameter's name; `None` for the short form `@name(value)`, which stands for `value`.
    pub name: Option<String>,
    /// The argument, evaluated. A name that is not a constant (as in `@extensibility(FINAL)`) comes as [`Value::Name`].
    pub value: Value,
    /// Where the argument stands.
    pub span: Span,
}

impl Annotation {
    /// Returns the argument for the parameter `name`; the short form answers to `value`.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&AnnotationArgument> {
        self.arguments
            .iter()
            .find(|argument| argument.name.as_deref().unwrap_or("value") == name)
    }
}
