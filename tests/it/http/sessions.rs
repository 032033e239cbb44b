//! Browsers: signing in, what a session may, and that no other site can use it.

use std::fs;

use gantry_tests::served::Served;
use serde_json::json;

use super::{Answer, exchange, request};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const PAGE: (&str, &str) = ("Accept", "text/html,application/xhtml+xml");
const OURS: (&str, &str) = ("Origin", "http://gantry");

fn admin(served: &Served) -> String {
    fs::read_to_string(served.data().join("http.tokens/admin")).unwrap()
}

#[track_caller]
fn sign_in(served: &Served, token: &str, next: &str) -> Answer {
    exchange(served.http(), "POST /login", &[FORM, PAGE, OURS], &format!("token={token}&next={next}"))
}

/// The cookie of a session, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
}

#[test]
fn a_browser_signs_in_and_out_and_is_led_to_where_it_wanted_to_go() {
    let served = Served::start();
    let first = exchange(served.http(), "GET /studies?q=a%20b", &[PAGE], "");
    assert_eq!((first.status, &*first.headers["location"]), (303, "/login?next=%2Fstudies%3Fq%3Da%2520b"));
    let form = exchange(served.http(), "GET /login?next=%2Fstudies%3Fq%3Da%2520b", &[PAGE], "");
    assert!(form.status == 200 && form.body.contains("value=\"/studies?q=a%20b\""), "{}", form.body);
    let wrong = sign_in(&served, "0123456789abcdef", "%2F");
    assert!(wrong.status == 403 && wrong.body.contains("Nobody has this token"), "{}", wrong.body);
    assert!(!wrong.headers.contains_key("set-cookie"));
    let elsewhere = sign_in(&served, &admin(&served), "%2F%2Fevil.example");
    assert_eq!((elsewhere.status, &*elsewhere.headers["location"]), (303, "/"));

    let signed = sign_in(&served, &admin(&served), "%2Fstudies");
    assert_eq!((signed.status, &*signed.headers["location"]), (303, "/studies"));
    let set = &signed.headers["set-cookie"];
    assert!(set.contains("; HttpOnly; SameSite=Strict") && set.contains("Path=/; Max-Age=43200"), "{set}");
    assert!(!set.contains(&admin(&served)), "the token itself stays out of the browser's store");
    let session = cookie(&signed);
    let with = [("Cookie", &*session), PAGE];
    assert_eq!(exchange(served.http(), "GET /api/v1/studies", &with, "").json(), json!({ "studies": [] }));
    let lost = exchange(served.http(), "GET /nothing", &with, "");
    assert_eq!(lost.status, 404);
    assert!(lost.headers["content-type"].starts_with("text/html") && lost.body.contains("http/no-such-path"));
    let out = exchange(served.http(), "POST /logout", &[with[0], OURS], "");
    assert!(out.headers["set-cookie"].contains("Max-Age=0"), "{:?}", out.headers);
    let late = exchange(served.http(), "POST /quarantine/retry", &[PAGE, FORM, OURS], "what=x&reason=y");
    assert_eq!(late.status, 401);
    assert!(
        late.body.contains("Your session is over") && late.body.contains("nothing was ordered"),
        "{}",
        late.body
    );
    // A server that begins anew knows it; one whose token has changed does not.
    let served = served.stop().restart();
    assert_eq!(exchange(served.http(), "GET /api/v1/studies", &with, "").status, 200);
    let stopped = served.stop();
    fs::remove_file(stopped.data().join("http.tokens/admin")).unwrap();
    let served = stopped.restart();
    assert_eq!(exchange(served.http(), "GET /api/v1/studies", &with, "").status, 401);
}

#[test]
fn another_site_cannot_use_a_session() {
    let served = Served::start();
    let session = cookie(&sign_in(&served, &admin(&served), "%2F"));
    let json = ("Content-Type", "application/json");
    let order = "{\"reason\":\"x\"}";
    for origin in [None, Some("null"), Some("http://evil.example"), Some("http://gantry:81")] {
        let mut headers = vec![("Cookie", &*session), json];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let refused = exchange(served.http(), "POST /api/v1/runs/ff/cancel", &headers, order);
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (403, &json!("http/cross-origin")),
            "{origin:?}"
        );
        let mut headers = vec![FORM];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let token = format!("token={}", admin(&served));
        assert_eq!(exchange(served.http(), "POST /login", &headers, &token).status, 403, "{origin:?}");
    }
    let ours =
        exchange(served.http(), "POST /api/v1/runs/ff/cancel", &[("Cookie", &*session), json, OURS], order);
    assert_eq!((ours.status, &ours.json()["code"]), (404, &json!("run/unknown")), "it was let in");
    // A wrong token is not made good by a session.
    let both = [("Cookie", &*session), ("Authorization", "Bearer 0123456789abcdef")];
    assert_eq!(exchange(served.http(), "GET /api/v1/runs", &both, "").status, 401);
}

#[test]
fn every_answer_tells_browsers_to_run_nothing() {
    let served = Served::start();
    let session = cookie(&sign_in(&served, &admin(&served), "%2F"));
    for path in ["/login", "/style.css", "/icon.svg", "/healthz", "/api/v1/studies", "/nothing"] {
        let answer = exchange(served.http(), &format!("GET {path}"), &[("Cookie", &*session), PAGE], "");
        let policy = &answer.headers["content-security-policy"];
        for part in [
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "same-origin", "{path}");
    }
    assert_eq!(request(served.http(), "GET", "/login", None).status, 200);
}
