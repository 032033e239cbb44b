//! Expressions: CEL with three values.
//!
//! The `cel` crate parses; checking and evaluating are ours, because CEL has two values and calls an absent attribute an
//! error. Read are comparison, `in`, `&&`, `||`, `!`, `?:`, `+ - *`, `has`, `size`, `exists`, `all`, `contains`,
//! `startsWith`, `endsWith`, and `lookup(table, key ...)`.
//!
//! Invariants
//! - [`Expression::compile`] never lets the parser recurse deeply: nesting and length are limited before it is called.
//! - A compiled expression uses only variables of its [`Scope`], with their types.

mod check;
mod evaluate;
mod tree;

use std::{collections::BTreeMap, fmt};

pub use evaluate::{Clause, Judgement, Truth};
use tree::Node;

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A number; integers and decimals compare with each other.
    Number,
    /// Text.
    Text,
    /// A list of texts.
    Texts,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Texts => "a list of texts",
        })
    }
}

/// A value of a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of type [`Type::Bool`].
    Bool(bool),
    /// Of type [`Type::Number`].
    Number(f64),
    /// Of type [`Type::Text`].
    Text(String),
    /// Of type [`Type::Texts`].
    Texts(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Texts(values) => write!(f, "{values:?}"),
        }
    }
}

/// The variables and tables that an expression may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Dotted names with their types.
    pub variables: BTreeMap<&'static str, Type>,
    /// Names of tables with the number of their key columns.
    pub tables: BTreeMap<String, usize>,
}

/// What is known about one case: absent variables are unknown.
pub type Facts = BTreeMap<&'static str, Value>;

/// A table that expressions look things up in; what is not in it is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Patterns of the keys, and the value. A trailing `*` matches any rest; case does not matter.
    pub rows: Vec<(Vec<String>, String)>,
}

impl Table {
    /// The value of the first row whose patterns all match.
    #[must_use]
    pub fn find(&self, keys: &[&str]) -> Option<&str> {
        let matches = |pattern: &String, key: &&str| {
            let (pattern, key) = (pattern.to_lowercase(), key.to_lowercase());
            match pattern.strip_suffix('*') {
                Some(prefix) => key.starts_with(prefix),
                None => key == pattern,
            }
        };
        let fits = |patterns: &[String]| {
            patterns.len() == keys.len()
                && patterns.iter().zip(keys).all(|(pattern, key)| matches(pattern, key))
        };
        self.rows.iter().find(|(patterns, _)| fits(patterns)).map(|(_, value)| value.as_str())
    }
}

/// Tables by name.
pub type Tables = BTreeMap<String, Table>;

/// Why a text is no expression of its scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// Longer or more deeply nested than anything a person writes.
    #[error("the expression is too long or too deeply nested")]
    TooLarge,
    /// The parser's complaint.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A construct of CEL that is not read here.
    #[error("`{0}` is not supported here")]
    Unsupported(String),
    /// A variable that the scope does not have.
    #[error("`{name}` is not known{}", nearest.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    UnknownName {
        /// The name.
        name: String,
        /// The nearest that is known.
        nearest: Option<String>,
    },
    /// Types that do not fit.
    #[error("`{text}` is {found}, but must be {wanted}")]
    WrongType {
        /// The part.
        text: String,
        /// Its type.
        found: Type,
        /// What must stand there.
        wanted: Type,
    },
}

/// A checked expression that is true, false or unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Parses and checks a text.
    ///
    /// # Errors
    /// [`ExpressionError`] names the part and what is wrong with it.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, ExpressionError> {
        let root = tree::parse(text)?;
        check::expect(&root, Type::Bool, scope, &mut Vec::new())?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// The text that was compiled.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer for one case, with its clauses.
    #[must_use]
    pub fn judge(&self, facts: &Facts, tables: &Tables) -> Judgement {
        evaluate::judge(&self.root, facts, tables)
    }
}

/// A checked expression that picks one of several words, such as a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    text: String,
    root: Node,
}

impl Choice {
    /// Parses and checks a text whose answers are all among `words`.
    ///
    /// # Errors
    /// [`ExpressionError`] names the part and what is wrong with it.
    pub fn compile(text: &str, scope: &Scope, words: &[&str]) -> Result<Self, ExpressionError> {
        let root = tree::parse(text)?;
        check::expect(&root, Type::Text, scope, &mut Vec::new())?;
        check::answers(&root, words)?;
        Ok(Self { text: text.to_owned(), root })
    }

    /// The text that was compiled.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The word for one case; nothing if it depends on what is not known.
    #[must_use]
    pub fn pick(&self, facts: &Facts, tables: &Tables) -> Option<String> {
        evaluate::pick(&self.root, facts, tables)
    }
}

/// The known name that differs least, if it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let best = known.map(|known| (distance(name, known), known)).min()?;
    (best.0 <= 1 + name.chars().count() / 4).then(|| best.1.to_owned())
}

/// Single letters to change, add or drop.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut last = i;
        let mut next = vec![i + 1];
        for (cb, above) in b.iter().zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            next.push((last + usize::from(ca != *cb)).min(left + 1).min(above + 1));
            last = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
