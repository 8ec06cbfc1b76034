//! What exists, as a template's run-time functions see it.

use glidepath_arm::template::Links;
use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_source::Text;

use crate::actions::listed;
use crate::complete::guid;
use crate::world::World;

/// The estate behind `reference()`, `listKeys()` and the scope functions.
pub(super) struct State<'a> {
    pub(super) world: &'a World,
    pub(super) tenant: &'a str,
    pub(super) links: Option<&'a (dyn Links + Send + Sync)>,
    /// Makes the GUIDs of one deployment differ from those of another.
    pub(super) seed: &'a str,
    pub(super) reveals: bool,
}

impl Links for State<'_> {
    fn fetch(&self, uri: &str) -> Option<Text> {
        self.links?.fetch(uri)
    }

    fn state(&self, id: &str) -> Option<Value> {
        let id = ResourceId::new(id);
        let resource = self.world.estate.get(&id).or_else(|| self.below_a_group(&id))?;
        let mut state = self.world.rendered(resource);
        let object = state.make_object();
        object.insert("apiVersion", resource.api_version.as_str());
        object.insert("resourceId", resource.id.as_str());
        if object.get("tags").is_none() {
            object.insert("tags", Value::object::<&str, Value>([]));
        }
        Some(state)
    }

    fn list(&self, function: &str, id: &str) -> Option<Value> {
        let id = ResourceId::new(id);
        self.world.estate.get(&id)?;
        listed(self.tenant, &id, function)
    }

    fn guid(&self, place: &str) -> Option<String> {
        Some(guid(self.tenant, &format!("{}#{place}", self.seed)))
    }

    fn reveals(&self) -> bool {
        self.reveals
    }
}

impl State<'_> {
    /// In a deployment to a management group `resourceId()` leaves the group out: the one resource of that name on any
    /// management group. Of two neither is taken.
    fn below_a_group(&self, id: &ResourceId) -> Option<&Resource> {
        let short = id.as_str();
        if !short.starts_with("/providers/") {
            return None;
        }
        let groups = ResourceId::new("/providers/Microsoft.Management/managementGroups");
        let mut found = self.world.estate.within(&groups).filter(|r| {
            let whole = r.id.as_str();
            let at = whole.len().checked_sub(short.len());
            at.and_then(|at| whole.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(short))
        });
        found.next().filter(|_| found.next().is_none())
    }
}
