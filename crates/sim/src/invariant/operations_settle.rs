//! Operations settle: whoever gave an operation an id hears how it ended, the same each time, and nobody repeats it
//! for ever.

use std::collections::BTreeMap;

use tepui_proto::v1::{OperationState, OperationStatus};
use tepui_types::{FrameworkId, OperationId, is_terminal_operation};

use crate::cluster::Cluster;
use crate::scheduler::Stage;

/// How operations ended, as their frameworks heard it.
#[derive(Debug, Default)]
pub(crate) struct OperationsSettle {
    ended: BTreeMap<(FrameworkId, OperationId), OperationState>,
}

impl OperationsSettle {
    pub(crate) fn received(&mut self, framework: &FrameworkId, status: &OperationStatus) {
        let state = status.state();
        let Some(id) = status.operation_id.as_ref().map(OperationId::from) else { return };
        if is_terminal_operation(state) {
            let known = *self.ended.entry((framework.clone(), id.clone())).or_insert(state);
            assert_eq!(known, state, "operation {id} ended twice");
        }
    }

    /// In the end.
    pub(crate) fn settled(cluster: &Cluster) {
        for scheduler in cluster.schedulers.iter().filter(|it| it.stage != Stage::Gone) {
            let open: Vec<_> = scheduler.operations.iter().filter(|(_, it)| !it.is_over).collect();
            assert!(open.is_empty(), "{} has not heard of {open:?}", scheduler.name);
        }
        let left = cluster
            .leading()
            .and_then(|master| cluster.masters[master].core.as_ref())
            .map_or(0, tepui_master_core::Master::operation_count);
        assert_eq!(left, 0, "operations that nobody has acknowledged");
    }
}
