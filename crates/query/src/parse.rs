//! Tokens → pipeline.

use serde_json::Value as Json;

use crate::QueryError;
use crate::syntax::{Expression, JoinKind, Named, Operator, Piece, Pipeline, Source, What};
use crate::token::{Kind, Token, tokens};

/// How deep parentheses may nest.
const DEEPEST: usize = 100;

pub(crate) fn pipeline(text: &str) -> Result<Pipeline, QueryError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, end: text.len(), depth: 0 };
    let pipeline = parser.pipeline()?;
    if parser.eat(";") && parser.peek().is_none() {
        return Ok(pipeline);
    }
    match parser.peek() {
        None => Ok(pipeline),
        Some(token) => Err(QueryError::new(token.at, format!("`{}` does not belong here", token.text))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    end: usize,
    depth: usize,
}

type Parsed<T> = Result<T, QueryError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn after(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.next + ahead)
    }

    fn at(&self) -> usize {
        self.peek().map_or(self.end, |t| t.at)
    }

    fn is(&self, text: &str) -> bool {
        self.peek().is_some_and(|t| !matches!(t.kind, Kind::Text(_)) && t.text.eq_ignore_ascii_case(text))
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.is(text);
        if found {
            self.next += 1;
        }
        found
    }

    fn need(&mut self, text: &str) -> Parsed<()> {
        if self.eat(text) { Ok(()) } else { Err(self.unexpected(&format!("`{text}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> QueryError {
        match self.peek() {
            Some(token) => QueryError::new(token.at, format!("wanted {wanted}, found `{}`", token.text)),
            None => QueryError::new(self.end, format!("wanted {wanted}, but the query ends")),
        }
    }

    fn word(&mut self, wanted: &str) -> Parsed<String> {
        match self.peek() {
            Some(Token { kind: Kind::Word, text, .. }) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(QueryError::new(self.at(), "the query is nested too deeply"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        self.deeper(|parser| {
            let source = if parser.eat("(") {
                let inner = parser.pipeline()?;
                parser.need(")")?;
                Source::Query(Box::new(inner))
            } else if parser.eat("union") {
                Source::Union(parser.tables()?)
            } else {
                let at = parser.at();
                Source::Table { name: parser.word("a table")?.to_ascii_lowercase(), at }
            };
            let mut operators = Vec::new();
            while parser.eat("|") {
                operators.push(parser.operator()?);
            }
            Ok(Pipeline { source, operators })
        })
    }

    /// `a, (b | where …)` after `union` and its options.
    fn tables(&mut self) -> Parsed<Vec<Pipeline>> {
        while self.is("kind") || self.is("withsource") || self.is("isfuzzy") {
            self.next += 1;
            self.need("=")?;
            self.word("a value")?;
        }
        let mut all = vec![self.table()?];
        while self.eat(",") {
            all.push(self.table()?);
        }
        Ok(all)
    }

    fn table(&mut self) -> Parsed<Pipeline> {
        if self.eat("(") {
            let inner = self.pipeline()?;
            self.need(")")?;
            return Ok(inner);
        }
        let at = self.at();
        let name = self.word("a table")?.to_ascii_lowercase();
        Ok(Pipeline { source: Source::Table { name, at }, operators: Vec::new() })
    }

    fn operator(&mut self) -> Parsed<Operator> {
        let at = self.at();
        let name = self.word("an operator")?.to_ascii_lowercase();
        match name.as_str() {
            "where" | "filter" => Ok(Operator::Where(self.expression()?)),
            "extend" => Ok(Operator::Extend(self.named()?)),
            "project" => Ok(Operator::Project(self.named()?)),
            "project-away" => Ok(Operator::Away(self.patterns()?)),
            "project-keep" | "project-reorder" => {
                let patterns = self.patterns()?;
                // Reordering is keeping, with all the rest behind.
                Ok(Operator::Keep(if name == "project-keep" { patterns } else { with_rest(patterns) }))
            }
            "project-rename" => Ok(Operator::Rename(self.named()?)),
            "distinct" if self.eat("*") => Ok(Operator::DistinctAll),
            "distinct" => Ok(Operator::Distinct(self.named()?)),
            "mv-expand" | "mvexpand" => {
                while (self.is("kind") || self.is("bagexpansion")) && self.after(1).is_some_and(|t| t.text == "=") {
                    self.next += 2;
                    self.word("a value")?;
                }
                let expanded = self.named()?;
                if self.eat("limit") {
                    self.number()?;
                }
                Ok(Operator::Expand(expanded))
            }
            "join" | "lookup" => self.join(if name == "lookup" { JoinKind::LeftOuter } else { JoinKind::InnerUnique }),
            "summarize" => {
                let aggregates = if self.is("by") { Vec::new() } else { self.named()? };
                let by = if self.eat("by") { self.named()? } else { Vec::new() };
                Ok(Operator::Summarize { aggregates, by })
            }
            "union" => Ok(Operator::Union(self.tables()?)),
            "order" | "sort" => {
                self.need("by")?;
                Ok(Operator::Sort(self.sorted()?))
            }
            "top" => {
                let count = self.number()?;
                self.need("by")?;
                Ok(Operator::Top(self.sorted()?, count))
            }
            "take" | "limit" => Ok(Operator::Take(self.number()?)),
            "count" => Ok(Operator::Count),
            "parse" => self.parse(),
            _ => Err(QueryError::new(at, format!("the operator `{name}` is not supported"))),
        }
    }

    fn number(&mut self) -> Parsed<usize> {
        match self.peek().map(|t| t.kind.clone()) {
            Some(Kind::Int(n)) => {
                self.next += 1;
                Ok(usize::try_from(n).unwrap_or(usize::MAX))
            }
            _ => Err(self.unexpected("a number")),
        }
    }

    fn named(&mut self) -> Parsed<Vec<Named>> {
        let mut all = vec![self.one_named()?];
        while self.eat(",") {
            all.push(self.one_named()?);
        }
        Ok(all)
    }

    fn one_named(&mut self) -> Parsed<Named> {
        let assigned = self.after(1).is_some_and(|t| t.kind == Kind::Mark && t.text == "=");
        if let (Some(Token { kind: Kind::Word, text, .. }), true) = (self.peek(), assigned) {
            let name = text.clone();
            self.next += 2;
            let expression = self.expression()?;
            return Ok(Named { name, given: true, expression });
        }
        let expression = self.expression()?;
        // `mv-expand x to typeof(string)`
        if self.eat("to") {
            self.need("typeof")?;
            self.need("(")?;
            self.word("a type")?;
            self.need(")")?;
        }
        Ok(Named { name: expression.own_name(), given: false, expression })
    }

    fn patterns(&mut self) -> Parsed<Vec<String>> {
        let mut all = Vec::new();
        loop {
            let mut pattern = if self.is("*") { String::new() } else { self.word("a column")? };
            if self.eat("*") {
                pattern.push('*');
            }
            all.push(pattern);
            if !self.eat(",") {
                return Ok(all);
            }
        }
    }

    fn sorted(&mut self) -> Parsed<Vec<(Expression, bool)>> {
        let mut all = Vec::new();
        loop {
            let by = self.expression()?;
            let ascending = if self.eat("asc") {
                true
            } else {
                self.eat("desc");
                false
            };
            if self.eat("nulls") {
                self.word("`first` or `last`")?;
            }
            all.push((by, ascending));
            if !self.eat(",") {
                return Ok(all);
            }
        }
    }

    fn join(&mut self, default: JoinKind) -> Parsed<Operator> {
        let mut kind = default;
        while self.after(1).is_some_and(|t| t.text == "=") && !self.is("(") {
            let option = self.word("an option")?;
            self.need("=")?;
            let at = self.at();
            let value = self.word("a kind of join")?;
            if option.eq_ignore_ascii_case("kind") {
                kind = match value.to_ascii_lowercase().as_str() {
                    "innerunique" => JoinKind::InnerUnique,
                    "inner" => JoinKind::Inner,
                    "leftouter" => JoinKind::LeftOuter,
                    "rightouter" => JoinKind::RightOuter,
                    "fullouter" => JoinKind::FullOuter,
                    "leftanti" | "anti" | "leftantisemi" => JoinKind::LeftAnti,
                    "leftsemi" => JoinKind::LeftSemi,
                    "rightanti" | "rightantisemi" => JoinKind::RightAnti,
                    "rightsemi" => JoinKind::RightSemi,
                    _ => return Err(QueryError::new(at, format!("`{value}` is no kind of join"))),
                };
            }
        }
        let right = self.table()?;
        self.need("on")?;
        let mut on = Vec::new();
        loop {
            let at = self.at();
            let condition = self.comparison()?;
            on.push(match condition.what {
                What::Column(_) => (condition.clone(), condition, true),
                What::Binary(ref operator, ref a, ref b) if operator == "==" => match (side(a), side(b)) {
                    (Some((true, a)), Some((false, b))) | (Some((false, b)), Some((true, a))) => (a, b, false),
                    _ => return Err(QueryError::new(at, "a join needs `$left.a == $right.b`")),
                },
                _ => return Err(QueryError::new(at, "a join needs a column or `$left.a == $right.b`")),
            });
            if !self.eat(",") && !self.eat("and") {
                return Ok(Operator::Join { kind, right, on });
            }
        }
    }

    fn parse(&mut self) -> Parsed<Operator> {
        if self.is("kind") {
            self.next += 1;
            self.need("=")?;
            self.word("a kind")?;
        }
        let from = self.expression()?;
        self.need("with")?;
        let mut pattern = Vec::new();
        while let Some(token) = self.peek().cloned().filter(|t| t.text != "|" && t.text != ")") {
            self.next += 1;
            pattern.push(match token.kind {
                Kind::Text(text) => Piece::Text(text),
                Kind::Mark if token.text == "*" => Piece::Anything,
                Kind::Word => {
                    let kind = if self.eat(":") { self.word("a type")? } else { String::new() };
                    Piece::Column {
                        name: token.text,
                        number: matches!(kind.as_str(), "long" | "int" | "real" | "double"),
                    }
                }
                _ => return Err(QueryError::new(token.at, format!("`{}` does not belong in a pattern", token.text))),
            });
        }
        Ok(Operator::Parse { from, pattern })
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.deeper(|parser| {
            let mut left = parser.conjunction()?;
            while parser.is("or") {
                let at = parser.at();
                parser.next += 1;
                let right = parser.conjunction()?;
                left = Expression { what: What::Or(Box::new(left), Box::new(right)), at };
            }
            Ok(left)
        })
    }

    fn conjunction(&mut self) -> Parsed<Expression> {
        let mut left = self.comparison()?;
        while self.is("and") {
            let at = self.at();
            self.next += 1;
            let right = self.comparison()?;
            left = Expression { what: What::And(Box::new(left), Box::new(right)), at };
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        const PLAIN: [&str; 31] = [
            "==",
            "!=",
            "<>",
            "=~",
            "!~",
            "<",
            ">",
            "<=",
            ">=",
            "contains",
            "!contains",
            "contains_cs",
            "!contains_cs",
            "has",
            "!has",
            "has_cs",
            "!has_cs",
            "startswith",
            "!startswith",
            "startswith_cs",
            "!startswith_cs",
            "endswith",
            "!endswith",
            "endswith_cs",
            "!endswith_cs",
            "hasprefix",
            "!hasprefix",
            "hassuffix",
            "!hassuffix",
            "like",
            "notlike",
        ];
        const LISTS: [&str; 6] = ["in", "in~", "!in", "!in~", "has_any", "has_all"];
        let left = self.sum()?;
        let Some(token) = self.peek().filter(|t| !matches!(t.kind, Kind::Text(_))) else { return Ok(left) };
        let (at, operator) = (token.at, token.text.to_ascii_lowercase());
        if PLAIN.contains(&operator.as_str()) {
            self.next += 1;
            let right = self.sum()?;
            return Ok(Expression { what: What::Binary(operator, Box::new(left), Box::new(right)), at });
        }
        if operator == "matches" {
            self.next += 1;
            self.need("regex")?;
            let right = self.sum()?;
            return Ok(Expression { what: What::Binary("matches".into(), Box::new(left), Box::new(right)), at });
        }
        if LISTS.contains(&operator.as_str()) {
            self.next += 1;
            self.need("(")?;
            let items = self.arguments()?;
            return Ok(Expression { what: What::Any(operator, Box::new(left), items), at });
        }
        if matches!(operator.as_str(), "between" | "!between") {
            self.next += 1;
            self.need("(")?;
            let low = self.sum()?;
            self.need("..")?;
            let high = self.sum()?;
            self.need(")")?;
            let (value, low, high) = (Box::new(left), Box::new(low), Box::new(high));
            return Ok(Expression { what: What::Between { value, low, high, negated: operator.starts_with('!') }, at });
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expression> {
        let mut left = self.product()?;
        while self.is("+") || self.is("-") {
            let at = self.at();
            let operator = self.peek().map(|t| t.text.clone()).unwrap_or_default();
            self.next += 1;
            let right = self.product()?;
            left = Expression { what: What::Binary(operator, Box::new(left), Box::new(right)), at };
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed<Expression> {
        let mut left = self.unary()?;
        while self.is("*") || self.is("/") || self.is("%") {
            let at = self.at();
            let operator = self.peek().map(|t| t.text.clone()).unwrap_or_default();
            self.next += 1;
            let right = self.unary()?;
            left = Expression { what: What::Binary(operator, Box::new(left), Box::new(right)), at };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expression> {
        let at = self.at();
        if self.eat("-") {
            let inner = self.deeper(Self::unary)?;
            return Ok(Expression { what: What::Negative(Box::new(inner)), at });
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parsed<Expression> {
        let mut of = self.primary()?;
        loop {
            let at = self.at();
            if self.eat(".") {
                let name = if self.eat("[") {
                    let name = self.text()?;
                    self.need("]")?;
                    name
                } else {
                    self.word("a member")?
                };
                of = Expression { what: What::Member(Box::new(of), name), at };
            } else if self.eat("[") {
                let index = self.expression()?;
                self.need("]")?;
                of = Expression {
                    what: match index.what {
                        What::Literal(Json::String(name)) => What::Member(Box::new(of), name),
                        _ => What::Index(Box::new(of), Box::new(index)),
                    },
                    at,
                };
            } else {
                return Ok(of);
            }
        }
    }

    fn text(&mut self) -> Parsed<String> {
        match self.peek().map(|t| t.kind.clone()) {
            Some(Kind::Text(text)) => {
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.unexpected("a text")),
        }
    }

    fn arguments(&mut self) -> Parsed<Vec<Expression>> {
        let mut all = Vec::new();
        if self.eat(")") {
            return Ok(all);
        }
        loop {
            // `count(*)`, `arg_max(x, *)`
            if self.is("*") && self.after(1).is_some_and(|t| t.text == ")" || t.text == ",") {
                all.push(Expression { what: What::Column("*".into()), at: self.at() });
                self.next += 1;
            } else {
                all.push(self.expression()?);
            }
            if self.eat(")") {
                return Ok(all);
            }
            self.need(",")?;
        }
    }

    fn primary(&mut self) -> Parsed<Expression> {
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected("a value")) };
        let at = token.at;
        let literal = |value: Json| Ok(Expression { what: What::Literal(value), at });
        self.next += 1;
        match token.kind {
            Kind::Text(text) => literal(text.into()),
            Kind::Int(number) => literal(number.into()),
            Kind::Real(number) | Kind::Span(number) => literal(number.into()),
            Kind::Mark if token.text == "(" => {
                let inner = self.expression()?;
                self.need(")")?;
                Ok(inner)
            }
            // A column in brackets: ['tags'].
            Kind::Mark if token.text == "[" => {
                let name = self.text()?;
                self.need("]")?;
                Ok(Expression { what: What::Column(name), at })
            }
            Kind::Mark => {
                self.next -= 1;
                Err(self.unexpected("a value"))
            }
            Kind::Word if self.is("(") => {
                self.next += 1;
                let name = token.text.to_ascii_lowercase();
                if name == "dynamic" || name == "datetime" {
                    return self.raw(&name, at);
                }
                let mut arguments = self.arguments()?;
                if name == "not" && arguments.len() == 1 {
                    let Some(inner) = arguments.pop() else { return Err(self.unexpected("a condition")) };
                    return Ok(Expression { what: What::Not(Box::new(inner)), at });
                }
                Ok(Expression { what: What::Call(name, arguments), at })
            }
            Kind::Word => match token.text.to_ascii_lowercase().as_str() {
                "true" => literal(true.into()),
                "false" => literal(false.into()),
                "null" => literal(Json::Null),
                _ => Ok(Expression { what: What::Column(token.text), at }),
            },
        }
    }

    /// `dynamic(…)` and `datetime(…)`: what is between the parentheses is no expression.
    fn raw(&mut self, name: &str, at: usize) -> Parsed<Expression> {
        let mut text = String::new();
        let mut open = 1;
        while let Some(token) = self.peek().cloned() {
            self.next += 1;
            match token.text.as_str() {
                "(" => open += 1,
                ")" => open -= 1,
                _ => {}
            }
            if open == 0 {
                let value = if name == "datetime" {
                    text.trim_matches(|c| matches!(c, '\'' | '"')).into()
                } else {
                    serde_json::from_str(&text).map_err(|_| QueryError::new(at, format!("`{text}` is no JSON")))?
                };
                return Ok(Expression { what: What::Literal(value), at });
            }
            match token.kind {
                Kind::Text(inner) => text.push_str(&Json::from(inner).to_string()),
                _ => text.push_str(&token.text),
            }
        }
        Err(self.unexpected("`)`"))
    }
}

/// `$left.a` → left and the column `a`.
fn side(of: &Expression) -> Option<(bool, Expression)> {
    fn strip(of: &Expression, left: &mut Option<bool>) -> Option<Expression> {
        match &of.what {
            What::Member(inner, name) => {
                if let What::Column(side) = &inner.what
                    && matches!(side.as_str(), "$left" | "$right")
                {
                    *left = Some(side == "$left");
                    return Some(Expression { what: What::Column(name.clone()), at: of.at });
                }
                let inner = strip(inner, left)?;
                Some(Expression { what: What::Member(Box::new(inner), name.clone()), at: of.at })
            }
            _ => None,
        }
    }
    let mut left = None;
    let column = strip(of, &mut left)?;
    Some((left?, column))
}

fn with_rest(mut patterns: Vec<String>) -> Vec<String> {
    patterns.push("*".to_owned());
    patterns
}
