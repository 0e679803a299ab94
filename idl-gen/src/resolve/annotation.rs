// SPDX-License-Identifier: MIT OR Apache-2.0
//! Annotations: their arguments, and which are known (IDL 4.2 §8.3).

use super::constant::Range;
use super::{Resolver, Wrong};
use crate::diagnostics::Diagnostic;
use crate::model::{Annotation, AnnotationArgument, Value};
use crate::syntax::{AnnotationUse, Expression, ExpressionKind, Prelude};

/// Those of the standard, and ours.
const KNOWN: [&str; 34] = [
    "ami",
    "appendable",
    "autoid",
    "bit_bound",
    "default",
    "default_literal",
    "default_nested",
    "duration",
    "extensibility",
    "external",
    "final",
    "hashid",
    "id",
    "ignore_literal_names",
    "key",
    "max",
    "min",
    "mutable",
    "must_understand",
    "nested",
    "oneway",
    "optional",
    "position",
    "range",
    "realtime",
    "service",
    "topic",
    "transient",
    "try_construct",
    "unit",
    "value",
    "verbatim",
    "data_representation",
    "non_serialized",
];

impl Resolver<'_> {
    /// Evaluates the annotations before a definition.
    pub(super) fn annotations_of(&mut self, prelude: &Prelude) -> Vec<Annotation> {
        prelude
            .annotations
            .iter()
            .map(|annotation| self.annotation(annotation))
            .collect()
    }

    fn annotation(&mut self, annotation: &AnnotationUse) -> Annotation {
        let name = annotation.name.text();
        let name = name.strip_prefix("::").unwrap_or(&name).to_owned();
        if !KNOWN.contains(&name.as_str()) && !self.annotations.contains(&name) {
            let note = Diagnostic::note(
                annotation.span,
                format!("unknown annotation `@{name}` is ignored"),
            );
            self.diagnostics.push(note);
        }
        let mut arguments: Vec<AnnotationArgument> = Vec::new();
        for (parameter, expression) in &annotation.arguments {
            let parameter = parameter.as_ref().map(|ident| ident.text.to_string());
            if arguments.iter().any(|other| other.name == parameter) {
                let what = parameter.as_deref().unwrap_or("value");
                self.error(expression.span, format!("`{what}` is given twice"));
            }
            if let Ok(value) = self.annotation_value(expression) {
                arguments.push(AnnotationArgument {
                    name: parameter,
                    value,
                    span: expression.span,
                });
            }
        }
        Annotation {
            name,
            arguments,
            span: annotation.span,
        }
    }

    /// Evaluates an argument; a name that is no constant stands for itself.
    fn annotation_value(&mut self, expression: &Expression) -> Result<Value, Wrong> {
        let ExpressionKind::Name(name) = &expression.kind else {
            return self.evaluate(expression, Range::WIDE);
        };
        let before = std::mem::take(self.diagnostics);
        let value = self.evaluate(expression, Range::WIDE);
        *self.diagnostics = before;
        Ok(value.unwrap_or_else(|_| Value::Name(name.text())))
    }

    /// Returns the integer that an annotation gives as its value, if it is there.
    pub(super) fn integer_annotation(
        &mut self,
        annotations: &[Annotation],
        name: &str,
        greatest: i128,
    ) -> Result<Option<i128>, Wrong> {
        let Some(annotation) = annotations.iter().find(|annotation| annotation.name == name) else {
            return Ok(None);
        };
        match annotation.argument("value").map(|argument| &argument.value) {
            Some(Value::Integer(value)) if (0..=greatest).contains(value) => Ok(Some(*value)),
            _ => {
                let error = Diagnostic::error(annotation.span, format!("`@{name}` needs an integer"));
                Err(self.report(error.label(format!("expected 0 to {greatest}"))))
            }
        }
    }
}
