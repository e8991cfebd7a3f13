//! A parsed expression: what the parser builds and the evaluation walks.
//!
//! Operators that follow one another stand in one list, not one inside the other, so that only
//! parentheses, arguments and sets make the tree deep, and the parser can limit that.

use super::function::Function;
use super::value::Type;

/// An expression or a part of one.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(Box<[u8]>),
    Integer(i32),
    Boolean(bool),
    /// The value of the attribute of that lower-case name.
    Attribute(Box<str>),
    Exists(Box<str>),
    Call(Function, Vec<Node>),
    /// A call that no function fits, by its name: an error, but only when it is reached.
    MissingFunction(Box<str>),
    /// A value, and what is done with it from left to right.
    Steps(Box<Node>, Vec<Step>),
    /// `a AND b OR c`: each side but the last with the operator behind it, right-associative.
    Logic(Vec<(Node, Logic)>, Box<Node>),
}

/// One operator with its right side, applied to the value on its left.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Not,
    Negate,
    Like(Box<[u8]>),
    In(Vec<Node>),
    Arithmetic(Arithmetic, Node),
    Equal(Node),
    Order(Order, Node),
}

/// An operator on two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
}

/// A comparison of two integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator on two Booleans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logic {
    And,
    Or,
    Xor,
}

impl Node {
    /// The type of the value; an attribute counts as text.
    pub(super) fn result_type(&self) -> Type {
        match self {
            Self::Text(_) | Self::Attribute(_) => Type::String,
            Self::Integer(_) => Type::Integer,
            // A missing function has no value at all; it is told of when it is called.
            Self::Boolean(_) | Self::Exists(_) | Self::Logic(..) | Self::MissingFunction(_) => {
                Type::Boolean
            }
            Self::Call(function, _) => function.result_type(),
            Self::Steps(start, steps) => match steps.last() {
                Some(Step::Negate | Step::Arithmetic(..)) => Type::Integer,
                Some(_) => Type::Boolean,
                None => start.result_type(),
            },
        }
    }
}
