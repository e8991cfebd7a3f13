//! CloudEvents SQL: parse an expression once, evaluate it against many events
//! (apiserversource.md 4.3).
//!
//! It follows the Go module of 2024-07, which the stock adapter and the webhook use, also where
//! that differs from the specification: one level for AND, OR and XOR, bytes for characters,
//! errors instead of defaults. No text makes it panic, hang or run out of stack.

mod evaluate;
mod expression;
mod function;
mod lexer;
mod like;
mod parser;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeSet;

pub use parser::ParseError;
pub use value::{EvaluationError, Type, Value};

use crate::attributes::Attributes;
use expression::Node;

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Expression {
    root: Node,
    attributes: BTreeSet<String>,
}

impl Expression {
    /// Parses a whole text; nothing may follow the expression.
    ///
    /// Names of functions are not checked here: an unknown one is an error of the evaluation.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text)
    }

    /// The value for one event. Text is borrowed from the event or the expression where it can be.
    ///
    /// Any error means that a filter with this expression fails.
    pub fn evaluate<'a>(
        &'a self,
        attributes: &'a dyn Attributes,
    ) -> Result<Value<'a>, EvaluationError<'a>> {
        self.root.evaluate(attributes)
    }

    /// The attributes whose values it reads, in lower case; not those only asked for by `EXISTS`.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(String::as_str)
    }

    /// The type of its value. An attribute counts as text, which it is in this adapter.
    pub fn result_type(&self) -> Type {
        self.root.result_type()
    }
}
