//! glidepath
fn main() {}
