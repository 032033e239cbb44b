//! Orders by form: what a page sends, and where the browser goes then.

use axum::{
    Form,
    extract::{State, rejection::FormRejection},
    response::Response,
};
use serde::Deserialize;

use super::{html::encoded, login::place, see_other};
use crate::{
    orders::Which,
    problem::Problem,
    routes::{Admin, Named, Operator, Shared, by, decision_of, order},
    sources,
};

type Filled<T> = Result<Form<T>, FormRejection>;

fn filled<T>(form: Filled<T>) -> Result<T, Problem> {
    form.map(|Form(filled)| filled).map_err(|rejection| Problem::bad_body(rejection.body_text()))
}

/// Back to a page, which then says what was done.
fn back(to: Option<String>, otherwise: &str, said: &str) -> Response {
    let to = to.filter(|to| !to.is_empty()).map_or_else(|| otherwise.to_owned(), |to| place(Some(to)));
    see_other(&format!("{to}?said={said}"))
}

#[derive(Deserialize)]
pub(super) struct Decided {
    workflow: String,
    decision: String,
    reason: String,
    back: Option<String>,
}

/// An order that says nothing but why.
#[derive(Deserialize)]
pub(super) struct Only {
    reason: String,
    back: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Retried {
    what: String,
    reason: String,
    back: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Accepted {
    calling: String,
    address: String,
    reason: String,
    back: Option<String>,
}

pub(super) async fn decide(
    State(api): Shared,
    Operator(person): Operator,
    Named(study): Named<String>,
    form: Filled<Decided>,
) -> Result<Response, Problem> {
    let Decided { workflow, decision, reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    let decision = decision_of(&decision)?;
    let page = format!("/studies/{}", encoded(&study));
    order(api, move |interface| Ok(interface.orders.decide(&study, &workflow, decision, &by)?)).await?;
    Ok(back(to, &page, decision.as_str()))
}

pub(super) async fn cancel(
    State(api): Shared,
    Operator(person): Operator,
    Named(run): Named<String>,
    form: Filled<Only>,
) -> Result<Response, Problem> {
    let Only { reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    let run = order(api, move |interface| Ok(interface.orders.cancel(&run, &by)?)).await?;
    Ok(back(to, &format!("/runs/{}", encoded(run.as_str())), "cancelled"))
}

pub(super) async fn rerun(
    State(api): Shared,
    Operator(person): Operator,
    Named(run): Named<String>,
    form: Filled<Only>,
) -> Result<Response, Problem> {
    let Only { reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    let run = order(api, move |interface| Ok(interface.orders.rerun(&run, &by)?)).await?;
    Ok(back(to, &format!("/runs/{}", encoded(run.as_str())), "begun"))
}

pub(super) async fn resend(
    State(api): Shared,
    Operator(person): Operator,
    Named(object): Named<String>,
    form: Filled<Only>,
) -> Result<Response, Problem> {
    let Only { reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    let resent = order(api, move |interface| Ok(interface.orders.resend(&object, None, &by)?)).await?;
    Ok(back(to, &format!("/studies/{}", encoded(resent.study.as_str())), "resent"))
}

pub(super) async fn retry(
    State(api): Shared,
    Operator(person): Operator,
    form: Filled<Retried>,
) -> Result<Response, Problem> {
    let Retried { what, reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    order(api, move |interface| Ok(interface.orders.retry(Which::Named(&what), &by)?)).await?;
    Ok(back(to, "/", "retried"))
}

pub(super) async fn accept(
    State(api): Shared,
    Admin(person): Admin,
    form: Filled<Accepted>,
) -> Result<Response, Problem> {
    let Accepted { calling, address, reason, back: to } = filled(form)?;
    let by = by(&person, &reason)?;
    let accepted = order(api, move |interface| {
        Ok(sources::accept(&interface.view, &*interface.desk, &calling, Some(&address), &by)?)
    });
    accepted.await?;
    Ok(back(to, "/refused", "accepted"))
}
