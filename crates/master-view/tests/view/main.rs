//! Hand-made journals, folded and rendered, against the shapes that a Mesos master was recorded with.

mod journal;
mod resources;
mod shape;
mod shapes;
