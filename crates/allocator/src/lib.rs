//! Hierarchical fair sharing of offered resources: a pure library.
