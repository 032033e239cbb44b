//! A courier: claims one object after the other for its destination, and sends it.

use std::{sync::Arc, time::Duration};

use gantry_definition::document::Destination;
use gantry_dicom::{
    charset,
    reader::{self, Limits, Stop},
    syntax, tag,
};
use gantry_dimse::machine::effect::NotTaken;
use gantry_flow::{
    delivery::{Broken, Effect, Event, State, Withheld},
    step::{Fence, Lane},
};
use gantry_ports::{
    blob::BlobError,
    news::{Seen, Woken},
    state::delivery as form,
    store::{EvidenceRow, Expectation, IdentityRow, MachineKind, MachineRow, StoreError},
};
use gantry_types::{digest::Digest, ids::DestinationName, instant::Instant};
use sha2::{Digest as _, Sha256};

use super::{
    desk::{Post, Seat},
    line::{Line, PAIRS_MAX, Pair},
    machine::{TurnError, jitter},
    office::{Office, TURN_MAX, WAIT_MAX},
    unreadable,
};
use crate::sender::SendError;

/// Without an object for so long, a courier releases its association and goes.
pub(super) const IDLE: Duration = Duration::from_secs(2);

/// After an association that did not come about: the next object would meet the same.
const BREATH: Duration = Duration::from_secs(1);

/// What an attempt may take beside connecting and answering, so that nobody believes it dead while it still sends; and
/// of that, what stays for writing its outcome.
const TRANSFER: Duration = Duration::from_secs(120);
const OUTCOME: Duration = Duration::from_secs(30);

/// The slowest line that an object is still sent over at once.
const SLOWEST_BYTES_PER_SECOND: u64 = 32 << 10;

/// An object that this courier has claimed.
struct Errand {
    row: MachineRow,
    fence: Fence,
    to: Arc<Destination>,
    evidence: Option<EvidenceRow>,
    /// By monotonic time, before others may take it.
    until: Instant,
}

/// What became of an attempt.
enum Attempted {
    Answered(u16),
    Broken { how: Broken, words: String, came_about: bool },
    Withheld(Withheld),
}

impl Errand {
    fn event(&self, attempted: &Attempted, state: &State) -> Event {
        let (fence, jitter) = (self.fence, jitter(state));
        match attempted {
            Attempted::Answered(status) => Event::Answered { fence, status: *status, jitter },
            Attempted::Broken { how, .. } => Event::Broken { fence, how: how.clone(), jitter },
            Attempted::Withheld(why) => Event::Withheld { fence, why: why.clone(), jitter },
        }
    }
}

/// How long an attempt with so many bytes is believed alive: two associations, should the first one be a stale one.
fn lease(to: &Destination, bytes: u64) -> Duration {
    let waits = (to.connect_timeout + to.response_timeout) * 2;
    waits + TRANSFER + Duration::from_secs(bytes / SLOWEST_BYTES_PER_SECOND)
}

impl Office<'_> {
    /// A courier's life.
    pub(super) fn send_objects(&self, seat: &Seat<'_>) {
        let mut line = None;
        let mut seen = Seen::default();
        let mut idle_since = self.couriers.monotonic();
        while !self.news.is_over() {
            let mut wait = WAIT_MAX;
            match self.next_errand(&seat.destination, seat.post) {
                Ok(Some(errand)) => {
                    let is_well = seat.while_busy(|| self.carry(&errand, &mut line));
                    idle_since = self.couriers.monotonic();
                    if is_well {
                        continue;
                    }
                    self.rest(BREATH);
                    continue;
                }
                Ok(None) => {
                    let idle = self.couriers.monotonic().since(idle_since);
                    if IDLE <= idle {
                        break;
                    }
                    wait = wait.min(IDLE - idle);
                }
                Err(error) => self.couriers.trouble("courier", &format!("a courier cannot go on: {error}")),
            }
            match self.news.wait(seen, wait) {
                Woken::Over => break,
                Woken::Look(now) => seen = now,
            }
        }
        if let Some(line) = line {
            Line::release(line);
        }
    }

    /// Waits without looking for work.
    fn rest(&self, pause: Duration) {
        let until = self.couriers.monotonic().after(pause);
        let mut seen = Seen::default();
        loop {
            let left = until.since(self.couriers.monotonic());
            match self.news.wait(seen, left) {
                Woken::Look(now) if !left.is_zero() => seen = now,
                Woken::Over | Woken::Look(_) => return,
            }
        }
    }

    /// Claims the next object that is offered for a destination.
    fn next_errand(&self, destination: &DestinationName, post: Post) -> Result<Option<Errand>, StoreError> {
        let destinations = self.couriers.destinations()?;
        let Some(to) = destinations.find(destination) else { return Ok(None) };
        // An object is judged by what the destination is when it is claimed: after a change it is claimed anew (DL2).
        let as_read = destinations.as_read(&self.couriers.settings.site, destination);
        for row in self.offered_for(destination, TURN_MAX)? {
            let is_urgent = row.offered.is_some_and(|offer| offer.lane == Lane::Urgent);
            if post == Post::Urgent && !is_urgent {
                continue;
            }
            match self.claim(&row, to, &as_read) {
                Ok(Some(errand)) => return Ok(Some(errand)),
                Ok(None) | Err(TurnError::Changed) => {}
                Err(TurnError::Store(error)) => return Err(error),
                Err(TurnError::State(error)) => {
                    self.couriers.trouble(&row.key.name, &unreadable(&row.key.name, &error));
                }
            }
        }
        Ok(None)
    }

    /// What is offered for a destination, in the order in which it is taken.
    pub(super) fn offered_for(
        &self,
        destination: &DestinationName,
        count: usize,
    ) -> Result<Vec<MachineRow>, StoreError> {
        let cases = &self.couriers.outside.cases;
        let mut rows = cases.offered_ending(MachineKind::Delivery, &format!(" {destination}"), count)?;
        rows.retain(|row| row.key.site == self.couriers.settings.site);
        Ok(rows)
    }

    fn claim(
        &self,
        row: &MachineRow,
        to: &Arc<Destination>,
        as_read: &Expectation,
    ) -> Result<Option<Errand>, TurnError> {
        let evidence = self.evidence_of(row)?;
        let lease = lease(to, evidence.as_ref().map_or(0, |evidence| evidence.blob.length));
        let until = self.couriers.monotonic().after(lease.saturating_sub(OUTCOME));
        let node = self.couriers.settings.node.clone();
        let claimed = |_: &State| Some(Event::Claimed { node: node.clone(), lease });
        let expect = vec![as_read.clone()];
        let Some(stepped) = self.couriers.step_if(row, &claimed, "", expect)? else { return Ok(None) };
        let fence = stepped.effects.iter().find_map(|effect| match effect {
            Effect::Send { fence, .. } => Some(*fence),
            Effect::Offer { .. } | Effect::Query { .. } => None,
        });
        Ok(fence.map(|fence| Errand { row: stepped.row, fence, to: Arc::clone(to), evidence, until }))
    }

    pub(super) fn evidence_of(&self, row: &MachineRow) -> Result<Option<EvidenceRow>, TurnError> {
        let key = form::state(row)?.key;
        Ok(self.couriers.outside.runs.evidence(&row.key.site, &key.sop_instance)?)
    }

    /// Sends an object and writes what came of it. Says whether there is an association to go on with, or may be one.
    fn carry<'a>(&'a self, errand: &Errand, line: &mut Option<Line<'a>>) -> bool {
        let attempted = self.attempt(errand, line);
        let (words, is_well) = match &attempted {
            Attempted::Answered(_) | Attempted::Withheld(_) => ("", true),
            Attempted::Broken { words, came_about, .. } => (words.as_str(), *came_about),
        };
        let settled = self.couriers.settle(&errand.row, &|state| errand.event(&attempted, state), words);
        self.tell_of(settled.as_ref());
        is_well
    }

    fn attempt<'a>(&'a self, errand: &Errand, line: &mut Option<Line<'a>>) -> Attempted {
        let (evidence, bytes) = match self.bytes(errand) {
            Ok(read) => read,
            Err(why) => return Attempted::Withheld(why),
        };
        let data_set = bytes.get(evidence.head_bytes as usize..).unwrap_or_default();
        let pair = (evidence.sop_class.clone(), evidence.transfer_syntax.clone());
        loop {
            let open = match line.take() {
                Some(open) if open.fits(&errand.to, &pair) => open,
                other => {
                    other.into_iter().for_each(Line::release);
                    let pairs = self.pairs(&pair, &errand.to.name);
                    match Line::open(self, &errand.to, pairs, errand.until) {
                        Ok(open) => open,
                        Err(how) => {
                            return Attempted::Broken { how, words: String::new(), came_about: false };
                        }
                    }
                }
            };
            let (rest, result) = open.exchange(errand.until, |sender| {
                sender.store(&evidence.sop_class, &evidence.sop_instance, &evidence.transfer_syntax, data_set)
            });
            *line = rest;
            match result {
                Ok(outcome) => return Attempted::Answered(outcome.status.0),
                // Between two objects a peer may end the association without asking: that is no answer to the second.
                Err(failed) if failed.was_stale => {}
                Err(failed) => {
                    if let SendError::NotTaken(NotTaken::OddDataSet) = failed.error {
                        return Attempted::Withheld(Withheld::Damaged(failed.error.to_string()));
                    }
                    return Attempted::Broken {
                        how: failed.how,
                        words: failed.error.to_string(),
                        came_about: true,
                    };
                }
            }
        }
    }

    /// The kept bytes of an object, if they are those that were made (DL1) and may go to its destination (DL2).
    fn bytes<'e>(&self, errand: &'e Errand) -> Result<(&'e EvidenceRow, Vec<u8>), Withheld> {
        let Some(evidence) = &errand.evidence else {
            return Err(Withheld::Damaged("it has no row".to_owned()));
        };
        let (class, takes) = (evidence.class, errand.to.class);
        if class < takes {
            let to = &errand.to.name;
            let why = format!(
                "a result of class {class} must not go to {to}, which takes nothing laxer than {takes}"
            );
            return Err(Withheld::Laxer(why));
        }
        let read = self.couriers.outside.blob.read(evidence.blob, 0..evidence.blob.length);
        let bytes = read.map_err(|error| match error {
            BlobError::Damaged(_) => Withheld::Damaged(error.to_string()),
            BlobError::Source(_)
            | BlobError::TooLarge { .. }
            | BlobError::Full { .. }
            | BlobError::Disk { .. }
            | BlobError::InUse => Withheld::Unreadable(error.to_string()),
        })?;
        let digest = Digest(Sha256::digest(&bytes).into());
        if digest != evidence.digest {
            let why = format!("its SHA-256 is {digest}, and was {} when it was made", evidence.digest);
            return Err(Withheld::Damaged(why));
        }
        if bytes.len() <= evidence.head_bytes as usize {
            let why = format!("of {} bytes {} are its head", bytes.len(), evidence.head_bytes);
            return Err(Withheld::Damaged(why));
        }
        self.check_patient(evidence, bytes.get(evidence.head_bytes as usize..).unwrap_or_default())?;
        Ok((evidence, bytes))
    }

    /// Whether an object names whom its study names now (PT1): headers may have been corrected since it was made.
    fn check_patient(&self, evidence: &EvidenceRow, data_set: &[u8]) -> Result<(), Withheld> {
        let EvidenceRow { site, study, transfer_syntax, .. } = evidence;
        let now = self.couriers.outside.cases.identities(site, study);
        let now = now.map_err(|error| Withheld::Unreadable(error.to_string()))?;
        if IdentityRow::contradiction(&now).is_some() {
            return Err(Withheld::TwoPatients);
        }
        let (encoding, _) = syntax::layout(transfer_syntax);
        let stop = Stop::Before(tag::FLOAT_PIXEL_DATA);
        let header = reader::read(data_set, encoding, Limits::default(), stop).data_set;
        let text = |tag| charset::text(&header, tag);
        let own = IdentityRow::named(site, study, &text(tag::PATIENT_ID), &text(tag::ISSUER_OF_PATIENT_ID));
        let is_own = own.is_none_or(|own| now.iter().all(|one| one.may_be(&own)));
        if is_own { Ok(()) } else { Err(Withheld::OtherPatient) }
    }

    /// The contexts to propose: that of the object in hand, and those of what waits behind it.
    fn pairs(&self, first: &Pair, destination: &DestinationName) -> Vec<Pair> {
        let mut pairs = vec![first.clone()];
        // What cannot be read now, the next association has.
        for row in self.offered_for(destination, TURN_MAX).unwrap_or_default() {
            if let Ok(Some(evidence)) = self.evidence_of(&row) {
                let pair = (evidence.sop_class, evidence.transfer_syntax);
                if !pairs.contains(&pair) && pairs.len() < PAIRS_MAX {
                    pairs.push(pair);
                }
            }
        }
        pairs
    }
}
