//! What must hold for every text: no panic, no overflow, no hang, and the types as foretold.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::tests::{Event, outcome};
use super::*;

/// Runs on a thread with the stack that threads get by default, whatever the test runner gives.
fn on_a_plain_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .spawn(work)
        .unwrap();
    thread.join().unwrap();
}

#[test]
fn no_depth_overflows_the_stack() {
    on_a_plain_stack(|| {
        let deep = |open: &str, count: usize, close: &str| {
            format!("{}TRUE{}", open.repeat(count), close.repeat(count))
        };
        // Through every level of the grammar at once.
        let open = "TRUE XOR 1 = 1 + 1 * ABS(";
        assert!(Expression::parse(&deep(open, parser::MAX_NESTING, ")")).is_ok());
        assert!(outcome(&deep(open, parser::MAX_NESTING, ")")).starts_with("b:"));
        assert!(outcome(&deep("TRUE IN (NOT ", parser::MAX_NESTING, ")")).starts_with("b:"));
        for open in ["(", "NOT (", "ABS(", "1 IN (", open] {
            let error = Expression::parse(&deep(open, parser::MAX_NESTING + 1, ")")).unwrap_err();
            assert!(
                matches!(error, ParseError::TooDeep { .. }),
                "{open}: {error}"
            );
            assert_eq!(outcome(&deep(open, 100_000, ")")), "parse");
        }
    });
}

#[test]
fn long_rows_of_operators_are_no_depth() {
    on_a_plain_stack(|| {
        let row = |item: &str| item.repeat(50_000);
        assert_eq!(outcome(&(row("FALSE OR ") + "TRUE")), "b:true");
        assert_eq!(outcome(&(row("TRUE XOR ") + "FALSE")), "b:false");
        assert_eq!(outcome(&(row("NOT ") + "TRUE")), "b:true");
        assert_eq!(outcome(&(row("- ") + "1")), "i:1");
        assert_eq!(outcome(&(row("1 + ") + "1")), "i:50001");
        assert_eq!(outcome(&format!("1{}", row(" LIKE '1'"))), "b:false");
        assert_eq!(outcome(&format!("2 IN (1{})", row(", 1"))), "b:false");
        assert_eq!(
            outcome(&format!("LENGTH(CONCAT(1{}))", row(", 1"))),
            "i:50001"
        );
        assert_eq!(outcome(&row("(")), "parse");
    });
}

fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "name",
        "nosuch",
        "count",
        "flag",
        "uni",
        "'x'",
        "\"y\"",
        "'é'",
        "7",
        "-7",
        "+1",
        "0",
        "2147483648",
        "TRUE",
        "FALSE",
        "NOT ",
        "AND ",
        "OR ",
        "XOR ",
        "LIKE ",
        "EXISTS ",
        "IN ",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "!=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "!",
        "'",
        "\"",
        "\\",
        " ",
        "LENGTH(",
        "SUBSTRING(",
        "LEFT(",
        "RIGHT(",
        "UPPER(",
        "TRIM(",
        "CONCAT_WS(",
        "ABS(",
        "IS_INT(",
        "a_b(",
        "_",
        "é",
        "'%_'",
        "\u{0}",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat()),
    ]
}

/// Expressions that parse, for the evaluation.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "name",
        "nosuch",
        "count",
        "flag",
        "uni",
        "empty",
        "'x'",
        "'%b%'",
        "'-3'",
        "0",
        "7",
        "-7",
        "2147483647",
        "-2147483648",
        "TRUE",
        "FALSE",
        "EXISTS time",
        "CONCAT()",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(5, 40, 3, |inner| {
            let operator = prop::sample::select(vec![
                "+", "-", "*", "/", "%", "=", "!=", "<", "<=", ">", ">=", "AND", "OR", "XOR",
            ]);
            let function = prop::sample::select(vec![
                "INT",
                "BOOL",
                "STRING",
                "IS_INT",
                "IS_BOOL",
                "ABS",
                "LENGTH",
                "CONCAT",
                "CONCAT_WS",
                "LOWER",
                "UPPER",
                "TRIM",
                "LEFT",
                "RIGHT",
                "SUBSTRING",
                "NOSUCH",
            ]);
            prop_oneof![
                (inner.clone(), operator, inner.clone())
                    .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
                (function, prop::collection::vec(inner.clone(), 0..4))
                    .prop_map(|(name, arguments)| format!("{name}({})", arguments.join(", "))),
                inner.clone().prop_map(|inner| format!("({inner})")),
                inner.clone().prop_map(|inner| format!("NOT {inner}")),
                inner.clone().prop_map(|inner| format!("- {inner}")),
                inner
                    .clone()
                    .prop_map(|inner| format!("({inner}) NOT LIKE '%\\%_'")),
                (inner.clone(), prop::collection::vec(inner, 1..4))
                    .prop_map(|(left, set)| format!("({left}) IN ({})", set.join(", "))),
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_panics_or_hangs(text in any_text()) {
        let start = Instant::now();
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.evaluate(&Event);
        }
        prop_assert!(start.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn every_well_formed_expression_parses_and_keeps_its_type(text in any_expression()) {
        let expression = match Expression::parse(&text) {
            Ok(expression) => expression,
            Err(error) => return Err(TestCaseError::fail(format!("{text}: {error}"))),
        };
        // An attribute alone is the one value whose type only the event knows.
        if let Ok(value) = expression.evaluate(&Event)
            && !["count", "flag"].contains(&text.trim_matches(['(', ')']))
        {
            prop_assert_eq!(value.type_of(), expression.result_type(), "{}", text);
        }
        prop_assert_eq!(expression.evaluate(&Event), expression.evaluate(&Event));
    }

    #[test]
    fn blanks_and_parentheses_change_nothing(text in any_expression()) {
        prop_assert_eq!(outcome(&format!("( \n{text}\t)")), outcome(&text));
    }

    #[test]
    fn like_without_wildcards_is_equality(text in "[a-z]{0,4}", other in "[a-z]{0,4}") {
        prop_assert_eq!(like::matches(text.as_bytes(), other.as_bytes()), text == other);
    }
}
