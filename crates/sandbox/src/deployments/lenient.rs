//! The body that `az deployment` sends: `{"properties": {"mode": "Incremental", template:{ // … }}}`.
//!
//! Its keys may stand without quotes. Comments and raw newlines in strings are the JSON reader's affair.

/// Puts quotes around the keys that have none. What is between quotes and in comments stays as it is.
pub(super) fn quote_keys(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut quoted = String::with_capacity(text.len() + 16);
    let (mut at, mut copied) = (0, 0);
    // May the next word be a key? After `{` and `,`, in whatever white space and comments.
    let mut expects_key = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = end_of_string(bytes, at);
                expects_key = false;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => at = find(bytes, at, b"\n").unwrap_or(bytes.len()),
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = find(bytes, at + 2, b"*/").map_or(bytes.len(), |e| e + 2),
            b'{' | b',' => {
                expects_key = true;
                at += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' if expects_key => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'-');
                let length = bytes.iter().skip(at).take_while(|b| word(b)).count();
                let colon = bytes.iter().skip(at + length).find(|b| !b.is_ascii_whitespace());
                if colon == Some(&b':') {
                    quoted.push_str(text.get(copied..at).unwrap_or_default());
                    quoted.push('"');
                    quoted.push_str(text.get(at..at + length).unwrap_or_default());
                    quoted.push('"');
                    copied = at + length;
                }
                at += length;
                expects_key = false;
            }
            _ => {
                expects_key = false;
                at += 1;
            }
        }
    }
    quoted.push_str(text.get(copied..).unwrap_or_default());
    quoted
}

/// One past the closing quote.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(wanted.len()).position(|w| w == wanted).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_keys_get_quotes() {
        let sent = "{\"properties\": {\"a\": \"x, b: 1\", template:{ // c: {d: 1}\n /* e: */ \"f\": \"g\nh\", i : [true, null]}}}";
        let wanted = "{\"properties\": {\"a\": \"x, b: 1\", \"template\":{ // c: {d: 1}\n /* e: */ \"f\": \"g\nh\", \"i\" : [true, null]}}}";
        assert_eq!(quote_keys(sent), wanted);
        assert_eq!(quote_keys("{\"a\\\"b\": {c"), "{\"a\\\"b\": {c");
        assert_eq!(quote_keys("{\"é\": 1, ü"), "{\"é\": 1, ü");
        assert_eq!(quote_keys("{/* open"), "{/* open");
    }
}
