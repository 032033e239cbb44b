//! What needs a person, of rows that are known.

use gantry_flow::{
    delivery::{self, Trouble},
    publication, run,
};
use gantry_ports::{
    pulse::Pulse,
    store::{Change, DocumentRow, RefusalRow, Row, Store as _},
};
use gantry_types::digest::Digest;

use super::*;
use crate::kit::{
    rows::{at, delivery, publication, run, site},
    view,
};

fn refusal(calling: &str, address: &str, reason: &str, last: Instant) -> Row {
    Row::Refusal(RefusalRow {
        called: "GANTRY".to_owned(),
        calling: calling.to_owned(),
        address: address.to_owned(),
        reason: reason.to_owned(),
        last,
    })
}

fn source(title: &str, network: &str) -> Row {
    let text = format!(
        "apiVersion: gantry/v1\nkind: Source\nmetadata: {{ name: a }}\naeTitle: {title}\naddresses: [{network}]\n"
    );
    Row::Document(DocumentRow {
        site: site(),
        kind: DocumentKind::Source,
        name: "a".to_owned(),
        version: 1,
        digest: Digest([0; 32]),
        text,
        applied: at(1),
    })
}

#[test]
fn what_has_stopped_comes_before_what_may_right_itself() {
    let (view, store) = view();
    let why = Trouble::Status(0xA700);
    let rows = [
        delivery("1.1", "pacs", 990, delivery::Stage::Retrying { at: at(2000), why: why.clone() }),
        delivery("1.2", "pacs", 980, delivery::Stage::Queued),
        delivery("1.3", "other", 100, delivery::Stage::Quarantined { at: at(700), why }),
        publication("1b", publication::Stage::Quarantined { at: at(500), why: "another patient".to_owned() }),
        run("1c", vec![run::Stage::Failed { at: at(600) }]),
        run("1d", vec![run::Stage::Queued { since: at(1) }]),
    ];
    let mut rows: Vec<Row> = rows.into_iter().map(Row::Machine).collect();
    rows.push(refusal("CT 9", "10.0.0.9", "1/1/3 CallingAeTitleNotRecognized", at(900)));
    store.commit(&Change { rows, ..Change::default() }).unwrap();
    let (beating, pulse) = Pulse::start("keeper");
    drop(beating);
    let needs = all(&view, &[pulse], at(1000)).unwrap();
    let told: Vec<(&str, &str)> = needs.iter().map(|need| (need.kind, &*need.what)).collect();
    assert_eq!(told[0], ("node", "this node"));
    let stopped = [("evidence", "1b/lungs/pacs"), ("run", "1c"), ("delivery", "1.3/other")];
    let mut others = told[1..4].to_vec();
    others.sort_by_key(|one| stopped.iter().position(|other| other == one));
    assert_eq!(others, stopped);
    assert_eq!(told[4..], [("destination", "pacs"), ("sender", "CT 9 from 10.0.0.9")]);
    let destination = &needs[4];
    assert!(destination.sentence.starts_with("2 deliveries to pacs wait"), "{}", destination.sentence);
    assert_eq!(destination.since, Some(at(980)), "the oldest");
    for need in &needs {
        assert!(!need.sentence.is_empty() && !need.remedy.command().is_empty(), "{need:?}");
    }
    let evidence = needs.iter().find(|need| need.kind == "evidence").unwrap();
    assert!(evidence.sentence.contains("another patient"), "{}", evidence.sentence);
    assert!(evidence.remedy.command().contains("quarantine retry --data DATA 1b/lungs/pacs"));
}

#[test]
fn a_sender_needs_nobody_once_it_is_let_in_or_long_ago() {
    let now = Instant(Duration::from_secs(30 * 24 * 3600).as_micros() as i64);
    let ago = |days: i64| Instant(now.0 - days * 24 * 3600 * 1_000_000);
    for (last, source, want) in [
        (ago(1), None, true),
        (ago(8), None, false),
        (ago(1), Some(source("CT9", "10.0.0.0/24")), false),
        (ago(1), Some(source("CT9", "10.0.1.0/24")), true),
        (ago(1), Some(source("CT8", "10.0.0.0/24")), true),
    ] {
        let (view, store) = view();
        let mut rows = vec![refusal("CT9", "10.0.0.9", "1/1/3", last)];
        rows.extend(source.clone());
        store.commit(&Change { rows, ..Change::default() }).unwrap();
        let needs = all(&view, &[], now).unwrap();
        assert_eq!(!needs.is_empty(), want, "{source:?}: {needs:?}");
    }
    let (view, store) = view();
    let rows = vec![refusal("CT9", "10.0.0.9", "1/1/7 CalledAeTitleNotRecognized", ago(1))];
    store.commit(&Change { rows, ..Change::default() }).unwrap();
    let needs = all(&view, &[], now).unwrap();
    assert!(matches!(needs[0].remedy, Remedy::Elsewhere(_)), "letting it in would not help: {needs:?}");
}
