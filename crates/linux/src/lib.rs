//! Safe wrappers of processes, namespaces, mounts and cgroups.
