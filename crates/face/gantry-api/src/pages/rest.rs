//! The shorter pages: destinations, refused senders, disk.

use axum::{extract::State, http::StatusCode, response::Response};
use gantry_types::instant::Instant;

use super::{
    Said, attention,
    html::Html,
    layout::{Place, page, shown},
    parts,
};
use crate::{
    access::Person,
    destinations::{self, Queue, kinds},
    disk::{self, Disk, Level},
    problem::Problem,
    routes::{Asked, Interface, Reader, Shared, read},
    sources,
    view::View,
};

pub(super) async fn show_destinations(
    State(api): Shared,
    Reader(person): Reader,
) -> Result<Response, Problem> {
    let body = read(api, move |Interface { view, clock, .. }| {
        let queues = destinations::all(view)?;
        let now = clock.now();
        Ok(page(Some(&person), Place::Destinations, "Destinations", |html| {
            if queues.is_empty() {
                html.leaf(
                    "p",
                    &[("class", "card")],
                    "There is no destination: gantry init or gantry apply adds one.",
                );
            }
            queues.iter().for_each(|(name, queue)| destination(html, name, queue, now));
        }))
    });
    Ok(shown(StatusCode::OK, body.await?))
}

fn destination(html: &mut Html, name: &str, queue: &Queue, now: Instant) {
    let has = |word| queue.counts.contains_key(word);
    let (class, word) = match () {
        () if has("quarantined") => ("card bad", "stopped"),
        () if has("retrying") => ("card warn", "retrying"),
        () if 0 < queue.waiting() || has("confirming") => ("card", "on its way"),
        () => ("card", "nothing waits"),
    };
    html.tag("section", &[("class", class)], |html| {
        html.tag("div", &[("class", "head")], |html| {
            html.leaf("h2", &[], name);
            parts::state(html, word);
            let sent = queue.sent.map_or("nothing was sent lately".to_owned(), |at| {
                format!("last sent {} ago", parts::age(now, at))
            });
            html.leaf("span", &[("class", "end")], &sent);
        });
        if let Some(error) = &queue.error {
            html.tag("p", &[("class", "sentence long")], |html| parts::words(html, error));
        }
        let counts: Vec<String> =
            queue.counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        let counts = if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
        let oldest = queue.oldest.map_or("nothing".to_owned(), |since| parts::age(now, since));
        let mut facts = vec![("Unfinished deliveries", &*counts), ("The oldest waits for", &*oldest)];
        let document = queue.document.as_ref().map(|document| {
            let called = format!("{} at {}", document.ae_title, document.address);
            (called, document.calling.to_string(), kinds(document).join(", "))
        });
        match (&document, &queue.document) {
            (Some((called, calling, takes)), Some(document)) => facts.extend([
                ("Called", &**called),
                ("Calling as", &**calling),
                ("Takes", &**takes),
                ("Class", document.class.as_str()),
            ]),
            _ => facts.push(("Document", "there is none in use that can be read")),
        }
        parts::facts(html, &facts);
    });
}

pub(super) async fn show_refused(
    State(api): Shared,
    Reader(person): Reader,
    Asked(Said { said }): Asked<Said>,
) -> Result<Response, Problem> {
    let body = read(api, move |interface| write_refused(&interface.view, &person, said.as_deref()));
    Ok(shown(StatusCode::OK, body.await?))
}

fn write_refused(view: &View, person: &Person, said: Option<&str>) -> Result<String, Problem> {
    let refused = sources::refused(view)?;
    Ok(page(Some(person), Place::Refused, "Refused senders", |html| {
        parts::said(html, said);
        html.leaf(
            "p",
            &[("class", "lead")],
            "Who called and was not let in. Letting one in applies a Source document for its title and address.",
        );
        if refused.is_empty() {
            html.leaf("p", &[("class", "card")], "Nobody was refused.");
            return;
        }
        let heads = ["Last", "Calls itself", "From", "Called", "Why", "Let it in"];
        parts::table(html, "Refused associations, newest first", &heads, |html| {
            for row in &refused {
                html.tag("tr", &[], |html| {
                    html.tag("td", &[], |html| parts::time(html, row.last));
                    html.leaf("th", &[("scope", "row")], &row.calling);
                    parts::cell(html, &row.address);
                    parts::cell(html, &row.called);
                    parts::cell(html, &row.reason);
                    html.tag("td", &[], |html| {
                        if !sources::is_for_its_sender(row) {
                            html.text("It calls a title that no door has.");
                            return;
                        }
                        html.tag("details", &[], |html| {
                            html.leaf("summary", &[], "Let it in");
                            attention::accept(html, person, &row.calling, &row.address);
                        });
                    });
                });
            }
        });
    }))
}

pub(super) async fn show_disk(State(api): Shared, Reader(person): Reader) -> Result<Response, Problem> {
    let body = read(api, move |interface| {
        let disk = Disk::read(&interface.view)?;
        Ok(page(Some(&person), Place::Disk, "Disk", |html| write_disk(html, &disk)))
    });
    Ok(shown(StatusCode::OK, body.await?))
}

fn write_disk(html: &mut Html, disk: &Disk) {
    let (word, sentence) = match disk.level() {
        Level::Good => ("enough room", "Objects are kept as they come."),
        Level::Low => ("low", "Less than twice the reserve is free: make room soon."),
        Level::Full => {
            ("full", "Objects are refused with A700, and no run begins, until there is room again.")
        }
    };
    let [free, reserve, kept] = [disk.room.free, disk.room.reserve, disk.kept.bytes].map(disk::shown);
    html.tag("section", &[("class", "card")], |html| {
        html.tag("div", &[("class", "head")], |html| {
            parts::state(html, word);
            html.leaf("h2", &[], &format!("{free} free"));
        });
        html.leaf("p", &[("class", "sentence")], sentence);
        gauge(html, disk);
        html.tag("ul", &[("class", "legend")], |html| {
            html.leaf("li", &[("class", "s1")], &format!("kept by Gantry: {kept}"));
            html.leaf("li", &[("class", "s2")], &format!("stays free: {reserve}"));
            html.leaf("li", &[], "free for objects");
        });
        let containers = disk.kept.containers.to_string();
        parts::facts(
            html,
            &[("Free", &free), ("Stays free", &reserve), ("Segments", &containers), ("In segments", &kept)],
        );
    });
    html.leaf(
        "p",
        &[("class", "quiet")],
        "Segments hold received objects, results and evidence, those that are prepared included. storage.reserve_mib in gantry.toml says what stays free.",
    );
}

/// What is kept, what stays free, and the rest, of both together.
fn gauge(html: &mut Html, disk: &Disk) {
    let whole = (disk.kept.bytes.saturating_add(disk.room.free) as f64).max(1.0);
    let part = |bytes: u64| 1000.0 * (bytes as f64 / whole).min(1.0);
    let (kept, reserve) = (part(disk.kept.bytes), part(disk.room.reserve.min(disk.room.free)));
    let kept_wide = format!("{kept:.1}");
    let (from, wide) = (format!("{:.1}", 1000.0 - reserve), format!("{reserve:.1}"));
    let class = if disk.level() == Level::Full { "low" } else { "kept" };
    html.tag(
        "svg",
        &[
            ("class", "gauge"),
            ("viewBox", "0 0 1000 10"),
            ("preserveAspectRatio", "none"),
            ("role", "img"),
            ("aria-label", "How full the disk is"),
        ],
        |html| {
            html.tag(
                "rect",
                &[("class", "used"), ("x", "0"), ("y", "0"), ("width", &kept_wide), ("height", "10")],
                |_| (),
            );
            html.tag(
                "rect",
                &[("class", class), ("x", &from), ("y", "0"), ("width", &wide), ("height", "10")],
                |_| (),
            );
        },
    );
}
