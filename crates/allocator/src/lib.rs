//! Who is offered what: hierarchical fair sharing of the free resources of agents.
//!
//! A pure library that the master's core owns and calls. It is told of frameworks, agents, and what is taken and given
//! back; [`Allocator::allocate`] then says which framework is to be offered what, at once and in proportion to what
//! changed. It does not know offers, tasks or time: a caller passes the time in, and what was allocated stays so until
//! the caller gives it back. [`Allocator::reclaim`] says who is to be asked to leave an agent that will be unavailable.
//!
//! Start reading at `allocator.rs` (what can be told), then `cycle.rs` (who gets what), `tree.rs` (who is next) and
//! `refusals.rs` (who does not want). `reclaim.rs` is the way back.

mod agent;
mod allocator;
mod check;
mod constraints;
mod cycle;
mod framework;
mod options;
mod quantities;
mod quota;
mod reclaim;
mod refusals;
mod slab;
mod tree;

#[cfg(test)]
mod tests;

pub use agent::{AgentCapabilities, AgentDescription, FaultDomain};
pub use allocator::{Allocation, Allocator};
pub use constraints::{
    AttributeConstraint, Pattern, PatternError, PatternLimits, Predicate, RoleConstraints, Selector,
};
pub use framework::{FrameworkCapabilities, FrameworkDescription};
pub use options::{Options, Sorter};
pub use quota::Quota;
pub use reclaim::Reclaim;
