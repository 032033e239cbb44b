//! What metrics say of a store whose rows are known.

use std::collections::BTreeMap;

use gantry_flow::{
    delivery::{self, Trouble},
    publication, run,
};
use gantry_ports::{
    pulse::Pulse,
    store::{AttentionRow, Change, RefusalRow, Row, Store as _},
};
use gantry_types::instant::Instant;

use super::text;
use crate::kit::{
    rows::{at, delivery, publication, run, site, study},
    view,
};

/// 1000 seconds.
const NOW: Instant = Instant(1_000_000_000);

fn samples(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).collect()
}

#[test]
fn what_waits_is_counted_by_where_it_waits_and_how_long() {
    let (view, store) = view();
    let why = Trouble::Status(0xA700);
    let rows = [
        delivery("1.1", "pacs", 990, delivery::Stage::Queued),
        delivery("1.2", "pacs", 400, delivery::Stage::Retrying { at: at(2000), why: why.clone() }),
        delivery("1.3", "pacs", 100, delivery::Stage::Quarantined { at: at(700), why: why.clone() }),
        delivery("1.4", "other", 1, delivery::Stage::Quarantined { at: at(800), why }),
        delivery("1.5", "third", 1, delivery::Stage::Confirmed { sent: at(2), at: at(3) }),
        publication("1a", publication::Stage::Queued { at: at(1) }),
        publication("1b", publication::Stage::Quarantined { at: at(500), why: "x".to_owned() }),
        publication("1c", publication::Stage::Published { at: at(1), objects: 3 }),
        run("1a", vec![run::Stage::Queued { since: at(970) }, run::Stage::Blocked]),
        run("1b", vec![run::Stage::Backoff { until: at(2000) }, run::Stage::Failed { at: at(1) }]),
        run("1c", vec![run::Stage::Failed { at: at(1) }]),
    ];
    let mut rows: Vec<Row> = rows.into_iter().map(Row::Machine).collect();
    let mut broken = run("1d", vec![run::Stage::Queued { since: at(1) }]);
    broken.state = "of another version".to_owned();
    let mut elsewhere = run("1e", vec![run::Stage::Queued { since: at(1) }]);
    elsewhere.key.site = "elsewhere".parse().unwrap();
    rows.extend([Row::Machine(broken), Row::Machine(elsewhere)]);
    rows.push(Row::Attention(AttentionRow { site: site(), study: study(), mark: 1 }));
    rows.push(Row::Refusal(RefusalRow {
        called: "GANTRY".to_owned(),
        calling: "CT".to_owned(),
        address: "10.0.0.1".to_owned(),
        reason: "1/1/3".to_owned(),
        last: at(950),
    }));
    store.commit(&Change { rows, ..Change::default() }).unwrap();
    let (beating, alive) = Pulse::start("conductor");
    beating.stumble();
    let (_, ended) = Pulse::start("keeper");
    let text = text(&view, NOW, "0.0.0", &[alive, ended]).unwrap();
    let samples = samples(&text);
    for (sample, want) in [
        ("gantry_build_info{version=\"0.0.0\"}", "1"),
        ("gantry_threads_ended{thread=\"conductor\"}", "0"),
        ("gantry_threads_ended{thread=\"keeper\"}", "1"),
        ("gantry_thread_panics_total{thread=\"conductor\"}", "1"),
        ("gantry_refused_peers", "1"),
        ("gantry_last_refusal_timestamp_seconds", "950"),
        ("gantry_studies_wanting_attention", "1"),
        ("gantry_tasks{lane=\"urgent\",state=\"queued\"}", "1"),
        ("gantry_tasks{lane=\"urgent\",state=\"blocked\"}", "1"),
        ("gantry_tasks{lane=\"urgent\",state=\"retrying\"}", "1"),
        ("gantry_tasks{lane=\"routine\",state=\"queued\"}", "0"),
        ("gantry_task_queued_oldest_seconds{lane=\"urgent\"}", "30"),
        ("gantry_task_queued_oldest_seconds{lane=\"routine\"}", "0"),
        ("gantry_publications{state=\"queued\"}", "0"),
        ("gantry_publications{state=\"retrying\"}", "1"),
        ("gantry_deliveries{destination=\"pacs\",state=\"queued\"}", "1"),
        ("gantry_deliveries{destination=\"pacs\",state=\"retrying\"}", "1"),
        ("gantry_deliveries{destination=\"pacs\",state=\"quarantined\"}", "1"),
        ("gantry_deliveries{destination=\"other\",state=\"quarantined\"}", "1"),
        ("gantry_delivery_oldest_seconds{destination=\"pacs\"}", "600"),
        ("gantry_waiting_for_person{kind=\"delivery\"}", "2"),
        ("gantry_waiting_for_person{kind=\"evidence\"}", "1"),
        ("gantry_waiting_for_person{kind=\"case\"}", "0"),
        ("gantry_waiting_for_person_oldest_seconds{kind=\"delivery\"}", "300"),
        ("gantry_waiting_for_person_oldest_seconds{kind=\"evidence\"}", "500"),
        ("gantry_unreadable_states", "1"),
    ] {
        assert_eq!(samples.get(sample), Some(&want), "{sample} in\n{text}");
    }
    assert!(!text.contains("third") && !text.contains("1.2.3") && !text.contains("10.0.0.1"), "{text}");
    assert!(samples.keys().all(|sample| !sample.contains("oldest_seconds{destination=\"other\"")), "{text}");
}

/// An empty store has no series that appear from nowhere when something goes wrong.
#[test]
fn an_empty_store_has_zeros() {
    let (view, _) = view();
    let text = text(&view, NOW, "0.0.0", &[]).unwrap();
    let samples = samples(&text);
    for sample in [
        "gantry_associations_open",
        "gantry_recent_runs{state=\"failed\"}",
        "gantry_tasks{lane=\"background\",state=\"working\"}",
        "gantry_waiting_for_person{kind=\"case\"}",
        "gantry_unreadable_states",
    ] {
        assert_eq!(samples.get(sample), Some(&"0"), "{sample} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}
