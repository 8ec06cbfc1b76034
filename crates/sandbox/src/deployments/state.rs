//! What exists, as a template's run-time functions see it.

use glidepath_arm::template::Links;
use glidepath_arm::{ResourceId, Value};
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
        let resource = self.world.estate.get(&id)?;
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
