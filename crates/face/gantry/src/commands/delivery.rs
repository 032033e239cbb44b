//! `gantry delivery`: what went where, and sending it once more.

use gantry_api::{deliveries, orders::resent_json};
use serde_json::Value;

use crate::{
    cli::{Delivery, Listing},
    commands::{by_command, rows},
    node::{Access, Node},
    report::{Failure, print, say},
    serving,
};

/// `gantry delivery`.
pub(crate) fn run(command: &Delivery) -> Result<(), Failure> {
    match command {
        Delivery::List { listing, count } => list(listing, *count),
        Delivery::Resend { listing, object, destination, reason } => {
            let by = by_command(reason.as_deref())?;
            let node = Node::open(&listing.data, Access::Read)?;
            let orders = serving::orders(&node, serving::conductor(&node));
            let resent = orders.resend(object, destination.as_deref(), &by)?;
            if listing.json {
                return print(&resent_json(&resent).to_string());
            }
            print(&format!("it is queued again for {}: the same bytes, the same UID", resent.destination))
        }
    }
}

fn list(listing: &Listing, count: usize) -> Result<(), Failure> {
    let node = Node::open(&listing.data, Access::Read)?;
    let document = deliveries::list(&node.view(), None, count)?;
    if listing.json {
        return print(&document.to_string());
    }
    let all = rows(&document, "deliveries");
    if all.is_empty() {
        say("there are no deliveries yet");
        return Ok(());
    }
    print(&format!("{:<4}  {:<12}  {:<11}  {:<60}  object", "kind", "destination", "state", "detail"))?;
    all.iter().try_for_each(|row| {
        let cell = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
        print(&format!(
            "{:<4}  {:<12}  {:<11}  {:<60}  {}",
            cell("kind"),
            cell("destination"),
            cell("state"),
            cell("detail"),
            cell("sopInstance")
        ))
    })
}
