//! What is ordered over HTTP: by whom, why, and that it is what commands order.

use std::{fs, path::Path, process::Command};

use gantry_ports::intake::Intake as _;
use gantry_sqlite::SqliteStore;
use gantry_tests::served::{CONFIG, Served, apply, program, wait_for};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, exchange, request, token};
use crate::whole::{WORKFLOW, newest_study, phantom, send, wait_for_outcome};

const TOKENS: &str = "[http]\ntokens = { lena = \"operate\", kim = \"admin\" }\n";

/// Nothing arrives there.
const NOWHERE: &str = "---
apiVersion: gantry/v1
kind: Destination
metadata: { name: pacs, class: research }
aeTitle: NOWHERE
address: 127.0.0.1:9
";

fn token_of(data: &Path, name: &str) -> String {
    fs::read_to_string(data.join("http.tokens").join(name)).unwrap()
}

/// Orders something as somebody.
#[track_caller]
fn post(served: &Served, token: &str, path: &str, order: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    exchange(served.http(), &format!("POST {path}"), &headers, &order.to_string())
}

#[track_caller]
fn ordered(served: &Served, token: &str, path: &str, order: &Value) -> Value {
    let answer = post(served, token, path, order);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// The trail's lines of an action: who, about what, and the rest.
fn trail(served: &Served, action: &str) -> Vec<(String, String, String)> {
    let store = SqliteStore::join(&served.data().join("gantry.db")).unwrap();
    let rows = store.audit(1000).unwrap().into_iter().filter(|row| row.action == action);
    rows.map(|row| (row.actor, row.subject, row.detail)).collect()
}

#[track_caller]
fn check_trail(served: &Served, action: &str, actor: &str, reason: &str) {
    let rows = trail(served, action);
    let is_told = |(who, _, detail): &(String, String, String)| who == actor && detail.contains(reason);
    assert!(rows.iter().any(is_told), "{action}: {rows:?}");
}

#[test]
fn rd1_orders_over_http_say_who_and_why_and_change_what_commands_change() {
    let dir = TempDir::new().unwrap();
    let served = Served::start_with(&format!("{CONFIG}{TOKENS}"));
    let lena = token_of(served.data(), "lena");
    let patient = WORKFLOW.replace("{ quiet: 3s, associationEnd: 0s }", "{ quiet: 10m }");
    apply(&served, dir.path(), &format!("{patient}{NOWHERE}"));
    send(&served, "GANTRY", &[phantom(dir.path(), 71)]);
    let study = newest_study(&served);
    wait_for_outcome(&served, &study, "waiting");

    let decide = format!("/api/v1/studies/{study}/decide");
    let go = json!({ "workflow": "chest-ct", "decision": "go", "reason": "the scanner says it is complete" });
    let decided = ordered(&served, &lena, &decide, &go);
    assert_eq!(decided, json!({ "study": study, "workflow": "chest-ct", "decided": "go" }));
    check_trail(&served, "case/decided", "lena", "the scanner says it is complete");
    let again = post(&served, &lena, &decide, &go);
    assert_eq!(
        (again.status, &again.json()["code"]),
        (409, &json!("order/does-not-apply")),
        "{}",
        again.body
    );
    let shown = wait_for_outcome(&served, &study, "ran");
    let done = shown["workflows"][0]["done"].to_string();
    assert!(done.contains("lena said so"), "{done}");

    let run = served.ask(&["runs", "list"])["runs"][0]["run"].as_str().unwrap().to_owned();
    let because = json!({ "reason": "another look" });
    let over = post(&served, &lena, &format!("/api/v1/runs/{run}/cancel"), &because);
    assert!(over.status == 409 && over.body.contains("over already"), "{}", over.body);
    let begun = ordered(&served, &lena, &format!("/api/v1/runs/{run}/rerun"), &because);
    let second = begun["begun"].as_str().unwrap();
    assert_ne!(second, run);
    // Its slot may have claimed it, or be done with it: then the machine says so.
    let cancelled = post(&served, &lena, &format!("/api/v1/runs/{second}/cancel"), &because);
    assert!([200, 409].contains(&cancelled.status), "{}", cancelled.body);
    check_trail(&served, "case/decided", "lena", "another look");

    let list = wait_for(&served, &["delivery", "list"], |list| {
        list["deliveries"].as_array().is_some_and(|all| 3 <= all.len())
    });
    let object = list["deliveries"][0]["sopInstance"].as_str().unwrap();
    let resend = format!("/api/v1/deliveries/{object}/resend");
    let resent =
        ordered(&served, &lena, &resend, &json!({ "destination": "pacs", "reason": "the PACS was down" }));
    assert_eq!(resent["resent"][0]["sopInstance"], object);
    let elsewhere = post(&served, &lena, &resend, &json!({ "destination": "other", "reason": "x" }));
    assert_eq!((elsewhere.status, &elsewhere.json()["code"]), (404, &json!("delivery/unknown")));
}

#[test]
fn a_refused_sender_is_let_in_over_http_by_an_admin_alone() {
    let served = Served::start_with(&format!(
        "{}{TOKENS}",
        CONFIG.replace("[dicom]", "[dicom]\ntrust_loopback = false")
    ));
    let mut echo = Command::new(program());
    echo.args(["echo", &served.address().to_string(), "--called", "GANTRY", "--calling", "CT <b>"]);
    assert!(!echo.output().unwrap().status.success());
    let reader = token(served.data());
    let refused = wait_for(&served, &["source", "refused"], |list| list["refused"][0]["calling"].is_string());
    let told = request(served.http(), "GET", "/api/v1/refusals", Some(&reader));
    assert_eq!(told.json(), refused);
    let (lena, kim) = (token_of(served.data(), "lena"), token_of(served.data(), "kim"));
    let order = json!({ "calling": "CT <b>", "reason": "the new scanner" });
    for (who, token) in [("http.token", &reader), ("lena", &lena)] {
        let forbidden = post(&served, token, "/api/v1/refusals/accept", &order);
        let problem = forbidden.json();
        assert_eq!((forbidden.status, &problem["code"]), (403, &json!("http/forbidden")));
        let (sentence, hint) = (problem["sentence"].as_str().unwrap(), problem["hint"].as_str().unwrap());
        assert!(sentence.starts_with(who) && sentence.contains("needs admin"), "{sentence}");
        assert!(hint.contains("http.tokens"), "{hint}");
    }
    let unknown = post(&served, &kim, "/api/v1/refusals/accept", &json!({ "calling": "MR", "reason": "x" }));
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("source/not-refused")));
    let accepted = ordered(&served, &kim, "/api/v1/refusals/accept", &order);
    assert_eq!(accepted["documents"][0]["kind"], "Source", "{accepted}");
    check_trail(&served, "definition/applied", "kim", "the new scanner");
    assert!((0..100).any(|_| echo.output().unwrap().status.success()), "it is let in");
    let sources = request(served.http(), "GET", "/api/v1/documents?kind=Source", Some(&reader)).json();
    let name = sources["documents"][0]["name"].as_str().unwrap();
    let text = sources["documents"][0]["text"].as_str().unwrap();
    assert!(text.contains("aeTitle: \"CT <b>\""), "{text}");
    let one =
        request(served.http(), "GET", &format!("/api/v1/documents/Source/{name}?version=1"), Some(&reader));
    assert_eq!(one.json(), sources["documents"][0]);

    let order = |text: &str| json!({ "text": text, "reason": "a site's first day" });
    let wrong = post(&served, &kim, "/api/v1/documents", &order("apiVersion: gantry/v1\nkind: Sauce\n"));
    assert_eq!((wrong.status, &wrong.json()["code"]), (422, &json!("definition/invalid")), "{}", wrong.body);
    assert!(
        wrong.json()["problems"][0].as_str().unwrap().starts_with("the documents:2:7: "),
        "{}",
        wrong.body
    );
    let applied = ordered(&served, &kim, "/api/v1/documents", &order(&NOWHERE[4..]));
    assert_eq!(applied["documents"][0]["isNew"], true);
    let same = ordered(&served, &kim, "/api/v1/documents", &order(&NOWHERE[4..]));
    assert_eq!(same["documents"][0]["isNew"], false, "twice is as once");
}

#[test]
fn orders_that_make_no_sense_are_refused_with_the_reason() {
    let served = Served::start_with(&format!("{CONFIG}{TOKENS}"));
    let (reader, lena) = (token(served.data()), token_of(served.data(), "lena"));
    let why = json!({ "reason": "because" });
    for path in ["/api/v1/runs/ff/cancel", "/api/v1/runs/ff/rerun", "/api/v1/quarantine/retry"] {
        assert_eq!(post(&served, &reader, path, &why).status, 403, "{path}");
        assert_eq!(request(served.http(), "POST", path, None).status, 401, "{path}");
        assert_eq!(request(served.http(), "GET", path, Some(&reader)).status, 405, "{path}");
    }
    let decide = |decision: &str| json!({ "workflow": "x", "decision": decision, "reason": "because" });
    for (path, order, status, code, part) in [
        ("/api/v1/runs/ff/cancel", why.clone(), 404, "run/unknown", "`ff`"),
        ("/api/v1/runs/ff/cancel", json!({}), 400, "http/bad-body", "reason"),
        ("/api/v1/runs/ff/cancel", json!({ "reason": "  " }), 400, "http/bad-body", "1 to 500"),
        ("/api/v1/runs/ff/cancel", json!({ "reason": "x", "force": true }), 400, "http/bad-body", "force"),
        ("/api/v1/studies/1.2.3/decide", decide("go"), 404, "study/unknown", "1.2.3"),
        ("/api/v1/studies/1.2.3/decide", decide("maybe"), 400, "http/bad-body", "maybe"),
        ("/api/v1/deliveries/1.2/resend", why.clone(), 404, "delivery/unknown", "1.2"),
        ("/api/v1/quarantine/retry", json!({ "what": "x", "reason": "y" }), 404, "quarantine/unknown", "`x`"),
        ("/api/v1/runs/ff/cancel", json!({ "reason": "x".repeat(20_000) }), 413, "http/too-large", "16384"),
    ] {
        let answer = post(&served, &lena, path, &order);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (status, &json!(code)), "{path}: {}", answer.body);
        assert!(problem["sentence"].as_str().unwrap().contains(part), "{problem}");
    }
    let all = ordered(&served, &lena, "/api/v1/quarantine/retry", &json!({ "what": "all", "reason": "y" }));
    assert_eq!(all, json!({ "retried": [], "left": [] }), "all of nothing is nothing");
    let bearer = format!("Bearer {lena}");
    let plain = [("Authorization", &*bearer), ("Content-Type", "text/plain")];
    let answer = exchange(served.http(), "POST /api/v1/runs/ff/cancel", &plain, "{\"reason\":\"x\"}");
    assert_eq!(answer.status, 415, "what a form of another site can send is no order");
}
