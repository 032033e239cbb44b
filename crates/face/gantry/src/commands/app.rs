//! `gantry app`: the applications of a node.

use std::path::Path;

use gantry_api::documents::{Desk as _, Listed, applications_json};

use super::{apply, by_command};
use crate::{
    applications,
    cli::{App, Listing},
    documents::Desk,
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
    let applications = Desk(Node::open(&listing.data, Access::Read)?).applications()?;
    if listing.json {
        return print(&applications_json(&applications).to_string());
    }
    for Listed { name, found } in applications {
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
