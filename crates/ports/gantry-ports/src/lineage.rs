//! Which evidence takes the place of which: of one workflow, task and destination, the set of a higher payload ordinal.
//!
//! Nothing is written when evidence is superseded: it follows from the rows, in whichever order they came.

use gantry_types::{
    ids::{DestinationName, SiteId, TaskName, WorkflowName},
    uid::StudyInstanceUid,
};

use crate::{
    runs::Runs,
    store::{EvidenceRow, RunRow, StoreError},
};

/// The evidence of a study, with what it comes from.
#[derive(Debug, Default)]
pub struct Lineage(Vec<Member>);

#[derive(Debug)]
struct Member {
    evidence: EvidenceRow,
    workflow: WorkflowName,
    ordinal: u32,
}

impl Lineage {
    /// Reads it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(runs: &dyn Runs, site: &SiteId, study: &StudyInstanceUid) -> Result<Self, StoreError> {
        Ok(Self::of(&runs.runs_of_study(site, study)?, &runs.evidence_of_study(site, study)?))
    }

    /// That of rows that were read already: all runs and all evidence of a study.
    #[must_use]
    pub fn of(runs: &[RunRow], evidence: &[EvidenceRow]) -> Self {
        let member = |evidence: &EvidenceRow| {
            let run = runs.iter().find(|run| run.id == evidence.run)?;
            let (workflow, ordinal) = (run.workflow.clone(), run.ordinal);
            Some(Member { workflow, ordinal, evidence: evidence.clone() })
        };
        Self(evidence.iter().filter_map(member).collect())
    }

    /// What has taken the place of an object: of the newest set the object of its kind, or the first of any, where a
    /// newer answer has none of its kind, such as no segmentation because nothing was found.
    #[must_use]
    pub fn superseded_by(&self, evidence: &EvidenceRow) -> Option<&EvidenceRow> {
        let own = self.0.iter().find(|member| member.evidence.sop_instance == evidence.sop_instance)?;
        let later = |member: &&Member| {
            member.is_of(&own.workflow, &evidence.task, &evidence.destination) && own.ordinal < member.ordinal
        };
        let newest = self.0.iter().filter(later).map(|member| member.ordinal).max()?;
        let set = || self.0.iter().filter(later).filter(|member| member.ordinal == newest);
        let same_kind = set().find(|member| member.evidence.sop_class == evidence.sop_class);
        same_kind.or_else(|| set().next()).map(|member| &member.evidence)
    }

    /// What evidence of a run takes the place of: the objects of the newest payload before its own that has any.
    pub fn replaced(
        &self,
        run: &RunRow,
        task: &TaskName,
        destination: &DestinationName,
    ) -> impl Iterator<Item = &EvidenceRow> {
        let before =
            |member: &&Member| member.is_of(&run.workflow, task, destination) && member.ordinal < run.ordinal;
        let newest = self.0.iter().filter(before).map(|member| member.ordinal).max();
        let members = self.0.iter().filter(move |member| Some(member.ordinal) == newest);
        members.filter(before).map(|member| &member.evidence)
    }
}

impl Member {
    fn is_of(&self, workflow: &WorkflowName, task: &TaskName, destination: &DestinationName) -> bool {
        self.workflow == *workflow && self.evidence.task == *task && self.evidence.destination == *destination
    }
}

#[cfg(test)]
mod tests {
    use gantry_definition::package::Class;
    use gantry_flow::step::Lane;
    use gantry_types::{
        digest::Digest,
        instant::{Instant, Stamp, UtcOffset},
        uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, TransferSyntaxUid},
    };

    use super::*;
    use crate::blob::BlobRef;

    fn run(id: &str, ordinal: u32) -> RunRow {
        RunRow {
            id: id.parse().unwrap(),
            site: "site".parse().unwrap(),
            study: StudyInstanceUid::parse("1.2").unwrap(),
            workflow: "chest-ct".parse().unwrap(),
            version: 1,
            digest: Digest([0; 32]),
            ordinal,
            began: Stamp { at: Instant(0), offset: UtcOffset::UTC },
            lane: Lane::Routine,
            packages: Vec::new(),
        }
    }

    fn evidence(run: &RunRow, class: &str, uid: &str) -> EvidenceRow {
        EvidenceRow {
            site: run.site.clone(),
            sop_instance: SopInstanceUid::parse(uid).unwrap(),
            sop_class: SopClassUid::parse(class).unwrap(),
            transfer_syntax: TransferSyntaxUid::parse("1.2.840.10008.1.2.1").unwrap(),
            study: run.study.clone(),
            series: SeriesInstanceUid::parse("1.3").unwrap(),
            run: run.id.clone(),
            task: "lungs".parse().unwrap(),
            destination: "pacs".parse().unwrap(),
            class: Class::Test,
            blob: BlobRef { container: 1, offset: 0, length: 1 },
            head_bytes: 0,
            digest: Digest([0; 32]),
            made: Instant(0),
        }
    }

    /// A lesion that the newer answer does not see any more must not be told as current.
    #[test]
    fn a_segmentation_is_superseded_by_a_set_that_has_none() {
        let (first, second) = (run("1", 1), run("2", 2));
        let (seg, sr) = (evidence(&first, "1.66", "1.1.1"), evidence(&first, "1.88", "1.1.2"));
        let newer = evidence(&second, "1.88", "1.2.2");
        let lineage = Lineage::of(&[first, second.clone()], &[seg.clone(), sr.clone(), newer.clone()]);
        let uid = |row: Option<&EvidenceRow>| row.map(|row| row.sop_instance.to_string());
        assert_eq!(uid(lineage.superseded_by(&seg)).as_deref(), Some("1.2.2"));
        assert_eq!(uid(lineage.superseded_by(&sr)).as_deref(), Some("1.2.2"));
        assert_eq!(lineage.superseded_by(&newer), None);
        let replaced = lineage.replaced(&second, &newer.task, &newer.destination);
        let replaced: Vec<_> = replaced.map(|row| row.sop_instance.to_string()).collect();
        assert_eq!(replaced, ["1.1.1", "1.1.2"]);
    }
}
