//! `gantry study export`: kept objects as plain files, byte for byte as they were received.
//!
//! File names are counted, never taken from an object: identifiers of peers do not become paths.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::Path,
};

use gantry_ports::store::{ObjectRow, Standing, StudyRow};
use serde_json::json;

use crate::{
    node::Node,
    report::{Exit, Failure, print, say},
};

/// Read at once.
const STEP: u64 = 4 << 20;

/// Writes all objects of a study below a new folder, one folder for each series.
pub(crate) fn run(node: &Node, study: &StudyRow, out: &Path, as_json: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unexpected("export/unwritable", &error);
    if out.exists() {
        let sentence = format!("{} exists already", out.display());
        return Err(Failure::new(Exit::Input, "export/exists", sentence)
            .hint("name a folder that does not exist yet"));
    }
    let objects = node
        .outside
        .intake
        .objects(&node.site, &study.uid)
        .map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let mut series = BTreeMap::new();
    let mut damaged = 0_usize;
    for (object, number) in objects.iter().zip(1_usize..) {
        let next = series.len() + 1;
        let mut folder = out.join(format!("series-{:03}", series.entry(&object.series).or_insert(next)));
        // Not among the images: whoever reads the series would have one of them twice.
        if object.standing != Standing::InForce {
            folder.push(object.standing.as_str());
        }
        fs::create_dir_all(&folder).map_err(failed)?;
        let revision =
            if object.revision == 1 { String::new() } else { format!("-revision-{}", object.revision) };
        let path = folder.join(format!("{number:06}{revision}.dcm"));
        match write(node, object, &path) {
            Ok(()) => {}
            Err(why) => {
                damaged += 1;
                say(&format!("error: object {}: {why}", object.sop_instance));
            }
        }
    }
    let written = objects.len() - damaged;
    if as_json {
        print(&json!({ "out": out, "objects": written, "damaged": damaged }).to_string())?;
    } else {
        print(&format!("{written} objects in {}", out.display()))?;
    }
    if damaged == 0 {
        return Ok(());
    }
    Err(Failure::new(Exit::Failed, "export/damaged", format!("{damaged} objects could not be read")))
}

fn write(node: &Node, object: &ObjectRow, path: &Path) -> Result<(), String> {
    let blob = &node.outside.blob;
    let digest = blob.verify(object.blob).map_err(|error| error.to_string())?;
    if digest != object.digest {
        return Err(format!("what lies at {} is another object", object.blob));
    }
    let mut file = File::create_new(path).map_err(|error| error.to_string())?;
    let mut at = 0;
    while at < object.blob.length {
        let part = blob.read(object.blob, at..at + STEP).map_err(|error| error.to_string())?;
        file.write_all(&part).map_err(|error| error.to_string())?;
        at += STEP;
    }
    file.sync_all().map_err(|error| error.to_string())
}
