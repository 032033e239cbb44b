//! A destination that becomes stricter while something waits for it, or after it was sent (DL2).

use super::{sabotage::Meddled, *};

/// A version of the destination's document.
fn pacs(version: u32, class: &str, port: u16) -> Row {
    let text = format!(
        "apiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: pacs, class: {class} }}\n\
         aeTitle: PEER\naddress: 127.0.0.1:{port}\n"
    );
    Row::Document(DocumentRow {
        site: site(),
        kind: DocumentKind::Destination,
        name: "pacs".to_owned(),
        version,
        digest: digest(text.as_bytes()),
        text,
        applied: Instant(0),
    })
}

const REFUSED: &str =
    "a result of class research must not go to pacs, which takes nothing laxer than clinical";

#[track_caller]
fn until_withheld(node: &Node, key: &MachineKey) {
    let state = node.until(key, |stage| matches!(stage, Stage::Quarantined { .. }));
    let Stage::Quarantined { why, .. } = &state.stage else { unreachable!("waited for") };
    assert_eq!(*why, Trouble::Withheld(Withheld::Laxer(REFUSED.to_owned())));
    // Not after three tries or a week.
    assert_eq!((state.failures, state.refusals), (1, 0));
}

#[test]
fn dl2_a_waiting_object_does_not_go_to_a_destination_that_became_stricter() {
    let mut node = Node::new();
    let is_busy = Arc::new(AtomicI64::new(1));
    let seen = Arc::clone(&is_busy);
    let peer =
        Peer::start(&[SC], move |_| Play::Status(if seen.load(Ordering::Relaxed) == 1 { 0xA700 } else { 0 }));
    node.commit(vec![pacs(1, "research", peer.port())]);
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    assert_eq!(node.until_retrying(&key), Trouble::Status(0xA700));
    is_busy.store(0, Ordering::Relaxed);
    node.commit(vec![pacs(2, "clinical", peer.port())]);
    node.put_forward(Duration::from_secs(600));
    let state = node.until(&key, |stage| matches!(stage, Stage::Quarantined { .. } | Stage::Sent { .. }));
    let withheld = Trouble::Withheld(Withheld::Laxer(REFUSED.to_owned()));
    assert!(matches!(&state.stage, Stage::Quarantined { why, .. } if *why == withheld), "{state:?}");
    assert_eq!(peer.got().len(), 1, "it went out once more");
    assert_eq!(node.audit(1)[1], ("delivery/quarantined".into(), format!("to pacs: {REFUSED}; attempt 2")));
    assert!(
        node.until_said(1).contains(&format!("object {} is not delivered to pacs: {REFUSED}", uid(1))),
        "{:?}",
        node.said()
    );
    // Set back, and tried again by a person.
    node.commit(vec![pacs(3, "test", peer.port())]);
    node.resend(&key);
    node.until_sent(&key);
    assert_eq!(peer.got().len(), 2);
}

#[test]
fn dl2_a_sent_object_is_not_sent_again_to_a_destination_that_became_stricter() {
    let mut node = Node::new();
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    node.commit(vec![pacs(1, "research", peer.port())]);
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    node.until_sent(&key);
    node.commit(vec![pacs(2, "clinical", peer.port())]);
    node.resend(&key);
    until_withheld(&node, &key);
    assert_eq!(peer.got().len(), 1, "it went out once more");
    node.commit(vec![pacs(3, "research", peer.port())]);
    node.resend(&key);
    node.until_sent(&key);
    assert_eq!(peer.got().len(), 2);
}

/// The document changes after the courier has read it and before its claim is written.
#[test]
fn dl2_an_object_is_judged_by_the_destination_as_it_is_when_it_is_claimed() {
    let peer = Peer::start(&[SC], |_| Play::Status(0));
    let port = peer.port();
    let mut node = Node::with_runs(|store| {
        let documents = Arc::clone(&store);
        let meddle = move |read, row| {
            if read == 0 {
                documents
                    .commit(&Change { rows: vec![pacs(2, "clinical", port)], ..Change::default() })
                    .unwrap();
            }
            row
        };
        Arc::new(Meddled { store, reads: AtomicI64::new(0), meddle })
    });
    node.commit(vec![pacs(1, "research", port)]);
    let key = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    until_withheld(&node, &key);
    assert_eq!(peer.got().len(), 0);
}
