//! The destinations, as their newest documents say.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use gantry_definition::document::{Body, Destination};
use gantry_flow::delivery::{Confirm, Rules};
use gantry_ports::{
    definitions::{self, Unreadable},
    store::{DocumentKind, DocumentRow, Expectation, StoreError},
};
use gantry_types::ids::{DestinationName, SiteId};

use super::Couriers;

/// How often arrival would be asked for, and how patiently, if the destination were known: the machine ends as not
/// answered, rather than as never asked.
const UNKNOWN_WAIT: Duration = Duration::from_secs(60);
const UNKNOWN_QUERIES: u32 = 6;

/// The newest version of every destination.
#[derive(Default)]
pub(super) struct Destinations {
    /// The rows that they were read from.
    rows: Vec<DocumentRow>,
    live: BTreeMap<DestinationName, Arc<Destination>>,
    /// Those that another version of this program took, and this one cannot read.
    unreadable: Vec<Unreadable>,
}

impl Destinations {
    fn of(rows: Vec<DocumentRow>) -> Self {
        let mut destinations = Self::default();
        for row in &rows {
            match definitions::body(row) {
                Ok(Body::Destination(destination)) => {
                    destinations.live.insert(destination.name.clone(), Arc::new(destination));
                }
                Ok(Body::Workflow(_) | Body::Source(_) | Body::Door(_)) => {}
                Err(unreadable) => destinations.unreadable.push(unreadable),
            }
        }
        Self { rows, ..destinations }
    }

    /// Those that can be sent to.
    pub(super) fn names(&self) -> impl Iterator<Item = &DestinationName> {
        self.live.keys()
    }

    pub(super) fn find(&self, name: &DestinationName) -> Option<&Arc<Destination>> {
        self.live.get(name)
    }

    /// That it is still as it was when these were read.
    pub(super) fn as_read(&self, site: &SiteId, name: &DestinationName) -> Expectation {
        let row = self.rows.iter().find(|row| row.name == name.as_str());
        Expectation::Version {
            site: site.clone(),
            kind: DocumentKind::Destination,
            name: name.to_string(),
            version: row.map_or(0, |row| row.version),
        }
    }

    /// Why nothing can be sent there.
    pub(super) fn lack_of(&self, name: &DestinationName) -> String {
        let unreadable = self.unreadable.iter().find(|unreadable| unreadable.name == name.as_str());
        unreadable.map_or_else(|| format!("there is no document of destination {name}"), ToString::to_string)
    }

    /// How patient deliveries to it are.
    pub(super) fn rules(&self, name: &DestinationName) -> Rules {
        self.find(name).map_or_else(
            || Rules {
                confirm: Confirm::ByQuery {
                    wait: UNKNOWN_WAIT,
                    queries: UNKNOWN_QUERIES,
                    timeout: UNKNOWN_WAIT,
                },
                ..Rules::default()
            },
            |destination| destination.rules.clone(),
        )
    }
}

impl Couriers {
    /// The destinations as they are now.
    pub(super) fn destinations(&self) -> Result<Arc<Destinations>, StoreError> {
        let rows =
            self.outside.definitions.newest_documents(&self.settings.site, DocumentKind::Destination)?;
        let known = Arc::clone(&self.memory().destinations);
        if known.rows == rows {
            return Ok(known);
        }
        let fresh = Arc::new(Destinations::of(rows));
        self.memory().destinations = Arc::clone(&fresh);
        Ok(fresh)
    }
}
