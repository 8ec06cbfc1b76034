//! What a file of a library holds: its name alone decides.
//!
//! Source: alzlib, `internal/processor/processor.go`. Folders mean nothing; case does not count.

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `*.alz_policy_definition`
    Definition,
    /// `*.alz_policy_set_definition`
    Initiative,
    /// `*.alz_policy_assignment`
    Assignment,
    /// `*.alz_role_definition`
    Role,
    /// `*.alz_archetype_definition`
    Archetype,
    /// `*.alz_archetype_override`
    Override,
    /// `*.alz_architecture_definition`
    Architecture,
    /// `alz_policy_default_values`
    DefaultValues,
    /// `alz_library_metadata`
    Metadata,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`
    Json,
    /// `.yaml`, `.yml`
    Yaml,
}

/// What a file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classified {
    /// A file of the library.
    Asset(FileKind, Format),
    /// It claims to be one (`alz_…`) but is of no kind or format known here.
    Unknown,
    /// Something else (a README, a test).
    Foreign,
}

const SUFFIXES: [(&str, FileKind); 7] = [
    ("alz_policy_definition", FileKind::Definition),
    ("alz_policy_set_definition", FileKind::Initiative),
    ("alz_policy_assignment", FileKind::Assignment),
    ("alz_role_definition", FileKind::Role),
    ("alz_archetype_definition", FileKind::Archetype),
    ("alz_archetype_override", FileKind::Override),
    ("alz_architecture_definition", FileKind::Architecture),
];

/// The kinds a finding lists for a file of unknown kind.
pub(crate) fn known_suffixes() -> String {
    let names: Vec<String> = SUFFIXES.iter().map(|(suffix, _)| format!("`.{suffix}`")).collect();
    format!(
        "{}, `alz_policy_default_values` and `alz_library_metadata`, each as .json, .yaml or .yml",
        names.join(", ")
    )
}

/// Classifies a path by its last segment.
pub fn classify(path: &str) -> Classified {
    let base = path.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    if !base.starts_with("alz_") && !base.contains(".alz_") {
        return Classified::Foreign;
    }
    let Some((stem, extension)) = base.rsplit_once('.') else { return Classified::Unknown };
    let format = match extension {
        "json" => Format::Json,
        "yaml" | "yml" => Format::Yaml,
        _ => return Classified::Unknown,
    };
    match stem {
        "alz_policy_default_values" => return Classified::Asset(FileKind::DefaultValues, format),
        "alz_library_metadata" => return Classified::Asset(FileKind::Metadata, format),
        _ => {}
    }
    let suffix = stem.rsplit_once('.').map(|(name, suffix)| (name.is_empty(), suffix));
    match suffix {
        Some((false, suffix)) => SUFFIXES
            .iter()
            .find(|(known, _)| *known == suffix)
            .map_or(Classified::Unknown, |(_, kind)| Classified::Asset(*kind, format)),
        _ => Classified::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        let json = |kind| Classified::Asset(kind, Format::Json);
        assert_eq!(classify("a/b/Deny-X.alz_policy_definition.json"), json(FileKind::Definition));
        assert_eq!(classify("Deny-X.1.0.0.alz_policy_set_definition.JSON"), json(FileKind::Initiative));
        assert_eq!(classify("x\\root.alz_archetype_override.yml"), Classified::Asset(FileKind::Override, Format::Yaml));
        assert_eq!(
            classify("alz_policy_default_values.yaml"),
            Classified::Asset(FileKind::DefaultValues, Format::Yaml)
        );
        assert_eq!(classify("alz_library_metadata.json"), json(FileKind::Metadata));
        assert_eq!(classify("README.md"), Classified::Foreign);
        assert_eq!(classify("Deny-X.json"), Classified::Foreign);
        assert_eq!(classify("x.alz_policy_exemption.json"), Classified::Unknown);
        assert_eq!(classify("x.alz_policy_definition.txt"), Classified::Unknown);
        assert_eq!(classify(".alz_policy_definition.json"), Classified::Unknown);
        assert_eq!(classify("x.alz_library_metadata.json"), Classified::Unknown);
    }
}
