//! Templates (to come).

use std::path::Path;

pub(crate) fn run(_: &Path, _: String) -> datatest_stable::Result<()> {
    Ok(())
}
