//! `gantry why`: what each workflow makes of a study (DC1).

use gantry_api::{
    studies,
    why::{self, OfWorkflow, word},
};
use gantry_conductor::workflows::Pinned;
use gantry_definition::expression::{Judgement, Truth};

use crate::{
    cli::Listing,
    node::{Access, Node},
    report::{Failure, print, say},
};

/// `gantry why`.
pub(crate) fn run(listing: &Listing, named: &str) -> Result<(), Failure> {
    let view = Node::open(&listing.data, Access::Read)?.view();
    let why = why::explain(&view, &studies::find(&view, named)?)?;
    for unreadable in &why.unreadable {
        say(&format!("warning: {unreadable}"));
    }
    if listing.json {
        return print(&why.json().to_string());
    }
    print(&format!("study {}", why.study))?;
    if why.workflows.is_empty() {
        say("there are no workflows: `gantry apply` takes them into use");
    }
    why.workflows.iter().try_for_each(show)
}

fn show(OfWorkflow { pinned, explanation, told }: &OfWorkflow) -> Result<(), Failure> {
    let Pinned { workflow, version, .. } = &**pinned;
    let colon = if told.sentence.is_empty() { "" } else { ": " };
    print(&format!(
        "workflow {} (version {version}): {}{colon}{}",
        workflow.name, told.outcome, told.sentence
    ))?;
    show_clauses("  ", &explanation.applies)?;
    if explanation.applies.truth == Truth::True {
        for (input, judged) in &explanation.inputs {
            let selected = explanation.selected(input).count();
            print(&format!("  input {input}: {selected} of {} series selected", judged.len()))?;
            for (series, judgement) in judged {
                print(&format!("    series {series}: {}", word(judgement.truth)))?;
                show_clauses("      ", judgement)?;
            }
        }
    }
    told.done.iter().try_for_each(|line| print(&format!("  done: {line}")))
}

fn show_clauses(indent: &str, judgement: &Judgement) -> Result<(), Failure> {
    judgement.clauses.iter().try_for_each(|clause| {
        let seen: Vec<String> =
            clause.seen.iter().map(|(name, value)| format!("{name} is {value}")).collect();
        print(&format!("{indent}{:<7} {}: {}", word(clause.truth), clause.text, seen.join(", ")))
    })
}
