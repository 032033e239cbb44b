//! Referees of the field on our evidence: by their lines, not by their exit codes. No line is excused.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use gantry_tests::{notes, peer, served::program};
use tempfile::TempDir;

use super::{chest, findings};

/// Lines of a referee's output that are errors.
fn errors(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&all)
        .lines()
        .filter(|line| line.starts_with("Error") || line.starts_with("Abort") || line.starts_with("E: "))
        .map(str::to_owned)
        .collect()
}

fn dcm(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dcm"))
        .collect();
    files.sort();
    files
}

/// Lets every referee look at a result and its source.
pub(crate) fn check(test: &str, source: &Path, result: &Path) {
    let evidence = dcm(&result.join("evidence"));
    assert_eq!(evidence.len(), 3);
    let Some(dciodvfy) = peer::program(test, "dciodvfy") else { return };
    for file in &evidence {
        assert_eq!(errors(Command::new(&dciodvfy).arg(file)), Vec::<String>::new(), "{}", file.display());
    }
    let Some(dcentvfy) = peer::program(test, "dcentvfy") else { return };
    let found = errors(Command::new(dcentvfy).args(dcm(source)).args(&evidence));
    assert_eq!(found, Vec::<String>::new(), "dcentvfy");
    let report = result.join("evidence/SR.dcm");
    let Some(dsrdump) = peer::program(test, "dsrdump") else { return };
    assert_eq!(errors(Command::new(dsrdump).arg(&report)), Vec::<String>::new(), "dsrdump");
}

/// PixelMed's validator of report templates; minutes on a slow machine, so it looks at one report.
pub(crate) fn check_template(test: &str, report: &Path) {
    let Some(java) = peer::program(test, "java") else { return };
    let jars = ["pixelmed", "commons-codec", "slf4j-api", "slf4j-nop"]
        .map(|jar| format!("/usr/share/java/{jar}.jar"));
    if !Path::new(&jars[0]).is_file() {
        return notes::skip(test, "libpixelmed-java");
    }
    let output = Command::new(java)
        .args(
            ["xpathExprOpLimit", "xpathTotalOpLimit", "xpathExprGrpLimit"]
                .map(|limit| format!("-Djdk.xml.{limit}=0")),
        )
        .args(["-Djava.awt.headless=true", "-cp", &jars.join(":"), "com.pixelmed.validate.DicomSRValidator"])
        .arg(report)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("Root Template Validation Complete"), "{said}");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("Error")).collect();
    assert_eq!(errors, Vec::<&str>::new());
}

#[test]
fn referees_find_no_error_in_the_evidence_of_a_real_ct() {
    let test = "referees_find_no_error_in_the_evidence_of_a_real_ct";
    let Some((series, _)) = chest(test) else { return };
    let out = TempDir::new().unwrap();
    findings(&series, out.path());
    check(test, &series, out.path());
    check_template(test, &out.path().join("evidence/SR.dcm"));
}

#[test]
fn referees_find_no_error_in_a_phantom_and_its_evidence() {
    let test = "referees_find_no_error_in_a_phantom_and_its_evidence";
    let dir = TempDir::new().unwrap();
    let (phantom, out) = (dir.path().join("phantom"), dir.path().join("out"));
    peer::run(Command::new(program()).args(["phantom", "--seed", "4", "-o"]).arg(&phantom));
    findings(&phantom.join("study"), &out);
    check(test, &phantom.join("study"), &out);
    let Some(dciodvfy) = peer::program(test, "dciodvfy") else { return };
    let first = &dcm(&phantom.join("study"))[0];
    assert_eq!(errors(Command::new(dciodvfy).arg(first)), Vec::<String>::new());
}

/// highdicom opens the report, and dcmqi lists its measurements with their units.
#[test]
fn other_toolkits_read_the_report() {
    let test = "other_toolkits_read_the_report";
    let Some(interpreter) = peer::python(test) else { return };
    let dir = TempDir::new().unwrap();
    let (phantom, out) = (dir.path().join("phantom"), dir.path().join("out"));
    peer::run(Command::new(program()).args(["phantom", "--seed", "5", "-o"]).arg(&phantom));
    let found = findings(&phantom.join("study"), &out);
    let printed = super::python(&interpreter, "read_report.py", &[&out.join("evidence/SR.dcm")]);
    let read: serde_json::Value = serde_json::from_str(printed.trim()).unwrap();
    for segment in found["segments"].as_array().unwrap() {
        let volume = segment["measurements"][0]["value"].as_f64().unwrap();
        let name = segment["name"].as_str().unwrap();
        let both = [&read["highdicom"], &read["dcmqi"]].map(|reader| {
            let volumes = reader.as_array().unwrap().iter().filter_map(serde_json::Value::as_f64);
            volumes.fold(f64::INFINITY, |best, read| best.min((read - volume).abs()))
        });
        assert!(both.iter().all(|difference| *difference < 0.01), "{name}: {volume}: {read}");
    }
}
