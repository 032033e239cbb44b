//! The office: steps what is due, and sends couriers and askers out.

use std::{thread, time::Duration};

use gantry_flow::{
    delivery::{Effect, Event, Stage, State, Trouble},
    step::Lane,
};
use gantry_ports::{
    news::{News, Seen, Woken},
    store::{MachineKind, MachineRow, StoreError},
};
use gantry_types::ids::DestinationName;

use super::{
    Couriers,
    asker::Asking,
    desk::{Desks, Post, Question, Seat, Taken, Waiting},
    line::Lines,
    machine::{Stepped, TurnError, jitter},
    unreadable,
};

/// The most rows that are taken up in one turn.
pub(super) const TURN_MAX: usize = 64;
/// The most rows that are read to find one that can be stepped.
const DUE_MAX: usize = 64 << 10;
/// The longest wait: whoever is told nothing looks all the same.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(1);
/// The shortest: what cannot be stepped stays due.
const WAIT_MIN: Duration = Duration::from_millis(20);
/// At the end, how long objects that are under way may take.
const GRACE: Duration = Duration::from_millis(500);

/// Everything that is at work until the news are over.
pub(super) struct Office<'a> {
    pub(super) couriers: &'a Couriers,
    pub(super) news: &'a News,
    pub(super) desks: Desks,
    pub(super) lines: Lines,
}

impl<'a> Office<'a> {
    pub(super) fn new(couriers: &'a Couriers, news: &'a News) -> Self {
        Self { couriers, news, desks: Desks::default(), lines: Lines::default() }
    }

    pub(super) fn work<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) {
        let mut seen = Seen::default();
        loop {
            let wait = self.turn(scope).unwrap_or_else(|error| {
                self.couriers.trouble("turn", &format!("delivering cannot go on: {error}"));
                WAIT_MAX
            });
            self.lines.close_overdue(self.couriers.monotonic());
            match self.news.wait(seen, wait) {
                Woken::Over => break,
                Woken::Look(now) => seen = now,
            }
        }
        self.desks.close(GRACE);
        self.lines.close_all();
    }

    /// One turn; says how long nothing more can happen.
    fn turn<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) -> Result<Duration, StoreError> {
        self.step_due(scope)?;
        self.send_out(scope)?;
        let due = self.couriers.outside.cases.next_due(MachineKind::Delivery)?;
        let now = self.couriers.outside.clock.now();
        Ok(due.map_or(WAIT_MAX, |due| due.since(now).clamp(WAIT_MIN, WAIT_MAX)))
    }

    /// Back-offs, lost leases, and times to ask.
    fn step_due<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) -> Result<(), StoreError> {
        let now = self.couriers.outside.clock.now();
        let mut count = TURN_MAX;
        loop {
            let due = self.couriers.outside.cases.due(MachineKind::Delivery, now, count)?;
            let found = due.len();
            let mut stepped = 0;
            for row in due.iter().filter(|row| row.key.site == self.couriers.settings.site) {
                let event = |state: &State| Some(Event::Due { jitter: jitter(state) });
                match self.couriers.step(row, &event, "") {
                    Ok(Some(taken)) => {
                        stepped += 1;
                        self.tell_of(Some(&taken.state));
                        self.question(scope, taken);
                    }
                    Ok(None) | Err(TurnError::Changed) => {}
                    Err(TurnError::Store(error)) => return Err(error),
                    Err(TurnError::State(error)) => {
                        self.couriers.trouble(&row.key.name, &unreadable(&row.key.name, &error));
                    }
                }
            }
            // What cannot be stepped stays at the front: it must not hide what can.
            if 0 < stepped || found < count || DUE_MAX <= count {
                return Ok(());
            }
            count *= 2;
        }
    }

    /// Has it asked whether an object is there, if that is what a step wants.
    fn question<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>, stepped: Stepped) {
        let query = stepped.effects.iter().find_map(|effect| match effect {
            Effect::Query { query, .. } => Some(*query),
            Effect::Offer { .. } | Effect::Send { .. } => None,
        });
        let (Some(query), Stage::Confirming { next, .. }) = (query, &stepped.state.stage) else { return };
        let wait = next.since(self.couriers.outside.clock.now());
        let until = self.couriers.monotonic().after(wait);
        let destination = stepped.state.key.destination;
        match self.hand_over(&destination, Question { row: stepped.row, query, until }) {
            Taken::InHand | Taken::Full => {}
            Taken::Hire => {
                let asking = Asking { desks: &self.desks, destination, is_taken: true };
                let asker = move || self.ask_questions(asking);
                self.started(thread::Builder::new().name("asker".to_owned()).spawn_scoped(scope, asker));
            }
        }
    }

    /// Sends couriers to where something waits.
    fn send_out<'scope>(&'scope self, scope: &'scope thread::Scope<'scope, '_>) -> Result<(), StoreError> {
        let offered = self.couriers.outside.cases.offered(MachineKind::Delivery, TURN_MAX)?;
        if offered.is_empty() {
            return Ok(());
        }
        let destinations = self.couriers.destinations()?;
        for row in &offered {
            let Some(name) = row.key.name.split_once(' ').and_then(|(_, name)| name.parse().ok()) else {
                continue; // no delivery has such a name
            };
            if destinations.find(&name).is_none() {
                let lack = destinations.lack_of(&name);
                self.couriers.trouble(name.as_str(), &format!("objects wait for {name}: {lack}"));
            }
        }
        for name in destinations.names() {
            let waiting = self.waiting(&self.offered_for(name, TURN_MAX)?);
            if let Some(post) = self.desks.hire(name, waiting) {
                self.send_courier(scope, name.clone(), post);
            }
        }
        Ok(())
    }

    fn waiting(&self, rows: &[MachineRow]) -> Waiting {
        let now = self.couriers.outside.clock.now();
        let offers = || rows.iter().filter_map(|row| row.offered);
        Waiting {
            all: rows.len(),
            urgent: offers().filter(|offer| offer.lane == Lane::Urgent).count(),
            longest: offers().map(|offer| now.since(offer.since)).max().unwrap_or_default(),
        }
    }

    fn send_courier<'scope>(
        &'scope self,
        scope: &'scope thread::Scope<'scope, '_>,
        destination: DestinationName,
        post: Post,
    ) {
        // Left also if there is no thread to take it.
        let seat = Seat { desks: &self.desks, destination, post };
        let courier = move || self.send_objects(&seat);
        self.started(thread::Builder::new().name("courier".to_owned()).spawn_scoped(scope, courier));
    }

    fn started<T>(&self, spawned: std::io::Result<T>) {
        if let Err(error) = spawned {
            self.couriers.trouble("thread", &format!("nobody can be sent out: {error}"));
        }
    }

    /// Tells an operator what a person must look at, and which destination has trouble.
    pub(super) fn tell_of(&self, state: Option<&State>) {
        // What breaks because we stop is no trouble.
        let Some(state) = state.filter(|_| !self.news.is_over()) else { return };
        let destination = &state.key.destination;
        match &state.stage {
            Stage::Quarantined { why, .. } => {
                let object = &state.key.sop_instance;
                let sentence = format!("object {object} is not delivered to {destination}: {why}");
                self.couriers.trouble(&format!("{object} {destination}"), &sentence);
            }
            Stage::Retrying { why: Trouble::Association(broken), .. } => {
                self.couriers.trouble(destination.as_str(), &format!("destination {destination}: {broken}"));
            }
            Stage::Queued
            | Stage::Sending { .. }
            | Stage::Retrying { .. }
            | Stage::Sent { .. }
            | Stage::Confirming { .. }
            | Stage::Confirmed { .. } => {}
        }
    }
}
