//! A view of rows in memory, for tests.

pub(crate) mod rows;

use std::sync::Arc;

use gantry_conductor::Conductor;
use gantry_flow::names::Actor;
use gantry_ports::{
    clock::Clock,
    ids::Ids,
    memory::{MemoryBlob, MemoryStore},
    packages::{Application, Packages},
    pulse::Pulse,
};
use gantry_types::{
    digest::Digest,
    ids::AppName,
    instant::{Instant, UtcOffset},
};

use crate::{
    access::{Keys, Person, Role},
    documents::{Applied, ApplyError, Desk, Listed},
    orders::{By, Orders},
    server::Interface,
    token::Token,
    view::{View, ViewError},
};

/// What the token of [`interface`] is.
pub(crate) const TOKEN: &str = "the token of tests";

/// A view, and the store to write to.
pub(crate) fn view() -> (View, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::default());
    let view = View {
        site: "site".parse().unwrap(),
        intake: store.clone(),
        cases: store.clone(),
        runs: store.clone(),
        definitions: store.clone(),
        blob: Arc::new(MemoryBlob::new(1 << 20, |_| Digest([0; 32]))),
    };
    (view, store)
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Instant {
        Instant(0)
    }

    fn offset(&self) -> UtcOffset {
        UtcOffset::UTC
    }

    fn monotonic(&self) -> Instant {
        Instant(0)
    }
}

impl Ids for Stopped {
    fn next(&self) -> u64 {
        1
    }
}

impl Packages for Stopped {
    fn find(&self, _: &AppName) -> Option<Arc<Application>> {
        None
    }
}

impl Desk for Stopped {
    fn apply(&self, _: &str, _: &str, _: &By) -> Result<Vec<Applied>, ApplyError> {
        Ok(Vec::new())
    }

    fn applications(&self) -> Result<Vec<Listed>, ViewError> {
        Ok(Vec::new())
    }
}

/// An interface that tells of a view; who bears [`TOKEN`] may do everything.
pub(crate) fn interface(view: View, store: Arc<MemoryStore>, pulses: Vec<Pulse>) -> Interface {
    let outside = gantry_conductor::Outside {
        store: store.clone(),
        intake: Arc::clone(&view.intake),
        cases: Arc::clone(&view.cases),
        runs: Arc::clone(&view.runs),
        definitions: Arc::clone(&view.definitions),
        blob: Arc::clone(&view.blob),
        packages: Arc::new(Stopped),
        clock: Arc::new(Stopped),
        ids: Arc::new(Stopped),
        say: Arc::new(|_| ()),
    };
    let settings = gantry_conductor::Settings::new(view.site.clone(), "node".parse().unwrap());
    let conductor = Arc::new(Conductor::new(outside, settings));
    let orders = Orders { view: view.clone(), store, clock: Arc::new(Stopped), conductor };
    let mut keys = Keys::default();
    keys.add(Person { actor: Actor::from("kim"), role: Role::Admin }, Token::new(TOKEN));
    let (clock, desk) = (Arc::new(Stopped), Arc::new(Stopped));
    Interface { view, orders, desk, clock, version: "0.0.0", keys, pulses }
}
