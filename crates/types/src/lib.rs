//! Typed ids, resource arithmetic, roles and time: what masters, agents and the allocator compute with.
//!
//! Messages are carried as they came; what is added, compared or decided on is parsed once, at the edge, into these
//! types. Error texts are Mesos' own wherever clients see them. Nothing here reads a clock, draws from the operating
//! system or touches a socket, and nothing panics, whatever a peer sends.
//!
//! Start reading at [`Resources`].

mod attributes;
mod conversion;
mod duration;
mod few;
mod float;
mod id_rules;
mod ids;
mod labels;
mod name;
mod quantities;
mod ranges;
mod reservation;
mod resource;
mod resources;
mod role;
mod scalar;
mod set;
mod size;
mod table;
mod task_state;
mod termination;
mod time;
mod upid;
mod uuid;
mod value;

pub use attributes::{Attribute, AttributeValue, Attributes, AttributesError};
pub use conversion::{
    ConversionError, ResourceConversion, conversions, is_speculative, operation_resources_mut,
};
pub use duration::{DurationError, format_duration, parse_duration};
pub use few::{FewMap, FewSet, FewSetIter};
pub use float::format_float_short;
pub use id_rules::{IdError, MAX_ID_BYTES, validate_id};
pub use ids::{
    AgentId, ContainerId, ExecutorId, FrameworkId, InverseOfferId, OfferId, OperationId, ResourceProviderId,
    TaskId,
};
pub use labels::{DisplayLabels, labels_equal};
pub use name::ResourceName;
pub use quantities::{QuantitiesError, ResourceQuantities};
pub use ranges::{Range, Ranges};
pub use reservation::{DisplayReservation, Reservation, ReservationKind};
pub use resource::{Resource, ResourceValue};
pub use resources::{
    DisplayDisk, DisplayResource, MAX_ENTRIES, ResourceError, Resources, ResourcesError, validate_resource,
};
pub use role::{DEFAULT_ROLE, RoleError, ancestors, is_strict_subrole, validate_role};
pub use scalar::Scalar;
pub use set::Set;
pub use size::{BytesError, format_bytes, parse_bytes};
pub use table::Table;
pub use task_state::{is_terminal, is_terminal_operation, task_state_name};
pub use termination::Termination;
pub use time::{Now, Time, WallTime, duration_from_proto, duration_to_proto};
pub use upid::{Upid, UpidError};
pub use uuid::{Uuid, UuidError};
pub use value::{Value, ValueError, parse_value};
