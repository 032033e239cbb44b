//! From CEL's syntax tree to ours, which has only what is read here.

use cel::{
    Program,
    common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue},
};

use super::{ExpressionError, Value};

/// Characters of an expression.
const LENGTH_MAX: usize = 2000;
/// The parser recurses for each level; in a debug build 15 overflow a small stack.
const NESTING_MAX: usize = 8;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Literal(Value),
    /// A dotted variable, or the variable of a quantifier.
    Name(String),
    /// `has(name)`.
    Has(String),
    Not(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    If(Box<[Node; 3]>),
    Compare(Comparison, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Arithmetic(Operator, Box<[Node; 2]>),
    Text(TextTest, Box<[Node; 2]>),
    Size(Box<Node>),
    Lookup {
        table: String,
        keys: Vec<Node>,
    },
    Quantified {
        quantifier: Quantifier,
        range: Box<Node>,
        variable: String,
        body: Box<Node>,
    },
    List(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    Exists,
    All,
}

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    if LENGTH_MAX < text.len() || NESTING_MAX < nesting(text) {
        return Err(ExpressionError::TooLarge);
    }
    let program = Program::compile(text).map_err(|errors| {
        let first = errors.errors.first();
        let at = |position: isize| usize::try_from(position).unwrap_or(0).max(1);
        ExpressionError::Syntax {
            line: first.map_or(1, |error| at(error.pos.0)),
            column: first.map_or(1, |error| at(error.pos.1)),
            message: first.map_or_else(|| "no expression".to_owned(), |error| error.msg.clone()),
        }
    })?;
    node(program.expression())
}

/// An upper bound of how deep the parser goes: brackets, right-recursive operators, runs of prefixes.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut questions, mut prefixes) = (0_usize, 0, 0_usize, 0_usize);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '?' => questions += 1,
            _ => {}
        }
        prefixes = match character {
            '!' | '-' => prefixes + 1,
            character if character.is_whitespace() => prefixes,
            _ => 0,
        };
        deepest = deepest.max(depth + questions + prefixes);
    }
    deepest
}

fn unsupported(what: impl Into<String>) -> ExpressionError {
    ExpressionError::Unsupported(what.into())
}

fn node(expression: &IdedExpr) -> Result<Node, ExpressionError> {
    match &expression.expr {
        Expr::Literal(literal) => literal_of(literal),
        Expr::Ident(_) => name(expression).map(Node::Name),
        Expr::Select(select) if select.test => {
            Ok(Node::Has(format!("{}.{}", name(&select.operand)?, select.field)))
        }
        Expr::Select(_) => name(expression).map(Node::Name),
        Expr::List(list) => list.elements.iter().map(node).collect::<Result<_, _>>().map(Node::List),
        Expr::Call(call) => call_of(call),
        Expr::Comprehension(comprehension) => quantified(comprehension),
        Expr::Map(_) => Err(unsupported("{}")),
        Expr::Struct(_) | Expr::Unspecified => Err(unsupported("a message")),
    }
}

fn name(expression: &IdedExpr) -> Result<String, ExpressionError> {
    match &expression.expr {
        Expr::Ident(name) => Ok(name.clone()),
        Expr::Select(select) if !select.test => Ok(format!("{}.{}", name(&select.operand)?, select.field)),
        Expr::Select(_)
        | Expr::Literal(_)
        | Expr::List(_)
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Map(_)
        | Expr::Struct(_)
        | Expr::Unspecified => Err(unsupported("a field of a computed value")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers in documents are far below 2^53")]
fn literal_of(literal: &LiteralValue) -> Result<Node, ExpressionError> {
    Ok(Node::Literal(match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Int(value) => Value::Number(*value.inner() as f64),
        LiteralValue::UInt(value) => Value::Number(*value.inner() as f64),
        LiteralValue::Double(value) => Value::Number(*value.inner()),
        LiteralValue::String(value) => Value::Text(value.inner().to_owned()),
        LiteralValue::Bytes(_) | LiteralValue::Null => return Err(unsupported("null")),
    }))
}

fn call_of(call: &CallExpr) -> Result<Node, ExpressionError> {
    let mut args: Vec<Node> = call
        .target
        .iter()
        .map(|target| node(target))
        .chain(call.args.iter().map(node))
        .collect::<Result<_, _>>()?;
    let function = call.func_name.as_str();
    if function == "lookup" && !args.is_empty() {
        let table = args.remove(0);
        let Node::Literal(Value::Text(table)) = table else {
            return Err(unsupported("a computed table name"));
        };
        return Ok(Node::Lookup { table, keys: args });
    }
    match (function, args.len()) {
        ("_&&_", _) => {
            Ok(Node::All(flatten(
                args,
                |node| {
                    if let Node::All(inner) = node { Ok(inner) } else { Err(node) }
                },
            )))
        }
        ("_||_", _) => {
            Ok(Node::Any(flatten(
                args,
                |node| {
                    if let Node::Any(inner) = node { Ok(inner) } else { Err(node) }
                },
            )))
        }
        (_, 1) => unary(function, args),
        (_, 2) => binary(function, args),
        (_, 3) if function == "_?_:_" => take(args).map(|args| Node::If(Box::new(args))),
        _ => Err(unsupported(function)),
    }
}

/// `(a && b) && c` is one clause list of three.
fn flatten(args: Vec<Node>, inner: impl Fn(Node) -> Result<Vec<Node>, Node>) -> Vec<Node> {
    args.into_iter().flat_map(|arg| inner(arg).unwrap_or_else(|single| vec![single])).collect()
}

fn take<const N: usize>(args: Vec<Node>) -> Result<[Node; N], ExpressionError> {
    args.try_into().or(Err(unsupported("another number of arguments")))
}

fn unary(function: &str, args: Vec<Node>) -> Result<Node, ExpressionError> {
    let [arg] = take(args)?;
    match function {
        "!_" => Ok(Node::Not(Box::new(arg))),
        "size" => Ok(Node::Size(Box::new(arg))),
        "-_" => {
            let zero = Node::Literal(Value::Number(0.0));
            Ok(Node::Arithmetic(Operator::Subtract, Box::new([zero, arg])))
        }
        other => Err(unsupported(other)),
    }
}

fn binary(function: &str, args: Vec<Node>) -> Result<Node, ExpressionError> {
    let both = Box::new(take::<2>(args)?);
    Ok(match function {
        "_==_" => Node::Compare(Comparison::Equal, both),
        "_!=_" => Node::Compare(Comparison::Unequal, both),
        "_<_" => Node::Compare(Comparison::Less, both),
        "_<=_" => Node::Compare(Comparison::LessOrEqual, both),
        "_>_" => Node::Compare(Comparison::Greater, both),
        "_>=_" => Node::Compare(Comparison::GreaterOrEqual, both),
        "@in" => Node::In(both),
        "_+_" => Node::Arithmetic(Operator::Add, both),
        "_-_" => Node::Arithmetic(Operator::Subtract, both),
        "_*_" => Node::Arithmetic(Operator::Multiply, both),
        "contains" => Node::Text(TextTest::Contains, both),
        "startsWith" => Node::Text(TextTest::StartsWith, both),
        "endsWith" => Node::Text(TextTest::EndsWith, both),
        other => return Err(unsupported(other)),
    })
}

/// `exists` and `all` arrive expanded: a loop that joins its result with the body by `||` or `&&`.
fn quantified(comprehension: &ComprehensionExpr) -> Result<Node, ExpressionError> {
    let step = match &comprehension.loop_step.expr {
        Expr::Call(call) => call,
        Expr::Unspecified
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Select(_)
        | Expr::Struct(_) => return Err(unsupported("this quantifier")),
    };
    let quantifier = match step.func_name.as_str() {
        "_||_" => Quantifier::Exists,
        "_&&_" => Quantifier::All,
        _ => return Err(unsupported("this quantifier")),
    };
    let (Some(body), None) = (step.args.get(1), &comprehension.iter_var2) else {
        return Err(unsupported("this quantifier"));
    };
    Ok(Node::Quantified {
        quantifier,
        range: Box::new(node(&comprehension.iter_range)?),
        variable: comprehension.iter_var.clone(),
        body: Box::new(node(body)?),
    })
}
