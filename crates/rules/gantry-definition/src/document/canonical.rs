//! The bytes that a document's digest is taken over: its texts, with keys sorted and nothing of its layout.
//!
//! The form is JSON whose scalars are all strings, because YAML's guesses at types are not ours.

use super::tree::{Shape, Tree};

pub(super) fn bytes(tree: &Tree) -> Vec<u8> {
    let mut out = String::new();
    write(tree, &mut out);
    out.into_bytes()
}

fn write(tree: &Tree, out: &mut String) {
    match &tree.shape {
        Shape::Nothing => out.push_str("null"),
        Shape::Text(text) => string(text, out),
        Shape::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                write(item, out);
            }
            out.push(']');
        }
        Shape::Mapping(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().collect();
            pairs.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
            out.push('{');
            for (index, (key, value)) in pairs.into_iter().enumerate() {
                separate(index, out);
                string(&key.text, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

fn separate(index: usize, out: &mut String) {
    if index != 0 {
        out.push(',');
    }
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
