//! Unknown fields travel from the scheduler to the executor, at every level of a `TaskInfo`.

use prost::Message as _;

use super::Raw;
use crate::{JsonDialect, LinkMessage, MesosMessage, internal, v1};

/// A field as it stands in the bytes.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(number, &content.to_vec(), &mut bytes);
    bytes
}

/// A message with a field that nobody knows, after what it has.
fn with_unknown(what: &str, known: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = known.concat();
    bytes.extend(field(9999, format!("unknown in {what}").as_bytes()));
    bytes
}

/// A `TaskInfo` with an unknown field at each level.
fn task_info() -> Vec<u8> {
    let id = |id: &str| with_unknown("id", &[field(1, id.as_bytes())]);
    let scalar = with_unknown("scalar", &[v1::value::Scalar { value: 1.0 }.encode_to_vec()]);
    let resource = v1::Resource { name: "cpus".into(), r#type: 0, ..Default::default() };
    let resource = with_unknown("resource", &[resource.encode_to_vec(), field(3, &scalar)]);
    let uri = with_unknown("uri", &[field(1, b"http://x")]);
    let command = with_unknown("command", &[field(1, &uri), field(3, b"true")]);
    let executor = with_unknown(
        "executor",
        &[field(1, &id("e")), field(7, &command), field(5, &resource), vec![14 << 3, 99]],
    );
    with_unknown(
        "task",
        &[
            field(1, b"n"),
            field(2, &id("t")),
            field(3, &id("a")),
            field(4, &resource),
            field(5, &executor),
            field(7, &command),
        ],
    )
}

#[test]
fn unknown_fields_travel_from_the_accept_call_to_the_launch_event() {
    let task = task_info();
    let launch = field(2, &field(1, &task));
    let operation = [vec![1 << 3, 1], launch].concat();
    let accept = [field(1, &field(1, b"o")), field(2, &operation)].concat();
    let call = [field(1, &field(1, b"f")), vec![2 << 3, 2], field(4, &accept)].concat();

    let mut call = v1::scheduler::Call::decode_checked(&call).unwrap();
    let task_info = call.accept.as_mut().unwrap().operations[0].launch.as_mut().unwrap().task_infos.remove(0);
    assert_eq!(task_info.name, "n");
    assert_eq!(task_info.executor.as_ref().unwrap().executor_id.value, "e");
    assert_eq!(task_info.encode_to_vec(), task);

    let message = internal::RunTaskMessage {
        framework: v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() },
        pid: Some(String::new()),
        task: task_info,
        ..Default::default()
    };
    let body = LinkMessage::from(message).encode();
    let LinkMessage::RunTask(message) = LinkMessage::decode("mesos.internal.RunTaskMessage", &body).unwrap()
    else {
        panic!("another message");
    };
    assert_eq!(message.task.encode_to_vec(), task);

    let event = v1::executor::Event {
        r#type: Some(v1::executor::event::Type::Launch as i32),
        launch: Some(v1::executor::event::Launch { task: message.task }),
        ..Default::default()
    };
    let event = v1::executor::Event::decode_checked(&event.encode_to_vec()).unwrap();
    assert_eq!(event.launch.unwrap().task.encode_to_vec(), task);
}

#[test]
fn an_unnamed_enum_number_is_unset_in_the_value_and_kept_in_the_bytes() {
    let task = Raw::<v1::TaskInfo>::decode_checked(&task_info()).unwrap();
    let executor = task.executor.as_ref().unwrap();
    assert_eq!(executor.r#type, None);
    assert!(executor.encode_to_vec().windows(2).any(|pair| pair == [14 << 3, 99]));
}

#[test]
fn a_string_that_is_no_utf8_is_replaced_in_the_value_and_kept_in_the_bytes() {
    let id = |id: &[u8]| field(1, id);
    let bytes = [field(1, b"a\xffb"), field(2, &id(b"t\xff")), field(3, &id(b"a"))].concat();
    let task = Raw::<v1::TaskInfo>::decode_checked(&bytes).unwrap();
    assert_eq!(task.name, "a\u{fffd}b");
    assert_eq!(task.task_id.value, "t\u{fffd}");
    assert_eq!(task.encode_to_vec(), bytes);
}

#[test]
fn unknown_groups_are_kept() {
    let known = task_info();
    let group = [0x93, 0x4e, 0x08, 0x01, 0x1b, 0x1c, 0x94, 0x4e];
    let bytes = [known.as_slice(), &group].concat();
    let task = Raw::<v1::TaskInfo>::decode_checked(&bytes).unwrap();
    assert_eq!(task.encode_to_vec(), bytes);
}

#[test]
fn replace_field_changes_value_and_bytes_and_keeps_the_rest() {
    let mut task = Raw::<v1::TaskInfo>::decode_checked(&task_info()).unwrap();
    task.replace_field(3, &field(3, &field(1, b"other"))).unwrap();
    assert_eq!(task.agent_id.value, "other");
    let bytes = task.encode_to_vec();
    let again = Raw::<v1::TaskInfo>::decode_checked(&bytes).unwrap();
    assert_eq!(again.agent_id.value, "other");
    assert_eq!(again.name, "n");
    assert!(bytes.windows(15).any(|window| window == b"unknown in task"));
    task.replace_field(5, &[]).unwrap();
    assert_eq!(task.executor, None);
    assert!(!task.encode_to_vec().windows(19).any(|window| window == b"unknown in executor"));
}

#[test]
fn edit_messages_changes_value_and_bytes_and_keeps_the_rest() {
    let resource = |name: &str| v1::Resource { name: name.into(), ..Default::default() };
    for mut task in [
        Raw::<v1::TaskInfo>::decode_checked(&task_info()).unwrap(),
        Raw::from(v1::TaskInfo { name: "n".into(), resources: vec![resource("old")], ..Default::default() }),
    ] {
        let unknown = |task: &Raw<v1::TaskInfo>| {
            task.encode_to_vec().windows(15).filter(|window| window == b"unknown in task").count()
        };
        let before = unknown(&task);
        let new = vec![resource("one"), resource("two")];
        let set = |resources: &mut Vec<v1::Resource>| {
            resources.clone_from(&new);
            true
        };
        task.edit_messages(4, |task| &mut task.resources, set).unwrap();
        assert_eq!((&task.resources, unknown(&task)), (&new, before));
        let again = Raw::<v1::TaskInfo>::decode(task.encode_to_vec().as_slice()).unwrap();
        assert_eq!(again, task);
        // What was not changed keeps its bytes.
        let bytes = task.encode_to_vec();
        task.edit_messages(4, |task| &mut task.resources, |_| false).unwrap();
        assert_eq!(task.encode_to_vec(), bytes);
    }
}

#[test]
fn replace_field_works_on_a_fresh_value_and_refuses_garbage() {
    let mut task = Raw::from(v1::TaskInfo { name: "n".into(), ..Default::default() });
    task.replace_field(1, &field(1, b"m")).unwrap();
    assert_eq!(task.name, "m");
    let before = task.clone();
    assert!(task.replace_field(1, &[0x0a, 0x05, b'x']).is_err());
    assert_eq!(task, before);
    assert_eq!(task.encode_to_vec(), before.encode_to_vec());
}

#[test]
fn a_field_that_stands_twice_is_merged() {
    let bytes = [task_info(), field(7, &field(3, b"false"))].concat();
    let task = Raw::<v1::TaskInfo>::decode_checked(&bytes).unwrap();
    let command = task.command.as_ref().unwrap();
    assert_eq!((command.value.as_deref(), command.uris.len()), (Some("false"), 1));
    assert_eq!(task.encode_to_vec(), bytes);
}

#[test]
fn json_is_that_of_the_value() {
    let task = Raw::<v1::TaskInfo>::decode_checked(&task_info()).unwrap();
    assert_eq!(task.to_json(JsonDialect::V0), (*task).to_json(JsonDialect::V0));
    let read = Raw::<v1::TaskInfo>::from_json(JsonDialect::V0, &task.to_json(JsonDialect::V0)).unwrap();
    assert_eq!(read.executor.as_ref().unwrap().executor_id, task.executor.as_ref().unwrap().executor_id);
}

#[test]
fn required_fields_are_checked_inside() {
    let call = field(4, &field(2, &[vec![1 << 3, 1], field(2, &field(1, &field(1, b"n")))].concat()));
    let error = v1::scheduler::Call::decode_checked(&call).unwrap_err();
    let prefix = "accept.operations[0].launch.task_infos[0]";
    assert_eq!(
        error.to_string(),
        format!("`mesos.v1.scheduler.Call` lacks required fields: {prefix}.task_id, {prefix}.agent_id")
    );
}
