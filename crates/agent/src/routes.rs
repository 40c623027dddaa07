//! The agent's endpoints, under `/` and under `/slave(1)/`.

mod api_v1;
mod container;
mod containers;
mod executor;
mod files;
mod reads;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tepui_containerizer::Containerizer;
use tepui_http::{Limits, Response, Router, response};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::files::Files;
use crate::inbox::Work;
use crate::view::View;

/// What the endpoints need.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    pub(crate) inbox: mpsc::Sender<Work>,
    pub(crate) view: Arc<RwLock<View>>,
    pub(crate) files: Files,
    pub(crate) settings: Arc<Config>,
    pub(crate) containerizer: Containerizer,
}

impl Routes {
    /// The view, to look at.
    fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to whoever asks before all is known that an earlier agent has left.
    ///
    /// An executor that were told of its container that there is none would give its task up.
    fn refusal_while_recovering(&self) -> Option<Response> {
        let text = "Agent has not finished recovery";
        (!self.view().has_recovered()).then(|| response::service_unavailable(text))
    }
}

/// Adds an endpoint whose handler is `async fn(Routes, Request) -> Response`.
macro_rules! with {
    ($routes:expr, $handler:path) => {{
        let routes = $routes.clone();
        move |request| $handler(routes.clone(), request)
    }};
}

/// Makes the route table.
pub(crate) fn router(routes: &Routes, limits: &Limits) -> Router {
    Router::builder(&routes.settings.core.pid.id, limits)
        .route("/api/v1/executor", with!(routes, executor::call))
        .route("/api/v1", with!(routes, api_v1::call))
        .streams("/api/v1", {
            let routes = routes.clone();
            move |request, body| container::attach_input(routes.clone(), request, body)
        })
        .route("/state", with!(routes, reads::state))
        .route("/flags", with!(routes, reads::flags))
        .route("/containers", with!(routes, containers::containers))
        .process_route("monitor", "/statistics", with!(routes, containers::statistics))
        .route("/monitor/statistics", with!(routes, containers::statistics))
        .route("/health", with!(routes, reads::health))
        .process_route("health", "/", with!(routes, reads::health))
        .process_route("version", "/", with!(routes, reads::version))
        .process_route("metrics", "/snapshot", with!(routes, reads::metrics_snapshot))
        .process_route("files", "/browse", with!(routes, files::browse))
        .process_route("files", "/read", with!(routes, files::read))
        .process_route("files", "/download", with!(routes, files::download))
        .process_route("files", "/debug", with!(routes, files::debug))
        .build()
}
