//! Runs `tests/suite/arm/**`: expressions and templates with their expectations beside them.

mod suite {
    pub(crate) mod expressions;
    pub(crate) mod templates;
}

datatest_stable::harness! {
    { test = suite::expressions::run, root = "../../tests/suite/arm/expressions", pattern = r"\.yaml$" },
    { test = suite::templates::run, root = "../../tests/suite/arm/templates", pattern = r"\.yaml$" },
}
