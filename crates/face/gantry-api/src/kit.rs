//! A view of rows in memory, for tests.

use std::sync::Arc;

use gantry_ports::{
    clock::Clock,
    memory::{MemoryBlob, MemoryStore},
    pulse::Pulse,
};
use gantry_types::{
    digest::Digest,
    instant::{Instant, UtcOffset},
};

use crate::{server::Interface, token::Token, view::View};

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

/// An interface that tells of a view.
pub(crate) fn interface(view: View, pulses: Vec<Pulse>) -> Interface {
    Interface { view, clock: Arc::new(Stopped), version: "0.0.0", token: Token::new(TOKEN), pulses }
}
