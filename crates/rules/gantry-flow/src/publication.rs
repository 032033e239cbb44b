//! A publication: the accepted result of a task on its way to evidence for one destination.
//!
//! Rendering and judging are pure and repeatable, so no lease is needed: whoever commits first has published, and a
//! second one would have made the same bytes.
//!
//! | stage \ event | published | refused | troubled | retry |
//! |---|---|---|---|---|
//! | queued | published | quarantined | queued, quarantined | |
//! | published | | | | |
//! | quarantined | | | | queued |
//!
//! Invariant: a publication that is not published is queued with a timer, or says why a person must look (DL3).

use alloc::{borrow::ToOwned as _, format, string::String, vec, vec::Vec};
use core::time::Duration;

use gantry_types::instant::Instant;

use crate::{
    names::Actor,
    step::{Step, Timer, TimerKey, backoff},
};

/// How often trouble with store or disk is waited out before a person must look.
pub const TROUBLES_MAX: u32 = 20;

const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(600);

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// How far it is.
    pub stage: Stage,
    /// How often it met trouble since it was queued by a decision.
    pub troubles: u32,
}

/// How far a publication is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// To be rendered and judged.
    Queued {
        /// Not before.
        at: Instant,
    },
    /// Both gates let it pass, and its deliveries are queued.
    Published {
        /// When.
        at: Instant,
        /// Of how many objects.
        objects: u32,
    },
    /// A gate did not let it pass, or it could not be made.
    Quarantined {
        /// When.
        at: Instant,
        /// Why: a code and a sentence.
        why: String,
    },
}

/// What can happen to a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was rendered, passed both gates, and is stored.
    Published {
        /// Of how many objects.
        objects: u32,
    },
    /// It cannot be rendered, or a gate refused it: trying again gives the same.
    Refused {
        /// Why.
        why: String,
    },
    /// Store or disk failed: trying again may help.
    Troubled {
        /// Why.
        why: String,
    },
    /// Somebody wants it tried again.
    Retry {
        /// Who.
        by: Actor,
    },
}

/// There is nothing to be done beyond the timer; the type says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {}

/// A new publication, queued.
#[must_use]
pub fn begin(now: Instant) -> Step<State, Effect> {
    finish(State { stage: Stage::Queued { at: now }, troubles: 0 })
}

/// Steps the publication.
#[must_use]
pub fn step(state: &State, event: Event, now: Instant) -> Step<State, Effect> {
    let mut next = state.clone();
    match (&state.stage, event) {
        (Stage::Queued { .. }, Event::Published { objects }) => {
            next.stage = Stage::Published { at: now, objects };
        }
        (Stage::Queued { .. }, Event::Refused { why }) => next.stage = Stage::Quarantined { at: now, why },
        (Stage::Queued { .. }, Event::Troubled { why }) => {
            next.troubles = next.troubles.saturating_add(1);
            next.stage = if next.troubles < TROUBLES_MAX {
                Stage::Queued { at: now.after(backoff(BACKOFF, next.troubles, BACKOFF_MAX)) }
            } else {
                Stage::Quarantined { at: now, why: format!("given up after {TROUBLES_MAX} tries: {why}") }
            };
        }
        (Stage::Quarantined { .. }, Event::Retry { by: _ }) => {
            next = State { stage: Stage::Queued { at: now }, troubles: 0 };
        }
        (Stage::Queued { .. }, Event::Retry { .. })
        | (Stage::Published { .. }, _)
        | (
            Stage::Quarantined { .. },
            Event::Published { .. } | Event::Refused { .. } | Event::Troubled { .. },
        ) => {}
    }
    finish(next)
}

fn finish(state: State) -> Step<State, Effect> {
    let timers = match &state.stage {
        Stage::Queued { at } => vec![Timer { at: *at, key: TimerKey("publish".to_owned()) }],
        Stage::Published { .. } | Stage::Quarantined { .. } => Vec::new(),
    };
    Step { state, effects: Vec::new(), timers }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn what_was_decided_stays_and_only_a_person_takes_it_out_of_quarantine() {
        let now = Instant(5);
        let queued = begin(now).state;
        let refused = step(&queued, Event::Refused { why: "gate/other-identity".to_string() }, now).state;
        assert_eq!(step(&refused, Event::Published { objects: 3 }, now).state, refused);
        let again = step(&refused, Event::Retry { by: Actor::from("anna") }, now);
        assert_eq!(again, begin(now));
        let published = step(&again.state, Event::Published { objects: 3 }, now).state;
        for event in [Event::Refused { why: String::new() }, Event::Retry { by: Actor::from("anna") }] {
            assert_eq!(step(&published, event, now).state, published);
        }
    }

    #[test]
    fn trouble_is_waited_out_ever_longer_and_not_for_ever() {
        let mut state = begin(Instant(0)).state;
        let mut waited = Vec::new();
        for _ in 0..TROUBLES_MAX {
            let now = Instant(0);
            let next = step(&state, Event::Troubled { why: "disk".to_string() }, now);
            waited.extend(next.timers.iter().map(|timer| timer.at.since(now).as_secs()));
            state = next.state;
        }
        assert_eq!(waited[..4], [1, 2, 4, 8]);
        assert_eq!(waited.len(), 19);
        assert!(matches!(&state.stage, Stage::Quarantined { why, .. } if why.ends_with("disk")));
    }
}
