//! Which parameters and variables a template reads, and what of them.

use glidepath_source::{Kind, Node, Place, Span, Text};

use crate::Value;
use crate::expression::{Call, Content, Expr, ExprKind, classify, parse};
use crate::template::resources::DEPLOYMENTS;
use crate::template::session::narrowed;

/// One template with names of its own, and everything that is read in it.
pub(super) struct Frame<'a> {
    pub(super) template: &'a Node,
    pub(super) parameters: Vec<Use>,
    pub(super) variables: Vec<Use>,
    /// A name is computed: any may be meant.
    pub(super) any_parameter: bool,
    pub(super) any_variable: bool,
}

/// A name that is read.
pub(super) struct Use {
    pub(super) name: String,
    /// The properties it is followed by; safe: null is fine where there is none.
    pub(super) path: Vec<Part>,
    pub(super) span: Span,
}

#[derive(Clone)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) safe: bool,
}

/// The template and the inner-scoped templates written inside it.
pub(super) fn frames<'a>(text: &Text, template: &'a Node) -> Vec<Frame<'a>> {
    let mut frames = Vec::new();
    let mut open = vec![template];
    while let Some(template) = open.pop() {
        let mut frame = Frame {
            template,
            parameters: Vec::new(),
            variables: Vec::new(),
            any_parameter: false,
            any_variable: false,
        };
        for member in template.members() {
            // Functions have parameters of their own.
            if !member.key.eq_ignore_ascii_case("functions") {
                frame.walk(text, &member.value, &mut open);
            }
        }
        frames.push(frame);
    }
    frames
}

/// The inner-scoped template of a deployment.
fn inner(node: &Node) -> Option<&Node> {
    if !node.get("type")?.as_str()?.eq_ignore_ascii_case(DEPLOYMENTS) {
        return None;
    }
    let properties = node.get("properties")?;
    let scope = properties.get("expressionEvaluationOptions")?.get("scope")?.as_str()?;
    properties.get("template").filter(|_| scope.eq_ignore_ascii_case("inner"))
}

impl<'a> Frame<'a> {
    fn walk(&mut self, text: &Text, node: &'a Node, open: &mut Vec<&'a Node>) {
        match &node.kind {
            Kind::String(value) => self.string(text, value, node.span),
            Kind::Array(items) => items.iter().for_each(|item| self.walk(text, item, open)),
            Kind::Object(members) => {
                let inner = inner(node);
                for member in members {
                    self.string(text, &member.key, member.key_span);
                    match (inner, &member.value) {
                        (Some(template), properties)
                            if properties.get("template").is_some_and(|t| std::ptr::eq(t, template)) =>
                        {
                            for part in properties.members() {
                                if !std::ptr::eq(&part.value, template) {
                                    self.walk(text, &part.value, open);
                                }
                            }
                            open.push(template);
                        }
                        (_, value) => self.walk(text, value, open),
                    }
                }
            }
            _ => {}
        }
    }

    fn string(&mut self, text: &Text, value: &str, span: Span) {
        if let Content::Expression(inner) = classify(value)
            && let Ok(expr) = parse(inner)
        {
            self.expr(&expr, Vec::new(), expr.span, &|at| narrowed(&Place::new(text, span), at));
        }
    }

    /// `path`: what the expression is followed by, nearest first; `whole`: the expression with it.
    fn expr(&mut self, expr: &Expr, path: Vec<Part>, whole: Span, place: &dyn Fn(Span) -> Span) {
        let led = |name: &str, safe: bool| {
            let mut longer = vec![Part { name: name.to_owned(), safe }];
            longer.extend(path.iter().cloned());
            longer
        };
        match &expr.kind {
            ExprKind::Literal(_) => {}
            ExprKind::Property { target, name, safe } => self.expr(target, led(name, *safe), whole, place),
            ExprKind::Index { target, index, safe } => {
                let path = match &index.kind {
                    ExprKind::Literal(Value::String(name)) => led(name, *safe),
                    _ => Vec::new(),
                };
                self.expr(index, Vec::new(), index.span, place);
                self.expr(target, path, whole, place);
            }
            ExprKind::Call(call) => self.call(call, path, whole, place),
        }
    }

    fn call(&mut self, call: &Call, path: Vec<Part>, whole: Span, place: &dyn Fn(Span) -> Span) {
        let literal = |at: usize| match call.args.get(at).map(|a| &a.kind) {
            Some(ExprKind::Literal(Value::String(name))) => Some(name.to_string()),
            _ => None,
        };
        match (&*call.name, literal(0)) {
            ("parameters", Some(name)) if call.namespace.is_none() => {
                self.parameters.push(Use { name, path, span: place(whole) });
            }
            ("variables", Some(name)) if call.namespace.is_none() => {
                self.variables.push(Use { name, path, span: place(whole) });
            }
            ("parameters", None) => self.any_parameter = true,
            ("variables", None) => self.any_variable = true,
            // `tryGet(x, 'a')` and `contains(x, 'a')` ask whether there is one.
            ("tryGet" | "contains", _) if literal(1).is_some() => {
                let mut longer = vec![Part { name: literal(1).unwrap_or_default(), safe: true }];
                longer.extend(path);
                if let Some(target) = call.args.first() {
                    self.expr(target, longer, target.span, place);
                }
            }
            _ => {}
        }
        let known = matches!(&*call.name, "tryGet" | "contains") && literal(1).is_some();
        for arg in call.args.iter().skip(usize::from(known)) {
            self.expr(arg, Vec::new(), arg.span, place);
        }
    }
}
