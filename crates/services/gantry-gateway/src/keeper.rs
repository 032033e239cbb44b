//! The keeper: makes objects durable, then lets their answers go (RC1).
//!
//! Whether an object that came again is the same is found out by the association that brought it, before it asks
//! again: only rows are looked at here, so nobody's objects wait for the reading of another's.
//!
//! One thread. It takes whatever all associations have finished by now, syncs the data, commits the rows in one
//! transaction, and only then answers each of them. There is no timer: a batch is what gathered while the one before
//! was being written.
//!
//! Invariants
//! - An answer is given after [`Blob::sync`] and [`Store::commit`](gantry_ports::store::Store::commit), in that order.
//! - A row never becomes durable before its data.

mod places;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use gantry_ports::{
    blob::{Appended, Blob, BlobError, BlobRef},
    pulse::Pulse,
    store::{
        AssociationRow, AttentionRow, AuditRow, Change, CommitError, Expectation, IdentityRow, ObjectRow,
        ReceiptRow, Reception, RefusalRow, Row, Standing,
    },
};
use gantry_types::{
    ids::SiteId,
    instant::Instant,
    uid::{SeriesInstanceUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid},
};

use crate::{
    Outside,
    filing::Filed,
    same::{self, Arrival, Sameness},
};

/// The most objects in one batch: bounds the transaction.
const BATCH_MAX: usize = 256;

/// How often a batch is decided anew when another node was faster.
const CONFLICTS_MAX: usize = 5;

/// How long an association waits for an object to become durable.
const ANSWER: Duration = Duration::from_secs(120);

/// How often an association compares what it brought with what others kept meanwhile.
const COMPARISONS_MAX: usize = 8;

/// Different objects of one SOP instance UID; nobody corrects an image this often.
const REVISIONS_MAX: usize = 64;

/// Rows of failed batches that are written later, and how soon they are tried again when nothing comes.
const OWED_MAX: usize = 10_000;
const OWED_PAUSE: Duration = Duration::from_secs(2);

/// Studies and series that are known to have a row; beyond it all are forgotten, which costs a query each.
const KNOWN_MAX: usize = 10_000;

/// An object that was appended and waits to be kept.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) appended: Appended,
    pub(crate) head_bytes: u32,
    pub(crate) filed: Filed,
    pub(crate) transfer_syntax: TransferSyntaxUid,
    pub(crate) association: AssociationRow,
    pub(crate) deviations: String,
}

/// What the keeper says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Durable, with row and receipt.
    Durably,
    /// Not kept, and why: the disk or the database failed, or stayed contested.
    Failed(Arc<str>),
}

/// What the keeper says to an order.
enum Answer {
    Kept(Kept),
    /// These have the same UID, and it is not known whether they are the same.
    Compare(Vec<ObjectRow>),
}

/// What is known of an arrival and the kept objects of its UID, by their ids.
type Compared = BTreeMap<u64, Sameness>;

enum Order {
    Object { arrived: Arc<Arrived>, compared: Compared, answer: SyncSender<Answer> },
    End { association: Box<AssociationRow>, studies: BTreeSet<StudyInstanceUid> },
    Refusal(Box<RefusalRow>),
}

/// The way to the keeper; one for each association.
#[derive(Clone)]
pub struct KeeperHandle {
    orders: SyncSender<Order>,
    blob: Arc<dyn Blob>,
    /// One comparison at a time: each may hold two large objects in memory.
    comparing: Arc<Mutex<()>>,
    /// Orders that wait.
    waiting: Arc<AtomicUsize>,
    queue: usize,
}

impl KeeperHandle {
    /// Waits until the object is durable, or is known not to become so.
    pub(crate) fn keep(&self, arrived: Arrived) -> Kept {
        let gone = || Kept::Failed("the keeper is gone".into());
        let arrived = Arc::new(arrived);
        let mut compared = Compared::new();
        for _ in 0..COMPARISONS_MAX {
            let (answer, answered) = sync_channel(1);
            let order = Order::Object { arrived: Arc::clone(&arrived), compared: compared.clone(), answer };
            // A full queue holds the association back: its peer waits for the answer.
            if self.send(order).is_err() {
                return gone();
            }
            match answered.recv_timeout(ANSWER) {
                Ok(Answer::Kept(kept)) => return kept,
                // It may become durable yet: the peer sends it again, and it is the same.
                Err(RecvTimeoutError::Timeout) => return Kept::Failed("the disk takes too long".into()),
                Ok(Answer::Compare(rows)) => {
                    for row in rows {
                        match self.compare(&arrived, &row) {
                            Ok(sameness) => drop(compared.insert(row.id, sameness)),
                            Err(error) => return self.refuse(&arrived, said(error)),
                        }
                    }
                    let is_another = compared.values().all(|sameness| *sameness == Sameness::Different);
                    if is_another && REVISIONS_MAX <= compared.len() {
                        let count = compared.len();
                        let why = said(format!("{count} objects of this UID are kept already"));
                        return self.refuse(&arrived, why);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return gone(),
            }
        }
        self.refuse(&arrived, "others keep changing the same object".into())
    }

    /// Gives back what has no row: the keeper answered [`Answer::Compare`] last.
    fn refuse(&self, arrived: &Arrived, why: Arc<str>) -> Kept {
        // Space that is not given back now goes with its segment.
        let _later = self.blob.free(arrived.appended.reference);
        Kept::Failed(why)
    }

    fn compare(&self, arrived: &Arrived, kept: &ObjectRow) -> Result<Sameness, BlobError> {
        let arrival = Arrival {
            blob: arrived.appended.reference,
            head_bytes: arrived.head_bytes,
            digest: arrived.appended.digest,
            transfer_syntax: &arrived.transfer_syntax,
        };
        let _one_at_a_time = self.comparing.lock().unwrap_or_else(PoisonError::into_inner);
        same::compare(&*self.blob, &arrival, kept)
    }

    /// Notes how an association ended, and that the studies it brought may be whole now; recovery would find it open
    /// otherwise.
    pub(crate) fn note_end(&self, row: AssociationRow, studies: BTreeSet<StudyInstanceUid>) {
        // When the keeper is gone the process ends, and recovery says "lost".
        let _gone = self.send(Order::End { association: Box::new(row), studies });
    }

    /// Notes a refusal; one that finds the queue full is not worth waiting for.
    pub(crate) fn note_refusal(&self, row: RefusalRow) {
        if !self.is_full() {
            let _gone = self.send(Order::Refusal(Box::new(row)));
        }
    }

    /// Whether so much waits that no new association should come.
    pub(crate) fn is_full(&self) -> bool {
        self.queue <= self.waiting.load(Ordering::Relaxed)
    }

    fn send(&self, order: Order) -> Result<(), SendError<Order>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.orders.send(order)
    }
}

/// The keeper's thread; it ends when the last handle is gone.
pub struct Keeper {
    thread: JoinHandle<()>,
    pulse: Pulse,
}

impl Keeper {
    /// Starts the keeper of a site with a queue of so many orders.
    ///
    /// # Errors
    /// As the operating system says when it has no thread to give.
    pub fn start(outside: Outside, site: SiteId, queue: usize) -> std::io::Result<(Self, KeeperHandle)> {
        let (sender, orders) = sync_channel(queue.max(1));
        let waiting = Arc::new(AtomicUsize::new(0));
        let blob = Arc::clone(&outside.blob);
        let mut desk = Desk {
            outside,
            site,
            waiting: Arc::clone(&waiting),
            known_studies: BTreeSet::new(),
            known_series: BTreeSet::new(),
            owed: Vec::new(),
        };
        let (beating, pulse) = Pulse::start("keeper");
        let thread = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            let _beating = beating;
            desk.run(&orders);
        })?;
        Ok((
            Self { thread, pulse },
            KeeperHandle { orders: sender, blob, comparing: Arc::default(), waiting, queue },
        ))
    }

    /// Whether it still keeps anything.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Waits for the keeper to finish what it was given; all handles must be gone.
    pub fn join(self) {
        // A keeper that panicked answered nobody: its associations have said so to their peers.
        let _finished = self.thread.join();
    }
}

struct Desk {
    outside: Outside,
    site: SiteId,
    waiting: Arc<AtomicUsize>,
    known_studies: BTreeSet<StudyInstanceUid>,
    known_series: BTreeSet<(StudyInstanceUid, SeriesInstanceUid)>,
    /// Rows that belong to no object, of batches that failed.
    owed: Vec<Row>,
}

struct Waiting {
    arrived: Arc<Arrived>,
    compared: Compared,
    answer: SyncSender<Answer>,
}

/// Objects that have to be compared first, by their place in the batch.
type Unknown = BTreeMap<usize, Vec<ObjectRow>>;

impl Waiting {
    /// Answers the association that waits.
    fn tell(&self, kept: &Result<&Unknown, &Arc<str>>, at: usize) {
        let answer = match kept {
            Ok(unknown) => match unknown.get(&at) {
                Some(rows) => Answer::Compare(rows.clone()),
                None => Answer::Kept(Kept::Durably),
            },
            Err(why) => Answer::Kept(Kept::Failed(Arc::clone(why))),
        };
        // An association that is gone does not wait for its answer.
        let _gone = self.answer.send(answer);
    }
}

impl Desk {
    fn run(&mut self, orders: &Receiver<Order>) {
        while let Some(first) = self.next(orders) {
            let mut objects = Vec::new();
            let mut rows = Vec::new();
            let mut studies = BTreeSet::new();
            let mut count = 0;
            let mut sort = |order| {
                count += 1;
                match order {
                    Order::Object { arrived, compared, answer } => {
                        studies.insert(arrived.filed.study.clone());
                        objects.push(Waiting { arrived, compared, answer });
                    }
                    Order::End { association, studies: mut brought } => {
                        studies.append(&mut brought);
                        rows.push(Row::Association(*association));
                    }
                    Order::Refusal(row) => rows.push(Row::Refusal(*row)),
                }
            };
            sort(first);
            orders.try_iter().take(BATCH_MAX - 1).for_each(&mut sort);
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            rows.extend(studies.into_iter().map(|study| self.attention(study)));
            match self.keep_or_fail(&objects, &rows) {
                Ok(unknown) => {
                    objects.iter().enumerate().for_each(|(at, object)| object.tell(&Ok(&unknown), at));
                    self.pay();
                }
                Err(why) => {
                    self.owed.extend(rows);
                    self.owed.truncate(OWED_MAX);
                    self.keep_each(&objects, &why);
                }
            }
        }
        self.pay();
    }

    /// What fails together may hold one that fails alone: a container whose disk is gone, a row that cannot be read.
    fn keep_each(&mut self, objects: &[Waiting], why: &Arc<str>) {
        for object in objects {
            let alone = std::slice::from_ref(object);
            let kept = if objects.len() == 1 { Err(Arc::clone(why)) } else { self.keep_or_fail(alone, &[]) };
            object.tell(&kept.as_ref(), 0);
        }
    }

    /// As [`Self::keep`]; a panic, which is a fault of the program, fails the batch and not the keeper.
    fn keep_or_fail(&mut self, objects: &[Waiting], rows: &[Row]) -> Result<Unknown, Arc<str>> {
        let kept = catch_unwind(AssertUnwindSafe(|| self.keep(objects, rows)));
        kept.unwrap_or_else(|_panic| {
            self.forget();
            Err("the keeper panicked".into())
        })
    }

    /// The next order; nothing when nobody can give one any more. Owed rows do not wait for it.
    fn next(&mut self, orders: &Receiver<Order>) -> Option<Order> {
        loop {
            if self.owed.is_empty() {
                return orders.recv().ok();
            }
            match orders.recv_timeout(OWED_PAUSE) {
                Ok(order) => return Some(order),
                Err(RecvTimeoutError::Timeout) => self.pay(),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Writes owed rows, in a transaction of their own: they can fail no batch.
    fn pay(&mut self) {
        if !self.owed.is_empty() {
            let owed = std::mem::take(&mut self.owed);
            if self.keep_or_fail(&[], &owed).is_err() {
                self.owed = owed;
            }
        }
    }

    /// Has the conductor look at a study.
    fn attention(&self, study: StudyInstanceUid) -> Row {
        Row::Attention(AttentionRow { site: self.site.clone(), study, mark: self.outside.ids.next() })
    }

    /// Makes a batch durable: data first, then rows. Gives the objects that have to be compared first, by their place in
    /// the batch: they were not kept.
    fn keep(&mut self, objects: &[Waiting], rows: &[Row]) -> Result<Unknown, Arc<str>> {
        let references: Vec<_> = objects.iter().map(|object| object.arrived.appended.reference).collect();
        if let Err(error) = self.outside.blob.sync(&references) {
            if let [alone] = &*references {
                self.free(vec![*alone]); // no row was ever written for it; of several, each has another try
            }
            return Err(error.to_string().into());
        }
        for _ in 0..CONFLICTS_MAX {
            let Decided { mut change, superfluous, named, unknown } = self.decide(objects)?;
            change.rows.extend(named.into_iter().map(Row::Identity));
            change.rows.extend(rows.iter().cloned());
            match self.outside.store.commit(&change) {
                Ok(_) => {
                    self.remember(objects);
                    self.free(superfluous);
                    return Ok(unknown);
                }
                Err(CommitError::Conflict(_)) => self.forget(),
                Err(CommitError::Store(error)) => return Err(error.to_string().into()),
            }
        }
        Err("others keep changing the same objects".into())
    }

    fn free(&self, references: Vec<BlobRef>) {
        for reference in references {
            // Space that is not given back now goes with its segment.
            let _later = self.outside.blob.free(reference);
        }
    }

    fn decide(&self, objects: &[Waiting]) -> Result<Decided, Arc<str>> {
        let mut decided = Decided::default();
        // Revisions as the store has them, and then as this batch makes them.
        let mut revisions: BTreeMap<SopInstanceUid, Vec<ObjectRow>> = BTreeMap::new();
        let mut associations = BTreeMap::new();
        for (at, object) in objects.iter().enumerate() {
            let arrived = &object.arrived;
            let uid = &arrived.filed.sop_instance;
            if !revisions.contains_key(uid) {
                let found = self.outside.intake.revisions(&self.site, uid).map_err(said)?;
                let count = u32::try_from(found.len()).map_err(said)?;
                let site = self.site.clone();
                let expectation = Expectation::Revisions { site, sop_instance: uid.clone(), count };
                decided.change.expect.push(expectation);
                revisions.insert(uid.clone(), found);
            }
            let kept = revisions.entry(uid.clone()).or_default();
            let unknown: Vec<ObjectRow> =
                kept.iter().filter(|row| !object.compared.contains_key(&row.id)).cloned().collect();
            if !unknown.is_empty() {
                decided.unknown.insert(at, unknown);
                continue;
            }
            associations.insert(arrived.association.id, arrived.association.clone());
            self.decide_one(object, kept, &mut decided)?;
        }
        self.new_places(objects, &mut decided.change)?;
        decided.change.rows.extend(associations.into_values().map(Row::Association));
        Ok(decided)
    }

    fn decide_one(
        &self,
        Waiting { arrived, compared, .. }: &Waiting,
        kept: &mut Vec<ObjectRow>,
        decided: &mut Decided,
    ) -> Result<(), Arc<str>> {
        let now = self.outside.clock.now();
        let same = kept.iter_mut().find_map(|row| match compared.get(&row.id) {
            Some(Sameness::Different) | None => None,
            Some(sameness) => Some((row, *sameness)),
        });
        let (object, reception) = match same {
            Some((row, Sameness::Restores)) => {
                // What lies in the old place is not freed: who knows what it is.
                row.blob = arrived.appended.reference;
                row.head_bytes = arrived.head_bytes;
                decided.change.audit.push(AuditRow {
                    action: "intake/object-restored".to_owned(),
                    detail: "its bytes were damaged, and came again".to_owned(),
                    ..audit_of(row, now)
                });
                decided.change.rows.push(Row::Object(row.clone()));
                (row.id, Reception::Same)
            }
            Some((row, _)) => {
                // A row whose container was lost may name the very place that the arrival took.
                if row.blob != arrived.appended.reference {
                    decided.superfluous.push(arrived.appended.reference);
                }
                (row.id, Reception::Same)
            }
            None => {
                let row = self.object_row(arrived, kept.len())?;
                let id = row.id;
                decided.change.audit.push(audit_of(&row, now));
                kept.push(row.clone());
                decided.change.rows.push(Row::Object(row));
                // Always written: it may have been taken away since, and none must be missed. What came again names
                // nobody whom the kept one does not.
                decided.named.extend(self.identity(&arrived.filed));
                (id, Reception::Kept)
            }
        };
        decided.change.rows.push(Row::Receipt(ReceiptRow {
            id: self.outside.ids.next(),
            object,
            association: arrived.association.id,
            received: now,
            reception,
            deviations: arrived.deviations.clone(),
        }));
        Ok(())
    }

    fn remember(&mut self, objects: &[Waiting]) {
        if KNOWN_MAX < self.known_series.len() {
            self.forget();
        }
        for object in objects {
            let filed = &object.arrived.filed;
            self.known_studies.insert(filed.study.clone());
            self.known_series.insert((filed.study.clone(), filed.series.clone()));
        }
    }

    fn forget(&mut self) {
        self.known_studies.clear();
        self.known_series.clear();
    }
}

/// An error, as a peer may read it.
fn said(error: impl std::fmt::Display) -> Arc<str> {
    error.to_string().into()
}

#[derive(Default)]
struct Decided {
    change: Change,
    /// Content that is the same as kept content.
    superfluous: Vec<BlobRef>,
    /// Whom what is new says that it is of.
    named: BTreeSet<IdentityRow>,
    /// Objects that have to be compared first, by their place in the batch.
    unknown: Unknown,
}

fn audit_of(row: &ObjectRow, at: Instant) -> AuditRow {
    AuditRow {
        at,
        actor: "door".to_owned(),
        action: "intake/object-kept".to_owned(),
        subject: row.sop_instance.to_string(),
        detail: if row.standing == Standing::InForce {
            "in force".to_owned()
        } else {
            format!("revision {}, {}: another one is in force", row.revision, row.standing.as_str())
        },
    }
}

#[cfg(test)]
mod tests;
