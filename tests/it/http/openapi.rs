//! The interface keeps to its document: every path answers, every answer has its form, and nothing else is there.

use gantry_tests::{schema, served::Served};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, demonstrated, exchange, get};

/// Where a node has something to be asked for, for each place of a path.
struct Places(Vec<(&'static str, String)>);

impl Places {
    fn of(served: &Served) -> Self {
        let first = |path: &str, list: &str, key: &str| {
            get(served, path).json()[list][0][key].as_str().unwrap().to_owned()
        };
        Self(vec![
            ("study", first("/api/v1/studies", "studies", "uid")),
            ("run", first("/api/v1/runs", "runs", "run")),
            ("object", first("/api/v1/deliveries", "deliveries", "sopInstance")),
            ("kind", "Workflow".to_owned()),
            ("name", first("/api/v1/documents?kind=Workflow", "documents", "name")),
        ])
    }

    fn fill(&self, path: &str) -> String {
        let filled = self
            .0
            .iter()
            .fold(path.to_owned(), |path, (place, is)| path.replace(&format!("{{{place}}}"), is));
        assert!(!filled.contains('{'), "{path} has a place that nobody knows");
        filled
    }
}

fn admin(served: &Served, method: &str, path: &str, order: Option<&Value>) -> Answer {
    let token = std::fs::read_to_string(served.data().join("http.tokens/admin")).unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let body = order.map(Value::to_string).unwrap_or_default();
    exchange(served.http(), &format!("{method} {path}"), &headers, &body)
}

/// The answer has the form that the document says.
#[track_caller]
fn check(document: &Value, operation: &Value, answer: &Answer, what: &str) {
    let responses = &operation["responses"];
    let response = responses.get(answer.status.to_string()).unwrap_or(&responses["default"]);
    let schema = &response["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{what}: {} is not described", answer.status);
    let problems = schema::problems(document, schema, &answer.json());
    assert!(problems.is_empty(), "{what}: {problems:#?}: {}", answer.body);
}

/// An order that is carried out, for each operation that takes one.
fn order(operation: &str) -> Value {
    let document = "apiVersion: gantry/v1\nkind: Source\nmetadata: { name: ct-9 }\naeTitle: CT9\naddresses: [10.0.0.9]\n";
    let mut order = match operation {
        "postStudiesByStudyDecide" => json!({ "workflow": "chest-ct", "decision": "again" }),
        "postRunsByRunCancel" | "postRunsByRunRerun" => json!({}),
        "postDeliveriesByObjectResend" => json!({ "destination": "demo-pacs" }),
        "postQuarantineRetry" => json!({ "what": "all" }),
        "postRefusalsAccept" => json!({ "calling": "CT ROOM 9", "address": "10.0.0.9" }),
        "postDocuments" => json!({ "text": document }),
        other => panic!("what does one order by {other}?"),
    };
    order["reason"] = json!("the form of the answer");
    order
}

#[test]
fn every_answer_has_the_form_that_the_document_says() {
    let dir = TempDir::new().unwrap();
    let served = demonstrated(dir.path());
    let document = get(&served, "/api/v1/openapi.json").json();
    let published = std::fs::read_to_string(gantry_tests::notes::root().join("docs/openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_str::<Value>(&published).unwrap());
    let places = Places::of(&served);
    let (mut told, mut ordered) = (0, 0);
    for (path, operations) in document["paths"].as_object().unwrap() {
        let filled = places.fill(path);
        for method in ["get", "post", "put", "patch", "delete"] {
            let what = format!("{method} {path}");
            let Some(operation) = operations.get(method) else {
                let answer = admin(&served, &method.to_uppercase(), &filled, None);
                assert_eq!(answer.status, 405, "{what} is not documented");
                continue;
            };
            if path == "/metrics" {
                continue; // text, of which another test judges the form
            }
            if method == "get" {
                let answer = admin(&served, "GET", &filled, None);
                assert_eq!(answer.status, 200, "{what}: {}", answer.body);
                check(&document, operation, &answer, &what);
                told += 1;
            } else {
                let order = order(operation["operationId"].as_str().unwrap());
                let form = &operation["requestBody"]["content"]["application/json"]["schema"];
                assert_eq!(schema::problems(&document, form, &order), Vec::<String>::new(), "{what}");
                let answer = admin(&served, "POST", &filled, Some(&order));
                // The run to be cancelled is over.
                let want = if path.ends_with("/cancel") { 409 } else { 200 };
                assert_eq!(answer.status, want, "{what}: {}", answer.body);
                check(&document, operation, &answer, &what);
                let wrong = admin(&served, "POST", &filled, Some(&json!({ "reason": "" })));
                assert_eq!(wrong.status, 400, "{what}: {}", wrong.body);
                check(&document, operation, &wrong, &what);
                ordered += 1;
            }
        }
    }
    assert_eq!((told, ordered), (18, 7));
    // With news in it: what was just ordered, and what does not go.
    for path in
        ["/api/v1/attention", "/api/v1/destinations", "/api/v1/quarantine", "/api/v1/audit?count=1000"]
    {
        let operation = &document["paths"][path.split('?').next().unwrap()]["get"];
        check(&document, operation, &get(&served, path), path);
    }
}
