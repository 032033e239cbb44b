//! `gantry app`: the applications of a node.

use std::path::Path;

use gantry_ports::packages::Packages as _;
use serde_json::{Value, json};

use super::{apply, by_command};
use crate::{
    applications::{self, Shelf},
    cli::{App, Listing},
    node::{Access, Node},
    report::{Failure, print},
};

/// `gantry app`.
pub(crate) fn run(command: App) -> Result<(), Failure> {
    match command {
        App::List(listing) => list(&listing),
        App::Add { listing, folder } => add(&listing, &folder),
    }
}

fn list(listing: &Listing) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let shelf = Shelf::of(&node);
    let names = shelf.names().map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let found = names.iter().map(|name| (name, shelf.find(name)));
    if listing.json {
        let all: Vec<Value> = found
            .map(|(name, found)| match found {
                Some(found) => json!({
                    "name": name.as_str(),
                    "version": found.package.version,
                    "title": found.package.title,
                    "class": found.package.class.as_str(),
                    "digest": found.digest.to_string(),
                    "slot": found.slot,
                }),
                None => json!({ "name": name.as_str(), "missing": true }),
            })
            .collect();
        return print(&json!({ "applications": all }).to_string());
    }
    for (name, found) in found {
        match found {
            Some(found) => {
                let package = &found.package;
                print(&format!(
                    "{:<24} {:<10} {:<9} {}",
                    name.as_str(),
                    package.version,
                    package.class,
                    package.title
                ))?;
            }
            None => print(&format!("{:<24} its files are missing: add it again", name.as_str()))?,
        }
    }
    Ok(())
}

fn add(listing: &Listing, folder: &Path) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    apply::show(&[applications::add(&node, folder, &by_command(None)?)?], listing.json)
}
