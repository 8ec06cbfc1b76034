//! Published policy definitions: a folder of thousands of files, of which an assessment needs a few hundred.
//!
//! The first run reads them all and keeps them in one file, with the place of each; later runs take only what they need
//! from it. The kept file is named after what the folder holds (paths, sizes and times of all files): when that changes,
//! it is not found, and is made anew. It is written under another name and moved, so that runs at the same time see a
//! whole one or none.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use glidepath_arm::{ResourceId, Value};
use glidepath_source::{Finding, Text};
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;
use crate::{files, sources};

/// The first word of a kept file; the number changes with its form.
const MAGIC: &str = "glidepath-builtins-1";
const EXTENSION: &str = "pack";

/// The definitions and initiatives of a folder.
pub(crate) struct BuiltIns {
    held: Held,
}

enum Held {
    /// All of them, read just now.
    Memory(HashMap<ResourceId, Value>),
    /// Where each is in the kept file.
    Kept { file: File, places: HashMap<ResourceId, (u64, usize)> },
}

impl BuiltIns {
    /// Opens a folder; `cache` is where packed ones are kept, `None` for nowhere.
    pub(crate) fn open(folder: &Path, cache: Option<&Path>, findings: &mut Vec<Finding>) -> Result<Self, Failure> {
        let kept = cache.and_then(|cache| place(folder, cache));
        if let Some(kept) = &kept
            && let Some(held) = open_kept(&kept.file)
        {
            return Ok(Self { held });
        }
        let texts = sources::builtin_files(folder, findings)?;
        let (assets, problems) = glidepath_library::builtins(&texts);
        if assets.is_empty() {
            let name = folder.display().to_string();
            return Err(Finding::error("check/no-builtins", format!("`{name}` holds no policy definition"))
                .about(name)
                .help("give the folder `built-in-policies` of a checkout of github.com/Azure/azure-policy")
                .into());
        }
        // Without a place to keep them, the next run reads them again: slower, and no reason to stop.
        if let Some(kept) = kept.filter(|_| problems.is_empty()) {
            let _ = keep(&kept, &assets);
        }
        // A built-in that cannot be read concerns only those whose assignment names it: told as missing then.
        findings.extend(problems.into_iter().filter(|f| !f.is_error()));
        Ok(Self { held: Held::Memory(assets.into_iter().collect()) })
    }

    /// One of them, as `{properties: {…}}`.
    pub(crate) fn get(&mut self, id: &ResourceId) -> Option<Value> {
        match &mut self.held {
            Held::Memory(all) => all.get(id).cloned(),
            Held::Kept { file, places } => {
                let (start, length) = places.get(id).copied()?;
                file.seek(SeekFrom::Start(start)).ok()?;
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes).ok()?;
                let text = Text::new(id.as_str(), String::from_utf8(bytes).ok()?);
                glidepath_library::json_value(&text).ok()
            }
        }
    }
}

/// Where packed definitions are kept unless it is said: the user's cache folder.
pub(crate) fn default_cache() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("glidepath"))
}

struct Kept {
    folder: PathBuf,
    /// What files for the same folder of definitions begin with.
    prefix: String,
    file: PathBuf,
}

/// The name of the kept file for what a folder holds now.
fn place(folder: &Path, cache: &Path) -> Option<Kept> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let mut all = Sha256::new();
    for (path, size, time) in files::list_with_times(&folder).ok()? {
        all.update(format!("{}\t{size}\t{}\n", path.display(), time.duration_since(UNIX_EPOCH).ok()?.as_nanos()));
    }
    let prefix = short(&Sha256::digest(folder.to_string_lossy().as_bytes()));
    let file = cache.join(format!("builtins-{prefix}-{}.{EXTENSION}", short(&all.finalize())));
    Some(Kept { folder: cache.to_path_buf(), prefix: format!("builtins-{prefix}-"), file })
}

fn short(digest: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest.iter().take(12) {
        // A string takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `None`: there is none, or not a whole one.
fn open_kept(path: &Path) -> Option<Held> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; 64];
    file.read_exact(&mut head).ok()?;
    let head = std::str::from_utf8(&head).ok()?;
    let mut words = head.split_whitespace();
    if words.next() != Some(MAGIC) {
        return None;
    }
    let (index, total): (usize, u64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    if file.metadata().ok()?.len() != total {
        return None;
    }
    let mut text = vec![0; index];
    file.read_exact(&mut text).ok()?;
    let text = String::from_utf8(text).ok()?;
    let mut places = HashMap::with_capacity(text.len() / 100);
    let mut start = 64 + u64::try_from(index).ok()?;
    for line in text.lines() {
        let (length, id) = line.split_once(' ')?;
        let length: usize = length.parse().ok()?;
        places.insert(ResourceId::new(id), (start, length));
        start += u64::try_from(length).ok()?;
    }
    (start == total).then_some(Held::Kept { file, places })
}

fn keep(kept: &Kept, assets: &[(ResourceId, Value)]) -> std::io::Result<()> {
    let (mut index, mut bodies) = (String::new(), String::new());
    for (id, body) in assets {
        let start = bodies.len();
        bodies.push_str(&serde_json::to_string(body)?);
        // A string takes all that is written to it.
        let _ = writeln!(index, "{} {id}", bodies.len() - start);
    }
    let total = 64 + index.len() + bodies.len();
    let head = format!("{:<63}\n", format!("{MAGIC} {} {total}", index.len()));
    std::fs::create_dir_all(&kept.folder)?;
    let unfinished = kept.folder.join(format!("{}{}.tmp", kept.prefix, std::process::id()));
    let mut file = File::create(&unfinished)?;
    let written = file.write_all(head.as_bytes()).and_then(|()| {
        file.write_all(index.as_bytes())?;
        file.write_all(bodies.as_bytes())
    });
    let moved = written.and_then(|()| std::fs::rename(&unfinished, &kept.file));
    if moved.is_err() {
        std::fs::remove_file(&unfinished)?;
        return moved;
    }
    // What the folder held before is of no use any more.
    for entry in std::fs::read_dir(&kept.folder)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let same = name.starts_with(&kept.prefix) && name.ends_with(EXTENSION);
        if same && entry.path() != kept.file {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, mode: &str) -> String {
        format!(
            r#"{{"name": "{name}", "properties": {{"mode": "{mode}", "policyRule": {{"if": {{"field": "kind", "equals": "ä"}}, "then": {{"effect": "deny"}}}}}}}}"#
        )
    }

    fn id(name: &str) -> ResourceId {
        ResourceId::new(&format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"))
    }

    #[test]
    fn what_is_kept_is_what_was_read_and_goes_with_the_folder() {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("a.json"), definition("a", "All")).unwrap();
        std::fs::write(folder.path().join("b.json"), definition("b", "Indexed")).unwrap();
        let open = |cache: Option<&Path>| BuiltIns::open(folder.path(), cache, &mut Vec::new()).unwrap();
        let mode = |all: &mut BuiltIns, name: &str| {
            all.get(&id(name)).map(|b| b.at(&["properties", "mode"]).and_then(Value::as_str).unwrap().to_owned())
        };
        let mut first = open(Some(cache.path()));
        assert!(matches!(first.held, Held::Memory(_)));
        let mut again = open(Some(cache.path()));
        assert!(matches!(again.held, Held::Kept { .. }));
        for name in ["a", "B"] {
            assert_eq!(first.get(&id(name)), again.get(&id(name)), "{name}");
            assert!(again.get(&id(name)).is_some());
        }
        assert_eq!(again.get(&id("c")), None);
        std::fs::write(folder.path().join("c.json"), definition("c", "All")).unwrap();
        let mut changed = open(Some(cache.path()));
        assert!(matches!(changed.held, Held::Memory(_)));
        assert_eq!(mode(&mut changed, "c").as_deref(), Some("All"));
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "the old one is gone");
        assert!(matches!(open(None).held, Held::Memory(_)));
    }

    #[test]
    fn a_damaged_one_is_made_anew() {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("a.json"), definition("a", "All")).unwrap();
        let open = || BuiltIns::open(folder.path(), Some(cache.path()), &mut Vec::new()).unwrap();
        open();
        let kept = std::fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&kept).unwrap();
        for damaged in [&whole[..whole.len() - 1], &whole[..10], b"nonsense".as_slice(), b"".as_slice()] {
            std::fs::write(&kept, damaged).unwrap();
            assert!(matches!(open().held, Held::Memory(_)));
            assert_eq!(std::fs::read(&kept).unwrap(), whole);
        }
    }
}
