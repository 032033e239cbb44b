//! Identifiers of rows: unique on all nodes of a site, ascending in time on each.

/// The port.
///
/// Contract: no two calls on any node give the same number; numbers of one node ascend; all are below 2^63, so that
/// every database can hold them.
pub trait Ids: Send + Sync {
    /// The next number.
    fn next(&self) -> u64;
}
