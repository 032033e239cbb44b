//! The paths, and what is answered under each.

use std::{str::FromStr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use gantry_ports::{clock::Clock, pulse::Pulse};
use gantry_types::{
    ids::{IdError, RunId},
    instant::Instant,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{
    deliveries, health, metrics,
    problem::{Problem, document},
    runs,
    server::{READ_MAX, READERS_MAX},
    studies,
    token::Token,
    view::View,
    why,
};

/// The only path that needs no token.
const HEALTH: &str = "/healthz";

/// The most rows of a list.
const COUNT_MAX: usize = 1000;

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the interface tells of, and to whom.
pub struct Interface {
    /// What is read.
    pub view: View,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// The version of the program.
    pub version: &'static str,
    /// What requests must bear.
    pub token: Token,
    /// The threads without which the node does not work.
    pub pulses: Vec<Pulse>,
}

pub(crate) struct Api {
    interface: Interface,
    /// Bounds how many requests read the store at the same time; a question for health does not wait for them.
    readers: Arc<Semaphore>,
}

type Shared = State<Arc<Api>>;
type Answer = Result<Response, Problem>;

pub(crate) fn router(interface: Interface) -> Router {
    let api = Arc::new(Api { interface, readers: Arc::new(Semaphore::new(READERS_MAX)) });
    Router::new()
        .route(HEALTH, get(healthz))
        .route("/metrics", get(all_metrics))
        .route("/api/v1/studies", get(list_studies))
        .route("/api/v1/studies/{study}", get(show_study))
        .route("/api/v1/studies/{study}/why", get(why_study))
        .route("/api/v1/runs", get(list_runs))
        .route("/api/v1/runs/{run}", get(show_run))
        .route("/api/v1/deliveries", get(list_deliveries))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "http/no-such-path", "nothing is here"))
        .method_not_allowed_fallback(async || {
            let sentence = "this can only be read";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "http/method-not-allowed", sentence)
                .hint("use GET; the commands of `gantry` change things")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard))
        .with_state(api)
}

/// Nobody is answered without the token, not even that a path does not exist; and nobody between keeps answers.
async fn guard(State(api): Shared, request: Request, next: Next) -> Response {
    let may_ask = request.uri().path() == HEALTH || api.interface.token.is_borne_by(request.headers());
    let mut response =
        if may_ask { next.run(request).await } else { Problem::unauthorised().into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Reads in a thread where waiting harms nobody, within [`READ_MAX`].
async fn read<T: Send + 'static>(
    api: Arc<Api>,
    work: impl FnOnce(&Interface) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    in_time(READ_MAX, async {
        // The semaphore is never closed.
        let permit = Arc::clone(&api.readers).acquire_owned().await.map_err(|_closed| Problem::too_slow())?;
        let reading = spawn_blocking(move || {
            let read = work(&api.interface);
            drop(permit);
            read
        });
        reading.await.unwrap_or_else(|_panicked| {
            let sentence = "reading failed; the server's log says more";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "http/failed", sentence))
        })
    })
    .await
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(Problem::too_slow()))
}

/// Reads a document and answers with it.
async fn tell(api: Arc<Api>, work: impl FnOnce(&View) -> Result<Value, Problem> + Send + 'static) -> Answer {
    let told = read(api, |interface| work(&interface.view)).await?;
    Ok(document(StatusCode::OK, &told))
}

async fn healthz(State(api): Shared) -> Answer {
    let version = api.interface.version;
    let asked = async {
        let asking = spawn_blocking(move || health::wrong(&api.interface.view, &api.interface.pulses));
        asking.await.map_err(|_panicked| Problem::too_slow())
    };
    let wrong = in_time(READ_MAX, asked).await.unwrap_or_else(|_slow| vec!["http/too-slow"]);
    if wrong.is_empty() {
        return Ok(document(StatusCode::OK, &json!({ "status": "ok", "version": version })));
    }
    let failing = json!({ "status": "failing", "version": version, "wrong": wrong });
    Ok(document(StatusCode::SERVICE_UNAVAILABLE, &failing))
}

async fn all_metrics(State(api): Shared) -> Answer {
    let text = read(api, |Interface { view, clock, version, pulses, .. }| {
        Ok(metrics::text(view, clock.now(), version, pulses)?)
    });
    let mut response = Response::new(Body::from(text.await?));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OPEN_METRICS));
    Ok(response)
}

/// A page of a list: so many rows, of those behind one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    count: Option<usize>,
    before: Option<String>,
}

impl Page {
    /// How many rows, `usual` if nothing else is wanted.
    fn count(&self, usual: usize) -> Result<usize, Problem> {
        match self.count.unwrap_or(usual) {
            count @ 1..=COUNT_MAX => Ok(count),
            other => {
                Err(Problem::bad_query(format!("count is {other}: it is a number from 1 to {COUNT_MAX}")))
            }
        }
    }
}

fn page(query: Result<Query<Page>, QueryRejection>) -> Result<Page, Problem> {
    query.map(|Query(page)| page).map_err(|rejection| Problem::bad_query(rejection.body_text()))
}

/// What stands at a place of the path.
fn named(path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    path.map(|Path(named)| named).map_err(|rejection| Problem::bad_query(rejection.body_text()))
}

async fn list_studies(State(api): Shared, query: Result<Query<Page>, QueryRejection>) -> Answer {
    let page = page(query)?;
    let count = page.count(50)?;
    tell(api, move |view| {
        let before = match &page.before {
            Some(uid) => studies::find(view, uid)?.first_received,
            None => Instant(i64::MAX),
        };
        Ok(studies::list_json(&studies::newest(view, before, count)?))
    })
    .await
}

async fn show_study(State(api): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let named = named(path)?;
    tell(api, move |view| {
        let study = studies::find(view, &named)?;
        Ok(studies::show(view, study)?.json(view)?)
    })
    .await
}

async fn why_study(State(api): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let named = named(path)?;
    tell(api, move |view| Ok(why::explain(view, &studies::find(view, &named)?)?.json())).await
}

async fn list_runs(State(api): Shared, query: Result<Query<Page>, QueryRejection>) -> Answer {
    let page = page(query)?;
    let count = page.count(50)?;
    let before = page.before.as_deref().map(RunId::from_str).transpose();
    let before = before.map_err(|error: IdError| Problem::bad_query(format!("before: {error}")))?;
    tell(api, move |view| Ok(runs::list(view, before.as_ref(), count)?)).await
}

async fn show_run(State(api): Shared, path: Result<Path<String>, PathRejection>) -> Answer {
    let named = named(path)?;
    tell(api, move |view| Ok(runs::show(view, &runs::find(view, &named)?)?)).await
}

async fn list_deliveries(State(api): Shared, query: Result<Query<Page>, QueryRejection>) -> Answer {
    let page = page(query)?;
    if page.before.is_some() {
        return Err(Problem::bad_query("deliveries have no pages: `before` means nothing here"));
    }
    let count = page.count(100)?;
    tell(api, move |view| Ok(deliveries::list(view, count)?)).await
}
