//! Association PDUs: what is written reads back, what is broken is refused, what is odd is kept and said.

use alloc::{format, string::String, vec, vec::Vec};

use expect_test::{Expect, expect};
use gantry_types::ae_title::AeTitle;
use proptest::{collection, option, prelude::*};

use super::*;
use crate::pdu::{
    HEADER_BYTES,
    associate::{APPLICATION_CONTEXT, PROTOCOL_VERSION},
    user::{AsynchronousOperations, IdentityResponse, RoleSelection, Support, UserIdentity},
};

/// A request of the fixed part and the items given as (type, value).
fn body(items: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let title = |text: &str| AeField::from(&AeTitle::parse(text).unwrap());
    put_fixed(&mut out, PROTOCOL_VERSION, title("CALLED"), title("CALLING"));
    for (kind, value) in items {
        put_item(&mut out, *kind, value).unwrap();
    }
    out
}

fn context(id: u8, items: &[(u8, &str)]) -> (u8, Vec<u8>) {
    let mut value = vec![id, 0, 0, 0];
    for (kind, text) in items {
        put_item(&mut value, *kind, text.as_bytes()).unwrap();
    }
    (PROPOSED_CONTEXT_ITEM, value)
}

/// Decodes a request of `items`; prints contexts and deviations, or the error.
#[track_caller]
fn check(items: &[(u8, Vec<u8>)], want: Expect) {
    let got = match AssociateRq::decode(&body(items)) {
        Ok((rq, deviations)) => {
            let context = |c: &ProposedContext| {
                let syntaxes: Vec<&str> = c.transfer_syntaxes.iter().map(|s| s.as_str()).collect();
                format!("{}: {} {syntaxes:?}\n", c.id, c.abstract_syntax)
            };
            rq.contexts.iter().map(context).collect::<String>()
                + &deviations.iter().map(|d| format!("- {d}\n")).collect::<String>()
        }
        Err(error) => format!("error: {error}\n"),
    };
    want.assert_eq(&got);
}

#[test]
fn odd_contexts_are_kept_and_said() {
    let a = context(1, &[(0x30, "1.2.1"), (0x40, "1.2.3\0"), (0x40, "1.02")]);
    let even = context(2, &[(0x30, "1.2.2"), (0x40, "1.2.3"), (0x77, "?")]);
    let two_abstract = context(5, &[(0x30, "1.2.1"), (0x30, "1.2.2")]);
    let none = context(7, &[(0x40, "1.2.3")]);
    check(
        &[a.clone(), even, a, two_abstract, none, (0x99, vec![1])],
        expect![[r#"
        1: 1.2.1 ["1.2.3", "1.02"]
        2: 1.2.2 ["1.2.3"]
        5: 1.2.1 []
        - a UID breaks the form of PS3.5 9.1
        - presentation context identifier 2 is even
        - unknown item type 77H
        - presentation context identifier 1 is repeated
        - item type 30H is repeated
        - presentation context 5 has no transfer syntax
        - presentation context 7 has no abstract syntax
        - unknown item type 99H
        - item type 10H is missing
        - item type 50H is missing
    "#]],
    );
}

/// Nobody could tell how a data set on it is encoded.
#[test]
fn an_identifier_with_two_meanings_keeps_no_transfer_syntax() {
    let first = context(1, &[(0x30, "1.2.1"), (0x40, "1.2.3")]);
    let second = context(1, &[(0x30, "1.2.1"), (0x40, "1.2.4")]);
    check(
        &[first, second],
        expect![[r#"
        1: 1.2.1 []
        - presentation context identifier 1 is repeated
        - item type 10H is missing
        - item type 50H is missing
    "#]],
    );
}

#[test]
fn broken_structure_is_refused() {
    check(
        &[(0x20, vec![1, 0])],
        expect![[r#"
        error: the PDU ends inside its presentation context
    "#]],
    );
    check(
        &[(0x20, vec![1, 0, 0, 0, 0x30, 0, 0, 9, b'1'])],
        expect![[r#"
        error: an item goes beyond its presentation context
    "#]],
    );
    check(
        &[(0x50, vec![0x51, 0, 0, 9, 1])],
        expect![[r#"
        error: an item goes beyond its user information
    "#]],
    );
    let many: Vec<_> = (0..=ITEMS_MAX).map(|_| (0x77, Vec::new())).collect();
    check(
        &many,
        expect![[r#"
        error: the PDU has more than 2048 items
    "#]],
    );
    let mut cut = body(&[(0x10, b"1.2".to_vec())]);
    cut.pop();
    assert_eq!(AssociateRq::decode(&cut).unwrap_err(), DecodeError::ItemBeyond("PDU"));
    assert_eq!(AssociateRq::decode(&[0; 67]).unwrap_err(), DecodeError::Truncated("fixed part"));
}

#[test]
fn more_than_the_limits_is_dropped_and_said() {
    let ids: Vec<_> = (0..=255).map(|id| context(id, &[(0x30, "1.2"), (0x40, "1.2")])).collect();
    let (rq, deviations) = AssociateRq::decode(&body(&ids)).unwrap();
    assert_eq!(rq.contexts.len(), CONTEXTS_MAX);
    // The list of deviations is bounded, too.
    assert_eq!(deviations.len(), crate::deviation::DEVIATIONS_MAX);
    let syntaxes = vec![(0x40, "1.2.3"); TRANSFER_SYNTAXES_MAX + 1];
    let (rq, deviations) = AssociateRq::decode(&body(&[context(1, &syntaxes)])).unwrap();
    assert!(rq.contexts.is_empty());
    assert!(deviations.contains(&Deviation::TooManyTransferSyntaxes(1)));
}

#[test]
fn titles_are_cut_at_nul_and_never_printed_raw() {
    let field = AeField(*b"EFILM\0\x1b[2Jrubble");
    assert_eq!(field.title().unwrap().as_str(), "EFILM");
    assert_eq!(format!("{field:?}"), r#""EFILM\x00\x1b[2Jrubble""#);
    assert!(AeField([b' '; 16]).title().is_err());
    assert!(AeField([0xC3; 16]).title().is_err());
}

#[test]
fn an_accepted_context_needs_exactly_one_transfer_syntax() {
    for (items, want) in [
        (vec![(0x40, "1.2.3")], ContextResult::Accepted(TransferSyntaxUid::parse("1.2.3").unwrap())),
        (vec![], ContextResult::NoReason),
        (vec![(0x40, "1.2.3"), (0x40, "1.2.4")], ContextResult::NoReason),
    ] {
        let (_, value) = context(1, &items);
        let (ac, _) = AssociateAc::decode(&body(&[(ANSWERED_CONTEXT_ITEM, value)])).unwrap();
        assert_eq!(ac.contexts, [AnsweredContext { id: ContextId(1), result: want }]);
    }
}

fn any_uid() -> impl Strategy<Value = Uid> {
    "[0-2](\\.(0|[1-9][0-9]{0,6})){1,8}".prop_map(|text| Uid::parse(&text).unwrap())
}

fn any_field() -> impl Strategy<Value = AeField> {
    any::<[u8; 16]>().prop_map(AeField)
}

fn any_role() -> impl Strategy<Value = RoleSelection> {
    let support = || prop_oneof![Just(Support::Supported), Just(Support::Unsupported)];
    (any_uid(), support(), support()).prop_map(|(uid, scu, scp)| RoleSelection {
        sop_class: SopClassUid::new(uid),
        scu,
        scp,
    })
}

fn any_identity() -> impl Strategy<Value = UserIdentity> {
    let bytes = || collection::vec(any::<u8>(), 0..20);
    (any::<u8>(), any::<bool>(), bytes(), bytes()).prop_map(|(kind, wanted, primary, secondary)| {
        let response = if wanted { IdentityResponse::Requested } else { IdentityResponse::NotRequested };
        UserIdentity { kind, response, primary, secondary }
    })
}

fn any_user() -> impl Strategy<Value = UserInformation> {
    (
        option::of(any::<u32>()),
        option::of(any_uid()),
        option::of("[A-Z0-9_]{1,16}"),
        option::of(any::<(u16, u16)>()),
        collection::vec(any_role(), 0..4),
        option::of(any_identity()),
    )
        .prop_map(|(maximum_length, implementation_class, version, window, roles, identity)| {
            UserInformation {
                maximum_length,
                implementation_class,
                implementation_version: version.map(Into::into),
                asynchronous_operations: window
                    .map(|(invoked, performed)| AsynchronousOperations { invoked, performed }),
                roles,
                identity,
            }
        })
}

fn any_contexts() -> impl Strategy<Value = Vec<ProposedContext>> {
    collection::btree_map(any::<u8>(), (any_uid(), collection::vec(any_uid(), 0..4)), 0..20).prop_map(
        |contexts| {
            let context = |(id, (uid, syntaxes)): (u8, (Uid, Vec<Uid>))| ProposedContext {
                id: ContextId(id),
                abstract_syntax: SopClassUid::new(uid),
                transfer_syntaxes: syntaxes.into_iter().map(TransferSyntaxUid::new).collect(),
            };
            contexts.into_iter().map(context).collect()
        },
    )
}

fn any_result() -> impl Strategy<Value = ContextResult> {
    prop_oneof![
        any_uid().prop_map(|uid| ContextResult::Accepted(TransferSyntaxUid::new(uid))),
        Just(ContextResult::UserRejection),
        Just(ContextResult::NoReason),
        Just(ContextResult::AbstractSyntaxNotSupported),
        Just(ContextResult::TransferSyntaxesNotSupported),
        (5u8..).prop_map(ContextResult::Other),
    ]
}

proptest! {
    #[test]
    fn a_request_reads_back_as_written(
        protocol_version: u16, called in any_field(), calling in any_field(), contexts in any_contexts(),
        user in any_user(),
    ) {
        let application_context = Uid::from_peer(APPLICATION_CONTEXT);
        let rq = AssociateRq { protocol_version, called, calling, application_context, contexts, user };
        let pdu = rq.encode().unwrap();
        prop_assert_eq!(AssociateRq::decode(&pdu[HEADER_BYTES..]).unwrap().0, rq);
    }

    #[test]
    fn an_acceptance_reads_back_as_written(
        protocol_version: u16, called in any_field(), calling in any_field(), user in any_user(),
        results in collection::btree_map(any::<u8>(), any_result(), 0..20),
    ) {
        let answer = |(id, result)| AnsweredContext { id: ContextId(id), result };
        let contexts = results.into_iter().map(answer).collect();
        let application_context = Uid::from_peer(APPLICATION_CONTEXT);
        let ac = AssociateAc { protocol_version, called, calling, application_context, contexts, user };
        let pdu = ac.encode().unwrap();
        prop_assert_eq!(AssociateAc::decode(&pdu[HEADER_BYTES..]).unwrap().0, ac);
    }

    #[test]
    fn any_bytes_decode_or_are_refused(bytes in collection::vec(any::<u8>(), 0..400)) {
        let _unjudged = (AssociateRq::decode(&bytes), AssociateAc::decode(&bytes));
        // Behind a good fixed part the items are reached.
        let mut whole = body(&[]);
        whole.extend(&bytes);
        let _unjudged = (AssociateRq::decode(&whole), AssociateAc::decode(&whole));
    }
}
