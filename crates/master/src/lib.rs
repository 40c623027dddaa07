//! The master's shell: event loop, routes, links.
