//! Every cell of Table 9-10, taken one by one: from each state, each event.

use alloc::string::String;
use std::io::Write as _;

use expect_test::{Expect, expect};

use super::*;
use crate::{
    machine::{
        effect::{DataSet, Message, NotTaken},
        table::{Coverage, Evt, State, cell},
    },
    pdu::{
        abort::{Abort, encode_release_rp, encode_release_rq},
        reject::{AssociateRj, RejectReason},
    },
};

const STATES: [State; 13] = [
    State::Sta1,
    State::Sta2,
    State::Sta3,
    State::Sta4,
    State::Sta5,
    State::Sta6,
    State::Sta7,
    State::Sta8,
    State::Sta9,
    State::Sta10,
    State::Sta11,
    State::Sta12,
    State::Sta13,
];

const EVENTS: [Evt; 19] = [
    Evt::Evt1,
    Evt::Evt2,
    Evt::Evt3,
    Evt::Evt4,
    Evt::Evt5,
    Evt::Evt6,
    Evt::Evt7,
    Evt::Evt8,
    Evt::Evt9,
    Evt::Evt10,
    Evt::Evt11,
    Evt::Evt12,
    Evt::Evt13,
    Evt::Evt14,
    Evt::Evt15,
    Evt::Evt16,
    Evt::Evt17,
    Evt::Evt18,
    Evt::Evt19,
];

/// Cells that no association can pass, with the reason. None so far.
const UNREACHABLE: &[(State, Evt, &str)] = &[];

/// Each cell: its action, what comes out, and the state after it.
const TABLE_9_10: Expect = expect![[r#"
    Sta1 Evt1 Ae1: [Connect] Sta4
    Sta1 Evt5 Ae5: [] Sta2
    Sta2 Evt3 Aa1: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta2 Evt4 Aa1: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta2 Evt6 Ae6: [Ask("CT" -> "GANTRY", 2)] Sta3
    Sta2 Evt10 Aa1: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta2 Evt12 Aa1: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta2 Evt13 Aa1: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta2 Evt16 Aa2: [Close] Sta1
    Sta2 Evt17 Aa5: [Close] Sta1
    Sta2 Evt18 Aa2: [Close] Sta1
    Sta2 Evt19 Aa1: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta3 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt7 Ae7: [Send(AC)] Sta6
    Sta3 Evt8 Ae8: [Send(RJ 2/3/2)] Sta13
    Sta3 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta3 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta3 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta3 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta3 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta4 Evt2 Ae2: [Send(RQ)] Sta5
    Sta4 Evt15 Aa2: [Close] Sta1
    Sta4 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta5 Evt3 Ae3: [Associated(2)] Sta6
    Sta5 Evt4 Ae4: [Rejected(2, 3, 2), Close] Sta1
    Sta5 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta5 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta5 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta5 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta5 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta5 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta5 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta5 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta6 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta6 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta6 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta6 Evt9 Dt1: [Send(P-DATA 1 command last 68)] Sta6
    Sta6 Evt10 Dt2: [Command(1 CEchoRq)] Sta6
    Sta6 Evt11 Ar1: [Send(RELEASE-RQ)] Sta7
    Sta6 Evt12 Ar2: [ReleaseAsked] Sta8
    Sta6 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta6 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta6 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta6 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta6 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta7 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta7 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta7 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta7 Evt10 Ar6: [Command(1 CEchoRq)] Sta7
    Sta7 Evt12 Ar8: [ReleaseAsked] Sta9
    Sta7 Evt13 Ar3: [Released, Close] Sta1
    Sta7 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta7 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta7 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta7 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta8 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt9 Ar7: [Send(P-DATA 1 command last 68)] Sta8
    Sta8 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta8 Evt14 Ar4: [Send(RELEASE-RP)] Sta13
    Sta8 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta8 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta8 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta8 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta9 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta9 Evt14 Ar9: [Send(RELEASE-RP)] Sta11
    Sta9 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta9 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta9 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta9 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta10 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta10 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta10 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta10 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta10 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta10 Evt13 Ar10: [Released, ReleaseAsked] Sta12
    Sta10 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta10 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta10 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta10 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta11 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta11 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta11 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta11 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta11 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta11 Evt13 Ar3: [Released, Close] Sta1
    Sta11 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta11 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta11 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta11 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta12 Evt3 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt4 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt6 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt10 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt12 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt13 Aa8: [Send(ABORT 2/2), Aborted(ByUs(Provider(UnexpectedPdu)))] Sta13
    Sta12 Evt14 Ar4: [Send(RELEASE-RP)] Sta13
    Sta12 Evt15 Aa1: [Send(ABORT 0/0)] Sta13
    Sta12 Evt16 Aa3: [Aborted(ByPeer(User)), Close] Sta1
    Sta12 Evt17 Aa4: [Aborted(ConnectionLost), Close] Sta1
    Sta12 Evt19 Aa8: [Send(ABORT 2/1), Aborted(ByUs(Provider(UnrecognizedPdu)))] Sta13
    Sta13 Evt3 Aa6: [] Sta13
    Sta13 Evt4 Aa6: [] Sta13
    Sta13 Evt6 Aa7: [Send(ABORT 2/2)] Sta13
    Sta13 Evt10 Aa6: [] Sta13
    Sta13 Evt12 Aa6: [] Sta13
    Sta13 Evt13 Aa6: [] Sta13
    Sta13 Evt16 Aa2: [Close] Sta1
    Sta13 Evt17 Ar5: [Close] Sta1
    Sta13 Evt18 Aa2: [Close] Sta1
    Sta13 Evt19 Aa7: [Send(ABORT 2/1)] Sta13
"#]];

/// An association in `state`, in the role that `event` needs where both are possible.
fn reach(state: State, event: Evt) -> Association {
    let mut association = match state {
        State::Sta1 if matches!(event, Evt::Evt1 | Evt::Evt2) => Association::requestor(Settings::default()),
        State::Sta1 => Association::acceptor(Settings::default()),
        State::Sta2 => {
            let mut acceptor = Association::acceptor(Settings::default());
            acceptor.handle(Event::Connected, at(0)).unwrap();
            acceptor
        }
        State::Sta3 => with_pdu(reach(State::Sta2, event), &rq().encode().unwrap()),
        State::Sta4 => {
            let mut requestor = Association::requestor(Settings::default());
            requestor.handle(Event::Associate(rq()), at(0)).unwrap();
            requestor
        }
        State::Sta5 => with(reach(State::Sta4, event), Event::Connected),
        State::Sta6 => with_pdu(reach(State::Sta5, event), &ac().encode().unwrap()),
        State::Sta7 => with(reach(State::Sta6, event), Event::ReleaseRequest),
        State::Sta8 => with_pdu(reach(State::Sta6, event), &encode_release_rq()),
        State::Sta9 => with_pdu(reach(State::Sta7, event), &encode_release_rq()),
        State::Sta10 => with_pdu(with(accepted(), Event::ReleaseRequest), &encode_release_rq()),
        State::Sta11 => with(reach(State::Sta9, event), Event::ReleaseResponse),
        State::Sta12 => with_pdu(reach(State::Sta10, event), &encode_release_rp()),
        State::Sta13 => with(reach(State::Sta3, event), Event::Reject(rejection())),
    };
    assert_eq!(association.state(), state);
    while association.poll_effect().is_some() {}
    association
}

fn rejection() -> AssociateRj {
    AssociateRj::transient(RejectReason::LocalLimitExceeded)
}

fn with(mut association: Association, event: Event<'_>) -> Association {
    association.handle(event, at(0)).unwrap();
    association
}

fn with_pdu(mut association: Association, pdu: &[u8]) -> Association {
    assert_eq!(association.receive(pdu, at(0)), pdu.len());
    association
}

/// Lets `event` happen; what the peer sends cannot be refused.
fn fire(association: &mut Association, event: Evt) -> Result<(), NotTaken> {
    let command = echo();
    let message = Message { context: ECHO, command: &command, data: DataSet::None };
    let pdu = match event {
        Evt::Evt1 => return association.handle(Event::Associate(rq()), at(1)),
        Evt::Evt2 | Evt::Evt5 => return association.handle(Event::Connected, at(1)),
        Evt::Evt7 => return association.handle(Event::Accept(ac()), at(1)),
        Evt::Evt8 => return association.handle(Event::Reject(rejection()), at(1)),
        Evt::Evt9 => return association.handle(Event::Send(message), at(1)),
        Evt::Evt11 => return association.handle(Event::ReleaseRequest, at(1)),
        Evt::Evt14 => return association.handle(Event::ReleaseResponse, at(1)),
        Evt::Evt15 => return association.handle(Event::Abort, at(1)),
        Evt::Evt17 => return association.handle(Event::Closed, at(1)),
        Evt::Evt18 => {
            // Where ARTIM does not run, only a tick that comes too early has no meaning.
            let runs = matches!(association.state(), State::Sta2 | State::Sta13);
            return association.handle(Event::Tick, at(if runs { 30 } else { 1 }));
        }
        Evt::Evt3 => ac().encode().unwrap(),
        Evt::Evt4 => rejection().encode(),
        Evt::Evt6 => rq().encode().unwrap(),
        Evt::Evt10 => p_data(&[command_pdv(ECHO, &command)]),
        Evt::Evt12 => encode_release_rq(),
        Evt::Evt13 => encode_release_rp(),
        Evt::Evt16 => Abort::User.encode(),
        Evt::Evt19 => pdu(0x42, &[0; 4]),
    };
    assert_eq!(association.receive(&pdu, at(1)), pdu.len());
    Ok(())
}

/// The law of the table: where it has a cell, the cell's action is taken; where it is blank, nothing happens.
#[test]
fn every_cell_of_table_9_10_is_taken() {
    let mut got = String::new();
    let mut coverage = Coverage::default();
    let mut cells = 0;
    for state in STATES {
        for event in EVENTS {
            if (state, event) == (State::Sta4, Evt::Evt5) {
                // Blank, and only a requestor comes to Sta4: for it the connection that opens is Evt2.
                continue;
            }
            let mut association = reach(state, event);
            let taken = fire(&mut association, event);
            let effects = drain(&mut association);
            let Some(action) = cell(state, event) else {
                assert_eq!((association.state(), effects.as_str()), (state, "[]"), "{state:?} {event:?}");
                continue;
            };
            cells += 1;
            coverage.add(association.coverage());
            assert_eq!(taken, Ok(()), "{state:?} {event:?}");
            assert_eq!(
                association.coverage().has(state, event),
                UNREACHABLE.iter().all(|(s, e, _)| (*s, *e) != (state, event)),
            );
            got += &format!("{state:?} {event:?} {action:?}: {effects} {:?}\n", association.state());
        }
    }
    let exercised = STATES.iter().flat_map(|s| EVENTS.map(|e| (*s, e)));
    let exercised = exercised.filter(|(state, event)| coverage.has(*state, *event)).count();
    writeln!(std::io::stdout(), "dimse: {exercised} of {cells} cells of PS3.8 table 9-10 exercised").unwrap();
    assert_eq!(exercised + UNREACHABLE.len(), cells);
    TABLE_9_10.assert_eq(&got);
}

#[test]
fn after_the_end_nothing_is_taken() {
    for event in EVENTS {
        let mut association = with(reach(State::Sta2, event), Event::Closed);
        assert_eq!(drain(&mut association), "[Close]");
        let _refused = fire(&mut association, event);
        assert_eq!((association.state(), drain(&mut association).as_str()), (State::Sta1, "[]"));
        assert_eq!(association.next_wakeup(), None);
    }
}

/// Nothing waits for ever.
#[test]
fn silence_ends_every_state() {
    let mut got = String::new();
    for state in STATES {
        let mut association = reach(state, Evt::Evt19);
        let Some(wakeup) = association.next_wakeup() else {
            assert_eq!(state, State::Sta1);
            continue;
        };
        association.handle(Event::Tick, Instant(wakeup.0 - 1)).unwrap();
        assert_eq!((association.state(), drain(&mut association).as_str()), (state, "[]"));
        association.handle(Event::Tick, wakeup).unwrap();
        let effects = drain(&mut association);
        got += &format!("{state:?} {:?}: {effects} {:?}\n", wakeup.since(at(0)), association.state());
    }
    expect![[r#"
        Sta2 30s: [Close] Sta1
        Sta3 600s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta4 30s: [Aborted(NoConnection), Close] Sta1
        Sta5 30s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta6 600s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta7 30s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta8 600s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta9 600s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta10 30s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta11 30s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta12 600s: [Send(ABORT 2/0), Aborted(ByUs(Provider(NotSpecified)))] Sta13
        Sta13 30s: [Close] Sta1
    "#]]
    .assert_eq(&got);
}
