//! What is rendered wrongly, or should not be believed, does not pass (DL3); and the tests that say so notice it when
//! nobody judges, or when other bytes are stored than were made.

use gantry_evidence::{
    error::RenderError,
    gate::Complaint,
    inputs::Inputs,
    object::EvidenceObject,
    set::{self, EvidenceSet},
};
use gantry_ports::job::mask;

use super::*;
use crate::{
    kit::rewritten,
    making::{Craft, Gantrys},
};

/// What is done behind the publisher's back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    None,
    /// The frames of segmentations are stored in the opposite order.
    FramesReversed,
    /// Neither gate says anything.
    GatesSkipped,
    /// Everything counts as plausible.
    AllPlausible,
}

impl Sabotage {
    fn store(self, case: &Case) -> Desk {
        let desk = case.store(NOW);
        desk.blob.is_reversing.store(self == Self::FramesReversed, Ordering::SeqCst);
        if self == Self::AllPlausible {
            let mut packages = desk.packages.lock().unwrap();
            let mut application = Application::clone(packages.as_ref().unwrap());
            for finding in &mut application.package.findings {
                finding.measurements.iter_mut().for_each(|one| one.plausible = [f64::MIN, f64::MAX]);
            }
            *packages = Some(Arc::new(application));
        }
        desk
    }
}

/// A flaw in the rendering of one object of the set.
#[derive(Debug, Clone, Copy)]
enum Flaw {
    /// One byte of the patient's name.
    PatientByte,
    OtherPatientId,
    /// Modality (0008,0060) is of type 1.
    NoModality,
}

/// A renderer with a flaw; the gates are those that are there, unless they are to be silent.
struct Flawed {
    flaw: Flaw,
    kind: Kind,
    sabotage: Sabotage,
}

impl Craft for Flawed {
    fn render(&self, inputs: &Inputs<'_>) -> Result<EvidenceSet, RenderError> {
        let mut set = set::render(inputs)?;
        let object = set.objects.iter_mut().find(|object| object.kind == self.kind).unwrap();
        object.bytes = rewritten(&object.bytes, |data_set| match self.flaw {
            Flaw::PatientByte => {
                let name = data_set.str(tag::PATIENT_NAME).unwrap().to_owned();
                data_set.put_str(tag::PATIENT_NAME, name.replace("Chest", "Chesu"));
                assert_ne!(data_set.str(tag::PATIENT_NAME), Some(&*name));
            }
            Flaw::OtherPatientId => data_set.put_str(tag::PATIENT_ID, "4711"),
            Flaw::NoModality => data_set.remove(tag::MODALITY),
        });
        Ok(set)
    }

    fn judge(&self, object: &EvidenceObject, set: &EvidenceSet, inputs: &Inputs<'_>) -> Vec<Complaint> {
        match self.sabotage {
            Sabotage::GatesSkipped => Vec::new(),
            Sabotage::None | Sabotage::FramesReversed | Sabotage::AllPlausible => {
                Gantrys.judge(object, set, inputs)
            }
        }
    }
}

#[track_caller]
fn check_flaw(flaw: Flaw, sabotage: Sabotage, wanted: &str) {
    for kind in Kind::ALL {
        let case = Case::new();
        let mut desk = case.store(NOW);
        desk.craft = Arc::new(Flawed { flaw, kind, sabotage });
        let sentence = format!("{wanted}: the {} did not pass the gates: {wanted}: ", kind.name());
        check_quarantined(&case, &desk, &sentence);
    }
}

fn another_patient_does_not_pass_the_safety_gate(sabotage: Sabotage) {
    check_flaw(Flaw::PatientByte, sabotage, "gate/other-identity");
    check_flaw(Flaw::OtherPatientId, sabotage, "gate/other-identity");
}

fn a_broken_object_does_not_pass_the_form_gate(sabotage: Sabotage) {
    check_flaw(Flaw::NoModality, sabotage, "gate/missing-attribute");
}

/// EV4: the stored segmentation, read back, is the mask of the findings.
fn the_stored_segmentation_is_the_mask(sabotage: Sabotage) {
    let case = Case::new();
    let desk = sabotage.store(&case);
    assert_eq!(desk.publisher().publish_due().unwrap(), 1);
    let rows = evidence(&case, &desk);
    let row = rows.iter().find(|row| row.sop_class.as_str() == Kind::Segmentation.sop_class()).unwrap();
    let file = desk.blob.read(row.blob, 0..row.blob.length).unwrap();
    let label = |segment: &gantry_evidence::read::Segment| {
        let segments = &case.found.findings.segments;
        segments.iter().find(|one| one.key == segment.tracking_id).map(|one| one.label)
    };
    let read = read_segmentation(&file).unwrap().labels_on(&case.found.grid, label).unwrap();
    let mask = mask::decode(&case.files[names::MASK], case.found.grid).unwrap();
    assert!(read == mask, "the stored segmentation is not the mask");
}

fn what_is_implausible_is_not_published(sabotage: Sabotage) {
    let mut case = Case::new();
    case.found.findings.segments[0].measurements[0].value = MeasuredValue::Number(9000.0);
    let wanted = "publish/implausible: the findings are not plausible: right-lung.volume is 9000";
    check_quarantined(&case, &sabotage.store(&case), wanted);
}

#[test]
fn dl3_another_patient_does_not_pass_the_safety_gate() {
    another_patient_does_not_pass_the_safety_gate(Sabotage::None);
}

#[test]
fn dl3_a_broken_object_does_not_pass_the_form_gate() {
    a_broken_object_does_not_pass_the_form_gate(Sabotage::None);
}

#[test]
fn dl3_what_is_not_plausible_is_quarantined() {
    what_is_implausible_is_not_published(Sabotage::None);
}

#[test]
fn ev4_the_stored_segmentation_is_the_mask() {
    the_stored_segmentation_is_the_mask(Sabotage::None);
}

#[test]
fn sabotages_turn_their_tests_red() {
    for (sabotage, test) in [
        (Sabotage::FramesReversed, the_stored_segmentation_is_the_mask as fn(Sabotage)),
        (Sabotage::GatesSkipped, another_patient_does_not_pass_the_safety_gate),
        (Sabotage::GatesSkipped, a_broken_object_does_not_pass_the_form_gate),
        (Sabotage::AllPlausible, what_is_implausible_is_not_published),
    ] {
        assert!(std::panic::catch_unwind(|| test(sabotage)).is_err(), "{sabotage:?} was not noticed");
    }
}
