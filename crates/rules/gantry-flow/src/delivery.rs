//! A delivery: one evidence object on its way to one destination.
//!
//! It is sent under a lease and a fence, and answered once per attempt. Only the stored bytes are ever sent, so that
//! sending again is always safe (DL1): whatever is not known to have arrived is sent again.
//!
//! | stage \ event | claimed | heartbeat | answered | broken | withheld | due | queried | send |
//! |---|---|---|---|---|---|---|---|---|
//! | queued | **sending** | | | | | | | |
//! | sending | | sending | sent, confirming, retrying, quarantined | retrying, quarantined | retrying, quarantined | retrying, quarantined | | |
//! | retrying | | | | | | queued | | queued |
//! | sent | | | | | | | | queued |
//! | confirming | | | | | | confirming, sent | confirming, confirmed, sent, retrying, quarantined | queued |
//! | confirmed | | | | | | | | queued |
//! | quarantined | | | | | | | | queued |
//!
//! A refusal (a status that [`classify`] says is one, or no presentation context for the object) is retried twice and then
//! quarantined; all other trouble with the destination is retried until [`Rules::give_up_after`] is over.
//!
//! Heartbeat, answered, broken and withheld concern a delivery only with the fence of its present attempt, queried only with the
//! number of its present query.
//!
//! Invariants
//! - At most one attempt is under way by the newest fence; fences strictly ascend.
//! - Every stage but queued, sent, confirmed and quarantined has a timer; trying ends after [`Rules::give_up_after`].

mod status;

use alloc::{borrow::ToOwned as _, format, string::String, vec, vec::Vec};
use core::{fmt, time::Duration};

use gantry_types::{ids::NodeId, instant::Instant};

pub use status::{StatusClass, classify};

use crate::{
    names::{Actor, DeliveryKey},
    step::{Fence, Lane, Step, Timer, TimerKey, backoff},
};

/// How many times an object may be refused before a person must look.
pub const REFUSALS_MAX: u32 = 3;

/// How patient deliveries to a destination are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Waiting after the first attempt that failed; doubles with each.
    pub backoff: Duration,
    /// The longest wait between attempts, jitter apart.
    pub backoff_max: Duration,
    /// Since it was queued; then it is quarantined.
    pub give_up_after: Duration,
    /// Whether arrival is confirmed by asking.
    pub confirm: Confirm,
}

impl Default for Rules {
    /// Half a minute to an hour, for a week.
    fn default() -> Self {
        Self {
            backoff: Duration::from_secs(30),
            backoff_max: Duration::from_secs(3600),
            give_up_after: Duration::from_secs(7 * 24 * 3600),
            confirm: Confirm::No,
        }
    }
}

/// Whether arrival is confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirm {
    /// The destination's answer to C-STORE is believed.
    No,
    /// By C-FIND.
    ByQuery {
        /// How long after sending, and between queries; doubles with each.
        wait: Duration,
        /// How many queries at most.
        queries: u32,
        /// How long a query may take.
        timeout: Duration,
    },
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Which.
    pub key: DeliveryKey,
    /// Which work goes first.
    pub lane: Lane,
    /// How far it is.
    pub stage: Stage,
    /// The fence of the last attempt.
    pub fence: Fence,
    /// When it was queued first, or last by a person.
    pub since: Instant,
    /// Attempts that did not succeed since then.
    pub failures: u32,
    /// Of those, the ones that the destination refused.
    pub refusals: u32,
}

/// How far a delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// May be claimed.
    Queued,
    /// An attempt is under way.
    Sending {
        /// Where.
        node: NodeId,
        /// When it is believed dead, if no heartbeat comes.
        lease_until: Instant,
    },
    /// Waits to be tried again.
    Retrying {
        /// When.
        at: Instant,
        /// Why the last attempt did not succeed.
        why: Trouble,
    },
    /// The destination said that it has it.
    Sent {
        /// When.
        at: Instant,
        /// Its Status.
        status: u16,
        /// Whether that was confirmed.
        confirmation: Confirmation,
    },
    /// The destination said that it has it, and is asked whether it is so.
    Confirming {
        /// When it was sent.
        sent: Instant,
        /// Its Status then.
        status: u16,
        /// The number of the present query, from 1.
        query: u32,
        /// Whether the query was asked.
        asked: Asked,
        /// When to ask, or when the query has taken too long.
        next: Instant,
    },
    /// A query has found it.
    Confirmed {
        /// When it was sent.
        sent: Instant,
        /// When it was found.
        at: Instant,
    },
    /// A person must look.
    Quarantined {
        /// Since when.
        at: Instant,
        /// Why.
        why: Trouble,
    },
}

/// Whether a query was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It waits for its time.
    NotYet,
    /// Its answer is awaited.
    Yes,
}

/// What is known of a sent object beyond the destination's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It was not asked for.
    NotAsked,
    /// The destination does not answer queries.
    NotAnswered,
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The destination answered with this Status.
    Status(u16),
    /// The association did not come about or broke.
    Association(Broken),
    /// It was not fit to be sent.
    Withheld(Withheld),
    /// The sender was lost with its node.
    SenderLost,
    /// It was sent, and queries do not find it.
    NotFound,
    /// Tried for too long; the last trouble was this.
    TooLong(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the destination answered with status {status:04X}"),
            Self::Association(broken) => broken.fmt(f),
            Self::Withheld(withheld) => withheld.fmt(f),
            Self::SenderLost => f.write_str("the sender was lost with its node"),
            Self::NotFound => f.write_str("the destination took it, but does not find it when asked"),
            Self::TooLong(last) => write!(f, "given up after trying for too long; at last: {last}"),
        }
    }
}

/// What happened to the association.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// No connection.
    Unreachable(String),
    /// A-ASSOCIATE-RJ.
    Rejected(String),
    /// No presentation context for the object's class: a refusal, as status 0122 would be.
    NoContext(String),
    /// A-ABORT, or the connection ended.
    Aborted,
    /// No answer in time.
    TimedOut,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "the destination cannot be reached: {why}"),
            Self::Rejected(why) => write!(f, "the destination rejected the association: {why}"),
            Self::NoContext(class) => {
                write!(f, "the destination accepted no presentation context for {class}")
            }
            Self::Aborted => f.write_str("the association was aborted"),
            Self::TimedOut => f.write_str("the destination did not answer in time"),
        }
    }
}

/// Why nothing was sent: other bytes than those that were made never leave (DL1), and none to a stricter destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Withheld {
    /// The kept bytes are not those that were made, or gone: no attempt will find them better.
    Damaged(String),
    /// They could not be read now.
    Unreadable(String),
    /// The destination takes nothing of its class (DL2): no attempt helps until a person has changed that.
    Laxer(String),
    /// It names another patient than its study does now (PT1): no attempt helps.
    OtherPatient,
    /// The objects of its study name two patients now (PT1).
    TwoPatients,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(why) => write!(f, "what is kept of the object is damaged: {why}"),
            Self::Unreadable(why) => write!(f, "what is kept of the object cannot be read: {why}"),
            Self::Laxer(why) => f.write_str(why),
            Self::OtherPatient => f.write_str("it names another patient than its study does now"),
            Self::TwoPatients => f.write_str("the objects of its study name two patients now"),
        }
    }
}

/// A random share, from outside, so that many deliveries do not knock at the same moment: 65536 would be 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub u16);

/// What can happen to a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A node takes it.
    Claimed {
        /// Who.
        node: NodeId,
        /// For how long without heartbeat.
        lease: Duration,
    },
    /// The attempt lives.
    Heartbeat {
        /// Its fence.
        fence: Fence,
        /// For how long from now.
        lease: Duration,
    },
    /// The destination answered.
    Answered {
        /// The attempt's fence.
        fence: Fence,
        /// Status (0000,0900).
        status: u16,
        /// For the time of the next attempt.
        jitter: Jitter,
    },
    /// The association did not come about or broke.
    Broken {
        /// The attempt's fence.
        fence: Fence,
        /// How.
        how: Broken,
        /// For the time of the next attempt.
        jitter: Jitter,
    },
    /// The object was not fit to be sent.
    Withheld {
        /// The attempt's fence.
        fence: Fence,
        /// Why.
        why: Withheld,
        /// For the time of the next attempt.
        jitter: Jitter,
    },
    /// A timer is due.
    Due {
        /// For the time of the next attempt.
        jitter: Jitter,
    },
    /// A query was answered, or was not.
    Queried {
        /// Its number.
        query: u32,
        /// The answer.
        answer: Answer,
        /// For the time of the next attempt.
        jitter: Jitter,
    },
    /// Somebody wants it sent now, or once more.
    Send {
        /// Who.
        by: Actor,
    },
}

/// The answer to a query for the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is there.
    Found,
    /// It is not there.
    NotFound,
    /// The destination does not answer such queries, or not now.
    NotAnswered,
}

/// What is to be done about a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell idle senders that it may be claimed. The queued stage says the same; this saves waiting.
    Offer {
        /// Which.
        key: DeliveryKey,
        /// Its lane.
        lane: Lane,
    },
    /// Send the stored bytes. Repeatable by the object's UID.
    Send {
        /// Which.
        key: DeliveryKey,
        /// The attempt's fence.
        fence: Fence,
    },
    /// Ask the destination whether it has the object.
    Query {
        /// Which.
        key: DeliveryKey,
        /// The number of the query.
        query: u32,
    },
}

/// A new delivery, queued.
#[must_use]
pub fn begin(key: DeliveryKey, lane: Lane, now: Instant) -> Step<State, Effect> {
    let effects = vec![Effect::Offer { key: key.clone(), lane }];
    let state =
        State { key, lane, stage: Stage::Queued, fence: Fence::NONE, since: now, failures: 0, refusals: 0 };
    Step { state, effects, timers: Vec::new() }
}

/// Steps the delivery.
#[must_use]
pub fn step(rules: &Rules, state: &State, event: Event, now: Instant) -> Step<State, Effect> {
    let mut machine = Machine { rules, state: state.clone(), effects: Vec::new(), now };
    match event {
        Event::Claimed { node, lease } => machine.claim(node, lease),
        Event::Heartbeat { fence, lease } => machine.heartbeat(fence, lease),
        Event::Answered { fence, status, jitter } if machine.is_present(fence) => {
            machine.answered(status, jitter);
        }
        Event::Broken { fence, how, jitter } if machine.is_present(fence) => {
            machine.broken(how, jitter);
        }
        Event::Withheld { fence, why, jitter } if machine.is_present(fence) => machine.withheld(why, jitter),
        Event::Answered { .. } | Event::Broken { .. } | Event::Withheld { .. } => {}
        Event::Due { jitter } => machine.due(jitter),
        Event::Queried { query, answer, jitter } => machine.queried(query, answer, jitter),
        Event::Send { by: _ } => machine.send_anew(),
    }
    machine.finish()
}

struct Machine<'a> {
    rules: &'a Rules,
    state: State,
    effects: Vec<Effect>,
    now: Instant,
}

impl Machine<'_> {
    /// Whether this is the fence of the attempt that is under way.
    fn is_present(&self, fence: Fence) -> bool {
        self.state.fence == fence && matches!(self.state.stage, Stage::Sending { .. })
    }

    fn claim(&mut self, node: NodeId, lease: Duration) {
        if self.state.stage != Stage::Queued {
            return;
        }
        self.state.fence = self.state.fence.next();
        self.state.stage = Stage::Sending { node, lease_until: self.now.after(lease) };
        self.effects.push(Effect::Send { key: self.state.key.clone(), fence: self.state.fence });
    }

    fn heartbeat(&mut self, fence: Fence, lease: Duration) {
        let until = self.now.after(lease);
        if self.state.fence == fence
            && let Stage::Sending { lease_until, .. } = &mut self.state.stage
        {
            *lease_until = until.max(*lease_until);
        }
    }

    fn answered(&mut self, status: u16, jitter: Jitter) {
        match classify(status) {
            StatusClass::Sent => self.sent(status),
            StatusClass::Later => self.again(Trouble::Status(status), jitter),
            StatusClass::Refused => self.refused(Trouble::Status(status), jitter),
        }
    }

    fn broken(&mut self, how: Broken, jitter: Jitter) {
        match how {
            Broken::NoContext(_) => self.refused(Trouble::Association(how), jitter),
            Broken::Unreachable(_) | Broken::Rejected(_) | Broken::Aborted | Broken::TimedOut => {
                self.again(Trouble::Association(how), jitter);
            }
        }
    }

    fn sent(&mut self, status: u16) {
        self.state.stage = match self.rules.confirm {
            Confirm::No => Stage::Sent { at: self.now, status, confirmation: Confirmation::NotAsked },
            Confirm::ByQuery { wait, .. } => Stage::Confirming {
                sent: self.now,
                status,
                query: 1,
                asked: Asked::NotYet,
                next: self.now.after(wait),
            },
        };
    }

    fn refused(&mut self, why: Trouble, jitter: Jitter) {
        self.state.refusals = self.state.refusals.saturating_add(1);
        if self.state.refusals < REFUSALS_MAX {
            self.again(why, jitter);
        } else {
            self.quarantine(why);
        }
    }

    fn withheld(&mut self, why: Withheld, jitter: Jitter) {
        match why {
            Withheld::Damaged(_) | Withheld::Laxer(_) | Withheld::OtherPatient => {
                self.quarantine(Trouble::Withheld(why));
            }
            Withheld::Unreadable(_) | Withheld::TwoPatients => self.again(Trouble::Withheld(why), jitter),
        }
    }

    /// After an attempt that did not succeed, and none that follows would.
    fn quarantine(&mut self, why: Trouble) {
        self.state.failures = self.state.failures.saturating_add(1);
        self.state.stage = Stage::Quarantined { at: self.now, why };
    }

    fn again(&mut self, why: Trouble, jitter: Jitter) {
        self.state.failures = self.state.failures.saturating_add(1);
        if self.rules.give_up_after <= self.now.since(self.state.since) {
            let why = Trouble::TooLong(format!("{why}"));
            self.state.stage = Stage::Quarantined { at: self.now, why };
            return;
        }
        let wait = backoff(self.rules.backoff, self.state.failures, self.rules.backoff_max);
        // Up to half as long again.
        let more = wait.saturating_mul(u32::from(jitter.0)) / (2 << 16);
        self.state.stage = Stage::Retrying { at: self.now.after(wait.saturating_add(more)), why };
    }

    fn due(&mut self, jitter: Jitter) {
        match self.state.stage {
            Stage::Sending { lease_until, .. } if lease_until <= self.now => {
                self.again(Trouble::SenderLost, jitter);
            }
            Stage::Retrying { at, .. } if at <= self.now => self.queue(),
            Stage::Confirming { query, asked: Asked::NotYet, next, .. } if next <= self.now => {
                self.ask(query);
            }
            Stage::Confirming { query, asked: Asked::Yes, next, .. } if next <= self.now => {
                self.queried(query, Answer::NotAnswered, jitter);
            }
            Stage::Queued
            | Stage::Sending { .. }
            | Stage::Retrying { .. }
            | Stage::Sent { .. }
            | Stage::Confirming { .. }
            | Stage::Confirmed { .. }
            | Stage::Quarantined { .. } => {}
        }
    }

    fn ask(&mut self, number: u32) {
        if let (Confirm::ByQuery { timeout, .. }, Stage::Confirming { asked, next, .. }) =
            (&self.rules.confirm, &mut self.state.stage)
        {
            *asked = Asked::Yes;
            *next = self.now.after(*timeout);
            self.effects.push(Effect::Query { key: self.state.key.clone(), query: number });
        } else {
            // The destination's document has changed meanwhile: nobody asks any more.
            self.unconfirmed(Confirmation::NotAsked);
        }
    }

    fn queried(&mut self, number: u32, answer: Answer, jitter: Jitter) {
        let Stage::Confirming { sent, status, query, .. } = self.state.stage else { return };
        if query != number {
            return;
        }
        let may_ask_again = match self.rules.confirm {
            Confirm::ByQuery { wait, queries, .. } if query < queries => {
                Some(backoff(wait, query.saturating_add(1), self.rules.backoff_max))
            }
            Confirm::ByQuery { .. } | Confirm::No => None,
        };
        match (answer, may_ask_again) {
            (Answer::Found, _) => self.state.stage = Stage::Confirmed { sent, at: self.now },
            (Answer::NotFound | Answer::NotAnswered, Some(wait)) => {
                let next = self.now.after(wait);
                let query = query.saturating_add(1);
                self.state.stage = Stage::Confirming { sent, status, query, asked: Asked::NotYet, next };
            }
            // It said yes and has nothing: sending the same bytes again does no harm, and missing them would.
            (Answer::NotFound, None) => self.refused(Trouble::NotFound, jitter),
            (Answer::NotAnswered, None) => self.unconfirmed(Confirmation::NotAnswered),
        }
    }

    fn unconfirmed(&mut self, confirmation: Confirmation) {
        if let Stage::Confirming { sent, status, .. } = self.state.stage {
            self.state.stage = Stage::Sent { at: sent, status, confirmation };
        }
    }

    /// A person begins the counting anew.
    fn send_anew(&mut self) {
        match self.state.stage {
            Stage::Queued | Stage::Sending { .. } => {}
            Stage::Retrying { .. }
            | Stage::Sent { .. }
            | Stage::Confirming { .. }
            | Stage::Confirmed { .. }
            | Stage::Quarantined { .. } => {
                (self.state.since, self.state.failures, self.state.refusals) = (self.now, 0, 0);
                self.queue();
            }
        }
    }

    fn queue(&mut self) {
        self.state.stage = Stage::Queued;
        self.effects.push(Effect::Offer { key: self.state.key.clone(), lane: self.state.lane });
    }

    fn finish(self) -> Step<State, Effect> {
        let at = match self.state.stage {
            Stage::Sending { lease_until, .. } => Some(lease_until),
            Stage::Retrying { at, .. } => Some(at),
            Stage::Confirming { next, .. } => Some(next),
            Stage::Queued | Stage::Sent { .. } | Stage::Confirmed { .. } | Stage::Quarantined { .. } => None,
        };
        let timers = at.map(|at| Timer { at, key: TimerKey("delivery".to_owned()) }).into_iter().collect();
        Step { state: self.state, effects: self.effects, timers }
    }
}

#[cfg(test)]
mod tests;
