//! The value of an expression for one event.
//!
//! Sides are evaluated from left to right and cast after both are known, as the Go module does it,
//! so that of several errors the same one comes out.

use super::expression::{Arithmetic, Logic, Node, Order, Step};
use super::like;
use super::value::{EvaluationError, Value};
use crate::attributes::{self, Attributes, is_context_attribute};

type Result<'a, T = Value<'a>> = std::result::Result<T, EvaluationError<'a>>;

impl Node {
    pub(super) fn evaluate<'a>(&'a self, attributes: &'a dyn Attributes) -> Result<'a> {
        match self {
            Self::Text(text) => Ok(Value::text(text)),
            Self::Integer(number) => Ok(Value::Integer(*number)),
            Self::Boolean(truth) => Ok(Value::Boolean(*truth)),
            Self::Attribute(name) => set_value(name, attributes)
                .map(Value::from)
                .ok_or(EvaluationError::MissingAttribute(name)),
            Self::Exists(name) => Ok(Value::Boolean(exists(name, attributes))),
            Self::Call(function, arguments) => function.call(arguments, attributes),
            Self::MissingFunction(name) => Err(EvaluationError::MissingFunction(name)),
            Self::Steps(start, steps) => steps
                .iter()
                .try_fold(start.evaluate(attributes)?, |left, step| {
                    step.apply(left, attributes)
                }),
            Self::Logic(sides, last) => logic(sides, last, attributes),
        }
    }
}

/// The value of a set attribute. A context attribute that is empty counts as not set, an empty
/// extension as set.
fn set_value<'a>(name: &str, attributes: &'a dyn Attributes) -> Option<attributes::Value<'a>> {
    attributes
        .get(name)
        .filter(|value| *value != attributes::Value::Text("") || !is_context_attribute(name))
}

fn exists(name: &str, attributes: &dyn Attributes) -> bool {
    // True even at filter time, when no event has an id yet.
    matches!(name, "id" | "source" | "type" | "specversion")
        || set_value(name, attributes).is_some()
}

/// Right-associative without recursion: an AND or OR whose left side decides ends it, one whose
/// left side does not decide is what follows, and XOR is what follows, turned over or not.
fn logic<'a>(
    sides: &'a [(Node, Logic)],
    last: &'a Node,
    attributes: &'a dyn Attributes,
) -> Result<'a> {
    let mut turned = false;
    for (side, operator) in sides {
        let left = side.evaluate(attributes)?.to_boolean()?;
        match operator {
            Logic::And if !left => return Ok(Value::Boolean(turned)),
            Logic::Or if left => return Ok(Value::Boolean(!turned)),
            Logic::And | Logic::Or => {}
            Logic::Xor => turned ^= left,
        }
    }
    let last = last.evaluate(attributes)?.to_boolean()?;
    Ok(Value::Boolean(turned ^ last))
}

impl Step {
    fn apply<'a>(&'a self, left: Value<'a>, attributes: &'a dyn Attributes) -> Result<'a> {
        Ok(match self {
            Self::Not => Value::Boolean(!left.to_boolean()?),
            Self::Negate => Value::Integer(left.to_integer()?.wrapping_neg()),
            Self::Like(pattern) => Value::Boolean(like::matches(pattern, &left.into_string())),
            Self::In(set) => Value::Boolean(is_in(&left, set, attributes)?),
            Self::Arithmetic(operator, right) => {
                let right = right.evaluate(attributes)?;
                let (left, right) = (left.to_integer()?, right.to_integer()?);
                Value::Integer(operator.apply(left, right)?)
            }
            Self::Equal(right) => {
                let right = right.evaluate(attributes)?;
                Value::Boolean(left.cast(right.type_of())? == right)
            }
            Self::Order(operator, right) => {
                let right = right.evaluate(attributes)?;
                let (left, right) = (left.to_integer()?, right.to_integer()?);
                Value::Boolean(operator.holds(left, right))
            }
        })
    }
}

/// Stops at the first equal element, so that errors behind it do not count.
fn is_in<'a>(
    left: &Value<'a>,
    set: &'a [Node],
    attributes: &'a dyn Attributes,
) -> Result<'a, bool> {
    for element in set {
        if element.evaluate(attributes)?.cast(left.type_of())? == *left {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Arithmetic {
    /// Overflow wraps around; division truncates towards zero.
    fn apply(self, left: i32, right: i32) -> Result<'static, i32> {
        let divides = matches!(self, Self::Divide | Self::Remainder);
        if divides && right == 0 {
            return Err(EvaluationError::Math("division by zero"));
        }
        Ok(match self {
            Self::Multiply => left.wrapping_mul(right),
            Self::Divide => left.wrapping_div(right),
            Self::Remainder => left.wrapping_rem(right),
            Self::Add => left.wrapping_add(right),
            Self::Subtract => left.wrapping_sub(right),
        })
    }
}

impl Order {
    fn holds(self, left: i32, right: i32) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}
