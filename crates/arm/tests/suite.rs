//! Runs `tests/suite/arm/**`: expressions and templates with their expectations beside them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may do what tests may"
)]

mod suite {
    pub(crate) mod expressions;
    pub(crate) mod templates;
}

datatest_stable::harness! {
    { test = suite::expressions::run, root = "../../tests/suite/arm/expressions", pattern = r"\.yaml$" },
    { test = suite::templates::run, root = "../../tests/suite/arm/templates", pattern = r"\.yaml$" },
}
