//! Whether the node does what it is there for. It says nothing of what it keeps: anybody may ask.

use gantry_ports::pulse::Pulse;
use gantry_types::instant::Instant;

use crate::view::View;

/// What is wrong, as codes; nothing if all is well.
pub(crate) fn wrong(view: &View, pulses: &[Pulse]) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if view.intake.newest_studies(&view.site, Instant(i64::MAX), 1).is_err() {
        wrong.push("store/unreadable");
    }
    if view.blob.check_room().is_err() {
        wrong.push("blob/no-room");
    }
    if pulses.iter().any(|pulse| !pulse.is_alive()) {
        wrong.push("service/thread-ended");
    }
    wrong
}
