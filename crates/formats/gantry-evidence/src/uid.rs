//! Derived identifiers: the same run gives the same UIDs, for ever and on every machine (EV5).
//!
//! A UID is `2.25.` and the decimal of a version-8 UUID (RFC 9562 5.8; PS3.5 B.2) whose other 122 bits are those of
//! HMAC-SHA-256(site secret; run, task, issue, form profile, kind, index, renderer revision). Each field is preceded
//! by its length, so that no two lists of fields give the same message. Without the secret nobody can tell from a
//! UID which run it came from, or make one that ours would collide with.
//!
//! Invariants
//! - A tracking UID names a finding, not an object: it depends on case, application and finding key alone, so that
//!   a rerun, an amendment and every form profile share it.
//! - A node's and an application's UID depend on the secret and on what they name, alone.

use core::fmt;

use gantry_types::{
    digest::Digest,
    ids::{AppName, NodeId, RunId, TaskName},
    uid::Uid,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{object::Kind, profile::ProfileName};

/// Counts the changes after which the same findings give other bytes; part of every UID of an object, because
/// changed content needs a changed UID (DL1).
pub const RENDERER_REVISION: u32 = 1;

/// The secret of a site, made once and part of every backup.
#[derive(Clone, PartialEq, Eq)]
pub struct SiteSecret(Box<[u8]>);

impl SiteSecret {
    /// Fewer bytes could be found by trying.
    pub const BYTES_MIN: usize = 16;

    /// A secret; nothing if it is too short to be one.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (Self::BYTES_MIN <= bytes.len()).then(|| Self(bytes.into()))
    }
}

impl fmt::Debug for SiteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteSecret(..)")
    }
}

/// What the UIDs of a set of evidence are derived from, beside its form profile.
#[derive(Debug, Clone)]
pub struct UidScope {
    /// The site's secret.
    pub secret: SiteSecret,
    /// What the workflow ran on, as the store names it: tracking UIDs follow it from run to run.
    pub case: String,
    /// The run.
    pub run: RunId,
    /// The task of the run that found the findings.
    pub task: TaskName,
    /// How often the evidence of this task was issued before.
    pub issue: u32,
}

/// What a UID is for. Everything that needs a UID of its own has a kind of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UidKind {
    /// An object.
    Instance(Kind),
    /// The series that holds it.
    Series(Kind),
    /// The dimensions of a multi-frame object (PS3.3 C.7.6.17).
    DimensionOrganization,
}

impl UidKind {
    /// The word in the derivation. Never changed: every UID ever given depends on it.
    const fn word(self) -> &'static str {
        match self {
            Self::Instance(Kind::SecondaryCapture) => "sc",
            Self::Instance(Kind::Segmentation) => "seg",
            Self::Instance(Kind::Report) => "sr",
            Self::Series(Kind::SecondaryCapture) => "sc-series",
            Self::Series(Kind::Segmentation) => "seg-series",
            Self::Series(Kind::Report) => "sr-series",
            Self::DimensionOrganization => "dimension-organization",
        }
    }
}

impl UidScope {
    /// The UID of something in the set of this profile; `index` tells several of a kind apart.
    #[must_use]
    pub fn uid(&self, profile: &ProfileName, kind: UidKind, index: u32) -> Uid {
        derive(
            &self.secret,
            [
                self.run.as_str().as_bytes(),
                self.task.as_str().as_bytes(),
                &self.issue.to_be_bytes(),
                profile.as_str().as_bytes(),
                kind.word().as_bytes(),
                &index.to_be_bytes(),
                &RENDERER_REVISION.to_be_bytes(),
            ],
        )
    }

    /// The tracking UID (PS3.3 C.8.20.4, TID 1411) of a finding of this case.
    #[must_use]
    pub fn tracking_uid(&self, application: &AppName, finding_key: &str) -> Uid {
        derive(
            &self.secret,
            [
                self.case.as_bytes(),
                application.as_str().as_bytes(),
                b"",
                b"",
                b"tracking",
                finding_key.as_bytes(),
                b"",
            ],
        )
    }
}

/// The UID of a node: Device UID, Instance Creator UID and Device Observer UID of what it makes.
#[must_use]
pub fn node_uid(secret: &SiteSecret, node: &NodeId) -> Uid {
    derive(secret, [b"", b"", b"", b"", b"node", node.as_str().as_bytes(), b""])
}

/// The Device UID of one build of an application.
#[must_use]
pub fn application_uid(secret: &SiteSecret, package: &Digest) -> Uid {
    derive(secret, [b"", b"", b"", b"", b"application", &package.0, b""])
}

/// `fields`: run, task, issue, form profile, kind, index, renderer revision.
fn derive(secret: &SiteSecret, fields: [&[u8]; 7]) -> Uid {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret.0) else {
        unreachable!("HMAC takes keys of every length (RFC 2104)")
    };
    for field in fields {
        // A field is far below 4 GiB.
        mac.update(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        mac.update(field);
    }
    let [head @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        <[u8; 32]>::from(mac.finalize().into_bytes());
    let random = u128::from_be_bytes(head);
    let uuid = random & !VERSION_MASK & !VARIANT_MASK | VERSION_8 | VARIANT_RFC;
    let Ok(uid) = Uid::parse(&format!("2.25.{uuid}")) else {
        unreachable!("a decimal of 128 bits behind 2.25. is a regular UID")
    };
    uid
}

/// The top four bits of byte 6 of a UUID (RFC 9562 4.2).
const VERSION_MASK: u128 = 0xF << 76;
const VERSION_8: u128 = 0x8 << 76;
/// The top two bits of byte 8 (RFC 9562 4.1).
const VARIANT_MASK: u128 = 0x3 << 62;
const VARIANT_RFC: u128 = 0x2 << 62;

#[cfg(test)]
mod tests;
