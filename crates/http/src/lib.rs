//! HTTP plumbing of the daemons: routes, content negotiation, event streams, error bodies.
