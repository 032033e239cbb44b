//! What is told.

use std::str::FromStr as _;

use axum::{extract::State, http::StatusCode};
use gantry_ports::{intake::StudySearch, store::DocumentKind};
use gantry_types::{
    ids::{IdError, RunId},
    instant::Instant,
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Answer, Shared,
    asking::{Asked, Named, Page, count},
    read, tell,
};
use crate::{
    attention, deliveries, destinations, disk::Disk, documents, openapi, problem::Problem, quarantine, runs,
    sources, studies, trail, why,
};

/// Which studies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    count: Option<usize>,
    before: Option<String>,
    q: Option<String>,
    date: Option<String>,
}

pub(super) async fn studies(State(api): Shared, Asked(page): Asked<Sought>) -> Answer {
    let count = count(page.count, 50)?;
    let search = StudySearch::new(page.q.as_deref().unwrap_or_default(), page.date.as_deref());
    tell(api, move |view| {
        let before = match &page.before {
            Some(uid) => studies::find(view, uid)?.first_received,
            None => Instant(i64::MAX),
        };
        Ok(studies::list_json(&studies::found(view, &search, before, count)?))
    })
    .await
}

pub(super) async fn study(State(api): Shared, Named(named): Named<String>) -> Answer {
    tell(api, move |view| {
        let study = studies::find(view, &named)?;
        Ok(studies::show(view, study)?.json(view)?)
    })
    .await
}

pub(super) async fn why(State(api): Shared, Named(named): Named<String>) -> Answer {
    tell(api, move |view| Ok(why::explain(view, &studies::find(view, &named)?)?.json())).await
}

pub(super) async fn runs(State(api): Shared, Asked(page): Asked<Page>) -> Answer {
    let count = count(page.count, 50)?;
    let before = page.before.as_deref().map(RunId::from_str).transpose();
    let before = before.map_err(|error: IdError| Problem::bad_query(format!("before: {error}")))?;
    tell(api, move |view| Ok(runs::list(view, before.as_ref(), count)?)).await
}

pub(super) async fn run(State(api): Shared, Named(named): Named<String>) -> Answer {
    tell(api, move |view| Ok(runs::show(view, &runs::find(view, &named)?)?)).await
}

pub(super) async fn deliveries(State(api): Shared, Asked(page): Asked<Page>) -> Answer {
    let count = count(page.count, 100)?;
    tell(api, move |view| {
        let before = page.before.as_deref().map(|named| deliveries::find(view, named)).transpose()?;
        Ok(deliveries::list(view, before.as_ref(), count)?)
    })
    .await
}

/// A page of the trail, and where it begins.
fn of_trail(page: &Page) -> Result<(Option<u64>, usize), Problem> {
    let count = count(page.count, 100)?;
    let before = page.before.as_deref().map(str::parse).transpose();
    Ok((before.map_err(|_bad| Problem::bad_query("before: it is the `number` of an entry"))?, count))
}

pub(super) async fn audit(State(api): Shared, Asked(page): Asked<Page>) -> Answer {
    let (before, count) = of_trail(&page)?;
    tell(api, move |view| Ok(trail::json(&trail::newest(view, before, count)?))).await
}

pub(super) async fn audit_of_study(
    State(api): Shared,
    Named(named): Named<String>,
    Asked(page): Asked<Page>,
) -> Answer {
    let (before, count) = of_trail(&page)?;
    tell(api, move |view| {
        let study = studies::find(view, &named)?;
        Ok(trail::json(&trail::of_study(view, &study, before, count)?))
    })
    .await
}

pub(super) async fn attention(State(api): Shared) -> Answer {
    let told = read(api, |interface| {
        let now = interface.clock.now();
        Ok(attention::json(&attention::all(&interface.view, &interface.pulses, now)?))
    });
    Ok(super::document(StatusCode::OK, &told.await?))
}

pub(super) async fn destinations(State(api): Shared) -> Answer {
    tell(api, |view| Ok(destinations::json(&destinations::all(view)?))).await
}

pub(super) async fn applications(State(api): Shared) -> Answer {
    let told = read(api, |interface| Ok(documents::applications_json(&interface.desk.applications()?)));
    Ok(super::document(StatusCode::OK, &told.await?))
}

pub(super) async fn disk(State(api): Shared) -> Answer {
    tell(api, |view| Ok(Disk::read(view)?.json())).await
}

pub(super) async fn quarantine(State(api): Shared) -> Answer {
    tell(api, |view| Ok(quarantine::list_json(&quarantine::waiting(view)?))).await
}

pub(super) async fn refusals(State(api): Shared) -> Answer {
    tell(api, |view| Ok(sources::refused_json(&sources::refused(view)?))).await
}

/// Which documents.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfKind {
    kind: Option<String>,
}

pub(super) async fn documents(State(api): Shared, Asked(OfKind { kind }): Asked<OfKind>) -> Answer {
    let parsed = kind.as_deref().map(DocumentKind::parse);
    if let (Some(kind), Some(None)) = (&kind, parsed) {
        let sentence = format!("kind is {kind}: it is Workflow, Source, Destination or Door");
        return Err(Problem::bad_query(sentence));
    }
    tell(api, move |view| {
        let rows = documents::in_use(view, parsed.flatten())?;
        Ok(json!({ "documents": rows.iter().map(documents::json).collect::<Vec<_>>() }))
    })
    .await
}

/// Which version of a document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfVersion {
    version: Option<u32>,
}

pub(super) async fn document(
    State(api): Shared,
    Named((kind, name)): Named<(String, String)>,
    Asked(OfVersion { version }): Asked<OfVersion>,
) -> Answer {
    tell(api, move |view| Ok(documents::json(&documents::find(view, &kind, &name, version)?))).await
}

pub(super) async fn openapi() -> Answer {
    Ok(super::document(StatusCode::OK, &openapi::document()))
}
