//! From a tree to values: each reader takes what it understands and writes down what is wrong with the rest.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use super::{
    DocumentError, Place, keys,
    tree::{Key, Shape, Tree},
    values,
};
use crate::expression::{Expression, ExpressionError, Scope, nearest};

/// The most problems that are told at once.
const PROBLEMS_MAX: usize = 50;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<DocumentError>);

impl Problems {
    pub(super) fn add(&mut self, at: Place, what: String, hint: Option<String>) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(DocumentError { at, what, hint });
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub(super) fn none(mut self) -> Result<(), Vec<DocumentError>> {
        self.0.sort_by_key(|problem| problem.at);
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// A mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mapping<'a> {
    pub(super) at: Place,
    pairs: &'a [(Key, Tree)],
}

impl<'a> Mapping<'a> {
    /// A mapping with the keys that [`keys::KEYS`] has for it; others are problems.
    pub(super) fn open(tree: &'a Tree, name: &str, problems: &mut Problems) -> Option<Self> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let shown = match last {
            "*" => "an input".to_owned(),
            "tasks[]" => "a task".to_owned(),
            "deliver[]" => "an item of `deliver`".to_owned(),
            last => format!("`{last}`"),
        };
        let mapping = Self::of(tree, &shown, problems)?;
        mapping.only(&shown, name, problems);
        Some(mapping)
    }

    /// A mapping whose keys are names that people choose.
    pub(super) fn of(tree: &'a Tree, shown: &str, problems: &mut Problems) -> Option<Self> {
        match &tree.shape {
            Shape::Mapping(pairs) => Some(Self { at: tree.at, pairs }),
            Shape::Nothing | Shape::Text(_) | Shape::List(_) => {
                let what = format!("{shown} must be a mapping, but is {}", describe(tree));
                problems.add(tree.at, what, None);
                None
            }
        }
    }

    /// Refuses keys that the mapping `name` does not have.
    pub(super) fn only(&self, shown: &str, name: &str, problems: &mut Problems) {
        let shown = if shown.is_empty() { format!("a {name}") } else { shown.to_owned() };
        for (key, value) in self.pairs {
            let known = keys::of(name);
            if let Some(default) = keys::default(name, &key.text) {
                if value.shape == Shape::Nothing && default != "required" {
                    let hint = format!("leave the key out for its default: {default}");
                    problems.add(key.at, format!("`{}` has no value", key.text), Some(hint));
                }
                continue;
            }
            let hint = match nearest(&key.text, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("it has {}", known.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "))
                }
            };
            problems.add(key.at, format!("{shown} has no key `{}`", key.text), Some(hint));
        }
    }

    /// The value of a key; nothing if it is not there or has none.
    pub(super) fn get(&self, key: &str) -> Option<&'a Tree> {
        self.pairs
            .iter()
            .find(|(found, _)| found.text == key)
            .map(|(_, value)| value)
            .filter(|value| value.shape != Shape::Nothing)
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &str, problems: &mut Problems) -> Option<&'a Tree> {
        let value = self.get(key);
        if value.is_none() {
            let empty = self.pairs.iter().find(|(found, _)| found.text == key);
            let at = empty.map_or(self.at, |(key, _)| key.at);
            problems.add(at, format!("`{key}` is missing"), None);
        }
        value
    }

    /// All keys with their values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'a Key, &'a Tree)> + use<'a> {
        self.pairs.iter().map(|(key, value)| (key, value))
    }
}

/// What a node is, for people.
fn describe(tree: &Tree) -> String {
    match &tree.shape {
        Shape::Nothing => "empty".to_owned(),
        Shape::Text(text) => format!("the text `{text}`"),
        Shape::List(_) => "a list".to_owned(),
        Shape::Mapping(_) => "a mapping".to_owned(),
    }
}

/// A text.
pub(super) fn text<'a>(tree: &'a Tree, problems: &mut Problems) -> Option<&'a str> {
    match &tree.shape {
        Shape::Text(text) => Some(text),
        Shape::Nothing | Shape::List(_) | Shape::Mapping(_) => {
            problems.add(tree.at, format!("this must be a text, but is {}", describe(tree)), None);
            None
        }
    }
}

/// The items of a list that is not empty.
pub(super) fn list<'a>(tree: &'a Tree, problems: &mut Problems) -> Option<&'a [Tree]> {
    match &tree.shape {
        Shape::List(items) if !items.is_empty() => Some(items),
        Shape::List(_) => {
            problems.add(tree.at, "the list is empty".to_owned(), None);
            None
        }
        Shape::Nothing | Shape::Text(_) | Shape::Mapping(_) => {
            let what = format!("this must be a list, but is {}", describe(tree));
            problems.add(tree.at, what, Some("write `[one, two]`, or one `- item` a line".to_owned()));
            None
        }
    }
}

/// A text that has a form of its own.
pub(super) fn parsed<T: FromStr<Err: fmt::Display>>(tree: &Tree, problems: &mut Problems) -> Option<T> {
    match text(tree, problems)?.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            problems.add(tree.at, format!("{error}"), None);
            None
        }
    }
}

/// All items of a list, each once.
pub(super) fn each<T: PartialEq>(
    tree: &Tree,
    problems: &mut Problems,
    item: impl Fn(&Tree, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let mut values = Vec::new();
    let items = list(tree, problems)?;
    for tree in items {
        match item(tree, problems) {
            Some(value) if values.contains(&value) => {
                problems.add(tree.at, format!("{} stands in the list twice", describe(tree)), None);
            }
            value => values.extend(value),
        }
    }
    (values.len() == items.len()).then_some(values)
}

/// One of several words.
pub(super) fn choice<T: Copy>(tree: &Tree, choices: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let written = text(tree, problems)?;
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == written) {
        return Some(*value);
    }
    let words = choices.iter().map(|(word, _)| *word);
    let all: Vec<String> = words.clone().map(|word| format!("`{word}`")).collect();
    let hint = nearest(written, words).map(|near| format!("did you mean `{near}`?"));
    problems.add(tree.at, format!("`{written}` is none of {}", all.join(", ")), hint);
    None
}

/// A whole number within limits.
pub(super) fn number(tree: &Tree, limits: RangeInclusive<u32>, problems: &mut Problems) -> Option<u32> {
    let written = text(tree, problems)?;
    // No sign and no leading zero: one number, one way to write it.
    let is_plain =
        written.bytes().all(|b| b.is_ascii_digit()) && (written == "0" || !written.starts_with('0'));
    match written.parse::<u32>() {
        Ok(number) if is_plain && limits.contains(&number) => Some(number),
        Ok(_) | Err(_) => {
            let what = format!("`{written}` is no number from {} to {}", limits.start(), limits.end());
            problems.add(tree.at, what, None);
            None
        }
    }
}

/// A time within limits.
pub(super) fn duration(
    tree: &Tree,
    limits: RangeInclusive<Duration>,
    problems: &mut Problems,
) -> Option<Duration> {
    let written = text(tree, problems)?;
    match values::duration(written) {
        Some(time) if limits.contains(&time) => Some(time),
        Some(_) => {
            let [from, to] = [limits.start(), limits.end()].map(|limit| values::show_duration(*limit));
            problems.add(tree.at, format!("`{written}` is not from {from} to {to}"), None);
            None
        }
        None => {
            let hint = "write `20s`, `3m`, `1h30m` or `7d`".to_owned();
            problems.add(tree.at, format!("`{written}` is no time"), Some(hint));
            None
        }
    }
}

/// A time that has a default.
pub(super) fn duration_or(
    tree: Option<&Tree>,
    default: Duration,
    limits: RangeInclusive<Duration>,
    problems: &mut Problems,
) -> Option<Duration> {
    tree.map_or(Some(default), |tree| duration(tree, limits, problems))
}

/// An expression that is true or false.
pub(super) fn expression(tree: &Tree, scope: &Scope, problems: &mut Problems) -> Option<Expression> {
    let written = text(tree, problems)?;
    match Expression::compile(written, scope) {
        Ok(expression) => Some(expression),
        Err(error) => {
            expression_problem(tree, written, error, scope, problems);
            None
        }
    }
}

/// Tells what is wrong with an expression, at its place in the file.
pub(super) fn expression_problem(
    tree: &Tree,
    written: &str,
    error: ExpressionError,
    scope: &Scope,
    problems: &mut Problems,
) {
    let (offset, what, hint) = match error {
        ExpressionError::Syntax { line, column, message } => {
            let before: usize =
                written.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
            let rest = written.get(before..).unwrap_or_default();
            let within: usize = rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
            // The parser lists every token that it knows.
            let message = message.split(" expecting {").next().unwrap_or_default();
            let message = message.trim_start_matches("Syntax error: ").replace("'<EOF>'", "at the end");
            (before + within, format!("the expression cannot be read: {message}"), None)
        }
        ExpressionError::UnknownName { name, nearest } => {
            let offset = find_word(written, &name);
            let hint = match nearest {
                _ if name.starts_with("series.") && !scope.variables.contains_key("series.modality") => {
                    "what is said of one series stands in `inputs`, in the input's `series`".to_owned()
                }
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let known: Vec<String> = scope.variables.keys().map(|name| format!("`{name}`")).collect();
                    format!("there are {}", known.join(", "))
                }
            };
            (offset, format!("`{name}` is not known here"), Some(hint))
        }
        ExpressionError::WrongType { text, found, wanted } => {
            let offset = written.find(&text).unwrap_or(0);
            (offset, format!("`{text}` is {found}, but must be {wanted}"), None)
        }
        other @ (ExpressionError::TooLarge | ExpressionError::Unsupported(_)) => (0, other.to_string(), None),
    };
    problems.add(place_in(tree, written, offset), what, hint);
}

/// Where a name stands by itself.
fn find_word(written: &str, name: &str) -> usize {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    written
        .match_indices(name)
        .find(|(at, _)| {
            let before = written.get(..*at).and_then(|text| text.chars().next_back());
            let after = written.get(at + name.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
        .map_or(0, |(at, _)| at)
}

/// The place in the file of a byte of a scalar's text.
///
/// The text may be quoted, folded or indented in the file: its letters stand there in the same order, so they are
/// counted, blanks apart. Escapes in double quotes are counted too far; nobody writes expressions with them.
fn place_in(tree: &Tree, written: &str, offset: usize) -> Place {
    let is_letter = |c: &char| !c.is_whitespace();
    let letters = written.get(..offset).unwrap_or(written).chars().filter(is_letter).count();
    let mut place = tree.at;
    let mut seen = 0;
    // Quotes, or the `|` or `>` of a block with its line, come first.
    let is_block = tree.source.starts_with(['|', '>']);
    let head = match tree.source.chars().next() {
        Some('|' | '>') => tree.source.find('\n').map_or(0, |end| end + 1),
        Some('\'' | '"') if !written.starts_with(['\'', '"']) => 1,
        Some(_) | None => 0,
    };
    for (at, character) in tree.source.char_indices() {
        if head <= at && is_letter(&character) {
            if seen == letters {
                return place;
            }
            seen += 1;
        }
        if character == '\n' {
            place = Place { line: place.line.saturating_add(1), column: 1 };
        } else {
            place.column = place.column.saturating_add(1);
        }
    }
    // Behind the last letter; the text of a block is on the lines below it.
    if tree.source.is_empty() || is_block { tree.at } else { place }
}
