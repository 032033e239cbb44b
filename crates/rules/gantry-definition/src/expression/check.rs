//! Names and types, checked when a document is read.

use super::{
    ExpressionError, Scope, Type, Value, nearest,
    tree::{Comparison, Node},
};

/// Variables of the quantifiers around.
type Bound = Vec<String>;

/// Requires a type.
pub(super) fn expect(
    node: &Node,
    wanted: Type,
    scope: &Scope,
    bound: &mut Bound,
) -> Result<(), ExpressionError> {
    let found = type_of(node, scope, bound)?;
    if found == wanted {
        return Ok(());
    }
    Err(ExpressionError::WrongType { text: super::evaluate::show(node), found, wanted })
}

/// Requires that every answer is a word of the list: written out, so that it can be checked now.
pub(super) fn answers(node: &Node, words: &[&str]) -> Result<(), ExpressionError> {
    match node {
        Node::If(parts) => {
            let [_, then, otherwise] = &**parts;
            answers(then, words).and_then(|()| answers(otherwise, words))
        }
        Node::Literal(Value::Text(text)) if words.contains(&text.as_str()) => Ok(()),
        Node::Literal(Value::Text(text)) => Err(ExpressionError::UnknownName {
            name: text.clone(),
            nearest: nearest(text, words.iter().copied()),
        }),
        Node::Literal(Value::Bool(_) | Value::Number(_) | Value::Texts(_))
        | Node::Name(_)
        | Node::Has(_)
        | Node::Not(_)
        | Node::All(_)
        | Node::Any(_)
        | Node::Compare(..)
        | Node::In(_)
        | Node::Arithmetic(..)
        | Node::Text(..)
        | Node::Size(_)
        | Node::Lookup { .. }
        | Node::Quantified { .. }
        | Node::List(_) => {
            Err(ExpressionError::Unsupported(format!("{} as an answer", super::evaluate::show(node))))
        }
    }
}

fn each(nodes: &[Node], wanted: Type, scope: &Scope, bound: &mut Bound) -> Result<(), ExpressionError> {
    nodes.iter().try_for_each(|node| expect(node, wanted, scope, bound))
}

fn type_of(node: &Node, scope: &Scope, bound: &mut Bound) -> Result<Type, ExpressionError> {
    match node {
        Node::Literal(Value::Bool(_)) => Ok(Type::Bool),
        Node::Literal(Value::Number(_)) => Ok(Type::Number),
        Node::Literal(Value::Text(_)) => Ok(Type::Text),
        Node::Literal(Value::Texts(_)) => Ok(Type::Texts),
        Node::Name(name) if bound.contains(name) => Ok(Type::Text),
        Node::Name(name) => variable(name, scope),
        Node::Has(name) => variable(name, scope).map(|_| Type::Bool),
        Node::Not(inner) => expect(inner, Type::Bool, scope, bound).map(|()| Type::Bool),
        Node::All(nodes) | Node::Any(nodes) => each(nodes, Type::Bool, scope, bound).map(|()| Type::Bool),
        Node::If(parts) => {
            let [condition, then, otherwise] = &**parts;
            expect(condition, Type::Bool, scope, bound)?;
            let found = type_of(then, scope, bound)?;
            expect(otherwise, found, scope, bound)?;
            Ok(found)
        }
        Node::Compare(comparison, parts) => compare(*comparison, parts, scope, bound),
        Node::In(parts) => {
            let [item, list] = &**parts;
            expect(item, Type::Text, scope, bound)?;
            expect(list, Type::Texts, scope, bound)?;
            Ok(Type::Bool)
        }
        Node::Arithmetic(_, parts) => each(&**parts, Type::Number, scope, bound).map(|()| Type::Number),
        Node::Text(_, parts) => each(&**parts, Type::Text, scope, bound).map(|()| Type::Bool),
        Node::Size(inner) => match type_of(inner, scope, bound)? {
            Type::Text | Type::Texts => Ok(Type::Number),
            found @ (Type::Bool | Type::Number) => Err(ExpressionError::WrongType {
                text: super::evaluate::show(inner),
                found,
                wanted: Type::Texts,
            }),
        },
        Node::Lookup { table, keys } => {
            each(keys, Type::Text, scope, bound)?;
            match scope.tables.get(table) {
                Some(columns) if *columns == keys.len() => Ok(Type::Text),
                Some(columns) => Err(ExpressionError::Unsupported(format!(
                    "lookup({table:?}) with {} keys instead of {columns}",
                    keys.len()
                ))),
                None => Err(ExpressionError::UnknownName {
                    name: table.clone(),
                    nearest: nearest(table, scope.tables.keys().map(String::as_str)),
                }),
            }
        }
        Node::Quantified { range, variable, body, .. } => {
            expect(range, Type::Texts, scope, bound)?;
            bound.push(variable.clone());
            let checked = expect(body, Type::Bool, scope, bound);
            bound.pop();
            checked.map(|()| Type::Bool)
        }
        Node::List(nodes) => each(nodes, Type::Text, scope, bound).map(|()| Type::Texts),
    }
}

fn compare(
    comparison: Comparison,
    parts: &[Node; 2],
    scope: &Scope,
    bound: &mut Bound,
) -> Result<Type, ExpressionError> {
    let [left, right] = parts;
    let wanted = match comparison {
        Comparison::Equal | Comparison::Unequal => type_of(left, scope, bound)?,
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual => {
            Type::Number
        }
    };
    expect(left, wanted, scope, bound)?;
    expect(right, wanted, scope, bound)?;
    Ok(Type::Bool)
}

fn variable(name: &str, scope: &Scope) -> Result<Type, ExpressionError> {
    scope.variables.get(name).copied().ok_or_else(|| ExpressionError::UnknownName {
        name: name.to_owned(),
        nearest: nearest(name, scope.variables.keys().copied()),
    })
}
