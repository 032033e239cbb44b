//! The state table of the upper layer: PS3.8 Tables 9-1 to 9-10, as data.
//!
//! [`cell`] is Table 9-10 and nothing else; what the actions do is in the machine. Cells that hold different actions
//! for the two roles do not exist; AR-8 decides by the role itself.

/// The states of an association (PS3.8 9.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Idle.
    Sta1,
    /// Transport connection open, awaiting A-ASSOCIATE-RQ.
    Sta2,
    /// Awaiting the local A-ASSOCIATE response.
    Sta3,
    /// Awaiting the transport connection to open.
    Sta4,
    /// Awaiting A-ASSOCIATE-AC or -RJ.
    Sta5,
    /// Association established.
    Sta6,
    /// Awaiting A-RELEASE-RP.
    Sta7,
    /// Awaiting the local A-RELEASE response.
    Sta8,
    /// Release collision, requestor's side: awaiting the local A-RELEASE response.
    Sta9,
    /// Release collision, acceptor's side: awaiting A-RELEASE-RP.
    Sta10,
    /// Release collision, requestor's side: awaiting A-RELEASE-RP.
    Sta11,
    /// Release collision, acceptor's side: awaiting the local A-RELEASE response.
    Sta12,
    /// Awaiting the transport connection to close.
    Sta13,
}

/// The events of Table 9-10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evt {
    /// A-ASSOCIATE request, local.
    Evt1,
    /// Transport connection confirmed: it is open, and we opened it.
    Evt2,
    /// A-ASSOCIATE-AC received.
    Evt3,
    /// A-ASSOCIATE-RJ received.
    Evt4,
    /// Transport connection indication: it is open, and the peer opened it.
    Evt5,
    /// A-ASSOCIATE-RQ received.
    Evt6,
    /// A-ASSOCIATE response, local: accept.
    Evt7,
    /// A-ASSOCIATE response, local: reject.
    Evt8,
    /// P-DATA request, local.
    Evt9,
    /// P-DATA-TF received.
    Evt10,
    /// A-RELEASE request, local.
    Evt11,
    /// A-RELEASE-RQ received.
    Evt12,
    /// A-RELEASE-RP received.
    Evt13,
    /// A-RELEASE response, local.
    Evt14,
    /// A-ABORT request, local.
    Evt15,
    /// A-ABORT received.
    Evt16,
    /// Transport connection closed.
    Evt17,
    /// ARTIM expired.
    Evt18,
    /// Unrecognized or invalid PDU received.
    Evt19,
}

/// The actions of Tables 9-6 to 9-9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Open the transport connection.
    Ae1,
    /// Send A-ASSOCIATE-RQ.
    Ae2,
    /// Confirm: accepted.
    Ae3,
    /// Confirm: rejected; close.
    Ae4,
    /// Start ARTIM.
    Ae5,
    /// Stop ARTIM; indicate the request.
    Ae6,
    /// Send A-ASSOCIATE-AC.
    Ae7,
    /// Send A-ASSOCIATE-RJ; start ARTIM.
    Ae8,
    /// Send P-DATA-TF.
    Dt1,
    /// Indicate P-DATA.
    Dt2,
    /// Send A-RELEASE-RQ.
    Ar1,
    /// Indicate A-RELEASE.
    Ar2,
    /// Confirm A-RELEASE; close.
    Ar3,
    /// Send A-RELEASE-RP; start ARTIM.
    Ar4,
    /// Stop ARTIM.
    Ar5,
    /// Indicate P-DATA.
    Ar6,
    /// Send P-DATA-TF.
    Ar7,
    /// Indicate A-RELEASE: collision.
    Ar8,
    /// Send A-RELEASE-RP.
    Ar9,
    /// Confirm A-RELEASE.
    Ar10,
    /// Send A-ABORT; start ARTIM.
    Aa1,
    /// Stop ARTIM; close.
    Aa2,
    /// Indicate the abort; close.
    Aa3,
    /// Indicate a provider's abort.
    Aa4,
    /// Stop ARTIM.
    Aa5,
    /// Ignore the PDU.
    Aa6,
    /// Send A-ABORT.
    Aa7,
    /// Send A-ABORT as the provider, indicate it, start ARTIM.
    Aa8,
}

macro_rules! cells {
    ($($event:ident: $($cell:ident)*;)*) => {
        [$([$(cells!(@ $cell)),*]),*]
    };
    (@ __) => { None };
    (@ $action:ident) => { Some(Action::$action) };
}

const STATES: usize = 13;
const EVENTS: usize = 19;

/// Table 9-10. A column for each state, Sta1 to Sta13.
const TABLE: [[Option<Action>; STATES]; EVENTS] = cells! {
    //     1   2   3   4   5   6   7   8   9   10   11  12  13
    Evt1:  Ae1 __  __  __  __  __  __  __  __  __   __  __  __ ;
    Evt2:  __  __  __  Ae2 __  __  __  __  __  __   __  __  __ ;
    Evt3:  __  Aa1 Aa8 __  Ae3 Aa8 Aa8 Aa8 Aa8 Aa8  Aa8 Aa8 Aa6;
    Evt4:  __  Aa1 Aa8 __  Ae4 Aa8 Aa8 Aa8 Aa8 Aa8  Aa8 Aa8 Aa6;
    Evt5:  Ae5 __  __  __  __  __  __  __  __  __   __  __  __ ;
    Evt6:  __  Ae6 Aa8 __  Aa8 Aa8 Aa8 Aa8 Aa8 Aa8  Aa8 Aa8 Aa7;
    Evt7:  __  __  Ae7 __  __  __  __  __  __  __   __  __  __ ;
    Evt8:  __  __  Ae8 __  __  __  __  __  __  __   __  __  __ ;
    Evt9:  __  __  __  __  __  Dt1 __  Ar7 __  __   __  __  __ ;
    Evt10: __  Aa1 Aa8 __  Aa8 Dt2 Ar6 Aa8 Aa8 Aa8  Aa8 Aa8 Aa6;
    Evt11: __  __  __  __  __  Ar1 __  __  __  __   __  __  __ ;
    Evt12: __  Aa1 Aa8 __  Aa8 Ar2 Ar8 Aa8 Aa8 Aa8  Aa8 Aa8 Aa6;
    Evt13: __  Aa1 Aa8 __  Aa8 Aa8 Ar3 Aa8 Aa8 Ar10 Ar3 Aa8 Aa6;
    Evt14: __  __  __  __  __  __  __  Ar4 Ar9 __   __  Ar4 __ ;
    Evt15: __  __  Aa1 Aa2 Aa1 Aa1 Aa1 Aa1 Aa1 Aa1  Aa1 Aa1 __ ;
    Evt16: __  Aa2 Aa3 __  Aa3 Aa3 Aa3 Aa3 Aa3 Aa3  Aa3 Aa3 Aa2;
    Evt17: __  Aa5 Aa4 Aa4 Aa4 Aa4 Aa4 Aa4 Aa4 Aa4  Aa4 Aa4 Ar5;
    Evt18: __  Aa2 __  __  __  __  __  __  __  __   __  __  Aa2;
    Evt19: __  Aa1 Aa8 __  Aa8 Aa8 Aa8 Aa8 Aa8 Aa8  Aa8 Aa8 Aa7;
};

/// What Table 9-10 says for `event` in `state`; nothing where it has a blank.
#[must_use]
pub fn cell(state: State, event: Evt) -> Option<Action> {
    TABLE.get(event as usize)?.get(state as usize).copied().flatten()
}

/// Which cells a machine has passed through. Costs 38 bytes, so it is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage([u16; EVENTS]);

impl Coverage {
    /// Notes a pair of state and event.
    pub(crate) fn mark(&mut self, state: State, event: Evt) {
        if let Some(row) = self.0.get_mut(event as usize) {
            *row |= 1 << (state as u16);
        }
    }

    /// Whether the pair was passed.
    #[must_use]
    pub fn has(&self, state: State, event: Evt) -> bool {
        self.0.get(event as usize).is_some_and(|row| row & 1 << (state as u16) != 0)
    }

    /// Adds what another machine has passed.
    pub fn add(&mut self, other: &Self) {
        for (row, more) in self.0.iter_mut().zip(other.0) {
            *row |= more;
        }
    }
}
