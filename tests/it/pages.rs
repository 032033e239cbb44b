//! The pages for people: what they tell, what their forms order, and that a browser runs nothing of what peers send.

mod browser;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
};

use gantry_ports::{
    intake::{Intake as _, StudySearch},
    store::{Change, Row, Store as _, StudyRow},
};
use gantry_sqlite::SqliteStore;
use gantry_tests::{
    notes,
    peer::{self, Listening},
    served::{CONFIG, Served, apply, program, wait_for},
};
use gantry_types::{ids::SiteId, instant::Instant, uid::StudyInstanceUid};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    http::{Answer, exchange, request, token},
    whole::{newest_study, phantom, send, wait_for_outcome},
};

const TOKENS: &str = "[http]\ntokens = { lena = \"operate\", kim = \"admin\" }\n";

const PAGE: (&str, &str) = ("Accept", "text/html");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("Origin", "http://gantry");

/// One that runs, and is delivered to one destination and not to the other; one that is held; one that waits.
const DOCUMENTS: &str = r#"
apiVersion: gantry/v1
kind: Workflow
metadata: { name: chest-ct, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 3s, associationEnd: 0s }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: chest } }
deliver:
  - { to: pacs }
  - { to: night-pacs, what: [sr] }
---
apiVersion: gantry/v1
kind: Workflow
metadata: { name: ct-with-mr, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
  brain: { series: 'series.modality == "MR"', choose: newest }
ready: { quiet: 1s, maxWait: 2s, onMaxWait: hold }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: chest } }
---
apiVersion: gantry/v1
kind: Workflow
metadata: { name: ct-complete, class: research }
match: study.modalities.exists(m, m == "CT")
inputs:
  chest: { series: 'series.modality == "CT" && series.instances >= 40', choose: thinnest }
ready: { quiet: 10m }
tasks:
  - { name: lungs, app: lung-density, inputs: { image: chest } }
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: night-pacs, class: research }
aeTitle: NIGHTPACS
address: 127.0.0.1:9
---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs, class: research }
aeTitle: STORESCP
"#;

/// A node with something on every page.
struct House {
    served: Served,
    study: String,
    run: String,
    /// What takes the evidence.
    _pacs: Listening,
    dir: TempDir,
}

impl House {
    fn open(test: &str) -> Option<Self> {
        let storescp = peer::program(test, "storescp")?;
        let dir = TempDir::new().unwrap();
        let received = dir.path().join("received");
        fs::create_dir(&received).unwrap();
        let pacs = Listening::start(|port| {
            let mut command = Command::new(storescp);
            command.arg("--output-directory").arg(&received).arg(port.to_string());
            command
        });
        let strict = CONFIG.replace("[dicom]", "[dicom]\ntrust_loopback = false");
        let served = Served::start_with(&format!("{strict}{TOKENS}"));
        let source = "---\napiVersion: gantry/v1\nkind: Source\nmetadata: { name: ct-1 }\naeTitle: GANTRY\naddresses: [127.0.0.1]\n";
        apply(&served, dir.path(), &format!("{DOCUMENTS}address: {}\n{source}", pacs.address()));
        let mut echo = Command::new(program());
        echo.args(["echo", &served.address().to_string(), "--called", "GANTRY", "--calling", "CT ROOM 2"]);
        assert!(!echo.output().unwrap().status.success());
        send(&served, "GANTRY", &[phantom(dir.path(), 81)]);
        let study = newest_study(&served);
        wait_for(&served, &["study", "show", &study], |show| outcome(show, "chest-ct") == "ran");
        wait_for(&served, &["study", "show", &study], |show| outcome(show, "ct-with-mr") == "held");
        wait_for(&served, &["delivery", "list"], |list| {
            let states =
                |word| list["deliveries"].as_array().unwrap().iter().filter(move |one| one["state"] == word);
            states("sent").count() == 3 && states("retrying").count() == 1
        });
        let run = served.ask(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
        Some(Self { served, study, run, _pacs: pacs, dir })
    }

    fn token(&self, name: &str) -> String {
        fs::read_to_string(self.served.data().join("http.tokens").join(name)).unwrap()
    }

    /// A page, as somebody sees it.
    #[track_caller]
    fn page(&self, token: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        exchange(self.served.http(), &format!("GET {path}"), &[PAGE, ("Authorization", &bearer)], "")
    }

    /// A session of somebody's browser.
    fn sign_in(&self, name: &str) -> String {
        let typed = format!("token={}", self.token(name));
        let answer = exchange(self.served.http(), "POST /login", &[FORM, PAGE, OURS], &typed);
        answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
    }

    /// Sends a form as a browser does, and follows to the page after it.
    #[track_caller]
    fn fill(&self, session: &str, path: &str, form: &str) -> Answer {
        let headers = [("Cookie", session), PAGE, FORM, OURS];
        let sent = exchange(self.served.http(), &format!("POST {path}"), &headers, form);
        if sent.status != 303 {
            return sent;
        }
        exchange(self.served.http(), &format!("GET {}", sent.headers["location"]), &headers[..2], "")
    }

    /// What goes over the wire for a path, byte for byte.
    fn bytes(&self, path: &str) -> Vec<u8> {
        let mut connection = TcpStream::connect(self.served.http()).unwrap();
        let bearer = token(self.served.data());
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: gantry\r\nAuthorization: Bearer {bearer}\r\n\r\n");
        connection.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn outcome(show: &Value, workflow: &str) -> String {
    let all = show["workflows"].as_array();
    let one = all.and_then(|all| all.iter().find(|one| one["workflow"] == workflow));
    one.and_then(|one| one["outcome"].as_str()).unwrap_or_default().to_owned()
}

#[test]
fn forms_order_what_commands_order_and_only_for_those_who_may() {
    let test = "forms_order_what_commands_order_and_only_for_those_who_may";
    let Some(house) = House::open(test) else { return };
    let reader = token(house.served.data());
    let study = format!("/studies/{}", house.study);
    for path in ["/", &*study, &format!("/runs/{}", house.run), "/refused"] {
        let seen = house.page(&reader, path);
        assert_eq!(seen.status, 200, "{path}");
        assert!(!seen.body.contains("class=\"order\""), "{path}: a reader orders nothing");
        assert!(seen.body.contains("can do something about it here"), "{path}: and is told who can");
    }
    let (lena, kim) = (house.sign_in("lena"), house.sign_in("kim"));
    let nothing = house.fill(&lena, &format!("{study}/decide"), "workflow=ct-with-mr&decision=go&reason=+");
    assert!(nothing.status == 400 && nothing.body.contains("A reason is 1 to 500"), "{}", nothing.body);
    let held = "workflow=ct-with-mr&decision=skip&reason=no+MR+was+asked+for&back=%2F";
    let skipped = house.fill(&lena, &format!("{study}/decide"), held);
    assert!(skipped.body.contains("It is not run."), "{}", skipped.body);
    assert!(!skipped.body.contains("is held for"), "{}", skipped.body);
    let twice = house.fill(&lena, &format!("{study}/decide"), held);
    assert!(twice.status == 409 && twice.body.contains("Nothing was changed"), "{}", twice.body);
    let audit = house.page(&reader, &format!("/api/v1/studies/{}/audit", house.study)).json();
    let told = audit["audit"].as_array().unwrap().iter().find(|one| one["actor"] == "lena").unwrap();
    assert!(told["detail"].as_str().unwrap().contains("no MR was asked for"), "{told}");

    let refused = "calling=CT+ROOM+2&address=127.0.0.1&reason=the+new+scanner";
    let forbidden = house.fill(&lena, "/refused/accept", refused);
    assert!(forbidden.status == 403 && forbidden.body.contains("needs admin"), "{}", forbidden.body);
    let accepted = house.fill(&kim, "/refused/accept", refused);
    assert!(accepted.body.contains("The sender is let in"), "{}", accepted.body);
    assert!(!house.page(&reader, "/").body.contains("was refused"), "nobody needs to look at it any more");

    let again = house.fill(&lena, &format!("/runs/{}/rerun", house.run), "reason=once+more");
    assert!(again.body.contains("A new run has begun"), "{}", again.body);
    wait_for_outcome(&house.served, &house.study, "ran");
    let object =
        house.served.ask(&["delivery", "list"])["deliveries"][0]["sopInstance"].as_str().unwrap().to_owned();
    let resent = house.fill(&lena, &format!("/deliveries/{object}/resend"), "reason=lost+in+the+PACS");
    assert!(resent.body.contains("It is queued again"), "{}", resent.body);
}

#[test]
fn studies_are_found_by_what_people_know_of_them() {
    let test = "studies_are_found_by_what_people_know_of_them";
    let Some(house) = House::open(test) else { return };
    let reader = token(house.served.data());
    for (query, is_found) in [
        ("q=phantom+chest", true),
        ("q=PHANTOM-81", true),
        ("q=ph81", true),
        (&*format!("q={}", house.study), true),
        ("q=&date=2026-01-05", true),
        ("q=phantom&date=2026-01-06", false),
        ("q=nobody", false),
        ("q=%25", false),
        ("q=%3Cscript%3E", false),
    ] {
        let page = house.page(&reader, &format!("/studies?{query}"));
        assert_eq!(page.body.contains(&house.study), is_found, "{query}: {}", page.body);
        assert!(!page.body.contains("<script"), "{query}");
    }
}

#[test]
fn the_picture_is_the_stored_capture() {
    let test = "the_picture_is_the_stored_capture";
    let Some(house) = House::open(test) else { return };
    let page = house.page(&token(house.served.data()), &format!("/studies/{}", house.study));
    let source = page.body.split("<img src=\"").nth(1).unwrap().split('"').next().unwrap();
    let bytes = house.bytes(source);
    let at = bytes.windows(8).position(|window| window == b"\x89PNG\r\n\x1a\n").unwrap();
    assert!(String::from_utf8_lossy(&bytes[..at]).contains("content-type: image/png"));
    let (list, mut others) = (house.served.ask(&["delivery", "list"]), 0);
    for one in list["deliveries"].as_array().unwrap().iter().filter(|one| one["kind"] != "SC") {
        let path = format!("/studies/{}/pictures/{}", house.study, one["sopInstance"].as_str().unwrap());
        assert_eq!(request(house.served.http(), "GET", &path, Some(&token(house.served.data()))).status, 404);
        others += 1;
    }
    assert_eq!(others, 3, "{list}");
}

/// Writes what a hostile peer would into a study, and sends it.
fn send_hostile(test: &str, house: &House, dir: &Path) -> Option<String> {
    let dcmodify = peer::program(test, "dcmodify")?;
    let study = phantom(dir, 82);
    let files = fs::read_dir(&study).unwrap().map(|file| file.unwrap().path());
    let mut command = Command::new(dcmodify);
    command.args(["-nb", "-m", "PatientName=<script>alert(1)</script>^\"'><img src=x onerror=alert(2)>"]);
    command.args([
        "-m",
        "StudyDescription=</title><script>alert(3)</script>",
        "-m",
        "AccessionNumber=<b>&lt;",
    ]);
    command.args(["-i", "SeriesDescription=<svg onload=alert(4)>"]);
    peer::run(command.args(files));
    send(&house.served, "GANTRY", &[study]);
    let mut echo = Command::new(program());
    echo.args(["echo", &house.served.address().to_string(), "--called", "GANTRY", "--calling", "<i>CT</i>"]);
    assert!(!echo.output().unwrap().status.success());
    let hostile = newest_study(&house.served);
    wait_for_outcome(&house.served, &hostile, "ran");
    Some(hostile)
}

/// A year of a large hospital: 1,500 studies a day. Nothing of a study is indexed by its parts, so they are looked at
/// one after the other.
#[test]
#[ignore = "writes half a million studies"]
fn a_study_is_found_among_those_of_a_year() {
    let dir = TempDir::new().unwrap();
    let store = SqliteStore::open(&dir.path().join("gantry.db")).unwrap();
    let site: SiteId = "site".parse().unwrap();
    let row = |number: i64| {
        Row::Study(StudyRow {
            site: site.clone(),
            uid: StudyInstanceUid::from_peer(&format!("2.25.{}", 10_i64.pow(17) + number)).unwrap(),
            first_received: Instant(number),
            patient_id: format!("P{number}"),
            patient_id_issuer: String::new(),
            patient_name: format!("Family{number}^Given"),
            accession_number: format!("A{number}"),
            accession_issuer: String::new(),
            study_date: "20261201".to_owned(),
            description: "CT Thorax".to_owned(),
        })
    };
    for block in 0..547 {
        let rows = (block * 1000..(block + 1) * 1000).map(row).collect();
        store.commit(&Change { rows, ..Change::default() }).unwrap();
    }
    for (words, want) in [("family7^ given", 1), ("nobody", 0), ("P546999", 1), ("", 50)] {
        let began = std::time::Instant::now();
        let found = store.find_studies(&site, &StudySearch::new(words, None), Instant(i64::MAX), 50).unwrap();
        let seconds = began.elapsed().as_secs_f64();
        assert_eq!(found.len(), want, "{words}");
        notes::figure(&format!(
            "pages: {want} studies found by {words:?} among 547,000 after {seconds:.3} s"
        ));
    }
}
