//! Named switches for passages that the documentation and its readers disagree on; see docs/policy-fidelity.md.

/// How disputed passages are read. The default is the documentation's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Semantics {
    /// `empty-collection`: does a positive operator on `x[*]` without members hold? `met`: "all members" of none hold
    /// (policy/how-to/author-policies-for-arrays); `not-met`: as the crate regorus has it for missing arrays.
    pub empty_collection_met: bool,
    /// `function-case`: do the functions `contains`, `equals`, `startsWith`, `endsWith`, `indexOf` look at case?
    /// `sensitive`: as Learn says of ARM's template functions; `insensitive`: as conditions do, and as regorus has it.
    pub functions_fold_case: bool,
    /// `type-mismatch`: `less`, `greater` on values without a common order. `error`: the evaluation fails
    /// (definition-structure-policy-rule); `false`: the condition does not hold.
    pub mismatch_fails: bool,
    /// `failed-evaluation`: a rule whose expression fails. `deny`: an implicit deny ("Avoiding template failures");
    /// `ignore`: as if it were not met. Only [`crate::Policy`] looks at it.
    pub failure_denies: bool,
    /// `mode`: does a definition alone look only at the types of its mode? `documented`, or `all`. Only
    /// [`crate::Policy`] looks at it.
    pub mode_counts: bool,
}

impl Default for Semantics {
    fn default() -> Self {
        Self {
            empty_collection_met: true,
            functions_fold_case: false,
            mismatch_fails: true,
            failure_denies: true,
            mode_counts: true,
        }
    }
}

impl Semantics {
    /// The switches with their values, the default first.
    pub const SWITCHES: [(&'static str, [&'static str; 2]); 5] = [
        ("empty-collection", ["met", "not-met"]),
        ("function-case", ["sensitive", "insensitive"]),
        ("type-mismatch", ["error", "false"]),
        ("failed-evaluation", ["deny", "ignore"]),
        ("mode", ["documented", "all"]),
    ];

    /// Sets a switch, `name=value`.
    ///
    /// # Errors
    /// What may be set, in words, where there is no such switch or value.
    pub fn set(&mut self, switch: &str) -> Result<(), String> {
        let known = || {
            let each = Self::SWITCHES.map(|(name, values)| format!("{name}={}", values.join("|")));
            format!("there is no switch `{switch}`; there are {}", each.join(", "))
        };
        let (name, value) = switch.split_once('=').ok_or_else(known)?;
        let (_, [usual, other]) = Self::SWITCHES.iter().find(|(own, _)| *own == name).ok_or_else(known)?;
        let is_usual = value == *usual;
        if !is_usual && value != *other {
            return Err(known());
        }
        match name {
            "empty-collection" => self.empty_collection_met = is_usual,
            "function-case" => self.functions_fold_case = !is_usual,
            "type-mismatch" => self.mismatch_fails = is_usual,
            "failed-evaluation" => self.failure_denies = is_usual,
            _ => self.mode_counts = is_usual,
        }
        Ok(())
    }
}
