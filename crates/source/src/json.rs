//! JSON as Azure accepts it, with the span of every value.
//!
//! ARM's reader is more lenient than RFC 8259: templates in the wild hold `//` and `/* */` comments, trailing commas,
//! raw newlines inside strings and a byte order mark. Everything else that is loose stays an error.

use std::sync::Arc;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::{Finding, Kind, Member, Node, Span, Text};

/// Reads one JSON document. Nesting is limited to the parser's 512 levels.
///
/// # Errors
/// The one finding `json/syntax` with the position of the first error, or `json/empty`.
pub fn parse(text: &Text) -> Result<Node, Finding> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text.as_str(), &CollectOptions::default(), &options) {
        Ok(result) => match result.value {
            Some(value) => Ok(node(value)),
            None => Err(Finding::error("json/empty", "the file holds no JSON value")
                .at(text, Span::default())
                .help("put a JSON document in it, or leave the file out")),
        },
        Err(error) => {
            let range = error.range();
            let mut message = error.kind().to_string();
            if let Some(first) = message.get(..1).map(str::to_ascii_lowercase) {
                message.replace_range(..1, &first);
            }
            Err(Finding::error("json/syntax", format!("this is not valid JSON: {message}"))
                .at(text, Span::new(range.start, range.end))
                .help("fix the syntax here; the rest of the file was not read"))
        }
    }
}

fn node(value: ast::Value<'_>) -> Node {
    let range = value.range();
    let span = Span::new(range.start, range.end);
    let kind = match value {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(b) => Kind::Bool(b.value),
        ast::Value::NumberLit(n) => match n.value.parse::<i64>() {
            Ok(int) => Kind::Int(int),
            Err(_) => Kind::Float(n.value.parse::<f64>().unwrap_or(f64::NAN)),
        },
        ast::Value::StringLit(s) => Kind::String(Arc::from(s.value.as_ref())),
        ast::Value::Array(a) => Kind::Array(a.elements.into_iter().map(node).collect()),
        ast::Value::Object(o) => Kind::Object(
            o.properties
                .into_iter()
                .map(|p| {
                    let range = p.name.range();
                    Member {
                        key_span: Span::new(range.start, range.end),
                        key: Arc::from(p.name.as_str()),
                        value: node(p.value),
                    }
                })
                .collect(),
        ),
    };
    Node { span, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_arm_accepts() {
        let text = Text::new("t.json", "\u{feff}{ // note\n \"a\": [1, 2.5, \"x\ny\",], /* b */ \"B\": null }");
        let node = parse(&text).unwrap();
        assert_eq!(node.get("A").unwrap().items().len(), 3);
        assert_eq!(node.get("a").unwrap().items()[2].as_str(), Some("x\ny"));
        assert_eq!(text.slice(node.get("b").unwrap().span), "null");
    }

    #[test]
    fn says_where_it_stopped() {
        let text = Text::new("t.json", "{\n  \"a\": [1,\n");
        let finding = parse(&text).unwrap_err();
        assert_eq!(finding.code, "json/syntax");
        assert_eq!(finding.place.unwrap().position().line, 2);
        assert!(parse(&Text::new("t", "{a: 1}")).is_err());
        assert!(parse(&Text::new("t", "{'a': 1}")).is_err());
        assert_eq!(parse(&Text::new("t", "  ")).unwrap_err().code, "json/empty");
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(&Text::new("t", deep)).unwrap_err().code, "json/syntax");
    }
}
