//! Dependencies: their licences, advisories against them, and the reason of each.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::cmp::Ordering;
use std::process::Command;

use pilotlight::config::bls;
use serde_json::Value;

/// What `cargo metadata` tells of all packages in Cargo.lock.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("{other} is no list of packages"),
    }
}

fn file(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The texts of a list of texts in a TOML file.
fn allowed_licenses() -> Vec<String> {
    let text = file("deny.toml");
    let deny: toml::Table = text.parse().unwrap();
    let allow = deny["licenses"]["allow"].as_array().unwrap();
    let texts = allow.iter().map(|license| license.as_str().unwrap());
    texts.map(str::to_owned).collect()
}

/// Is an SPDX expression without nested parentheses satisfied by what is allowed?
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    // Before there were expressions, `/` stood for "or".
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        let part = part.trim_matches(['(', ')', ' ']);
        let mut choices = part.split(" OR ").map(str::trim);
        choices.any(|choice| allowed.iter().any(|license| license == choice))
    })
}

#[test]
fn licenses_are_allowed() {
    let allowed = allowed_licenses();
    for (expression, expected) in [
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
        ("Unlicense/MIT", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
    for package in packages() {
        // Packages of this project are in no registry.
        if package["source"].is_null() {
            continue;
        }
        let license = package["license"].as_str().unwrap_or("none");
        assert!(
            is_allowed(license, &allowed),
            "{} {}: the licence {license} is not in deny.toml",
            package["name"],
            package["version"]
        );
    }
}

#[test]
fn no_version_has_a_known_flaw() {
    let text = file("tests/advisories.toml");
    let advisories: toml::Table = text.parse().unwrap();
    let advisories = advisories["advisory"].as_array().unwrap();
    assert!(!advisories.is_empty());
    let packages = packages();
    for advisory in advisories {
        let field = |name: &str| advisory[name].as_str().unwrap();
        let (id, name, patched) = (field("id"), field("crate"), field("patched"));
        for package in packages.iter().filter(|package| package["name"] == name) {
            let version = package["version"].as_str().unwrap();
            assert_ne!(
                bls::compare(version, patched),
                Ordering::Less,
                "{name} {version}: {id} is mended in {patched}"
            );
        }
    }
}

/// Beside each dependency stands why it is there.
#[test]
fn every_dependency_has_its_reason() {
    let manifest = file("Cargo.toml");
    let mut in_dependencies = false;
    let mut before = "";
    let mut found = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && line.contains(" = ") {
            assert!(before.starts_with("# "), "no reason stands above `{line}`");
            found += 1;
        }
        before = line;
    }
    assert!(found >= 10, "{found} dependencies");
}
