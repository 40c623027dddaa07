//! What election and detection need of a ZooKeeper or an etcd.

use std::time::Duration;

use tepui_proto::v1::MasterInfo;

use crate::GroupError;

/// What a store compares to see that we still lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// There is no election.
    Alone,
    /// Our key in etcd, and the revision that created it.
    Etcd {
        /// The key.
        key: Vec<u8>,
        /// When it was created.
        create_revision: i64,
    },
    /// The full path of our election node in ZooKeeper.
    ZooKeeper {
        /// The path.
        path: String,
    },
}

/// One who leads or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The lowest leads.
    pub(crate) order: i64,
    /// The name of its node or key.
    pub(crate) name: String,
}

/// A session with the group.
pub(crate) trait Group: Sized + Send + 'static {
    /// Where the group is, and how to get there.
    type Place: Clone + Send + Sync + 'static;

    /// Opens a session that can only look.
    fn observe(place: &Self::Place) -> impl Future<Output = Result<Self, GroupError>> + Send;

    /// Opens a session and leaves the mark that says whose registry its member has.
    fn enter(place: &Self::Place, registry: &str) -> impl Future<Output = Result<Self, GroupError>> + Send;

    /// Becomes a member. If we are one already (the answer to an earlier attempt was lost), finds that out.
    fn join(&mut self, content: &[u8]) -> impl Future<Output = Result<(Member, Fence), GroupError>> + Send;

    /// Gives up the membership, and keeps the session.
    fn resign(&mut self, member: &Member) -> impl Future<Output = Result<(), GroupError>> + Send;

    /// Reads the members, lowest first, and sees to it that [`Self::changed`] tells of the next change.
    fn members(&mut self) -> impl Future<Output = Result<Vec<Member>, GroupError>> + Send;

    /// Waits until the members may have changed since [`Self::members`], or the session may have ended.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// The registry that a member's mark names; nothing if it left no mark or is not a member any more.
    fn registry_of(
        &mut self,
        member: &Member,
    ) -> impl Future<Output = Result<Option<String>, GroupError>> + Send;

    /// What a member says of itself; nothing if it is not a member any more, or cannot be understood.
    fn info_of(
        &mut self,
        member: &Member,
    ) -> impl Future<Output = Result<Option<MasterInfo>, GroupError>> + Send;

    /// Asks the server to keep our session or lease.
    fn renew(&mut self) -> impl Future<Output = Result<(), GroupError>> + Send;

    /// True while the server is in reach, as far as we know without asking.
    fn is_connected(&self) -> bool;

    /// How long the server keeps our membership after it last heard of us.
    fn lease_time(&self) -> Duration;

    /// Ends the session at once, and with it mark and membership.
    fn leave(self) -> impl Future<Output = ()> + Send;
}
