//! `gantry backup` and `gantry restore`: a copy of a node, also while it serves.
//!
//! A backup is a data folder: rows as of one moment, then the segments that they point into, then what people wrote
//! and the site secret, and `gantry.toml` last, without which nothing takes it for a data folder.
//!
//! Whoever serves it finds what a node finds after a power cut at that moment. But the node may have gone on: a run that
//! was under way may have given a result elsewhere, under the same UIDs. So restoring begins such runs anew.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::Path,
};

use gantry_conductor::Decision;
use gantry_flow::names::Actor;
use gantry_ports::{blob::BlobRef, state, store::StudyRow};
use gantry_types::{digest::Digest, ids::RunId, instant::Instant, uid::StudyInstanceUid};
use serde_json::json;

use crate::{
    applications::{self, Shelf},
    cli::{Backup, Restore},
    config,
    node::{self, Access, Node},
    report::{Exit, Failure, print, say, unreadable},
    secret, serving,
};

/// What people wrote, and what must never be lost, beside the database and the segments.
const FILES: &[&str] = &[secret::FILE, secret::TOKEN_FILE];
/// Folders of such files.
const FOLDERS: &[&str] = &["documents", applications::FOLDER, secret::TOKENS];
/// How many studies are read at once.
const PAGE: usize = 200;

/// What a copy holds.
struct Copied {
    studies: usize,
    contents: usize,
}

/// `gantry backup`.
pub(crate) fn backup(options: &Backup) -> Result<(), Failure> {
    let data = &options.listing.data;
    // Says what is wrong with the folder, if it is none.
    drop(Node::open(data, Access::Read)?);
    let copied = copy(data, &options.to)?;
    done(options.listing.json, "backup", &options.to, &copied)
}

/// `gantry restore`.
pub(crate) fn restore(options: &Restore) -> Result<(), Failure> {
    drop(Node::open(&options.backup, Access::Read)?);
    let copied = copy(&options.backup, &options.data)?;
    let anew = begin_anew(&Node::open(&options.data, Access::Read)?)?;
    done(options.json, "restored", &options.data, &copied)?;
    if !options.json {
        print(&format!("{anew} runs that were under way are begun anew"))?;
        print(&format!("`gantry serve --data {}` goes on where it was made", options.data.display()))?;
    }
    Ok(())
}

fn done(as_json: bool, what: &str, folder: &Path, copied: &Copied) -> Result<(), Failure> {
    let Copied { studies, contents } = copied;
    if as_json {
        return print(&json!({ what: folder, "studies": studies, "contents": contents }).to_string());
    }
    print(&format!("{}: {studies} studies, {contents} objects and files, each read back", folder.display()))
}

/// Copies a data folder, and reads back all that its rows point to.
fn copy(from: &Path, to: &Path) -> Result<Copied, Failure> {
    let unwritable = |error: io::Error| {
        let sentence = format!("cannot copy {} to {}: {error}", from.display(), to.display());
        Failure::new(Exit::Failed, "backup/unwritable", sentence)
    };
    if to.exists() && fs::read_dir(to).map_err(unwritable)?.next().is_some() {
        let sentence = format!("{} is not empty", to.display());
        return Err(Failure::new(Exit::Input, "backup/exists", sentence).hint("name a new folder"));
    }
    node::create_private(to).map_err(unwritable)?;
    // Rows first: what they point to is on stable storage by then, and stays.
    gantry_sqlite::snapshot(&from.join(node::DATABASE), &to.join(node::DATABASE))
        .map_err(|error| Failure::unexpected("backup/database", &error))?;
    let mut progress = |number: usize, of: usize| say(&format!("segment {} of {of}", number + 1));
    gantry_segments::copy(&from.join(node::SEGMENTS), &to.join(node::SEGMENTS), &mut progress)
        .map_err(|error| Failure::unexpected("backup/segments", &error))?;
    for name in FILES {
        copy_file(&from.join(name), &to.join(name)).map_err(unwritable)?;
    }
    for name in FOLDERS {
        copy_folder(&from.join(name), &to.join(name)).map_err(unwritable)?;
    }
    let sync = || File::open(to).and_then(|folder| folder.sync_all());
    sync().map_err(unwritable)?;
    copy_file(&from.join(config::FILE), &to.join(config::FILE)).and_then(|()| sync()).map_err(unwritable)?;
    verify(to)
}

/// Ends the runs that were under way, and begins them anew; says how many.
fn begin_anew(node: &Node) -> Result<usize, Failure> {
    let conductor = serving::conductor(node);
    let by = Actor::from("restore");
    let (mut anew, mut before): (usize, Option<RunId>) = (0, None);
    loop {
        let page = node.runs.newest_runs(&node.site, before.as_ref(), PAGE).map_err(unreadable)?;
        let Some(last) = page.last() else { return Ok(anew) };
        before = Some(last.id.clone());
        for run in &page {
            let key = state::run::key(&run.site, &run.study, &run.id);
            let Some(row) = node.cases.machine(&key).map_err(unreadable)? else { continue };
            let is_over = state::run::state(&row).is_ok_and(|state| state.outcome().is_some());
            if is_over {
                continue;
            }
            let reason = "it was under way when the backup was made";
            match conductor.decide(&run.study, &run.workflow, Decision::Again, &by, reason) {
                Ok(()) => anew += 1,
                Err(error) => {
                    say(&format!("warning: run {} is not begun anew: {error}; it is cancelled", run.id));
                    let cancelled = conductor.cancel(&row, &by, reason);
                    cancelled.map_err(|error| {
                        Failure::new(Exit::Failed, "backup/run", format!("run {}: {error}", run.id))
                    })?;
                }
            }
        }
    }
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_file() {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() { copy_folder(&path, &to)? } else { copy_file(&path, &to)? }
    }
    File::open(to)?.sync_all()
}

/// Reads everything that the rows of a folder point to, and compares it with their digests.
fn verify(data: &Path) -> Result<Copied, Failure> {
    let node = Node::open(data, Access::Read)?;
    let mut copied = Copied { studies: 0, contents: 0 };
    let mut damaged = damaged_applications(&node)?;
    let mut before = Instant(i64::MAX);
    let mut seen: BTreeSet<StudyInstanceUid> = BTreeSet::new();
    loop {
        let page = node.outside.intake.newest_studies(&node.site, before, PAGE).map_err(unreadable)?;
        let Some(last) = page.last() else { break };
        // Those of one instant may stand on two pages.
        let next = Instant(last.first_received.0.saturating_add(1));
        before = if next < before { next } else { last.first_received };
        for study in &page {
            if !seen.insert(study.uid.clone()) {
                continue;
            }
            copied.studies += 1;
            for (what, blob, digest) in contents(&node, study)? {
                copied.contents += 1;
                if node.outside.blob.verify(blob).ok() != Some(digest) {
                    damaged += 1;
                    say(&format!("warning: {what} of study {} is damaged in {}", study.uid, data.display()));
                }
            }
        }
    }
    if damaged == 0 {
        return Ok(copied);
    }
    let sentence =
        format!("{damaged} of {} objects and files are damaged; the rest is there", copied.contents);
    Err(Failure::new(Exit::Failed, "backup/damaged", sentence)
        .hint("`gantry doctor` on the node it was made of; what is damaged there was damaged before"))
}

/// Installed applications whose files are not those of their rows; and the secret, without which evidence would get
/// other UIDs.
fn damaged_applications(node: &Node) -> Result<usize, Failure> {
    if !node.data.join(secret::FILE).is_file() {
        say("warning: there is no site secret: a node that has served has one");
    }
    let shelf = Shelf::of(node);
    let mut damaged = 0;
    for row in shelf.installed().map_err(unreadable)? {
        if shelf.pinned_row(&row).is_none() {
            damaged += 1;
            say(&format!("warning: the files of application {} are damaged or gone", row.name));
        }
    }
    Ok(damaged)
}

/// What is kept of a study: its name, where it is, and its digest.
fn contents(node: &Node, study: &StudyRow) -> Result<Vec<(String, BlobRef, Digest)>, Failure> {
    let mut all = Vec::new();
    for row in node.outside.intake.objects(&node.site, &study.uid).map_err(unreadable)? {
        all.push((format!("object {}", row.sop_instance), row.blob, row.digest));
    }
    for row in node.runs.evidence_of_study(&node.site, &study.uid).map_err(unreadable)? {
        all.push((format!("evidence {}", row.sop_instance), row.blob, row.digest));
    }
    for run in node.runs.runs_of_study(&node.site, &study.uid).map_err(unreadable)? {
        for result in node.runs.results(&run.id).map_err(unreadable)? {
            let files = result.files.into_iter();
            all.extend(
                files.map(|file| (format!("{} of run {}", file.name, run.id), file.blob, file.digest)),
            );
        }
    }
    Ok(all)
}
