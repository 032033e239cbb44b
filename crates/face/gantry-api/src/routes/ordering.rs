//! What is ordered. Each order is a JSON document that says why.

use axum::{
    extract::{Request, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Shared,
    asking::{Admin, DOCUMENTS_BYTES_MAX, Named, ORDER_BYTES_MAX, Operator, by, decision_of, ordered},
    order,
};
use crate::{
    documents::applied_json,
    orders::{Which, retried_json},
    problem::document,
    sources,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    workflow: String,
    decision: String,
    reason: String,
}

/// An order that says nothing but why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resent {
    destination: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retried {
    what: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    calling: String,
    address: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Applied {
    text: String,
    reason: String,
}

fn done(told: &Value) -> Answer {
    Ok(document(StatusCode::OK, told))
}

pub(super) async fn decide(
    State(api): Shared,
    Operator(person): Operator,
    Named(study): Named<String>,
    request: Request,
) -> Answer {
    let Decided { workflow, decision, reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let decision = decision_of(&decision)?;
    let decided = order(api, move |interface| {
        let study = interface.orders.decide(&study, &workflow, decision, &by)?;
        Ok(json!({ "study": study.as_str(), "workflow": workflow, "decided": decision.as_str() }))
    });
    done(&decided.await?)
}

pub(super) async fn cancel(
    State(api): Shared,
    Operator(person): Operator,
    Named(run): Named<String>,
    request: Request,
) -> Answer {
    let Only { reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let cancelled = order(api, move |interface| Ok(interface.orders.cancel(&run, &by)?)).await?;
    done(&json!({ "cancelled": cancelled.as_str() }))
}

pub(super) async fn rerun(
    State(api): Shared,
    Operator(person): Operator,
    Named(run): Named<String>,
    request: Request,
) -> Answer {
    let Only { reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let begun = order(api, move |interface| Ok(interface.orders.rerun(&run, &by)?)).await?;
    done(&json!({ "begun": begun.as_str() }))
}

pub(super) async fn resend(
    State(api): Shared,
    Operator(person): Operator,
    Named(object): Named<String>,
    request: Request,
) -> Answer {
    let Resent { destination, reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let resent =
        order(api, move |interface| Ok(interface.orders.resend(&object, destination.as_deref(), &by)?));
    done(&crate::orders::resent_json(&resent.await?))
}

pub(super) async fn retry(State(api): Shared, Operator(person): Operator, request: Request) -> Answer {
    let Retried { what, reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let retried = order(api, move |interface| Ok(interface.orders.retry(Which::of(&what), &by)?));
    done(&retried_json(&retried.await?))
}

pub(super) async fn accept(State(api): Shared, Admin(person): Admin, request: Request) -> Answer {
    let Accepted { calling, address, reason } = ordered(request, ORDER_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let accepted = order(api, move |interface| {
        let desk = &*interface.desk;
        Ok(sources::accept(&interface.view, desk, &calling, address.as_deref(), &by)?)
    });
    done(&applied_json(&accepted.await?.applied))
}

pub(super) async fn apply(State(api): Shared, Admin(person): Admin, request: Request) -> Answer {
    let Applied { text, reason } = ordered(request, DOCUMENTS_BYTES_MAX).await?;
    let by = by(&person, &reason)?;
    let applied = order(api, move |interface| Ok(interface.desk.apply("the documents", &text, &by)?));
    done(&applied_json(&applied.await?))
}
