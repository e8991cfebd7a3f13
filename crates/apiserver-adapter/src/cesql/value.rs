//! The three types, the casts between them, and everything that can go wrong in an evaluation.

use std::borrow::Cow;

use crate::attributes;

/// A type of CESQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text, which need not be UTF-8 once it was cut by bytes.
    String,
    /// 32 bits, signed.
    Integer,
    /// True or false.
    Boolean,
}

impl Type {
    /// The name that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Integer => "Integer",
            Self::Boolean => "Boolean",
        }
    }
}

/// A value of CESQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// See [`Type::String`].
    String(Cow<'a, [u8]>),
    /// See [`Type::Integer`].
    Integer(i32),
    /// See [`Type::Boolean`].
    Boolean(bool),
}

/// Why an expression has no value for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError<'a> {
    /// A value cannot be read as the type that the operator or function wants.
    #[error("cast error: the {} is no {}", from.name(), to.name())]
    Cast {
        /// The type that it has.
        from: Type,
        /// The type that is wanted.
        to: Type,
    },
    /// Division by zero, or the absolute value of the smallest integer.
    #[error("math error: {0}")]
    Math(&'static str),
    /// An attribute that the event does not have.
    #[error("missing attribute error: {0}")]
    MissingAttribute(&'a str),
    /// No function of that name takes that many arguments.
    #[error("missing function error: {0}")]
    MissingFunction(&'a str),
    /// A function refuses its arguments.
    #[error("function evaluation error: {0}")]
    Function(&'static str),
}

impl<'a> Value<'a> {
    pub(super) fn text(text: &'a [u8]) -> Self {
        Self::String(Cow::Borrowed(text))
    }

    pub(super) fn type_of(&self) -> Type {
        match self {
            Self::String(_) => Type::String,
            Self::Integer(_) => Type::Integer,
            Self::Boolean(_) => Type::Boolean,
        }
    }

    /// Always defined: decimal digits, `true`, `false`.
    pub(super) fn into_string(self) -> Cow<'a, [u8]> {
        match self {
            Self::String(text) => text,
            Self::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Boolean(true) => Cow::Borrowed(b"true"),
            Self::Boolean(false) => Cow::Borrowed(b"false"),
        }
    }

    /// Text must be a decimal number of 32 bits, sign allowed, and nothing else.
    pub(super) fn to_integer<'e>(&self) -> Result<i32, EvaluationError<'e>> {
        match self {
            Self::String(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or(EvaluationError::Cast {
                    from: Type::String,
                    to: Type::Integer,
                }),
            Self::Integer(number) => Ok(*number),
            Self::Boolean(truth) => Ok(i32::from(*truth)),
        }
    }

    /// Text must be `true` or `false` in any case; an integer is true unless it is 0.
    pub(super) fn to_boolean<'e>(&self) -> Result<bool, EvaluationError<'e>> {
        match self {
            Self::String(text) if text.eq_ignore_ascii_case(b"true") => Ok(true),
            Self::String(text) if text.eq_ignore_ascii_case(b"false") => Ok(false),
            Self::String(_) => Err(EvaluationError::Cast {
                from: Type::String,
                to: Type::Boolean,
            }),
            Self::Integer(number) => Ok(*number != 0),
            Self::Boolean(truth) => Ok(*truth),
        }
    }

    pub(super) fn cast<'e>(self, to: Type) -> Result<Self, EvaluationError<'e>> {
        Ok(match to {
            Type::String => Self::String(self.into_string()),
            Type::Integer => Self::Integer(self.to_integer()?),
            Type::Boolean => Self::Boolean(self.to_boolean()?),
        })
    }
}

impl<'a> From<attributes::Value<'a>> for Value<'a> {
    fn from(value: attributes::Value<'a>) -> Self {
        match value {
            attributes::Value::Text(text) => Self::text(text.as_bytes()),
            attributes::Value::Integer(number) => Self::Integer(number),
            attributes::Value::Boolean(truth) => Self::Boolean(truth),
        }
    }
}
