//! stub
use super::Compiler;
impl Compiler<'_> {
    pub(super) fn connectivity(&mut self) {}
    pub(super) fn landing_zones(&mut self) {}
    pub(super) fn services(&mut self) {}
}
