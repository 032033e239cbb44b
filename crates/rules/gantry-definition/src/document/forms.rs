//! The forms of values: what may stand behind each of [`super::keys::KEYS`], for editors and for whoever writes documents
//! by program. The readers decide; a test holds both against each other, key by key.

use super::API_VERSION;

/// What may stand as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A text of one line, 1 to 64 characters.
    Text,
    /// A name: 1 to 64 characters of a-z, 0-9 and hyphen.
    Name,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number within these limits.
    Number(u32, u32),
    /// A time such as `20s` or `1h30m`, within these limits.
    Time(&'static str, &'static str),
    /// An expression.
    Expression,
    /// An AE title: 1 to 16 characters.
    AeTitle,
    /// An address, or a network in CIDR form.
    Network,
    /// Host and port.
    HostPort,
    /// An IANA name of a time zone.
    Zone,
    /// The mapping of this name.
    Mapping(&'static str),
    /// By names that people choose, the mapping of this name.
    Named(&'static str),
    /// By names that people choose, names.
    Names,
    /// By names that people choose, texts.
    Texts,
    /// A list of these, not empty, each once.
    List(&'static Form),
    /// A list of the mapping of this name, not empty.
    Mappings(&'static str),
    /// Either of them.
    Either(&'static Form, &'static Form),
}

const CLASSES: Form = Form::Words(&["clinical", "research", "test"]);
const EVIDENCE: Form = Form::List(&Form::Words(&["seg", "sr", "sc"]));
const VERSION: Form = Form::Words(&[API_VERSION]);

/// By mapping and key, in the order of the keys.
#[rustfmt::skip]
const FORMS: &[(&str, &str, Form)] = &[
    ("Workflow", "apiVersion", VERSION),
    ("Workflow", "kind", Form::Words(&["Workflow"])),
    ("Workflow", "metadata", Form::Mapping("Workflow.metadata")),
    ("Workflow", "for", Form::Words(&["study"])),
    ("Workflow", "match", Form::Expression),
    ("Workflow", "inputs", Form::Named("Workflow.inputs.*")),
    ("Workflow", "ready", Form::Mapping("Workflow.ready")),
    ("Workflow", "late", Form::Either(&Form::Words(&["ignore", "hold", "amend"]), &Form::Mapping("Workflow.late"))),
    ("Workflow", "lane", Form::Either(&Form::Words(&["urgent", "routine", "background"]), &Form::Expression)),
    ("Workflow", "tasks", Form::Mappings("Workflow.tasks[]")),
    ("Workflow", "deliver", Form::Mappings("Workflow.deliver[]")),
    ("Workflow.metadata", "name", Form::Name),
    ("Workflow.metadata", "class", CLASSES),
    ("Workflow.inputs.*", "series", Form::Expression),
    ("Workflow.inputs.*", "choose", Form::Words(&["thinnest", "newest", "all"])),
    ("Workflow.ready", "quiet", Form::Time("1s", "1d")),
    ("Workflow.ready", "associationEnd", Form::Time("0s", "1d")),
    ("Workflow.ready", "maxWait", Form::Time("1s", "30d")),
    ("Workflow.ready", "onMaxWait", Form::Words(&["run", "hold", "expire"])),
    ("Workflow.late", "do", Form::Words(&["ignore", "hold", "amend"])),
    ("Workflow.late", "settle", Form::Time("1s", "1d")),
    ("Workflow.late", "max", Form::Number(1, 100)),
    ("Workflow.tasks[]", "name", Form::Name),
    ("Workflow.tasks[]", "app", Form::Name),
    ("Workflow.tasks[]", "inputs", Form::Names),
    ("Workflow.tasks[]", "after", Form::List(&Form::Name)),
    ("Workflow.tasks[]", "assert", Form::Texts),
    ("Workflow.tasks[]", "timeout", Form::Time("1s", "1d")),
    ("Workflow.tasks[]", "retry", Form::Mapping("Workflow.tasks[].retry")),
    ("Workflow.tasks[].retry", "attempts", Form::Number(1, 10)),
    ("Workflow.tasks[].retry", "backoff", Form::Time("1s", "1h")),
    ("Workflow.deliver[]", "to", Form::Name),
    ("Workflow.deliver[]", "what", EVIDENCE),

    ("Source", "apiVersion", VERSION),
    ("Source", "kind", Form::Words(&["Source"])),
    ("Source", "metadata", Form::Mapping("Source.metadata")),
    ("Source", "aeTitle", Form::AeTitle),
    ("Source", "addresses", Form::List(&Form::Network)),
    ("Source", "issuers", Form::Mapping("Source.issuers")),
    ("Source", "zone", Form::Zone),
    ("Source", "authority", Form::Number(0, 100)),
    ("Source.metadata", "name", Form::Name),
    ("Source.issuers", "patientId", Form::Text),
    ("Source.issuers", "accessionNumber", Form::Text),

    ("Destination", "apiVersion", VERSION),
    ("Destination", "kind", Form::Words(&["Destination"])),
    ("Destination", "metadata", Form::Mapping("Destination.metadata")),
    ("Destination", "aeTitle", Form::AeTitle),
    ("Destination", "address", Form::HostPort),
    ("Destination", "callingAeTitle", Form::AeTitle),
    ("Destination", "what", EVIDENCE),
    ("Destination", "seriesBase", Form::Number(1, 2_000_000_000)),
    ("Destination", "confirm", Form::Words(&["query", "none"])),
    ("Destination", "timeouts", Form::Mapping("Destination.timeouts")),
    ("Destination", "retry", Form::Mapping("Destination.retry")),
    ("Destination.metadata", "name", Form::Name),
    ("Destination.metadata", "class", CLASSES),
    ("Destination.timeouts", "connect", Form::Time("1s", "1h")),
    ("Destination.timeouts", "response", Form::Time("1s", "1h")),
    ("Destination.retry", "backoff", Form::Time("1s", "1h")),
    ("Destination.retry", "longest", Form::Time("1s", "1d")),
    ("Destination.retry", "giveUpAfter", Form::Time("1h", "90d")),

    ("Door", "apiVersion", VERSION),
    ("Door", "kind", Form::Words(&["Door"])),
    ("Door", "metadata", Form::Mapping("Door.metadata")),
    ("Door", "aeTitles", Form::List(&Form::AeTitle)),
    ("Door", "accepts", Form::List(&Form::Name)),
    ("Door.metadata", "name", Form::Name),
];

/// The form of the value of a key; nothing if the mapping has no such key.
#[must_use]
pub fn of(mapping: &str, key: &str) -> Option<Form> {
    FORMS.iter().find(|row| (row.0, row.1) == (mapping, key)).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{keys::KEYS, read, values};

    #[test]
    fn every_key_has_a_form() {
        let keys: Vec<_> = KEYS.iter().map(|row| (row.mapping, row.key)).collect();
        let forms: Vec<_> = FORMS.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(forms, keys, "a key is added to both, at the same place");
    }

    /// A value of a form, as JSON: every JSON is YAML.
    fn sample(form: Form, mapping: &str, key: &str, other: &Other<'_>) -> String {
        if other.at == (mapping, key) {
            return other.value.to_owned();
        }
        match (mapping, key, form) {
            (.., Form::Text) => "\"HOSPITAL\"".to_owned(),
            ("Workflow.inputs.*", "series", _) => "\"series.modality == 'CT'\"".to_owned(),
            (.., Form::Expression) => "\"study.modalities.exists(m, m == 'CT')\"".to_owned(),
            ("Workflow.ready", "maxWait", _) => "\"30d\"".to_owned(),
            ("Workflow.late", "do", _) => "\"amend\"".to_owned(),
            // The only task comes after no other.
            ("Workflow.tasks[]", "after", _) => "null".to_owned(),
            (.., Form::Name) => "\"chest\"".to_owned(),
            (.., Form::Words(words)) => format!("{:?}", words[0]),
            (.., Form::Number(from, _)) => from.to_string(),
            (.., Form::Time(_, to)) => format!("{to:?}"),
            (.., Form::AeTitle) => "\"GANTRY 2\"".to_owned(),
            (.., Form::Network) => "\"10.1.0.0/16\"".to_owned(),
            (.., Form::HostPort) => "\"pacs.example.org:104\"".to_owned(),
            (.., Form::Zone) => "\"Europe/Berlin\"".to_owned(),
            (.., Form::Mapping(name)) => written(name, other),
            (.., Form::Named(name)) => format!("{{\"chest\": {}}}", written(name, other)),
            (.., Form::Names | Form::Texts) => "{\"image\": \"chest\"}".to_owned(),
            (.., Form::List(form)) => format!("[{}]", sample(*form, mapping, key, other)),
            (.., Form::Mappings(name)) => format!("[{}]", written(name, other)),
            ("Workflow", "late", Form::Either(_, form)) => sample(*form, mapping, key, other),
            (.., Form::Either(form, _)) => sample(*form, mapping, key, other),
        }
    }

    /// Another value for one key, and keys that are left out for it.
    #[derive(Clone, Copy, Default)]
    struct Other<'a> {
        at: (&'a str, &'a str),
        value: &'a str,
    }

    impl Other<'_> {
        fn leaves_out(&self, mapping: &str, key: &str) -> bool {
            let only_amended = mapping == "Workflow.late" && key != "do";
            (mapping, key) == ("Workflow.tasks[]", "after") && self.at != (mapping, key)
                || only_amended && self.at == ("Workflow.late", "do")
        }
    }

    /// A mapping with all its keys.
    fn written(mapping: &str, other: &Other<'_>) -> String {
        let rows = FORMS.iter().filter(|row| row.0 == mapping && !other.leaves_out(mapping, row.1));
        let pairs = rows.map(|(_, key, form)| format!("{key:?}: {}", sample(*form, mapping, key, other)));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
    }

    #[track_caller]
    fn check(mapping: &str, key: &str, value: &str, is_taken: bool) {
        let kind = mapping.split('.').next().unwrap();
        let text = written(kind, &Other { at: (mapping, key), value });
        let read = read(&text);
        assert_eq!(read.is_ok(), is_taken, "{mapping}.{key}: {value}\n{text}\n{read:?}");
    }

    fn check_form(mapping: &str, key: &str, form: Form, within: &dyn Fn(&str) -> String) {
        let ok = |value: &str| check(mapping, key, &within(value), true);
        let bad = |value: &str| check(mapping, key, &within(value), false);
        match form {
            Form::Words(words) => {
                words.iter().for_each(|word| ok(&format!("{word:?}")));
                bad("\"no-word\"");
                bad("[]");
            }
            Form::Number(from, to) => {
                [from, to].iter().for_each(|number| ok(&number.to_string()));
                bad(&(u64::from(to) + 1).to_string());
                bad(&(i64::from(from) - 1).to_string());
                bad("\"x\"");
            }
            Form::Time(from, to) => {
                // `maxWait` must be longer than `quiet`.
                let from = if key == "maxWait" { "1d1s" } else { from };
                [from, to].iter().for_each(|time| ok(&format!("{time:?}")));
                let longer = values::duration(to).unwrap() + std::time::Duration::from_secs(1);
                bad(&format!("{:?}", values::show_duration(longer)));
                bad("20");
                if from != "0s" && key != "maxWait" {
                    bad("\"0s\"");
                }
            }
            Form::Name => ["\"No Name\"", "\"a/b\"", "[]"].iter().for_each(|value| bad(value)),
            Form::AeTitle => {
                ["\"\"", "\"SEVENTEEN LETTERS\"", "\"A\\\\B\""].iter().for_each(|value| bad(value))
            }
            Form::Text => ["\"\"", "\"a\\nb\""].iter().for_each(|value| bad(value)),
            Form::Expression => ["\"study.nothing == 1\"", "\"(\""].iter().for_each(|value| bad(value)),
            Form::Network => ["\"10.1\"", "\"pacs\""].iter().for_each(|value| bad(value)),
            Form::HostPort => ["\"pacs\"", "\"pacs:0\""].iter().for_each(|value| bad(value)),
            Form::Zone => ["\"Europe Berlin\"", "\"\""].iter().for_each(|value| bad(value)),
            Form::Mapping(_) | Form::Names | Form::Texts => bad("\"text\""),
            Form::Named(_) => ["{}", "[]"].iter().for_each(|value| bad(value)),
            Form::Mappings(_) => ["[]", "{}", "\"text\""].iter().for_each(|value| bad(value)),
            Form::List(of) => {
                ["[]", "\"text\""].iter().for_each(|value| bad(value));
                let one = sample(*of, "", "", &Other::default());
                bad(&format!("[{one}, {one}]"));
                check_form(mapping, key, *of, &|value| format!("[{value}]"));
            }
            // What is no word of the one may be the other; whether it is an expression, that form says.
            Form::Either(Form::Words(words), _) => {
                words.iter().for_each(|word| ok(&format!("{word:?}")));
                bad("\"no-word\"");
            }
            Form::Either(..) => panic!("{mapping}.{key}: an either without words"),
        }
    }

    /// Words, limits and forms are those of the readers: what is told here is taken, what lies beside it is refused.
    #[test]
    fn the_forms_are_what_the_readers_take() {
        for kind in ["Workflow", "Source", "Destination", "Door"] {
            let whole = written(kind, &Other::default());
            assert!(read(&whole).is_ok(), "{whole}: {:?}", read(&whole));
        }
        for (mapping, key, form) in FORMS {
            let names_a_task = (*mapping, *key) == ("Workflow.tasks[]", "after");
            let is_reference = (*mapping, *key) == ("Workflow.tasks[]", "inputs");
            if !names_a_task && !is_reference {
                check_form(mapping, key, *form, &str::to_owned);
            }
        }
        check("Workflow.tasks[]", "inputs", "{\"image\": \"breast\"}", false);
        check("Workflow.tasks[]", "after", "[\"chest\"]", false);
    }
}
