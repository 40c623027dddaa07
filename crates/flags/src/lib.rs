//! Mesos' way of giving flags: names, environment, values from files, durations and sizes.
