//! The published form of documents: it lets through what the program takes, and marks what an editor can know to be
//! wrong.

use std::process::Command;

use gantry_definition::document;
use gantry_tests::{notes, peer, schema, served::program};
use serde_json::Value;

use crate::whole::WORKFLOW;

/// Documents with every key.
const WHOLE: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: clinical }
for: study
match: study.modalities.exists(m, m == "CT") && "GANTRY" in calledAe
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 20s, associationEnd: 3s, maxWait: 30m, onMaxWait: run }
late: { do: amend, settle: 60s, max: 2 }
lane: 'study.modalities.exists(m, m == "CT") ? "urgent" : "routine"'
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
    assert: { contrast: none }
    timeout: 1h30m
    retry: { attempts: 3, backoff: 30s }
  - { name: again, app: lung-density, inputs: { image: chest }, after: [lungs] }
deliver:
  - { to: pacs, what: [seg, sr, sc] }
---
apiVersion: gantry/v1
kind: Source
metadata: { name: ct-2 }
aeTitle: CT ROOM 2
addresses: [10.1.2.3, "fd00::/8", 10.1.0.0/16]
issuers: { patientId: HOSPITAL-A, accessionNumber: RIS }
zone: Etc/GMT+3
authority: 10
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs, class: test }
aeTitle: ORTHANC
address: "[fd00::1]:4242"
callingAeTitle: GANTRY
what: [sr]
seriesBase: 9000
confirm: query
timeouts: { connect: 10s, response: 1m }
retry: { backoff: 30s, longest: 1h, giveUpAfter: 7d }
---
apiVersion: gantry/v1
kind: Door
metadata: { name: main }
aeTitles: [GANTRY, GANTRY CT]
accepts: [ct-2]
"#;

/// What the program prints.
fn published() -> Value {
    let output = peer::run(Command::new(program()).arg("schema"));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the schema has against a text, document by document.
fn marked(schema: &Value, text: &str) -> Vec<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.iter().flat_map(|document| schema::problems(schema, schema, document)).collect()
}

/// The YAML blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(notes::root().join(page)).unwrap();
    let blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains("apiVersion: gantry/v1")).map(str::to_owned).collect()
}

#[test]
fn what_is_taken_is_not_marked() {
    let schema = published();
    let mut texts = vec![WHOLE.to_owned(), WORKFLOW.to_owned()];
    for page in ["README.md", "docs/documents.md", "docs/packages.md"] {
        texts.extend(blocks(page));
    }
    assert!(3 <= texts.len(), "{texts:?}");
    for text in texts {
        assert!(document::read(&text).is_ok(), "{text}: {:?}", document::read(&text));
        assert_eq!(marked(&schema, &text), Vec::<String>::new(), "{text}");
    }
    for (good, other) in [
        ("name: chest-ct", "name: 7"),
        ("late: { do: amend, settle: 60s, max: 2 }", "late: hold"),
        ("lane: 'study", "lane: urgent #"),
        ("contrast: none", "contrast: 1.5"),
        ("contrast: none", "contrast: yes"),
        ("patientId: HOSPITAL-A", "patientId: 12"),
        ("aeTitle: ORTHANC", "aeTitle: 104"),
        ("match: study", "match: true || study"),
        ("choose: thinnest", "choose: all"),
    ] {
        assert!(WHOLE.contains(good), "{good}");
        let text = WHOLE.replacen(good, other, 1);
        assert!(document::read(&text).is_ok(), "{other}: {:?}", document::read(&text));
        assert_eq!(marked(&schema, &text), Vec::<String>::new(), "{other}");
    }
}

#[test]
fn what_an_editor_can_know_to_be_wrong_is_marked() {
    let schema = published();
    for (good, bad, part) in [
        ("quiet: 20s", "quite: 20s", ".ready.quite"),
        ("quiet: 20s", "quiet: 20", "type"),
        ("quiet: 20s", "quiet: 20 s", "pattern"),
        ("kind: Door", "kind: Dor", "enum"),
        ("apiVersion: gantry/v1\nkind: Door", "apiVersion: gantry/v2\nkind: Door", "enum"),
        ("aeTitles: [GANTRY, GANTRY CT]", "aeTitles: []", "minItems"),
        ("aeTitles: [GANTRY, GANTRY CT]", "aeTitles: [GANTRY, GANTRY]", "uniqueItems"),
        ("aeTitles: [GANTRY, GANTRY CT]", "title: GANTRY", "`aeTitles` is missing"),
        ("class: clinical", "class: clinic", "enum"),
        ("choose: thinnest", "choose: thinest", "enum"),
        ("onMaxWait: run", "onMaxWait: no", "enum"),
        ("do: amend", "do: nothing", "anyOf"),
        ("max: 2", "max: 0", "anyOf"),
        ("attempts: 3", "attempts: 11", "maximum"),
        ("name: lungs", "name: Lungs", "pattern"),
        ("what: [seg, sr, sc]", "what: [seg, rs]", "enum"),
        ("authority: 10", "authority: 101", "maximum"),
        ("address: \"[fd00::1]:4242\"", "address: pacs", "pattern"),
        ("aeTitle: CT ROOM 2", "aeTitle: SEVENTEEN LETTERS", "pattern"),
        ("zone: Etc/GMT+3", "zone: Etc GMT", "pattern"),
        ("addresses: [10.1.2.3, ", "addresses: [pacs, ", "pattern"),
        ("inputs:\n  chest:", "inputs:\n  Chest:", "propertyNames"),
        ("match: study", "# match: study", "`match` is missing"),
    ] {
        assert!(WHOLE.contains(good), "{good}");
        let text = WHOLE.replacen(good, bad, 1);
        assert!(document::read(&text).is_err(), "{bad} is taken");
        let marked = marked(&schema, &text).join("\n");
        assert!(marked.contains(part), "{bad}: {marked}");
    }
}
