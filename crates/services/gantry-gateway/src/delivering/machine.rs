//! Stepping the machines: each step is one commit, with what is said of it in the audit trail.

use gantry_flow::delivery::{Broken, Confirmation, Effect, Event, Jitter, Stage, State, Trouble, step};
use gantry_ports::{
    state::{StateError, delivery as form},
    store::{AuditRow, Change, CommitError, Expectation, MachineRow, Row, StoreError},
};
use sha2::{Digest as _, Sha256};

use super::{Couriers, unreadable};

/// How often a step is taken anew when others keep changing the delivery.
const CONFLICTS_MAX: usize = 20;

/// Why a step was not taken. What it was about comes again.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    State(#[from] StateError),
    /// Somebody else was faster.
    #[error("the delivery changed meanwhile")]
    Changed,
}

impl From<CommitError> for TurnError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(_) => Self::Changed,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

/// A step that was taken.
pub(super) struct Stepped {
    /// The row as it is now.
    pub(super) row: MachineRow,
    pub(super) state: State,
    pub(super) effects: Vec<Effect>,
}

/// A share that looks random and is not: it spreads deliveries, and repeats.
pub(super) fn jitter(state: &State) -> Jitter {
    let digest = Sha256::new()
        .chain_update(state.key.sop_instance.as_str())
        .chain_update([0])
        .chain_update(state.key.destination.as_str())
        .chain_update(state.failures.to_be_bytes())
        .finalize();
    let digest: [u8; 32] = digest.into();
    let [high, low, ..] = digest;
    Jitter(u16::from_be_bytes([high, low]))
}

impl Couriers {
    /// Steps a delivery by the event that its state asks for; nothing if that does not concern it.
    pub(super) fn step(
        &self,
        row: &MachineRow,
        event: &dyn Fn(&State) -> Option<Event>,
        words: &str,
    ) -> Result<Option<Stepped>, TurnError> {
        self.step_if(row, event, words, Vec::new())
    }

    /// Steps a delivery, provided that something else is as it was, too.
    pub(super) fn step_if(
        &self,
        row: &MachineRow,
        event: &dyn Fn(&State) -> Option<Event>,
        words: &str,
        mut expect: Vec<Expectation>,
    ) -> Result<Option<Stepped>, TurnError> {
        let state = form::state(row)?;
        let Some(event) = event(&state) else { return Ok(None) };
        let rules = self.destinations()?.rules(&state.key.destination);
        let step = step(&rules, &state, event, self.outside.clock.now());
        if step.state == state {
            return Ok(None);
        }
        let machine = form::row(row.key.clone(), &step, row.version + 1);
        expect.push(Expectation::Machine { key: row.key.clone(), version: row.version });
        let change = Change {
            expect,
            rows: vec![Row::Machine(machine.clone())],
            audit: self.audit_of(&state, &step.state, words).into_iter().collect(),
        };
        self.outside.store.commit(&change)?;
        Ok(Some(Stepped { row: machine, state: step.state, effects: step.effects }))
    }

    /// Steps a delivery by what became of an attempt or a query, until that is written or does not count. Gives the
    /// state that was written.
    pub(super) fn settle(
        &self,
        row: &MachineRow,
        event: &dyn Fn(&State) -> Event,
        words: &str,
    ) -> Option<State> {
        let mut row = row.clone();
        let mut trouble = TurnError::Changed;
        for _ in 0..CONFLICTS_MAX {
            match self.step(&row, &|state| Some(event(state)), words) {
                Ok(stepped) => return stepped.map(|stepped| stepped.state),
                Err(TurnError::Changed) => {}
                Err(error) => {
                    trouble = error;
                    break;
                }
            }
            match self.outside.cases.machine(&row.key) {
                Ok(Some(fresh)) => row = fresh,
                Ok(None) => return None,
                Err(error) => {
                    trouble = error.into();
                    break;
                }
            }
        }
        // Its lease runs out, and the same bytes are sent again.
        let name = &row.key.name;
        self.trouble(name, &format!("{}: its outcome is lost", unreadable(name, &trouble)));
        None
    }

    /// What the audit trail says of a new state; nothing of one that only waits.
    fn audit_of(&self, before: &State, state: &State, words: &str) -> Option<AuditRow> {
        let was_sending = matches!(before.stage, Stage::Sending { .. });
        let (action, said) = match &state.stage {
            Stage::Sent { status, .. } | Stage::Confirming { status, .. } if was_sending => {
                ("delivery/sent", format!("status {status:04X}"))
            }
            Stage::Queued | Stage::Sending { .. } | Stage::Confirming { .. } => return None,
            Stage::Sent { confirmation: Confirmation::NotAsked, .. } => {
                ("delivery/not-confirmed", "the destination is not to be asked any more".to_owned())
            }
            Stage::Sent { confirmation: Confirmation::NotAnswered, .. } => {
                ("delivery/not-confirmed", "the destination does not answer queries".to_owned())
            }
            Stage::Confirmed { .. } => ("delivery/confirmed", "found by a query".to_owned()),
            Stage::Retrying { at, why } => {
                let action = match why {
                    Trouble::Status(_) | Trouble::Association(Broken::NoContext(_)) => "delivery/refused",
                    Trouble::Association(_) | Trouble::SenderLost => "delivery/broken",
                    Trouble::Withheld(_) => "delivery/withheld",
                    Trouble::NotFound | Trouble::TooLong(_) => "delivery/not-found",
                };
                (action, format!("{why}; again at {at}"))
            }
            Stage::Quarantined { why, .. } => ("delivery/quarantined", why.to_string()),
        };
        let words = if words.is_empty() { String::new() } else { format!(" ({words})") };
        Some(AuditRow {
            at: self.outside.clock.now(),
            actor: "courier".to_owned(),
            action: action.to_owned(),
            subject: state.key.sop_instance.to_string(),
            detail: format!("to {}: {said}{words}; attempt {}", state.key.destination, state.fence.0),
        })
    }
}
