//! The allocator as its caller sees it.

mod hard_cases;
mod laws;
mod reclaims;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tepui_types::{AgentId, FrameworkId, Resource, Resources, Time};

use crate::{
    AgentCapabilities, AgentDescription, Allocation, Allocator, FrameworkCapabilities, FrameworkDescription,
    Options, Reclaim,
};

const INTERVAL: Duration = Duration::from_secs(1);

fn framework_id(name: &str) -> FrameworkId {
    FrameworkId::new(name)
}

fn agent_id(name: &str) -> AgentId {
    AgentId::new(name)
}

fn resources(text: &str) -> Resources {
    Resources::parse(text, "*").expect("the test's resources are valid")
}

fn allocated(text: &str, role: &str) -> Resources {
    let mut resources = resources(text);
    resources.allocate(role);
    resources
}

/// A shared persistent volume of 10 MB, reserved to a role.
fn shared_volume(role: &str) -> Resources {
    use tepui_proto::v1;
    let disk = v1::resource::DiskInfo {
        persistence: Some(v1::resource::disk_info::Persistence { id: "v".to_owned(), principal: None }),
        volume: Some(v1::Volume {
            mode: v1::volume::Mode::Rw as i32,
            container_path: "v".to_owned(),
            ..v1::Volume::default()
        }),
        ..v1::resource::DiskInfo::default()
    };
    let reservation = v1::resource::ReservationInfo {
        r#type: Some(v1::resource::reservation_info::Type::Static as i32),
        role: Some(role.to_owned()),
        ..v1::resource::ReservationInfo::default()
    };
    let volume = v1::Resource {
        name: "disk".to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value: 10.0 }),
        reservations: vec![reservation],
        disk: Some(disk.into()),
        shared: Some(v1::resource::SharedInfo {}),
        ..v1::Resource::default()
    };
    Resources::from(Resource::from_proto(&volume).expect("the test's volume is valid"))
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A framework in these roles that can deal with everything.
fn framework(roles: &[&str]) -> FrameworkDescription {
    FrameworkDescription {
        roles: names(roles),
        capabilities: FrameworkCapabilities {
            revocable: true,
            gpu: true,
            shared: true,
            multi_role: true,
            reservation_refinement: true,
            region_aware: true,
        },
        ..FrameworkDescription::default()
    }
}

/// An agent that can deal with everything.
fn agent(total: Resources) -> AgentDescription {
    let capabilities =
        AgentCapabilities { multi_role: true, hierarchical_role: true, reservation_refinement: true };
    AgentDescription { total, capabilities, ..AgentDescription::default() }
}

/// An allocator with a clock, checked after each step.
struct Cluster {
    allocator: Allocator,
    now: Time,
}

impl Cluster {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        Self { allocator: Allocator::new(options, 1), now: Time::ZERO + Duration::from_secs(100) }
    }

    fn framework(&mut self, name: &str, description: FrameworkDescription) {
        self.allocator.add_framework(&framework_id(name), description, true);
    }

    fn agent(&mut self, name: &str, total: &str) {
        self.allocator.add_agent(&agent_id(name), agent(resources(total)), &BTreeMap::new());
    }

    fn allocate(&mut self) -> Vec<Allocation> {
        let mut out = Vec::new();
        self.allocator.allocate(self.now, &mut out);
        self.allocator.check();
        out
    }

    /// Who gets what, as `framework/role agent resources`, in order of text.
    fn offers(&mut self) -> Vec<String> {
        let mut offers: Vec<_> = self
            .allocate()
            .into_iter()
            .map(|it| {
                let mut resources = it.resources;
                resources.unallocate();
                format!("{}/{} {} {resources}", it.framework, it.role, it.agent)
            })
            .collect();
        offers.sort();
        offers
    }

    /// Gives everything back that was just allocated.
    fn return_all(&mut self, offers: &[Allocation], refuse: Option<Duration>) {
        for it in offers {
            self.allocator.recover(self.now, &it.framework, &it.agent, &it.resources, refuse);
        }
        self.allocator.check();
    }

    fn recover(&mut self, framework: &str, agent: &str, part: &Resources, refuse: Option<Duration>) {
        self.allocator.recover(self.now, &framework_id(framework), &agent_id(agent), part, refuse);
        self.allocator.check();
    }

    /// Lets time pass.
    fn wait(&mut self, time: Duration) {
        self.now += time;
    }
}
