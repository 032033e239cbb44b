//! What is told over HTTP: to whom, in which form, and that it is what the commands tell.

mod openapi;
mod orders;
mod sessions;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gantry_tests::{
    notes, peer,
    served::{CONFIG, Served, program},
};
use serde_json::Value;
use tempfile::TempDir;

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Sends a request as it stands, and reads to the end of the connection.
#[track_caller]
fn say(address: SocketAddr, request: &str) -> Answer {
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // An answer to half a request may be followed by a reset.
    let _reset = connection.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: body.to_owned() }
}

#[track_caller]
pub(crate) fn request(address: SocketAddr, method: &str, path: &str, token: Option<&str>) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", &**bearer)).collect();
    exchange(address, &format!("{method} {path}"), &headers, "")
}

/// Sends a request with these headers and this body.
#[track_caller]
pub(crate) fn exchange(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    say(address, &format!("{line} HTTP/1.1\r\nHost: gantry\r\n{headers}{length}\r\n{body}"))
}

pub(crate) fn token(data: &Path) -> String {
    fs::read_to_string(data.join("http.token")).unwrap()
}

/// Asks with the token.
#[track_caller]
fn get(served: &Served, path: &str) -> Answer {
    request(served.http(), "GET", path, Some(&token(served.data())))
}

/// The node of a demonstration: a study, its two runs and their deliveries.
fn demonstrated(dir: &Path) -> Served {
    let out = dir.join("demo");
    peer::run(Command::new(program()).args(["demo", "--once", "--json", "--out"]).arg(&out));
    Served::start_in(&out.join("node"), &mut Command::new(program()))
}

#[test]
fn what_is_told_over_http_is_what_commands_print() {
    let dir = TempDir::new().unwrap();
    let served = demonstrated(dir.path());
    let studies = served.ask(&["study", "list"]);
    let study = studies["studies"][0]["uid"].as_str().unwrap();
    let runs = served.ask(&["runs", "list"]);
    let [run, oldest] = [0, 1].map(|at| runs["runs"][at]["run"].as_str().unwrap());
    for (path, command) in [
        ("/api/v1/studies".to_owned(), &["study", "list"][..]),
        (format!("/api/v1/studies/{study}"), &["study", "show", study]),
        (format!("/api/v1/studies/{study}/why"), &["why", study]),
        ("/api/v1/runs".to_owned(), &["runs", "list"]),
        (format!("/api/v1/runs/{run}"), &["runs", "show", run]),
        (
            format!("/api/v1/studies?q={study}&date=2026-01-05"),
            &["study", "list", "--find", study, "--date", "20260105"],
        ),
        ("/api/v1/studies?q=nobody".to_owned(), &["study", "list", "--find", "nobody"]),
        ("/api/v1/deliveries".to_owned(), &["delivery", "list"]),
        ("/api/v1/quarantine".to_owned(), &["quarantine", "list"]),
        ("/api/v1/refusals".to_owned(), &["source", "refused"]),
        ("/api/v1/applications".to_owned(), &["app", "list"]),
    ] {
        let answer = get(&served, &path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(answer.headers["cache-control"], "no-store", "it tells of patients");
        assert_eq!(answer.json(), served.ask(command), "{path}");
    }
    let deliveries = served.ask(&["delivery", "list"]);
    let (newest, all) = (
        deliveries["deliveries"][0]["sopInstance"].as_str().unwrap(),
        deliveries["deliveries"].as_array().unwrap().len(),
    );
    for (path, list, want) in [
        ("/api/v1/studies?count=1".to_owned(), "studies", 1),
        (format!("/api/v1/studies?before={study}"), "studies", 0),
        (format!("/api/v1/runs?before={run}&count=9"), "runs", 1),
        (format!("/api/v1/runs?before={oldest}&count=9"), "runs", 0),
        ("/api/v1/deliveries?count=2".to_owned(), "deliveries", 2),
        (format!("/api/v1/deliveries?before={newest}&count=99"), "deliveries", all - 1),
        (format!("/api/v1/studies?q={}", &study[5..20]), "studies", 1),
        ("/api/v1/studies?q=nobody".to_owned(), "studies", 0),
    ] {
        let answer = get(&served, &path).json();
        assert_eq!(answer[list].as_array().unwrap().len(), want, "{path}");
    }
    let metrics = check_metrics(&served);
    assert_eq!(metrics["gantry_recent_runs{state=\"ran\"}"], 2.0);
    assert!(metrics["gantry_last_object_timestamp_seconds"] > 1.7e9);
    let shown = get(&served, &format!("/api/v1/studies/{study}")).json();
    check_nothing_of_a_patient(&served, &studies["studies"][0], &shown);
}

/// Every line is of the form; gives the samples.
#[track_caller]
fn check_metrics(served: &Served) -> BTreeMap<String, f64> {
    let answer = get(served, "/metrics");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let form = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(answer.headers["content-type"], form);
    let documented = fs::read_to_string(notes::root().join("docs/http.md")).unwrap();
    let lines = answer.body.strip_suffix("# EOF\n").expect("an end").lines();
    let mut samples = BTreeMap::new();
    let mut family = String::new();
    for line in lines {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["gauge", "counter", "info"].contains(&kind), "{line}");
            family = name.to_owned();
            assert!(documented.contains(&format!("`{family}`")), "docs/http.md does not tell of {family}");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.starts_with(&format!("{family} ")), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let name = sample.split('{').next().unwrap();
            assert!(
                name.starts_with(&family) && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{line}"
            );
            assert!(!sample.contains('{') || sample.ends_with("\"}"), "{line}");
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite(), "{line}");
            assert_eq!(samples.insert(sample.to_owned(), value), None, "{line}");
        }
    }
    assert!(samples["gantry_disk_free_bytes"] > 0.0);
    samples
}

#[track_caller]
fn check_nothing_of_a_patient(served: &Served, listed: &Value, shown: &Value) {
    let metrics = get(served, "/metrics").body;
    let health = request(served.http(), "GET", "/healthz", None).body;
    let mut private: Vec<&str> = ["uid", "patientId", "accession", "date", "description"]
        .iter()
        .filter_map(|key| listed[key].as_str())
        .collect();
    private.extend(shown["series"].as_array().unwrap().iter().filter_map(|series| series["uid"].as_str()));
    private.extend(shown["objects"].as_array().unwrap().iter().filter_map(|one| one["sopInstance"].as_str()));
    assert!(private.len() > 50, "{private:?}");
    for text in private.into_iter().filter(|text| !text.is_empty()) {
        assert!(!metrics.contains(text) && !health.contains(text), "{text}");
    }
}

#[test]
fn nobody_but_health_is_answered_without_the_token() {
    let served = Served::start();
    let right = token(served.data());
    let mode = fs::metadata(served.data().join("http.token")).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, right.len()), (0o600, 64));
    let health = request(served.http(), "GET", "/healthz", None);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        (health.status, health.json()),
        (200, serde_json::json!({ "status": "ok", "version": version }))
    );
    let wrong = "0".repeat(64);
    for path in
        ["/metrics", "/api/v1/studies", "/api/v1/runs", "/api/v1/deliveries", "/", "/nothing", "/healthz/"]
    {
        for token in [None, Some(&*wrong), Some(&right[1..])] {
            let answer = request(served.http(), "GET", path, token);
            assert_eq!(answer.status, 401, "{path} {token:?}: {}", answer.body);
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            let problem = answer.json();
            assert_eq!(problem["code"], "http/unauthorised");
            assert!(problem["hint"].as_str().unwrap().contains("Bearer"), "{problem}");
        }
    }
    assert_eq!(get(&served, "/api/v1/studies").json(), served.ask(&["study", "list"]));
    check_metrics(&served);
    // It is made once.
    let served = served.stop().restart();
    assert_eq!(request(served.http(), "GET", "/metrics", Some(&right)).status, 200);
}

#[test]
fn problems_have_a_status_a_code_and_a_sentence_with_the_value() {
    let served = Served::start();
    for (method, path, status, code, part) in [
        ("GET", "/api/v1/studies/1.2.3", 404, "study/unknown", "`1.2.3`"),
        ("GET", "/api/v1/studies/%2e%2e%2fx%00", 404, "study/unknown", "../x"),
        ("GET", "/api/v1/studies/1.2.3/why", 404, "study/unknown", "`1.2.3`"),
        ("GET", "/api/v1/studies?before=1.2.3", 404, "study/unknown", "`1.2.3`"),
        ("GET", "/api/v1/runs/ff", 404, "run/unknown", "`ff`"),
        ("GET", "/api/v1/runs/no%20run", 404, "run/unknown", "`no run`"),
        ("GET", "/api/v1/nothing", 404, "http/no-such-path", ""),
        ("GET", "/api/v1/studies?count=0", 400, "http/bad-query", "count is 0"),
        ("GET", "/api/v1/studies?count=1001", 400, "http/bad-query", "1 to 1000"),
        ("GET", "/api/v1/studies?count=x", 400, "http/bad-query", "count"),
        ("GET", "/api/v1/studies?cuont=1", 400, "http/bad-query", "cuont"),
        ("GET", "/api/v1/studies/%ff", 400, "http/bad-query", ""),
        ("GET", "/api/v1/runs?before=%20", 400, "http/bad-query", "before"),
        ("GET", "/api/v1/deliveries?before=1", 404, "delivery/unknown", "`1`"),
        ("GET", "/api/v1/audit?before=x", 400, "http/bad-query", "before"),
        ("GET", "/api/v1/studies/1.2.3/audit", 404, "study/unknown", "`1.2.3`"),
        ("GET", "/api/v1/documents?kind=Sauce", 400, "http/bad-query", "Sauce"),
        ("GET", "/api/v1/documents/Source/x", 404, "definition/unknown", "Source `x`"),
        ("POST", "/api/v1/studies", 405, "http/method-not-allowed", ""),
        ("DELETE", "/healthz", 405, "http/method-not-allowed", ""),
    ] {
        let answer = request(served.http(), method, path, Some(&token(served.data())));
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let problem = answer.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert!(problem["sentence"].as_str().unwrap().contains(part), "{problem}");
    }
    let long = "x".repeat(20 << 10);
    let answer = say(served.http(), &format!("GET /healthz HTTP/1.1\r\nHost: gantry\r\nX: {long}\r\n\r\n"));
    assert_eq!(answer.status, 431);
    assert_eq!(get(&served, "/api/v1/studies").status, 200);
}

#[test]
fn rc3_silent_connections_keep_nobody_out_and_are_closed() {
    let served = Served::start();
    let started = Instant::now();
    let mut silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect_timeout(&served.http(), Duration::from_secs(5)).unwrap())
        .collect();
    // Half a request is as silent.
    silent.iter_mut().step_by(2).for_each(|connection| connection.write_all(b"GET /hea").unwrap());
    let asked = Instant::now();
    assert_eq!(get(&served, "/api/v1/studies").status, 200);
    let seconds = asked.elapsed().as_secs_f64();
    notes::figure(&format!("http: an answer beside 200 silent connections after {seconds:.3} s"));
    assert!(seconds < 1.0, "{seconds} s");
    for mut connection in silent {
        connection.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut rest = Vec::new();
        // Closed or reset, it is over.
        let _over = connection.read_to_end(&mut rest);
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let stopping = Instant::now();
    let _silent = TcpStream::connect(served.http()).unwrap();
    drop(served.stop());
    assert!(stopping.elapsed() < Duration::from_secs(5), "{:?}", stopping.elapsed());
}

#[test]
fn it_listens_on_loopback_only() {
    let served = Served::start();
    assert!(served.http().ip().is_loopback(), "{}", served.http());
    // The address that this machine would be reached at, if it has one: nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let outside = SocketAddr::new(socket.local_addr().unwrap().ip(), served.http().port());
        assert!(TcpStream::connect_timeout(&outside, Duration::from_secs(2)).is_err(), "{outside}");
    }
}

/// Runs a server with this configuration until it says where its door is, or ends; gives what it said.
fn said(config: &str) -> (Option<i32>, String) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("gantry.toml"), config).unwrap();
    let mut child = Command::new(program())
        .args(["serve", "--dicom-port", "0", "--data"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut text = String::new();
    while stderr.read_line(&mut text).unwrap() > 0 && !text.contains("is open on") {}
    peer::run(Command::new("kill").arg(child.id().to_string()));
    let status = child.wait().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    (status.code(), text)
}

#[test]
fn a_port_that_is_taken_is_an_error_and_the_interface_can_be_left_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _taken = TcpListener::bind(taken).unwrap();
    let (code, text) = said(&format!("{CONFIG}[http]\nlisten = \"{taken}\"\n"));
    assert!(text.contains("http/cannot-listen") && text.contains("--http-port"), "{text}");
    assert_eq!(code, Some(6), "{text}");
    let (code, text) = said(&format!("{CONFIG}[http]\nlisten = \"off\"\n"));
    assert!(text.contains("is open on") && !text.contains("http on"), "{text}");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_node_without_room_is_not_healthy() {
    let served = Served::start_with(&CONFIG.replace("reserve_mib = 16", "reserve_mib = 1099511627776"));
    let health = request(served.http(), "GET", "/healthz", None);
    assert_eq!(health.status, 503, "{}", health.body);
    assert_eq!(health.json()["wrong"], serde_json::json!(["blob/no-room"]));
    let metrics = check_metrics(&served);
    assert!(metrics["gantry_disk_free_bytes"] < metrics["gantry_disk_reserve_bytes"]);
}
