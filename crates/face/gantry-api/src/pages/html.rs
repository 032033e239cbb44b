//! Pages as text, with everything escaped that was not written here.
//!
//! Names of elements and attributes are written in this program; texts and values come from anywhere, peers included,
//! and cannot leave their place. There is no way to put in markup as it stands.

/// A page in the making.
#[derive(Default)]
pub(crate) struct Html(String);

/// Attributes of an element.
pub(crate) type Attributes<'a> = &'a [(&'static str, &'a str)];

/// Elements that have no end.
const VOID: &[&str] = &["input", "img", "link", "meta"];

impl Html {
    /// A document that begins.
    pub(crate) fn document() -> Self {
        Self("<!doctype html>\n".to_owned())
    }

    /// A text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // What turns text around, or cannot be seen: shown as what it is.
                '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                    self.0.push_str(&c.escape_unicode().to_string());
                }
                c if c.is_control() && c != '\n' && c != '\t' => {
                    self.0.push_str(&c.escape_default().to_string());
                }
                c => self.0.push(c),
            }
        }
        self
    }

    /// An element, with what is in it.
    pub(crate) fn tag(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.open(name, attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// An element with a text.
    pub(crate) fn leaf(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) -> &mut Self {
        self.tag(name, attributes, |html| {
            html.text(text);
        })
    }

    /// An element that has no end, such as `input`.
    pub(crate) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Self {
        debug_assert!(VOID.contains(&name), "{name}");
        self.open(name, attributes)
    }

    /// A link.
    pub(crate) fn link(&mut self, to: &str, text: &str) -> &mut Self {
        self.leaf("a", &[("href", to)], text)
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.0.push('<');
        self.0.push_str(name);
        for (attribute, value) in attributes {
            self.0.push(' ');
            self.0.push_str(attribute);
            // An attribute without value, such as `required`.
            if !value.is_empty() || *attribute == "value" || *attribute == "alt" {
                self.0.push_str("=\"");
                self.text(value);
                self.0.push('"');
            }
        }
        self.0.push('>');
        self
    }

    /// The text of the page.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// A part of a path or of a query, whatever is in it.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place() {
        let mut html = Html::default();
        let hostile = "</p><script>alert('x')</script>\"&\u{202e}\0";
        html.leaf("p", &[("title", hostile)], hostile);
        let page = html.finish();
        let escaped = "&lt;/p&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\\u{202e}\\u{0}";
        assert_eq!(page, format!("<p title=\"{escaped}\">{escaped}</p>"));
    }

    #[test]
    fn parts_of_paths_are_encoded() {
        assert_eq!(encoded("1.2/../a b?\u{fc}"), "1.2%2F..%2Fa%20b%3F%C3%BC");
    }
}
