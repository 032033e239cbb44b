//! `Workflow`: what is run on which studies, when, and where its results go.

use std::{collections::BTreeMap, time::Duration};

use gantry_flow::{
    case::{Late, OnMaxWait, Rules},
    names::{DestinationName, InputName, WorkflowName},
    payload::Choose,
    run::{Plan, Retry, TaskPlan},
    step::Lane,
};
use gantry_types::ids::{AppName, TaskName};

use super::{
    Kind, class,
    destination::{Destination, EvidenceKind, kinds},
    metadata,
    read::{
        Mapping, Problems, choice, duration, duration_or, each, expression, expression_problem, list, number,
        parsed, text,
    },
    tree::{Shape, Tree},
    values::show_duration,
    variables,
};
use crate::{
    expression::{Choice, Expression, Facts, Tables},
    package::Class,
};

/// A workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Workflow {
    /// Names it; versions share the name.
    pub name: WorkflowName,
    /// For whom its results are.
    pub class: Class,
    /// Whether it applies to a study.
    pub applies: Expression,
    /// Which series it takes.
    pub inputs: BTreeMap<InputName, Input>,
    /// When it is ready.
    pub rules: Rules,
    /// Which work goes first.
    pub lane: LaneRule,
    /// What each task of the plan runs.
    pub tasks: BTreeMap<TaskName, TaskUse>,
    /// In which order, and how patiently.
    pub plan: Plan,
    /// Where results go.
    pub deliver: Vec<Delivery>,
}

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Whether a series is selected.
    pub series: Expression,
    /// Which of the selected series are frozen.
    pub choose: Choose,
}

/// The lane of a workflow's runs.
#[derive(Debug, Clone, PartialEq)]
pub enum LaneRule {
    /// Always this.
    Always(Lane),
    /// Depends on the study.
    Chosen(Choice),
}

/// What a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskUse {
    /// The application.
    pub app: AppName,
    /// By the application's name of its input, that of the workflow.
    pub inputs: BTreeMap<String, InputName>,
    /// Clauses of its contract that are met where they are unknown, with what was asserted.
    pub asserted: BTreeMap<String, String>,
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub to: DestinationName,
    /// Which of them; nothing said: all that the destination takes.
    pub what: Option<Vec<EvidenceKind>>,
}

impl Delivery {
    /// The kinds that the destination gets: those that it takes and the workflow names.
    pub fn kinds<'a>(&'a self, to: &'a Destination) -> impl Iterator<Item = EvidenceKind> + 'a {
        let named = self.what.as_ref();
        to.what.iter().copied().filter(move |kind| named.is_none_or(|named| named.contains(kind)))
    }
}

const LANES: &[(&str, Lane)] =
    &[("urgent", Lane::Urgent), ("routine", Lane::Routine), ("background", Lane::Background)];

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

impl LaneRule {
    /// The lane for a study; routine if it depends on what is not known.
    #[must_use]
    pub fn lane(&self, study: &Facts) -> Lane {
        match self {
            Self::Always(lane) => *lane,
            Self::Chosen(choice) => {
                let word = choice.pick(study, &Tables::new());
                let lane = LANES.iter().find(|(name, _)| word.as_deref() == Some(name));
                lane.map_or(Lane::Routine, |(_, lane)| *lane)
            }
        }
    }
}

pub(super) fn read(top: &Mapping<'_>, problems: &mut Problems) -> Option<Workflow> {
    let metadata = metadata(top, Kind::Workflow, problems);
    let name = metadata.and_then(|m| m.required("name", problems)).and_then(|tree| parsed(tree, problems));
    let class = metadata.and_then(|m| class(&m, problems));
    if let Some(tree) = top.get("for") {
        choice(tree, &[("study", ())], problems);
    }
    let scope = variables::of_study();
    let applies = top.required("match", problems).and_then(|tree| expression(tree, &scope, problems));
    let inputs = top.required("inputs", problems).and_then(|tree| inputs(tree, problems));
    let late = top.get("late").map_or(Some(Late::Ignore), |tree| late(tree, problems));
    let lane = top.get("lane").map_or(Some(LaneRule::Always(Lane::Routine)), |tree| lane(tree, problems));
    let names = inputs.as_ref().map(|inputs| inputs.keys().cloned().collect::<Vec<_>>());
    let rules = rules(top, names.as_deref(), late, problems);
    let tasks = top.required("tasks", problems).and_then(|tree| tasks(tree, names.as_deref(), problems));
    let deliver = top.get("deliver").map_or(Some(Vec::new()), |tree| deliver(tree, problems));
    let (tasks, plan) = tasks?;
    Some(Workflow {
        name: name?,
        class: class?,
        applies: applies?,
        inputs: inputs?,
        rules: rules?,
        lane: lane?,
        tasks,
        plan,
        deliver: deliver?,
    })
}

fn inputs(tree: &Tree, problems: &mut Problems) -> Option<BTreeMap<InputName, Input>> {
    let mapping = Mapping::of(tree, "`inputs`", problems)?;
    let chooses = &[("thinnest", Choose::Thinnest), ("newest", Choose::Newest), ("all", Choose::All)];
    let mut inputs = BTreeMap::new();
    let mut is_whole = true;
    for (key, tree) in mapping.pairs() {
        let name = key.text.parse::<InputName>();
        if let Err(error) = &name {
            problems.add(key.at, error.to_string(), None);
        }
        let input = Mapping::open(tree, "Workflow.inputs.*", problems).and_then(|input| {
            let scope = variables::of_series();
            let series =
                input.required("series", problems).and_then(|tree| expression(tree, &scope, problems));
            let choose =
                input.get("choose").map_or(Some(Choose::All), |tree| choice(tree, chooses, problems));
            Some(Input { series: series?, choose: choose? })
        });
        match (name, input) {
            (Ok(name), Some(input)) => {
                inputs.insert(name, input);
            }
            (Ok(_) | Err(_), _) => is_whole = false,
        }
    }
    if mapping.pairs().next().is_none() {
        problems.add(tree.at, "there is no input".to_owned(), None);
    }
    (is_whole && !inputs.is_empty()).then_some(inputs)
}

fn rules(
    top: &Mapping<'_>,
    inputs: Option<&[InputName]>,
    late: Option<Late>,
    problems: &mut Problems,
) -> Option<Rules> {
    let ready = top.get("ready").map(|tree| Mapping::open(tree, "Workflow.ready", problems));
    let get = |key| ready.flatten().and_then(|m: Mapping<'_>| m.get(key));
    let quiet = duration_or(get("quiet"), MINUTE, SECOND..=DAY, problems);
    let association_end = match get("associationEnd") {
        Some(tree) => duration(tree, Duration::ZERO..=DAY, problems).map(Some),
        None => Some(None),
    };
    let max_wait = duration_or(get("maxWait"), 30 * MINUTE, SECOND..=30 * DAY, problems);
    let policies = &[("run", OnMaxWait::Run), ("hold", OnMaxWait::Hold), ("expire", OnMaxWait::Expire)];
    let on_max_wait = get("onMaxWait").map_or(Some(OnMaxWait::Hold), |tree| choice(tree, policies, problems));
    let (quiet, max_wait) = (quiet?, max_wait?);
    if max_wait <= quiet {
        let at = get("maxWait").or(get("quiet")).map_or(top.at, |tree| tree.at);
        let [quiet, max_wait] = [quiet, max_wait].map(show_duration);
        let what = format!("`maxWait` of {max_wait} is over before `quiet` of {quiet} can decide anything");
        problems.add(at, what, Some("make `maxWait` longer".to_owned()));
        return None;
    }
    Some(Rules {
        inputs: inputs?.to_vec(),
        quiet,
        association_end: association_end?,
        max_wait,
        on_max_wait: on_max_wait?,
        late: late?,
    })
}

/// `ignore` or `hold`, alone or as `{ do: ... }`; `{ do: amend }` with its times.
fn late(tree: &Tree, problems: &mut Problems) -> Option<Late> {
    #[derive(Clone, Copy, PartialEq)]
    enum Word {
        Ignore,
        Hold,
        Amend,
    }
    let words = &[("ignore", Word::Ignore), ("hold", Word::Hold), ("amend", Word::Amend)];
    let mapping = match &tree.shape {
        Shape::Mapping(_) => Some(Mapping::open(tree, "Workflow.late", problems)?),
        Shape::Nothing | Shape::Text(_) | Shape::List(_) => None,
    };
    let word = match &mapping {
        Some(mapping) => choice(mapping.required("do", problems)?, words, problems)?,
        None => choice(tree, words, problems)?,
    };
    let get = |key| mapping.and_then(|mapping: Mapping<'_>| mapping.get(key));
    if word != Word::Amend
        && let Some(tree) = get("settle").or(get("max"))
    {
        problems.add(tree.at, "only `do: amend` has `settle` and `max`".to_owned(), None);
        return None;
    }
    let settle = duration_or(get("settle"), MINUTE, SECOND..=DAY, problems);
    let max = get("max").map_or(Some(2), |tree| number(tree, 1..=100, problems));
    Some(match word {
        Word::Ignore => Late::Ignore,
        Word::Hold => Late::Hold,
        Word::Amend => Late::Amend { settle: settle?, max: max? },
    })
}

fn lane(tree: &Tree, problems: &mut Problems) -> Option<LaneRule> {
    let written = text(tree, problems)?;
    if !written.contains('?') {
        return choice(tree, LANES, problems).map(LaneRule::Always);
    }
    let words: Vec<&str> = LANES.iter().map(|(word, _)| *word).collect();
    let scope = variables::of_study();
    match Choice::compile(written, &scope, &words) {
        Ok(choice) => Some(LaneRule::Chosen(choice)),
        Err(error) => {
            expression_problem(tree, written, error, &scope, problems);
            None
        }
    }
}

type Tasks = (BTreeMap<TaskName, TaskUse>, Plan);

fn tasks(tree: &Tree, inputs: Option<&[InputName]>, problems: &mut Problems) -> Option<Tasks> {
    let items = list(tree, problems)?;
    let mut uses = BTreeMap::new();
    let mut plans: Vec<TaskPlan> = Vec::new();
    for item in items {
        let before = plans.last().map(|plan| plan.name.clone());
        if let Some((plan, used)) = task(item, before, inputs, problems) {
            uses.insert(plan.name.clone(), used);
            plans.push(plan);
        }
    }
    if plans.len() != items.len() {
        return None;
    }
    match Plan::new(plans) {
        Ok(plan) => Some((uses, plan)),
        Err(error) => {
            problems.add(tree.at, error.to_string(), None);
            None
        }
    }
}

fn task(
    tree: &Tree,
    before: Option<TaskName>,
    inputs: Option<&[InputName]>,
    problems: &mut Problems,
) -> Option<(TaskPlan, TaskUse)> {
    let mapping = Mapping::open(tree, "Workflow.tasks[]", problems)?;
    let name = mapping.required("name", problems).and_then(|tree| parsed(tree, problems));
    let app = mapping.required("app", problems).and_then(|tree| parsed(tree, problems));
    let used = mapping.required("inputs", problems).and_then(|tree| task_inputs(tree, inputs, problems));
    let after = match mapping.get("after") {
        Some(tree) => each(tree, problems, parsed),
        None => Some(before.into_iter().collect()),
    };
    let asserted = match mapping.get("assert") {
        Some(tree) => Mapping::of(tree, "`assert`", problems).and_then(|mapping| texts(&mapping, problems)),
        None => Some(BTreeMap::new()),
    };
    let timeout = duration_or(mapping.get("timeout"), 10 * MINUTE, SECOND..=DAY, problems);
    let retry = match mapping.get("retry") {
        Some(tree) => retry(tree, problems),
        None => Some(Retry { attempts: 3, backoff: 30 * SECOND }),
    };
    Some((
        TaskPlan { name: name?, after: after?, timeout: timeout?, retry: retry? },
        TaskUse { app: app?, inputs: used?, asserted: asserted? },
    ))
}

fn task_inputs(
    tree: &Tree,
    inputs: Option<&[InputName]>,
    problems: &mut Problems,
) -> Option<BTreeMap<String, InputName>> {
    let mapping = Mapping::of(tree, "`inputs`", problems)?;
    let mut used = BTreeMap::new();
    for (key, tree) in mapping.pairs() {
        // Without the workflow's inputs there is something else wrong already.
        let Some(inputs) = inputs else {
            parsed::<InputName>(tree, problems);
            continue;
        };
        let choices: Vec<(&str, usize)> =
            inputs.iter().enumerate().map(|(index, name)| (name.as_str(), index)).collect();
        let index = choice(tree, &choices, problems);
        used.extend(index.and_then(|index| inputs.get(index)).map(|name| (key.text.clone(), name.clone())));
    }
    (used.len() == mapping.pairs().count()).then_some(used)
}

fn texts(mapping: &Mapping<'_>, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (key, tree) in mapping.pairs() {
        texts.insert(key.text.clone(), text(tree, problems)?.to_owned());
    }
    Some(texts)
}

fn retry(tree: &Tree, problems: &mut Problems) -> Option<Retry> {
    let mapping = Mapping::open(tree, "Workflow.tasks[].retry", problems)?;
    let attempts = mapping.get("attempts").map_or(Some(3), |tree| number(tree, 1..=10, problems));
    let backoff = duration_or(mapping.get("backoff"), 30 * SECOND, SECOND..=HOUR, problems);
    Some(Retry { attempts: attempts?, backoff: backoff? })
}

fn deliver(tree: &Tree, problems: &mut Problems) -> Option<Vec<Delivery>> {
    let items = list(tree, problems)?;
    let mut deliveries: Vec<Delivery> = Vec::new();
    for item in items {
        let Some(mapping) = Mapping::open(item, "Workflow.deliver[]", problems) else { continue };
        let to = mapping.required("to", problems).and_then(|tree| parsed(tree, problems));
        let what = match mapping.get("what") {
            Some(tree) => kinds(tree, problems).map(Some),
            None => Some(None),
        };
        let (Some(to), Some(what)) = (to, what) else { continue };
        if deliveries.iter().any(|delivery| delivery.to == to) {
            problems.add(item.at, format!("destination `{to}` stands in the list twice"), None);
        }
        deliveries.push(Delivery { to, what });
    }
    (deliveries.len() == items.len()).then_some(deliveries)
}
