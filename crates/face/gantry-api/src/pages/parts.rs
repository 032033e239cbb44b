//! Parts that pages share: states, times, tables, and the forms of orders.

use gantry_types::instant::Instant;

use super::html::Html;
use crate::access::{Person, Role};

/// A word of state, with a colour and a form that say it too.
pub(super) fn state(html: &mut Html, word: &str) {
    let class = match word {
        "ran" | "sent" | "confirmed" | "nothing waits" | "enough room" => "state good",
        "waiting" | "running" | "queued" | "sending" | "confirming" | "on its way" => "state busy",
        "held" | "declined" | "expired" | "retrying" | "low" | "watch" => "state warn",
        "failed" | "quarantined" | "full" | "now" | "stopped" => "state bad",
        _ => "state",
    };
    html.leaf("span", &[("class", class)], word);
}

/// An instant, to the second.
pub(super) fn time(html: &mut Html, at: Instant) {
    let iso = at.to_string();
    let shown = iso.get(..19).unwrap_or(&iso).replace('T', " ");
    html.leaf("time", &[("class", "time"), ("datetime", &iso)], &shown);
}

/// A sentence, with a capital letter at its beginning, and its instants as people read them.
pub(super) fn words(html: &mut Html, sentence: &str) {
    let mut letters = sentence.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let sentence = first + letters.as_str();
    let mut parts = sentence.split(' ').peekable();
    while let Some(part) = parts.next() {
        let word = part.strip_suffix([';', ':', ',']).unwrap_or(part);
        let behind = part.get(word.len()..).unwrap_or_default();
        match instant(word) {
            Some(shown) => {
                html.leaf("time", &[("class", "time"), ("datetime", word)], &shown);
                html.text(behind);
            }
            None => {
                html.text(part);
            }
        }
        if parts.peek().is_some() {
            html.text(" ");
        }
    }
}

/// What is shown of an instant as rows and sentences write it.
fn instant(word: &str) -> Option<String> {
    let is_one = word.len() == 24
        && word.bytes().zip("0000-00-00T00:00:00.000Z".bytes()).all(|(is, form)| match form {
            b'0' => is.is_ascii_digit(),
            other => is == other,
        });
    is_one.then(|| word.get(..19).unwrap_or(word).replace('T', " "))
}

/// How long ago something was, in one or two units.
pub(super) fn age(now: Instant, at: Instant) -> String {
    let seconds = now.since(at).as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {} min", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

/// A date as objects write it, with hyphens if it is one.
pub(super) fn date(written: &str) -> String {
    match (written.get(..4), written.get(4..6), written.get(6..8)) {
        (Some(year), Some(month), Some(day)) if written.len() == 8 => format!("{year}-{month}-{day}"),
        _ => written.to_owned(),
    }
}

/// A patient's name as people write it: the parts of its first form.
pub(super) fn name(written: &str) -> String {
    let form = written.split('=').next().unwrap_or_default();
    form.split('^').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What is written, or that nothing is.
pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Names and what they are.
pub(super) fn facts(html: &mut Html, facts: &[(&str, &str)]) {
    html.tag("dl", &[("class", "facts")], |html| {
        for (name, value) in facts {
            html.tag("div", &[], |html| {
                html.leaf("dt", &[], name);
                html.leaf("dd", &[], value);
            });
        }
    });
}

/// A table that can be wider than the page.
pub(super) fn table(html: &mut Html, caption: &str, heads: &[&str], rows: impl FnOnce(&mut Html)) {
    html.tag(
        "div",
        &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)],
        |html| {
            html.tag("table", &[], |html| {
                html.leaf("caption", &[], caption);
                html.tag("thead", &[], |html| {
                    html.tag("tr", &[], |html| {
                        for head in heads {
                            // Numbers stand at the right, and what is said above them.
                            let is_number = ["Objects", "Payload", "Seconds"].contains(head);
                            let class = if is_number { "number" } else { "words" };
                            html.leaf("th", &[("scope", "col"), ("class", class)], head);
                        }
                    });
                });
                html.tag("tbody", &[], rows);
            });
        },
    );
}

/// A cell.
pub(super) fn cell(html: &mut Html, text: &str) {
    html.leaf("td", &[], text);
}

/// A button of an order: what it sends, and what it says.
pub(super) struct Button {
    /// Name and value of what it sends.
    pub(super) sends: (&'static str, &'static str),
    /// What it says.
    pub(super) says: &'static str,
    /// How it looks.
    pub(super) look: Look,
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// As what is usually done.
    Usual,
    /// As what is done now and then.
    Other,
}

/// An order that a person can give here.
pub(super) struct Order<'a> {
    /// Where it goes.
    pub(super) to: &'a str,
    /// What it says beside the reason.
    pub(super) with: &'a [(&'static str, &'a str)],
    /// One for each way to give it.
    pub(super) buttons: &'a [Button],
    /// What somebody must be to give it.
    pub(super) needs: Role,
}

/// The form of an order, for those who may give it.
pub(super) fn order(html: &mut Html, person: &Person, order: &Order<'_>) {
    if person.role < order.needs {
        let needs =
            format!("Somebody with the role {} can do something about it here.", order.needs.as_str());
        html.leaf("p", &[("class", "quiet")], &needs);
        return;
    }
    html.tag("form", &[("class", "order"), ("method", "post"), ("action", order.to)], |html| {
        for (name, value) in order.with {
            html.void("input", &[("type", "hidden"), ("name", name), ("value", value)]);
        }
        html.tag("label", &[], |html| {
            html.text("Reason, for the audit trail");
            html.void(
                "input",
                &[("name", "reason"), ("required", ""), ("maxlength", "500"), ("autocomplete", "off")],
            );
        });
        for Button { sends: (name, value), says, look } in order.buttons {
            let class = match look {
                Look::Usual => "main",
                Look::Other => "other",
            };
            html.leaf(
                "button",
                &[("type", "submit"), ("name", name), ("value", value), ("class", class)],
                says,
            );
        }
    });
}

/// What was just done, as the page after an order says it.
const SAID: &[(&str, &str)] = &[
    ("go", "It runs with what is there now."),
    ("skip", "It is not run."),
    ("again", "It is run once more; the new evidence replaces the earlier."),
    ("cancelled", "The run is cancelled: nothing comes of it."),
    ("begun", "A new run has begun; its evidence replaces the earlier."),
    ("resent", "It is queued again: the same bytes, under the same UID."),
    ("retried", "It is tried again."),
    ("accepted", "The sender is let in from now on."),
];

/// The sentence of an order that was given; nothing for a word that means none.
pub(super) fn said(html: &mut Html, word: Option<&str>) {
    let sentence = SAID.iter().find(|(known, _)| word == Some(known)).map(|(_, sentence)| *sentence);
    if let Some(sentence) = sentence {
        html.leaf("p", &[("class", "said"), ("role", "status")], sentence);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_ages_dates_and_names() {
        let ago = |seconds: i64| age(Instant(seconds * 1_000_000), Instant(0));
        assert_eq!([59, 3599, 8040, 90_000].map(ago), ["59 s", "59 min", "2 h 14 min", "1 d 1 h"]);
        assert_eq!(age(Instant(0), Instant(9)), "0 s", "clocks differ");
        assert_eq!([date("20261201"), date("1.12.")], ["2026-12-01", "1.12."]);
        assert_eq!(name("Yamada^Tarou=\u{5c71}\u{7530}"), "Yamada, Tarou");
        assert_eq!(name("^^<b>"), "<b>");
    }

    #[test]
    fn instants_within_sentences_are_shown_to_the_second() {
        let mut html = Html::default();
        words(&mut html, "sent at 2026-12-01T07:31:14.291Z; <not> 2026-12-01T07:31:14Z");
        let time = "<time class=\"time\" datetime=\"2026-12-01T07:31:14.291Z\">2026-12-01 07:31:14</time>";
        assert_eq!(html.finish(), format!("Sent at {time}; &lt;not&gt; 2026-12-01T07:31:14Z"));
    }
}
