//! `gantry source`: who knocked and was refused, and letting somebody in.

use std::collections::BTreeSet;

use gantry_definition::document::Cidr;
use gantry_ports::store::DocumentKind;
use gantry_types::ae_title::AeTitle;
use serde_json::{Value, json};

use super::apply;
use crate::{
    cli::{Listing, Source},
    documents,
    node::{Access, Node},
    report::{Exit, Failure, print},
};

/// `gantry source`.
pub(crate) fn run(command: Source) -> Result<(), Failure> {
    match command {
        Source::Refused(listing) => refused(&listing),
        Source::Accept { listing, calling, address } => accept(&listing, &calling, address.as_deref()),
    }
}

fn refused(listing: &Listing) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let refusals =
        node.outside.intake.refusals().map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    if listing.json {
        let all: Vec<Value> = refusals
            .iter()
            .map(|row| {
                json!({
                    "called": row.called,
                    "calling": row.calling,
                    "address": row.address,
                    "reason": row.reason,
                    "last": row.last.to_string(),
                })
            })
            .collect();
        return print(&json!({ "refused": all }).to_string());
    }
    for row in refusals {
        print(&format!(
            "{}  {:<16} from {:<16} called {:<16}  {}",
            row.last, row.calling, row.address, row.called, row.reason
        ))?;
    }
    Ok(())
}

/// Applies a Source document for a peer that was refused for its title or address.
fn accept(listing: &Listing, calling: &str, address: Option<&str>) -> Result<(), Failure> {
    let input = |code, sentence: String| Failure::new(Exit::Input, code, sentence);
    let node = Node::open(&listing.data, Access::Read)?;
    let title = AeTitle::parse(calling).map_err(|error| input("source/bad-title", error.to_string()))?;
    // As refusals are listed: they hold whatever peers sent.
    let shown = title.to_string().as_bytes().escape_ascii().to_string();
    let refusals =
        node.outside.intake.refusals().map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let from: BTreeSet<&str> =
        refusals.iter().filter(|row| row.calling == shown).map(|row| row.address.as_str()).collect();
    let network = match (address, from.iter().next(), from.len()) {
        (Some(address), _, _) => address,
        (None, Some(only), 1) => only,
        (None, None, _) => {
            let sentence = format!("nobody who calls himself {title} was refused");
            return Err(Failure::new(Exit::NotFound, "source/not-refused", sentence)
                .hint("`gantry source refused` lists who was; or name an address with --address"));
        }
        (None, Some(_), _) => {
            let all: Vec<&str> = from.into_iter().collect();
            return Err(input("source/several", format!("{title} called from {}", all.join(", ")))
                .hint("choose one with --address"));
        }
    };
    let network: Cidr = network.parse().map_err(|error: gantry_definition::document::CidrError| {
        input("source/bad-address", error.to_string())
    })?;
    let name = free_name(&node, &title)?;
    let text = format!(
        "apiVersion: gantry/v1\nkind: Source\nmetadata: {{ name: {name} }}\naeTitle: {}\naddresses: [\"{network}\"]\n",
        Value::String(title.to_string()) // JSON quotes as YAML does
    );
    let written = documents::read("source accept", &text).map_err(|wrong| documents::invalid(&wrong))?;
    let applied = documents::apply(&node, &written)?;
    if !listing.json {
        print(text.trim_end())?;
    }
    apply::show(&applied, listing.json)
}

/// A name made of the title that no Source has yet.
fn free_name(node: &Node, title: &AeTitle) -> Result<String, Failure> {
    let taken = node
        .definitions
        .newest_documents(&node.site, DocumentKind::Source)
        .map_err(|error| Failure::unexpected("store/unreadable", &error))?;
    let mut base: String = title
        .to_string()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .collect();
    base = base.trim_matches('-').to_owned();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic()) {
        base.insert_str(0, "source-");
    }
    let is_free = |name: &String| !taken.iter().any(|row| row.name == *name);
    let mut names = std::iter::once(base.clone()).chain((2..).map(|number: u32| format!("{base}-{number}")));
    Ok(names.find(is_free).unwrap_or(base))
}
