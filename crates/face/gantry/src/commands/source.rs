//! `gantry source`: who knocked and was refused.

use serde_json::{Value, json};

use crate::{
    cli::{Listing, Source},
    node::{Access, Node},
    report::{Failure, print},
};

/// `gantry source`.
pub(crate) fn run(command: Source) -> Result<(), Failure> {
    match command {
        Source::Refused(listing) => refused(&listing),
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
