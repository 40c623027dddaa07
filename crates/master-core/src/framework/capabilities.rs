//! What a framework says that it understands.

use tepui_proto::v1;
use tepui_proto::v1::framework_info::capability::Type;

/// The capabilities that change what the master does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent capability")]
pub(crate) struct Capabilities {
    pub(crate) revocable_resources: bool,
    pub(crate) gpu_resources: bool,
    pub(crate) shared_resources: bool,
    pub(crate) partition_aware: bool,
    pub(crate) multi_role: bool,
    pub(crate) reservation_refinement: bool,
    pub(crate) region_aware: bool,
}

impl Capabilities {
    /// Reads the list; what we do not know is ignored.
    pub(crate) fn of(info: &v1::FrameworkInfo) -> Self {
        let has = |wanted: Type| {
            info.capabilities.iter().any(|capability| capability.r#type == Some(wanted as i32))
        };
        Self {
            revocable_resources: has(Type::RevocableResources),
            gpu_resources: has(Type::GpuResources),
            shared_resources: has(Type::SharedResources),
            partition_aware: has(Type::PartitionAware),
            multi_role: has(Type::MultiRole),
            reservation_refinement: has(Type::ReservationRefinement),
            region_aware: has(Type::RegionAware),
        }
    }
}
