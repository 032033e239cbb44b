//! A case, seen by one workflow: does it match, is it ready, what came late.
//!
//! The machine is level-triggered. Whoever drives it *looks*: reads what the store knows of the case now (matched or
//! not, and per selected series how many objects there are, when the last came and over which associations) and steps
//! with [`Event::Look`]. A look is made when an object or an association of the case changed, and when a timer is due.
//! So an event cannot be lost or counted twice, and the order in which objects came cannot matter (AS2).
//!
//! A look counts kept objects only: not receptions of what was there already, not what Gantry made (AS1). The change
//! that freezes must rely on the look still being true when it is committed.
//!
//! | stage \ event | unmatched | incomplete | waiting | ready | overdue | run | cancel |
//! |---|---|---|---|---|---|---|---|
//! | not matched | not matched | waiting | waiting | **frozen** | – | **frozen** | cancelled |
//! | waiting | not matched | waiting | waiting | **frozen** | **frozen**, held, expired | **frozen** | cancelled |
//! | held | not matched | held | held, waiting | held, **frozen** | held | **frozen** | cancelled |
//! | frozen | + late | + late | + late, **frozen** anew | + late, **frozen** anew | + late | **frozen** anew | |
//! | expired | | | | | | **frozen** | cancelled |
//! | cancelled | | | | | | **frozen** | |
//!
//! *Again* freezes anew what is frozen, with what is there now.
//!
//! What was frozen and is not in force any more, because it was corrected or set aside, is frozen anew, whatever the
//! workflow says of late objects.
//!
//! Where what is there contradicts itself, everything that matches and is not frozen is held instead.
//!
//! Invariants
//! - A payload is frozen at most once, and never with an input that has nothing selected. One that is frozen anew, with
//!   what came late, has the next ordinal, and is never smaller.
//! - The first signal that held decides, however late the look that notices it.
//! - Waiting ends: every waiting stage with something selected has a timer.

mod look;

use alloc::{borrow::ToOwned as _, collections::BTreeMap, vec, vec::Vec};
use core::time::Duration;

use gantry_types::{findings::JudgedClause, instant::Instant, uid::SeriesInstanceUid};

pub use look::{Contradiction, Look, Match, Renewed, Selection, Tally, objects};
use look::{Sight, see};

use crate::{
    names::{Actor, InputName, PayloadKey, Subject},
    step::{Step, Timer, TimerKey},
};

/// When a workflow is ready: the first signal that holds, over the selected objects alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The inputs that must all have something selected.
    pub inputs: Vec<InputName>,
    /// No object for that long.
    pub quiet: Duration,
    /// The one association that brought them all has ended, for that long. Several: only quiet counts.
    pub association_end: Option<Duration>,
    /// Since the first look that had something selected.
    pub max_wait: Duration,
    /// What then.
    pub on_max_wait: OnMaxWait,
    /// What is done with objects that come after the payload was frozen.
    pub late: Late,
}

/// What is done when the longest wait is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnMaxWait {
    /// Freeze what is there; hold if an input has nothing.
    Run,
    /// Leave it to a person.
    Hold,
    /// Give up.
    Expire,
}

/// What is done with late objects. All are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Nothing else.
    Ignore,
    /// A person decides.
    Hold,
    /// A new payload that takes the place of its predecessor.
    Amend {
        /// Quiet time before it.
        settle: Duration,
        /// How many at most.
        max: u32,
    },
}

/// What is to become of a payload that late objects would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amendment {
    /// Nothing: there are none, they are ignored, or somebody has said that they are.
    None,
    /// A new payload then, if nothing more comes.
    At(Instant),
    /// A person decides, since then.
    Asked(Instant),
    /// An object came again and shows something else: a person decides which is used, since then.
    Contested(Instant),
}

/// A case, seen by one workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Which.
    pub subject: Subject,
    /// How far it is.
    pub stage: Stage,
}

/// How far a case is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The workflow does not apply, or it is not known whether it does.
    NotMatched {
        /// The clauses that failed or could not be known; empty before the first look.
        clauses: Vec<JudgedClause>,
    },
    /// It applies and is not ready.
    Waiting {
        /// Since when something is selected; nothing is: `None`.
        since: Option<Instant>,
        /// What is selected so far.
        selected: Selection,
        /// Inputs that have nothing.
        missing: Vec<InputName>,
        /// When it will be decided if nothing more comes; nothing is selected: `None`.
        until: Option<Instant>,
    },
    /// A person must decide.
    Held {
        /// Why.
        why: HeldWhy,
        /// Since when.
        at: Instant,
        /// What is selected so far.
        selected: Selection,
    },
    /// The payload is frozen: its run says the rest.
    Frozen {
        /// The payload's ordinal.
        ordinal: u32,
        /// Which signal made it ready.
        signal: Signal,
        /// When.
        at: Instant,
        /// What was selected then.
        selected: Selection,
        /// How many objects of a series came too late.
        late: BTreeMap<SeriesInstanceUid, u32>,
        /// What is to become of them.
        amendment: Amendment,
        /// How many of them somebody has said to ignore.
        ignored: u32,
        /// How often it was amended by itself; what a person has made anew does not count.
        amended: u32,
    },
    /// Given up, because the workflow says so.
    Expired {
        /// When.
        at: Instant,
        /// What was selected then.
        selected: Selection,
    },
    /// Given up, because somebody said so.
    Cancelled {
        /// Who.
        by: Actor,
        /// When.
        at: Instant,
    },
}

/// Why a case is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldWhy {
    /// The longest wait is over, and the workflow says to hold then.
    MaxWait,
    /// The longest wait is over, and inputs have nothing selected: it goes on by itself when they have.
    Missing(Vec<InputName>),
    /// What is there contradicts itself, such as objects of two patients in one study: nothing may be made of it.
    Contradiction(Contradiction),
}

/// What made a case ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The only association that brought selected objects has ended.
    AssociationEnd,
    /// No selected object came for long enough.
    Quiet,
    /// The longest wait was over.
    MaxWait,
    /// Objects had come late, and then nothing more for long enough.
    Late,
    /// What had been frozen is not in force any more: it was corrected, or somebody decided against it.
    Revised,
    /// Somebody said so.
    Person(Actor),
}

/// What can happen to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was looked at.
    Look(Look),
    /// Somebody wants it to run with what is there now.
    Run {
        /// Who.
        by: Actor,
        /// What is there now.
        look: Look,
    },
    /// Somebody wants a new run of a case that has one, with what is there now, the same or more.
    Again {
        /// Who.
        by: Actor,
        /// What is there now.
        look: Look,
    },
    /// Somebody does not want it to run.
    Cancel {
        /// Who.
        by: Actor,
    },
}

/// What is to be done about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Freeze the selected objects in force, after the inputs' choice, and begin the run. Repeatable by `key`.
    Freeze {
        /// The payload.
        key: PayloadKey,
        /// What to freeze: exactly these many objects of each series.
        selected: Selection,
    },
    /// Mark objects of a series that are selected and not in the payload as late. Repeatable by all fields.
    RecordLate {
        /// The payload that they missed.
        key: PayloadKey,
        /// Their series.
        series: SeriesInstanceUid,
        /// How many there are by now.
        objects: u32,
    },
}

impl State {
    /// A case that was not looked at yet.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self { subject, stage: Stage::NotMatched { clauses: Vec::new() } }
    }
}

/// Steps the case.
#[must_use]
pub fn step(rules: &Rules, state: &State, event: Event, now: Instant) -> Step<State, Effect> {
    match event {
        Event::Look(look) => looked(rules, state, look, now),
        Event::Run { by, look } => match state.stage {
            Stage::Frozen { ordinal, .. } if may_renew(rules, &look) => {
                freeze(state, ordinal + 1, Signal::Person(by), look, now)
            }
            Stage::Frozen { .. } => unchanged(state),
            Stage::NotMatched { .. }
            | Stage::Waiting { .. }
            | Stage::Held { .. }
            | Stage::Expired { .. }
            | Stage::Cancelled { .. } => {
                if is_whole(rules, &look) {
                    freeze(state, 1, Signal::Person(by), look, now)
                } else {
                    unchanged(state)
                }
            }
        },
        Event::Again { by, look } => match state.stage {
            Stage::Frozen { ordinal, .. } if look.renewed != Renewed::Smaller && is_whole(rules, &look) => {
                freeze(state, ordinal + 1, Signal::Person(by), look, now)
            }
            Stage::NotMatched { .. }
            | Stage::Waiting { .. }
            | Stage::Held { .. }
            | Stage::Frozen { .. }
            | Stage::Expired { .. }
            | Stage::Cancelled { .. } => unchanged(state),
        },
        Event::Cancel { by } => match &state.stage {
            Stage::Frozen { amendment: Amendment::At(_) | Amendment::Asked(_), .. } => ignore_late(state),
            Stage::Frozen { .. } | Stage::Cancelled { .. } => unchanged(state),
            Stage::NotMatched { .. } | Stage::Waiting { .. } | Stage::Held { .. } | Stage::Expired { .. } => {
                to(state, Stage::Cancelled { by, at: now })
            }
        },
    }
}

fn looked(rules: &Rules, state: &State, look: Look, now: Instant) -> Step<State, Effect> {
    match &state.stage {
        Stage::NotMatched { .. } => judged(rules, state, None, look, now),
        Stage::Waiting { since, .. } => judged(rules, state, *since, look, now),
        Stage::Held { why: HeldWhy::MaxWait, at, .. } => match look.matched {
            Match::Yes if look.contradiction.is_some() => judged(rules, state, None, look, now),
            Match::Yes => to(state, Stage::Held { why: HeldWhy::MaxWait, at: *at, selected: look.selected }),
            Match::No { clauses } => to(state, Stage::NotMatched { clauses }),
        },
        // It goes on by itself once the contradiction is gone; the wait begins anew.
        Stage::Held { why: HeldWhy::Contradiction(_), .. } => judged(rules, state, None, look, now),
        Stage::Held { why: HeldWhy::Missing(_), at, .. } => {
            let missing = look.missing(rules);
            if look.matched == Match::Yes && look.contradiction.is_none() && !missing.is_empty() {
                let why = HeldWhy::Missing(missing);
                return to(state, Stage::Held { why, at: *at, selected: look.selected });
            }
            // What held it is gone; the wait for the rest begins anew, or one slice of it would do.
            judged(rules, state, None, look, now)
        }
        Stage::Frozen { .. } => late(rules, state, look, now),
        Stage::Expired { .. } | Stage::Cancelled { .. } => unchanged(state),
    }
}

fn judged(
    rules: &Rules,
    state: &State,
    since: Option<Instant>,
    look: Look,
    now: Instant,
) -> Step<State, Effect> {
    if let (Match::Yes, Some(why)) = (&look.matched, &look.contradiction) {
        let since = match &state.stage {
            Stage::Held { why: HeldWhy::Contradiction(_), at, .. } => *at,
            Stage::NotMatched { .. }
            | Stage::Waiting { .. }
            | Stage::Held { .. }
            | Stage::Frozen { .. }
            | Stage::Expired { .. }
            | Stage::Cancelled { .. } => now,
        };
        let why = HeldWhy::Contradiction(why.clone());
        return to(state, Stage::Held { why, at: since, selected: look.selected });
    }
    let since = (objects(&look.selected) != 0).then(|| since.unwrap_or(now));
    match see(rules, &look, since, now) {
        Sight::Unmatched(clauses) => to(state, Stage::NotMatched { clauses }),
        Sight::Waiting { missing, until } => {
            let mut step = to(state, Stage::Waiting { since, selected: look.selected, missing, until });
            step.timers = timers(until);
            step
        }
        Sight::Ready(signal) => freeze(state, 1, signal, look, now),
        Sight::Overdue { missing } => match rules.on_max_wait {
            OnMaxWait::Run if missing.is_empty() => freeze(state, 1, Signal::MaxWait, look, now),
            OnMaxWait::Run | OnMaxWait::Hold => {
                let why = if missing.is_empty() { HeldWhy::MaxWait } else { HeldWhy::Missing(missing) };
                to(state, Stage::Held { why, at: now, selected: look.selected })
            }
            OnMaxWait::Expire => to(state, Stage::Expired { at: now, selected: look.selected }),
        },
    }
}

fn freeze(state: &State, ordinal: u32, signal: Signal, look: Look, now: Instant) -> Step<State, Effect> {
    let key = PayloadKey { subject: state.subject.clone(), ordinal };
    let selected = look.selected;
    let effects = vec![Effect::Freeze { key, selected: selected.clone() }];
    let (late, amendment, ignored) = (BTreeMap::new(), Amendment::None, 0);
    let before = match &state.stage {
        Stage::Frozen { amended, .. } => *amended,
        Stage::NotMatched { .. }
        | Stage::Waiting { .. }
        | Stage::Held { .. }
        | Stage::Expired { .. }
        | Stage::Cancelled { .. } => 0,
    };
    let amended = before + u32::from(signal == Signal::Late);
    let stage = Stage::Frozen { ordinal, signal, at: now, selected, late, amendment, ignored, amended };
    Step { effects, ..to(state, stage) }
}

/// Whether a payload may be made of what is there.
fn is_whole(rules: &Rules, look: &Look) -> bool {
    look.matched == Match::Yes && look.contradiction.is_none() && look.missing(rules).is_empty()
}

/// Whether a new payload may take the place of the one that was frozen.
fn may_renew(rules: &Rules, look: &Look) -> bool {
    matches!(look.renewed, Renewed::Other | Renewed::Revised) && is_whole(rules, look)
}

/// What is selected now and was not frozen is late; the outcome stays, unless the workflow says to amend.
fn late(rules: &Rules, state: &State, look: Look, now: Instant) -> Step<State, Effect> {
    let mut next = state.clone();
    let mut effects = Vec::new();
    let mut due = None;
    if let Stage::Frozen { ordinal, selected: frozen, late, amendment, ignored, amended, .. } =
        &mut next.stage
    {
        let key = PayloadKey { subject: state.subject.clone(), ordinal: *ordinal };
        let count = |selection: &Selection, series: &SeriesInstanceUid| {
            selection.values().filter_map(|input| input.get(series)).map(|tally| tally.objects).max()
        };
        for series in look.selected.values().flat_map(BTreeMap::keys) {
            let now_there = count(&look.selected, series).unwrap_or(0);
            let objects = now_there.saturating_sub(count(frozen, series).unwrap_or(0));
            // Only ever more: objects do not go away, a series may stop being selected.
            if late.get(series).copied().unwrap_or(0) < objects {
                late.insert(series.clone(), objects);
                effects.push(Effect::RecordLate { key: key.clone(), series: series.clone(), objects });
            }
        }
        let is_new = *ignored < late.values().sum::<u32>();
        *amendment = match rules.late {
            // Whatever the workflow says of late objects: the answer that stands is of something else.
            _ if matches!(look.contradiction, Some(Contradiction::Revisions(_))) => match amendment {
                Amendment::Contested(since) => Amendment::Contested(*since),
                Amendment::None | Amendment::At(_) | Amendment::Asked(_) => Amendment::Contested(now),
            },
            _ if look.renewed == Renewed::Revised && is_whole(rules, &look) => {
                let at = look.last().unwrap_or(now).after(rules.quiet);
                if at <= now {
                    let mut step = freeze(state, *ordinal + 1, Signal::Revised, look, now);
                    effects.append(&mut step.effects);
                    return Step { effects, ..step };
                }
                due = Some(at);
                Amendment::At(at)
            }
            Late::Hold if is_new && may_renew(rules, &look) => match amendment {
                Amendment::Asked(since) => Amendment::Asked(*since),
                Amendment::None | Amendment::At(_) | Amendment::Contested(_) => Amendment::Asked(now),
            },
            Late::Amend { settle, max } if is_new && *amended < max && may_renew(rules, &look) => {
                // Something is selected, or nothing would be late.
                let at = look.last().unwrap_or(now).after(settle);
                if at <= now {
                    let ordinal = *ordinal + 1;
                    let mut step = freeze(state, ordinal, Signal::Late, look, now);
                    effects.append(&mut step.effects);
                    return Step { effects, ..step };
                }
                due = Some(at);
                Amendment::At(at)
            }
            Late::Ignore | Late::Hold | Late::Amend { .. } => Amendment::None,
        };
    }
    Step { state: next, effects, timers: timers(due) }
}

/// Somebody has said that what came late so far is to be ignored.
fn ignore_late(state: &State) -> Step<State, Effect> {
    let mut next = state.clone();
    if let Stage::Frozen { late, amendment, ignored, .. } = &mut next.stage {
        (*ignored, *amendment) = (late.values().sum(), Amendment::None);
    }
    Step { state: next, effects: Vec::new(), timers: Vec::new() }
}

fn to(state: &State, stage: Stage) -> Step<State, Effect> {
    Step { state: State { subject: state.subject.clone(), stage }, effects: Vec::new(), timers: Vec::new() }
}

/// The same again, with the timer that it had.
fn unchanged(state: &State) -> Step<State, Effect> {
    let until = match &state.stage {
        Stage::Waiting { until, .. } => *until,
        Stage::Frozen { amendment: Amendment::At(at), .. } => Some(*at),
        Stage::NotMatched { .. }
        | Stage::Held { .. }
        | Stage::Frozen { .. }
        | Stage::Expired { .. }
        | Stage::Cancelled { .. } => None,
    };
    Step { timers: timers(until), ..to(state, state.stage.clone()) }
}

fn timers(until: Option<Instant>) -> Vec<Timer> {
    until.map(|at| Timer { at, key: TimerKey("look".to_owned()) }).into_iter().collect()
}

#[cfg(test)]
mod tests;
