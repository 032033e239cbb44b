//! `gantry phantom`: a synthetic study with its truth beside it.

use std::{fs, path::Path};

use gantry_image::{
    grid::{Grid, GridError, SpacingMm},
    volume::Labels,
};
use gantry_phantom::{
    acquisition::{Acquisition, Entry, FileOrder, Orientation, SeriesSet, acquire},
    chest::{self, ChestPhantom, Lesions},
    plain::{self, Insert},
    study::{Subject, study},
};
use serde_json::json;

use crate::{
    cli::{Phantom, PhantomKind, PhantomOrientation},
    report::{Exit, Failure, print},
};

/// Spacing of the phantoms that are no chests.
const PLAIN: SpacingMm = SpacingMm { row: 1.0, column: 1.0, slice: 3.0 };

/// `gantry phantom`.
pub(crate) fn run(options: &Phantom) -> Result<(), Failure> {
    let (images, _) = write(options)?;
    print(&format!("{images} images in {}, truth beside it", options.out.join("study").display()))
}

/// Writes a phantom; says how many images it has, and what is true of it.
pub(crate) fn write(options: &Phantom) -> Result<(usize, chest::Phantom), Failure> {
    let failed = |error: std::io::Error| Failure::unexpected("phantom/unwritable", &error);
    if options.out.exists() {
        let sentence = format!("{} exists already", options.out.display());
        return Err(Failure::new(Exit::Input, "phantom/exists", sentence)
            .hint("name a folder that does not exist yet"));
    }
    let grid = |error: GridError| Failure::unexpected("phantom/grid", &error);
    let acquisition = acquisition(options);
    let phantom = acquire(&made(options).map_err(grid)?, &acquisition).map_err(grid)?;
    let subject = Subject { patient_name: "Phantom^Chest", seed: options.seed };
    let files = study(&phantom.hu, subject, &acquisition)
        .map_err(|error| Failure::unexpected("phantom/study", &error))?;
    let folder = options.out.join("study");
    fs::create_dir_all(&folder).map_err(failed)?;
    for file in &files {
        fs::write(folder.join(&file.name), &file.bytes).map_err(failed)?;
    }
    write_nrrd(&options.out.join("truth.nrrd"), &phantom.labels).map_err(failed)?;
    write_nrrd(&options.out.join("body.nrrd"), &phantom.body).map_err(failed)?;
    let truth = json!({
        "seed": options.seed,
        "labels": { "1": "right lung", "2": "left lung", "3": "airway", "4": "lesions" },
        "ml": {
            "1": phantom.volume_ml(1), "2": phantom.volume_ml(2), "3": phantom.volume_ml(3), "4": phantom.volume_ml(4),
        },
    });
    fs::write(options.out.join("truth.json"), format!("{truth:#}\n")).map_err(failed)?;
    Ok((files.len(), phantom))
}

fn made(options: &Phantom) -> Result<chest::Phantom, GridError> {
    match options.kind {
        PhantomKind::Chest => ChestPhantom::from_seed(options.seed, Lesions::None).map(|chest| chest.phantom),
        PhantomKind::Lesions => {
            ChestPhantom::from_seed(options.seed, Lesions::Some).map(|chest| chest.phantom)
        }
        PhantomKind::UpperHalf => ChestPhantom::from_seed(options.seed, Lesions::None)?.phantom.upper_half(),
        PhantomKind::Water => plain::water(options.seed, PLAIN, Insert::Nothing),
        PhantomKind::Foam => plain::water(options.seed, PLAIN, Insert::FoamRods),
    }
}

fn acquisition(options: &Phantom) -> Acquisition {
    Acquisition {
        orientation: match options.orientation {
            PhantomOrientation::Axial => Orientation::Axial,
            PhantomOrientation::Sagittal => Orientation::Sagittal,
            PhantomOrientation::Coronal => Orientation::Coronal,
            PhantomOrientation::Oblique => Orientation::Oblique,
        },
        entry: if options.feet_first { Entry::FeetFirst } else { Entry::HeadFirst },
        order: if options.shuffled { FileOrder::Shuffled } else { FileOrder::Spatial },
        series: if options.several { SeriesSet::Several } else { SeriesSet::One },
        ..Acquisition::default()
    }
}

/// A mask with its grid, as many tools read it.
fn write_nrrd(path: &Path, labels: &Labels) -> std::io::Result<()> {
    let grid: &Grid = labels.grid();
    let [columns, rows, slices] = grid.dims().to_array();
    let vector = |[x, y, z]: [f64; 3]| format!("({x},{y},{z})");
    let [i, j, k] = grid.steps().map(|step| vector(step.to_array()));
    let origin = grid.origin();
    let header = format!(
        "NRRD0004\ntype: uint8\ndimension: 3\nspace: left-posterior-superior\nsizes: {columns} {rows} {slices}\n\
         space directions: {i} {j} {k}\nkinds: domain domain domain\nencoding: raw\n\
         space origin: {}\n\n",
        vector([origin.x, origin.y, origin.z])
    );
    fs::write(path, [header.as_bytes(), labels.data()].concat())
}
