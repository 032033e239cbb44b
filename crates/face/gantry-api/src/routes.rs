//! The paths, and who is answered under each.

mod asking;
mod guard;
mod ordering;
mod reading;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    handler::Handler,
    http::{HeaderValue, StatusCode, header},
    middleware,
    response::Response,
    routing::{MethodRouter, get, post},
};
use gantry_ports::{clock::Clock, pulse::Pulse};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{
    access::Keys,
    documents::Desk,
    health, metrics,
    orders::Orders,
    pages,
    problem::{Problem, document},
    server::{READ_MAX, READERS_MAX, SIGNING_IN_MAX},
    view::View,
};

/// The only path for programs that needs no token.
const HEALTH: &str = "/healthz";

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the interface tells of, what it orders, and for whom.
pub struct Interface {
    /// What is read.
    pub view: View,
    /// What gives orders.
    pub orders: Orders,
    /// What takes documents into use.
    pub desk: Arc<dyn Desk>,
    /// What the time is.
    pub clock: Arc<dyn Clock>,
    /// The version of the program.
    pub version: &'static str,
    /// Who is let in.
    pub keys: Keys,
    /// The threads without which the node does not work.
    pub pulses: Vec<Pulse>,
}

pub(crate) struct Api {
    pub(crate) interface: Interface,
    /// Bounds how many requests read the store at the same time; a question for health does not wait for them.
    readers: Arc<Semaphore>,
    /// Bounds how many that nobody knows yet can be waited for.
    pub(crate) signing_in: Semaphore,
}

pub(crate) use asking::{Admin, Asked, Named, Operator, Reader, by, decision_of};

pub(crate) type Shared = State<Arc<Api>>;
type Answer = Result<Response, Problem>;

/// What is asked for or ordered in one way under one path.
pub(crate) struct Route {
    /// As documents call it: `get`, `post`.
    #[cfg_attr(not(test), expect(dead_code, reason = "compared with the document of the interface"))]
    pub(crate) method: &'static str,
    /// With the names of its places in braces.
    pub(crate) path: &'static str,
    handler: MethodRouter<Arc<Api>>,
}

impl Route {
    fn get<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "get", path, handler: get(handler) }
    }

    fn post<H: Handler<T, Arc<Api>>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "post", path, handler: post(handler) }
    }
}

/// All that programs may ask for and order. What people look at stands in [`pages`].
pub(crate) fn all() -> Vec<Route> {
    vec![
        Route::get(HEALTH, healthz),
        Route::get("/metrics", all_metrics),
        Route::get("/api/v1/studies", reading::studies),
        Route::get("/api/v1/studies/{study}", reading::study),
        Route::get("/api/v1/studies/{study}/why", reading::why),
        Route::post("/api/v1/studies/{study}/decide", ordering::decide),
        Route::get("/api/v1/runs", reading::runs),
        Route::get("/api/v1/runs/{run}", reading::run),
        Route::post("/api/v1/runs/{run}/cancel", ordering::cancel),
        Route::post("/api/v1/runs/{run}/rerun", ordering::rerun),
        Route::get("/api/v1/deliveries", reading::deliveries),
        Route::post("/api/v1/deliveries/{object}/resend", ordering::resend),
        Route::get("/api/v1/studies/{study}/audit", reading::audit_of_study),
        Route::get("/api/v1/attention", reading::attention),
        Route::get("/api/v1/destinations", reading::destinations),
        Route::get("/api/v1/applications", reading::applications),
        Route::get("/api/v1/disk", reading::disk),
        Route::get("/api/v1/audit", reading::audit),
        Route::get("/api/v1/quarantine", reading::quarantine),
        Route::post("/api/v1/quarantine/retry", ordering::retry),
        Route::get("/api/v1/refusals", reading::refusals),
        Route::post("/api/v1/refusals/accept", ordering::accept),
        Route::get("/api/v1/documents", reading::documents),
        Route::post("/api/v1/documents", ordering::apply),
        Route::get("/api/v1/documents/{kind}/{name}", reading::document),
        Route::get("/api/v1/openapi.json", reading::openapi),
    ]
}

pub(crate) fn router(interface: Interface) -> Router {
    let readers = Arc::new(Semaphore::new(READERS_MAX));
    let api = Arc::new(Api { interface, readers, signing_in: Semaphore::new(SIGNING_IN_MAX) });
    let mut router = Router::new();
    for Route { path, handler, .. } in all() {
        router = router.route(path, handler);
    }
    router
        .merge(pages::router())
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || {
            let sentence = "nothing here is asked for or ordered in this way";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "http/method-not-allowed", sentence)
                .hint("GET tells, POST orders; docs/http.md has the paths")
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::guard))
        .with_state(api)
}

/// Works in a thread where waiting harms nobody, within [`READ_MAX`].
async fn work<T: Send + 'static>(
    api: Arc<Api>,
    slow: fn() -> Problem,
    work: impl FnOnce(&Interface) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    in_time(READ_MAX, slow, async {
        // The semaphore is never closed.
        let permit = Arc::clone(&api.readers).acquire_owned().await.map_err(|_closed| slow())?;
        let working = spawn_blocking(move || {
            let done = work(&api.interface);
            drop(permit);
            done
        });
        working.await.unwrap_or_else(|_panicked| Err(Problem::failed()))
    })
    .await
}

async fn in_time<T>(
    limit: Duration,
    slow: fn() -> Problem,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    timeout(limit, work).await.unwrap_or_else(|_elapsed| Err(slow()))
}

/// Reads.
pub(crate) async fn read<T: Send + 'static>(
    api: Arc<Api>,
    reading: impl FnOnce(&Interface) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    work(api, Problem::too_slow, reading).await
}

/// Carries out an order.
pub(crate) async fn order<T: Send + 'static>(
    api: Arc<Api>,
    ordering: impl FnOnce(&Interface) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    work(api, Problem::in_doubt, ordering).await
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
    let asked = in_time(READ_MAX, Problem::too_slow, asked).await;
    let wrong = asked.unwrap_or_else(|_slow| vec!["http/too-slow"]);
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
