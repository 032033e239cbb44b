//! Objects and classes that a destination does not want.

use super::{
    peer::{Peer, Play},
    *,
};

#[test]
fn a_class_that_is_not_taken_leaves_the_association_to_the_others() {
    let mut node = Node::new();
    let peer = Peer::start(&[SEG, SC], |_| Play::Status(0xB000));
    node.destination("pacs", peer.port(), "");
    let first = node.object(1, SEG, Lane::Urgent, "pacs");
    let refused = node.object(2, SR, Lane::Routine, "pacs");
    let last = node.object(3, SC, Lane::Background, "pacs");
    node.start();
    node.until_sent(&first);
    node.until_sent(&last);
    let sentence = "the destination accepted no presentation context for Comprehensive 3D SR Storage (1.2.840.10008.5.1.4.1.1.88.34)";
    assert_eq!(node.until_retrying(&refused).to_string(), sentence);
    let got = peer.got();
    assert_eq!(got.iter().map(|object| object.association).collect::<Vec<_>>(), [0, 0], "{got:?}");
    // A refusal: three tries, and a person hears of it.
    for failures in 1..3 {
        node.until_failed(&refused, failures);
        node.put_forward(Duration::from_secs(600));
    }
    let state = node.until(&refused, |stage| matches!(stage, Stage::Quarantined { .. }));
    assert_eq!((state.failures, state.refusals), (3, 3));
    let actions: Vec<String> = node.audit(2).into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["delivery/refused", "delivery/refused", "delivery/quarantined"]);
    let said = node.until_said(2);
    assert_eq!(said.last().unwrap(), &format!("object {} is not delivered to pacs: {sentence}", uid(2)));
}

#[test]
fn a_refused_object_is_quarantined_and_comes_out_by_a_persons_wish() {
    let mut node = Node::new();
    let is_mended = Arc::new(AtomicI64::new(0));
    let seen = Arc::clone(&is_mended);
    let peer = Peer::start(&[SC], move |got| match (got.uid.as_str(), seen.load(Ordering::Relaxed)) {
        ("1.2.3.1", 0) => Play::Status(0xA900),
        _ => Play::Status(0),
    });
    node.destination("pacs", peer.port(), "");
    let refused = node.object(1, SC, Lane::Routine, "pacs");
    node.start();
    for failures in 1..3 {
        node.until_failed(&refused, failures);
        let other = node.object(1 + failures as usize, SC, Lane::Routine, "pacs");
        node.until_sent(&other);
        node.put_forward(Duration::from_secs(600));
    }
    let state = node.until(&refused, |stage| matches!(stage, Stage::Quarantined { .. }));
    assert_eq!(state.refusals, 3);
    let said = "object 1.2.3.1 is not delivered to pacs: the destination answered with status A900";
    assert_eq!(node.until_said(1), [said]);
    is_mended.store(1, Ordering::Relaxed);
    node.resend(&refused);
    node.until_sent(&refused);
    let actions: Vec<String> = node.audit(1).into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["delivery/refused", "delivery/refused", "delivery/quarantined", "delivery/sent"]);
}
