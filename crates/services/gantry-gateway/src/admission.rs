//! How many there are: connections that have not spoken yet, associations in all and for each address.
//!
//! Invariants
//! - A place is given back when its guard goes, whatever ends the thread.
//! - Silent connections never keep out one that speaks: the oldest of them makes room.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gantry_ports::transport::Closer;

use crate::settings::Limits;

/// The count, shared by all threads of a door.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Mutex<Count>>);

struct Count {
    limits: Limits,
    next: u64,
    silent: VecDeque<(u64, Box<dyn Closer>)>,
    associations: BTreeMap<u64, (IpAddr, Box<dyn Closer>)>,
}

/// A connection's place; given back when dropped.
pub(crate) struct Place {
    admission: Admission,
    id: u64,
}

/// Too many associations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitReached;

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(Count {
            limits,
            next: 0,
            silent: VecDeque::new(),
            associations: BTreeMap::new(),
        })))
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        // Every change is a single call on a collection, so a panic elsewhere leaves no half change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a connection that has not spoken yet.
    pub(crate) fn connected(&self, closer: Box<dyn Closer>) -> Place {
        let mut count = self.count();
        let id = count.next;
        count.next += 1;
        while count.limits.silent_connections <= count.silent.len() {
            let Some((_, oldest)) = count.silent.pop_front() else { break };
            oldest.close();
        }
        count.silent.push_back((id, closer));
        Place { admission: self.clone(), id }
    }

    /// Closes what is silent, and says how many associations are left.
    pub(crate) fn stop(&self) -> usize {
        let mut count = self.count();
        for (_, closer) in count.silent.drain(..) {
            closer.close();
        }
        count.associations.len()
    }

    /// Closes every association.
    pub(crate) fn close_all(&self) {
        for (_, closer) in self.count().associations.values() {
            closer.close();
        }
    }
}

impl Place {
    /// The connection asks for an association: it is silent no more.
    pub(crate) fn associate(&self, peer: IpAddr) -> Result<(), LimitReached> {
        let mut count = self.admission.count();
        let Some(at) = count.silent.iter().position(|(id, _)| *id == self.id) else {
            return Err(LimitReached); // it was closed to make room
        };
        let of_peer = count.associations.values().filter(|(address, _)| *address == peer).count();
        if count.limits.associations <= count.associations.len()
            || count.limits.associations_per_peer <= of_peer
        {
            return Err(LimitReached);
        }
        if let Some((_, closer)) = count.silent.remove(at) {
            count.associations.insert(self.id, (peer, closer));
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.admission.count();
        count.silent.retain(|(id, _)| *id != self.id);
        count.associations.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Counting(Arc<AtomicUsize>);

    impl Closer for Counting {
        fn close(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn admission(closed: &Arc<AtomicUsize>) -> (Admission, impl Fn(&Admission) -> Place) {
        let limits =
            Limits { associations: 3, associations_per_peer: 2, silent_connections: 2, ..Limits::default() };
        let closed = Arc::clone(closed);
        let connect = move |a: &Admission| a.connected(Box::new(Counting(Arc::clone(&closed))));
        (Admission::new(limits), connect)
    }

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn limits_hold_for_each_peer_and_in_all_and_places_come_back() {
        let closed = Arc::default();
        let (admission, connect) = admission(&closed);
        let first = connect(&admission);
        assert_eq!(first.associate(A), Ok(()));
        let second = connect(&admission);
        assert_eq!(second.associate(A), Ok(()));
        assert_eq!(connect(&admission).associate(A), Err(LimitReached));
        let third = connect(&admission);
        assert_eq!(third.associate(B), Ok(()));
        assert_eq!(connect(&admission).associate(B), Err(LimitReached));
        drop(first);
        assert_eq!(connect(&admission).associate(A), Ok(()));
    }

    #[test]
    fn the_oldest_silent_connection_makes_room() {
        let closed = Arc::default();
        let (admission, connect) = admission(&closed);
        let oldest = connect(&admission);
        let _kept: Vec<Place> = (0..2).map(|_| connect(&admission)).collect();
        assert_eq!(closed.load(Ordering::Relaxed), 1);
        assert_eq!(oldest.associate(A), Err(LimitReached));
    }
}
