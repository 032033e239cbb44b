//! Documents in the store: taking them in, and who may come in by them.

use gantry_api::{
    documents::{Applied, ApplyError, Desk as Taking, Listed, Taken},
    orders::By,
    view::ViewError,
};
use gantry_definition::{
    document::{self, Body, Document, EvidenceKind, Workflow},
    package::Package,
};
use gantry_gateway::sources::{Doors, Source, Sources, TitleRule};
use gantry_ports::{
    definitions,
    packages::Packages as _,
    store::{AuditRow, Change, CommitError, DocumentKind, DocumentRow, Expectation, Row, StoreError},
};
use gantry_types::digest::Digest;
use sha2::{Digest as _, Sha256};

use crate::{
    applications,
    node::Node,
    report::{Exit, Failure, say},
};

/// A document and the text that it was read from.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) document: Document,
}

/// Where a node takes documents into use.
pub(crate) struct Desk(pub(crate) Node);

impl Taking for Desk {
    fn apply(&self, file: &str, text: &str, by: &By) -> Result<Vec<Applied>, ApplyError> {
        let written = read(file, text).map_err(ApplyError::Invalid)?;
        apply(&self.0, &written, by)
    }

    fn applications(&self) -> Result<Vec<Listed>, ViewError> {
        let shelf = applications::Shelf::of(&self.0);
        let names = shelf.names()?.into_iter();
        Ok(names.map(|name| Listed { found: shelf.find(&name), name }).collect())
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let sentence = error.to_string();
        match error {
            ApplyError::Invalid(problems) => invalid(&problems),
            ApplyError::Conflict => {
                Self::new(Exit::Failed, "definition/conflict", sentence).hint("apply again")
            }
            ApplyError::View(error) => error.into(),
        }
    }
}

/// Reads the documents of a file; else all that is wrong with them, a line each.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Written>, Vec<String>> {
    let documents = document::read(text)
        .map_err(|errors| errors.iter().map(|error| format!("{file}:{error}")).collect::<Vec<_>>())?;
    let lines: Vec<&str> = text.lines().collect();
    let first_line = |document: &Document| usize::try_from(document.at.line).unwrap_or(usize::MAX).max(1) - 1;
    let mut ends: Vec<usize> = documents.iter().skip(1).map(first_line).collect();
    ends.push(lines.len());
    let written = documents.into_iter().zip(ends).map(|(document, end)| {
        let own = lines.get(first_line(&document)..end).unwrap_or_default();
        let own: Vec<&str> = own.iter().copied().take_while(|line| line.trim_end() != "---").collect();
        Written { file: file.to_owned(), text: own.join("\n") + "\n", document }
    });
    let written: Vec<Written> = written.collect();
    let says_the_same = |one: &&Written| {
        let again = document::read(&one.text).unwrap_or_default();
        matches!(&*again, [document] if document.canonical == one.document.canonical)
    };
    match written.iter().find(|one| !says_the_same(one)) {
        None => Ok(written),
        Some(one) => {
            let at = one.document.at;
            let what = "this document cannot be parted from its neighbours: put `---` on a line of its own";
            Err(vec![format!("{file}:{}:{}: {what}", at.line, at.column)])
        }
    }
}

fn kind_of(document: &Document) -> DocumentKind {
    match document.kind() {
        document::Kind::Workflow => DocumentKind::Workflow,
        document::Kind::Source => DocumentKind::Source,
        document::Kind::Destination => DocumentKind::Destination,
        document::Kind::Door => DocumentKind::Door,
    }
}

fn unreadable(error: &StoreError) -> Failure {
    Failure::unexpected("store/unreadable", error)
}

/// Takes documents into use: all of them, or none.
pub(crate) fn apply(node: &Node, written: &[Written], by: &By) -> Result<Vec<Applied>, ApplyError> {
    let problems = references(node, written)?;
    if !problems.is_empty() {
        return Err(ApplyError::Invalid(problems));
    }
    let mut change = Change::default();
    let mut applied = Vec::new();
    for Written { text, document, .. } in written {
        let (kind, name) = (kind_of(document), document.name().to_owned());
        let digest = Digest(Sha256::digest(&document.canonical).into());
        let newest = node.definitions.newest_documents(&node.site, kind).map_err(ViewError::from)?;
        let before = newest.into_iter().find(|row| row.name == name);
        let (version, taken) = follows(before.as_ref(), digest);
        if taken == Taken::New {
            put(
                node,
                &mut change,
                by,
                DocumentRow {
                    site: node.site.clone(),
                    kind,
                    name: name.clone(),
                    version,
                    digest,
                    text: text.clone(),
                    applied: node.outside.clock.now(),
                },
            );
        }
        applied.push(Applied { kind, name, version, digest, change: taken });
    }
    if change.rows.is_empty() {
        return Ok(applied);
    }
    commit(node, &change)?;
    Ok(applied)
}

/// The version of what has this digest, after the one in use.
pub(crate) fn follows(before: Option<&DocumentRow>, digest: Digest) -> (u32, Taken) {
    match before {
        Some(row) if row.digest == digest => (row.version, Taken::Unchanged),
        Some(row) => (row.version + 1, Taken::New),
        None => (1, Taken::New),
    }
}

/// Takes a row into use that is no document of a person.
pub(crate) fn commit_one(node: &Node, row: DocumentRow, by: &By) -> Result<(), ApplyError> {
    let mut change = Change::default();
    put(node, &mut change, by, row);
    commit(node, &change)
}

fn commit(node: &Node, change: &Change) -> Result<(), ApplyError> {
    match node.outside.store.commit(change) {
        Ok(_) => Ok(()),
        Err(CommitError::Conflict(_)) => Err(ApplyError::Conflict),
        Err(CommitError::Store(error)) => Err(ViewError::from(error).into()),
    }
}

fn put(node: &Node, change: &mut Change, by: &By, row: DocumentRow) {
    change.expect.push(Expectation::Version {
        site: node.site.clone(),
        kind: row.kind,
        name: row.name.clone(),
        version: row.version - 1,
    });
    change.audit.push(AuditRow {
        at: row.applied,
        actor: by.actor.to_string(),
        action: "definition/applied".to_owned(),
        subject: format!("{} {}", row.kind.as_str(), row.name),
        detail: format!("version {}, digest {}: {}", row.version, row.digest, by.why()),
    });
    change.rows.push(Row::Document(row));
}

/// All that is wrong, told one by one, and the failure that says how much it was.
pub(crate) fn invalid(problems: &[String]) -> Failure {
    problems.iter().for_each(|problem| say(problem));
    let sentence = format!("{} problems: nothing was applied", problems.len());
    Failure::new(Exit::Input, "definition/invalid", sentence)
}

/// What the documents name that is not there, neither among them nor in the store, and what would never go anywhere.
fn references(node: &Node, written: &[Written]) -> Result<Vec<String>, ViewError> {
    let [destinations, sources, workflows] =
        [DocumentKind::Destination, DocumentKind::Source, DocumentKind::Workflow]
            .map(|kind| Known::read(node, written, kind));
    let (destinations, sources, workflows) = (destinations?, sources?, workflows?);
    let shelf = applications::Shelf::of(node);
    let mut problems = Vec::new();
    for Written { file, document, .. } in written {
        let mut add = |what: String| {
            problems.push(format!("{file}:{}:{}: {what}", document.at.line, document.at.column))
        };
        match &document.body {
            Body::Workflow(workflow) => {
                for to in workflow.deliver.iter().map(|delivery| delivery.to.as_str()) {
                    if !destinations.has(to) {
                        add(format!("there is no Destination `{to}`"));
                    }
                }
                destinations
                    .all()
                    .for_each(|body| undelivered(workflow, body).into_iter().for_each(&mut add));
                for task in workflow.tasks.values() {
                    match shelf.find(&task.app) {
                        Some(application) => {
                            undeclared(&application.package, task.asserted.keys()).for_each(&mut add)
                        }
                        None => add(format!("there is no application `{}`", task.app.as_str())),
                    }
                }
            }
            Body::Door(door) => {
                if let document::Accepts::Only(names) = &door.accepts {
                    let unknown = names.iter().filter(|name| !sources.has(name.as_str()));
                    unknown.for_each(|name| add(format!("there is no Source `{}`", name.as_str())));
                }
            }
            Body::Source(source) => {
                if !is_zone(&source.zone) {
                    add(format!("the time zone database has no `{}`", source.zone));
                }
            }
            // A workflow that is written beside it says it of itself.
            Body::Destination(_) => {
                let kept = workflows.kept.iter().filter_map(|kept| kept.body.as_ref());
                for workflow in kept.filter_map(workflow_of) {
                    undelivered(workflow, &document.body).into_iter().for_each(&mut add);
                }
            }
        }
    }
    Ok(problems)
}

/// The documents of a kind as they would be: the written ones, and of the stored ones those that none of them replaces.
struct Known<'a> {
    written: Vec<&'a Document>,
    kept: Vec<Kept>,
}

/// A stored document.
struct Kept {
    name: String,
    /// Nothing of one that another version of this program took, and this one cannot read.
    body: Option<Body>,
}

impl<'a> Known<'a> {
    fn read(node: &Node, written: &'a [Written], kind: DocumentKind) -> Result<Self, ViewError> {
        let rows = node.definitions.newest_documents(&node.site, kind)?;
        let written: Vec<&Document> =
            written.iter().map(|written| &written.document).filter(|one| kind_of(one) == kind).collect();
        let rows = rows.into_iter().filter(|row| !written.iter().any(|one| one.name() == row.name));
        let kept = rows.map(|row| Kept { body: definitions::body(&row).ok(), name: row.name });
        let kept = kept.collect();
        Ok(Self { written, kept })
    }

    fn has(&self, name: &str) -> bool {
        self.written.iter().any(|one| one.name() == name) || self.kept.iter().any(|kept| kept.name == name)
    }

    fn all(&self) -> impl Iterator<Item = &Body> {
        let kept = self.kept.iter().filter_map(|kept| kept.body.as_ref());
        self.written.iter().map(|document| &document.body).chain(kept)
    }
}

fn workflow_of(body: &Body) -> Option<&Workflow> {
    match body {
        Body::Workflow(workflow) => Some(workflow),
        Body::Source(_) | Body::Destination(_) | Body::Door(_) => None,
    }
}

/// That a workflow delivers to a destination nothing of what that one takes.
fn undelivered(workflow: &Workflow, destination: &Body) -> Option<String> {
    let destination = match destination {
        Body::Destination(destination) => destination,
        Body::Workflow(_) | Body::Source(_) | Body::Door(_) => return None,
    };
    let delivery = workflow.deliver.iter().find(|delivery| delivery.to == destination.name)?;
    if delivery.kinds(destination).next().is_some() {
        return None;
    }
    let words = |kinds: &[EvidenceKind]| {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        words.join(", ")
    };
    Some(format!(
        "Workflow `{}` delivers [{}] to `{}`, which takes [{}]: nothing would ever go there",
        workflow.name,
        words(delivery.what.as_deref().unwrap_or_default()),
        destination.name,
        words(&destination.what)
    ))
}

/// Whether there is such a time zone: in the machine's database, else in the one that ships inside the program.
fn is_zone(name: &str) -> bool {
    jiff::tz::TimeZone::get(name).is_ok()
}

/// Clauses that a workflow vouches for and the contract does not have.
fn undeclared<'a>(
    package: &Package,
    asserted: impl Iterator<Item = &'a String>,
) -> impl Iterator<Item = String> {
    asserted
        .filter(|name| !package.has_clause(name))
        .map(|name| format!("the contract of {} has no clause `{name}`", package.name.as_str()))
}

/// What workflows in use assert of an application and its package does not have.
pub(crate) fn unmet(node: &Node, package: &Package) -> Result<Vec<String>, Failure> {
    let known = Known::read(node, &[], DocumentKind::Workflow)?;
    let mut problems = Vec::new();
    for workflow in known.all().filter_map(workflow_of) {
        for task in workflow.tasks.values().filter(|task| task.app == package.name) {
            let missing = undeclared(package, task.asserted.keys());
            problems.extend(missing.map(|why| format!("workflow `{}`: {why}", workflow.name)));
        }
    }
    Ok(problems)
}

/// The documents that say who may come in by which title.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DoorRows {
    sources: Vec<DocumentRow>,
    doors: Vec<DocumentRow>,
}

impl DoorRows {
    /// Those in use.
    pub(crate) fn read(node: &Node) -> Result<Self, Failure> {
        let newest =
            |kind| node.definitions.newest_documents(&node.site, kind).map_err(|error| unreadable(&error));
        Ok(Self { sources: newest(DocumentKind::Source)?, doors: newest(DocumentKind::Door)? })
    }
}

/// By which titles this node is called, and whom each lets in: the configured title every source, a Door document its
/// own. This machine may come in everywhere, where it is trusted.
pub(crate) fn doors(node: &Node, rows: &DoorRows) -> Result<Doors, Failure> {
    let title = node.config.ae_title().map_err(|why| Failure::new(Exit::Config, "config/invalid", why))?;
    let loopback = || if node.config.dicom.trust_loopback { Sources::loopback() } else { Sources::default() };
    let mut named = Vec::new();
    for row in &rows.sources {
        match definitions::body(row) {
            Ok(body) => named.extend(source_of(body).map(|source| (row.name.as_str(), source))),
            Err(unreadable) => say(&format!("warning: {unreadable}; it lets nobody in")),
        }
    }
    let accepting = |is_meant: &dyn Fn(&str) -> bool| {
        let mut sources = loopback();
        let meant = named.iter().filter(|(name, _)| is_meant(name));
        sources.0.extend(meant.map(|(_, source)| source.clone()));
        sources
    };
    let mut doors = Doors(vec![TitleRule { title, accepts: accepting(&|_| true) }]);
    for row in &rows.doors {
        match definitions::body(row) {
            Ok(Body::Door(door)) => {
                let accepts = match &door.accepts {
                    document::Accepts::EverySource => accepting(&|_| true),
                    document::Accepts::Only(names) => {
                        accepting(&|name| names.iter().any(|only| only.as_str() == name))
                    }
                };
                let rule = |title| TitleRule { title, accepts: accepts.clone() };
                doors.0.extend(door.ae_titles.into_iter().map(rule));
            }
            Ok(Body::Workflow(_) | Body::Source(_) | Body::Destination(_)) => {}
            Err(unreadable) => say(&format!("warning: {unreadable}; it stays closed")),
        }
    }
    Ok(doors)
}

fn source_of(body: Body) -> Option<Source> {
    match body {
        Body::Source(source) => Some(Source { title: Some(source.ae_title), networks: source.addresses }),
        Body::Workflow(_) | Body::Destination(_) | Body::Door(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_keeps_its_own_text_and_says_the_same_when_read_again() {
        let file = "# all of them\napiVersion: gantry/v1\nkind: Source\nmetadata: { name: a }\naeTitle: A\naddresses: [10.0.0.1]\n---\n\n# the second\napiVersion: gantry/v1\nkind: Source\nmetadata: { name: b }\naeTitle: B\naddresses: [10.0.0.2] # here\n";
        let written = read("f", file).unwrap();
        assert_eq!(written.len(), 2);
        for one in &written {
            let again = document::read(&one.text).unwrap();
            assert_eq!(again[0].canonical, one.document.canonical, "{}", one.text);
        }
        assert!(written[1].text.contains("# here"));
    }

    #[test]
    fn what_is_wrong_has_its_file_and_line() {
        let wrong = read("f.yaml", "apiVersion: gantry/v1\nkind: Sauce\n").unwrap_err();
        assert!(wrong[0].starts_with("f.yaml:2:7: "), "{wrong:?}");
    }
}
