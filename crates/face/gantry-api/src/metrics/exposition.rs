//! The text form of OpenMetrics 1.0. Everything is read when it is asked for, so there is no registry to keep.

use std::fmt::{Display, Write as _};

/// A text that grows family by family.
#[derive(Default)]
pub(super) struct Exposition(String);

/// A family of the text, that samples are added to.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    suffix: &'static str,
}

impl Exposition {
    /// A family of values that go up and down. Help begins with a capital letter and is one line.
    pub(super) fn gauge(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// A family of values that only grow, as long as the program runs.
    pub(super) fn counter(&mut self, name: &'static str, help: &'static str) -> Family<'_> {
        Family { suffix: "_total", ..self.family(name, "counter", help) }
    }

    /// A family that names what cannot change while the program runs.
    pub(super) fn info(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) {
        Family { suffix: "_info", ..self.family(name, "info", help) }.sample(labels, 1);
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &'static str) -> Family<'_> {
        // Writing to a text does not fail.
        let _infallible = writeln!(self.0, "# TYPE {name} {kind}");
        let _infallible = writeln!(self.0, "# HELP {name} {}", escaped(help));
        Family { text: &mut self.0, name, suffix: "" }
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

impl Family<'_> {
    /// A sample.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let _infallible = write!(self.text, "{}{}", self.name, self.suffix);
        for (at, (label, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            let _infallible = write!(self.text, "{before}{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _infallible = writeln!(self.text, " {value}");
        self
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_of_the_form() {
        let mut text = Exposition::default();
        text.info("a_build", "What it is.", &[("version", "0.1.0")]);
        text.gauge("a_thing", "How many.").sample(&[("x", "1"), ("y", "q\"\\\n")], 3).sample(&[], 0.5);
        text.counter("a_fault", "How often.").sample(&[], 2);
        let want = "# TYPE a_build info\n# HELP a_build What it is.\na_build_info{version=\"0.1.0\"} 1\n\
            # TYPE a_thing gauge\n# HELP a_thing How many.\na_thing{x=\"1\",y=\"q\\\"\\\\\\n\"} 3\na_thing 0.5\n\
            # TYPE a_fault counter\n# HELP a_fault How often.\na_fault_total 2\n# EOF\n";
        assert_eq!(text.end(), want);
    }
}
