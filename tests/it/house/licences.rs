//! The licence gate: everything that is linked, built with or tested with is permissive.

use super::metadata;

/// Licences that ask for no more than to be named.
const PERMISSIVE: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "CC0-1.0",
    "Unlicense",
    "BSL-1.0",
];

/// Whether an SPDX expression can be met by permissive licences alone. `/` is an old way to say OR.
fn is_permissive(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" OR ").any(|all| {
        all.split(" AND ").all(|licence| {
            PERMISSIVE.contains(&licence.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
        })
    })
}

#[test]
fn every_dependency_is_permissive() {
    let mut wrong = Vec::new();
    let all = metadata(&[]);
    let packages = all["packages"].as_array().unwrap();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        match package["license"].as_str() {
            Some(licence) if is_permissive(licence) => {}
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    gantry_tests::notes::figure(&format!("licences: {} packages, all permissive", packages.len()));
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for (expression, want) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-or-later OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("LGPL-2.1", false),
        ("", false),
    ] {
        assert_eq!(is_permissive(expression), want, "{expression}");
    }
}
