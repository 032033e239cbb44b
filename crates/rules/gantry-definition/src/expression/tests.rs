//! Laws of expressions: three values, and words that explain them.

use expect_test::{Expect, expect};

use super::*;

fn scope() -> Scope {
    Scope {
        variables: BTreeMap::from([
            ("series.modality", Type::Text),
            ("series.thickness", Type::Number),
            ("series.kernel", Type::Text),
            ("series.maker", Type::Text),
            ("series.contrast", Type::Text),
            ("study.modalities", Type::Texts),
            ("calledAe", Type::Texts),
        ]),
        tables: BTreeMap::from([("sharpness".to_owned(), 2)]),
    }
}

fn facts() -> Facts {
    let text = |text: &str| Value::Text(text.to_owned());
    Facts::from([
        ("series.modality", text("CT")),
        ("series.thickness", Value::Number(5.0)),
        ("series.kernel", text("B")),
        ("series.maker", text("Philips")),
        ("study.modalities", Value::Texts(vec!["CT".to_owned(), "SR".to_owned()])),
    ])
}

fn tables() -> Tables {
    let row = |maker: &str, kernel: &str, value: &str| {
        (vec![maker.to_owned(), kernel.to_owned()], value.to_owned())
    };
    let rows =
        vec![row("Philips*", "B", "soft"), row("philips*", "YA", "sharp"), row("siemens*", "b3*", "soft")];
    Tables::from([("sharpness".to_owned(), Table { rows })])
}

#[track_caller]
fn check(text: &str, want: Expect) {
    let got = match Expression::compile(text, &scope()) {
        Err(error) => format!("error: {error}\n"),
        Ok(expression) => {
            let judgement = expression.judge(&facts(), &tables());
            let mut out = format!("{}\n", judgement.truth);
            for clause in judgement.clauses {
                let seen: Vec<String> =
                    clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
                out += &format!("  {} {}: {}\n", clause.truth, clause.text, seen.join(", "));
            }
            out
        }
    };
    want.assert_eq(&got);
}

#[test]
fn an_absent_attribute_is_unknown_and_a_false_clause_decides_all_the_same() {
    check(
        r#"series.modality == "CT" && series.contrast == """#,
        expect![[r#"
            unknown
              true series.modality == "CT": series.modality is "CT"
              unknown series.contrast == "": series.contrast is absent
        "#]],
    );
    check(
        r#"series.thickness <= 1.5 && series.contrast == """#,
        expect![[r#"
            false
              false series.thickness <= 1.5: series.thickness is 5
              unknown series.contrast == "": series.contrast is absent
        "#]],
    );
    check(
        r#"series.contrast == "" || series.thickness > 1"#,
        expect![[r#"
            true
              unknown series.contrast == "": series.contrast is absent
              true series.thickness > 1: series.thickness is 5
        "#]],
    );
    check(
        "!(series.contrast == \"\") || has(series.contrast)",
        expect![[r#"
            unknown
              unknown !(series.contrast == ""): series.contrast is absent
              false has(series.contrast): series.contrast is absent
        "#]],
    );
}

#[test]
fn lists_quantifiers_texts_and_arithmetic() {
    check(
        r#"study.modalities.exists(m, m == "CT") && study.modalities.all(m, m != "MR") && "SR" in study.modalities"#,
        expect![[r#"
            true
              true study.modalities.exists(m, m == "CT"): study.modalities is ["CT", "SR"]
              true study.modalities.all(m, m != "MR"): study.modalities is ["CT", "SR"]
              true "SR" in study.modalities: study.modalities is ["CT", "SR"]
        "#]],
    );
    check(
        r#"size(study.modalities) * 2 - 1 == 3 && series.kernel.startsWith("B") && series.modality in ["MR", "CT"]"#,
        expect![[r#"
            true
              true size(study.modalities) * 2 - 1 == 3: study.modalities is ["CT", "SR"]
              true series.kernel.startsWith("B"): series.kernel is "B"
              true series.modality in ["MR", "CT"]: series.modality is "CT"
        "#]],
    );
    check(
        r#""X" in calledAe || (series.thickness > 3 ? series.kernel == "B" : false)"#,
        expect![[r#"
            true
              unknown "X" in calledAe: calledAe is absent
              true series.thickness > 3 ? series.kernel == "B" : false: series.thickness is 5, series.kernel is "B"
        "#]],
    );
}

#[test]
fn what_is_not_in_a_table_is_unknown() {
    check(
        r#"lookup("sharpness", series.maker, series.kernel) != "sharp""#,
        expect![[r#"
            true
              true lookup("sharpness", series.maker, series.kernel) != "sharp": series.maker is "Philips", series.kernel is "B"
        "#]],
    );
    assert_eq!(tables()["sharpness"].find(&["SIEMENS Healthineers", "B30f"]), Some("soft"));
    assert_eq!(tables()["sharpness"].find(&["GE", "LUNG"]), None);
    assert_eq!(tables()["sharpness"].find(&["Philips Medical", "BX"]), None);
}

#[test]
fn definitions_that_could_fail_later_are_refused_now() {
    for (text, want) in [
        (
            "series.modalty == \"CT\"",
            expect!["error: `series.modalty` is not known: did you mean `series.modality`?\n"],
        ),
        ("series.thickness == \"5\"", expect!["error: `\"5\"` is text, but must be a number\n"]),
        ("series.thickness", expect!["error: `series.thickness` is a number, but must be true or false\n"]),
        ("series.kernel < 3", expect!["error: `series.kernel` is text, but must be a number\n"]),
        ("lookup(\"sharp\", series.kernel) == \"x\"", expect!["error: `sharp` is not known\n"]),
        (
            "lookup(\"sharpness\", series.kernel) == \"x\"",
            expect!["error: `lookup(\"sharpness\") with 1 keys instead of 2` is not supported here\n"],
        ),
        ("study.modalities.map(m, m)", expect!["error: `this quantifier` is not supported here\n"]),
        ("matches(series.kernel, \"B\")", expect!["error: `matches` is not supported here\n"]),
        ("((((((((( true )))))))))", expect!["error: the expression is too long or too deeply nested\n"]),
    ] {
        check(text, want);
    }
    assert!(matches!(
        Expression::compile("series.modality == ", &scope()),
        Err(ExpressionError::Syntax { line: 1, .. })
    ));
    let long = vec!["true"; 500].join(" && ");
    assert_eq!(Expression::compile(&long, &scope()), Err(ExpressionError::TooLarge));
}
