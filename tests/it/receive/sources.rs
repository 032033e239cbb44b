//! Who may come in: Source documents, applied while the door is open, and peers that were refused and then let in.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use gantry_tests::{
    peer,
    served::{CONFIG, Served, program},
};
use tempfile::TempDir;

use super::limits::{associate, check_rejected};

/// A server that trusts nobody but its Source documents; `associate` calls itself LIMITS.
fn strict() -> Served {
    Served::start_with(&CONFIG.replace("[dicom]", "[dicom]\ntrust_loopback = false"))
}

fn apply(served: &Served, documents: &str) -> std::process::Output {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("sources.yaml"), documents).unwrap();
    let mut command = Command::new(program());
    command.args(["apply", "--json", "-f"]).arg(dir.path()).arg("--data").arg(served.data());
    command.output().unwrap()
}

fn source(name: &str, address: &str) -> String {
    format!(
        "apiVersion: gantry/v1\nkind: Source\nmetadata: {{ name: {name} }}\naeTitle: LIMITS\naddresses: [\"{address}\"]\n"
    )
}

/// The codes of a rejection, or nothing: the peer was let in.
fn rejection(served: &Served) -> Option<[u8; 3]> {
    rejection_by(served, "GANTRY")
}

/// The same for another door.
fn rejection_by(served: &Served, title: &str) -> Option<[u8; 3]> {
    let (_, answer) = associate(served, title);
    let (kind, body) = answer.expect("an answer");
    (kind == 3).then(|| [body[1], body[2], body[3]])
}

/// Documents are taken up within a second; the wait is longer for a loaded machine.
#[track_caller]
fn await_rejection(served: &Served, want: Option<[u8; 3]>) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while rejection(served) != want {
        assert!(Instant::now() < deadline, "still {:?}, not {want:?}", rejection(served));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn title_and_address_are_asked_for_and_a_refused_peer_is_let_in() {
    let served = strict();
    check_rejected(&served, "GANTRY", [1, 1, 3]);
    let output = apply(&served, &source("elsewhere", "10.0.0.0/8"));
    assert!(output.status.success(), "{output:?}");
    // The title is known now, and not from here.
    await_rejection(&served, Some([1, 1, 1]));
    let accept = ["source", "accept", "LIMITS", "--json", "--data"];
    let output = peer::run(Command::new(program()).args(accept).arg(served.data()));
    let applied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(applied["documents"][0]["name"], "limits");
    await_rejection(&served, None);
    // It stays so.
    let served = served.stop().restart();
    assert_eq!(rejection(&served), None);
}

#[test]
fn documents_are_versioned_and_taken_all_or_none() {
    let served = strict();
    let versions = |output: std::process::Output| {
        let applied: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = applied["documents"].as_array().unwrap().iter();
        all.map(|one| (one["version"].as_u64().unwrap(), one["isNew"].as_bool().unwrap())).collect::<Vec<_>>()
    };
    let one = source("one", "10.0.0.1");
    assert_eq!(versions(apply(&served, &one)), [(1, true)]);
    assert_eq!(versions(apply(&served, &format!("# laid out anew\n{one}"))), [(1, false)]);
    assert_eq!(versions(apply(&served, &source("one", "10.0.0.2"))), [(2, true)]);
    let wrong = format!("{}---\n{}", source("two", "127.0.0.1"), source("three", "10.0.0.1/8"));
    let output = apply(&served, &wrong);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("sources.yaml:11:13: ") && said.contains("write `10.0.0.0/8`"), "{said}");
    // The good one of the two was not taken.
    assert_eq!(versions(apply(&served, &source("two", "10.0.0.1"))), [(1, true)]);
}

#[test]
fn a_workflow_that_names_what_is_not_there_is_refused() {
    let served = strict();
    let workflow = "apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest }
for: study
match: 'true'
inputs: { chest: { series: 'series.modality == \"CT\"' } }
tasks:
  - { name: lungs, app: lung-destiny, inputs: { image: chest } }
deliver:
  - { to: pacs }
";
    let output = apply(&served, workflow);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("no application `lung-destiny`") && said.contains("no Destination `pacs`"),
        "{said}"
    );
}

/// What a workflow delivers to a destination that takes nothing of it would reach nobody.
#[test]
fn dl3_a_workflow_and_a_destination_with_nothing_in_common_are_refused() {
    let served = strict();
    let workflow = |what: &str| {
        format!(
            "apiVersion: gantry/v1
kind: Workflow
metadata: {{ name: chest }}
for: study
match: 'true'
inputs: {{ chest: {{ series: 'series.modality == \"CT\"' }} }}
tasks:
  - {{ name: lungs, app: lung-density, inputs: {{ image: chest }} }}
deliver:
  - {{ to: pacs, what: [{what}] }}
"
        )
    };
    let destination = |what: &str| {
        format!(
            "apiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs }}\naeTitle: PACS\n\
             address: 10.0.0.1:104\nwhat: [{what}]\n"
        )
    };
    let check = |documents: &str, refused: Option<&str>| {
        let output = apply(&served, documents);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(if refused.is_some() { 5 } else { 0 }), "{said}");
        let told = said.lines().filter(|line| line.contains("nothing would ever go there")).count();
        assert_eq!(told, usize::from(refused.is_some()), "{said}");
        assert!(said.contains(refused.unwrap_or_default()), "{said}");
    };
    let sentence = |line: u32, delivers: &str, takes: &str| {
        format!(
            "sources.yaml:{line}:1: Workflow `chest` delivers [{delivers}] to `pacs`, which takes [{takes}]: nothing"
        )
    };
    // Both at once.
    check(&format!("{}---\n{}", workflow("sr, sc"), destination("seg")), Some(&sentence(1, "sr, sc", "seg")));
    check(&destination("seg, sr"), None);
    // Beside a stored destination.
    check(&workflow("sc"), Some(&sentence(1, "sc", "seg, sr")));
    check(&workflow("sr, sc"), None);
    // A destination beside a stored workflow, in the second place of its file.
    let source = source("here", "10.0.0.0/8");
    let wrong = format!("{source}---\n{}", destination("seg"));
    check(&wrong, Some(&sentence(7, "sr, sc", "seg")));
    // Each for what the other will be.
    check(&format!("{}---\n{}", destination("seg"), workflow("seg")), None);
    // What names nothing delivers all that is taken.
    check(&workflow("seg").replace(", what: [seg]", ""), None);
    check(&destination("sc"), None);
}

#[test]
fn a_door_document_opens_a_title_for_its_sources_alone() {
    let served = strict();
    let door = "apiVersion: gantry/v1\nkind: Door\nmetadata: { name: stroke }\naeTitles: [STROKE AI 16 CHR]\naccepts: [here]\n";
    assert_eq!(rejection_by(&served, "STROKE AI 16 CHR"), Some([1, 1, 7]));
    let output = apply(&served, &format!("{}---\n{door}", source("here", "127.0.0.0/8")));
    assert!(output.status.success(), "{output:?}");
    await_rejection(&served, None);
    assert_eq!(rejection_by(&served, "STROKE AI 16 CHR"), None);
    let other = door.replace("[here]", "[elsewhere]");
    let output = apply(&served, &format!("{}---\n{other}", source("elsewhere", "10.0.0.0/8")));
    assert!(output.status.success(), "{output:?}");
    let deadline = Instant::now() + Duration::from_secs(10);
    while rejection_by(&served, "STROKE AI 16 CHR") != Some([1, 1, 1]) {
        assert!(Instant::now() < deadline, "the door lets in whom it accepts no more");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(rejection(&served), None, "the configured title lets in every source");
}

#[test]
fn a_zone_that_does_not_exist_is_refused_with_its_place() {
    let served = strict();
    let output = apply(&served, &format!("{}zone: Europe/Berlim\n", source("here", "127.0.0.0/8")));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("Europe/Berlim"), "{said}");
    assert!(
        apply(&served, &format!("{}zone: Europe/Berlin\n", source("here", "127.0.0.0/8"))).status.success()
    );
}
