//! One candidacy, from the first attempt to join to the loss of what was won.

use std::time::{Duration, Instant};

use tepui_proto::v1::MasterInfo;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::group::{Group, Member};
use crate::{Candidate, Fence, GroupError, Lease, to_json};

/// How long to wait before a session is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How many foreign masters are named.
const MAX_NAMED: usize = 8;

/// What was won.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// What every write to the registry must carry.
    pub fence: Fence,
    /// Checked before every effect.
    pub lease: Lease,
}

/// Where a candidacy stands.
#[derive(Clone, Debug)]
pub enum CandidacyState {
    /// Not a member yet; why not, if something failed.
    Joining {
        /// What failed last.
        failure: Option<String>,
    },
    /// Masters of another registry are in the group: we wait until they have left.
    Refused {
        /// Their addresses.
        foreign: Vec<String>,
    },
    /// A member; another leads.
    Standing,
    /// Elected.
    Leading(Leadership),
    /// Was elected, and leads no more. The candidacy is over; another may be begun.
    Lost {
        /// What ended it.
        reason: String,
    },
}

/// A running candidacy. Dropping it leaves the group when the session's time is over; [`Self::withdraw`] leaves at once.
#[derive(Debug)]
pub struct Candidacy {
    states: watch::Receiver<CandidacyState>,
    withdraw: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
    /// Keeps the channel of a candidacy that has no task.
    _alone: Option<watch::Sender<CandidacyState>>,
}

impl Candidacy {
    /// Elected, without an election.
    pub(crate) fn alone() -> Self {
        let leadership = Leadership { fence: Fence::Alone, lease: Lease::endless() };
        let (sender, states) = watch::channel(CandidacyState::Leading(leadership));
        Self { states, withdraw: None, task: None, _alone: Some(sender) }
    }

    pub(crate) fn start<G: Group>(place: G::Place, candidate: Candidate) -> Self {
        let (sender, states) = watch::channel(CandidacyState::Joining { failure: None });
        let (withdraw, withdrawn) = oneshot::channel();
        let task = tokio::spawn(run::<G>(place, candidate, sender, withdrawn));
        Self { states, withdraw: Some(withdraw), task: Some(task), _alone: None }
    }

    /// Where it stands.
    pub fn state(&self) -> CandidacyState {
        self.states.borrow().clone()
    }

    /// Waits until it stands elsewhere. After [`CandidacyState::Lost`] nothing changes any more, and this gives it again.
    pub async fn changed(&mut self) -> CandidacyState {
        if self.states.changed().await.is_err() {
            let last = self.state();
            if !matches!(last, CandidacyState::Lost { .. }) {
                return CandidacyState::Lost { reason: "the candidacy's task ended".to_owned() };
            }
            return last;
        }
        self.states.borrow_and_update().clone()
    }

    /// Waits until it is won or lost.
    pub async fn decided(&mut self) -> CandidacyState {
        loop {
            let state = self.states.borrow_and_update().clone();
            if matches!(state, CandidacyState::Leading(_) | CandidacyState::Lost { .. }) {
                return state;
            }
            self.changed().await;
        }
    }

    /// Leaves the group at once, so that another leads without waiting for our session's end.
    pub async fn withdraw(mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            // If the task has ended there is nothing to leave.
            let _ = withdraw.send(());
        }
        if let Some(task) = self.task.take() {
            // A task that panicked has left the group with its session.
            let _ = task.await;
        }
    }
}

impl Drop for Candidacy {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            if let CandidacyState::Leading(leadership) = &*self.states.borrow() {
                leadership.lease.revoke();
            }
            task.abort();
        }
    }
}

type States = watch::Sender<CandidacyState>;

/// How a session ended.
enum End {
    /// We led.
    Lost(String),
    /// We did not; another session may fare better.
    Again(String),
    Withdrawn,
}

async fn run<G: Group>(
    place: G::Place,
    candidate: Candidate,
    states: States,
    mut withdrawn: oneshot::Receiver<()>,
) {
    loop {
        let entered = tokio::select! {
            entered = G::enter(&place, &candidate.registry) => entered,
            _ = &mut withdrawn => return,
        };
        let end = match entered {
            Ok(mut group) => {
                let end = tokio::select! {
                    end = session(&mut group, &candidate, &states) => end,
                    _ = &mut withdrawn => {
                        revoke(&states);
                        End::Withdrawn
                    }
                };
                group.leave().await;
                end
            }
            Err(error) => End::Again(error.to_string()),
        };
        match end {
            End::Withdrawn => return,
            End::Lost(reason) => {
                warn!(%reason, "leadership lost");
                states.send_replace(CandidacyState::Lost { reason });
                return;
            }
            End::Again(failure) => {
                warn!(%failure, "not in the election");
                states.send_replace(CandidacyState::Joining { failure: Some(failure) });
            }
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            _ = &mut withdrawn => return,
        }
    }
}

/// Withdrawn or dropped: whoever holds the lease must stop before another leads.
fn revoke(states: &States) {
    if let CandidacyState::Leading(leadership) = &*states.borrow() {
        leadership.lease.revoke();
    }
}

/// Contends in one session until it ends.
async fn session<G: Group>(group: &mut G, candidate: &Candidate, states: &States) -> End {
    let again = |error: GroupError| End::Again(error.to_string());
    loop {
        if let Err(error) = foreign_have_left(group, candidate, states).await {
            return again(error);
        }
        let content = to_json(&candidate.info);
        let (member, fence) = match group.join(&content).await {
            Ok(joined) => joined,
            Err(error) => return again(error),
        };
        info!(member = %member.name, "joined the election");
        match stand(group, candidate, &member, states).await {
            Ok(true) => return lead(group, &member, fence, states).await,
            // Someone foreign came between our looking and our joining.
            Ok(false) => {
                if let Err(error) = group.resign(&member).await {
                    return again(error);
                }
            }
            Err(error) => return again(error),
        }
    }
}

/// Waits until no member has another registry.
async fn foreign_have_left<G: Group>(
    group: &mut G,
    candidate: &Candidate,
    states: &States,
) -> Result<(), GroupError> {
    let mut said = Vec::new();
    loop {
        let members = members(group).await?;
        let foreign = foreign(group, candidate, &members).await?;
        if foreign.is_empty() {
            return Ok(());
        }
        if said != foreign {
            warn!(
                ?foreign,
                "masters of another registry are in the group: not contending until they have left"
            );
            states.send_replace(CandidacyState::Refused { foreign: foreign.clone() });
            said = foreign;
        }
        wait(group).await?;
    }
}

/// Reads the members; bears with servers that are out of reach for as long as they would keep our place.
async fn members<G: Group>(group: &mut G) -> Result<Vec<Member>, GroupError> {
    let begun = Instant::now();
    loop {
        match group.members().await {
            Err(error @ GroupError::Unreachable { .. }) if begun.elapsed() < group.lease_time() => {
                debug!(%error, "the members cannot be read");
                sleep(RETRY.min(group.lease_time() / 10)).await;
            }
            read => return read,
        }
    }
}

/// The addresses of members whose registry is not ours.
async fn foreign<G: Group>(
    group: &mut G,
    candidate: &Candidate,
    members: &[Member],
) -> Result<Vec<String>, GroupError> {
    let mut foreign = Vec::new();
    for member in members {
        if group.registry_of(member).await?.as_deref() == Some(candidate.registry.as_str()) {
            continue;
        }
        // One that has gone by now leaves nothing to read, and its going is a change that is waited for.
        if foreign.len() < MAX_NAMED {
            let info = group.info_of(member).await?;
            foreign.push(info.map_or_else(|| member.name.clone(), |info: MasterInfo| address(&info)));
        }
    }
    Ok(foreign)
}

fn address(info: &MasterInfo) -> String {
    info.pid.clone().unwrap_or_else(|| info.id.clone())
}

/// Waits until we are the lowest member. False: a foreign master is in the group, and we are not the lowest.
async fn stand<G: Group>(
    group: &mut G,
    candidate: &Candidate,
    ours: &Member,
    states: &States,
) -> Result<bool, GroupError> {
    const DOING: &str = "stand for election";
    let mut said = false;
    loop {
        let members = members(group).await?;
        let lowest = members.first().ok_or(GroupError::Ended { doing: DOING })?;
        if lowest == ours {
            return Ok(true);
        }
        if !members.contains(ours) {
            return Err(GroupError::Ended { doing: DOING });
        }
        if !foreign(group, candidate, &members).await?.is_empty() {
            return Ok(false);
        }
        if !said {
            states.send_replace(CandidacyState::Standing);
            said = true;
        }
        wait(group).await?;
    }
}

/// Waits for a change, and renews the session meanwhile.
async fn wait<G: Group>(group: &mut G) -> Result<(), GroupError> {
    let mut failing_since = None;
    loop {
        if timeout(group.lease_time() / 3, group.changed()).await.is_ok() {
            return Ok(());
        }
        match group.renew().await {
            Ok(()) => failing_since = None,
            Err(error @ (GroupError::Ended { .. } | GroupError::Refused { .. })) => return Err(error),
            Err(error @ GroupError::Unreachable { .. }) => {
                debug!(%error, "the election's servers are not reachable");
                let since: Instant = *failing_since.get_or_insert_with(Instant::now);
                if since.elapsed() > group.lease_time() {
                    return Err(error);
                }
            }
        }
    }
}

/// Leads until that is lost.
async fn lead<G: Group>(group: &mut G, ours: &Member, fence: Fence, states: &States) -> End {
    let sent = Instant::now();
    if let Err(error) = group.renew().await {
        return End::Again(error.to_string());
    }
    let lease = Lease::new(sent, group.lease_time());
    info!(member = %ours.name, "elected");
    states.send_replace(CandidacyState::Leading(Leadership { fence, lease: lease.clone() }));
    let reason = hold(group, ours, &lease).await;
    lease.revoke();
    End::Lost(reason)
}

/// Renews the lease, and gives the reason for which we lead no more.
async fn hold<G: Group>(group: &mut G, ours: &Member, lease: &Lease) -> String {
    let mut look = true;
    loop {
        if look {
            match group.members().await {
                Ok(members) if members.first() == Some(ours) => look = false,
                Ok(_) => return format!("our member `{}` is not the first of the group any more", ours.name),
                Err(error @ (GroupError::Ended { .. } | GroupError::Refused { .. })) => {
                    return error.to_string();
                }
                Err(error @ GroupError::Unreachable { .. }) => debug!(%error, "the members cannot be read"),
            }
        }
        if timeout(group.lease_time() / 4, group.changed()).await.is_ok() {
            look = true;
        }
        let sent = Instant::now();
        match group.renew().await {
            Ok(()) => lease.renew(sent, group.lease_time()),
            Err(error @ (GroupError::Ended { .. } | GroupError::Refused { .. })) => return error.to_string(),
            Err(error @ GroupError::Unreachable { .. }) => {
                look = true;
                if !lease.is_held() {
                    return error.to_string();
                }
                // A connection that is refused fails at once; the servers need no storm of attempts.
                sleep(RETRY.min(group.lease_time() / 10)).await;
            }
        }
        if !lease.is_held() {
            return "the lease ran out before it could be renewed".to_owned();
        }
    }
}
