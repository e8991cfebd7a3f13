//! Tokens into an expression, by precedence.
//!
//! Tightest first: calls; prefix `NOT` and `-`; `LIKE`, `EXISTS`, `IN`; `* / %`; `+ -`;
//! comparisons; `AND OR XOR` as one level, right-associative.

use std::collections::BTreeSet;

use super::Expression;
use super::expression::{Arithmetic, Logic, Node, Order, Step};
use super::function::Function;
use super::lexer::{self, Kind, Token};

/// Parentheses, argument lists and sets may stand inside one another this deep.
///
/// Upstream has no limit. One is needed because each level takes stack, here and in the
/// evaluation: at most 2.5 KB in a release build, so that all of them take an eighth of a thread's.
pub(super) const MAX_NESTING: usize = 100;

/// Why a text is no expression. Characters are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A token that cannot stand where it does.
    #[error("character {at}: found {found}, want {want}")]
    Unexpected {
        /// Where the token starts.
        at: usize,
        /// The token, or `the end`.
        found: String,
        /// What could stand there.
        want: &'static str,
    },
    /// A text without its closing quote.
    #[error("character {at}: the quote is never closed")]
    Unclosed {
        /// Where the quote stands.
        at: usize,
    },
    /// A number that does not fit in 32 bits.
    #[error("character {at}: {number} is outside -2147483648 to 2147483647")]
    IntegerRange {
        /// Where the number starts.
        at: usize,
        /// The number as written.
        number: String,
    },
    /// Nested deeper than is allowed here.
    #[error("character {at}: more than {MAX_NESTING} parentheses inside one another")]
    TooDeep {
        /// Where the parenthesis stands.
        at: usize,
    },
}

impl ParseError {
    pub(super) fn unclosed(text: &str, at: usize) -> Self {
        Self::Unclosed {
            at: character(text, at),
        }
    }
}

/// The number of the character at a byte offset.
fn character(text: &str, at: usize) -> usize {
    text[..at].chars().count() + 1
}

type Result<T> = std::result::Result<T, ParseError>;

pub(super) fn parse(text: &str) -> Result<Expression> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser {
        text,
        tokens: &tokens,
        next: 0,
        nesting: 0,
        attributes: BTreeSet::new(),
    };
    let root = parser.expression()?;
    parser.expect(Kind::End, "an operator or the end")?;
    Ok(Expression {
        root,
        attributes: parser.attributes,
    })
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token<'t>],
    next: usize,
    nesting: usize,
    attributes: BTreeSet<String>,
}

/// How tightly an operator holds its right side; that side takes only operators that hold tighter.
/// `LIKE` and `IN` hold tighter than all of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Comparison,
    Sum,
    Product,
}

impl<'t> Parser<'t> {
    /// Sides with `AND`, `OR`, `XOR` between them.
    fn expression(&mut self) -> Result<Node> {
        let mut sides = Vec::new();
        loop {
            let side = self.side(None)?;
            let operator = match self.peek().kind {
                Kind::And => Logic::And,
                Kind::Or => Logic::Or,
                Kind::Xor => Logic::Xor,
                _ if sides.is_empty() => return Ok(side),
                _ => return Ok(Node::Logic(sides, Box::new(side))),
            };
            self.advance();
            sides.push((side, operator));
        }
    }

    /// A value and the operators behind it that hold tighter than `left`, the one before it.
    fn side(&mut self, left: Option<Strength>) -> Result<Node> {
        let mut steps = Vec::new();
        loop {
            match self.peek().kind {
                Kind::Not => steps.push(Step::Not),
                Kind::Minus => steps.push(Step::Negate),
                _ => break,
            }
            self.advance();
        }
        steps.reverse(); // the prefix next to the value comes first
        let start = self.value()?;
        while self.test(&mut steps)? || self.operator(left, &mut steps)? {}
        Ok(if steps.is_empty() {
            start
        } else {
            Node::Steps(Box::new(start), steps)
        })
    }

    /// `[NOT] LIKE text` or `[NOT] IN (..)`, if that is what follows.
    fn test(&mut self, steps: &mut Vec<Step>) -> Result<bool> {
        let negated = self.peek().kind == Kind::Not;
        let keyword = self.peek_at(usize::from(negated)).kind;
        if !matches!(keyword, Kind::Like | Kind::In) {
            return Ok(false);
        }
        self.next += 1 + usize::from(negated);
        steps.push(if keyword == Kind::Like {
            Step::Like(unquoted(
                self.expect(Kind::Text, "a text in quotes as the pattern")?
                    .text,
            ))
        } else {
            let open = self.expect(Kind::Open, "`(` and the elements of the set")?;
            Step::In(self.nested(open, Self::list)?)
        });
        if negated {
            steps.push(Step::Not);
        }
        Ok(true)
    }

    /// An operator between two values that holds tighter than `left`, with its right side.
    fn operator(&mut self, left: Option<Strength>, steps: &mut Vec<Step>) -> Result<bool> {
        let kind = self.peek().kind;
        let Some(strength) = strength(kind).filter(|strength| Some(*strength) > left) else {
            return Ok(false);
        };
        self.advance();
        let right = self.side(Some(strength))?;
        match kind {
            Kind::Star => steps.push(Step::Arithmetic(Arithmetic::Multiply, right)),
            Kind::Slash => steps.push(Step::Arithmetic(Arithmetic::Divide, right)),
            Kind::Percent => steps.push(Step::Arithmetic(Arithmetic::Remainder, right)),
            Kind::Plus => steps.push(Step::Arithmetic(Arithmetic::Add, right)),
            Kind::Minus => steps.push(Step::Arithmetic(Arithmetic::Subtract, right)),
            Kind::Less => steps.push(Step::Order(Order::Less, right)),
            Kind::LessOrEqual => steps.push(Step::Order(Order::LessOrEqual, right)),
            Kind::Greater => steps.push(Step::Order(Order::Greater, right)),
            Kind::GreaterOrEqual => steps.push(Step::Order(Order::GreaterOrEqual, right)),
            Kind::NotEqual => steps.extend([Step::Equal(right), Step::Not]),
            _ => steps.push(Step::Equal(right)),
        }
        Ok(true)
    }

    /// A literal, an attribute, `EXISTS`, a call, or an expression in parentheses.
    fn value(&mut self) -> Result<Node> {
        let token = self.advance();
        match token.kind {
            Kind::True => Ok(Node::Boolean(true)),
            Kind::False => Ok(Node::Boolean(false)),
            Kind::Text => Ok(Node::Text(unquoted(token.text))),
            Kind::Integer => match token.text.parse() {
                Ok(number) => Ok(Node::Integer(number)),
                Err(_) => Err(ParseError::IntegerRange {
                    at: character(self.text, token.at),
                    number: token.text.to_owned(),
                }),
            },
            Kind::Word | Kind::WordWithUnderscore if self.peek().kind == Kind::Open => {
                self.call(token.text)
            }
            Kind::Word | Kind::WordWithDigits => {
                let name = token.text.to_ascii_lowercase();
                self.attributes.insert(name.clone());
                Ok(Node::Attribute(name.into()))
            }
            Kind::Exists => self.exists(),
            Kind::Open => self.nested(token, |parser| {
                let inner = parser.expression()?;
                parser.expect(Kind::Close, "an operator or `)`")?;
                Ok(inner)
            }),
            _ => Err(self.unexpected(token, "a value")),
        }
    }

    fn exists(&mut self) -> Result<Node> {
        let name = self.advance();
        match name.kind {
            Kind::Word | Kind::WordWithDigits => {
                Ok(Node::Exists(name.text.to_ascii_lowercase().into()))
            }
            _ => Err(self.unexpected(name, "the name of an attribute")),
        }
    }

    fn call(&mut self, name: &str) -> Result<Node> {
        let open = self.advance();
        let arguments = if self.peek().kind == Kind::Close {
            self.advance();
            Vec::new()
        } else {
            self.nested(open, Self::list)?
        };
        Ok(match Function::find(name, arguments.len()) {
            Some(function) => Node::Call(function, arguments),
            None => Node::MissingFunction(name.to_ascii_uppercase().into()),
        })
    }

    /// Expressions with commas between them, and the `)` behind the last.
    fn list(&mut self) -> Result<Vec<Node>> {
        let mut items = vec![self.expression()?];
        while self.peek().kind == Kind::Comma {
            self.advance();
            items.push(self.expression()?);
        }
        self.expect(Kind::Close, "an operator, `,` or `)`")?;
        Ok(items)
    }

    /// What stands behind `open`, one level deeper.
    fn nested<T>(
        &mut self,
        open: Token<'_>,
        inner: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.nesting == MAX_NESTING {
            return Err(ParseError::TooDeep {
                at: character(self.text, open.at),
            });
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    fn peek(&self) -> Token<'t> {
        self.peek_at(0)
    }

    /// The token so many places on, at most the last.
    fn peek_at(&self, ahead: usize) -> Token<'t> {
        self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    /// The next token; the last one again and again.
    fn advance(&mut self) -> Token<'t> {
        let token = self.peek();
        self.next = (self.next + 1).min(self.tokens.len() - 1);
        token
    }

    fn expect(&mut self, kind: Kind, want: &'static str) -> Result<Token<'t>> {
        let token = self.advance();
        if token.kind == kind {
            Ok(token)
        } else {
            Err(self.unexpected(token, want))
        }
    }

    fn unexpected(&self, token: Token<'_>, want: &'static str) -> ParseError {
        let found = match token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", token.text),
        };
        ParseError::Unexpected {
            at: character(self.text, token.at),
            found,
            want,
        }
    }
}

fn strength(kind: Kind) -> Option<Strength> {
    match kind {
        Kind::Star | Kind::Slash | Kind::Percent => Some(Strength::Product),
        Kind::Plus | Kind::Minus => Some(Strength::Sum),
        Kind::Equal
        | Kind::NotEqual
        | Kind::Less
        | Kind::LessOrEqual
        | Kind::Greater
        | Kind::GreaterOrEqual => Some(Strength::Comparison),
        _ => None,
    }
}

/// The value of a quoted text: only the escape of its own quote is undone, all other backslashes
/// and doubled quotes stay.
fn unquoted(token: &str) -> Box<[u8]> {
    let quote = &token[..1];
    token[1..token.len() - 1]
        .replace(&format!("\\{quote}"), quote)
        .into_bytes()
        .into()
}
