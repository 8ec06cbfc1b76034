//! Conditional requests: `If-Match` and `If-None-Match`, and the entity tags they name.

use glidepath_arm::Value;
use glidepath_estate::Resource;

use crate::answer::ArmError;
use crate::call::Call;
use crate::complete::guid;

/// The entity tag of a resource as it is stored: its provider's, or one that follows from the content.
pub(crate) fn of(resource: &Resource) -> String {
    match resource.body.get("etag").and_then(Value::as_str) {
        Some(own) => own.to_owned(),
        None => format!("\"{}\"", guid("", &format!("{}{}", resource.id, resource.body))),
    }
}

/// Refuses a write or delete whose condition does not hold.
pub(crate) fn check(call: &Call, existing: Option<&Resource>) -> Result<(), ArmError> {
    let refuse = |header: &str, why: &str| {
        Err(ArmError::new(
            412,
            "PreconditionFailed",
            format!("The condition specified using HTTP conditional header(s) is not met: '{header}', {why}."),
        ))
    };
    if let Some(wanted) = &call.if_match {
        match existing {
            None => return refuse("If-Match", "the resource does not exist"),
            Some(found) if !names(wanted, &of(found)) => return refuse("If-Match", "the resource has changed"),
            Some(_) => {}
        }
    }
    if let (Some(unwanted), Some(found)) = (&call.if_none_match, existing)
        && names(unwanted, &of(found))
    {
        return refuse("If-None-Match", "the resource exists");
    }
    Ok(())
}

/// Does a list of tags name this one? `*` names all; a weak tag is as good as a strong one.
pub(crate) fn names(list: &str, tag: &str) -> bool {
    let bare = |t: &str| t.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    list.split(',').any(|one| one.trim() == "*" || bare(one) == bare(tag))
}
