// SPDX-License-Identifier: MIT OR Apache-2.0
//! Macro expansion (ISO C++ [cpp.replace]): each token remembers which macros it comes from and is never expanded by
//! those again.

use std::collections::HashMap;
use std::rc::Rc;

use super::macros::{Macro, MacroKind, tokens};
use super::{MOST_TOKENS, Preprocessor};
use crate::diagnostics::Diagnostic;
use crate::token::{Hidden, Kind, Token};

/// Deepest nesting of macros within macros, and of calls within arguments.
const DEPTH: usize = 200;

/// An argument as written, and with its macros expanded.
struct Argument {
    plain: Vec<Token>,
    expanded: Vec<Token>,
}

impl Preprocessor<'_> {
    /// Expands all macros in `input`.
    pub(super) fn expand(&mut self, input: Vec<Token>, depth: usize) -> Vec<Token> {
        let mut pending = input;
        pending.reverse();
        let mut output = Vec::with_capacity(pending.len());
        while let Some(token) = pending.pop() {
            let Some(definition) = self.applicable(&token) else {
                output.push(token);
                continue;
            };
            self.work += 1 + definition.body.len();
            if self.work > MOST_TOKENS || depth > DEPTH || token.hidden.depth() > DEPTH {
                self.stop(token.span, "macros expand to too much, or nest too deeply");
                return output;
            }
            match &definition.kind {
                MacroKind::Function { parameters, variadic } => {
                    match self.call(&token, parameters, *variadic, &mut pending, depth) {
                        Call::None => output.push(token),
                        Call::Wrong => {}
                        Call::With(arguments, hidden) => {
                            let body = self.substitute(&token, &definition.body, &arguments, &hidden);
                            push_back(&mut pending, &token, body);
                        }
                    }
                }
                _ => {
                    let body = self.replacement(&token, &definition);
                    let hidden = token.hidden.with(&token.text);
                    let body = self.substitute(&token, &body, &HashMap::new(), &hidden);
                    push_back(&mut pending, &token, body);
                }
            }
        }
        output
    }

    fn applicable(&self, token: &Token) -> Option<Rc<Macro>> {
        if token.kind != Kind::Ident || token.hidden.contains(&token.text) {
            return None;
        }
        self.macros.get(&token.text).map(Rc::clone)
    }

    fn replacement(&self, token: &Token, definition: &Macro) -> Vec<Token> {
        let location = || self.files.map.location(token.span);
        match definition.kind {
            MacroKind::File => vec![Token::new(Kind::String, &location().file, token.span)],
            MacroKind::Line => vec![Token::new(Kind::Number, &location().line.to_string(), token.span)],
            _ => definition.body.clone(),
        }
    }

    /// Takes the arguments of a call off `pending`.
    fn call(
        &mut self,
        name: &Token,
        parameters: &[Rc<str>],
        variadic: bool,
        pending: &mut Vec<Token>,
        depth: usize,
    ) -> Call {
        if !pending.last().is_some_and(|token| token.is("(")) {
            return Call::None;
        }
        pending.pop();
        let Some((given, end)) =
            split_arguments(pending, if variadic { parameters.len() } else { usize::MAX })
        else {
            let error = Diagnostic::error(name.span, format!("unterminated call of macro `{}`", name.text));
            self.diagnostics
                .push(error.label("expected `)` after its arguments"));
            return Call::Wrong;
        };
        self.work += given.iter().map(Vec::len).sum::<usize>();
        let nothing = given.len() == 1 && given.first().is_some_and(Vec::is_empty);
        let count = if parameters.is_empty() && nothing {
            0
        } else {
            given.len()
        };
        let missing_rest = variadic && count + 1 == parameters.len();
        if count != parameters.len() && !missing_rest {
            let message = format!(
                "macro `{}` takes {} arguments, not {count}",
                name.text,
                parameters.len()
            );
            self.error(name.span, message);
            return Call::Wrong;
        }
        let mut arguments = HashMap::new();
        let mut given = given.into_iter();
        for parameter in parameters {
            let plain = given.next().unwrap_or_default();
            let expanded = self.expand(plain.clone(), depth + 1);
            self.work += expanded.len();
            arguments.insert(Rc::clone(parameter), Argument { plain, expanded });
        }
        // What the call's name and its closing parenthesis both come from is what the result comes from.
        let common = if end.hidden.depth() < name.hidden.depth() {
            &end.hidden
        } else {
            &name.hidden
        };
        Call::With(arguments, common.with(&name.text))
    }

    /// Puts arguments in place of parameters, and applies `#` and `##`.
    fn substitute(
        &mut self,
        call: &Token,
        body: &[Token],
        arguments: &HashMap<Rc<str>, Argument>,
        hidden: &Hidden,
    ) -> Vec<Token> {
        let mut output: Vec<Token> = Vec::with_capacity(body.len());
        let mut rest = body.iter().peekable();
        let mut pasting = false;
        while let Some(token) = rest.next() {
            if token.is("##") {
                pasting = true;
                continue;
            }
            let argument = arguments.get(&token.text).filter(|_| token.kind == Kind::Ident);
            let operand = rest.peek().is_some_and(|next| next.is("##"));
            let mut replacement = if token.is("#") && !arguments.is_empty() {
                let text = rest
                    .next()
                    .and_then(|name| arguments.get(&name.text))
                    .map(|a| stringized(&a.plain));
                vec![Token::new(Kind::String, &text.unwrap_or_default(), call.span)]
            } else if let Some(argument) = argument {
                if pasting || operand {
                    argument.plain.clone()
                } else {
                    argument.expanded.clone()
                }
            } else {
                let mut own = token.clone();
                (own.span, own.hidden, own.doc) = (call.span, hidden.clone(), None);
                vec![own]
            };
            self.work += replacement.len();
            if self.work > MOST_TOKENS {
                self.stop(call.span, "macros expand to too much");
                return output;
            }
            if pasting && !replacement.is_empty() {
                let right = replacement.remove(0);
                match output.pop() {
                    Some(left) => output.push(self.pasted(&left, &right)),
                    None => output.push(right),
                }
            }
            pasting = false;
            output.append(&mut replacement);
        }
        for token in &mut output {
            if !token.hidden.contains(&call.text) {
                token.hidden = token.hidden.with(&call.text);
            }
        }
        output
    }

    /// Makes one token of two.
    fn pasted(&mut self, left: &Token, right: &Token) -> Token {
        let text = format!("{}{}", spelled(left), spelled(right));
        let mut made = tokens(&text, left.span);
        if made.len() == 1
            && let Some(mut token) = made.pop()
        {
            token.hidden = left.hidden.clone();
            token.spaced = left.spaced;
            return token;
        }
        let message = format!("`##` makes `{text}`, which is not one token");
        self.error(left.span, message);
        left.clone()
    }
}

enum Call {
    /// No arguments follow: the name stands for itself.
    None,
    Wrong,
    With(HashMap<Rc<str>, Argument>, Hidden),
}

/// Puts an expansion where its macro's name stood.
fn push_back(pending: &mut Vec<Token>, name: &Token, mut body: Vec<Token>) {
    if let Some(first) = body.first_mut() {
        first.doc = name.doc.clone();
        first.spaced = name.spaced;
    }
    pending.extend(body.into_iter().rev());
}

/// Splits what stands up to the matching parenthesis at its commas, `most` parts at most; also returns that parenthesis.
fn split_arguments(pending: &mut Vec<Token>, most: usize) -> Option<(Vec<Vec<Token>>, Token)> {
    let mut all = Vec::new();
    let mut current = Vec::new();
    let mut nested = 0usize;
    while let Some(token) = pending.pop() {
        if token.is("(") {
            nested += 1;
        } else if token.is(")") {
            if nested == 0 {
                all.push(current);
                return Some((all, token));
            }
            nested -= 1;
        } else if token.is(",") && nested == 0 && all.len() + 1 < most {
            all.push(std::mem::take(&mut current));
            continue;
        }
        current.push(token);
    }
    None
}

/// Spells a token as the source does.
pub(super) fn spelled(token: &Token) -> String {
    match token.kind {
        Kind::Char => format!("'{}'", token.text),
        Kind::WideChar => format!("L'{}'", token.text),
        Kind::String => format!("\"{}\"", token.text),
        Kind::WideString => format!("L\"{}\"", token.text),
        _ => token.text.to_string(),
    }
}

/// ISO C++ [cpp.stringize].
fn stringized(tokens: &[Token]) -> String {
    let mut text = String::new();
    for token in tokens {
        if (token.spaced || token.first) && !text.is_empty() {
            text.push(' ');
        }
        let spelling = spelled(token);
        if matches!(
            token.kind,
            Kind::Char | Kind::WideChar | Kind::String | Kind::WideString
        ) {
            text.push_str(&spelling.replace('\\', "\\\\").replace('"', "\\\""));
        } else {
            text.push_str(&spelling);
        }
    }
    text
}
