//! Codecs and resources alone, for `valgrind --tool=callgrind`: what each message and each launch pays for.

use prost::Message as _;
use tepui_proto::{JsonDialect, MesosMessage as _, v1};
use tepui_types::Resources;

use crate::swarm::slot;

/// A call as frameworks send it: an ACCEPT that launches one task.
fn accept() -> v1::scheduler::Call {
    let task = v1::TaskInfo {
        name: "task".to_owned(),
        task_id: v1::TaskId { value: "t0000-00000001".to_owned() },
        agent_id: v1::AgentId { value: "b691b74d-d443-48e7-a060-41de741aef8d-S1".to_owned() },
        resources: slot().to_vec(),
        command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
        ..Default::default()
    };
    let launch = v1::offer::Operation {
        r#type: Some(v1::offer::operation::Type::Launch as i32),
        launch: Some(v1::offer::operation::Launch { task_infos: vec![task.into()] }),
        ..Default::default()
    };
    let accept = v1::scheduler::call::Accept {
        offer_ids: vec![v1::OfferId { value: "b691b74d-d443-48e7-a060-41de741aef8d-O1".to_owned() }],
        operations: vec![launch],
        ..Default::default()
    };
    v1::scheduler::Call {
        framework_id: Some(v1::FrameworkId { value: "b691b74d-d443-48e7-a060-41de741aef8d-0000".to_owned() }),
        r#type: Some(v1::scheduler::call::Type::Accept as i32),
        accept: Some(accept),
        ..Default::default()
    }
}

/// Writes and reads an ACCEPT in protobuf.
pub(crate) fn protobuf(times: usize) {
    let call = accept();
    for _ in 0..times {
        let encoded = call.encode_to_vec();
        std::hint::black_box(v1::scheduler::Call::decode(&*encoded).expect("it was just written"));
    }
}

/// Writes and reads an ACCEPT in JSON.
pub(crate) fn json(times: usize) {
    let call = accept();
    for _ in 0..times {
        let mut encoded = Vec::new();
        call.write_json(JsonDialect::V1, &mut encoded);
        let read = v1::scheduler::Call::from_json(JsonDialect::V1, &encoded);
        std::hint::black_box(read.expect("it was just written"));
    }
}

/// Takes what a task needs from what an agent has, and gives it back.
pub(crate) fn resources(times: usize) {
    let task = Resources::from_protos(&slot()).expect("they are valid");
    let mut agent = Resources::default();
    for _ in 0..16 {
        agent += &task;
    }
    for _ in 0..times {
        assert!(agent.contains(&task));
        agent -= &task;
        agent += &task;
        std::hint::black_box(&agent);
    }
}
