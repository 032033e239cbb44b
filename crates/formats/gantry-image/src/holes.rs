//! Filling holes: parts of the background that the mask shuts in.
//!
//! A hole of a slice is background that cannot reach the slice's border over pixel edges (4 neighbours); a hole of the
//! volume cannot reach any of its faces over voxel faces (6 neighbours). These are the complements of the mask's own
//! 8 and 26 neighbours, so that a closed line or shell always shuts in what it surrounds.

use crate::{
    components::{Components, Connectivity, Part},
    volume::Labels,
};

/// Sets to 1 all background that cannot reach the border of its slice over pixel edges.
pub fn fill_plane_holes(mask: &mut Labels) {
    fill_plane_holes_where(mask, |_| true);
}

/// Sets to 1 those holes of the slices for which `wanted` holds.
pub fn fill_plane_holes_where(mask: &mut Labels, wanted: impl Fn(&Part) -> bool) {
    let dims = mask.dims();
    let background = background(mask, Connectivity::PlaneEdges);
    background.paint(mask, |part| {
        let part = background.parts().get(part)?;
        (!part.touches_plane_border(dims) && wanted(part)).then_some(1)
    });
}

/// Sets to 1 all background that cannot reach the border of the volume over voxel faces.
pub fn fill_holes(mask: &mut Labels) {
    let dims = mask.dims();
    let background = background(mask, Connectivity::Faces);
    background.paint(mask, |part| {
        background.parts().get(part).is_some_and(|part| !part.touches_border(dims)).then_some(1)
    });
}

fn background(mask: &Labels, connectivity: Connectivity) -> Components {
    let data = mask.data();
    Components::find(mask.dims(), connectivity, |offset| data.get(offset) == Some(&0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        geometry::{PointLps, VectorLps},
        grid::{Dims, Grid},
    };

    fn ring(slices: usize) -> Labels {
        let steps =
            [VectorLps::new(1.0, 0.0, 0.0), VectorLps::new(0.0, 1.0, 0.0), VectorLps::new(0.0, 0.0, 1.0)];
        let grid = Grid::new(Dims::new(4, 3, slices).unwrap(), PointLps::new(0.0, 0.0, 0.0), steps).unwrap();
        let plane = [1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0];
        Labels::new(grid, plane.repeat(slices)).unwrap()
    }

    #[test]
    fn a_tunnel_is_a_hole_of_every_slice_but_not_of_the_volume() {
        let mut mask = ring(3);
        fill_holes(&mut mask);
        assert_eq!(mask, ring(3));
        fill_plane_holes_where(&mut mask, |hole| hole.voxels != 1);
        assert_eq!(mask, ring(3));
        fill_plane_holes(&mut mask);
        assert_eq!(mask.slice(1).unwrap(), [1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0]);
    }

    #[test]
    fn a_hole_that_is_shut_on_all_sides_is_filled() {
        let mut mask = ring(3);
        mask.data_mut()[5] = 1;
        mask.data_mut()[29] = 1;
        fill_holes(&mut mask);
        assert_eq!(mask.data()[17], 1);
        assert_eq!(mask.data()[19], 0);
    }
}
