//! However a study comes, and whatever comes back: one run, one set of evidence (AS1, AS2).

use std::{fs, path::PathBuf, time::Duration};

use gantry_tests::{
    orthanc::Orthanc,
    peer::{self, Listening},
    served::{CONFIG, Served, apply},
};
use tempfile::TempDir;

use super::{WORKFLOW, newest_study, phantom, runs, send, wait_for_deliveries, wait_for_outcome};

/// A second title, as people write them.
const DOOR: &str = "---
apiVersion: gantry/v1
kind: Door
metadata: { name: second }
aeTitles: [SECOND DOOR]
";

/// storescp as a PACS, and the document that makes it a destination.
fn storescp(test: &str, dir: &std::path::Path) -> Option<(Listening, String)> {
    let program = peer::program(test, "storescp")?;
    let out = dir.join("received");
    fs::create_dir_all(&out).unwrap();
    let listening = Listening::start(|port| {
        let mut command = std::process::Command::new(program);
        command.arg("--fork").arg("--output-directory").arg(&out).arg(port.to_string());
        command
    });
    let document = format!(
        "---\napiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: research }}\n\
         aeTitle: STORESCP\naddress: {}\nretry: {{ backoff: 1s, longest: 2s }}\n",
        listening.address()
    );
    Some((listening, document))
}

/// Its files, in an order that has nothing to do with the patient.
fn shuffled(study: &std::path::Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(study).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)) % 1009)
    });
    files
}

#[test]
fn as2_split_over_two_doors_shuffled_and_sent_again_is_one_run() {
    let test = "as2_split_over_two_doors_shuffled_and_sent_again_is_one_run";
    let dir = TempDir::new().unwrap();
    let Some((_pacs, destination)) = storescp(test, dir.path()) else { return };
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{DOOR}{destination}"));
    std::thread::sleep(Duration::from_millis(300));
    let files = shuffled(&phantom(dir.path(), 11));
    let half = files.len() / 2;
    send(&served, "GANTRY", &files[..half]);
    send(&served, "SECOND DOOR", &files[half - 10..]);
    send(&served, "GANTRY", &files);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "ran");
    let deliveries = wait_for_deliveries(&served, &study, "sent");
    send(&served, "SECOND DOOR", &files);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(runs(&served).len(), 1);
    assert_eq!(wait_for_deliveries(&served, &study, "sent"), deliveries);
    let show = served.ask(&["study", "show", &study]);
    assert_eq!(show["late"], serde_json::json!([]), "{show}");
    assert_eq!(fs::read_dir(dir.path().join("received")).unwrap().count(), 3);
}

#[test]
fn as2_an_association_for_each_image_is_one_run() {
    let test = "as2_an_association_for_each_image_is_one_run";
    let dir = TempDir::new().unwrap();
    let Some((_pacs, destination)) = storescp(test, dir.path()) else { return };
    let served = Served::start_with(CONFIG);
    apply(&served, dir.path(), &format!("{WORKFLOW}{destination}"));
    let files = shuffled(&phantom(dir.path(), 12));
    for file in &files {
        send(&served, "GANTRY", &[file]);
    }
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "ran");
    wait_for_deliveries(&served, &study, "sent");
    let all = runs(&served);
    assert_eq!(all.len(), 1, "{all:?}");
    let show = served.ask(&["study", "show", &study]);
    assert_eq!(
        (show["objects"].as_array().unwrap().len(), &show["late"]),
        (files.len(), &serde_json::json!([]))
    );
}

/// Sends back whatever it gets, at once.
const ECHO: &str = "function OnStoredInstance(id, tags, metadata)
  SendToModality(id, 'gantry')
end
";

#[test]
fn as1_a_pacs_that_sends_everything_back_causes_nothing() {
    let test = "as1_a_pacs_that_sends_everything_back_causes_nothing";
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(CONFIG);
    let Some(orthanc) = Orthanc::start(test, Some(served.address()), ECHO) else { return };
    apply(&served, dir.path(), &format!("{WORKFLOW}{}", orthanc.destination("pacs")));
    let source = phantom(dir.path(), 13);
    send(&served, "GANTRY", &[&source]);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "ran");
    let deliveries = wait_for_deliveries(&served, &study, "confirmed");
    // What the PACS got comes back, which is the evidence: the images never went there.
    let images = fs::read_dir(&source).unwrap().count();
    std::thread::sleep(Duration::from_secs(30));
    let show = served.ask(&["study", "show", &study]);
    assert_eq!(show["objects"].as_array().unwrap().len(), images + 3, "the evidence came back and is kept");
    assert_eq!(show["late"], serde_json::json!([]));
    assert_eq!(super::workflow(&show)["outcome"], "ran");
    assert_eq!(runs(&served).len(), 1);
    assert_eq!(wait_for_deliveries(&served, &study, "confirmed"), deliveries);
    assert_eq!(orthanc.instances().len(), 3);
}
