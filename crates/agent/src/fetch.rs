//! How containers get the files that their commands name.

use tepui_containerizer::{Fetch, FetchRequest};
use tepui_fetcher::Fetcher;

use crate::containers::describe;

/// Fetches with the agent's fetcher.
pub(crate) fn fetch_with(fetcher: Fetcher) -> Fetch {
    Fetch::new(move |request| {
        let FetchRequest { command, sandbox, user, .. } = request;
        let fetcher = fetcher.clone();
        Box::pin(async move {
            let fetch = tepui_fetcher::Fetch { uris: command.uris, sandbox, user };
            fetcher.fetch(fetch).await.map_err(|error| describe(&error))
        })
    })
}
