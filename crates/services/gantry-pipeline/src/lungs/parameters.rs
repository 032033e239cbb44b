//! What the `lungs` step can be told, in Hounsfield units, millimetres and millilitres.
//!
//! Nothing here depends on the grid of an image; an application's `app.toml` states the values. [`Default`] is what
//! `lung-density` ships with, with the reason for each.

/// Limits and clauses of the `lungs` step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LungsParameters {
    /// Lung and airways are below this; what is not, is tissue. HU.
    pub air_below_hu: i16,
    /// The body is above this before it is opened and filled. HU.
    pub body_above_hu: i16,
    /// Radius of the in-plane opening that frees the body of sheets, tubes and thin couch shells. mm.
    pub body_opening_mm: f64,
    /// A body smaller than this is none. ml.
    pub body_min_ml: f64,
    /// How the trachea is found and the airway grown from it.
    pub airway: AirwayParameters,
    /// How air spaces are told from gas and parted.
    pub spaces: SpacesParameters,
    /// What must be true of the lungs that were found.
    pub clauses: ClauseParameters,
}

/// How the airway is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AirwayParameters {
    /// The open trachea is below this in the middle. HU.
    pub lumen_below_hu: i16,
    /// Cross-sections of the trachea, smallest and largest. mm2.
    pub trachea_area_mm2: [f64; 2],
    /// How much of the rectangle around it a cross-section fills at least: a disc fills 0.79, a sickle (a trachea in
    /// expiration) about half, a network of dark lung less.
    pub trachea_fill_min: f64,
    /// How far the trachea may lie beside the middle of the body. mm.
    pub trachea_off_middle_max_mm: f64,
    /// How far its centre may move sideways from slice to slice, beside half the slice distance. mm.
    pub trachea_drift_max_mm: f64,
    /// How far apart two cross-sections of one trachea may be, at least one slice. mm.
    pub trachea_gap_max_mm: f64,
    /// Over how many millimetres from head to foot it must be followed.
    pub trachea_length_min_mm: f64,
    /// The airway grows through voxels up to this. HU.
    pub grow_to_hu: i16,
    /// The threshold rises to it in steps of this. HU.
    pub grow_step_hu: i16,
    /// An airway larger than this has leaked into the lung. ml.
    pub volume_max_ml: f64,
    /// A step of the threshold that adds more than this has leaked. ml.
    pub leak_ml: f64,
    /// How far the wall and the blurred border of the airway reach; excluded from the lungs. mm.
    pub rim_mm: f64,
}

/// How lungs are told from other air.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpacesParameters {
    /// Air spaces smaller than this belong to no lung. ml.
    pub piece_min_ml: f64,
    /// How far a further piece of lung may reach beyond the box around both lungs. mm.
    pub piece_outside_max_mm: f64,
    /// What lies deeper than this inside an air space is its core, free of the blurred border. mm.
    pub core_depth_mm: f64,
    /// The share of a lung that its core is at least; air shut in by a couch or a skin fold is flat and has none.
    pub core_share_min: f64,
    /// A core within this of the air in the trachea is gas (stomach, bowel), not lung. HU.
    pub gas_margin_hu: f64,
    /// What counts as the air in the trachea where there is none. HU.
    pub gas_hu: f64,
    /// Holes up to this, in a slice, are vessels; they do not make the lung around them thinner. mm2.
    pub vessel_area_max_mm2: f64,
    /// Two bodies of lung are looked at as right and left if each is at least this where they meet. ml.
    pub parted_min_ml: f64,
    /// ... and if their centres are apart by this share of the width of all lung.
    pub parted_share_min: f64,
}

/// The clauses of the contract that pixels decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClauseParameters {
    /// How far the centres of right and left lung are apart from right to left, at least. mm.
    pub apart_min_mm: f64,
    /// The volume of each lung, at least. ml.
    pub volume_min_ml: f64,
    /// The height of each lung from head to foot, at least. mm.
    pub height_min_mm: f64,
    /// The mean density of each lung, from and to. HU.
    pub mean_hu: [f64; 2],
    /// The volume of the airway, at least. ml.
    pub airway_min_ml: f64,
    /// The share of a lung's largest axial area that the first and the last axial slice may show, at most. Percent.
    pub end_area_max_percent: f64,
    /// The area over which a lung may lie against air outside of the body, at most. mm2.
    pub open_area_max_mm2: f64,
}

impl Default for LungsParameters {
    fn default() -> Self {
        Self {
            // Half way between lung at its darkest and soft tissue, so that blur does not move the border.
            air_below_hu: -400,
            body_above_hu: -300,
            // Skins of couches and blankets are thinner than 5 mm, chest walls are not.
            body_opening_mm: 2.5,
            // A slice or two of a limb or a head holder; any chest is far above.
            body_min_ml: 500.0,
            airway: AirwayParameters::default(),
            spaces: SpacesParameters::default(),
            clauses: ClauseParameters::default(),
        }
    }
}

impl Default for AirwayParameters {
    fn default() -> Self {
        Self {
            lumen_below_hu: -900,
            // From a child's trachea, 9 mm wide, to a very wide one of 30 mm.
            trachea_area_mm2: [60.0, 700.0],
            trachea_fill_min: 0.4,
            // A mediastinum drawn aside by 25 mm, in a body whose arms lie unevenly.
            trachea_off_middle_max_mm: 60.0,
            trachea_drift_max_mm: 5.0,
            trachea_gap_max_mm: 5.0,
            trachea_length_min_mm: 20.0,
            // Above this, normal lung begins.
            grow_to_hu: -850,
            grow_step_hu: 10,
            // Trachea to segments of a large adult: 60 to 80 ml.
            volume_max_ml: 90.0,
            // Behind the trachea, a step adds 1 to 6 ml of bronchi, a leak tens or hundreds of lung.
            leak_ml: 10.0,
            // The blur of a soft kernel (about 1 mm to either side of an edge) and a bronchial wall of about 1 mm.
            // With pixels of 0.84 mm and slices of 5 mm this is, voxel for voxel, a dilation by face neighbours and
            // one by the 3 x 3 pixels around in the slice: what reference masks by thresholds exclude.
            rim_mm: 2.0,
        }
    }
}

impl Default for SpacesParameters {
    fn default() -> Self {
        Self {
            // A bit of lung behind a bronchus is smaller, a lobe larger.
            piece_min_ml: 20.0,
            piece_outside_max_mm: 10.0,
            // Beyond the blur of any kernel; the cores of lungs are more than half of them.
            core_depth_mm: 4.0,
            core_share_min: 0.1,
            // Air is the same all over an image within a few units; the darkest emphysema is still denser.
            gas_margin_hu: 20.0,
            gas_hu: -980.0,
            // A pulmonary vein is 16 mm wide at most.
            vessel_area_max_mm2: 200.0,
            parted_min_ml: 20.0,
            // Two lungs: about half the width of both. Parts of one lung: a quarter of it.
            parted_share_min: 0.35,
        }
    }
}

impl Default for ClauseParameters {
    fn default() -> Self {
        Self {
            apart_min_mm: 50.0,
            volume_min_ml: 150.0,
            height_min_mm: 80.0,
            mean_hu: [-950.0, -500.0],
            airway_min_ml: 3.0,
            end_area_max_percent: 25.0,
            // None at all in a whole chest; a field of view that cuts a lung off opens tens of square centimetres.
            open_area_max_mm2: 200.0,
        }
    }
}
