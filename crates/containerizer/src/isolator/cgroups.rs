//! Where the cgroups of containers are.
//!
//! Below each hierarchy a container has `<root>/<id>`, and one nested in it `<root>/<id>/<root>/<nested>`: Mesos' layout. In
//! the one tree of version 2 its processes are in `leaf` below that, because a cgroup with controllers below it may have
//! none of its own.
//!
//! A nested container shares the cgroups of its outermost parent unless it asks not to (`share_cgroups`). The launcher's own
//! cgroup, by which its processes are found and killed, it always has.

pub(crate) mod cpu;
pub(crate) mod cpuset;
pub(crate) mod devices;
pub(crate) mod member;
pub(crate) mod memory;
pub(crate) mod pids;

use std::io;
use std::path::{Path, PathBuf};

use tepui_linux::{Cgroup, Hierarchies, Version};
use tepui_types::ContainerId;

use crate::launcher::Plan;
use crate::{ContainerClass, ContainerConfig};

/// What is below each cgroup of version 2 and has the processes.
const LEAF: &str = "leaf";

/// The controllers that containers get in the tree of version 2, where it has them.
const CONTROLLERS: [&str; 5] = ["cpu", "memory", "pids", "io", "cpuset"];

/// The cgroups of this agent's containers.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    hierarchies: Hierarchies,
    /// `--cgroups_root`: the folder of ours below each hierarchy.
    root: String,
}

impl Cgroups {
    /// Finds the hierarchies mounted at `base`, and hands the controllers of version 2 down to our root.
    pub(crate) fn new(base: &Path, root: &str) -> io::Result<Self> {
        let hierarchies = Hierarchies::discover(base)?;
        let cgroups = Self { hierarchies, root: root.to_owned() };
        if cgroups.hierarchies.is_unified() {
            cgroups.delegate()?;
        }
        Ok(cgroups)
    }

    fn delegate(&self) -> io::Result<()> {
        let Some(unified) = &self.hierarchies.unified else { return Ok(()) };
        let controllers: Vec<&str> = CONTROLLERS
            .into_iter()
            .filter(|name| self.hierarchies.unified_controllers.contains(*name))
            .collect();
        let mut path = unified.clone();
        Cgroup::at(&path).delegate(&controllers)?;
        for part in self.root.split('/') {
            path.push(part);
            let cgroup = Cgroup::at(&path);
            cgroup.create()?;
            cgroup.delegate(&controllers)?;
        }
        Ok(())
    }

    /// Where a controller is, if the machine has it.
    pub(crate) fn controller(&self, name: &str) -> Option<(&Path, Version)> {
        self.hierarchies.controller(name)
    }

    /// The hierarchy in which processes are grouped: the tree of version 2, or the freezer.
    pub(crate) fn grouping(&self) -> Option<&Path> {
        let unified = self.hierarchies.unified.as_deref();
        unified.or_else(|| self.hierarchies.separate.get("freezer").map(PathBuf::as_path))
    }

    /// Whether this machine can group processes.
    pub(crate) fn can_group(&self) -> bool {
        self.grouping().is_some()
    }

    fn relative(&self, id: &ContainerId) -> PathBuf {
        let mut path = match id.parent() {
            Some(parent) => self.relative(parent),
            None => PathBuf::new(),
        };
        path.push(&self.root);
        path.push(id.as_str());
        path
    }

    /// The cgroup by which the processes of a container are found; `None` on a machine that can group none.
    pub(crate) fn group(&self, id: &ContainerId) -> Option<Cgroup> {
        Some(Cgroup::at(self.grouping()?.join(self.relative(id))))
    }

    /// A container and all that are nested in it, with their processes. What is gone has none.
    pub(crate) fn members(&self, id: &ContainerId) -> Vec<(ContainerId, Vec<u32>)> {
        let Some(group) = self.group(id) else { return Vec::new() };
        let mut members = vec![(id.clone(), self.inner(&group).processes().unwrap_or_default())];
        let nested = Cgroup::at(group.path().join(&self.root)).children().unwrap_or_default();
        for name in nested.iter().filter_map(|child| child.path().file_name()?.to_str()) {
            members.extend(self.members(&id.child(name)));
        }
        members
    }

    /// Makes that cgroup, and has the container's first process be born in it.
    pub(crate) fn prepare_group(&self, id: &ContainerId, plan: &mut Plan) -> io::Result<()> {
        let Some(group) = self.group(id) else { return Ok(()) };
        group.create()?;
        if self.hierarchies.unified.is_none() {
            plan.join.push(text(&group.path().join("tasks"))?);
            return Ok(());
        }
        let inner = self.inner(&group);
        inner.create()?;
        plan.cgroup = Some(text(inner.path())?);
        Ok(())
    }

    /// Where the processes of a group of version 2 are.
    fn inner(&self, group: &Cgroup) -> Cgroup {
        if self.hierarchies.is_unified() { Cgroup::at(group.path().join(LEAF)) } else { group.clone() }
    }

    /// The cgroup of a controller that holds a container: its own or its outermost parent's.
    pub(crate) fn holding(&self, controller: &str, config: &ContainerConfig) -> Option<(Cgroup, Version)> {
        let (hierarchy, version) = self.controller(controller)?;
        let id = &config.container_id;
        let own = || Cgroup::at(hierarchy.join(self.relative(id)));
        let cgroup = if has_own_cgroups(config) {
            own()
        } else {
            // A container in one that is itself nested shares the cgroups of that, if that has any.
            let parents = std::iter::successors(id.parent(), |id| id.parent());
            let cgroups = parents.map(|id| Cgroup::at(hierarchy.join(self.relative(id))));
            let has_limits = |cgroup: &Cgroup| version == Version::One && cgroup.exists();
            let root = Cgroup::at(hierarchy.join(self.relative(id.root())));
            cgroups.into_iter().find(has_limits).unwrap_or(root)
        };
        Some((cgroup, version))
    }

    /// Makes the cgroup of a controller that holds a container, and has its first process be in it. Gives it if it is the
    /// container's own, which is to be limited.
    pub(crate) fn prepare(
        &self,
        controller: &str,
        config: &ContainerConfig,
        plan: &mut Plan,
    ) -> io::Result<Option<(Cgroup, Version)>> {
        let Some((cgroup, version)) = self.holding(controller, config) else { return Ok(None) };
        let is_own = has_own_cgroups(config);
        match version {
            Version::One => {
                if is_own {
                    cgroup.create()?;
                }
                let tasks = text(&cgroup.path().join("tasks"))?;
                // Several controllers may be mounted together.
                if !plan.join.contains(&tasks) {
                    plan.join.push(tasks);
                }
            }
            Version::Two => {
                if is_own {
                    self.hand_down(config)?;
                    cgroup.create()?;
                }
            }
        }
        Ok(is_own.then_some((cgroup, version)))
    }

    /// Gives a nested container that does not share its parent's cgroups controllers of its own (version 2).
    fn hand_down(&self, config: &ContainerConfig) -> io::Result<()> {
        let Some(parent) = config.container_id.parent() else { return Ok(()) };
        let Some(parent) = self.group(parent) else { return Ok(()) };
        let controllers: Vec<&str> = CONTROLLERS
            .into_iter()
            .filter(|name| self.hierarchies.unified_controllers.contains(*name))
            .collect();
        parent.delegate(&controllers)?;
        let below = Cgroup::at(parent.path().join(&self.root));
        below.create()?;
        below.delegate(&controllers)
    }

    /// Removes the cgroup of a controller that was made for a container. One in the tree of version 2 goes with the group.
    pub(crate) fn clean(&self, controller: &str, config: &ContainerConfig) -> io::Result<()> {
        match self.controller(controller) {
            Some((hierarchy, Version::One)) if has_own_cgroups(config) => {
                Cgroup::at(hierarchy.join(self.relative(&config.container_id))).destroy()
            }
            _ => Ok(()),
        }
    }
}

/// Whether a container is held by cgroups of its own.
pub(crate) fn has_own_cgroups(config: &ContainerConfig) -> bool {
    let linux = config.container.as_ref().and_then(|container| container.linux_info.as_ref());
    let shares = linux.and_then(|linux| linux.share_cgroups).unwrap_or(true);
    config.container_id.parent().is_none() || (config.class == ContainerClass::Default && !shares)
}

fn text(path: &Path) -> io::Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| io::Error::other("a cgroup's path is not text"))
}
