//! The agent's shell: event loop, routes, links, containers.
