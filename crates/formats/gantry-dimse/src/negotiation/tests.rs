//! Requests in, answers out.

use alloc::{format, string::String, vec, vec::Vec};

use expect_test::{Expect, expect};
use gantry_types::{ae_title::AeTitle, uid::SopClassUid};

use super::*;
use crate::{
    deviation::Deviation,
    negotiation::proposal::{accepted, find, propose},
    pdu::associate::{AeField, ContextId},
};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const IMPLICIT: &str = transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
const EXPLICIT: &str = transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
const JPEG: &str = "1.2.840.10008.1.2.4.50";

fn implementation() -> Implementation {
    let class = Uid::from_peer("1.2.3").unwrap();
    Implementation { class, version: "TEST".into(), maximum_length: 131_072 }
}

fn request(contexts: &[(&str, &[&str])]) -> AssociateRq {
    let title = |text| AeTitle::parse(text).unwrap();
    let context = |(class, syntaxes): &(&str, &[&str])| {
        let syntaxes = syntaxes.iter().map(|s| TransferSyntaxUid::from_peer(s).unwrap()).collect();
        (SopClassUid::from_peer(class).unwrap(), syntaxes)
    };
    let contexts = contexts.iter().map(context).collect();
    *propose(&title("GANTRY"), &title("CT"), contexts, &implementation()).unwrap()
}

/// Answers `rq`; prints one line for each context and the rest.
#[track_caller]
fn check(rq: &AssociateRq, want: Expect) {
    let got = match answer(rq, &implementation()) {
        Answer::Reject(rj) => format!("reject {:?}\n", rj.codes()),
        Answer::Accept(ac) => {
            let line = |c: &AnsweredContext| format!("{}: {:?}\n", c.id, c.result);
            let contexts = ac.contexts.iter().map(line).collect::<String>();
            let user = &ac.user;
            contexts + &format!("{:?} {:?}\n", user.asynchronous_operations, user.roles)
        }
    };
    want.assert_eq(&got);
}

#[test]
fn storage_and_verification_are_accepted_and_nothing_else() {
    check(
        &request(&[
            ("1.2.840.10008.1.1", &[IMPLICIT, EXPLICIT]),
            ("1.2.840.10008.1.1", &[JPEG]),
            (CT, &[JPEG, IMPLICIT]),
            (CT, &[JPEG]),
            (CT, &[]),
            ("1.3.12.2.1107.5.9.1", &["1.2.840.113619.5.2"]),
            ("1.2.840.10008.5.1.4.1.2.2.1", &[IMPLICIT]),
        ]),
        expect![[r#"
            1: Accepted(TransferSyntaxUid(Uid("1.2.840.10008.1.2.1")))
            3: TransferSyntaxesNotSupported
            5: Accepted(TransferSyntaxUid(Uid("1.2.840.10008.1.2")))
            7: Accepted(TransferSyntaxUid(Uid("1.2.840.10008.1.2.4.50")))
            9: TransferSyntaxesNotSupported
            11: Accepted(TransferSyntaxUid(Uid("1.2.840.113619.5.2")))
            13: AbstractSyntaxNotSupported
            None []
        "#]],
    );
}

#[test]
fn window_and_roles_are_answered_when_asked() {
    let mut rq = request(&[(CT, &[IMPLICIT])]);
    rq.user.asynchronous_operations = Some(AsynchronousOperations { invoked: 0, performed: 0 });
    let role = |class| RoleSelection {
        sop_class: SopClassUid::from_peer(class).unwrap(),
        scu: Support::Supported,
        scp: Support::Supported,
    };
    rq.user.roles = vec![role(CT), role(CT), role("1.2.840.10008.1.20.1")];
    check(
        &rq,
        expect![[r#"
        1: Accepted(TransferSyntaxUid(Uid("1.2.840.10008.1.2")))
        Some(AsynchronousOperations { invoked: 1, performed: 1 }) [RoleSelection { sop_class: SopClassUid(Uid("1.2.840.10008.5.1.4.1.1.2")), scu: Supported, scp: Unsupported }]
    "#]],
    );
}

#[test]
fn version_and_application_context_are_tested() {
    let mut rq = request(&[]);
    rq.protocol_version = 0xFFFE;
    check(
        &rq,
        expect![[r#"
        reject (1, 2, 2)
    "#]],
    );
    // Only bit 0 counts.
    rq.protocol_version = 3;
    check(
        &rq,
        expect![[r#"
        None []
    "#]],
    );
    rq.application_context = Uid::from_peer("1.2.840.10008.3.1.1.2");
    check(
        &rq,
        expect![[r#"
        reject (1, 1, 2)
    "#]],
    );
    rq.application_context = None;
    check(
        &rq,
        expect![[r#"
        reject (1, 1, 2)
    "#]],
    );
}

#[test]
fn titles_come_back_as_sent() {
    let mut rq = request(&[]);
    rq.calling = AeField(*b"\0weird\x1btitle\xFF   ");
    let Answer::Accept(ac) = answer(&rq, &implementation()) else { panic!("accepted") };
    assert_eq!((ac.called, ac.calling), (rq.called, rq.calling));
}

#[test]
fn only_what_was_proposed_is_used() {
    let rq = request(&[(CT, &[IMPLICIT]), (CT, &[EXPLICIT])]);
    let syntax = |uid| TransferSyntaxUid::from_peer(uid).unwrap();
    let answer =
        |id, uid| AnsweredContext { id: ContextId(id), result: ContextResult::Accepted(syntax(uid)) };
    let (contexts, deviations) =
        accepted(&rq.contexts, &[answer(1, JPEG), answer(3, EXPLICIT), answer(5, IMPLICIT)]);
    assert_eq!(contexts.keys().copied().collect::<Vec<_>>(), [ContextId(3)]);
    assert_eq!(deviations, [Deviation::UnproposedTransferSyntax(1), Deviation::UnaskedAnswer(5)]);
    let ct = SopClassUid::from_peer(CT).unwrap();
    assert_eq!(find(&contexts, &ct, &syntax(EXPLICIT)), Some(ContextId(3)));
    assert_eq!(find(&contexts, &ct, &syntax(IMPLICIT)), None);
}

#[test]
fn an_association_holds_128_contexts() {
    let rq = request(&[(CT, &[IMPLICIT][..]); 128]);
    assert_eq!(rq.contexts.last().unwrap().id, ContextId(255));
    let title = AeTitle::parse("A").unwrap();
    let contexts = vec![(SopClassUid::from_peer(CT).unwrap(), vec![]); 129];
    let error = propose(&title, &title, contexts, &implementation()).unwrap_err();
    assert_eq!(error, proposal::ProposalError::TooManyContexts(129));
}
