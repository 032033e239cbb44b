//! A delivery.

use gantry_flow::{
    delivery::{Asked, Broken, Confirmation, Effect, Stage, State, Trouble, Withheld},
    names::DeliveryKey,
    step::{Fence, Step},
};
use gantry_types::{
    ids::SiteId,
    instant::Instant,
    uid::{SopInstanceUid, StudyInstanceUid},
};
use serde::{Deserialize, Serialize};

use super::{StateError, WireLane};
use crate::store::{MachineKey, MachineKind, MachineRow, Offer};

const WHAT: &str = "delivery";

#[derive(Serialize, Deserialize)]
struct Form {
    lane: WireLane,
    stage: WireStage,
    fence: u64,
    since: i64,
    failures: u32,
    refusals: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireStage {
    Queued,
    Sending { node: String, lease_until: i64 },
    Retrying { at: i64, why: WireTrouble },
    Sent { at: i64, status: u16, confirmation: WireConfirmation },
    Confirming { sent: i64, status: u16, query: u32, asked: bool, next: i64 },
    Confirmed { sent: i64, at: i64 },
    Quarantined { at: i64, why: WireTrouble },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireConfirmation {
    NotAsked,
    NotAnswered,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireTrouble {
    Status(u16),
    Unreachable(String),
    Rejected(String),
    NoContext(String),
    Aborted,
    TimedOut,
    Damaged(String),
    Unreadable(String),
    Laxer(String),
    OtherPatient,
    TwoPatients,
    SenderLost,
    NotFound,
    TooLong(String),
}

/// The machine of a delivery of an object of a study.
#[must_use]
pub fn key(site: &SiteId, study: &StudyInstanceUid, delivery: &DeliveryKey) -> MachineKey {
    MachineKey {
        site: site.clone(),
        kind: MachineKind::Delivery,
        study: study.clone(),
        name: format!("{} {}", delivery.sop_instance, delivery.destination),
    }
}

/// The row of a state, in this version. It is offered as long as it waits to be claimed.
#[must_use]
pub fn row(key: MachineKey, step: &Step<State, Effect>, version: u64) -> MachineRow {
    let (offered, person) = match step.state.stage {
        Stage::Queued => (Some(Offer { lane: step.state.lane, since: step.state.since }), None),
        Stage::Quarantined { at, .. } => (None, Some(at)),
        Stage::Sending { .. }
        | Stage::Retrying { .. }
        | Stage::Sent { .. }
        | Stage::Confirming { .. }
        | Stage::Confirmed { .. } => (None, None),
    };
    let due = super::due(&step.timers);
    MachineRow { key, version, state: encode(&step.state), due, offered, person }
}

/// The state in a row.
///
/// # Errors
/// [`StateError`].
pub fn state(row: &MachineRow) -> Result<State, StateError> {
    let name = &row.key.name;
    let key = name.split_once(' ').and_then(|(sop_instance, destination)| {
        Some(DeliveryKey {
            sop_instance: SopInstanceUid::from_peer(sop_instance)?,
            destination: destination.parse().ok()?,
        })
    });
    decode(&row.state, key.ok_or_else(|| StateError::Value { what: WHAT, value: name.clone() })?)
}

fn encode(state: &State) -> String {
    let stage = match &state.stage {
        Stage::Queued => WireStage::Queued,
        Stage::Sending { node, lease_until } => {
            WireStage::Sending { node: node.to_string(), lease_until: lease_until.0 }
        }
        Stage::Retrying { at, why } => WireStage::Retrying { at: at.0, why: why.into() },
        Stage::Sent { at, status, confirmation } => WireStage::Sent {
            at: at.0,
            status: *status,
            confirmation: match confirmation {
                Confirmation::NotAsked => WireConfirmation::NotAsked,
                Confirmation::NotAnswered => WireConfirmation::NotAnswered,
            },
        },
        Stage::Confirming { sent, status, query, asked, next } => WireStage::Confirming {
            sent: sent.0,
            status: *status,
            query: *query,
            asked: *asked == Asked::Yes,
            next: next.0,
        },
        Stage::Confirmed { sent, at } => WireStage::Confirmed { sent: sent.0, at: at.0 },
        Stage::Quarantined { at, why } => WireStage::Quarantined { at: at.0, why: why.into() },
    };
    super::write(&Form {
        lane: state.lane.into(),
        stage,
        fence: state.fence.0,
        since: state.since.0,
        failures: state.failures,
        refusals: state.refusals,
    })
}

impl From<&Trouble> for WireTrouble {
    fn from(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Status(status) => Self::Status(*status),
            Trouble::Association(Broken::Unreachable(why)) => Self::Unreachable(why.clone()),
            Trouble::Association(Broken::Rejected(why)) => Self::Rejected(why.clone()),
            Trouble::Association(Broken::NoContext(class)) => Self::NoContext(class.clone()),
            Trouble::Association(Broken::Aborted) => Self::Aborted,
            Trouble::Association(Broken::TimedOut) => Self::TimedOut,
            Trouble::Withheld(Withheld::Damaged(why)) => Self::Damaged(why.clone()),
            Trouble::Withheld(Withheld::Unreadable(why)) => Self::Unreadable(why.clone()),
            Trouble::Withheld(Withheld::Laxer(why)) => Self::Laxer(why.clone()),
            Trouble::Withheld(Withheld::OtherPatient) => Self::OtherPatient,
            Trouble::Withheld(Withheld::TwoPatients) => Self::TwoPatients,
            Trouble::SenderLost => Self::SenderLost,
            Trouble::NotFound => Self::NotFound,
            Trouble::TooLong(last) => Self::TooLong(last.clone()),
        }
    }
}

impl From<WireTrouble> for Trouble {
    fn from(trouble: WireTrouble) -> Self {
        match trouble {
            WireTrouble::Status(status) => Self::Status(status),
            WireTrouble::Unreachable(why) => Self::Association(Broken::Unreachable(why)),
            WireTrouble::Rejected(why) => Self::Association(Broken::Rejected(why)),
            WireTrouble::NoContext(class) => Self::Association(Broken::NoContext(class)),
            WireTrouble::Aborted => Self::Association(Broken::Aborted),
            WireTrouble::TimedOut => Self::Association(Broken::TimedOut),
            WireTrouble::Damaged(why) => Self::Withheld(Withheld::Damaged(why)),
            WireTrouble::Unreadable(why) => Self::Withheld(Withheld::Unreadable(why)),
            WireTrouble::Laxer(why) => Self::Withheld(Withheld::Laxer(why)),
            WireTrouble::OtherPatient => Self::Withheld(Withheld::OtherPatient),
            WireTrouble::TwoPatients => Self::Withheld(Withheld::TwoPatients),
            WireTrouble::SenderLost => Self::SenderLost,
            WireTrouble::NotFound => Self::NotFound,
            WireTrouble::TooLong(last) => Self::TooLong(last),
        }
    }
}

fn decode(text: &str, key: DeliveryKey) -> Result<State, StateError> {
    let form: Form = super::read(WHAT, text)?;
    let stage = match form.stage {
        WireStage::Queued => Stage::Queued,
        WireStage::Sending { node, lease_until } => {
            Stage::Sending { node: super::name(WHAT, &node)?, lease_until: Instant(lease_until) }
        }
        WireStage::Retrying { at, why } => Stage::Retrying { at: Instant(at), why: why.into() },
        WireStage::Sent { at, status, confirmation } => Stage::Sent {
            at: Instant(at),
            status,
            confirmation: match confirmation {
                WireConfirmation::NotAsked => Confirmation::NotAsked,
                WireConfirmation::NotAnswered => Confirmation::NotAnswered,
            },
        },
        WireStage::Confirming { sent, status, query, asked, next } => Stage::Confirming {
            sent: Instant(sent),
            status,
            query,
            asked: if asked { Asked::Yes } else { Asked::NotYet },
            next: Instant(next),
        },
        WireStage::Confirmed { sent, at } => Stage::Confirmed { sent: Instant(sent), at: Instant(at) },
        WireStage::Quarantined { at, why } => Stage::Quarantined { at: Instant(at), why: why.into() },
    };
    Ok(State {
        key,
        lane: form.lane.into(),
        stage,
        fence: Fence(form.fence),
        since: Instant(form.since),
        failures: form.failures,
        refusals: form.refusals,
    })
}

#[cfg(test)]
mod tests {
    use gantry_flow::step::Lane;

    use super::*;

    #[test]
    fn every_stage_and_trouble_is_read_back() {
        let key = DeliveryKey {
            sop_instance: SopInstanceUid::parse("2.25.1").unwrap(),
            destination: "pacs".parse().unwrap(),
        };
        let at = Instant(7);
        let troubles = [
            Trouble::Status(0xA700),
            Trouble::Association(Broken::Unreachable("refused".to_owned())),
            Trouble::Association(Broken::Rejected("1/1/3".to_owned())),
            Trouble::Association(Broken::NoContext("Segmentation Storage".to_owned())),
            Trouble::Association(Broken::Aborted),
            Trouble::Association(Broken::TimedOut),
            Trouble::Withheld(Withheld::Damaged("rotten".to_owned())),
            Trouble::Withheld(Withheld::Unreadable("busy".to_owned())),
            Trouble::Withheld(Withheld::OtherPatient),
            Trouble::Withheld(Withheld::TwoPatients),
            Trouble::Withheld(Withheld::Laxer("a test must not go there".to_owned())),
            Trouble::SenderLost,
            Trouble::NotFound,
            Trouble::TooLong("0110".to_owned()),
        ];
        let mut stages = vec![
            Stage::Queued,
            Stage::Sending { node: "node-a".parse().unwrap(), lease_until: at },
            Stage::Sent { at, status: 0xB000, confirmation: Confirmation::NotAsked },
            Stage::Sent { at, status: 0, confirmation: Confirmation::NotAnswered },
            Stage::Confirming { sent: at, status: 0, query: 2, asked: Asked::Yes, next: Instant(8) },
            Stage::Confirming { sent: at, status: 0, query: 1, asked: Asked::NotYet, next: Instant(8) },
            Stage::Confirmed { sent: at, at: Instant(9) },
        ];
        for why in troubles {
            stages.push(Stage::Retrying { at, why: why.clone() });
            stages.push(Stage::Quarantined { at, why });
        }
        for stage in stages {
            let state = State {
                key: key.clone(),
                lane: Lane::Urgent,
                stage,
                fence: Fence(3),
                since: Instant(1),
                failures: 2,
                refusals: 1,
            };
            let step = Step { state, effects: Vec::new(), timers: Vec::new() };
            let study = StudyInstanceUid::parse("1.2").unwrap();
            let mut row = row(super::key(&"site".parse().unwrap(), &study, &key), &step, 3);
            assert_eq!(super::state(&row).unwrap(), step.state);
            assert_eq!(row.offered.is_some(), step.state.stage == Stage::Queued);
            assert_eq!(row.person.is_some(), matches!(step.state.stage, Stage::Quarantined { .. }));
            row.state.clear();
            assert!(super::state(&row).is_err());
        }
    }
}
