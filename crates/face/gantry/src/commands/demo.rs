//! `gantry demo`: the whole way once, on this machine alone: a phantom is sent to a node over DICOM, its results are
//! received by a second one that plays the PACS, and are compared with the truth.

mod checks;
mod stages;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::{Duration, Instant as Timer},
};

use gantry_api::story::Story;
use gantry_definition::document::HostPort;
use gantry_evidence::object::Kind;
use gantry_ports::store::{ObjectRow, StudyRow};
use gantry_types::instant::Instant;
use serde_json::{Value, json};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{
    cli::{Demo, Peer, Phantom, PhantomKind, PhantomOrientation, Send},
    commands::{by_command, peers, phantom},
    config, documents,
    node::{Access, Node},
    report::{Exit, Failure, print, say, unreadable},
    serving::{Listen, Reception, Serving},
};

use checks::Check;

/// The folder's name, where none is given.
const FOLDER: &str = "gantry-demo";
/// How long results may take: a slow machine in a debug build takes half a minute.
const PATIENCE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(50);

/// Small: a demonstration must not ask for the room of a hospital.
const CONFIG: &str =
    "# Made by `gantry demo`; `gantry serve --data` on an empty folder writes every key with its default.
[storage]
segment_mib = 64
spares = 1
reserve_mib = 64
[run]
slots = 1
";

/// The workflows of [`DOCUMENTS`].
const WORKFLOWS: [&str; 2] = ["chest-ct", "lesions"];

/// Class `test` throughout: what a demonstration makes goes nowhere else.
const DOCUMENTS: &str = r#"apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: test }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest:
    series: series.modality == "CT" && series.instances >= 40
    choose: thinnest
ready:
  associationEnd: 0s
  quiet: 10s
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
deliver:
  - to: demo-pacs
---
apiVersion: gantry/v1
kind: Workflow
metadata: { name: lesions, class: test }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest:
    series: series.modality == "CT" && series.instances >= 40
    choose: thinnest
ready:
  associationEnd: 0s
  quiet: 10s
tasks:
  - name: network
    app: phantom-lesion
    inputs: { image: chest }
deliver:
  - to: demo-pacs
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: demo-pacs, class: test }
aeTitle: DEMO PACS
"#;

/// The folders of a demonstration.
struct Folders {
    top: PathBuf,
    phantom: PathBuf,
    node: PathBuf,
    pacs: PathBuf,
    evidence: PathBuf,
}

/// What came out.
struct Shown {
    study: StudyRow,
    evidence: Vec<PathBuf>,
    stages: Vec<(String, f64)>,
    checks: Vec<Check>,
}

/// `gantry demo`.
pub(crate) fn run(options: &Demo) -> Result<(), Failure> {
    let folders = folders(options)?;
    step(options, "making a phantom of a chest with lesions");
    let phantom = Phantom {
        out: folders.phantom.clone(),
        seed: options.seed,
        orientation: PhantomOrientation::Axial,
        feet_first: false,
        shuffled: true,
        several: false,
        kind: PhantomKind::Lesions,
    };
    let (_, truth) = phantom::write(&phantom)?;
    step(options, "starting a node, and a second one that plays the PACS");
    let pacs_node = Node::open(&folders.pacs, Access::Serve)?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let pacs = Reception::open(&pacs_node, any_port)?;
    let listen = Listen { dicom: any_port, http: Some(any_port) };
    let serving = Serving::start(Node::open(&folders.node, Access::Serve)?, listen)?;
    let node = Node::open(&folders.node, Access::Read)?;
    let text = format!("{DOCUMENTS}address: {}\n", pacs.address());
    fs::write(folders.top.join("documents.yaml"), &text).map_err(|error| unwritable(&error))?;
    let written = documents::read("documents.yaml", &text).map_err(|wrong| documents::invalid(&wrong))?;
    documents::apply(&node, &written, &by_command(None)?)?;
    let shown = show(options, &folders, &node, &pacs_node, serving.address(), &truth);
    if let (Ok(shown), false) = (&shown, options.once) {
        tell(options, &folders, shown)?;
        serving.say_http(&folders.node);
        say(&format!(
            "\nboth nodes stay up until you stop them (Ctrl-C). Send a chest CT of yours, and see what becomes of it:\n  \
             {gantry} send {} --called GANTRY FOLDER\n  {gantry} study list --data {}",
            serving.address(),
            folders.node.display(),
            gantry = called_as()
        ));
        // Only now: until here a signal ends it at once, which loses nothing.
        let signals = Signals::new([SIGTERM, SIGINT]);
        signals.map_err(|error| Failure::unexpected("demo/failed", &error))?.forever().next();
    }
    serving.stop();
    pacs.close();
    let shown = shown?;
    if options.once {
        tell(options, &folders, &shown)?;
    }
    match shown.checks.iter().filter(|check| !check.is_met).count() {
        0 => Ok(()),
        failed => {
            let sentence = format!("{failed} of {} checks failed", shown.checks.len());
            Err(Failure::new(Exit::Failed, "demo/check-failed", sentence))
        }
    }
}

fn unwritable(error: &std::io::Error) -> Failure {
    Failure::unexpected("demo/unwritable", error)
}

/// How the program was called, so that what is printed can be typed.
fn called_as() -> String {
    std::env::args().next().unwrap_or_else(|| "gantry".to_owned())
}

/// Says what happens, where a person reads.
fn step(options: &Demo, sentence: &str) {
    if !options.json {
        say(&format!("demo: {sentence}"));
    }
}

/// New folders, with the configuration of both nodes.
fn folders(options: &Demo) -> Result<Folders, Failure> {
    let top = match &options.out {
        Some(out) if out.exists() => {
            let sentence = format!("{} exists already", out.display());
            return Err(Failure::new(Exit::Input, "demo/exists", sentence)
                .hint("name a folder that does not exist yet"));
        }
        Some(out) => out.clone(),
        None => free_name(),
    };
    let below = |name: &str| top.join(name);
    let folders = Folders {
        phantom: below("phantom"),
        node: below("node"),
        pacs: below("pacs"),
        evidence: below("evidence"),
        top: top.clone(),
    };
    for folder in [&folders.node, &folders.pacs, &folders.evidence] {
        fs::create_dir_all(folder).map_err(|error| unwritable(&error))?;
    }
    let pacs = CONFIG.replace("[storage]", "[dicom]\nae_title = \"DEMO PACS\"\n[storage]");
    let write = |folder: &Path, text: &str| fs::write(folder.join(config::FILE), text);
    write(&folders.node, CONFIG)
        .and_then(|()| write(&folders.pacs, &pacs))
        .map_err(|error| unwritable(&error))?;
    Ok(folders)
}

fn free_name() -> PathBuf {
    let numbered = (2_u32..).map(|number| PathBuf::from(format!("{FOLDER}-{number}")));
    let mut names = std::iter::once(PathBuf::from(FOLDER)).chain(numbered);
    names.find(|name| !name.exists()).unwrap_or_else(|| PathBuf::from(FOLDER))
}

/// Sends the phantom, waits for its evidence in the PACS, and compares.
fn show(
    options: &Demo,
    folders: &Folders,
    node: &Node,
    pacs: &Node,
    address: SocketAddr,
    truth: &gantry_phantom::chest::Phantom,
) -> Result<Shown, Failure> {
    let started = Timer::now();
    step(options, &format!("sending it to the node at {address}"));
    let peer = Peer {
        address: HostPort { host: address.ip().to_string(), port: address.port() },
        called: "GANTRY".to_owned(),
        calling: "DEMO CT".to_owned(),
    };
    let sent = peers::send_all(&Send { peer, paths: vec![folders.phantom.join("study")] })?;
    if sent.sent != sent.of {
        let sentence = format!("the node took {} of {} images", sent.sent, sent.of);
        return Err(Failure::new(Exit::Failed, "demo/not-received", sentence));
    }
    let sending = started.elapsed().as_secs_f64();
    step(options, "waiting for the evidence in the PACS");
    let study = node.outside.intake.newest_studies(&node.site, Instant(i64::MAX), 1).map_err(unreadable)?;
    let study = study.into_iter().next().ok_or_else(|| {
        Failure::new(Exit::Failed, "demo/not-received", "the node does not know the study that it took")
    })?;
    let received = wait(node, pacs, &study, started)?;
    let total = started.elapsed().as_secs_f64();
    let mut evidence = Vec::new();
    let mut objects = Vec::new();
    for row in &received {
        let kind = Kind::of_sop_class(row.sop_class.as_str()).map_or("object", Kind::name);
        let application = checks::application(node, &study, row)?.unwrap_or_default();
        let path = folders.evidence.join(format!("{application}-{}.dcm", kind.to_lowercase()));
        let bytes = pacs.outside.blob.read(row.blob, 0..row.blob.length);
        let bytes = bytes.map_err(|error| Failure::unexpected("demo/evidence", &error))?;
        fs::write(&path, &bytes).map_err(|error| unwritable(&error))?;
        evidence.push(path);
        objects.push((row.clone(), bytes));
    }
    step(options, "comparing it with the truth");
    let checks = checks::judge(node, &study, &objects, truth)?;
    let mut stages = vec![("send".to_owned(), sending)];
    stages.extend(stages::of(&node.view(), &study)?);
    stages.push(("total".to_owned(), total));
    Ok(Shown { study, evidence, stages, checks })
}

/// The evidence, once all of it is in the PACS; sooner a failure, if it will not come.
fn wait(node: &Node, pacs: &Node, study: &StudyRow, started: Timer) -> Result<Vec<ObjectRow>, Failure> {
    let view = node.view();
    loop {
        let story = Story::read(&view, &study.uid)?;
        let received = pacs.outside.intake.objects(&pacs.site, &study.uid).map_err(unreadable)?;
        let mut ran = 0;
        for workflow in WORKFLOWS {
            let workflow = workflow.parse().map_err(|error: gantry_types::ids::IdError| {
                Failure::new(Exit::Failed, "demo/failed", error.to_string())
            })?;
            let told = story.told(&view, &workflow)?;
            ran += usize::from(told.outcome == "ran");
            let is_stuck = ["declined", "failed", "held", "expired", "cancelled"].contains(&told.outcome)
                || told.done.iter().any(|line| line.to_lowercase().contains("quarantined"));
            if is_stuck || PATIENCE < started.elapsed() {
                let sentence = format!(
                    "the evidence of {workflow} did not come: {} {}; {}",
                    told.outcome,
                    told.sentence,
                    told.done.join("; ")
                );
                return Err(Failure::new(Exit::Failed, "demo/no-evidence", sentence));
            }
        }
        let is_all = received.len() == WORKFLOWS.len() * Kind::ALL.len();
        if is_all && ran == WORKFLOWS.len() && story.is_delivered()? {
            return Ok(received);
        }
        std::thread::sleep(POLL);
    }
}

fn tell(options: &Demo, folders: &Folders, shown: &Shown) -> Result<(), Failure> {
    if options.json {
        let checks: Vec<Value> = shown.checks.iter().map(Check::as_json).collect();
        let stages: serde_json::Map<String, Value> =
            shown.stages.iter().map(|(stage, seconds)| (stage.clone(), json!(seconds))).collect();
        return print(
            &json!({
                "folder": folders.top,
                "study": folders.phantom.join("study"),
                "truth": folders.phantom,
                "studyInstanceUid": shown.study.uid.as_str(),
                "evidence": shown.evidence,
                "stages": stages,
                "checks": checks,
            })
            .to_string(),
        );
    }
    for check in &shown.checks {
        let mark = if check.is_met { "ok  " } else { "FAIL" };
        print(&format!("{mark}  {}: {} (expected {})", check.name, check.seen, check.expected))?;
    }
    for (stage, seconds) in &shown.stages {
        print(&format!("      {stage:<20} {seconds:.3} s"))?;
    }
    print(&format!("evidence in {}", folders.evidence.display()))?;
    print(&format!("images   in {}", folders.phantom.join("study").display()))?;
    let gantry = called_as();
    print(&format!("why?     {gantry} why --data {} {}", folders.node.display(), shown.study.uid))?;
    if options.once {
        print(&format!(
            "to keep such a system up: `{gantry} demo`; for one of your own: `{gantry} serve --data FOLDER`"
        ))?;
    }
    Ok(())
}
