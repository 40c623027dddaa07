//! The message transport between master, agents and drivers: HTTP POSTs as Mesos sends them.
