//! What decides when: the state machines of cases, runs and deliveries, as pure functions.
//!
//! Each durable thing is a value; `step(context, &state, event, now)` gives its successor, what is to be done about it
//! ([`step::Step::effects`]) and when it must be looked at again ([`step::Step::timers`]). Whoever drives a machine
//! loads the row, steps it, and commits state, effects and timers together (RN3). The context (rules of a workflow, plan
//! of a run) is pinned by digest and does not change while the state lives.
//!
//! Invariants
//! - No clock, no randomness, no identifier is made here: they arrive in events. The same history gives the same state.
//! - An event that does not concern a state (a stale fence, a repeated look) leaves it equal and asks for nothing.
//! - Timers are the whole list for their machine: they replace those of the step before.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod case;
pub mod delivery;
pub mod names;
pub mod outcome;
pub mod payload;
pub mod publication;
pub mod run;
pub mod step;
#[cfg(test)]
mod walk;
