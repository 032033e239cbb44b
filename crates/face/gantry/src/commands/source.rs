//! `gantry source`: who knocked and was refused, and letting somebody in.

use gantry_api::sources;

use super::{apply, by_command};
use crate::{
    cli::{Listing, Source},
    documents::Desk,
    node::{Access, Node},
    report::{Failure, print},
};

/// `gantry source`.
pub(crate) fn run(command: Source) -> Result<(), Failure> {
    match command {
        Source::Refused(listing) => refused(&listing),
        Source::Accept { listing, calling, address, reason } => {
            accept(&listing, &calling, address.as_deref(), reason.as_deref())
        }
    }
}

fn refused(listing: &Listing) -> Result<(), Failure> {
    let refusals = sources::refused(&Node::open(&listing.data, Access::Read)?.view())?;
    if listing.json {
        return print(&sources::refused_json(&refusals).to_string());
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
fn accept(
    listing: &Listing,
    calling: &str,
    address: Option<&str>,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let by = by_command(reason)?;
    let node = Node::open(&listing.data, Access::Read)?;
    let view = node.view();
    let accepted = sources::accept(&view, &Desk(node), calling, address, &by)?;
    if !listing.json {
        print(accepted.text.trim_end())?;
    }
    apply::show(&accepted.applied, listing.json)
}
