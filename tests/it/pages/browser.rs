//! The pages in a browser: Chromium, without a screen.
//!
//! It comes through a proxy that bears a token for it, so that nothing in the program lets anybody in by a link.
//! With `GANTRY_SCREENSHOTS=1` the pictures of `docs/pages.md` are made anew.

use std::{
    env, fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use gantry_tests::{notes, peer};

use super::{House, send_hostile};

/// A page that breaks the policy which every answer of the program has: what the tests look for must be seen.
const BREACH: &str =
    "Content-Security-Policy: default-src 'none'\r\n\r\n<title>breach</title><script>alert(1)</script>";

/// A proxy between browser and node, with pages of its own for what nobody can type into a browser without a screen.
struct Proxy {
    address: SocketAddr,
}

/// What the proxy does beside passing on.
#[derive(Clone, Default)]
struct Plan {
    /// The token that it bears for the browser.
    token: Option<String>,
    /// Pages of its own, with their last headers, by path.
    pages: Vec<(&'static str, String)>,
}

impl Proxy {
    fn start(to: SocketAddr, plan: Plan) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the process.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let plan = plan.clone();
                thread::spawn(move || pass(connection, to, &plan));
            }
        });
        Self { address }
    }
}

/// Passes one request, as a node takes one for each connection.
fn pass(mut browser: TcpStream, to: SocketAddr, plan: &Plan) -> Option<()> {
    browser.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        browser.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).ok()?;
    let (line, headers) = head.split_once("\r\n")?;
    let path = line.split(' ').nth(1)?;
    if let Some((_, page)) = plan.pages.iter().find(|(own, _)| *own == path) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
        return browser.write_all(format!("{head}{page}").as_bytes()).ok();
    }
    let length = headers.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    browser.read_exact(&mut body).ok()?;
    let bearer = plan.token.as_ref().map(|token| format!("Authorization: Bearer {token}\r\n"));
    let mut node = TcpStream::connect(to).ok()?;
    node.write_all(format!("{line}\r\n{}{headers}", bearer.unwrap_or_default()).as_bytes()).ok()?;
    node.write_all(&body).ok()?;
    std::io::copy(&mut node, &mut browser).ok()?;
    browser.shutdown(Shutdown::Write).ok()
}

/// A browser that looks at one page after the other.
struct Browser {
    program: PathBuf,
    proxy: Proxy,
    scratch: PathBuf,
}

impl Browser {
    fn run(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let profile = tempfile::tempdir_in(&self.scratch).unwrap();
        // One that hangs is ended, and fails the test.
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=5", "60"])
            .arg(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--hide-scrollbars", "--enable-logging=stderr"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .arg(format!("http://{}{path}", self.proxy.address));
        let output = peer::run(&mut command);
        let [out, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (out, said)
    }

    /// The document as the browser has understood it, and what it complained of.
    fn looked_at(&self, path: &str) -> (String, Vec<String>) {
        let (document, said) = self.run(path, &["--dump-dom"]);
        let complaints = said.lines().filter(|line| line.contains("CONSOLE") || line.contains("Refused to"));
        (document, complaints.map(str::to_owned).collect())
    }

    /// The document of a page that the browser has nothing to say against.
    #[track_caller]
    fn document(&self, path: &str) -> String {
        let (document, complaints) = self.looked_at(path);
        assert_eq!(complaints, Vec::<String>::new(), "{path}");
        assert!(!document.contains("<script"), "{path}: {document}");
        document
    }

    /// A picture of a page.
    #[track_caller]
    fn picture(&self, path: &str, to: &Path, size: &str, arguments: &[&str]) {
        let (size, to_) = (format!("--window-size={size}"), format!("--screenshot={}", to.display()));
        let mut all = vec![&*size, &*to_];
        all.extend(arguments);
        self.run(path, &all);
        let bytes = fs::read(to).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && 5_000 < bytes.len(), "{path}: {} bytes", bytes.len());
    }
}

/// A page: the name of its picture, its path, its size, and what it tells.
type Page<'a> = (&'static str, &'a str, &'static str, &'static [&'static str]);

fn pages<'a>(study: &'a str, run: &'a str) -> [Page<'a>; 9] {
    [
        ("login", "/login", "1280,480", &["Your token"]),
        (
            "attention",
            "/",
            "1280,920",
            &[
                "A study is held for ct-with-mr",
                "nothing is selected for brain",
                "night-pacs does not take what is sent",
                "CT ROOM 2 from 127.0.0.1 was refused",
                "PH81-1",
                "Do not run",
                "Let it in",
            ],
        ),
        (
            "studies",
            "/studies",
            "1280,480",
            &["Phantom, Chest", "PHANTOM-81", "PH81-1", "2026-01-05", "held"],
        ),
        (
            "study",
            study,
            "1280,2400",
            &[
                "Run with what is there",
                "Payload 1 was frozen",
                "is selected for brain",
                "study.modalities",
                "the secondary capture of",
                "making evidence",
                "night-pacs",
                "not asked for confirmation",
                "Run once more",
                "Do not run",
                "case/",
                "released",
            ],
        ),
        ("runs", "/runs", "1280,480", &["chest-ct (version 1)", "routine", "ran"]),
        ("run", run, "1280,1420", &["Where the time went", "lungs.compute", "sha256:", "Run once more"]),
        (
            "destinations",
            "/destinations",
            "1280,560",
            &["STORESCP at 127.0.0.1", "1 retrying", "cannot be reached"],
        ),
        ("refused", "/refused", "1280,480", &["CT ROOM 2", "1/1/3", "Let it in"]),
        ("disk", "/disk", "1280,480", &["enough room", "Segments", "16.0 MiB"]),
    ]
}

#[test]
fn every_page_tells_its_facts_in_a_browser_that_has_nothing_against_it() {
    let test = "every_page_tells_its_facts_in_a_browser_that_has_nothing_against_it";
    let Some(program) = peer::program(test, "chromium") else { return };
    let Some(house) = House::open(test) else { return };
    let plan = Plan { token: Some(house.token("kim")), pages: vec![("/breach", BREACH.to_owned())] };
    let proxy = Proxy::start(house.served.http(), plan);
    let browser = Browser { program, proxy, scratch: house.dir.path().to_owned() };
    let (_, complaints) = browser.looked_at("/breach");
    assert!(!complaints.is_empty(), "a page that breaks its policy is noticed");

    let (study, run) = (format!("/studies/{}", house.study), format!("/runs/{}", house.run));
    let pages = pages(&study, &run);
    let is_kept = env::var("GANTRY_SCREENSHOTS").is_ok_and(|kept| kept == "1");
    let pictures = if is_kept { notes::root().join("docs/pages") } else { house.dir.path().join("pictures") };
    fs::create_dir_all(&pictures).unwrap();
    for (name, path, size, facts) in pages {
        let document = browser.document(path);
        for fact in facts {
            assert!(document.contains(fact), "{path} does not tell {fact:?}: {document}");
        }
        browser.picture(path, &pictures.join(format!("{name}.png")), size, &[]);
    }
    let dark = ["--blink-settings=preferredColorScheme=0"];
    browser.picture("/", &pictures.join("attention-at-night.png"), "500,1360", &dark);

    // What peers send is text, whatever it looks like.
    let Some(hostile) = send_hostile(test, &house, house.dir.path()) else { return };
    for path in ["/", "/studies", "/runs", "/refused", &*format!("/studies/{hostile}")] {
        let document = browser.document(path);
        for markup in ["<img src=\"x\"", "<svg onload", "<b>", "<i>CT"] {
            assert!(!document.contains(markup), "{path}: {markup}: {document}");
        }
    }
    let document = browser.document(&format!("/studies/{hostile}"));
    assert!(document.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{document}");
}

/// A page that does what a person does at a browser: signs in, and sends a form. It is of the same origin as the pages,
/// or of another.
fn hand(token: &str, action: &str) -> String {
    format!(
        "\r\n<title>hand</title><form id=f method=post action='{action}'>\
         <input name=workflow value=ct-with-mr><input name=decision value=skip><input name=reason value=by-hand>\
         </form><script>\
         const asked = new XMLHttpRequest(); asked.open('POST', '/login', false);\
         asked.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');\
         asked.send('token={token}'); document.getElementById('f').submit();\
         </script>"
    )
}

/// What tests over plain sockets assume of browsers is what a browser does.
#[test]
fn a_browser_signs_in_and_orders_and_another_site_cannot_make_it() {
    let test = "a_browser_signs_in_and_orders_and_another_site_cannot_make_it";
    let Some(program) = peer::program(test, "chromium") else { return };
    let Some(house) = House::open(test) else { return };
    let decide = format!("/studies/{}/decide", house.study);
    let (lena, scratch) = (house.token("lena"), house.dir.path().to_owned());
    let ours = |page: String| Plan { token: None, pages: vec![("/hand", page)] };

    // Another site, whose form a browser sends to the node; it bears the session that it has there.
    let node = Proxy::start(house.served.http(), ours(hand(&lena, &decide)));
    let stranger =
        Proxy::start(house.served.http(), ours(hand(&lena, &format!("http://{}{decide}", node.address))));
    let browser = Browser { program: program.clone(), proxy: stranger, scratch: scratch.clone() };
    let (refused, _) = browser.run("/hand", &["--dump-dom"]);
    assert!(refused.contains("not from a page of this server"), "{refused}");
    let show = house.served.ask(&["study", "show", &house.study]);
    assert_eq!(super::outcome(&show, "ct-with-mr"), "held");

    let browser = Browser { program, proxy: node, scratch };
    let (done, _) = browser.run("/hand", &["--dump-dom"]);
    assert!(done.contains("lena (operate)") && done.contains("It is not run."), "{done}");
    let show = house.served.ask(&["study", "show", &house.study]);
    assert_eq!(super::outcome(&show, "ct-with-mr"), "cancelled");
}
