//! The body: the largest dense part, with all it shuts in.
//!
//! Body Part Examined and the like are not asked; pixels decide. What is denser than air is opened in each axial
//! slice, so that blankets, tubes and thin couch shells fall off; of the rest the largest connected part is the body.
//! In each axial slice it then takes in whatever cannot reach the border of the slice without crossing it.

use gantry_image::{
    components::{Components, Connectivity},
    holes::fill_plane_holes,
    morphology::{Shape, open},
    volume::{Labels, Volume},
};

use super::{clauses::Decline, parameters::LungsParameters};

/// The filled body as a mask, in a volume whose slices are axial.
///
/// # Errors
/// [`Decline::NoBody`] with the volume of the largest part there is.
pub(super) fn body(volume: &Volume<i16>, parameters: &LungsParameters) -> Result<Labels, Decline> {
    let dense = volume.map(|hu| u8::from(parameters.body_above_hu < *hu));
    let opened = open(&dense, &Shape::disc(volume.grid().spacing(), parameters.body_opening_mm));
    drop(dense);
    let components = Components::of(&opened, Connectivity::Faces);
    let largest = components.largest();
    let voxels = largest.and_then(|part| components.parts().get(part)).map_or(0, |part| part.voxels);
    let largest_ml = voxels as f64 * volume.grid().voxel_ml();
    if largest_ml < parameters.body_min_ml {
        return Err(Decline::NoBody { largest_ml });
    }
    let mut body = opened;
    components.paint(&mut body, |part| Some(u8::from(Some(part) == largest)));
    fill_plane_holes(&mut body);
    Ok(body)
}
