//! The conductor: from what is kept of a study to what workflows make of it, and to runs.
//!
//! It drives the machines of `gantry-flow` over the store. Each turn loads a row, steps it, and commits state, rows,
//! audit, offers and timers together (RN3); on a conflict the turn is over, and what it was about comes again.
//!
//! Reading order: [`Conductor`] (what it needs), `looking` (a study that something came to), `freezing` (a payload
//! and its run), `running` (an attempt; `jobs` and `lease` beside it), `telling` and `revising` (what came again and differs), `deciding` (what a person says), `facts` (what expressions see).
//!
//! Invariants
//! - Everything is read from the store and the kept bytes each time, so that an answer depends on what is there, not on
//!   how it came. What is remembered between turns only saves work.
//! - What freezes a payload relies on nothing having come since the look (AS2).
//! - A result counts only under the fence of the present attempt (RN2).

mod conductor;
mod deciding;
pub mod facts;
mod freezing;
mod jobs;
mod lease;
mod looking;
mod revising;
mod running;
mod telling;
pub mod workflows;

pub use conductor::{Conductor, Outside, Settings};
pub use deciding::{DecideError, Decision};
pub use revising::Use;
pub use running::{Performers, Slot};

#[cfg(test)]
mod tests;
