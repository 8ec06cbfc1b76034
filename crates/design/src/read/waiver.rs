//! `waivers/*.yaml`.

use glidepath_source::{Finding, Node};

use crate::decode::{Document, Fields};
use crate::model::{Waiver, WaiverCategory, WaiverKind};

pub(super) fn read(doc: &Document<'_>, node: &Node) -> Option<Waiver> {
    let fields = Fields::of(doc, node, "a waiver")?;
    let kind: Option<WaiverKind> = fields.required("kind");
    let scope = fields.required("scope");
    let assignment: Option<String> = fields.optional("assignment");
    let gate: Option<String> = fields.optional("gate");
    let reason = fields.required("reason");
    let category = fields.or("category", WaiverCategory::default());
    let approved_by = fields.required("approvedBy");
    let expires: Option<String> = fields.required("expires");
    fields.finish();
    let needed = match kind? {
        WaiverKind::Exemption if assignment.is_none() => Some("assignment"),
        WaiverKind::Gate if gate.is_none() => Some("gate"),
        _ => None,
    };
    if let Some(key) = needed {
        doc.tell(
            Finding::error("design/missing-key", format!("a waiver of this kind needs `{key}`"))
                .at(doc.text, node.span)
                .help(format!("add `{key}: …` here")),
        );
    }
    let expires = expires?;
    if !is_date(&expires) {
        let at = node.get("expires").unwrap_or(node);
        doc.bad_value(at, format!("`{expires}` is not a date"), "write it as `2027-03-01`");
    }
    Some(Waiver {
        kind: kind?,
        scope: scope?,
        assignment,
        gate,
        reason: reason?,
        category,
        approved_by: approved_by?,
        expires,
    })
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let number = |t: &str, digits: usize| {
        (t.len() == digits && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<u32>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::is_date;

    #[test]
    fn dates_exist_in_the_calendar() {
        assert!(is_date("2027-03-01") && is_date("2028-02-29"));
        assert!(!is_date("2027-02-29") && !is_date("2027-3-1") && !is_date("march") && !is_date("2027-13-01"));
    }
}
