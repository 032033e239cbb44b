//! An asker: has a destination say whether it has what it took.

use std::sync::Arc;

use gantry_flow::delivery::{Answer, Event};
use gantry_types::ids::DestinationName;

use super::{
    courier::IDLE,
    desk::{Desks, Question, Taken},
    line::Line,
    machine::jitter,
    office::Office,
};
use crate::sender::{Found, Sender};

/// An asker's place, for one that does not come to its end, or not to its beginning.
pub(super) struct Asking<'a> {
    pub(super) desks: &'a Desks,
    pub(super) destination: DestinationName,
    pub(super) is_taken: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if self.is_taken {
            self.desks.no_asker(&self.destination);
        }
    }
}

impl Office<'_> {
    /// Hands a question to the destination's asker.
    pub(super) fn hand_over(&self, destination: &DestinationName, question: Question) -> Taken {
        let (row, query) = (question.row.clone(), question.query);
        let taken = self.desks.ask(destination, question);
        if taken == Taken::Full {
            self.answer(&Question { row, query, until: self.couriers.monotonic() }, Answer::NotAnswered, "");
        }
        taken
    }

    /// An asker's life.
    pub(super) fn ask_questions(&self, mut asking: Asking<'_>) {
        let mut line = None;
        while let Some(question) = self.desks.next_question(&asking.destination, IDLE) {
            let (answer, words) = self.ask(&asking.destination, &question, &mut line);
            self.answer(&question, answer, &words);
        }
        // With the last look, under one lock: a question that comes now has another asker sent out.
        asking.is_taken = false;
        if let Some(line) = line {
            Line::release(line);
        }
    }

    fn answer(&self, question: &Question, answer: Answer, words: &str) {
        let query = question.query;
        let event = |state: &_| Event::Queried { query, answer, jitter: jitter(state) };
        let settled = self.couriers.settle(&question.row, &event, words);
        self.tell_of(settled.as_ref());
    }

    fn ask<'a>(
        &'a self,
        destination: &DestinationName,
        question: &Question,
        line: &mut Option<Line<'a>>,
    ) -> (Answer, String) {
        let nothing = |words: String| (Answer::NotAnswered, words);
        let to = match self.couriers.destinations() {
            Ok(destinations) => destinations.find(destination).map(Arc::clone),
            Err(error) => return nothing(error.to_string()),
        };
        let Some(to) = to else { return nothing(String::new()) };
        let evidence = match self.evidence_of(&question.row) {
            Ok(Some(evidence)) => evidence,
            Ok(None) => return nothing("it has no row".to_owned()),
            Err(error) => return nothing(error.to_string()),
        };
        let pairs = Sender::query();
        let Some(pair) = pairs.first().cloned() else { return nothing(String::new()) };
        loop {
            if question.until <= self.couriers.monotonic() {
                return nothing("there was no time left to ask".to_owned());
            }
            let open = match line.take() {
                Some(open) if open.fits(&to, &pair) => open,
                other => {
                    other.into_iter().for_each(Line::release);
                    match Line::open(self, &to, pairs.clone(), question.until) {
                        Ok(open) => open,
                        Err(how) => return nothing(how.to_string()),
                    }
                }
            };
            let (rest, result) = open.exchange(question.until, |sender| {
                sender.find_instance(&evidence.study, &evidence.series, &evidence.sop_instance)
            });
            *line = rest;
            return match result {
                Ok(Found::Present) => (Answer::Found, String::new()),
                Ok(Found::Absent) => (Answer::NotFound, String::new()),
                Ok(Found::NotAnswered(outcome)) => nothing(format!("status {}", outcome.status)),
                Err(failed) if failed.was_stale => continue,
                Err(failed) => nothing(failed.error.to_string()),
            };
        }
    }
}
