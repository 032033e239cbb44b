//! Documents: workflows, sources, destinations and doors, as YAML.
//!
//! A file holds any number of documents, with `---` between them. [`read`] gives all of them, or everything that is
//! wrong with any of them. Every key, its default and its meaning stand in [`keys::KEYS`], every variable of an
//! expression in [`variables::VARIABLES`].
//!
//! Invariants
//! - A document that is accepted cannot fail later for its form: names, times, addresses and expressions are checked.
//! - [`Document::canonical`] is the same for documents that say the same in the same words, however they are laid out;
//!   its digest pins the version.
//! - A problem has its line and column, the text that is wrong and, where there is one, what to do about it.

mod canonical;
mod destination;
mod door;
mod explain;
pub mod forms;
pub mod keys;
mod read;
mod source;
mod tree;
mod values;
pub mod variables;
mod workflow;

use std::{collections::BTreeMap, fmt};

pub use destination::{Confirmation, Destination, EvidenceKind};
pub use door::{Accepts, Door};
pub use explain::{Explanation, StudyFacts};
pub use source::Source;
pub use values::{Cidr, CidrError, HostPort};
pub use workflow::{Delivery, Input, LaneRule, TaskUse, Workflow};

use crate::package::Class;
use read::{Mapping, Problems, choice, text};

/// The only version so far.
pub const API_VERSION: &str = "gantry/v1";

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it begins in its file.
    pub at: Place,
    /// The bytes that its digest is taken over.
    pub canonical: Vec<u8>,
    /// What it says.
    pub body: Body,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// What is run on which studies.
    Workflow(Box<Workflow>),
    /// Who may send to us.
    Source(Source),
    /// Whom we send to.
    Destination(Destination),
    /// As whom we are called.
    Door(Door),
}

/// The kind of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`Body::Workflow`].
    Workflow,
    /// [`Body::Source`].
    Source,
    /// [`Body::Destination`].
    Destination,
    /// [`Body::Door`].
    Door,
}

const KINDS: &[(&str, Kind)] = &[
    ("Workflow", Kind::Workflow),
    ("Source", Kind::Source),
    ("Destination", Kind::Destination),
    ("Door", Kind::Door),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("document", |(name, _)| name);
        f.write_str(name)
    }
}

impl Document {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Workflow(_) => Kind::Workflow,
            Body::Source(_) => Kind::Source,
            Body::Destination(_) => Kind::Destination,
            Body::Door(_) => Kind::Door,
        }
    }

    /// Its name: with the kind, its key.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.body {
            Body::Workflow(workflow) => workflow.name.as_str(),
            Body::Source(source) => source.name.as_str(),
            Body::Destination(destination) => destination.name.as_str(),
            Body::Door(door) => door.name.as_str(),
        }
    }
}

/// A place in a file; both numbers begin at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

/// Something wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {what}{}", at.line, at.column, hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct DocumentError {
    /// Where.
    pub at: Place,
    /// What is wrong, with the text that is.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Reads all documents of a file.
///
/// # Errors
/// Everything that is wrong with them, in the order of the file; never empty.
pub fn read(file: &str) -> Result<Vec<Document>, Vec<DocumentError>> {
    let trees = tree::parse(file).map_err(|error| vec![error])?;
    let mut problems = Problems::default();
    let mut documents = Vec::new();
    for tree in &trees {
        let before = problems.count();
        let document = document(tree, &mut problems);
        if document.is_none() && problems.count() == before {
            // No reader gives up without a word; should one, the document must not be lost in silence.
            problems.add(tree.at, "this document cannot be read".to_owned(), None);
        }
        documents.extend(document);
    }
    let mut first: BTreeMap<(Kind, String), Place> = BTreeMap::new();
    for document in &documents {
        let key = (document.kind(), document.name().to_owned());
        if let Some(before) = first.get(&key) {
            let what = format!("there are two documents {} `{}`", document.kind(), document.name());
            problems.add(document.at, what, Some(format!("the first is in line {}", before.line)));
        } else {
            first.insert(key, document.at);
        }
    }
    problems.none().map(|()| documents)
}

fn document(tree: &tree::Tree, problems: &mut Problems) -> Option<Document> {
    let top = Mapping::of(tree, "a document", problems)?;
    let version = top.required("apiVersion", problems).and_then(|version| text(version, problems));
    if version.is_some_and(|version| version != API_VERSION) {
        let at = top.get("apiVersion").map_or(top.at, |version| version.at);
        let what = format!("`{}` is no version that is read here", version.unwrap_or_default());
        problems.add(at, what, Some(format!("write `apiVersion: {API_VERSION}`")));
    }
    let kind = top.required("kind", problems).and_then(|kind| choice(kind, KINDS, problems))?;
    top.only("", &kind.to_string(), problems);
    let body = match kind {
        Kind::Workflow => workflow::read(&top, problems).map(|workflow| Body::Workflow(Box::new(workflow))),
        Kind::Source => source::read(&top, problems).map(Body::Source),
        Kind::Destination => destination::read(&top, problems).map(Body::Destination),
        Kind::Door => door::read(&top, problems).map(Body::Door),
    }?;
    Some(Document { at: tree.at, canonical: canonical::bytes(tree), body })
}

/// `metadata`, of a kind that has a class or has none.
fn metadata<'a>(top: &Mapping<'a>, kind: Kind, problems: &mut Problems) -> Option<Mapping<'a>> {
    let tree = top.required("metadata", problems)?;
    Mapping::open(tree, &format!("{kind}.metadata"), problems)
}

const CLASSES: &[(&str, Class)] = &[
    (Class::Clinical.as_str(), Class::Clinical),
    (Class::Research.as_str(), Class::Research),
    (Class::Test.as_str(), Class::Test),
];

/// `metadata.class`; nothing if what is written is no class.
fn class(metadata: &Mapping<'_>, problems: &mut Problems) -> Option<Class> {
    metadata.get("class").map_or(Some(Class::Clinical), |class| choice(class, CLASSES, problems))
}

#[cfg(test)]
mod tests;
