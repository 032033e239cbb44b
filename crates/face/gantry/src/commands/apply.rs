//! `gantry apply`: taking documents into use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use gantry_api::documents::{Applied, Taken, applied_json};

use super::by_command;
use crate::{
    cli::Apply,
    documents,
    node::{Access, Node},
    report::{Exit, Failure, print},
};

/// `gantry apply`.
pub(crate) fn run(options: &Apply) -> Result<(), Failure> {
    let by = by_command(options.reason.as_deref())?;
    let node = Node::open(&options.listing.data, Access::Read)?;
    let mut written = Vec::new();
    let mut problems = Vec::new();
    for path in files(&options.file)? {
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        match documents::read(&path.display().to_string(), &text) {
            Ok(documents) => written.extend(documents),
            Err(wrong) => problems.extend(wrong),
        }
    }
    for (at, one) in written.iter().enumerate() {
        let is_same = |other: &&documents::Written| {
            (other.document.kind(), other.document.name()) == (one.document.kind(), one.document.name())
        };
        if let Some(before) = written.iter().take(at).find(is_same) {
            let (kind, name) = (one.document.kind(), one.document.name());
            problems.push(format!("{}: {kind} `{name}` stands in {} too", one.file, before.file));
        }
    }
    if !problems.is_empty() {
        return Err(documents::invalid(&problems));
    }
    if written.is_empty() {
        let sentence = format!("{} holds no documents", options.file.display());
        return Err(Failure::new(Exit::Input, "definition/none", sentence));
    }
    show(&documents::apply(&node, &written, &by)?, options.listing.json)
}

/// Tells what became of documents.
pub(super) fn show(applied: &[Applied], as_json: bool) -> Result<(), Failure> {
    if as_json {
        print(&applied_json(applied).to_string())?;
    } else {
        for one in applied {
            let what = if one.change == Taken::New { "is in use" } else { "is in use already" };
            print(&format!("{} {}: version {} {what}", one.kind.as_str(), one.name, one.version))?;
        }
    }
    Ok(())
}

/// The file, or the YAML files of the folder in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Input, "definition/unreadable", format!("cannot read {}: {error}", path.display()))
}
