//! The sandbox's state and how it changes: first in the file, then in memory, then the answer.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use glidepath_arm::template::Links;
use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_policy::Aliases;
use glidepath_store::{Batch, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard, RwLock as Gate, RwLockReadGuard as GatePass, RwLockWriteGuard as GateKey};
use uuid::Uuid;

use crate::answer::ArmError;
use crate::identity::Tokens;
use crate::insights::Compliance;
use crate::operations::Operations;
use crate::world::{Change, World};
use crate::{Clock, Options, StartError};

const RESOURCES: &str = "resources";
const REGISTRATIONS: &str = "registrations";
/// Beside the key of a namespace that was unregistered.
const UNREGISTERED: &str = "unregistered";
const ABOUT: &str = "about";
const TENANT: &str = "tenant";
const MOVED: &str = "clock-moved-on";

/// Writers of resources whose roots fall on different stripes do not wait for each other.
const STRIPES: usize = 64;

/// The control plane.
///
/// INVARIANT: whoever changes the estate holds the gate, shared and with the stripe of the resource's root, or alone.
/// So what a writer has seen of its resource, its parent and the policies in force stays true until it has committed.
pub(crate) struct Sandbox {
    pub(crate) tenant: String,
    pub(crate) endpoint: String,
    pub(crate) auth_required: bool,
    pub(crate) tokens: Tokens,
    pub(crate) compliance: Compliance,
    pub(crate) operations: Operations,
    /// Writes and deletes of resources are answered as long-running operations.
    pub(crate) lro: bool,
    /// Roles are enforced on everybody but the owners.
    rbac: bool,
    owners: Vec<String>,
    faults: Vec<crate::Fault>,
    /// A namespace must be registered before it is written in.
    pub(crate) strict_registration: bool,
    /// Types and regions must be in the catalogue.
    pub(crate) strict_types: bool,
    /// Are model deployments held against limits?
    pub(crate) quota: bool,
    /// What was just made is not seen everywhere yet.
    pub(crate) eventual: bool,
    pub(crate) fresh: crate::consistency::Fresh,
    pub(crate) activity: crate::activity::Activity,
    /// When what policy orders is due, and for which resource.
    due: std::sync::Mutex<std::collections::BTreeSet<(i64, ResourceId)>>,
    /// How far the clock was moved on, in seconds.
    moved: std::sync::atomic::AtomicI64,
    pub(crate) folder: std::path::PathBuf,
    /// Every so many requests one is throttled.
    throttle: Option<u64>,
    served: AtomicU64,
    /// Linked templates, where the options name folders for them.
    pub(crate) links: Option<Arc<dyn Links + Send + Sync>>,
    clock: Clock,
    store: Store,
    world: RwLock<World>,
    gate: Gate<()>,
    stripes: Vec<Mutex<()>>,
    /// Stands in where an index had no stripe, which does not happen.
    spare: Mutex<()>,
    requests: AtomicU64,
    started: Uuid,
}

/// The right to change one resource.
pub(crate) struct Pass<'a> {
    _gate: GatePass<'a, ()>,
    _stripe: MutexGuard<'a, ()>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored<B> {
    id: String,
    api_version: String,
    body: B,
}

impl Sandbox {
    /// Opens the state file in the options' folder and reads everything in it.
    pub(crate) async fn open(options: Options, endpoint: String) -> Result<Self, StartError> {
        let tenant = options.tenant_id;
        let Ok(tenant_uuid) = Uuid::try_parse(&tenant) else { return Err(StartError::BadTenant { tenant }) };
        let store = Store::open(&options.state_dir.join("sandbox.db")).await?;
        let world = load(&store, &tenant, options.builtins, options.aliases, &options.state_dir).await?;
        let moved = store.get(ABOUT, MOVED).await?.and_then(|d| d.body.parse().ok()).unwrap_or(0);
        let tokens = Tokens::new().ok_or_else(|| StartError::Certificate {
            path: options.state_dir.clone(),
            detail: "the machine gives no random numbers".to_owned(),
        })?;
        let started = Uuid::new_v5(&tenant_uuid, format!("{}/{endpoint}", options.clock.now()).as_bytes());
        Ok(Self {
            tenant,
            endpoint,
            auth_required: options.auth_required || options.rbac,
            tokens,
            compliance: Compliance::default(),
            operations: Operations::default(),
            lro: options.lro,
            rbac: options.rbac,
            owners: options.owners,
            faults: options.faults,
            strict_registration: options.strict_registration,
            strict_types: !options.any_type,
            quota: options.quota,
            eventual: options.eventual,
            fresh: crate::consistency::Fresh::default(),
            activity: crate::activity::Activity::default(),
            due: std::sync::Mutex::default(),
            moved: moved.into(),
            folder: options.state_dir,
            throttle: options.throttle.filter(|n| *n > 0),
            served: AtomicU64::new(0),
            links: options.links.map(|l| l.0),
            clock: options.clock,
            store,
            world: RwLock::new(world),
            gate: Gate::new(()),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            spare: Mutex::new(()),
            requests: AtomicU64::new(0),
            started,
        })
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    /// The sandbox's time, in seconds since 1970: the clock's, and what it was moved on.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().saturating_add(self.moved.load(Ordering::Relaxed))
    }

    /// The time that tokens go by: they outlive a clock that is moved on.
    pub(crate) fn token_time(&self) -> i64 {
        self.clock.now()
    }

    /// Moves the clock on, for good.
    pub(crate) async fn move_clock(&self, seconds: i64) -> Result<(), ArmError> {
        let moved = self.moved.load(Ordering::Relaxed).saturating_add(seconds.max(0));
        let kept = self.store.put(ABOUT, MOVED, moved.to_string(), glidepath_store::Expected::Anything).await;
        kept.map_err(|e| failed(&e.to_string()))?;
        self.moved.store(moved, Ordering::Relaxed);
        Ok(())
    }

    /// Are the caller's roles enforced?
    pub(crate) fn enforces(&self, caller: &crate::call::Caller) -> bool {
        caller.bound || self.rbac && !self.owns(caller)
    }

    fn owns(&self, caller: &crate::call::Caller) -> bool {
        self.owners.iter().any(|o| o.eq_ignore_ascii_case(&caller.object) || o.eq_ignore_ascii_case(&caller.client))
    }

    /// With roles enforced, only owners turn the sandbox's own switches.
    pub(crate) fn owners_only(&self, call: &crate::call::Call) -> Result<(), ArmError> {
        match &call.caller {
            Some(caller) if self.rbac && !self.owns(caller) => {
                Err(crate::rbac::refusal(caller, "Glidepath.Sandbox/write", &ResourceId::tenant()))
            }
            _ => Ok(()),
        }
    }

    /// The fault that a request is to meet.
    pub(crate) fn fault(&self, call: &crate::call::Call) -> Option<ArmError> {
        if self.faults.is_empty() {
            return None;
        }
        let (verb, path) = (format!("{:?}", call.verb), format!("/{}", call.segments.join("/")));
        self.faults.iter().find_map(|fault| fault.strike(&verb, &path))
    }

    /// Looks at a resource again in so many seconds, for what policy orders then.
    pub(crate) fn put_off(&self, id: &ResourceId, seconds: i64) {
        let at = self.now().saturating_add(seconds);
        self.due.lock().unwrap_or_else(PoisonError::into_inner).insert((at, id.clone()));
    }

    /// The next resource that is due by now.
    pub(crate) fn next_due(&self) -> Option<ResourceId> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.first().is_some_and(|(at, _)| *at <= self.now()) { due.pop_first().map(|(_, id)| id) } else { None }
    }

    /// The time as ARM writes it.
    pub(crate) fn timestamp(&self) -> String {
        jiff::Timestamp::from_second(self.now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
    }

    pub(crate) fn next_request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Uuid::new_v5(&self.started, &number.to_be_bytes()).to_string()
    }

    /// Is this request one of those that are throttled?
    pub(crate) fn throttles(&self) -> bool {
        self.throttle.is_some_and(|every| (self.served.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every))
    }

    /// The estate, to look at. Not to be held over an await.
    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the right to change one resource, its children and what stands on it.
    pub(crate) async fn pass(&self, id: &ResourceId) -> Pass<'_> {
        let gate = self.gate.read().await;
        let mut hasher = DefaultHasher::new();
        root_of(id).hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % STRIPES as u64).unwrap_or_default();
        let stripe = self.stripes.get(at).unwrap_or(&self.spare).lock().await;
        Pass { _gate: gate, _stripe: stripe }
    }

    /// Waits for the right to change anything: the tree, policies, whole groups.
    pub(crate) async fn alone(&self) -> GateKey<'_, ()> {
        self.gate.write().await
    }

    /// Commits the changes to the file, all or none, then shows them in memory.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Result<(), ArmError> {
        let mut batch = Batch::new();
        for change in &changes {
            match change {
                Change::Put(resource) => {
                    let stored = Stored {
                        id: resource.id.as_str().to_owned(),
                        api_version: resource.api_version.clone(),
                        body: &resource.body,
                    };
                    let text = serde_json::to_string(&stored).map_err(|e| failed(&e.to_string()))?;
                    batch.put(RESOURCES, &resource.id.key(), text);
                }
                Change::Delete(id) => {
                    batch.delete(RESOURCES, &id.key());
                }
                Change::Register { subscription, namespace, registered } => {
                    let key = format!("{subscription}/{namespace}").to_ascii_lowercase();
                    batch.put(REGISTRATIONS, &key, if *registered { "" } else { UNREGISTERED });
                }
            }
        }
        self.store.write(batch).await.map_err(|e| match e {
            StoreError::Full { .. } => ArmError::new(507, "InsufficientStorage", format!("{e}; {}", e.help())),
            other => failed(&format!("{other}; {}", other.help())),
        })?;
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            world.apply(change);
        }
        Ok(())
    }
}

fn failed(detail: &str) -> ArmError {
    ArmError::new(500, "InternalServerError", format!("The sandbox could not keep the change: {detail}"))
}

/// The outermost resource of an id: what is written below it may change it too (`subnets` in their network).
fn root_of(id: &ResourceId) -> ResourceId {
    let segments: Vec<&str> = id.segments().collect();
    match segments.iter().position(|s| s.eq_ignore_ascii_case("providers")) {
        Some(at) => ResourceId::new(&segments.get(..at + 4).unwrap_or(&segments).join("/")),
        None => id.clone(),
    }
}

async fn load(
    store: &Store,
    tenant: &str,
    builtins: Vec<Resource>,
    aliases: Aliases,
    folder: &std::path::Path,
) -> Result<World, StartError> {
    match store.get(ABOUT, TENANT).await? {
        Some(found) if !found.body.eq_ignore_ascii_case(tenant) => {
            return Err(StartError::OtherTenant { path: folder.to_owned(), found: found.body });
        }
        Some(_) => {}
        None => {
            store.put(ABOUT, TENANT, tenant, glidepath_store::Expected::Anything).await?;
        }
    }
    let mut world = World::new(tenant, aliases);
    for resource in builtins.into_iter().chain(crate::roles::built_in()) {
        world.given.insert(resource.id.clone());
        world.apply(Change::Put(resource));
    }
    for document in store.list(RESOURCES, "").await? {
        let stored: Stored<serde_json::Value> = serde_json::from_str(&document.body)
            .map_err(|_| StartError::Unreadable { path: store.path().to_owned(), key: document.key.clone() })?;
        let resource = Resource::new(ResourceId::new(&stored.id), stored.api_version, Value::from(stored.body));
        world.apply(Change::Put(resource));
    }
    for document in store.list(REGISTRATIONS, "").await? {
        if let Some((subscription, namespace)) = document.key.split_once('/') {
            let (subscription, namespace) = (subscription.to_owned(), namespace.to_owned());
            world.apply(Change::Register { subscription, namespace, registered: document.body != UNREGISTERED });
        }
    }
    Ok(world)
}
