//! White and grey matter of a head MR by `brainchop-gwm-light`, whose map is known.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::GzDecoder;
use gantry_image::volume::Volume;
use gantry_pipeline::{inference::network::Window, steps::BuiltIn};
use gantry_tests::{corpus, notes, peer, served::program};
use serde_json::Value;
use tempfile::TempDir;

use super::{Folder, application, bits, prepared, scores};
use crate::lungs::python;

const GRID: usize = 256;

/// The image as a modality sends it, the package with its model, and what is known of both.
struct Brain {
    folder: TempDir,
    model: PathBuf,
}

impl Brain {
    fn new(test: &str) -> Option<Self> {
        let shared = corpus::shared(test)?;
        let decompress = peer::program(test, "dcmdjpls")?;
        let (folder, model) = (TempDir::new().unwrap(), shared.join("models/brainchop-gwm-light"));
        let images = folder.path().join("images");
        fs::create_dir(&images).unwrap();
        for file in fs::read_dir(shared.join("data/mr/t1-mprage-sag")).unwrap() {
            let file = file.unwrap();
            peer::run(Command::new(&decompress).arg(file.path()).arg(images.join(file.file_name())));
        }
        let brain = Self { folder, model };
        brain.package("package", |text| text, &brain.model.join("model.onnx"));
        Some(brain)
    }

    fn images(&self) -> PathBuf {
        self.folder.path().join("images")
    }

    /// A package with another `app.toml` and another model.
    fn package(&self, name: &str, change: impl Fn(String) -> String, model: &Path) -> PathBuf {
        let package = self.folder.path().join(name);
        fs::create_dir(&package).unwrap();
        let text =
            fs::read_to_string(notes::root().join("tests/packages/brainchop-gwm-light/app.toml")).unwrap();
        fs::write(package.join("app.toml"), change(text)).unwrap();
        fs::copy(model, package.join("model.onnx")).unwrap();
        package
    }

    fn stored(&self) -> Vec<u8> {
        let mut whole = Vec::new();
        let file = File::open(self.model.join("t1-mprage-sag-labels.nii.gz")).unwrap();
        GzDecoder::new(file).read_to_end(&mut whole).unwrap();
        // Behind the header of NIfTI-1; its first axis runs fastest, the tensor's last one.
        let map = &whole[352..];
        let mut stored = Vec::with_capacity(map.len());
        for l in 0..GRID {
            for i in 0..GRID {
                stored.extend((0..GRID).map(|a| map[l + GRID * (i + GRID * a)]));
            }
        }
        stored
    }

    /// Runs a package as a user would, in a process of its own: figures by label, and its peak memory in MiB.
    #[track_caller]
    fn run(&self, interpreter: &Path, package: &Path) -> (Value, f64) {
        let out = package.join("out");
        let script = "import resource, subprocess, sys\n\
                      subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
                      print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)";
        let run = Command::new(interpreter)
            .args(["-c", script])
            .arg(program())
            .arg("run")
            .args([package, &self.images()])
            .arg("-o")
            .arg(&out)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let (labels, facts) = (self.model.join("t1-mprage-sag-labels.nii.gz"), self.model.join("facts.json"));
        let figures = python(interpreter, "judge_brain.py", &[&out, &self.images(), &labels, &facts]);
        let mib = String::from_utf8(run.stdout).unwrap().trim().parse().unwrap();
        (serde_json::from_str(figures.trim()).unwrap(), mib)
    }
}

/// Recall, precision and Dice of a label.
fn agreement(found: &[u8], stored: &[u8], label: u8) -> [f64; 3] {
    let count = |of: &dyn Fn(u8, u8) -> bool| {
        found.iter().zip(stored).filter(|(found, stored)| of(**found, **stored)).count() as f64
    };
    let both = count(&|found, stored| found == label && stored == label);
    let (own, theirs) = (count(&|found, _| found == label), count(&|_, stored| stored == label));
    [both / theirs, both / own, 2.0 * both / (own + theirs)]
}

#[test]
fn a_real_network_gives_its_map_and_the_same_bits_in_parts() {
    let Some(brain) = Brain::new("a_real_network_gives_its_map_and_the_same_bits_in_parts") else { return };
    let application = application(&brain.folder.path().join("package"));
    let image = Folder::new(&brain.images()).load().volume;
    let values = prepared(&application, &image);
    let whole = scores(&application, values.clone(), &Window::Whole, 2);
    let BuiltIn::Decide(decide) = &application.steps[4] else { panic!("the last step decides") };
    let (found, stored) = (decide.on_grid(&whole).unwrap(), brain.stored());
    let equal = found.data().iter().zip(&stored).filter(|(found, stored)| found == stored).count();
    let share = equal as f64 / stored.len() as f64;
    assert!(0.999_99 <= share, "{share}");
    for label in 0..3 {
        let [recall, precision, dice] = agreement(found.data(), &stored, label);
        assert!(
            0.9998 <= recall && 0.9998 <= precision && 0.9998 <= dice,
            "{label}: {recall} {precision} {dice}"
        );
    }
    notes::figure(&format!(
        "brainchop: {} of {} voxels of the grid differ from the stored map",
        stored.len() - equal,
        stored.len()
    ));
    let whole = bits(whole.data());
    assert!(whole == bits(scores(&application, values.clone(), &Window::Whole, 1).data()), "whole, 1 thread");
    let parts = Window::Cores { core: [128; 3], halo: 46 };
    for threads in [1, 2] {
        let parts = bits(scores(&application, values.clone(), &parts, threads).data());
        assert!(whole == parts, "cores of 128 with a halo of 46, {threads} threads");
    }
}

#[test]
fn the_same_patch_gives_the_bits_of_pythons_engine() {
    let test = "the_same_patch_gives_the_bits_of_pythons_engine";
    let Some(interpreter) = peer::python(test) else { return };
    let Some(brain) = Brain::new(test) else { return };
    let application = application(&brain.folder.path().join("package"));
    let values = prepared(&application, &Folder::new(&brain.images()).load().volume);
    // The middle of the head, cut so that the three extents differ.
    let extents = [40, 56, 64];
    let block = gantry_image::block::Block::new(
        values.dims(),
        gantry_image::geometry::VoxelIndex::new(100, 90, 80),
        gantry_image::geometry::VoxelIndex::new(163, 145, 119),
    );
    let patch: Volume<f32> = block.unwrap().cut(&values).unwrap();
    let given = brain.folder.path().join("given.f32");
    fs::write(&given, patch.data().iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
        .unwrap();
    let own = scores(&application, patch, &Window::Whole, 2);
    let own: Vec<u8> = own.data().iter().flat_map(|value| value.to_le_bytes()).collect();
    for threads in ["1", "2"] {
        let made = brain.folder.path().join("made.f32");
        let model = brain.model.join("model.onnx");
        let extents = extents.map(|extent: usize| extent.to_string());
        let [z, y, x] = [0, 1, 2].map(|axis| Path::new(&extents[axis]));
        python(&interpreter, "run_onnx.py", &[&model, &given, &made, threads.as_ref(), z, y, x]);
        assert!(own == fs::read(&made).unwrap(), "{threads} threads in Python");
    }
}

/// The bounds of the segmentation against the stored map on the grid of the image.
fn is_the_map(figures: &Value) -> bool {
    ["1", "2"].iter().all(|label| {
        let of = |key: &str| figures[label][key].as_f64().unwrap();
        let volume = (of("voxels") / of("counted") - 1.0).abs();
        0.9998 <= of("recall") && 0.9998 <= of("precision") && volume <= 0.001
    })
}

#[test]
fn a_real_networks_segmentation_is_read_back_as_its_map() {
    let test = "a_real_networks_segmentation_is_read_back_as_its_map";
    let Some(interpreter) = peer::python(test) else { return };
    let Some(brain) = Brain::new(test) else { return };
    let package = brain.folder.path().join("package");
    let (figures, mib) = brain.run(&interpreter, &package);
    assert!(is_the_map(&figures), "{figures}");
    let stated = application(&package).package.resources.memory_mib;
    assert!(mib <= stated as f64, "{mib} MiB, stated are {stated}");
    notes::figure(&format!("brainchop: peak {mib:.0} MiB of {stated} stated; {figures}"));
}

/// What the bounds above are worth: a network without what it learnt, and an image seen in a mirror, miss them.
#[test]
fn without_weights_or_in_a_mirror_the_map_is_missed() {
    let test = "without_weights_or_in_a_mirror_the_map_is_missed";
    let Some(interpreter) = peer::python(test) else { return };
    let Some(brain) = Brain::new(test) else { return };
    let model = brain.model.join("model.onnx");
    let whole = |text: String| {
        let [cores, lines] = ["window = \"cores\"", "core = [128, 128, 128]\nhalo = 46\n"];
        assert!(text.contains(cores) && text.contains(lines));
        text.replace(cores, "window = \"whole\"").replace(lines, "")
    };
    let mirrored = |text: String| whole(text).replace("axes = \"LIA\"", "axes = \"RIA\"");
    let (figures, _) = brain.run(&interpreter, &brain.package("mirrored", mirrored, &model));
    assert!(!is_the_map(&figures), "mirrored: {figures}");

    let zeroed = brain.folder.path().join("zeroed.onnx");
    python(&interpreter, "zero_weights.py", &[&model, &zeroed]);
    // What it finds then is implausible, so that it is said for the mask alone.
    let loose = |text: String| whole(text).replace("plausible = [50, ", "plausible = [0, 1000");
    let (figures, _) = brain.run(&interpreter, &brain.package("zeroed", loose, &zeroed));
    assert!(!is_the_map(&figures), "zeroed: {figures}");
}
