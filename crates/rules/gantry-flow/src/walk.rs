//! Tests only: long walks through a machine, and which transitions they took.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Numbers that look random and repeat (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    /// One of several.
    pub(crate) fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// What was seen of a machine's table: (stage, event) and the stages that followed.
pub(crate) struct Coverage {
    stages: &'static [&'static str],
    events: &'static [&'static str],
    seen: BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>,
}

impl Coverage {
    pub(crate) fn new(stages: &'static [&'static str], events: &'static [&'static str]) -> Self {
        Self { stages, events, seen: BTreeMap::new() }
    }

    pub(crate) fn took(&mut self, from: &'static str, event: &'static str, to: &'static str) {
        assert!(self.stages.contains(&from) && self.events.contains(&event) && self.stages.contains(&to));
        self.seen.entry((from, event)).or_default().insert(to);
    }

    /// Fails unless every pair was taken or is listed with a reason; gives the table that was seen.
    #[expect(clippy::print_stdout, reason = "the coverage is said in the test's output")]
    pub(crate) fn judge(&self, machine: &str, unreachable: &[(&str, &str, &str)]) -> String {
        let mut wrong = Vec::new();
        for stage in self.stages {
            for event in self.events {
                let listed = unreachable.iter().find(|(s, e, _)| s == stage && e == event);
                match (self.seen.contains_key(&(*stage, *event)), listed) {
                    (true, None) | (false, Some(_)) => {}
                    (true, Some(_)) => {
                        wrong.push(format!("{stage}, {event}: taken, but listed as unreachable"))
                    }
                    (false, None) => wrong.push(format!("{stage}, {event}: never taken")),
                }
            }
        }
        std::println!(
            "{machine}: {} of {} transitions taken, {} unreachable for a reason",
            self.seen.len(),
            self.stages.len() * self.events.len(),
            unreachable.len()
        );
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
        let line = |((from, event), to): (&(&str, &str), &BTreeSet<&str>)| {
            let to: Vec<String> = to.iter().map(ToString::to_string).collect();
            format!("{from}, {event}: {}\n", to.join(", "))
        };
        self.seen.iter().map(line).collect()
    }
}
