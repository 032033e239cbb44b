//! Laws of derived UIDs.

use super::*;
use crate::fixture::Case;

/// The values were computed with Python's `hmac` from the definition in the module's documentation.
#[test]
fn uids_are_the_ones_of_an_independent_computation() {
    let Case { scope, profile, run, .. } = Case::new();
    let uid = |kind| scope.uid(&profile.name, kind, 0).to_string();
    assert_eq!(uid(UidKind::Instance(Kind::Segmentation)), "2.25.250582969405695169274952184185070152035");
    assert_eq!(uid(UidKind::Series(Kind::Segmentation)), "2.25.29813660280250599287795013292240091779");
    assert_eq!(uid(UidKind::DimensionOrganization), "2.25.224567573266682739698368005358524812981");
    let name = &run.application.name;
    assert_eq!(scope.tracking_uid(name, "right-lung").as_str(), "2.25.3365887521466815485190239193451060757");
    assert_eq!(node_uid(&scope.secret, &run.node).as_str(), "2.25.215276411997278162758829203509414162329");
    assert_eq!(
        application_uid(&scope.secret, &run.application.digest).as_str(),
        "2.25.206133709550890525027115626699328269775"
    );
}

#[test]
fn every_field_changes_an_objects_uid_and_none_but_its_own_a_tracking_uid() {
    let Case { scope, profile, run, .. } = Case::new();
    let other = ProfileName::new("archive").unwrap();
    let kind = UidKind::Instance(Kind::Report);
    let changes: [&dyn Fn(&mut UidScope); 4] = [
        &|scope| scope.secret = SiteSecret::new(b"another secret of a site").unwrap(),
        &|scope| scope.run = "run-2".parse().unwrap(),
        &|scope| scope.task = "lung".parse().unwrap(),
        &|scope| scope.issue = 1,
    ];
    let mut uids = vec![
        scope.uid(&profile.name, kind, 0),
        scope.uid(&profile.name, kind, 1),
        scope.uid(&other, kind, 0),
        scope.uid(&profile.name, UidKind::Series(Kind::Report), 0),
    ];
    let tracking = scope.tracking_uid(&run.application.name, "lung");
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = scope.clone();
        change(&mut changed);
        uids.push(changed.uid(&profile.name, kind, 0));
        let same = changed.tracking_uid(&run.application.name, "lung") == tracking;
        assert_eq!(same, number != 0, "only the secret is in both");
    }
    let count = uids.len();
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), count);
}

#[test]
fn a_secret_is_never_short_and_never_shown() {
    assert_eq!(SiteSecret::new(b"fifteen bytes.."), None);
    assert_eq!(format!("{:?}", SiteSecret::new(&[1; 16])), "Some(SiteSecret(..))");
}

#[test]
fn the_version_name_of_the_files_counts_renderer_revisions() {
    let name = crate::object::IMPLEMENTATION_VERSION_NAME;
    assert_eq!(name, format!("GANTRY_R{RENDERER_REVISION}"));
    assert!(name.len() <= 16);
}
