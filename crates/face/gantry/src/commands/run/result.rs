//! From an answer to files: evidence that has passed both gates, findings.json, summary.png.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use gantry_evidence::{
    inputs::Inputs,
    object::Kind,
    profile::{CaptureModality, FormProfile, ProfileName},
    run::RunRecord,
    sc::Picture,
    set::EvidenceSet,
    source::Source,
    uid::UidScope,
};
use gantry_pipeline::{application::Application, objects::Series, run::Ran};
use gantry_ports::{clock::Clock as _, ids::Ids as _};
use gantry_publish::making::{self, MakeError};
use gantry_types::{
    findings::{JudgedClause, MeasuredValue, SegmentFinding, Verdict},
    ids::IdError,
    instant::Stamp,
};
use serde_json::{Value, json};

use super::{LeftOut, Stages, Tried};
use crate::{
    cli::Run,
    node,
    report::{Exit, Failure, print, say},
    secret,
    system::{SortableIds, SystemClock},
};

const EVIDENCE: &str = "evidence";
const PICTURE: &str = "summary.png";
pub(super) const FINDINGS: &str = "findings.json";

/// Removes what an earlier run left in the folder: a result must never stand beside the findings of another run. What
/// no run of ours has left there is not touched.
pub(super) fn clear(options: &Run) -> Result<(), Failure> {
    let evidence = options.out.join(EVIDENCE);
    let names = Kind::ALL.iter().map(|kind| file_of(*kind)).chain([PICTURE.to_owned(), FINDINGS.to_owned()]);
    let present: Vec<PathBuf> =
        names.map(|name| options.out.join(name)).filter(|path| path.symlink_metadata().is_ok()).collect();
    if present.is_empty() {
        return Ok(());
    }
    let is_ours = fs::read(options.out.join(FINDINGS))
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .is_some_and(|findings| findings.pointer("/application/digest").is_some_and(Value::is_string));
    let is_input = |folder: &Path| {
        let same = options.dir.canonicalize().ok().zip(folder.canonicalize().ok());
        same.is_some_and(|(dir, folder)| dir == folder)
    };
    if !is_ours || evidence.is_symlink() || is_input(&options.out) || is_input(&evidence) {
        let sentence =
            format!("{} holds files that are not results of an earlier run", options.out.display());
        return Err(Failure::new(Exit::Input, "run/out-in-use", sentence)
            .hint("name a folder that does not exist yet, or an empty one"));
    }
    for path in present {
        fs::remove_file(&path).map_err(|error| {
            let sentence = format!("cannot remove {} of an earlier run: {error}", path.display());
            Failure::new(Exit::Failed, "run/unwritable", sentence)
        })?;
    }
    // It stays if something else lies in it, or if it never was.
    let _other = fs::remove_dir(evidence);
    Ok(())
}

fn file_of(kind: Kind) -> String {
    format!("{EVIDENCE}/{}.dcm", kind.name())
}

fn invariant(what: &str) -> Failure {
    Failure::new(Exit::Failed, "run/internal", format!("{what}: this is a fault of the program"))
}

/// Renders the set and lets both gates judge it.
pub(super) fn render(options: &Run, application: &Application, ran: &Ran) -> Result<EvidenceSet, Failure> {
    let images: Vec<_> = ran.loaded.images.iter().collect();
    let source = Source::new(&ran.loaded.header, &images)
        .map_err(|error| Failure::new(Exit::Input, "run/no-source", error.to_string()))?;
    let picture = Picture::new(ran.picture.columns, ran.picture.rows, &ran.picture.rgb)
        .map_err(|error| invariant(&error.to_string()))?;
    let record = record(application)?;
    let scope = UidScope {
        secret: secret::nearest(&options.dir, &options.out)?,
        case: source.study().to_string(),
        run: format!("run-{}", SortableIds::start(node::random()?, 0).next())
            .parse()
            .map_err(|error: IdError| invariant(&error.to_string()))?,
        task: "main".parse().map_err(|error: IdError| invariant(&error.to_string()))?,
        issue: 0,
    };
    let profile = FormProfile {
        name: ProfileName::new("files").ok_or_else(|| invariant("a profile name"))?,
        kinds: BTreeSet::from(Kind::ALL),
        series_base: FormProfile::SERIES_BASE_DEFAULT,
        capture_modality: CaptureModality::Other,
    };
    let inputs = Inputs {
        source: &source,
        findings: &ran.findings,
        mask: Some(&ran.labels),
        picture: Some(picture),
        run: &record,
        scope: &scope,
        profile: &profile,
        replaces: &[],
    };
    let made =
        making::make(&making::Gantrys, &inputs, &application.package).map_err(|error| match error {
            MakeError::Render(error) => {
                Failure::new(Exit::Failed, "run/render", format!("{error} [{}]", error.code()))
            }
            MakeError::Implausible(_) | MakeError::Refused { .. } => {
                Failure::new(Exit::Failed, "run/quarantined", error.to_string())
            }
        })?;
    for note in &made.set.notes {
        say(&format!("note: {note}"));
    }
    Ok(made.set)
}

fn record(application: &Application) -> Result<RunRecord, Failure> {
    let package = &application.package;
    let now = now();
    Ok(RunRecord {
        started: now,
        result_created: now,
        application: making::application(package, application.digest),
        slot: 0,
        node: "gantry-run".parse().map_err(|error: IdError| invariant(&error.to_string()))?,
        gantry_version: env!("CARGO_PKG_VERSION").to_owned(),
        institution: None,
        station: None,
        class: making::result_class(package.class),
    })
}

/// Now, with the offset of this machine.
fn now() -> Stamp {
    let clock = SystemClock::start();
    Stamp { at: clock.now(), offset: clock.offset() }
}

/// Writes everything; findings.json last.
pub(super) fn write(
    options: &Run,
    application: &Application,
    ran: &Ran,
    evidence: &EvidenceSet,
    left_out: &LeftOut,
    stages: &Stages,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::unexpected("run/unwritable", &error);
    let folder = options.out.join(EVIDENCE);
    fs::create_dir_all(&folder).map_err(failed)?;
    let mut written = Vec::new();
    for object in &evidence.objects {
        let name = file_of(object.kind);
        fs::write(options.out.join(&name), &object.bytes).map_err(failed)?;
        written.push(json!({ "file": name, "sopInstance": object.sop_instance.as_str() }));
    }
    let png = png(&ran.picture).map_err(|error| Failure::unexpected("run/picture", &error))?;
    fs::write(options.out.join(PICTURE), png).map_err(failed)?;
    let first = ran.loaded.images.first().ok_or_else(|| invariant("a volume without images"))?;
    let mut findings = head(application, left_out);
    merge(
        &mut findings,
        json!({
            "outcome": "ran",
            "study": first.study.as_str(),
            "series": first.series.as_str(),
            "images": ran.loaded.images.len(),
            "clauses": ran.clauses.iter().map(clause).collect::<Vec<_>>(),
            "segments": ran.findings.segments.iter().map(segment).collect::<Vec<_>>(),
            "evidence": written,
            "stages": stages.0.iter().map(|(stage, seconds)| ((*stage).to_owned(), json!(seconds))).collect::<serde_json::Map<_, _>>(),
        }),
    );
    save(options, &findings)
}

/// Writes findings.json for an application that declined.
pub(super) fn write_declined(
    options: &Run,
    application: &Application,
    series: &Series,
    clauses: &[JudgedClause],
    left_out: &LeftOut,
) -> Result<(), Failure> {
    let mut findings = head(application, left_out);
    merge(
        &mut findings,
        json!({
            "outcome": "declined",
            "series": series.uid.as_str(),
            "clauses": clauses.iter().map(clause).collect::<Vec<_>>(),
        }),
    );
    save(options, &findings)
}

/// Writes findings.json where no series could be asked.
pub(super) fn write_refused(
    options: &Run,
    application: &Application,
    tried: &[Tried],
    left_out: &LeftOut,
) -> Result<(), Failure> {
    let mut findings = head(application, left_out);
    let series: Vec<Value> =
        tried.iter().map(|tried| json!({ "series": tried.series, "why": tried.why })).collect();
    merge(&mut findings, json!({ "outcome": "refused", "tried": series }));
    save(options, &findings)
}

/// Writes findings.json, and prints it where that is asked for.
fn save(options: &Run, findings: &Value) -> Result<(), Failure> {
    fs::write(options.out.join(FINDINGS), format!("{findings:#}\n"))
        .map_err(|error| Failure::unexpected("run/unwritable", &error))?;
    if options.json { print(&findings.to_string()) } else { Ok(()) }
}

fn head(application: &Application, left_out: &LeftOut) -> Value {
    let left_out: Vec<Value> =
        left_out.iter().map(|(file, why)| json!({ "file": file, "why": why })).collect();
    json!({
        "version": 1,
        "application": {
            "name": application.package.name.as_str(),
            "version": application.package.version,
            "digest": application.digest.to_string(),
        },
        "leftOut": left_out,
    })
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn clause(clause: &JudgedClause) -> Value {
    let verdict = match clause.verdict {
        Verdict::Met => "met",
        Verdict::Failed => "failed",
        Verdict::Unknown => "unknown",
    };
    json!({ "name": clause.name, "verdict": verdict, "seen": clause.seen })
}

fn segment(segment: &SegmentFinding) -> Value {
    let measurements: Vec<Value> = segment
        .measurements
        .iter()
        .map(|measurement| match &measurement.value {
            MeasuredValue::Number(value) => json!({
                "key": measurement.key, "concept": measurement.concept.meaning,
                "value": value, "unit": measurement.unit.value,
            }),
            MeasuredValue::Declined { reason } => json!({
                "key": measurement.key, "concept": measurement.concept.meaning, "declined": reason,
            }),
        })
        .collect();
    json!({ "key": segment.key, "label": segment.label, "name": segment.name, "measurements": measurements })
}

/// The answers for people: a line for each segment, then once for each reason why something is not given.
pub(super) fn sentences(segments: &[SegmentFinding]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut reasons = Vec::new();
    for segment in segments {
        let mut values = Vec::new();
        for measurement in &segment.measurements {
            let what = &measurement.concept.meaning;
            match &measurement.value {
                MeasuredValue::Number(value) => {
                    let derivation = measurement.derivation.as_ref();
                    let how = derivation.map(|code| format!(", {}", code.meaning)).unwrap_or_default();
                    values.push(format!("{what}{how}: {value:.1} {}", measurement.unit.meaning));
                }
                MeasuredValue::Declined { reason } => {
                    values.push(format!("{what}: not given"));
                    let why = format!("{what} is not given, because it needs: {reason}");
                    if !reasons.contains(&why) {
                        reasons.push(why);
                    }
                }
            }
        }
        lines.push(format!("{}\n  {}", segment.name, values.join("\n  ")));
    }
    lines.extend(reasons);
    lines
}

fn png(page: &gantry_pipeline::picture::Page) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, u32::from(page.columns), u32::from(page.rows));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&page.rgb)?;
    Ok(bytes)
}
