//! Who leads, as the HTTP handlers see it: what they answer themselves and what they send on to the leader.

use tepui_ha::Lease;
use tepui_http::{Request, Response, response};
use tepui_proto::v1::MasterInfo;
use tokio::sync::watch;

/// How far this master has come in its term.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// Somebody else leads, or nobody does.
    Following,
    /// Elected; the registry is being read.
    Recovering(Lease),
    /// Elected, and at work.
    Leading(Lease),
}

/// What handlers ask before they answer.
#[derive(Clone, Debug)]
pub(crate) struct Leading {
    pub(crate) standing: watch::Receiver<Standing>,
    /// The leader that was detected, which may be ourselves; without an election nobody is.
    pub(crate) detected: watch::Receiver<Option<MasterInfo>>,
    /// Ourselves.
    pub(crate) own: MasterInfo,
}

impl Leading {
    /// The answer to a request that only the leader serves, if that is not us.
    pub(crate) fn elsewhere(&self, request: &Request) -> Option<Response> {
        if self.leads() {
            return None;
        }
        Some(self.redirect(&path_of_main(request)))
    }

    /// As [`Self::elsewhere`], for requests that need what the registry holds.
    pub(crate) fn not_yet(&self, request: &Request) -> Option<Response> {
        let standing = self.standing.borrow().clone();
        match standing {
            Standing::Recovering(lease) if lease.is_held() => {
                Some(response::service_unavailable("Master has not finished recovery"))
            }
            Standing::Following | Standing::Recovering(_) | Standing::Leading(_) => self.elsewhere(request),
        }
    }

    /// Sends a client to the leader.
    pub(crate) fn redirect(&self, path_and_query: &str) -> Response {
        let Some(leader) = self.leader() else {
            return response::service_unavailable("No leader elected");
        };
        let host = leader.hostname.clone().or_else(|| leader.address.as_ref()?.ip.clone());
        let port = u16::try_from(leader.port).unwrap_or_default();
        response::redirect_to_leader(&host.unwrap_or_default(), port, path_and_query)
    }

    fn leads(&self) -> bool {
        match &*self.standing.borrow() {
            Standing::Recovering(lease) | Standing::Leading(lease) => lease.is_held(),
            Standing::Following => false,
        }
    }

    /// The leader, as far as it is known. If the detector still names us, and we do not lead any more, nobody does.
    fn leader(&self) -> Option<MasterInfo> {
        if self.leads() {
            return Some(self.own.clone());
        }
        self.detected.borrow().clone().filter(|leader| leader.pid != self.own.pid)
    }
}

/// The request's path as the leader's main process knows it, so that it finds the same endpoint there.
fn path_of_main(request: &Request) -> String {
    let path = request.path_and_query();
    let first = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    if first == "master" { path.to_owned() } else { format!("/master{path}") }
}
