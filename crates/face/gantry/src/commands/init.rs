//! `gantry init`: a data folder with a commented configuration; and a PACS, proved by an echo and a test object.

use std::fs;

use gantry_dicom::{
    data_set::{DataSet, Value},
    part10, syntax, tag,
    vr::Vr,
    writer,
};
use gantry_evidence::{
    object::Kind,
    profile::ProfileName,
    uid::{UidKind, UidScope},
};
use gantry_ports::runs::run_of_id;
use gantry_types::{
    ids::IdError,
    uid::{SopClassUid, SopInstanceUid, TransferSyntaxUid, Uid},
};

use crate::{
    cli::{Init, Peer, Send},
    commands::{apply, by_command, peers},
    config, documents,
    node::{Access, Node, implementation},
    report::{Exit, Failure, print},
    secret,
};

/// Where the documents of this node are written to, for whoever edits them.
const DOCUMENTS: &str = "documents";

/// Side of the test image.
const SIDE: u16 = 64;

const WORKFLOW: &str = r#"# A workflow to begin with: lung-density on every chest CT. Edit it, then: gantry apply --data DATA -f documents
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest:
    series: series.modality == "CT" && series.instances >= 40
    choose: thinnest
ready:
  quiet: 20s            # no image for that long ...
  associationEnd: 3s    # ... or the one association that brought them all was released
tasks:
  - name: lungs
    app: lung-density
    inputs: { image: chest }
deliver:
  - to: NAME
"#;

/// `gantry init`.
pub(crate) fn run(options: &Init) -> Result<(), Failure> {
    let is_new = !options.data.join(config::FILE).exists();
    if is_new {
        // Makes the folder and its database; dropped at once, so that a server may open it.
        drop(Node::open(&options.data, Access::Serve)?);
    }
    secret::in_folder(&options.data)?;
    let node = Node::open(&options.data, Access::Read)?;
    let what = if is_new { "is a data folder now" } else { "was a data folder already" };
    print(&format!("{} {what}; {} lists every setting", options.data.display(), config::FILE))?;
    if let (Some(address), Some(title)) = (&options.pacs, &options.pacs_ae_title) {
        let peer = Peer { address: address.clone(), called: title.clone(), calling: options.calling.clone() };
        add(options, &node, &peer)?;
    }
    print(&format!("next: gantry serve --data {}", options.data.display()))
}

/// Proves the PACS first: what does not answer is not taken into use.
fn add(options: &Init, node: &Node, peer: &Peer) -> Result<(), Failure> {
    let text = destination(options, peer);
    let written =
        documents::read("the new Destination", &text).map_err(|wrong| documents::invalid(&wrong))?;
    peers::echo(peer)?;
    if !options.no_test_object {
        prove(options, node, peer)?;
    }
    let folder = options.data.join(DOCUMENTS);
    let failed = |error: std::io::Error| Failure::unexpected("init/unwritable", &error);
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(folder.join(format!("{}.yaml", options.pacs_name)), &text).map_err(failed)?;
    apply::show(&documents::apply(node, &written, &by_command(None)?)?, false)?;
    let workflow = folder.join("chest-ct.yaml.example");
    if !workflow.exists() {
        fs::write(&workflow, WORKFLOW.replace("NAME", &options.pacs_name)).map_err(failed)?;
        print(&format!("a workflow to begin with is in {}", workflow.display()))?;
    }
    Ok(())
}

fn destination(options: &Init, peer: &Peer) -> String {
    let confirm = if options.pacs_answers_queries { "query" } else { "none" };
    format!(
        "apiVersion: gantry/v1\nkind: Destination\nmetadata: {{ name: {}, class: {} }}\naeTitle: \"{}\"\n\
         address: \"{}\"\ncallingAeTitle: \"{}\"\nconfirm: {confirm}\n",
        options.pacs_name, options.pacs_class, peer.called, peer.address, peer.calling
    )
}

/// Sends an image that nobody can take for a patient's.
fn prove(options: &Init, node: &Node, peer: &Peer) -> Result<(), Failure> {
    let (uid, file) = test_object(options, node)?;
    let folder = tempdir(options)?;
    let path = folder.join("test-object.dcm");
    let failed = |error: std::io::Error| Failure::unexpected("init/unwritable", &error);
    fs::write(&path, file).map_err(failed)?;
    let sent = peers::send_all(&Send { peer: peer.clone(), paths: vec![path.clone()] });
    fs::remove_file(&path).map_err(failed)?;
    let sent = sent?;
    if sent.sent == 0 {
        let sentence = format!("{} at {} does not accept a secondary capture", peer.called, peer.address);
        return Err(Failure::new(Exit::Peer, "init/not-accepted", sentence)
            .hint("may we store there? `--no-test-object` adds it all the same"));
    }
    print(&format!("{} took a test object: patient GANTRY-TEST, object {uid}; delete it there", peer.called))
}

fn tempdir(options: &Init) -> Result<std::path::PathBuf, Failure> {
    options.data.canonicalize().map_err(|error| Failure::unexpected("init/unwritable", &error))
}

/// A grey ramp as a secondary capture, Part 10.
fn test_object(options: &Init, node: &Node) -> Result<(Uid, Vec<u8>), Failure> {
    let wrong = |what: String| Failure::new(Exit::Failed, "init/test-object", what);
    let scope = UidScope {
        secret: secret::in_folder(&options.data)?,
        case: "test-object".to_owned(),
        run: run_of_id(node.outside.ids.next()),
        task: "init".parse().map_err(|error: IdError| wrong(error.to_string()))?,
        issue: 0,
    };
    let profile = ProfileName::new("test-object").ok_or_else(|| wrong("a profile name".to_owned()))?;
    let own = |kind, index| scope.uid(&profile, kind, index);
    let kind = Kind::SecondaryCapture;
    let instance = own(UidKind::Instance(kind), 0);
    let mut image = DataSet::new();
    image.put_str(tag::SOP_CLASS_UID, kind.sop_class());
    image.put_str(tag::SOP_INSTANCE_UID, instance.as_str());
    image.put_str(tag::MODALITY, "OT");
    image.put_str(tag::CONVERSION_TYPE, "SYN");
    image.put_str(tag::PATIENT_NAME, "Gantry^Test");
    image.put_str(tag::PATIENT_ID, "GANTRY-TEST");
    image.put_str(tag::STUDY_INSTANCE_UID, own(UidKind::Series(kind), 1).as_str());
    image.put_str(tag::SERIES_INSTANCE_UID, own(UidKind::Series(kind), 0).as_str());
    image.put_str(tag::SERIES_NUMBER, "1");
    image.put_str(tag::INSTANCE_NUMBER, "1");
    for empty in [
        tag::PATIENT_BIRTH_DATE,
        tag::PATIENT_SEX,
        tag::STUDY_DATE,
        tag::STUDY_TIME,
        tag::ACCESSION_NUMBER,
        tag::REFERRING_PHYSICIAN_NAME,
        tag::STUDY_ID,
        tag::LATERALITY,
        tag::PATIENT_ORIENTATION,
    ] {
        image.put_empty(empty);
    }
    image.put_u16(tag::SAMPLES_PER_PIXEL, &[1]);
    image.put_str(tag::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    for (tag, value) in [
        (tag::ROWS, SIDE),
        (tag::COLUMNS, SIDE),
        (tag::BITS_ALLOCATED, 8),
        (tag::BITS_STORED, 8),
        (tag::HIGH_BIT, 7),
        (tag::PIXEL_REPRESENTATION, 0),
    ] {
        image.put_u16(tag, &[value]);
    }
    let ramp = (0..SIDE)
        .flat_map(|row| (0..SIDE).map(move |column| u8::try_from((row + column) * 2).unwrap_or(u8::MAX)));
    image.put_as(tag::PIXEL_DATA, Vr::OB, Value::Bytes(ramp.collect::<Vec<u8>>().into()));
    let body = writer::write_explicit(&image).map_err(|error| wrong(error.to_string()))?;
    let known = |what: &str| wrong(format!("{what} is blank"));
    let head = part10::head(
        &SopClassUid::from_peer(kind.sop_class()).ok_or_else(|| known("the class"))?,
        &SopInstanceUid::from_peer(instance.as_str()).ok_or_else(|| known("the object"))?,
        &TransferSyntaxUid::from_peer(syntax::EXPLICIT_VR_LITTLE_ENDIAN)
            .ok_or_else(|| known("the syntax"))?,
        &part10::Implementation {
            class_uid: implementation().class,
            version_name: implementation().version.to_string(),
        },
        None,
    );
    Ok((instance, [head, body].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_that_it_writes_can_be_applied() {
        let wrong = |errors: Vec<String>| errors.join("\n");
        let read = documents::read("workflow", &WORKFLOW.replace("NAME", "pacs")).map_err(wrong);
        assert_eq!(read.map(|documents| documents.len()), Ok(1));
    }
}
