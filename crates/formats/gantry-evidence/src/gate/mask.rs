//! The pixels of a segmentation are those of the mask it was made from, voxel by voxel.
//!
//! Frames are placed by position and segments by tracking identifier: an object whose frames are consistent but in
//! the wrong order, or whose segments are swapped, differs here and nowhere else.

use gantry_image::{geometry::VoxelIndex, volume::Labels};
use gantry_types::findings::Findings;

use crate::read::read_segmentation;

use super::{Complaints, Rule, chain};

pub(super) fn judge(bytes: &[u8], findings: &Findings, mask: &Labels, list: &mut Complaints) {
    let label_of = |tracking_id: &str| {
        findings.segments.iter().find(|finding| finding.key == tracking_id).map(|finding| finding.label)
    };
    let labels = read_segmentation(bytes)
        .and_then(|reading| reading.labels_on(mask.grid(), |segment| label_of(&segment.tracking_id)));
    let labels = match labels {
        Ok(labels) => labels,
        Err(error) => {
            list.add(Rule::Mask, format!("the pixels cannot be compared with the mask: {}", chain(&error)));
            return;
        }
    };
    let mut differing =
        labels.data().iter().zip(mask.data()).enumerate().filter(|(_, (own, wanted))| own != wanted);
    if let Some((offset, (own, wanted))) = differing.next() {
        let count = differing.count() + 1;
        let VoxelIndex { i, j, k } = mask.dims().index(offset);
        list.add(
            Rule::Mask,
            format!("{count} voxels differ from the mask, the first is column {i}, row {j}, slice {k}: {own} for {wanted}"),
        );
    }
}
