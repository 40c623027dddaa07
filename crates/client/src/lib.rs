//! A library for schedulers, executors and operators.
