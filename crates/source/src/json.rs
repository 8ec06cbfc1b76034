//! JSON as Azure accepts it, with the span of every value.
//!
//! ARM's reader is more lenient than RFC 8259: templates in the wild hold `//` and `/* */` comments, trailing commas,
//! raw newlines inside strings and a byte order mark, and of members with one key the last counts. `az` itself puts a
//! `template:` key without quotes into the bodies it sends; that one bare key is read, too. Everything else that is loose
//! stays an error.
//!
//! The reader is our own: it makes the tree without another one in between.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Finding, Kind, Member, Node, Span, Text};

/// How deep values may nest: what bounds the stack.
const DEEPEST: usize = 512;
/// Objects up to this size are searched for a key member by member.
const FEW_MEMBERS: usize = 16;
/// How many repeated keys are told: a file made of them says nothing new after that.
const MOST_REPEATED: usize = 100;

/// Reads one JSON document. Nesting is limited to 512 levels.
///
/// # Errors
/// The one finding `json/syntax` with the position of the first error, or `json/empty`.
pub fn parse(text: &Text) -> Result<Node, Finding> {
    read(text).map(|(node, _)| node)
}

/// Reads one JSON document as [`parse`] does; beside it the warnings `json/duplicate-key` about keys that stand twice in
/// one object.
///
/// # Errors
/// As of [`parse`].
pub fn parse_telling(text: &Text) -> Result<(Node, Vec<Finding>), Finding> {
    let (node, repeated) = read(text)?;
    let tell = |Repeated { key, first, again }: Repeated| {
        Finding::warning("json/duplicate-key", format!("the key `{key}` stands twice in one object"))
            .at(text, again)
            .why("the last value counts here; other readers take the first one, or refuse the file")
            .help(format!("the other one is at {}:{}; keep one", text.name(), text.position(first.start)))
    };
    Ok((node, repeated.into_iter().map(tell).collect()))
}

fn read(text: &Text) -> Result<(Node, Vec<Repeated>), Finding> {
    let source = text.as_str();
    let mut reader = Reader { source, bytes: source.as_bytes(), at: 0, depth: 0, repeated: Vec::new() };
    let result = reader.blank().and_then(|()| {
        if reader.at == reader.bytes.len() {
            return Ok(None);
        }
        let node = reader.value()?;
        reader.blank()?;
        match reader.peek() {
            None => Ok(Some(node)),
            Some(_) => Err(reader.wrong("text after the document")),
        }
    });
    match result {
        Ok(Some(node)) => Ok((node, reader.repeated)),
        Ok(None) => Err(Finding::error("json/empty", "the file holds no JSON value")
            .at(text, Span::default())
            .help("put a JSON document in it, or leave the file out")),
        Err(Wrong { message, at, end }) => {
            Err(Finding::error("json/syntax", format!("this is not valid JSON: {message}"))
                .at(text, Span::new(at, end))
                .help("fix the syntax here; the rest of the file was not read"))
        }
    }
}

struct Wrong {
    message: String,
    at: usize,
    end: usize,
}

/// A key that stands twice in one object.
struct Repeated {
    key: Arc<str>,
    first: Span,
    again: Span,
}

struct Reader<'t> {
    source: &'t str,
    bytes: &'t [u8],
    at: usize,
    depth: usize,
    repeated: Vec<Repeated>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn wrong(&self, message: impl Into<String>) -> Wrong {
        let width = self.source.get(self.at..).and_then(|s| s.chars().next()).map_or(0, char::len_utf8);
        Wrong { message: message.into(), at: self.at, end: self.at + width }
    }

    /// Skips blanks and comments.
    fn blank(&mut self) -> Result<(), Wrong> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(b'/') => match self.bytes.get(self.at + 1) {
                    Some(b'/') => {
                        let rest = self.bytes.get(self.at..).unwrap_or_default();
                        self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                    }
                    Some(b'*') => match self.source.get(self.at + 2..).and_then(|rest| rest.find("*/")) {
                        Some(length) => self.at += length + 4,
                        None => return Err(self.wrong("the comment has no end")),
                    },
                    _ => return Err(self.wrong("unexpected `/`")),
                },
                // A no-break space or a second byte order mark comes with pasted text.
                Some(0xC2 | 0xEF) => {
                    let rest = self.source.get(self.at..).unwrap_or_default();
                    match rest.chars().next() {
                        Some(c @ ('\u{a0}' | '\u{feff}')) => self.at += c.len_utf8(),
                        _ => return Ok(()),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self) -> Result<Node, Wrong> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'"') => Kind::String(self.string()?),
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'\'') => return Err(self.wrong("strings stand in double quotes")),
            Some(_) => return Err(self.unexpected("a value")),
            None => return Err(self.wrong("the text ends where a value should stand")),
        };
        Ok(Node { span: Span::new(start, self.at), kind })
    }

    fn unexpected(&self, wanted: &str) -> Wrong {
        match self.source.get(self.at..).and_then(|s| s.chars().next()) {
            Some(c) => self.wrong(format!("unexpected `{c}`, {wanted} should stand here")),
            None => self.wrong(format!("the text ends where {wanted} should stand")),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Kind, Wrong>) -> Result<Kind, Wrong> {
        if self.depth >= DEEPEST {
            return Err(self.wrong(format!("values nest deeper than {DEEPEST} levels")));
        }
        self.depth += 1;
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Kind, Wrong> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let follows = rest.get(word.len()).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        if !rest.starts_with(word.as_bytes()) || follows {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Result<Kind, Wrong> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            let from = reader.at;
            while reader.peek().is_some_and(|b| b.is_ascii_digit()) {
                reader.at += 1;
            }
            reader.at - from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading = self.peek();
        let count = digits(self);
        if count == 0 || (count > 1 && leading == Some(b'0')) {
            self.at = start;
            return Err(self.wrong("this is not a number of JSON"));
        }
        let mut is_int = true;
        if self.peek() == Some(b'.') {
            is_int = false;
            self.at += 1;
            if digits(self) == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_int = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if digits(self) == 0 {
                return Err(self.unexpected("a digit"));
            }
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        Ok(match text.parse::<i64>() {
            Ok(int) if is_int => Kind::Int(int),
            _ => Kind::Float(text.parse::<f64>().unwrap_or(f64::NAN)),
        })
    }

    fn array(&mut self) -> Result<Kind, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blank()?;
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    return Ok(Kind::Array(items));
                }
                None => return Err(Self::unclosed(open, "array")),
                _ => {}
            }
            items.push(self.value()?);
            self.blank()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {}
                None => return Err(Self::unclosed(open, "array")),
                Some(_) => return Err(self.unexpected("a comma or `]`")),
            }
        }
    }

    /// Where the text ends says little; where the open value begins says it all.
    fn unclosed(open: usize, what: &str) -> Wrong {
        Wrong { message: format!("the {what} is not closed"), at: open, end: open + 1 }
    }

    fn object(&mut self) -> Result<Kind, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut known: HashMap<Arc<str>, usize> = HashMap::new();
        loop {
            self.blank()?;
            match self.peek() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Kind::Object(members));
                }
                None => return Err(Self::unclosed(open, "object")),
                _ => {}
            }
            let start = self.at;
            let key = self.key()?;
            let key_span = Span::new(start, self.at);
            self.blank()?;
            if self.peek() != Some(b':') {
                return Err(self.unexpected("a colon"));
            }
            self.at += 1;
            self.blank()?;
            let value = self.value()?;
            if let Some(first) = put(&mut members, &mut known, Member { key: key.clone(), key_span, value })
                && self.repeated.len() < MOST_REPEATED
            {
                self.repeated.push(Repeated { key, first, again: key_span });
            }
            self.blank()?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {}
                None => return Err(Self::unclosed(open, "object")),
                Some(_) => return Err(self.unexpected("a comma or `}`")),
            }
        }
    }

    fn key(&mut self) -> Result<Arc<str>, Wrong> {
        const BARE: &str = "template";
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"template:")) => {
                self.at += BARE.len();
                Ok(Arc::from(BARE))
            }
            _ => Err(self.unexpected("a key in double quotes")),
        }
    }

    fn string(&mut self) -> Result<Arc<str>, Wrong> {
        let open = self.at;
        self.at += 1;
        let mut from = self.at;
        let mut unescaped: Option<String> = None;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(length) = rest.iter().position(|b| matches!(b, b'"' | b'\\')) else {
                return Err(Wrong { message: "the string has no end".into(), at: open, end: open + 1 });
            };
            self.at += length;
            let plain = self.source.get(from..self.at).unwrap_or_default();
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Ok(match unescaped {
                    Some(mut text) => {
                        text.push_str(plain);
                        Arc::from(text)
                    }
                    None => Arc::from(plain),
                });
            }
            let mut text = unescaped.take().unwrap_or_default();
            text.push_str(plain);
            text.push(self.escape()?);
            unescaped = Some(text);
            from = self.at;
        }
    }

    /// One escape, its backslash next.
    fn escape(&mut self) -> Result<char, Wrong> {
        let start = self.at;
        let Some(letter) = self.bytes.get(self.at + 1) else { return Err(self.wrong("the string has no end")) };
        let plain = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 2;
                let high = self.hex().ok_or_else(|| Wrong::escape(start))?;
                if let Some(c) = char::from_u32(high) {
                    return Ok(c);
                }
                // The other half of a pair; a half alone is a letter no one can write.
                let here = self.at;
                if (0xD800..0xDC00).contains(&high)
                    && self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u"))
                {
                    self.at += 2;
                    let low = self.hex().ok_or_else(|| Wrong::escape(here))?;
                    if (0xDC00..0xE000).contains(&low) {
                        let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                        return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    self.at = here;
                }
                return Ok(char::REPLACEMENT_CHARACTER);
            }
            _ => return Err(Wrong::escape(start)),
        };
        self.at += 2;
        Ok(plain)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.source.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

impl Wrong {
    fn escape(at: usize) -> Self {
        Self { message: "this is not an escape of JSON".into(), at, end: at + 1 }
    }
}

/// Adds a member; of several with one key the last counts. Gives where the key stood before.
fn put(members: &mut Vec<Member>, known: &mut HashMap<Arc<str>, usize>, member: Member) -> Option<Span> {
    let at = if members.len() < FEW_MEMBERS {
        members.iter().position(|m| m.key == member.key)
    } else {
        if known.is_empty() {
            known.extend(members.iter().enumerate().map(|(i, m)| (m.key.clone(), i)));
        }
        known.get(&member.key).copied()
    };
    match at.and_then(|at| members.get_mut(at)) {
        Some(slot) => Some(std::mem::replace(slot, member).key_span),
        None => {
            if !known.is_empty() {
                known.insert(member.key.clone(), members.len());
            }
            members.push(member);
            None
        }
    }
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
        let body = parse(&Text::new("az", r#"{"properties": {"mode": "x", template: {"resources": []}}}"#)).unwrap();
        assert!(body.get("properties").unwrap().get("template").unwrap().get("resources").is_some());
    }

    #[test]
    fn strings_and_numbers_are_read_as_they_are_meant() {
        let read = |text: &str| parse(&Text::new("t", text)).map(|n| n.kind);
        assert_eq!(read(r#""a\"\\\/\b\f\n\r\té😀""#), Ok(Kind::String("a\"\\/\u{8}\u{c}\n\r\té😀".into())));
        assert_eq!(read(r#""\ud83d!""#), Ok(Kind::String("\u{fffd}!".into())));
        assert_eq!(read("-12"), Ok(Kind::Int(-12)));
        assert_eq!(read("1e3"), Ok(Kind::Float(1000.0)));
        assert_eq!(read("9223372036854775808"), Ok(Kind::Float(9_223_372_036_854_775_808.0)));
        for wrong in
            [r#""\x""#, r#""\u12g4""#, "01", "1.", "-", "+1", "truex", "[1 2]", "{\"a\" 1}", "[1]]", "/* x", "\"a"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_of_several_members_counts() {
        let few = parse(&Text::new("t", r#"{"a": 1, "b": 2, "a": 3}"#)).unwrap();
        assert_eq!((few.members().len(), few.get("a").map(|n| &n.kind)), (2, Some(&Kind::Int(3))));
        let many: Vec<String> = (0..40).map(|i| format!("\"k{}\": {i}", i % 20)).collect();
        let many = parse(&Text::new("t", format!("{{{}}}", many.join(",")))).unwrap();
        assert_eq!((many.members().len(), many.get("k19").map(|n| &n.kind)), (20, Some(&Kind::Int(39))));
    }

    #[test]
    fn keys_that_stand_twice_are_told() {
        let text = Text::new("t.json", "{\n  \"a\": 1,\n  \"b\": {\"c\": 1, \"c\": 2},\n  \"a\": 3\n}");
        let (_, told) = parse_telling(&text).unwrap();
        let places: Vec<String> = told.iter().map(|f| f.place.as_ref().unwrap().to_string()).collect();
        assert_eq!(places, ["t.json:3:17", "t.json:4:3"]);
        assert!(told[1].help.as_ref().unwrap().contains("t.json:2:3"), "{told:?}");
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
