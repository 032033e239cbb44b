//! A patient whose id was corrected after evidence was made, and before it was sent (PT1).

use gantry_dicom::{data_set::DataSet, tag, writer};
use gantry_ports::store::IdentityRow;

use super::*;

fn identity(patient_id: &str) -> IdentityRow {
    IdentityRow { site: site(), study: study(), patient_id: patient_id.to_owned(), issuer: String::new() }
}

/// An object of this patient, on its way.
fn object_of(node: &Node, patient_id: &str) -> MachineKey {
    let mut data_set = DataSet::new();
    data_set.put_str(tag::PATIENT_ID, patient_id.to_owned());
    let head = vec![0; HEAD_BYTES as usize];
    let bytes = [head, writer::write_explicit(&data_set).unwrap()].concat();
    node.object_of(1, SC, Lane::Routine, "pacs", &bytes, digest(&bytes))
}

fn node() -> (Node, Peer) {
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    let node = Node::new();
    node.destination("pacs", peer.port(), "");
    (node, peer)
}

#[test]
fn pt1_an_object_of_another_patient_than_its_study_is_not_sent() {
    let (mut node, peer) = node();
    node.commit(vec![Row::Identity(identity("CORRECTED"))]);
    let key = object_of(&node, "P1");
    node.start();
    let state = node.until(&key, |stage| matches!(stage, Stage::Quarantined { .. } | Stage::Sent { .. }));
    let why = Trouble::Withheld(Withheld::OtherPatient);
    assert!(matches!(&state.stage, Stage::Quarantined { why: told, .. } if *told == why), "{state:?}");
    assert_eq!(peer.got().len(), 0);
}

#[test]
fn pt1_while_a_study_names_two_patients_its_evidence_waits() {
    let (mut node, peer) = node();
    node.commit(vec![Row::Identity(identity("P1")), Row::Identity(identity("P2"))]);
    let key = object_of(&node, "P1");
    node.start();
    assert_eq!(node.until_retrying(&key), Trouble::Withheld(Withheld::TwoPatients));
    assert_eq!(peer.got().len(), 0);
    node.commit(vec![Row::IdentityGone(identity("P2"))]);
    node.put_forward(Duration::from_secs(600));
    node.until_sent(&key);
    assert_eq!(peer.got().len(), 1);
}
