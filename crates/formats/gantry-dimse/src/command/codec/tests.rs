//! Command sets: the bytes of known ones, tolerance, and the round trip of all.

use alloc::{format, string::String, vec, vec::Vec};

use expect_test::{Expect, expect};
use gantry_types::{
    ae_title::AeTitle,
    uid::{SopClassUid, SopInstanceUid, Uid},
};
use proptest::{collection, option, prelude::*};

use super::*;
use crate::command::OffendingElement;

/// A command set of the elements given as (group, number, value), without group length.
fn set(elements: &[(u16, u16, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (group, number, value) in elements {
        out.extend(group.to_le_bytes());
        out.extend(number.to_le_bytes());
        out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        out.extend(*value);
    }
    out
}

/// Decodes; prints the command and the deviations, or the error.
#[track_caller]
fn check(bytes: &[u8], want: Expect) {
    let got = match Command::decode(bytes) {
        Ok((command, deviations)) => {
            format!("{command:?}\n") + &deviations.iter().map(|d| format!("- {d}\n")).collect::<String>()
        }
        Err(error) => format!("error: {error}\n"),
    };
    want.assert_eq(&got);
}

#[test]
fn an_echo_request_is_the_bytes_of_the_standard() {
    let bytes = Command::CEchoRq(CEchoRq::new(MessageId(1))).encode();
    let want = set(&[
        (0, 0x0000, &[56, 0, 0, 0]),
        (0, 0x0002, b"1.2.840.10008.1.1\0"),
        (0, 0x0100, &[0x30, 0]),
        (0, 0x0110, &[1, 0]),
        (0, 0x0800, &[1, 1]),
    ]);
    assert_eq!(bytes, want);
}

#[test]
fn what_can_be_borne_is_kept_and_said() {
    let (class, instance) = (&b"1.2.840.10008.5.1.4.1.1.2\0"[..], &b"1.02 "[..]);
    check(
        &set(&[
            (0, 0x1000, instance),
            (0, 0x0100, &[1, 0]),
            (0, 0x0002, class),
            (0, 0x0002, b"1.2.3 "),
            (0, 0x0110, &[7, 0]),
            (0, 0x0700, &[9, 0]),
            (0, 0x1030, b"A\\B "),
            (0, 0x5555, b"?"),
            (8, 0x0016, class),
        ]),
        expect![[r#"
            CStoreRq(CStoreRq { message_id: MessageId(7), priority: Medium, sop_class: Some(SopClassUid(Uid("1.2.840.10008.5.1.4.1.1.2"))), sop_instance: Some(SopInstanceUid(Uid("1.02"))), move_originator: None, data_set: Present })
            - a UID breaks the form of PS3.5 9.1
            - command element (0000,0002) is repeated
            - command element (0000,1030) has a bad value
            - element of group 0008 inside a command set
            - Command Group Length is missing or wrong
            - command element (0000,0800) is missing
            - command element (0000,0700) has a bad value
        "#]],
    );
}

#[test]
fn a_store_request_without_uids_is_still_one() {
    check(
        &set(&[(0, 0x0100, &[1, 0]), (0, 0x0002, b"  "), (0, 0x0110, &[7])]),
        expect![[r#"
        CStoreRq(CStoreRq { message_id: MessageId(0), priority: Medium, sop_class: None, sop_instance: None, move_originator: None, data_set: Present })
        - command element (0000,0110) has a bad value
        - Command Group Length is missing or wrong
        - command element (0000,0800) is missing
        - command element (0000,0002) is missing
        - command element (0000,1000) is missing
        - command element (0000,0110) is missing
        - command element (0000,0700) is missing
    "#]],
    );
}

#[test]
fn what_has_no_meaning_is_refused() {
    check(
        &[],
        expect![[r#"
        error: the command set has no Command Field
    "#]],
    );
    check(
        &[0, 0, 0, 1, 9, 0, 0, 0, 1],
        expect![[r#"
        error: the command set ends inside an element
    "#]],
    );
    check(
        &set(&[(0, 0x0100, &[1, 0x80]), (0, 0x0120, &[1, 0])]),
        expect![[r#"
        error: the response has no Status
    "#]],
    );
    check(
        &set(&[(0, 0x0100, &[1, 0x80]), (0, 0x0900, &[0, 0])]),
        expect![[r#"
        error: the response has no Message ID Being Responded To
    "#]],
    );
    check(
        &set(&[(0, 0x0100, &[0xFF, 0x0F])]),
        expect![[r#"
        error: the response has no Message ID Being Responded To
    "#]],
    );
    // Explicit VR: the VR and the length together are no length.
    check(
        b"\0\0\0\0UL\x04\0\x38\0\0\0",
        expect![[r#"
        error: the command set ends inside an element
    "#]],
    );
}

#[test]
fn an_unknown_request_can_be_refused_and_a_response_cannot() {
    let (other, _) = Command::decode(&set(&[(0, 0x0100, &[0x30, 1]), (0, 0x0110, &[9, 0])])).unwrap();
    let refusal = other.refuse(Status::UNRECOGNIZED_OPERATION.into()).unwrap();
    check(
        &refusal.encode(),
        expect![[r#"
        Other(OtherCommand { field: 33072, message_id: None, responds_to: Some(MessageId(9)), sop_class: None, sop_instance: None, outcome: Some(Outcome { status: Status(529), error_comment: None, offending_elements: [] }), data_set: Absent })
    "#]],
    );
    assert_eq!(refusal.refuse(Status::SUCCESS.into()), None);
}

#[test]
fn a_comment_is_written_in_64_plain_characters() {
    let outcome =
        Outcome { error_comment: Some(format!("ä\\{}", "x".repeat(70)).into()), ..Status(1).into() };
    let bytes = Command::CEchoRsp(CEchoRq::new(MessageId(1)).respond(outcome)).encode();
    let (back, _) = Command::decode(&bytes).unwrap();
    let comment = back.outcome().unwrap().error_comment.clone().unwrap();
    assert_eq!(&*comment, format!("??{}", "x".repeat(62)));
}

#[test]
fn message_ids_wrap_without_zero() {
    assert_eq!((MessageId(0).next(), MessageId(u16::MAX).next()), (MessageId(1), MessageId(1)));
}

fn any_uid() -> impl Strategy<Value = Uid> {
    "[0-2](\\.(0|[1-9][0-9]{0,6})){1,8}".prop_map(|text| Uid::parse(&text).unwrap())
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let tags = collection::vec(any::<(u16, u16)>(), 0..3);
    (any::<u16>(), option::of("[A-Za-z0-9]{1,64}"), tags).prop_map(|(status, comment, tags)| Outcome {
        status: Status(status),
        error_comment: comment.map(Into::into),
        offending_elements: tags
            .into_iter()
            .map(|(group, element)| OffendingElement { group, element })
            .collect(),
    })
}

fn any_data_set() -> impl Strategy<Value = DataSetType> {
    prop_oneof![Just(DataSetType::Absent), Just(DataSetType::Present)]
}

fn any_store_rq() -> impl Strategy<Value = Command> {
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::Medium), Just(Priority::High)];
    let uids = (option::of(any_uid()), option::of(any_uid()));
    let originator = option::of(("[A-Z]{1,16}", option::of(any::<u16>())));
    (any::<u16>(), priority, uids, originator, any_data_set()).prop_map(
        |(id, priority, (class, instance), originator, data_set)| {
            Command::CStoreRq(CStoreRq {
                message_id: MessageId(id),
                priority,
                sop_class: class.map(SopClassUid::new),
                sop_instance: instance.map(SopInstanceUid::new),
                move_originator: originator.map(|(title, id)| MoveOriginator {
                    ae_title: Some(AeTitle::parse(&title).unwrap()),
                    message_id: id.map(MessageId),
                }),
                data_set,
            })
        },
    )
}

fn any_command() -> impl Strategy<Value = Command> {
    let parts =
        || (any::<u16>(), any_uid().prop_map(|u| Some(SopClassUid::new(u))), any_outcome(), any_data_set());
    let refused = |(id, sop_class, outcome, _): (u16, Option<SopClassUid>, Outcome, DataSetType)| {
        let field = 0x0150;
        let (message_id, data_set) = (Some(MessageId(id)), DataSetType::Absent);
        let other = OtherCommand {
            field,
            message_id,
            responds_to: None,
            sop_class,
            sop_instance: None,
            outcome: None,
            data_set,
        };
        Command::Other(other).refuse(outcome).unwrap()
    };
    prop_oneof![
        any_store_rq(),
        (any_store_rq(), any_outcome()).prop_map(|(rq, outcome)| rq.refuse(outcome).unwrap()),
        parts().prop_map(|(id, sop_class, outcome, data_set)| {
            Command::CFindRsp(CFindRsp { responds_to: MessageId(id), sop_class, outcome, data_set })
        }),
        parts().prop_map(|(id, sop_class, outcome, data_set)| {
            Command::CEchoRsp(CEchoRsp { responds_to: MessageId(id), sop_class, outcome, data_set })
        }),
        parts().prop_map(|(id, sop_class, _, data_set)| {
            Command::CEchoRq(CEchoRq { message_id: MessageId(id), sop_class, data_set })
        }),
        parts().prop_map(|(id, sop_class, _, data_set)| {
            let (message_id, priority) = (MessageId(id), Priority::Low);
            Command::CFindRq(CFindRq { message_id, priority, sop_class, data_set })
        }),
        parts().prop_map(|(id, _, _, data_set)| {
            Command::CCancelRq(CCancelRq { responds_to: MessageId(id), data_set })
        }),
        parts().prop_map(refused),
    ]
}

proptest! {
    #[test]
    fn a_command_reads_back_as_written_without_deviation(command in any_command()) {
        let (back, deviations) = Command::decode(&command.encode()).unwrap();
        prop_assert_eq!(&back, &command);
        let uids = matches!(command, Command::CStoreRq(_));
        prop_assert!(uids || deviations.is_empty(), "{:?}", deviations);
    }

    #[test]
    fn any_bytes_decode_or_are_refused(
        bytes in collection::vec(any::<u8>(), 0..200),
        elements in collection::vec((0u16..4, any::<u8>(), collection::vec(any::<u8>(), 0..6)), 0..20),
    ) {
        let _unjudged = Command::decode(&bytes);
        let numbers = [0x0000, 0x0002, 0x0100, 0x0110, 0x0120, 0x0800, 0x0900, 0x0901, 0x0902, 0x1030];
        let elements: Vec<_> = elements
            .iter()
            .map(|(group, n, value)| (group / 3, numbers[usize::from(*n) % numbers.len()], &value[..]))
            .collect();
        let _unjudged = Command::decode(&set(&elements));
    }

    #[test]
    fn a_cut_set_is_refused_or_lacks_elements(command in any_command(), keep in 0usize..200) {
        let mut bytes = command.encode();
        bytes.truncate(keep);
        if let Ok((cut, deviations)) = Command::decode(&bytes) {
            prop_assert!(cut == command || deviations.contains(&Deviation::CommandGroupLength));
        }
    }
}

#[test]
fn a_huge_set_of_unknown_elements_is_read_in_linear_time() {
    let elements: Vec<(u16, u16, &[u8])> = (0x2000..0x4000).map(|number| (0, number, &[][..])).collect();
    let mut elements = elements;
    elements.push((0, 0x0100, &[0x30, 0]));
    assert!(Command::decode(&set(&elements)).is_ok());
    assert_eq!(vec![Command::decode(&[])], vec![Err(CommandError::NoCommandField)]);
}
