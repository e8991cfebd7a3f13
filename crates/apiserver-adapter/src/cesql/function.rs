//! The built-in functions: which there are, what they take, what they give.
//!
//! Lengths and positions are bytes, so that text is sliced as bytes and never as characters.

use std::borrow::Cow;
use std::ops::Range;

use super::expression::Node;
use super::value::{EvaluationError, Type, Value};
use crate::attributes::Attributes;
use crate::text;

/// A function that exists for the number of arguments it was called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Int,
    Bool,
    String,
    IsInt,
    IsBool,
    Abs,
    Length,
    Concat,
    ConcatWs,
    Lower,
    Upper,
    Trim,
    Left,
    Right,
    Substring,
}

impl Function {
    /// The function of that name, in any case, that takes so many arguments.
    pub(super) fn find(name: &str, arguments: usize) -> Option<Self> {
        let function = match name.to_ascii_uppercase().as_str() {
            "INT" => Self::Int,
            "BOOL" => Self::Bool,
            "STRING" => Self::String,
            "IS_INT" => Self::IsInt,
            "IS_BOOL" => Self::IsBool,
            "ABS" => Self::Abs,
            "LENGTH" => Self::Length,
            "CONCAT" => Self::Concat,
            "CONCAT_WS" => Self::ConcatWs,
            "LOWER" => Self::Lower,
            "UPPER" => Self::Upper,
            "TRIM" => Self::Trim,
            "LEFT" => Self::Left,
            "RIGHT" => Self::Right,
            "SUBSTRING" => Self::Substring,
            _ => return None,
        };
        let fits = match function {
            Self::Concat => true,
            Self::ConcatWs => arguments >= 1,
            Self::Left | Self::Right => arguments == 2,
            Self::Substring => arguments == 2 || arguments == 3,
            _ => arguments == 1,
        };
        fits.then_some(function)
    }

    pub(super) fn result_type(self) -> Type {
        match self {
            Self::Int | Self::Abs | Self::Length => Type::Integer,
            Self::Bool | Self::IsInt | Self::IsBool => Type::Boolean,
            _ => Type::String,
        }
    }

    /// The result. Arguments are evaluated and cast one after the other; the first error counts.
    pub(super) fn call<'a>(
        self,
        arguments: &'a [Node],
        attributes: &'a dyn Attributes,
    ) -> Result<Value<'a>, EvaluationError<'a>> {
        let value = |at: usize| arguments[at].evaluate(attributes);
        let text = |at: usize| value(at).map(Value::into_string);
        let integer = |at: usize| value(at)?.to_integer();
        Ok(match self {
            Self::Int => Value::Integer(integer(0)?),
            Self::Bool => Value::Boolean(value(0)?.to_boolean()?),
            Self::String => Value::String(text(0)?),
            Self::IsInt => Value::Boolean(value(0)?.to_integer().is_ok()),
            Self::IsBool => Value::Boolean(value(0)?.to_boolean().is_ok()),
            Self::Abs => Value::Integer(
                integer(0)?
                    .checked_abs()
                    .ok_or(EvaluationError::Math("ABS of -2147483648"))?,
            ),
            Self::Length => Value::Integer(i32::try_from(text(0)?.len()).unwrap_or(i32::MAX)),
            Self::Concat => Value::String(concat(b"", arguments, attributes)?),
            Self::ConcatWs => Value::String(concat(&text(0)?, &arguments[1..], attributes)?),
            Self::Lower => Value::String(text::to_lower(&text(0)?).into()),
            Self::Upper => Value::String(text::to_upper(&text(0)?).into()),
            Self::Trim => Value::String(trim(text(0)?)),
            Self::Left => Value::String(left(text(0)?, integer(1)?)?),
            Self::Right => Value::String(right(text(0)?, integer(1)?)?),
            Self::Substring => {
                let (text, position) = (text(0)?, integer(1)?);
                let length = if arguments.len() == 3 {
                    Some(integer(2)?)
                } else {
                    None
                };
                Value::String(substring(text, position, length)?)
            }
        })
    }
}

type Text<'a> = Cow<'a, [u8]>;

fn concat<'a>(
    separator: &[u8],
    parts: &'a [Node],
    attributes: &'a dyn Attributes,
) -> Result<Text<'a>, EvaluationError<'a>> {
    let mut whole = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            whole.extend_from_slice(separator);
        }
        whole.extend_from_slice(&part.evaluate(attributes)?.into_string());
    }
    Ok(whole.into())
}

fn trim(text: Text<'_>) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text::trim(text)),
        Cow::Owned(text) => Cow::Owned(text::trim(&text).to_vec()),
    }
}

fn left(text: Text<'_>, count: i32) -> Result<Text<'_>, EvaluationError<'static>> {
    let count = usize::try_from(count)
        .map_err(|_| EvaluationError::Function("LEFT of a negative number of bytes"))?;
    let end = count.min(text.len());
    Ok(cut(text, 0..end))
}

fn right(text: Text<'_>, count: i32) -> Result<Text<'_>, EvaluationError<'static>> {
    let count = usize::try_from(count)
        .map_err(|_| EvaluationError::Function("RIGHT of a negative number of bytes"))?;
    let whole = text.len();
    Ok(cut(text, whole.saturating_sub(count)..whole))
}

/// Position 1 is the first byte, -1 the last; 0 gives nothing, whatever the length. A negative
/// length crashes the stock adapter; here it is an error.
fn substring(
    text: Text<'_>,
    position: i32,
    length: Option<i32>,
) -> Result<Text<'_>, EvaluationError<'static>> {
    if position == 0 {
        return Ok(Cow::Borrowed(b""));
    }
    let whole = text.len();
    let distance = position.unsigned_abs() as usize;
    if distance > whole {
        return Err(EvaluationError::Function(
            "SUBSTRING from a position outside the text",
        ));
    }
    let start = if position > 0 {
        distance - 1
    } else {
        whole - distance
    };
    let rest = whole - start;
    let taken = match length.map(usize::try_from) {
        None => rest,
        Some(Ok(length)) => length.min(rest),
        Some(Err(_)) => {
            return Err(EvaluationError::Function("SUBSTRING of a negative length"));
        }
    };
    Ok(cut(text, start..start + taken))
}

fn cut(text: Text<'_>, range: Range<usize>) -> Text<'_> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
        Cow::Owned(text) => Cow::Owned(text[range].to_vec()),
    }
}
