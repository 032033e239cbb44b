//! Sending to real peers: whether they say that they have what they took.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use gantry_dicom::{
    part10,
    reader::{self, Limits, Stop},
    syntax, tag,
};
use gantry_dimse::{negotiation::Implementation, status::Status};
use gantry_gateway::sender::{Call, Found, SendError, Sender};
use gantry_image::grid::SpacingMm;
use gantry_net::TcpDialer;
use gantry_phantom::{
    acquisition::Acquisition,
    plain::{self, Insert},
    study::{Subject, study},
};
use gantry_ports::{clock::Clock, transport::Dial as _};
use gantry_tests::peer::{self, Listening};
use gantry_types::{
    instant::Instant,
    uid::{SeriesInstanceUid, SopClassUid, SopInstanceUid, StudyInstanceUid, TransferSyntaxUid, Uid},
};
use tempfile::TempDir;

/// The AE title of every peer here.
pub(crate) const PEER: &str = "PEER";

struct Elapsed(std::time::Instant);

impl Clock for Elapsed {
    fn offset(&self) -> gantry_types::instant::UtcOffset {
        gantry_types::instant::UtcOffset::UTC
    }

    fn now(&self) -> Instant {
        Instant(0)
    }

    fn monotonic(&self) -> Instant {
        Instant(i64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

/// Something to send.
struct Object {
    bytes: Vec<u8>,
    class: SopClassUid,
    syntax: TransferSyntaxUid,
    study: StudyInstanceUid,
    series: SeriesInstanceUid,
    instance: SopInstanceUid,
}

/// Two slices of a phantom.
fn objects() -> [Object; 2] {
    let spacing = SpacingMm { row: 16.0, column: 16.0, slice: 20.0 };
    let phantom = plain::water(1, spacing, Insert::Nothing).unwrap();
    let subject = Subject { patient_name: "Phantom^Water", seed: 1 };
    let mut files = study(&phantom.hu, subject, &Acquisition::default()).unwrap().into_iter();
    [(); 2].map(|()| object(&files.next().unwrap().bytes))
}

fn object(file: &[u8]) -> Object {
    let located = part10::locate(file).unwrap();
    let encoding = syntax::layout(&located.transfer_syntax).0;
    let data_set = reader::read(located.data_set, encoding, Limits::default(), Stop::AtEnd).data_set;
    let text = |tag| data_set.str(tag).unwrap();
    Object {
        bytes: located.data_set.to_vec(),
        class: SopClassUid::parse(text(tag::SOP_CLASS_UID)).unwrap(),
        syntax: located.transfer_syntax.clone(),
        study: StudyInstanceUid::parse(text(tag::STUDY_INSTANCE_UID)).unwrap(),
        series: SeriesInstanceUid::parse(text(tag::SERIES_INSTANCE_UID)).unwrap(),
        instance: SopInstanceUid::parse(text(tag::SOP_INSTANCE_UID)).unwrap(),
    }
}

/// An association for objects like this one, and for queries in these syntaxes.
fn associate(listening: &Listening, object: &Object, query: &[(SopClassUid, TransferSyntaxUid)]) -> Sender {
    let wait = Duration::from_secs(30);
    let connection = TcpDialer.dial("localhost", listening.address().port(), wait).unwrap();
    let call = Call {
        called: PEER.parse().unwrap(),
        calling: "GANTRY".parse().unwrap(),
        implementation: Implementation {
            class: Uid::from_peer(part10::IMPLEMENTATION_CLASS_UID).unwrap(),
            version: "GANTRY_TEST".into(),
            maximum_length: 128 << 10,
        },
    };
    let mut contexts = query.to_vec();
    contexts.push((object.class.clone(), object.syntax.clone()));
    let clock = Arc::new(Elapsed(std::time::Instant::now()));
    Sender::associate(connection, &call, contexts, clock, wait).unwrap()
}

fn find(sender: &mut Sender, object: &Object) -> Result<Found, SendError> {
    sender.find_instance(&object.study, &object.series, &object.instance)
}

fn store(sender: &mut Sender, object: &Object) {
    let outcome = sender.store(&object.class, &object.instance, &object.syntax, &object.bytes).unwrap();
    assert_eq!(outcome.status, Status::SUCCESS, "{outcome:?}");
}

/// An archive has what was stored, on the same association and on the next, and nothing else.
#[track_caller]
fn check_archive(archive: &Listening) {
    let [stored, other] = objects();
    let mut sender = associate(archive, &stored, &Sender::query());
    assert_eq!(find(&mut sender, &stored).unwrap(), Found::Absent);
    store(&mut sender, &stored);
    assert_eq!(find(&mut sender, &stored).unwrap(), Found::Present);
    assert_eq!(find(&mut sender, &other).unwrap(), Found::Absent);
    sender.release();
    for query in Sender::query() {
        let mut sender = associate(archive, &stored, &[query]);
        assert_eq!(find(&mut sender, &stored).unwrap(), Found::Present);
        assert_eq!(find(&mut sender, &other).unwrap(), Found::Absent);
        sender.release();
    }
}

fn dcmqrscp(program: &Path, dir: &Path) -> Listening {
    let (images, config) = (dir.join("images"), dir.join("dcmqrscp.cfg"));
    fs::create_dir(&images).unwrap();
    let text = format!(
        "MaxPDUSize = 16384\nMaxAssociations = 16\n\
         HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n\
         AETable BEGIN\n{PEER} {} RW (10, 64mb) ANY\nAETable END\n",
        images.display()
    );
    fs::write(&config, text).unwrap();
    // Not with --single-process: such a one ends with its first association.
    Listening::start(|port| {
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).arg(port.to_string());
        command
    })
}

pub(crate) fn orthanc(program: &Path, dir: &Path) -> Listening {
    let config = dir.join("orthanc.json");
    Listening::start(|port| {
        let settings = serde_json::json!({
            "StorageDirectory": dir.join("storage"),
            "IndexDirectory": dir.join("storage"),
            "Plugins": [],
            "HttpServerEnabled": false,
            "DicomServerEnabled": true,
            "DicomAet": PEER,
            "DicomPort": port,
            "DicomAlwaysAllowEcho": true,
            "DicomAlwaysAllowStore": true,
            "DicomAlwaysAllowFind": true,
        });
        fs::write(&config, settings.to_string()).unwrap();
        let mut command = Command::new(program);
        command.arg(&config);
        command
    })
}

#[test]
fn dcmqrscp_has_what_it_took_and_nothing_else() {
    let test = "dcmqrscp_has_what_it_took_and_nothing_else";
    let Some(program) = peer::program(test, "dcmqrscp") else { return };
    let dir = TempDir::new().unwrap();
    check_archive(&dcmqrscp(&program, dir.path()));
}

#[test]
fn orthanc_has_what_it_took_and_nothing_else() {
    let test = "orthanc_has_what_it_took_and_nothing_else";
    let Some(program) = peer::program(test, "Orthanc") else { return };
    let dir = TempDir::new().unwrap();
    check_archive(&orthanc(&program, dir.path()));
}

/// A receiver without queries refuses their contexts; that is known before anything is asked, and it goes on taking
/// objects.
#[test]
fn storescp_takes_no_queries_and_still_objects() {
    let test = "storescp_takes_no_queries_and_still_objects";
    let Some(program) = peer::program(test, "storescp") else { return };
    let dir = TempDir::new().unwrap();
    let storescp = Listening::start(|port| {
        let mut command = Command::new(program);
        command.arg("--output-directory").arg(dir.path()).arg(port.to_string());
        command
    });
    let [object, _] = objects();
    let mut sender = associate(&storescp, &object, &Sender::query());
    let error = find(&mut sender, &object).unwrap_err();
    assert!(matches!(error, SendError::NoContext { .. }), "{error}");
    store(&mut sender, &object);
    sender.release();
}
