//! What becomes of a publication.

mod gates;

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use gantry_definition::package::Class;
use gantry_dicom::{data_set::Value, tag, tag::Tag, vr::Vr};
use gantry_evidence::{
    gate::{self, Knowledge},
    object::Kind,
    read::read_segmentation,
    safety::{self, Allowed},
};
use gantry_flow::{
    delivery,
    publication::{Event, Stage, State, step},
    step::Lane,
};
use gantry_image::grid::{Dims, Grid};
use gantry_ports::{
    blob::Blob as _,
    cases::Cases as _,
    intake::Intake as _,
    job::names,
    news::News,
    packages::Application,
    runs::Runs as _,
    state::{delivery as delivery_form, publication},
    store::{DocumentKind, EvidenceRow, IdentityRow, MachineKind, MachineRow, Row, Standing},
};
use gantry_types::{digest::Digest, findings::MeasuredValue, instant::Instant, uid::SopInstanceUid};

use crate::{
    images,
    kit::{BEGAN, Case, DAY, Desk, Fault, deflated, digest, document, identifiers, site},
};

const NOW: Instant = Instant(BEGAN.0 + 3600 * 1_000_000);

fn evidence(case: &Case, desk: &Desk) -> Vec<EvidenceRow> {
    desk.store.inner.evidence_of_study(&site(), &case.key().study).unwrap()
}

fn deliveries(case: &Case, desk: &Desk) -> Vec<MachineRow> {
    desk.store.inner.machines(&site(), MachineKind::Delivery, &case.key().study).unwrap()
}

fn stage(case: &Case, desk: &Desk) -> Stage {
    publication::state(&desk.machine(case)).unwrap().stage
}

fn audit(desk: &Desk, action: &str) -> Vec<String> {
    let rows = desk.store.inner.audit(100).unwrap();
    rows.into_iter().filter(|row| row.action == action).map(|row| row.detail).collect()
}

/// The stored bytes, which are those of their rows.
fn bytes(desk: &Desk, row: &EvidenceRow) -> Vec<u8> {
    let bytes = desk.blob.read(row.blob, 0..row.blob.length).unwrap();
    assert_eq!(digest(&bytes), row.digest);
    bytes
}

#[track_caller]
fn check_published(case: &Case, desk: &Desk, objects: u32) {
    assert_eq!(desk.publisher().publish_due().unwrap(), 1);
    assert_eq!(
        stage(case, desk),
        Stage::Published { at: Instant(desk.clock.0.load(Ordering::SeqCst)), objects }
    );
    let row = desk.machine(case);
    assert_eq!((row.due, row.person), (None, None));
    assert_eq!(evidence(case, desk).len(), objects as usize);
    assert_eq!(deliveries(case, desk).len(), objects as usize);
    assert_eq!(desk.blob.left(), objects as usize);
}

/// A person must look, for this reason, and nothing was kept or is on its way.
#[track_caller]
fn check_quarantined(case: &Case, desk: &Desk, wanted: &str) {
    assert_eq!(desk.publisher().publish_due().unwrap(), 1);
    let row = desk.machine(case);
    let Stage::Quarantined { why, .. } = publication::state(&row).unwrap().stage else { panic!("{row:?}") };
    assert!(why.starts_with(wanted), "{why}");
    assert!(!why.contains("Phantom") && !why.contains("Somebody"), "{why}");
    assert_eq!((row.due, row.person.is_some()), (None, true));
    assert_eq!((evidence(case, desk), deliveries(case, desk)), (vec![], vec![]));
    assert_eq!(desk.blob.left(), 0);
    assert_eq!(audit(desk, "publication/quarantined"), [format!("task lungs, for pacs: {why}")]);
    assert_eq!(desk.publisher().publish_due().unwrap(), 0);
}

#[test]
fn dl1_what_passes_both_gates_is_stored_and_queued_in_one_step() {
    let case = Case { lane: Lane::Urgent, ..Case::new() };
    let desk = case.store(NOW);
    check_published(&case, &desk, 3);
    let objects = desk.store.inner.objects(&site(), &case.key().study).unwrap();
    let source = images::source(&*desk.blob, &objects, &case.found.images).unwrap();
    let rows = evidence(&case, &desk);
    let uids: Vec<&SopInstanceUid> = rows.iter().map(|row| &row.sop_instance).collect();
    let all: Vec<Vec<u8>> = rows.iter().map(|row| bytes(&desk, row)).collect();
    let siblings: Vec<&[u8]> = all.iter().map(|bytes| &**bytes).collect();
    for (row, bytes) in rows.iter().zip(&all) {
        let knowledge = Knowledge { sources: &[&source], siblings: &siblings, findings: None };
        let allowed =
            Allowed { header_in_force: source.header(), sources: &[&source], siblings: &uids, replaces: &[] };
        let complaints = [gate::judge(bytes, &knowledge), safety::judge(bytes, &allowed)].concat();
        assert!(gate::passes(&complaints), "{complaints:?}");
        let located = gantry_dicom::part10::locate(bytes).unwrap();
        assert_eq!(located.data_set.len(), bytes.len() - row.head_bytes as usize);
        assert_eq!(located.transfer_syntax, row.transfer_syntax);
        assert_eq!((row.run.as_str(), row.task.as_str(), row.destination.as_str()), ("18c", "lungs", "pacs"));
        assert_eq!((row.class, row.made), (Class::Research, NOW));
    }
    let kinds: Vec<&str> =
        rows.iter().filter_map(|row| Kind::of_sop_class(row.sop_class.as_str())).map(Kind::name).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    for row in deliveries(&case, &desk) {
        let state = delivery_form::state(&row).unwrap();
        assert_eq!((state.stage, state.lane, state.since), (delivery::Stage::Queued, Lane::Urgent, NOW));
        assert!(uids.contains(&&state.key.sop_instance) && row.offered.is_some());
    }
    assert_eq!(audit(&desk, "evidence/made").len(), 3);
    assert_eq!(audit(&desk, "delivery/queued"), ["to pacs, urgent"; 3]);
    assert_eq!(audit(&desk, "publication/published").len(), 1);
    assert_eq!(*desk.said.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn ev5_the_same_rows_give_the_same_bytes_on_another_node_and_another_day() {
    let of = |now| {
        let case = Case::new();
        let desk = case.store(now);
        check_published(&case, &desk, 3);
        evidence(&case, &desk)
            .into_iter()
            .map(|row| (row.sop_instance.clone(), row.series.clone(), bytes(&desk, &row)))
            .collect::<Vec<_>>()
    };
    let first = of(NOW);
    assert_eq!(first, of(Instant(NOW.0 + 400 * DAY)));
    // Shown with the offset of the run: half past midnight of the next day.
    let report =
        first.iter().map(|(.., bytes)| bytes).find(|bytes| contains(bytes, "1.2.840.10008.5.1.4.1.1.88.34"));
    let report = report.unwrap();
    assert!(contains(report, "20241005") && contains(report, "003000.000000"));
    assert!(contains(report, "0.9.9") && !contains(report, "0.1.0"));
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_destination_gets_the_kinds_that_both_documents_name() {
    let mut case = Case::new();
    case.destination = format!("{}what: [sr, sc]\n", case.destination);
    case.workflow = format!("{}    what: [sr, seg]\n", case.workflow);
    let desk = case.store(NOW);
    check_published(&case, &desk, 1);
    let classes: Vec<String> =
        evidence(&case, &desk).iter().map(|row| row.sop_class.as_str().to_owned()).collect();
    assert_eq!(classes, [Kind::Report.sop_class()]);
    case.workflow = case.workflow.replace("[sr, seg]", "[seg]");
    let wanted =
        "publish/nothing-in-common: of what workflow chest-ct (version 1) delivers to pacs, it takes nothing";
    check_quarantined(&case, &case.store(NOW), wanted);
}

/// Found nothing, and the one kind that is wanted is the one that says nothing of it: nobody would ever hear of the run.
#[test]
fn dl3_a_result_of_which_nothing_can_be_shown_is_quarantined() {
    let mut case = Case::new();
    case.find_nothing();
    check_published(&case, &case.store(NOW), 2);
    case.destination = format!("{}what: [seg]\n", case.destination);
    let wanted = "publish/nothing-to-show: nothing of the result can be shown to pacs, which takes only SEG";
    check_quarantined(&case, &case.store(NOW), wanted);
}

#[test]
fn dl3_an_image_outside_of_the_payload_is_quarantined() {
    let mut case = Case::new();
    case.payload.remove(2);
    check_quarantined(&case, &case.store(NOW), "publish/outside-payload: the findings name image 2.25.");
    let mut case = Case::new();
    case.found.images[3] = case.found.images[2].clone();
    check_quarantined(&case, &case.store(NOW), "publish/outside-payload");
    let mut case = Case::new();
    case.found.images.clear();
    check_quarantined(&case, &case.store(NOW), "evidence/no-images");
}

#[test]
fn a_grid_that_is_not_the_sources_is_quarantined_before_anything_is_inflated() {
    let mut case = Case::new();
    let steps = case.found.grid.steps();
    let large = Dims::new(2000, 2000, 500).unwrap();
    case.found.grid = Grid::new(large, case.found.grid.origin(), steps).unwrap();
    case.files.insert(names::MASK, b"no gzip at all".to_vec());
    check_quarantined(
        &case,
        &case.store(NOW),
        "evidence/other-grid: the findings do not lie on their images",
    );
    let mut case = Case::new();
    case.found.images.swap(0, 1);
    check_quarantined(&case, &case.store(NOW), "evidence/out-of-order");
}

#[test]
fn files_that_are_not_of_their_form_are_quarantined() {
    for (name, content, wanted) in [
        (names::MASK, &b"no gzip"[..], "publish/unreadable-result: the mask"),
        (
            names::MASK,
            &[0; 70_000],
            "publish/unreadable-result: the file mask.gz of the result has 70000 bytes",
        ),
        (names::PICTURE, b"no png", "publish/unreadable-result: the picture"),
        (names::RESULT, b"no json", "publish/unreadable-result: a file of the result cannot be read"),
    ] {
        let mut case = Case::new();
        case.files.insert(name, content.to_vec());
        check_quarantined(&case, &case.store(NOW), wanted);
    }
    for (name, wanted) in [(names::MASK, "evidence/no-mask"), (names::PICTURE, "evidence/no-picture")] {
        let mut case = Case::new();
        case.files.remove(name);
        check_quarantined(&case, &case.store(NOW), wanted);
    }
}

/// Another patient's object came to the study after the run had begun (PT1).
#[test]
fn nothing_is_published_of_a_study_that_names_two_patients() {
    let case = Case::new();
    let desk = case.store(NOW);
    let identity = |patient_id: &str| {
        Row::Identity(IdentityRow {
            site: site(),
            study: case.key().study,
            patient_id: patient_id.to_owned(),
            issuer: String::new(),
        })
    };
    desk.write(vec![identity("P1"), identity("P2")]);
    check_quarantined(&case, &desk, "publish/two-patients");
}

#[test]
fn dl2_the_laxest_class_never_goes_to_a_stricter_destination() {
    let check = |workflow: &str, destination: &str, wanted: Option<&str>| {
        let mut case = Case::new();
        case.workflow = case.workflow.replace("class: research", &format!("class: {workflow}"));
        case.destination = case.destination.replace("class: research", &format!("class: {destination}"));
        let desk = case.store(NOW);
        match wanted {
            Some(wanted) => check_quarantined(&case, &desk, wanted),
            None => check_published(&case, &desk, 3),
        }
    };
    let refused =
        |class| Some(format!("publish/class: a result of class {class} must not go to pacs, which"));
    // The package is for research.
    check("test", "clinical", refused("test").as_deref());
    check("test", "research", refused("test").as_deref());
    check("test", "test", None);
    check("research", "clinical", refused("research").as_deref());
    check("clinical", "clinical", refused("research").as_deref());
    check("clinical", "research", None);
}

#[test]
fn a_result_that_was_changed_is_quarantined() {
    for name in [names::FINDINGS, names::MASK, names::PICTURE, names::RESULT] {
        let case = Case { changed: Some(name), ..Case::new() };
        check_quarantined(&case, &case.store(NOW), "publish/changed-result: the file");
    }
    let case = Case::new();
    let desk = case.store(NOW);
    for file in desk.store.inner.results(&case.run).unwrap().remove(0).files {
        desk.blob.free(file.blob).unwrap();
    }
    desk.blob.freed.store(0, Ordering::SeqCst);
    check_quarantined(&case, &desk, "publish/damaged-content");
}

#[test]
fn dc2_another_package_or_definition_is_quarantined() {
    let case = Case::new();
    let desk = case.store(NOW);
    let shelf = |change: &dyn Fn(&mut Application)| {
        let mut application = (**desk.packages.lock().unwrap().as_ref().unwrap()).clone();
        change(&mut application);
        Arc::new(application)
    };
    let other = shelf(&|application| application.digest = Digest([8; 32]));
    desk.packages.lock().unwrap().replace(other);
    check_quarantined(&case, &desk, "publish/other-package: the package of lung-density is sha256:0808");
    let desk = case.store(NOW);
    desk.packages.lock().unwrap().take();
    check_quarantined(&case, &desk, "publish/no-package: there is no application lung-density on this node");
    let desk = case.store(NOW);
    let edited = format!("{}\n# edited\n", case.workflow);
    desk.write(vec![Row::Document(document(DocumentKind::Workflow, "chest-ct", &edited, 1))]);
    check_quarantined(&case, &desk, "publish/other-definition: version 1 of workflow chest-ct");
    let mut case = Case::new();
    case.workflow = case.workflow.replace("to: pacs", "to: elsewhere");
    check_quarantined(&case, &case.store(NOW), "publish/not-wanted: workflow chest-ct (version 1)");
}

#[test]
fn the_newest_version_of_a_destination_counts() {
    let case = Case::new();
    let desk = case.store(NOW);
    let stricter = case.destination.replace("class: research", "class: clinical");
    let stricter = document(DocumentKind::Destination, "pacs", &stricter, 2);
    // It comes between reading and writing: the result must not go out by what the destination said before.
    let store = desk.store.inner.clone();
    desk.store.faults.lock().unwrap().push(Fault::Before(Box::new(move || {
        use gantry_ports::store::{Change, Store as _};
        store.commit(&Change { rows: vec![Row::Document(stricter)], ..Change::default() }).unwrap();
    })));
    assert_eq!(desk.publisher().publish_due().unwrap(), 0);
    assert_eq!((evidence(&case, &desk), desk.blob.left()), (vec![], 0));
    check_quarantined(&case, &desk, "publish/class");
}

#[test]
fn of_two_nodes_one_publishes() {
    let case = Case::new();
    let desk = case.store(NOW);
    let other = desk.publisher();
    desk.store.faults.lock().unwrap().push(Fault::Before(Box::new(move || {
        assert_eq!(other.publish_due().unwrap(), 1);
    })));
    assert_eq!(desk.publisher().publish_due().unwrap(), 0);
    assert_eq!(stage(&case, &desk), Stage::Published { at: NOW, objects: 3 });
    assert_eq!((evidence(&case, &desk).len(), deliveries(&case, &desk).len()), (3, 3));
    assert_eq!((desk.blob.appended.load(Ordering::SeqCst), desk.blob.left()), (6, 3));
    evidence(&case, &desk).iter().for_each(|row| {
        bytes(&desk, row);
    });
    assert_eq!(desk.publisher().publish_due().unwrap(), 0);
}

#[test]
fn a_person_may_have_it_tried_again() {
    let case = Case::new();
    let desk = case.store(NOW);
    let application = desk.packages.lock().unwrap().take();
    check_quarantined(&case, &desk, "publish/no-package");
    *desk.packages.lock().unwrap() = application;
    let row = desk.machine(&case);
    let state = publication::state(&row).unwrap();
    let again = step(&state, Event::Retry { by: "anna".into() }, NOW);
    desk.write(vec![Row::Machine(publication::row(row.key, &again, row.version + 1))]);
    check_published(&case, &desk, 3);
}

#[test]
fn trouble_with_the_disk_is_waited_out_and_leaves_nothing_behind() {
    let case = Case::new();
    let desk = case.store(NOW);
    for (full_after, due) in [(0, 1), (2, 2)] {
        desk.blob.full_after.store(full_after, Ordering::SeqCst);
        assert_eq!(desk.publisher().publish_due().unwrap(), 1);
        let at = Instant(desk.clock.0.load(Ordering::SeqCst)).after(Duration::from_secs(due));
        assert_eq!(stage(&case, &desk), Stage::Queued { at });
        assert_eq!((desk.machine(&case).due, desk.blob.left()), (Some(at), 0));
        assert_eq!(desk.publisher().publish_due().unwrap(), 0);
        desk.clock.0.store(at.0, Ordering::SeqCst);
    }
    assert!(audit(&desk, "publication/troubled")[0].contains("1 bytes are free, 2 are kept in reserve"));
    desk.blob.full_after.store(usize::MAX, Ordering::SeqCst);
    check_published(&case, &desk, 3);
}

#[test]
fn bytes_stay_unless_it_is_known_that_no_row_names_them() {
    let case = Case::new();
    let desk = case.store(NOW);
    *desk.store.faults.lock().unwrap() = vec![Fault::Fails];
    assert_eq!(desk.publisher().publish_due().unwrap(), 1);
    assert_eq!(publication::state(&desk.machine(&case)).unwrap().troubles, 1);
    assert_eq!((evidence(&case, &desk), desk.blob.left()), (vec![], 0));
    // Neither that commit nor the one of the trouble succeeds.
    let desk = case.store(NOW);
    *desk.store.faults.lock().unwrap() = vec![Fault::Fails, Fault::Fails];
    let error = desk.publisher().publish_due().unwrap_err();
    assert_eq!(error.to_string(), "cannot write rows");
    assert_eq!((stage(&case, &desk), desk.blob.left()), (Stage::Queued { at: BEGAN }, 3));
    let desk = case.store(NOW);
    *desk.store.faults.lock().unwrap() = vec![Fault::FailsWritten];
    assert_eq!(desk.publisher().publish_due().unwrap(), 0);
    assert_eq!(stage(&case, &desk), Stage::Published { at: NOW, objects: 3 });
    assert_eq!(desk.blob.left(), 3);
    evidence(&case, &desk).iter().for_each(|row| {
        bytes(&desk, row);
    });
}

#[test]
fn headers_are_read_to_their_end_however_long_or_packed() {
    let mut case = Case::new();
    // Longer than what is read at first, with zeros at the place of the cut.
    let private = Tag(0x0029, 0x1010);
    for image in [0, 3] {
        case.rewrite(image, |set| set.put_as(private, Vr::OB, Value::Bytes(vec![0; 300 << 10].into())));
    }
    for image in [0, 2] {
        case.images[image] = deflated(&case.images[image]);
    }
    let all = |case: &Case| {
        let desk = case.store(NOW);
        check_published(case, &desk, 3);
        evidence(case, &desk).iter().map(|row| row.digest).collect::<Vec<_>>()
    };
    // What is private is not copied: the evidence is the same.
    assert_eq!(all(&case), all(&Case::new()));
}

#[test]
fn im1_a_header_that_cannot_be_read_to_its_pixels_is_quarantined() {
    let wanted = |image: &[u8], why: &str| {
        format!("publish/unreadable-header: the header of image {} {why}", identifiers(image).2)
    };
    let mut case = Case::new();
    let (first, second) = (case.images[0].clone(), case.images[1].clone());
    // It ends where an element ends, so nothing is damaged in it.
    case.rewrite(1, |set| set.remove(tag::PIXEL_DATA));
    check_quarantined(&case, &case.store(NOW), &wanted(&second, "cannot be read up to its pixels"));
    let mut case = Case::new();
    case.rewrite(0, |set| {
        set.put_as(Tag(0x0029, 0x1010), Vr::OB, Value::Bytes(vec![1; 17 << 20].into()));
    });
    check_quarantined(&case, &case.store(NOW), &wanted(&first, "cannot be read up to its pixels"));
    let mut case = Case::new();
    case.rewrite(1, |set| set.put_str(tag::STUDY_INSTANCE_UID, "1.2.3"));
    check_quarantined(
        &case,
        &case.store(NOW),
        &wanted(&second, "names another object or study than its row"),
    );
}

#[test]
fn images_of_two_patients_and_changed_images_are_quarantined() {
    let mut case = Case::new();
    case.rewrite(2, |set| set.put_str(tag::PATIENT_NAME, "Somebody^Else"));
    check_quarantined(&case, &case.store(NOW), "evidence/mixed-images");
    let case = Case::new();
    let change = |desk: &Desk, change: &dyn Fn(&mut gantry_ports::store::ObjectRow)| {
        let mut row = desk.store.inner.objects(&site(), &case.key().study).unwrap().remove(0);
        change(&mut row);
        desk.write(vec![Row::Object(row)]);
    };
    let desk = case.store(NOW);
    change(&desk, &|row| row.digest = Digest([9; 32]));
    check_quarantined(&case, &desk, "publish/changed-image");
    let desk = case.store(NOW);
    change(&desk, &|row| row.standing = Standing::Undecided);
    check_quarantined(&case, &desk, "publish/not-in-force");
    let mut case = Case::new();
    case.found.series = gantry_types::uid::SeriesInstanceUid::parse("1.2.3").unwrap();
    check_quarantined(&case, &case.store(NOW), "publish/other-series");
}

#[test]
fn ur1_the_most_urgent_is_published_first() {
    let routine = Case::new();
    let urgent = Case { run: "18d".parse().unwrap(), lane: Lane::Urgent, ..Case::new() };
    let desk = routine.store(NOW);
    urgent.store_in(&desk);
    assert_eq!(desk.publisher().publish_due().unwrap(), 2);
    let runs: Vec<String> = desk
        .store
        .inner
        .audit(100)
        .unwrap()
        .into_iter()
        .rev()
        .filter(|row| row.action == "publication/published")
        .map(|row| row.subject)
        .collect();
    assert_eq!(runs, ["18d", "18c"]);
}

#[test]
fn another_site_is_left_alone() {
    let case = Case::new();
    let desk = case.store(NOW);
    let mut other = desk.machine(&case);
    other.key.site = "other".parse().unwrap();
    desk.write(vec![Row::Machine(other.clone())]);
    check_published(&case, &desk, 3);
    assert_eq!(desk.store.inner.machine(&other.key).unwrap(), Some(other));
}

#[test]
fn what_nobody_can_step_waits_for_a_person_as_it_is() {
    let case = Case::new();
    let check = |state: &dyn Fn(&mut MachineRow)| {
        let desk = case.store(NOW);
        let mut row = desk.machine(&case);
        state(&mut row);
        desk.write(vec![Row::Machine(row.clone())]);
        assert_eq!(desk.publisher().publish_due().unwrap(), 1);
        let aside = desk.machine(&case);
        assert_eq!(aside, MachineRow { version: 2, due: None, person: Some(NOW), ..row });
        assert_eq!(audit(&desk, "publication/set-aside").len(), 1);
        assert_eq!((evidence(&case, &desk), desk.publisher().publish_due().unwrap()), (vec![], 0));
    };
    check(&|row| row.state = "from a later version".to_owned());
    check(&|row| {
        let state = State { stage: Stage::Published { at: NOW, objects: 3 }, troubles: 0 };
        let step = gantry_flow::step::Step { state, effects: Vec::new(), timers: Vec::new() };
        row.state = publication::row(row.key.clone(), &step, 1).state;
    });
}

#[test]
fn it_publishes_when_it_is_told_and_ends_when_it_is_told() {
    let case = Case::new();
    let desk = case.store(Instant(BEGAN.0 - 1));
    let news = News::default();
    let (publisher, heard) = (desk.publisher(), news.clone());
    let thread = std::thread::spawn(move || publisher.run(&heard));
    desk.clock.0.store(NOW.0, Ordering::SeqCst);
    news.tell();
    for _ in 0..1000 {
        if stage(&case, &desk) != (Stage::Queued { at: BEGAN }) {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    news.end();
    thread.join().unwrap();
    assert_eq!(stage(&case, &desk), Stage::Published { at: NOW, objects: 3 });
}
