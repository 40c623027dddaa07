//! Typed ids, resource arithmetic, roles and time.
