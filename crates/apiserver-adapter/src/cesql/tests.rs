//! What the contract's cases leave open, as tables.

use super::*;
use crate::attributes;

/// An event with one value of each type.
pub(super) struct Event;

impl Attributes for Event {
    fn get(&self, name: &str) -> Option<attributes::Value<'_>> {
        Some(match name {
            "name" => attributes::Value::Text("beta"),
            "subject" | "empty" => attributes::Value::Text(""),
            "uni" => attributes::Value::Text("héllo"),
            "count" => attributes::Value::Integer(7),
            "flag" => attributes::Value::Boolean(true),
            "a" | "a1" | "1a" => attributes::Value::Text("x"),
            _ => return None,
        })
    }
}

/// The value as text with its type's first letter, or the error's kind, or `parse`.
pub(super) fn outcome(text: &str) -> String {
    let Ok(expression) = Expression::parse(text) else {
        return "parse".to_owned();
    };
    match expression.evaluate(&Event) {
        Ok(Value::String(text)) => format!("s:{}", String::from_utf8_lossy(&text)),
        Ok(Value::Integer(number)) => format!("i:{number}"),
        Ok(Value::Boolean(truth)) => format!("b:{truth}"),
        Err(EvaluationError::Cast { .. }) => "cast".to_owned(),
        Err(EvaluationError::Math(_)) => "math".to_owned(),
        Err(EvaluationError::MissingAttribute(_)) => "attribute".to_owned(),
        Err(EvaluationError::MissingFunction(_)) => "function".to_owned(),
        Err(EvaluationError::Function(_)) => "evaluation".to_owned(),
    }
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(outcome(text), *expected, "{text}");
    }
}

#[test]
fn tokens_are_the_longest_and_the_rest_vanishes() {
    check(&[
        ("TRUE ! AND FALSE", "b:false"), // `! ` goes
        ("TRUE! AND FALSE", "b:false"),
        ("TRUE !", "b:true"),
        ("TRUE !!", "b:true"),
        ("!TRUE", "attribute"), // `!T` goes, `RUE` stays
        ("name !'x' = 'beta'", "parse"),
        ("TRUE !=", "parse"),
        ("TRUE €", "b:true"),
        ("[name] = {'beta'}", "b:true"),
        ("#@^&|~`?:.\\TRUE", "b:true"),
        ("_count", "i:7"),
        ("coun_t", "parse"),
        ("a1_ = 'x'", "b:true"),
        ("-1a", "parse"),
        ("1a = 'x'", "b:true"),
        ("- 1a", "cast"),
        ("+7", "i:7"),
        ("+ 7", "parse"),
        ("007", "i:7"),
        ("-2147483648", "i:-2147483648"),
        ("2147483647", "i:2147483647"),
        ("-2147483649", "parse"),
        ("notname", "attribute"),
        ("NOTTRUE", "attribute"),
        ("TRUE ANDTRUE", "parse"),
        ("2AND 3", "parse"),
        ("1<>2", "b:true"),
        ("1!=1", "b:false"),
        ("1>=1", "b:true"),
        ("1=>1", "parse"),
    ]);
}

#[test]
fn only_the_own_quote_is_unescaped() {
    check(&[
        (r"'a\'b'", "s:a'b"),
        (r#"'a\"b'"#, r#"s:a\"b"#),
        (r#""a\'b""#, r"s:a\'b"),
        (r#""a\"b""#, r#"s:a"b"#),
        (r"'a\\'", r"s:a\\"),
        (r"'a\\\'b'", r"s:a\\'b"),
        (r"'a\\''b'", r"s:a\''b"), // a pair for the lexer, an escaped quote for the value
        ("''''", "s:''"),
        ("''", "s:"),
        ("'''", "parse"),
        (r"'a\'", "parse"),
        (r"'a\", "parse"),
        (r"'\é'", r"s:\é"),
        ("'two\nlines'", "s:two\nlines"),
        ("'a' 'b'", "parse"),
    ]);
}

#[test]
fn operators_hold_as_tightly_as_in_the_grammar() {
    check(&[
        ("2 * count LIKE '7'", "i:2"), // LIKE first, then true as 1
        ("count IN (7) + 1", "i:2"),
        ("1 + 1 IN (1)", "i:2"),
        ("count LIKE '7' LIKE 'true'", "b:true"),
        ("count IN (7) NOT IN (TRUE)", "b:false"),
        ("- count LIKE '-7'", "b:true"),
        ("NOT count LIKE 'false'", "b:true"),
        ("NOT - count", "b:false"),
        ("- NOT count", "i:0"),
        ("- - count", "i:7"),
        ("1 - - count", "i:8"),
        ("1 < 2 < 3", "b:true"),
        ("3 > 2 > 1", "b:false"),
        ("1 + 2 = 3 = TRUE", "b:true"),
        ("2 + 3 * 4 - 10 / 5 % 2", "i:14"),
        ("TRUE XOR FALSE AND FALSE", "b:true"),
        ("TRUE XOR FALSE OR TRUE", "b:false"),
        ("TRUE XOR TRUE XOR TRUE", "b:true"),
        ("TRUE XOR TRUE OR nosuch", "b:false"),
        ("TRUE AND name = 'beta' AND count = 7", "b:true"),
        ("name NOT = 'x'", "parse"),
        ("NOT EXISTS empty", "b:false"),
        ("EXISTS name LIKE 'true'", "b:true"),
        ("EXISTS EXISTS name", "parse"),
        ("EXISTS 1a", "b:true"),
        ("EXISTS 1", "parse"),
        ("EXISTS subject", "b:false"),
        ("subject", "attribute"),
        ("empty", "s:"),
        ("name LIKE 'beta' 'x'", "parse"),
        ("name NOT NOT LIKE 'x'", "parse"),
    ]);
}

#[test]
fn values_are_cast_as_the_contract_says() {
    check(&[
        ("flag", "b:true"),
        ("flag = 'true'", "b:true"),
        ("flag + 1", "i:2"),
        ("count = '07'", "b:false"),
        ("'07' = count", "b:true"),
        ("'+7' = count", "b:true"),
        ("' 7' = count", "cast"),
        ("'' + 1", "cast"),
        ("'-' + 1", "cast"),
        ("'1_0' + 1", "cast"),
        ("'TrUe' AND TRUE", "b:true"),
        ("-2147483648 / -1", "i:-2147483648"),
        ("-2147483648 - 1", "i:2147483647"),
        ("-2147483648 % -1", "i:0"),
        ("- -2147483648", "i:-2147483648"),
        ("2147483647 * 2", "i:-2"),
        ("nosuch / 0", "attribute"),
        ("'x' / 0", "cast"),
        ("TRUE IN ('x')", "cast"),
        ("name IN (7, TRUE, 'beta', nosuch)", "b:true"),
    ]);
}

#[test]
fn functions_count_bytes() {
    check(&[
        ("LENGTH(uni)", "i:6"),
        ("LENGTH(LEFT(uni, 2))", "i:2"),
        ("LEFT(uni, 2) = 'h'", "b:false"),
        ("CONCAT(LEFT(uni, 2), RIGHT(uni, 4)) = uni", "b:true"),
        ("UPPER(LEFT(uni, 2))", "s:H\u{fffd}"),
        ("UPPER('straße')", "s:STRAßE"),
        ("TRIM(CONCAT(' ', name, '\t'))", "s:beta"),
        ("SUBSTRING(uni, -3)", "s:llo"),
        ("SUBSTRING(uni, 6, 1)", "s:o"),
        ("SUBSTRING(uni, 7)", "evaluation"),
        ("SUBSTRING(uni, -7, 1)", "evaluation"),
        ("SUBSTRING(name, 2, -1)", "evaluation"),
        ("SUBSTRING(name, 0, -1)", "s:"),
        ("SUBSTRING('', 0)", "s:"),
        ("SUBSTRING('', 1)", "evaluation"),
        ("SUBSTRING(name, -2147483648)", "evaluation"),
        ("SUBSTRING(name, 1, 2147483647)", "s:beta"),
        ("SUBSTRING(CONCAT(name, count), 4)", "s:a7"),
        ("LEFT(1234, '2')", "s:12"),
        ("RIGHT(TRUE, 2)", "s:ue"),
        ("LEFT(name, 'x')", "cast"),
        ("LEFT(nosuch, 'x')", "attribute"),
        ("NOSUCH(nosuch)", "function"),
        ("LEFT(nosuch)", "function"),
        ("SUBSTRING(name)", "function"),
        ("SUBSTRING(name,1,1,1)", "function"),
        ("CONCAT_WS(',', 1, '', TRUE)", "s:1,,true"),
        ("CONCAT_WS(',', 1)", "s:1"),
        ("IS_INT(nosuch)", "attribute"),
        ("IS_INT('99999999999')", "b:false"),
        ("IS_BOOL(0)", "b:true"),
        ("TRUE OR NOSUCH()", "b:true"),
        ("ABS('-5')", "i:5"),
        ("a(1)", "function"),
        ("a1(1)", "parse"),
        ("LENGTH (name)", "i:4"),
        ("LENGTH(,)", "parse"),
        ("AND(1)", "parse"),
    ]);
}

#[test]
fn a_parse_error_says_where_and_what() {
    for (text, message) in [
        ("", "character 1: found the end, want a value"),
        ("é = 'x'", "character 3: found `=`, want a value"),
        (
            "name = 'ä' x",
            "character 12: found `x`, want an operator or the end",
        ),
        ("name = 'beta", "character 8: the quote is never closed"),
        ("name IN ()", "character 10: found `)`, want a value"),
        (
            "name IN 'x'",
            "character 9: found `'x'`, want `(` and the elements of the set",
        ),
        (
            "name LIKE kind",
            "character 11: found `kind`, want a text in quotes as the pattern",
        ),
        (
            "(TRUE",
            "character 6: found the end, want an operator or `)`",
        ),
        (
            "ABS(1 2)",
            "character 7: found `2`, want an operator, `,` or `)`",
        ),
        (
            "EXISTS (name)",
            "character 8: found `(`, want the name of an attribute",
        ),
        (
            "2147483648",
            "character 1: 2147483648 is outside -2147483648 to 2147483647",
        ),
    ] {
        assert_eq!(
            Expression::parse(text).unwrap_err().to_string(),
            message,
            "{text}"
        );
    }
}

#[test]
fn attributes_and_the_type_are_known_without_an_event() {
    let expression =
        Expression::parse("LENGTH(Name) > 3 AND EXISTS id OR kind IN (a, 'x')").unwrap();
    assert_eq!(
        expression.attributes().collect::<Vec<_>>(),
        ["a", "kind", "name"]
    );
    for (text, expected) in [
        ("TRUE", Type::Boolean),
        ("name", Type::String),
        ("1 + 1", Type::Integer),
        ("- name", Type::Integer),
        ("NOT name", Type::Boolean),
        ("(name)", Type::String),
        ("UPPER(name)", Type::String),
        ("ABS(1)", Type::Integer),
        ("IS_INT(1)", Type::Boolean),
        ("name LIKE 'x'", Type::Boolean),
        ("name <> 'x'", Type::Boolean),
        ("name OR name", Type::Boolean),
    ] {
        assert_eq!(
            Expression::parse(text).unwrap().result_type(),
            expected,
            "{text}"
        );
    }
}
