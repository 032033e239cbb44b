//! Who is at work for each destination, and what is still to be asked there.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gantry_ports::store::MachineRow;
use gantry_types::{ids::DestinationName, instant::Instant};

/// Couriers for all lanes at one destination.
const ANY_MAX: usize = 2;
/// Those beside them that take urgent objects only.
const URGENT_MAX: usize = 1;
/// One courier is left alone with so many objects: those of a study go over one association.
const ALONE_MAX: usize = 4;
/// Unless one of them has waited for this long: a peer takes its time.
const PATIENCE: Duration = Duration::from_secs(1);
/// Questions that wait for one destination; what is beyond counts as not answered.
const QUESTIONS_MAX: usize = 1024;

/// What a courier takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Post {
    /// Every lane, the urgent one first.
    Any,
    /// The urgent lane only.
    Urgent,
}

/// What is offered at a destination.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waiting {
    pub(super) all: usize,
    /// Of those, the urgent ones.
    pub(super) urgent: usize,
    /// Since when the oldest is offered.
    pub(super) longest: Duration,
}

/// Whether an object is there, to be asked.
pub(super) struct Question {
    /// The delivery as it was when that was decided.
    pub(super) row: MachineRow,
    /// The number of the query.
    pub(super) query: u32,
    /// By monotonic time, when nobody waits for the answer any more.
    pub(super) until: Instant,
}

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Somebody is there who will ask it.
    InHand,
    /// An asker is to be sent out.
    Hire,
    /// There are too many.
    Full,
}

/// Some couriers of one destination.
#[derive(Default)]
struct Staff {
    present: usize,
    /// Of those, the ones that have an object in hand.
    busy: usize,
}

#[derive(Default)]
struct Desk {
    any: Staff,
    urgent: Staff,
    is_asking: bool,
    questions: VecDeque<Question>,
}

#[derive(Default)]
struct State {
    desks: BTreeMap<DestinationName, Desk>,
    is_over: bool,
}

/// The desks of all destinations.
#[derive(Default)]
pub(super) struct Desks {
    state: Mutex<State>,
    changed: Condvar,
}

impl Desks {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one of a number or of a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to send out, now that this is offered. They count as present from now on.
    pub(super) fn hire(&self, destination: &DestinationName, waiting: Waiting) -> Option<Post> {
        let mut state = self.state();
        let desk = state.desks.entry(destination.clone()).or_default();
        let all_are_busy = desk.any.present == desk.any.busy;
        let is_too_much_for_one = ALONE_MAX < waiting.all || PATIENCE < waiting.longest;
        let wants_any = match desk.any.present {
            0 => 0 < waiting.all,
            present => present < ANY_MAX && all_are_busy && 0 < waiting.all && is_too_much_for_one,
        };
        if wants_any {
            desk.any.present += 1;
            return Some(Post::Any);
        }
        if 0 < waiting.urgent && all_are_busy && desk.urgent.present < URGENT_MAX {
            desk.urgent.present += 1;
            return Some(Post::Urgent);
        }
        None
    }

    /// Somebody has begun (or, by what is left of them, ended) to work.
    fn count(&self, destination: &DestinationName, post: Post, change: impl FnOnce(&mut Staff)) {
        let mut state = self.state();
        let desk = state.desks.entry(destination.clone()).or_default();
        change(match post {
            Post::Any => &mut desk.any,
            Post::Urgent => &mut desk.urgent,
        });
        self.changed.notify_all();
    }

    /// Takes a question; an asker to be sent out counts as present from now on.
    pub(super) fn ask(&self, destination: &DestinationName, question: Question) -> Taken {
        let mut state = self.state();
        let desk = state.desks.entry(destination.clone()).or_default();
        if QUESTIONS_MAX <= desk.questions.len() {
            return Taken::Full;
        }
        desk.questions.push_back(question);
        self.changed.notify_all();
        if std::mem::replace(&mut desk.is_asking, true) { Taken::InHand } else { Taken::Hire }
    }

    /// The next question. Without one for so long, the asker goes.
    pub(super) fn next_question(&self, destination: &DestinationName, wait: Duration) -> Option<Question> {
        let has_none = |state: &mut State| {
            !state.is_over && state.desks.get(destination).is_none_or(|desk: &Desk| desk.questions.is_empty())
        };
        let waited = self.changed.wait_timeout_while(self.state(), wait, has_none);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_over = state.is_over;
        let desk = state.desks.entry(destination.clone()).or_default();
        let question = desk.questions.pop_front().filter(|_| !is_over);
        desk.is_asking = question.is_some();
        if question.is_none() {
            self.changed.notify_all();
        }
        question
    }

    /// The asker could not be sent out, or fell.
    pub(super) fn no_asker(&self, destination: &DestinationName) {
        if let Some(desk) = self.state().desks.get_mut(destination) {
            desk.is_asking = false;
        }
    }

    /// Nobody is to ask any more. Comes back when all have gone, or after a while.
    pub(super) fn close(&self, wait: Duration) {
        self.state().is_over = true;
        self.changed.notify_all();
        let is_at_work = |state: &mut State| {
            let works = |desk: &Desk| desk.any.present + desk.urgent.present > 0 || desk.is_asking;
            state.desks.values().any(works)
        };
        // Whoever is still there is told by other means.
        let _waited = self.changed.wait_timeout_while(self.state(), wait, is_at_work);
    }
}

/// A courier's place; left when dropped.
pub(super) struct Seat<'a> {
    pub(super) desks: &'a Desks,
    pub(super) destination: DestinationName,
    pub(super) post: Post,
}

impl Seat<'_> {
    /// Does something with an object in hand.
    pub(super) fn while_busy<T>(&self, work: impl FnOnce() -> T) -> T {
        self.desks.count(&self.destination, self.post, |staff| staff.busy += 1);
        let done = work();
        self.desks.count(&self.destination, self.post, |staff| staff.busy = staff.busy.saturating_sub(1));
        done
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.desks.count(&self.destination, self.post, |staff| {
            staff.present = staff.present.saturating_sub(1);
            staff.busy = staff.busy.min(staff.present);
        });
    }
}
