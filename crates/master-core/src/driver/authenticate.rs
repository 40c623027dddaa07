//! `AuthenticateMessage`: a driver or an agent wants to prove who it is.

use tepui_proto::internal;
use tepui_types::Upid;

use crate::master::Master;
use crate::turn::Turn;

impl Master {
    /// Says that there is nothing to authenticate against. Who registers without having tried is welcome.
    pub(crate) fn authenticate(from: &Upid, turn: &mut Turn<'_>) {
        turn.count("master/messages_authenticate");
        let error = Some("No authenticator loaded".to_owned());
        turn.send(from, internal::AuthenticationErrorMessage { error });
    }
}
