//! What needs a person, the most urgent first: each with a sentence, and with what ends it.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use gantry_conductor::{Decision, Use};
use gantry_definition::document::{Body, Source};
use gantry_ports::{
    definitions,
    pulse::Pulse,
    state,
    store::{DocumentKind, MachineKind, MachineRow, RefusalRow},
};
use gantry_types::{instant::Instant, uid::StudyInstanceUid};
use serde_json::{Value, json};

use crate::{
    destinations,
    disk::{self, Disk, Level},
    health, quarantine, sources,
    story::choices,
    view::{View, ViewError},
};

/// Senders that were refused longer ago need nobody any more.
const REFUSED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nothing comes in, or nothing is done any more.
    Now,
    /// Something has stopped, and goes on only when a person acts.
    Stopped,
    /// It may right itself, or not: somebody should see.
    Watch,
}

/// What ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Whether a study is to run for a workflow.
    Decide {
        /// The study.
        study: StudyInstanceUid,
        /// The workflow.
        workflow: String,
        /// What would apply.
        choices: Vec<Decision>,
    },
    /// Another try.
    Retry {
        /// As the quarantine calls it.
        what: String,
    },
    /// Letting a sender in.
    Accept {
        /// How it calls itself.
        calling: String,
        /// Where from.
        address: String,
    },
    /// A command, or something outside of Gantry.
    Elsewhere(&'static str),
}

impl Remedy {
    /// The command that does it.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::Decide { study, workflow, choices } => {
                let words = arguments(choices);
                format!("gantry study decide --data DATA {study} --workflow {workflow} {words} --reason TEXT")
            }
            Self::Retry { what } => format!("gantry quarantine retry --data DATA {what} --reason TEXT"),
            Self::Accept { calling, address } => {
                format!("gantry source accept --data DATA \"{calling}\" --address {address} --reason TEXT")
            }
            Self::Elsewhere(what) => (*what).to_owned(),
        }
    }
}

/// The decisions, as `gantry study decide` takes them.
#[must_use]
pub fn arguments(choices: &[Decision]) -> String {
    let word = |choice: &Decision| match choice {
        Decision::Go | Decision::Again => "--go",
        Decision::Skip => "--skip",
        Decision::Use(Use::First) => "--use first",
        Decision::Use(Use::Newest) => "--use newest",
    };
    choices.iter().map(word).collect::<Vec<_>>().join("|")
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// How urgent.
    pub urgency: Urgency,
    /// One word: `study`, `run`, `delivery`, `evidence`, `destination`, `sender`, `disk`, `node`.
    pub kind: &'static str,
    /// What it is called.
    pub what: String,
    /// The study that it is about.
    pub study: Option<StudyInstanceUid>,
    /// Since when.
    pub since: Option<Instant>,
    /// What is so.
    pub sentence: String,
    /// What ends it.
    pub remedy: Remedy,
}

/// All that needs a person now.
///
/// # Errors
/// [`ViewError::Store`].
pub fn all(view: &View, pulses: &[Pulse], now: Instant) -> Result<Vec<Need>, ViewError> {
    let mut needs = of_node(view, pulses);
    needs.extend(quarantine::waiting(view)?.iter().map(of_stopped));
    needs.extend(of_destinations(view)?);
    needs.extend(of_senders(view, now)?);
    // Within an urgency as they were found: the longest waiting first.
    needs.sort_by_key(|need| need.urgency);
    Ok(needs)
}

/// The document of what needs a person.
#[must_use]
pub fn json(needs: &[Need]) -> Value {
    let one = |need: &Need| {
        let urgency = match need.urgency {
            Urgency::Now => "now",
            Urgency::Stopped => "stopped",
            Urgency::Watch => "watch",
        };
        json!({
            "urgency": urgency,
            "kind": need.kind,
            "what": need.what,
            "study": need.study.as_ref().map(StudyInstanceUid::as_str),
            "since": need.since.map(|since| since.to_string()),
            "sentence": need.sentence,
            "do": need.remedy.command(),
        })
    };
    json!({ "attention": needs.iter().map(one).collect::<Vec<_>>() })
}

fn of_node(view: &View, pulses: &[Pulse]) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |urgency, kind, what: &str, sentence: String, remedy| {
        let (what, remedy) = (what.to_owned(), Remedy::Elsewhere(remedy));
        needs.push(Need { urgency, kind, what, study: None, since: None, sentence, remedy });
    };
    if health::wrong(view, pulses).contains(&"service/thread-ended") {
        let sentence = "a part of the server has ended, and its work is not done".to_owned();
        add(Urgency::Now, "node", "this node", sentence, "restart gantry serve; its log says what ended");
    }
    match Disk::read(view) {
        Err(error) => {
            let sentence = error.sentence();
            add(Urgency::Now, "disk", "the disk", sentence, "look after the disk of the data folder");
        }
        Ok(disk) => {
            let [free, reserve] = [disk.room.free, disk.room.reserve].map(disk::shown);
            let make =
                "make room on the disk of the data folder, or lower storage.reserve_mib in gantry.toml";
            match disk.level() {
                Level::Full => {
                    let sentence = format!(
                        "{free} are free and {reserve} stay free: objects are refused, and no run begins"
                    );
                    add(Urgency::Now, "disk", "the disk", sentence, make);
                }
                Level::Low => {
                    let sentence = format!("{free} are free: at {reserve} objects will be refused");
                    add(Urgency::Watch, "disk", "the disk", sentence, make);
                }
                Level::Good => {}
            }
        }
    }
    needs
}

fn of_stopped(row: &MachineRow) -> Need {
    let what = quarantine::name(row);
    let remedy = match row.key.kind {
        MachineKind::Case => {
            // What another version left cannot be judged; whoever orders finds out.
            let case = state::case::state(row);
            let choices = case.map_or_else(|_| vec![Decision::Skip], |case| choices(&case, false));
            Remedy::Decide { study: row.key.study.clone(), workflow: row.key.name.clone(), choices }
        }
        MachineKind::Run | MachineKind::Delivery | MachineKind::Publication => {
            Remedy::Retry { what: what.clone() }
        }
    };
    Need {
        urgency: Urgency::Stopped,
        kind: quarantine::kind(row),
        what,
        study: Some(row.key.study.clone()),
        since: row.person,
        sentence: quarantine::why(row),
        remedy,
    }
}

fn of_destinations(view: &View) -> Result<Vec<Need>, ViewError> {
    let queues = destinations::all(view)?;
    let failing = queues.into_iter().filter(|(_, queue)| queue.counts.contains_key("retrying"));
    let one = |(name, queue): (String, destinations::Queue)| {
        let error = queue.error.as_deref().unwrap_or("no error is known");
        let waiting = match queue.waiting() {
            1 => format!("one delivery to {name} waits, and is tried again by itself"),
            many => format!("{many} deliveries to {name} wait, and are tried again by themselves"),
        };
        Need {
            urgency: Urgency::Watch,
            kind: "destination",
            sentence: format!("{waiting}: {error}"),
            what: name,
            study: None,
            since: queue.oldest,
            remedy: Remedy::Elsewhere(
                "see that the destination answers: gantry echo HOST:PORT --called TITLE",
            ),
        }
    };
    Ok(failing.map(one).collect())
}

/// Senders that were refused lately and that no Source lets in by now, each once.
fn of_senders(view: &View, now: Instant) -> Result<Vec<Need>, ViewError> {
    let mut sources = Vec::new();
    for row in view.definitions.newest_documents(&view.site, DocumentKind::Source)? {
        match definitions::body(&row) {
            Ok(Body::Source(source)) => sources.push(source),
            Ok(Body::Workflow(_) | Body::Destination(_) | Body::Door(_)) | Err(_) => {}
        }
    }
    let mut senders: BTreeMap<(String, String), RefusalRow> = BTreeMap::new();
    for row in sources::refused(view)? {
        if now.since(row.last) <= REFUSED_FOR && !is_let_in(&sources, &row) {
            senders.entry((row.calling.clone(), row.address.clone())).or_insert(row);
        }
    }
    let one = |((calling, address), row): ((String, String), RefusalRow)| Need {
        urgency: Urgency::Watch,
        kind: "sender",
        what: format!("{calling} from {address}"),
        study: None,
        since: Some(row.last),
        sentence: format!("it called {} and was refused: {}", row.called, row.reason),
        remedy: if sources::is_for_its_sender(&row) {
            Remedy::Accept { calling, address }
        } else {
            Remedy::Elsewhere("correct what it calls, or apply a Door document of that title")
        },
    };
    let mut needs: Vec<Need> = senders.into_iter().map(one).collect();
    needs.sort_by_key(|need| std::cmp::Reverse(need.since));
    Ok(needs)
}

fn is_let_in(sources: &[Source], row: &RefusalRow) -> bool {
    let address: Option<IpAddr> = row.address.parse().ok();
    sources.iter().any(|source| {
        // As refusals are listed: they hold whatever peers sent.
        let title = source.ae_title.to_string().as_bytes().escape_ascii().to_string();
        title == row.calling
            && address.is_some_and(|address| source.addresses.iter().any(|network| network.contains(address)))
    })
}

#[cfg(test)]
mod tests;
