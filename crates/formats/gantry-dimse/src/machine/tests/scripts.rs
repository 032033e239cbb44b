//! Scripts of events, and what comes of each.

use alloc::{string::String, vec, vec::Vec};

use expect_test::{Expect, expect};

use super::*;
use crate::{
    machine::{
        COMMAND_BYTES_MAX,
        effect::{DataSet, Message, More},
    },
    pdu::abort::encode_release_rq,
};

/// One line of a script.
enum Step<'a> {
    /// Something on our side.
    Local(Event<'a>),
    /// A read.
    Peer(Vec<u8>),
    /// Time passes, in seconds, and the owner ticks.
    Wait(i64),
}
use Step::{Local, Peer, Wait};

/// Runs `script` on an acceptor in Sta6; prints one line for each step. What a question leaves is offered again.
#[track_caller]
fn check(script: &[Step<'_>], want: Expect) {
    check_from(accepted(), script, want);
}

#[track_caller]
fn check_from(mut association: Association, script: &[Step<'_>], want: Expect) {
    let mut got = String::new();
    let mut now = at(0);
    for step in script {
        let outcome = match step {
            Local(event) => match association.handle(event.clone(), now) {
                Ok(()) => drain(&mut association),
                Err(error) => format!("error: {error}"),
            },
            Wait(seconds) => {
                now = Instant(now.0 + at(*seconds).0);
                association.handle(Event::Tick, now).unwrap();
                format!("after {seconds} s {}", drain(&mut association))
            }
            Peer(bytes) => {
                let mut effects = String::new();
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let taken = association.receive(rest, now);
                    effects += &drain(&mut association);
                    rest = &rest[taken..];
                }
                effects
            }
        };
        got += &format!("{outcome} {:?}\n", association.state());
    }
    want.assert_eq(&got);
}

fn middle(bytes: &[u8]) -> Vec<u8> {
    data_pdv(STORE, FragmentPlace::Middle, bytes)
}

fn last(bytes: &[u8]) -> Vec<u8> {
    data_pdv(STORE, FragmentPlace::Last, bytes)
}

#[test]
fn command_and_data_may_share_a_pdu_and_fragments_may_be_odd_or_empty() {
    check(
        &[
            Peer(p_data(&[command_pdv(STORE, &store(1)), middle(&[1, 2, 3]), middle(&[]), last(&[4])])),
            Peer(p_data(&[command_pdv(STORE, &store(2))])),
            Peer(p_data(&[last(&[])])),
        ],
        expect![[r#"
            [Command(3 CStoreRq), Deviation(fragment of odd length), Data(3 120..123 Fragment), Deviation(empty fragment), Data(3 135..136 DataSet)] Sta6
            [Command(3 CStoreRq)] Sta6
            [Deviation(empty fragment), Data(3 12..12 DataSet)] Sta6
        "#]],
    );
}

#[test]
fn a_fragment_in_pieces_is_indicated_piece_by_piece() {
    let pdu = p_data(&[command_pdv(STORE, &store(1)), last(&[1, 2, 3, 4])]);
    let (a, b) = pdu.split_at(pdu.len() - 3);
    check(
        &[Peer(a.to_vec()), Peer(b[..2].to_vec()), Peer(b[2..].to_vec())],
        expect![[r#"
        [Command(3 CStoreRq), Data(3 120..121 Nothing)] Sta6
        [Data(3 0..2 Nothing)] Sta6
        [Data(3 0..1 DataSet)] Sta6
    "#]],
    );
}

#[test]
fn broken_messages_are_aborted_with_2_6() {
    let begun = || Peer(p_data(&[command_pdv(STORE, &store(1)), middle(&[1, 2])]));
    // A command inside a data set.
    check(
        &[begun(), Peer(p_data(&[command_pdv(STORE, &store(2)), last(&[3, 4])]))],
        expect![[r#"
        [Command(3 CStoreRq), Data(3 120..122 Fragment)] Sta6
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    // Data on another context than its command.
    check(
        &[begun(), Peer(p_data(&[data_pdv(ECHO, FragmentPlace::Last, &[1, 2])]))],
        expect![[r#"
        [Command(3 CStoreRq), Data(3 120..122 Fragment)] Sta6
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    // Data that no command announced.
    check(
        &[Peer(p_data(&[last(&[1, 2])]))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    // A context that was not negotiated.
    check(
        &[Peer(p_data(&[command_pdv(ContextId(99), &echo())]))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    // No command.
    check(
        &[Peer(p_data(&[pdv(ECHO, FragmentKind::Command, FragmentPlace::Last, &[])]))],
        expect![[r#"
        [Deviation(empty fragment), Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    // A command set without end.
    let part = pdv(ECHO, FragmentKind::Command, FragmentPlace::Middle, &vec![0; COMMAND_BYTES_MAX / 2]);
    check(
        &[Peer(p_data(&[part.clone(), part.clone()])), Peer(p_data(&[part]))],
        expect![[r#"
        [Deviation(P-DATA-TF above the announced maximum length)] Sta6
        [Deviation(P-DATA-TF above the announced maximum length), Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
}

#[test]
fn pdv_lengths_that_lie_are_aborted_with_2_6() {
    for body in [&[0, 0, 0, 0][..], &[0, 0, 0, 1, 3], &[0, 0, 0, 1, 3, 3], &[0, 0, 0, 3, 3, 3]] {
        let mut acceptor = accepted();
        assert_eq!(acceptor.receive(&pdu(4, body), at(0)), 6 + body.len());
        let want = "[Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))]";
        assert_eq!(drain(&mut acceptor), want, "{body:?}");
    }
}

#[test]
fn odd_p_data_is_borne_and_said_once_for_a_message() {
    let mut bits = command_pdv(STORE, &store(1));
    bits[5] |= 0xF0;
    check(
        &[
            Peer(p_data(&[])),
            Peer(p_data(&[])),
            Peer(p_data(&[bits, middle(&vec![0; 20_001]), middle(&[1]), last(&[2])])),
            Peer(p_data(&[command_pdv(ECHO, &store(2))])),
        ],
        expect![[r#"
            [Deviation(P-DATA-TF without PDV)] Sta6
            [] Sta6
            [Deviation(P-DATA-TF above the announced maximum length), Deviation(reserved bits of the message control header are set), Command(3 CStoreRq), Deviation(fragment of odd length), Data(3 120..20121 Fragment), Data(3 20127..20128 Fragment), Data(3 20134..20135 DataSet)] Sta6
            [Deviation(Affected SOP Class UID differs from the abstract syntax), Command(1 CStoreRq)] Sta6
        "#]],
    );
}

#[test]
fn a_pdu_above_the_cap_is_aborted_with_2_6() {
    let cap = Settings::default().receive_bytes_max;
    let header = |length: u32| [&[4, 0], &length.to_be_bytes()[..]].concat();
    check(
        &[Peer(header(cap))],
        expect![[r#"
        [Deviation(P-DATA-TF above the announced maximum length)] Sta6
    "#]],
    );
    check(
        &[Peer(header(cap + 1))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    let acceptor = || {
        let mut acceptor = Association::acceptor(Settings::default());
        acceptor.handle(Event::Connected, at(0)).unwrap();
        acceptor
    };
    let header = |length: u32| [&[1, 0], &length.to_be_bytes()[..]].concat();
    check_from(
        acceptor(),
        &[Peer(header(1 << 20))],
        expect![[r#"
        [] Sta2
    "#]],
    );
    check_from(
        acceptor(),
        &[Peer(header((1 << 20) + 1))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
}

/// Slow storage must not look like a silent peer, and neither must a slow peer that still sends.
#[test]
fn only_silence_is_idle() {
    let command = store(1);
    let response = command.refuse(crate::status::Status::SUCCESS.into()).unwrap();
    let answer = Message { context: STORE, command: &response, data: DataSet::None };
    check(
        &[
            Peer(p_data(&[command_pdv(STORE, &command)])),
            Wait(599),
            Peer(p_data(&[last(&[1, 2])])),
            Wait(599),
            Local(Event::Send(answer)),
            Wait(599),
            Wait(1),
            Wait(29),
            Wait(1),
        ],
        expect![[r#"
            [Command(3 CStoreRq)] Sta6
            after 599 s [] Sta6
            [Data(3 12..14 DataSet)] Sta6
            after 599 s [] Sta6
            [Send(P-DATA 3 command last 102)] Sta6
            after 599 s [] Sta6
            after 1 s [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
            after 29 s [] Sta13
            after 1 s [Close] Sta1
        "#]],
    );
}

/// A peer that trickles bytes does not get more time than one that is silent.
#[test]
fn artim_is_not_extended_by_bytes() {
    let mut acceptor = Association::acceptor(Settings::default());
    acceptor.handle(Event::Connected, at(0)).unwrap();
    assert_eq!(acceptor.receive(&[1], at(29)), 1);
    assert_eq!(acceptor.next_wakeup(), Some(at(30)));
    assert_eq!(acceptor.receive(&[0, 0], at(31)), 2);
    assert_eq!(drain(&mut acceptor), "[Close]");
}

#[test]
fn a_peer_that_does_not_wait_for_answers_is_served() {
    let mut acceptor = Association::acceptor(Settings::default());
    acceptor.handle(Event::Connected, at(0)).unwrap();
    let (first, then) = (rq().encode().unwrap(), p_data(&[command_pdv(ECHO, &echo())]));
    let stream = [first.clone(), then].concat();
    assert_eq!(acceptor.receive(&stream, at(0)), first.len());
    acceptor.handle(Event::Accept(ac()), at(0)).unwrap();
    assert_eq!(acceptor.receive(&stream[first.len()..], at(0)), stream.len() - first.len());
    assert_eq!(drain(&mut acceptor), r#"[Ask("CT" -> "GANTRY", 2), Send(AC), Command(1 CEchoRq)]"#);
    // What comes behind a release is passed over.
    check(
        &[
            Peer(encode_release_rq()),
            Local(Event::ReleaseResponse),
            Peer(encode_release_rq()),
            Local(Event::Closed),
        ],
        expect![[r#"
            [ReleaseAsked] Sta8
            [Send(RELEASE-RP)] Sta13
            [] Sta13
            [Close] Sta1
        "#]],
    );
}

#[test]
fn a_release_inside_a_message_voids_it() {
    check(
        &[Peer(p_data(&[command_pdv(STORE, &store(1)), middle(&[1])])), Peer(encode_release_rq())],
        expect![[r#"
            [Command(3 CStoreRq), Deviation(fragment of odd length), Data(3 120..121 Fragment)] Sta6
            [Deviation(release inside a message), ReleaseAsked] Sta8
        "#]],
    );
}

#[test]
fn what_cannot_be_sent_is_refused_and_changes_nothing() {
    let (store, echo) = (store(1), echo());
    let send = |context, command, data| Local(Event::Send(Message { context, command, data }));
    let more = |bytes, more| Local(Event::SendMore { bytes, more });
    check(
        &[
            send(ContextId(9), &echo, DataSet::None),
            send(STORE, &store, DataSet::None),
            send(ECHO, &echo, DataSet::Whole(&[])),
            send(STORE, &store, DataSet::Whole(&[1])),
            more(&[1, 2], More::Last),
            send(STORE, &store, DataSet::Begin(&[1])),
            send(ECHO, &echo, DataSet::None),
            Local(Event::ReleaseRequest),
            more(&[], More::Follow),
            more(&[2, 3], More::Last),
            more(&[2, 3], More::Follow),
            more(&[4], More::Last),
            send(ECHO, &echo, DataSet::None),
            Local(Event::Accept(ac())),
            Local(Event::Abort),
            send(ECHO, &echo, DataSet::None),
        ],
        expect![[r#"
            error: presentation context 9 is not negotiated Sta6
            error: Command Data Set Type and the data set given disagree Sta6
            error: Command Data Set Type and the data set given disagree Sta6
            error: the data set has an odd length Sta6
            error: no message was begun Sta6
            [Send(P-DATA 3 command last 102)] Sta6
            error: a message is unfinished Sta6
            error: a message is unfinished Sta6
            [] Sta6
            error: the data set has an odd length Sta6
            [Send(P-DATA 3 data 2)] Sta6
            [Send(P-DATA 3 data last 2)] Sta6
            [Send(P-DATA 1 command last 68)] Sta6
            error: Evt7 has no meaning in Sta6 Sta6
            [Send(ABORT 0/0)] Sta13
            error: Evt9 has no meaning in Sta13 Sta13
        "#]],
    );
}

#[test]
fn an_acceptance_must_fit_the_request() {
    let mut acceptor = Association::acceptor(Settings::default());
    acceptor.handle(Event::Connected, at(0)).unwrap();
    let mut wrong = ac();
    wrong.contexts[1].id = ContextId(77);
    check_from(
        acceptor,
        &[Peer(rq().encode().unwrap()), Local(Event::Accept(wrong)), Local(Event::Accept(ac()))],
        expect![[r#"
            [Ask("CT" -> "GANTRY", 2)] Sta3
            error: the acceptance does not fit the request: answer to presentation context 77, which awaits none Sta3
            [Send(AC)] Sta6
        "#]],
    );
}

#[test]
fn a_requestor_is_rejected_aborted_or_left_alone() {
    let asked = || {
        let mut requestor = Association::requestor(Settings::default());
        requestor.handle(Event::Associate(rq()), at(0)).unwrap();
        requestor.handle(Event::Connected, at(0)).unwrap();
        while requestor.poll_effect().is_some() {}
        requestor
    };
    check_from(
        asked(),
        &[Peer(pdu(3, &[0, 2, 3, 2]))],
        expect![[r#"
        [Rejected(2, 3, 2), Close] Sta1
    "#]],
    );
    check_from(
        asked(),
        &[Peer(pdu(3, &[0, 2]))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    check_from(
        asked(),
        &[Peer(pdu(7, &[0, 0, 2, 1]))],
        expect![[r#"
        [Aborted(ByPeer(Provider(UnrecognizedPdu))), Close] Sta1
    "#]],
    );
    check_from(
        asked(),
        &[Peer(pdu(2, &[0; 10]))],
        expect![[r#"
        [Send(ABORT 2/6), Aborted(ByUs(Provider(InvalidParameterValue)))] Sta13
    "#]],
    );
    check_from(
        asked(),
        &[Local(Event::Closed)],
        expect![[r#"
        [Aborted(ConnectionLost), Close] Sta1
    "#]],
    );
    let mut odd = ac();
    odd.contexts[0].id = ContextId(77);
    odd.user.maximum_length = Some(1);
    let echo = echo();
    let message = Message { context: ECHO, command: &echo, data: DataSet::None };
    check_from(
        asked(),
        &[Peer(odd.encode().unwrap()), Local(Event::Send(message))],
        expect![[r#"
        [Deviation(answer to presentation context 77, which awaits none), Deviation(maximum length 1 holds no fragment), Associated(2)] Sta6
        error: presentation context 1 is not negotiated Sta6
    "#]],
    );
}
