//! The run record: what evidence says about how it came about.
//!
//! Everything that a rendering says about itself stands here, so that it repeats (EV5): no clock is read, and the
//! node is the one that ran the application, not the one that renders.

use gantry_types::{
    ae_title::AeTitle,
    code::Code,
    digest::Digest,
    ids::{AppName, NodeId},
    instant::Stamp,
};

/// How a result came about.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// When the run began: Series Date and Time.
    pub started: Stamp,
    /// When the result was accepted: Content Date and Time.
    pub result_created: Stamp,
    /// Which application found it.
    pub application: Application,
    /// The application's slot in the numbering of series.
    pub slot: u32,
    /// The node that ran it.
    pub node: NodeId,
    /// The version of Gantry on that node.
    pub gantry_version: String,
    /// The site's Institution Name (0008,0080).
    pub institution: Option<String>,
    /// The site's Station Name (0008,1010).
    pub station: Option<AeTitle>,
    /// The class of the result.
    pub class: ResultClass,
}

/// The application, as its package says it. The texts are ASCII.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its name.
    pub name: AppName,
    /// Its version.
    pub version: String,
    /// Its title for people, at most 56 characters.
    pub title: String,
    /// Who made it, at most 64 characters.
    pub manufacturer: String,
    /// What it is for, at most 700 characters.
    pub intended_use: String,
    /// Algorithm Family (CID 7162).
    pub family: Code,
    /// The digest of the package.
    pub digest: Digest,
    /// Body Part Examined (0018,0015), if the application proves it from the pixels; used where the source is silent.
    pub body_part: Option<String>,
}

/// What a result may be used for (DL2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultClass {
    /// For patient care.
    Clinical,
    /// For research.
    Research,
    /// Test traffic.
    Test,
}

impl ResultClass {
    /// Content Qualification (0018,9004).
    #[must_use]
    pub const fn content_qualification(self) -> &'static str {
        match self {
            Self::Clinical => "PRODUCT",
            Self::Research => "RESEARCH",
            Self::Test => "SERVICE",
        }
    }
}
