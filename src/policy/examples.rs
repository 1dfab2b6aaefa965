//! The examples of `docs/policy.md`, for the tests that run them.

/// All of it.
pub(crate) const DOCUMENT: &str = include_str!("../../docs/policy.md");

/// All examples, in their order.
pub(crate) fn examples() -> impl Iterator<Item = &'static str> {
    let rest = DOCUMENT.split("```toml\n").skip(1);
    rest.filter_map(|rest| rest.split("```").next())
}

/// The example whose first line has these words.
pub(crate) fn example(words: &str) -> &'static str {
    let is_meant = |example: &&str| example.lines().next().is_some_and(|l| l.contains(words));
    let mut found = examples().filter(is_meant);
    found
        .next()
        .unwrap_or_else(|| panic!("no example begins with {words:?}"))
}
