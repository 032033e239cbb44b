//! Three-valued evaluation (Kleene), and the words that explain it.

use std::{collections::BTreeMap, fmt};

use super::{
    Facts, Tables, Value,
    tree::{Comparison, Node, Operator, Quantifier, TextTest},
};

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    /// It does not hold.
    False,
    /// Something that it asks about is not known.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::False => "false",
            Self::Unknown => "unknown",
            Self::True => "true",
        })
    }
}

/// The answer of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub truth: Truth,
    /// The clauses that it is made of, in the order of the text.
    pub clauses: Vec<Clause>,
}

/// A part of an expression that has no `&&`, `||` or `!` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As text.
    pub text: String,
    /// Its answer.
    pub truth: Truth,
    /// The variables that it names, with the values seen, or "absent".
    pub seen: Vec<(String, String)>,
}

struct Context<'a> {
    facts: &'a Facts,
    tables: &'a Tables,
    bound: BTreeMap<String, String>,
}

pub(super) fn judge(root: &Node, facts: &Facts, tables: &Tables) -> Judgement {
    let mut context = Context { facts, tables, bound: BTreeMap::new() };
    let truth = truth_of(root, &mut context);
    let mut clauses = Vec::new();
    collect(root, &mut context, &mut clauses);
    Judgement { truth, clauses }
}

pub(super) fn pick(root: &Node, facts: &Facts, tables: &Tables) -> Option<String> {
    match value_of(root, &mut Context { facts, tables, bound: BTreeMap::new() })? {
        Value::Text(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Texts(_) => None,
    }
}

fn collect(node: &Node, context: &mut Context<'_>, clauses: &mut Vec<Clause>) {
    match node {
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().for_each(|node| collect(node, context, clauses)),
        Node::Not(inner) if matches!(**inner, Node::All(_) | Node::Any(_)) => {
            collect(inner, context, clauses)
        }
        Node::Literal(_)
        | Node::Name(_)
        | Node::Has(_)
        | Node::Not(_)
        | Node::If(_)
        | Node::Compare(..)
        | Node::In(_)
        | Node::Arithmetic(..)
        | Node::Text(..)
        | Node::Size(_)
        | Node::Lookup { .. }
        | Node::Quantified { .. }
        | Node::List(_) => {
            let truth = truth_of(node, context);
            let mut seen = Vec::new();
            names(node, &mut |name| {
                let value = context.facts.get(name).map_or("absent".to_owned(), ToString::to_string);
                if !seen.iter().any(|(known, _)| known == name) {
                    seen.push((name.to_owned(), value));
                }
            });
            clauses.push(Clause { text: show(node), truth, seen });
        }
    }
}

/// Calls `found` with each variable, but not with those of quantifiers.
fn names(node: &Node, found: &mut dyn FnMut(&str)) {
    match node {
        Node::Literal(_) => {}
        Node::Name(name) | Node::Has(name) => found(name),
        Node::Not(inner) | Node::Size(inner) => names(inner, found),
        Node::All(nodes) | Node::Any(nodes) | Node::List(nodes) | Node::Lookup { keys: nodes, .. } => {
            nodes.iter().for_each(|node| names(node, found));
        }
        Node::If(parts) => parts.iter().for_each(|node| names(node, found)),
        Node::Compare(_, parts) | Node::In(parts) | Node::Arithmetic(_, parts) | Node::Text(_, parts) => {
            parts.iter().for_each(|node| names(node, found));
        }
        Node::Quantified { range, variable, body, .. } => {
            names(range, found);
            names(body, &mut |name| {
                if name != variable {
                    found(name);
                }
            });
        }
    }
}

fn truth_of(node: &Node, context: &mut Context<'_>) -> Truth {
    match value_of(node, context) {
        Some(Value::Bool(holds)) => Truth::from(holds),
        // Types were checked, so anything else is an unknown truth.
        Some(Value::Number(_) | Value::Text(_) | Value::Texts(_)) | None => Truth::Unknown,
    }
}

fn of_truth(truth: Truth) -> Option<Value> {
    match truth {
        Truth::False => Some(Value::Bool(false)),
        Truth::Unknown => None,
        Truth::True => Some(Value::Bool(true)),
    }
}

/// The value of a node; nothing if it is unknown.
fn value_of(node: &Node, context: &mut Context<'_>) -> Option<Value> {
    match node {
        Node::Literal(value) => Some(value.clone()),
        Node::Name(name) => match context.bound.get(name) {
            Some(text) => Some(Value::Text(text.clone())),
            None => context.facts.get(name.as_str()).cloned(),
        },
        Node::Has(name) => Some(Value::Bool(context.facts.contains_key(name.as_str()))),
        Node::Not(inner) => of_truth(truth_of(inner, context).not()),
        // The least of all is that of a conjunction, the greatest that of a disjunction.
        Node::All(nodes) => {
            of_truth(nodes.iter().map(|node| truth_of(node, context)).min().unwrap_or(Truth::True))
        }
        Node::Any(nodes) => {
            of_truth(nodes.iter().map(|node| truth_of(node, context)).max().unwrap_or(Truth::False))
        }
        Node::If(parts) => {
            let [condition, then, otherwise] = &**parts;
            match truth_of(condition, context) {
                Truth::True => value_of(then, context),
                Truth::False => value_of(otherwise, context),
                Truth::Unknown => None,
            }
        }
        Node::Compare(comparison, parts) => {
            let [left, right] = &**parts;
            compare(*comparison, &value_of(left, context)?, &value_of(right, context)?)
        }
        Node::In(parts) => {
            let [item, list] = &**parts;
            let (Value::Text(item), Value::Texts(list)) =
                (value_of(item, context)?, value_of(list, context)?)
            else {
                return None;
            };
            Some(Value::Bool(list.contains(&item)))
        }
        Node::Arithmetic(operator, parts) => arithmetic(*operator, parts, context),
        Node::Text(test, parts) => text_test(*test, parts, context),
        Node::Size(inner) => match value_of(inner, context)? {
            Value::Text(text) => Some(count(text.chars().count())),
            Value::Texts(texts) => Some(count(texts.len())),
            Value::Bool(_) | Value::Number(_) => None,
        },
        Node::Lookup { table, keys } => lookup(table, keys, context),
        Node::Quantified { quantifier, range, variable, body } => {
            let Value::Texts(texts) = value_of(range, context)? else { return None };
            let outer = context.bound.remove(variable);
            let truths: Vec<Truth> = texts
                .into_iter()
                .map(|text| {
                    context.bound.insert(variable.clone(), text);
                    truth_of(body, context)
                })
                .collect();
            context.bound.remove(variable);
            context.bound.extend(outer.map(|outer| (variable.clone(), outer)));
            of_truth(match quantifier {
                Quantifier::Exists => truths.into_iter().max().unwrap_or(Truth::False),
                Quantifier::All => truths.into_iter().min().unwrap_or(Truth::True),
            })
        }
        Node::List(nodes) => {
            let texts = nodes.iter().map(|node| match value_of(node, context) {
                Some(Value::Text(text)) => Some(text),
                Some(Value::Bool(_) | Value::Number(_) | Value::Texts(_)) | None => None,
            });
            texts.collect::<Option<Vec<_>>>().map(Value::Texts)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of headers are far below 2^53")]
fn count(count: usize) -> Value {
    Value::Number(count as f64)
}

fn compare(comparison: Comparison, left: &Value, right: &Value) -> Option<Value> {
    let numbers = || match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some((*left, *right)),
        (Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Texts(_), _) => None,
    };
    Some(Value::Bool(match comparison {
        Comparison::Equal => left == right,
        Comparison::Unequal => left != right,
        Comparison::Less => numbers().map(|(l, r)| l < r)?,
        Comparison::LessOrEqual => numbers().map(|(l, r)| l <= r)?,
        Comparison::Greater => numbers().map(|(l, r)| l > r)?,
        Comparison::GreaterOrEqual => numbers().map(|(l, r)| l >= r)?,
    }))
}

fn arithmetic(operator: Operator, parts: &[Node; 2], context: &mut Context<'_>) -> Option<Value> {
    let [left, right] = parts;
    let (Value::Number(left), Value::Number(right)) = (value_of(left, context)?, value_of(right, context)?)
    else {
        return None;
    };
    Some(Value::Number(match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
    }))
}

fn text_test(test: TextTest, parts: &[Node; 2], context: &mut Context<'_>) -> Option<Value> {
    let [text, part] = parts;
    let (Value::Text(text), Value::Text(part)) = (value_of(text, context)?, value_of(part, context)?) else {
        return None;
    };
    Some(Value::Bool(match test {
        TextTest::Contains => text.contains(&part),
        TextTest::StartsWith => text.starts_with(&part),
        TextTest::EndsWith => text.ends_with(&part),
    }))
}

fn lookup(table: &str, keys: &[Node], context: &mut Context<'_>) -> Option<Value> {
    let keys = keys.iter().map(|key| match value_of(key, context) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Bool(_) | Value::Number(_) | Value::Texts(_)) | None => None,
    });
    let keys: Vec<String> = keys.collect::<Option<_>>()?;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    context.tables.get(table)?.find(&keys).map(|value| Value::Text(value.to_owned()))
}

/// A node as text: what a person would have written, in one form.
pub(super) fn show(node: &Node) -> String {
    let list = |nodes: &[Node], between: &str| nodes.iter().map(show).collect::<Vec<_>>().join(between);
    match node {
        Node::Literal(value) => value.to_string(),
        Node::Name(name) => name.clone(),
        Node::Has(name) => format!("has({name})"),
        Node::Not(inner) if matches!(**inner, Node::Name(_) | Node::Has(_) | Node::Text(..)) => {
            format!("!{}", show(inner))
        }
        Node::Not(inner) => format!("!({})", show(inner)),
        Node::All(nodes) => nodes.iter().map(bracketed).collect::<Vec<_>>().join(" && "),
        Node::Any(nodes) => nodes.iter().map(bracketed).collect::<Vec<_>>().join(" || "),
        Node::If(parts) => {
            let [condition, then, otherwise] = &**parts;
            format!("{} ? {} : {}", bracketed(condition), bracketed(then), bracketed(otherwise))
        }
        Node::Compare(comparison, parts) => {
            let sign = match comparison {
                Comparison::Equal => " == ",
                Comparison::Unequal => " != ",
                Comparison::Less => " < ",
                Comparison::LessOrEqual => " <= ",
                Comparison::Greater => " > ",
                Comparison::GreaterOrEqual => " >= ",
            };
            list(&**parts, sign)
        }
        Node::In(parts) => list(&**parts, " in "),
        Node::Arithmetic(operator, parts) => list(
            &**parts,
            match operator {
                Operator::Add => " + ",
                Operator::Subtract => " - ",
                Operator::Multiply => " * ",
            },
        ),
        Node::Text(test, parts) => {
            let function = match test {
                TextTest::Contains => "contains",
                TextTest::StartsWith => "startsWith",
                TextTest::EndsWith => "endsWith",
            };
            let [text, part] = &**parts;
            format!("{}.{function}({})", show(text), show(part))
        }
        Node::Size(inner) => format!("size({})", show(inner)),
        Node::Lookup { table, keys } => format!("lookup({table:?}, {})", list(keys, ", ")),
        Node::Quantified { quantifier, range, variable, body } => {
            let function = match quantifier {
                Quantifier::Exists => "exists",
                Quantifier::All => "all",
            };
            format!("{}.{function}({variable}, {})", show(range), show(body))
        }
        Node::List(nodes) => format!("[{}]", list(nodes, ", ")),
    }
}

fn bracketed(node: &Node) -> String {
    if matches!(node, Node::All(_) | Node::Any(_) | Node::If(_)) {
        format!("({})", show(node))
    } else {
        show(node)
    }
}
