//! Which ids a body speaks of.

use glidepath_arm::{Reason, ResourceId, Unknown, Value};

/// Calls `visit` with every resource id in a body: strings (and keys, as of `userAssignedIdentities`) that are an id, and
/// ids in the expressions of unknowns.
pub(crate) fn for_each(body: &Value, visit: &mut dyn FnMut(ResourceId)) {
    match body {
        Value::String(text) => text_mention(text, visit),
        Value::Array(items) => items.iter().for_each(|item| for_each(item, visit)),
        Value::Object(object) => {
            for (key, value) in object.iter() {
                text_mention(key, visit);
                for_each(value, visit);
            }
        }
        Value::Unknown(unknown) => unknown_mention(unknown, visit),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
    }
}

fn text_mention(text: &str, visit: &mut dyn FnMut(ResourceId)) {
    let is_id = ["/subscriptions/", "/providers/"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)));
    if is_id {
        visit(ResourceId::new(text));
    }
}

fn unknown_mention(unknown: &Unknown, visit: &mut dyn FnMut(ResourceId)) {
    if let Reason::Runtime(of) | Reason::List(of) = &unknown.reason {
        text_mention(of, visit);
    }
    // Odd parts of a split at quotes stand between quotes.
    for quoted in unknown.expression.split('\'').skip(1).step_by(2) {
        text_mention(quoted, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_strings_keys_and_unknowns() {
        let mut body = Value::from(serde_json::json!({
            "identity": {"userAssignedIdentities": {"/subscriptions/s/resourceGroups/g": {}}},
            "properties": {"list": ["/Providers/Microsoft.Management/managementGroups/m", "/nope", "text"]}
        }));
        body.make_object().insert(
            "principalId",
            Value::unknown(
                Reason::Runtime("/subscriptions/a".into()),
                "reference('/subscriptions/b').identity.principalId",
            ),
        );
        let mut found = Vec::new();
        for_each(&body, &mut |id| found.push(id.to_string()));
        assert_eq!(
            found,
            [
                "/subscriptions/s/resourceGroups/g",
                "/Providers/Microsoft.Management/managementGroups/m",
                "/subscriptions/a",
                "/subscriptions/b"
            ]
        );
    }
}
