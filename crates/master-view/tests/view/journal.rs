//! A small cluster, as its master's journal tells it.

use tepui_master_core::{AgentEntity, Change, FrameworkEntity, OfferEntity};
use tepui_master_view::{Settings, View};
use tepui_proto::v1;
use tepui_types::{AgentId, FrameworkId, OfferId, Resources, TaskId, Uuid, WallTime};

/// The first framework's id.
pub(crate) const FRAMEWORK: &str = "m-0000";
/// The first agent's id.
pub(crate) const AGENT: &str = "m-S0";

/// A view of a master that leads, with one agent and one framework.
pub(crate) fn view() -> View {
    let mut view = View::new(Settings {
        flags: vec![("port".to_owned(), "5050".to_owned())],
        max_completed_frameworks: 2,
        max_completed_tasks_per_framework: 2,
        max_unreachable_tasks_per_framework: 2,
        publish_per_framework_metrics: true,
        build: tepui_master_view::Build {
            git_sha: Some("04bc7ee".to_owned()),
            git_tag: Some("1.11.0".to_owned()),
            ..Default::default()
        },
        ..Settings::default()
    });
    for change in
        [elected(), Change::AgentAdded(Box::new(agent())), Change::FrameworkAdded(Box::new(framework()))]
    {
        view.fold(change);
    }
    view
}

pub(crate) fn seconds(seconds: i64) -> WallTime {
    WallTime::from_nanos(seconds * 1_000_000_000)
}

fn elected() -> Change {
    let info = v1::MasterInfo {
        id: "m".to_owned(),
        ip: 16_777_343,
        port: 5050,
        pid: Some("master@127.0.0.1:5050".to_owned()),
        hostname: Some("localhost".to_owned()),
        version: Some("1.11.0".to_owned()),
        ..Default::default()
    };
    Change::Elected { info: Box::new(info), started: seconds(100), elected: seconds(101) }
}

pub(crate) fn agent() -> AgentEntity {
    let total = vec![scalar("cpus", 4.0), scalar("mem", 4096.0), scalar("disk", 4096.0), ports(31000, 32000)];
    let info = v1::AgentInfo {
        hostname: "localhost".to_owned(),
        port: Some(5051),
        resources: total.clone(),
        id: Some(v1::AgentId { value: AGENT.to_owned() }),
        checkpoint: Some(true),
        ..Default::default()
    };
    AgentEntity {
        id: AgentId::new(AGENT),
        info: info.into(),
        pid: "slave(1)@127.0.0.1:5051".parse().unwrap(),
        version: "1.11.0".to_owned(),
        capabilities: vec![v1::agent_info::capability::Type::MultiRole],
        connected: true,
        active: true,
        deactivated: false,
        drain: None,
        drain_started: None,
        registered: seconds(102),
        reregistered: None,
        total: Resources::from_protos(&total).unwrap(),
    }
}

pub(crate) fn framework() -> FrameworkEntity {
    FrameworkEntity {
        info: v1::FrameworkInfo {
            user: "root".to_owned(),
            name: "msh".to_owned(),
            id: Some(v1::FrameworkId { value: FRAMEWORK.to_owned() }),
            roles: vec!["*".to_owned()],
            capabilities: vec![v1::framework_info::Capability {
                r#type: Some(v1::framework_info::capability::Type::MultiRole as i32),
            }],
            ..Default::default()
        },
        active: true,
        connected: true,
        recovered: false,
        registered: seconds(103),
        reregistered: seconds(103),
        pid: None,
        suppressed_roles: Vec::new(),
        offer_constraints: None,
    }
}

pub(crate) fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

pub(crate) fn ports(begin: u64, end: u64) -> v1::Resource {
    v1::Resource {
        name: "ports".to_owned(),
        r#type: v1::value::Type::Ranges as i32,
        ranges: Some(v1::value::Ranges { range: vec![v1::value::Range { begin, end }] }),
        ..Default::default()
    }
}

pub(crate) fn allocated(mut resource: v1::Resource) -> v1::Resource {
    resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some("*".to_owned()) });
    resource
}

pub(crate) fn task(id: &str, state: v1::TaskState) -> Change {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: id.to_owned() },
        state: state as i32,
        timestamp: Some(104.5),
        ..Default::default()
    };
    Change::TaskAdded {
        framework: FrameworkId::new(FRAMEWORK),
        id: TaskId::new(id),
        agent: AgentId::new(AGENT),
        task: Box::new(v1::Task {
            name: format!("name of {id}"),
            task_id: v1::TaskId { value: id.to_owned() },
            framework_id: v1::FrameworkId { value: FRAMEWORK.to_owned() },
            agent_id: v1::AgentId { value: AGENT.to_owned() },
            state: state as i32,
            resources: held().to_protos(),
            statuses: vec![status],
            ..Default::default()
        }),
        held: held(),
    }
}

/// What each task holds.
fn held() -> Resources {
    Resources::from_protos(&[allocated(scalar("cpus", 0.1)), allocated(scalar("mem", 64.0))]).unwrap()
}

pub(crate) fn offer(id: &str) -> Change {
    let resources = [allocated(scalar("cpus", 1.5)), allocated(ports(31000, 31009))];
    Change::OfferAdded(Box::new(OfferEntity {
        id: OfferId::new(id),
        framework: FrameworkId::new(FRAMEWORK),
        agent: AgentId::new(AGENT),
        role: "*".into(),
        resources: Resources::from_protos(&resources).unwrap(),
        executors: Vec::new(),
        unavailability: None,
    }))
}

pub(crate) fn ended(id: &str, state: v1::TaskState) -> Change {
    Change::TaskUpdated {
        framework: FrameworkId::new(FRAMEWORK),
        task: TaskId::new(id),
        state,
        update: Some((state, Uuid::from_bytes([1; 16]))),
        status: Some(Box::new(v1::TaskStatus {
            task_id: v1::TaskId { value: id.to_owned() },
            state: state as i32,
            timestamp: Some(105.5),
            ..Default::default()
        })),
        freed: Some(held()),
    }
}
