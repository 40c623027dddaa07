//! The fold of the master's journal that answers every read.
//!
//! [`View::fold`] applies a [`Change`](tepui_master_core::Change); everything else here renders what was folded, as
//! bytes, in the shapes that readers of Mesos know: `endpoint/` has a file for each of the older endpoints, `operator/`
//! one for each read of the v1 operator API, `model/` the shapes that they share. There are no threads and no sockets
//! here: the shell (`tepui-master`) decides when to fold and whom to answer.
//!
//! Start reading at `view.rs`.

mod agent;
mod books;
mod endpoint;
mod framework;
mod held;
mod maintenance;
mod metrics;
mod model;
mod operator;
mod role;
mod settings;
mod sizes;
mod stream;
mod task;
mod view;

pub use endpoint::tasks::TasksQuery;
pub use operator::Encoding;
pub use settings::{Build, Settings};
pub use tepui_model::json::Parts as WrittenParts;
pub use view::View;
