//! YAML as a tree of texts, each with its place.
//!
//! YAML guesses types: `no` would be false, `010` eight, `1.10` the number 1.1. Nothing is guessed here: every scalar is
//! the text that was written, and the reader of a key decides what it may be.
//!
//! Invariants
//! - Input, nesting, nodes, anchors and what aliases repeat are bounded before anything is built from them.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Error, Location, Spanned};

use super::{DocumentError, Place};

/// The largest file.
const BYTES_MAX: usize = 1 << 20;
/// The deepest nesting of a document.
const DEPTH_MAX: usize = 24;
/// Nodes of a file.
const NODES_MAX: usize = 50_000;
/// Anchors, and times that one is referred to.
const ALIASES_MAX: usize = 100;
/// Events that all aliases together repeat.
const REPLAYED_MAX: usize = 5_000;

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) at: Place,
    /// The text in the file from which a scalar was read, with its quotes; empty for lists and mappings.
    pub(super) source: String,
    pub(super) shape: Shape,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing was written, or `null`.
    Nothing,
    Text(String),
    List(Vec<Tree>),
    /// Keys are unique and in the order of the file.
    Mapping(Vec<(Key, Tree)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) at: Place,
    pub(super) text: String,
}

/// Reads the documents of a file; empty ones are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Tree>, DocumentError> {
    if BYTES_MAX < text.len() {
        return Err(DocumentError {
            at: Place { line: 1, column: 1 },
            what: format!("the file has {} bytes, more than {BYTES_MAX}", text.len()),
            hint: None,
        });
    }
    let mut options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
            max_aliases: ALIASES_MAX,
            max_anchors: ALIASES_MAX,
            max_documents: 1_000,
            flow_nesting_limit: DEPTH_MAX,
        },
        with_snippet: false,
        // A word like any other: see above.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    };
    options.alias_limits.max_total_replayed_events = REPLAYED_MAX;
    let nodes: Vec<Spanned<Node>> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| failed(&error))?;
    Ok(nodes.into_iter().map(|node| tree(node, text)).collect())
}

/// The library's complaint, in one line.
fn failed(error: &Error) -> DocumentError {
    let at = error.location().map_or(Place { line: 1, column: 1 }, place);
    let words = error.without_snippet().to_string();
    let words = words.lines().next().unwrap_or("this is no YAML");
    // The place is said apart, and nobody can set the library's options.
    let words =
        [" at line ", ", set "].iter().fold(words, |words, end| words.split(end).next().unwrap_or(words));
    DocumentError { at, what: format!("cannot read the YAML: {words}"), hint: None }
}

fn place(location: Location) -> Place {
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    Place { line: number(location.line()), column: number(location.column()) }
}

/// A node as serde hands it out. Numbers and truths are not kept: their text is read from the file.
enum Node {
    Nothing,
    Typed,
    Text(String),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<KeyText>, Spanned<Node>)>),
}

struct KeyText(Option<String>);

fn tree(node: Spanned<Node>, file: &str) -> Tree {
    let at = place(node.referenced);
    let span = node.defined.span();
    let written = || {
        let from = usize::try_from(span.byte_offset()?).ok()?;
        let to = from.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
        file.get(from..to)
    };
    let source = written().unwrap_or_default().trim().to_owned();
    let (source, shape) = match node.value {
        Node::Nothing => (source, Shape::Nothing),
        Node::Typed => (source.clone(), Shape::Text(source)),
        Node::Text(text) => (source, Shape::Text(text)),
        Node::List(items) => {
            (String::new(), Shape::List(items.into_iter().map(|item| tree(item, file)).collect()))
        }
        Node::Mapping(pairs) => {
            let pair = |(key, value): (Spanned<KeyText>, Spanned<Node>)| {
                let key_tree = tree(key_node(key), file);
                let text = match key_tree.shape {
                    Shape::Text(text) => text,
                    Shape::Nothing | Shape::List(_) | Shape::Mapping(_) => String::new(),
                };
                (Key { at: key_tree.at, text }, tree(value, file))
            };
            (String::new(), Shape::Mapping(pairs.into_iter().map(pair).collect()))
        }
    };
    Tree { at, source, shape }
}

fn key_node(key: Spanned<KeyText>) -> Spanned<Node> {
    let value = key.value.0.map_or(Node::Typed, Node::Text);
    Spanned { value, referenced: key.referenced, defined: key.defined }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a mapping")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Node, A::Error> {
        let mut mapping = Vec::new();
        while let Some(pair) = pairs.next_entry()? {
            mapping.push(pair);
        }
        Ok(Node::Mapping(mapping))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyNode)
    }
}

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match deserializer.deserialize_any(AnyNode)? {
            Node::Text(text) => Some(text),
            Node::Nothing | Node::Typed | Node::List(_) | Node::Mapping(_) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn show(tree: &Tree, indent: usize, out: &mut String) {
        let space = " ".repeat(indent);
        let at = format!("{}:{}", tree.at.line, tree.at.column);
        match &tree.shape {
            Shape::Nothing => *out += &format!("{space}{at} nothing\n"),
            Shape::Text(text) => *out += &format!("{space}{at} {text:?}\n"),
            Shape::List(items) => {
                *out += &format!("{space}{at} list\n");
                items.iter().for_each(|item| show(item, indent + 2, out));
            }
            Shape::Mapping(pairs) => {
                *out += &format!("{space}{at} mapping\n");
                for (key, value) in pairs {
                    *out += &format!("{space}  {}:{} {}:\n", key.at.line, key.at.column, key.text);
                    show(value, indent + 4, out);
                }
            }
        }
    }

    #[track_caller]
    fn check(text: &str, want: Expect) {
        let out = match parse(text) {
            Ok(trees) => {
                let mut out = String::new();
                trees.iter().for_each(|tree| show(tree, 0, &mut out));
                out
            }
            Err(error) => format!("{error}\n"),
        };
        want.assert_eq(&out);
    }

    #[test]
    fn scalars_are_the_text_that_was_written() {
        check(
            "a: no\nb: 010\nc: 1.10\nd: '5'\ne: ~\nf:\ng: 0x1F\n7: x\nyes: \"q\\\"q\"\nh: 1_000\ni: .inf\n---\n- |\n  two\n  lines\n- >\n  folded\n  text\n",
            expect![[r#"
                1:1 mapping
                  1:1 a:
                    1:4 "no"
                  2:1 b:
                    2:4 "010"
                  3:1 c:
                    3:4 "1.10"
                  4:1 d:
                    4:4 "5"
                  5:1 e:
                    5:4 nothing
                  6:1 f:
                    6:2 nothing
                  7:1 g:
                    7:4 "0x1F"
                  8:1 7:
                    8:4 "x"
                  9:1 yes:
                    9:6 "q\"q"
                  10:1 h:
                    10:4 "1_000"
                  11:1 i:
                    11:4 ".inf"
                13:1 list
                  14:3 "two\nlines\n"
                  17:3 "folded text\n"
            "#]],
        );
    }

    #[test]
    fn anchors_merges_line_ends_and_marks_of_other_editors_do_no_harm() {
        check(
            "a: &x 010\nb: *x\nc: &m { k: 1.0 }\nd:\n  <<: *m\n  l: *x\n",
            expect![[r#"
                1:1 mapping
                  1:1 a:
                    1:7 "010"
                  2:1 b:
                    2:4 "010"
                  3:1 c:
                    3:7 mapping
                      3:9 k:
                        3:12 "1.0"
                  4:1 d:
                    5:3 mapping
                      6:3 l:
                        6:6 "010"
                      5:7 k:
                        5:7 "1.0"
            "#]],
        );
        check(
            "\u{feff}a: 5\r\nb: ü 5 # ß\r\nc: 7\r\n",
            expect![[r#"
                1:1 mapping
                  1:1 a:
                    1:4 "5"
                  2:1 b:
                    2:4 "ü 5"
                  3:1 c:
                    3:4 "7"
            "#]],
        );
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        check(
            "a: 1\na: 2\n",
            expect![[r#"
                2:1: cannot read the YAML: duplicate mapping key: a
            "#]],
        );
        check(
            "a: [1, 2\nb: 3\n",
            expect![[r#"
                2:2: cannot read the YAML: illegal placement of ':' indicator
            "#]],
        );
        check(
            "a:\n  b: 1\n c: 2\n",
            expect![[r#"
                3:2: cannot read the YAML: while parsing a block mapping, did not find expected key
            "#]],
        );
        check(
            &"[".repeat(40),
            expect![[r#"
                1:25: cannot read the YAML: recursion limit exceeded
            "#]],
        );
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n";
        check(
            bomb,
            expect![[r#"
                4:20: cannot read the YAML: alias replay limit exceeded: total_replayed_events=5001 > 5000
            "#]],
        );
        check(
            "a: *nowhere\n",
            expect![[r#"
                1:4: cannot read the YAML: alias references unknown anchor
            "#]],
        );
        check("", expect![[r#""#]]);
    }
}
