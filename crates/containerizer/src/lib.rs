//! The life of containers: launch, watch, destroy; sandboxes.
