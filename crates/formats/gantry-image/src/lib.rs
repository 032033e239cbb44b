//! Stacks, geometry, volumes, masks, components, measurements.
