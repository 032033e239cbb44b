//! The keys of all documents: what they mean, and what holds where they are not written.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentKey {
    /// The mapping that it stands in: kind, then keys; `*` for a name that people choose, `[]` for items of a list.
    pub mapping: &'static str,
    /// The key.
    pub key: &'static str,
    /// What holds without it; `required` if it must be there.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn key(
    mapping: &'static str,
    key: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> DocumentKey {
    DocumentKey { mapping, key, default, meaning }
}

/// All keys, in the order in which people write them.
#[rustfmt::skip]
pub const KEYS: &[DocumentKey] = &[
    key("Workflow", "apiVersion", "required", "the version of this form: gantry/v1"),
    key("Workflow", "kind", "required", "what the document is"),
    key("Workflow", "metadata", "required", "name and class"),
    key("Workflow", "for", "study", "what it runs on: study"),
    key("Workflow", "match", "required", "expression over study.*, calledAe, callingAe: whether it applies to a study"),
    key("Workflow", "inputs", "required", "by name, which series it takes"),
    key("Workflow", "ready", "its defaults", "when it begins: the first signal that holds"),
    key("Workflow", "late", "ignore", "what is done with objects that come later: ignore, hold (a person decides), or amend with its keys"),
    key("Workflow", "lane", "routine", "urgent, routine, background, or an expression that gives one; unknown is routine"),
    key("Workflow", "tasks", "required", "what is run, one after the other"),
    key("Workflow", "deliver", "nothing is sent", "where results go"),
    key("Workflow.metadata", "name", "required", "names the workflow: a-z, 0-9, hyphen"),
    key("Workflow.metadata", "class", "clinical", "for whom results are: clinical, research, test"),
    key("Workflow.inputs.*", "series", "required", "expression over series.* and what `match` has: whether a series is taken"),
    key("Workflow.inputs.*", "choose", "all", "which of several are frozen: thinnest, newest, all"),
    key("Workflow.ready", "quiet", "1m", "no selected object for that long"),
    key("Workflow.ready", "associationEnd", "does not count", "the one association that brought all selected objects was released, for that long"),
    key("Workflow.ready", "maxWait", "30m", "the longest wait since something was selected"),
    key("Workflow.ready", "onMaxWait", "hold", "what then: run, hold, expire"),
    key("Workflow.late", "do", "required", "ignore, hold, amend: a new run of all that is there, whose evidence replaces the earlier"),
    key("Workflow.late", "settle", "1m", "with amend: no selected object for that long before it"),
    key("Workflow.late", "max", "2", "with amend: how often at most; what comes after that is ignored"),
    key("Workflow.tasks[]", "name", "required", "names the task within the workflow"),
    key("Workflow.tasks[]", "app", "required", "the application"),
    key("Workflow.tasks[]", "inputs", "required", "by the application's name of it, an input of the workflow"),
    key("Workflow.tasks[]", "after", "the task before it in the list", "the tasks that must have run before"),
    key("Workflow.tasks[]", "assert", "nothing", "contract clauses that are met where they are unknown, and in which words"),
    key("Workflow.tasks[]", "timeout", "10m", "how long an attempt may take"),
    key("Workflow.tasks[]", "retry", "its defaults", "what is done about failures"),
    key("Workflow.tasks[].retry", "attempts", "3", "attempts at most"),
    key("Workflow.tasks[].retry", "backoff", "30s", "wait after the first failure; doubles with each"),
    key("Workflow.deliver[]", "to", "required", "a destination"),
    key("Workflow.deliver[]", "what", "all that the destination takes", "kinds of evidence: seg, sr, sc"),

    key("Source", "apiVersion", "required", "the version of this form: gantry/v1"),
    key("Source", "kind", "required", "what the document is"),
    key("Source", "metadata", "required", "name"),
    key("Source", "aeTitle", "required", "how it calls itself"),
    key("Source", "addresses", "required", "where it may call from: addresses or networks in CIDR form"),
    key("Source", "issuers", "not known", "who issues its identifiers, where the objects do not say it"),
    key("Source", "zone", "UTC", "the time zone of its dates and times, by its IANA name"),
    key("Source", "authority", "0", "of two headers of one object the one of the higher authority is in force"),
    key("Source.metadata", "name", "required", "names the source: a-z, 0-9, hyphen"),
    key("Source.issuers", "patientId", "not known", "of Patient ID"),
    key("Source.issuers", "accessionNumber", "not known", "of Accession Number"),

    key("Destination", "apiVersion", "required", "the version of this form: gantry/v1"),
    key("Destination", "kind", "required", "what the document is"),
    key("Destination", "metadata", "required", "name and class"),
    key("Destination", "aeTitle", "required", "how it is called"),
    key("Destination", "address", "required", "host:port"),
    key("Destination", "callingAeTitle", "GANTRY", "as whom we call"),
    key("Destination", "what", "[seg, sr, sc]", "kinds of evidence that it takes"),
    key("Destination", "seriesBase", "9000", "first of the Series Numbers that our objects get there"),
    key("Destination", "confirm", "none", "whether it is asked for what it took: query, none"),
    key("Destination", "timeouts", "its defaults", "how long its answers are waited for"),
    key("Destination", "retry", "its defaults", "what is done about failures"),
    key("Destination.metadata", "name", "required", "names the destination: a-z, 0-9, hyphen"),
    key("Destination.metadata", "class", "clinical", "the laxest class of results that may go there: clinical, research, test"),
    key("Destination.timeouts", "connect", "10s", "until it is connected and associated"),
    key("Destination.timeouts", "response", "60s", "until a response comes"),
    key("Destination.retry", "backoff", "30s", "wait after the first failure; doubles with each"),
    key("Destination.retry", "longest", "1h", "the longest wait between two attempts"),
    key("Destination.retry", "giveUpAfter", "7d", "after that long a person must look"),

    key("Door", "apiVersion", "required", "the version of this form: gantry/v1"),
    key("Door", "kind", "required", "what the document is"),
    key("Door", "metadata", "required", "name"),
    key("Door", "aeTitles", "required", "the titles that it is called by"),
    key("Door", "accepts", "every source", "names of the sources that it lets in"),
    key("Door.metadata", "name", "required", "names the door: a-z, 0-9, hyphen"),
];

/// The keys of a mapping.
pub(super) fn of(mapping: &str) -> impl Iterator<Item = &'static str> + Clone {
    let mapping = mapping.to_owned();
    KEYS.iter().filter(move |row| row.mapping == mapping).map(|row| row.key)
}

/// What holds without a key; nothing if the mapping has no such key.
pub(super) fn default(mapping: &str, key: &str) -> Option<&'static str> {
    KEYS.iter().find(|row| row.mapping == mapping && row.key == key).map(|row| row.default)
}
