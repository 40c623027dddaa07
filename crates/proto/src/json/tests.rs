//! Every rule of Mesos' JSON, each shown once. Texts marked "recorded" are answers of a running Mesos.

use super::{JsonDialect, JsonError};
use crate::v1::scheduler::Call;
use crate::v1::{self, master};
use crate::{MesosMessage, internal};

fn read<T: MesosMessage>(text: &str) -> T {
    T::from_json(JsonDialect::V1, text.as_bytes()).unwrap()
}

fn error<T: MesosMessage + std::fmt::Debug>(text: impl AsRef<[u8]>) -> JsonError {
    T::from_json(JsonDialect::V1, text.as_ref()).unwrap_err()
}

fn syntax(text: &str) -> JsonError {
    JsonError::Syntax(text.to_owned())
}

fn schema(text: &str) -> JsonError {
    JsonError::Schema(text.to_owned())
}

fn write<T: MesosMessage>(message: &T) -> String {
    write_as(JsonDialect::V1, message)
}

fn write_as<T: MesosMessage>(dialect: JsonDialect, message: &T) -> String {
    String::from_utf8(message.to_json(dialect)).unwrap()
}

#[test]
fn unset_fields_with_a_default_are_shown_unless_deprecated() {
    let info = v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() };
    assert_eq!(write(&info), r#"{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}"#);
}

#[test]
fn fields_are_written_in_the_order_of_declaration() {
    let text = r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1.5},"allocation_info":{"role":"*"}}"#;
    let resource: v1::Resource = read(text);
    let written = write(&resource);
    let expected = r#"{"allocation_info":{"role":"*"},"name":"cpus","type":"SCALAR","scalar":{"value":1.5}}"#;
    assert!(written == expected || written == text, "{written}");
}

#[test]
fn the_dialects_name_agents_differently() {
    let status = v1::TaskStatus {
        task_id: v1::TaskId { value: "t".into() },
        agent_id: Some(v1::AgentId { value: "a".into() }),
        source: Some(v1::task_status::Source::Agent as i32),
        reason: Some(v1::task_status::Reason::AgentRemoved as i32),
        ..Default::default()
    };
    let text = write_as(JsonDialect::V1, &status);
    assert!(text.contains(r#""source":"SOURCE_AGENT","reason":"REASON_AGENT_REMOVED""#), "{text}");
    assert!(text.contains(r#""agent_id":{"value":"a"}"#), "{text}");
    let text = write_as(JsonDialect::V0, &status);
    assert!(text.contains(r#""source":"SOURCE_SLAVE","reason":"REASON_SLAVE_REMOVED""#), "{text}");
    assert!(text.contains(r#""slave_id":{"value":"a"}"#), "{text}");
    assert_eq!(v1::TaskStatus::from_json(JsonDialect::V0, text.as_bytes()).unwrap(), status);
    assert_eq!(read::<v1::TaskStatus>(&text).agent_id, None);
}

#[test]
fn v1_has_no_agent_checkpoint_and_no_quota_v2() {
    let text = r#"{"hostname":"h","checkpoint":true}"#;
    assert_eq!(read::<v1::AgentInfo>(text).checkpoint, None);
    let info = v1::AgentInfo::from_json(JsonDialect::V0, text.as_bytes()).unwrap();
    assert_eq!(info.checkpoint, Some(true));
    assert_eq!(write(&info), r#"{"hostname":"h","port":5051}"#);
    assert_eq!(write_as(JsonDialect::V0, &info), r#"{"hostname":"h","port":5051,"checkpoint":true}"#);
    let capability =
        v1::master_info::Capability { r#type: Some(v1::master_info::capability::Type::QuotaV2 as i32) };
    assert_eq!(write(&capability), "{}");
    assert_eq!(write_as(JsonDialect::V0, &capability), r#"{"type":"QUOTA_V2"}"#);
}

#[test]
fn doubles_are_laid_out_as_rapidjson_does() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (64000.0, "64000.0"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1.5e-6, "0.0000015"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (1e16, "10000000000000000.0"),
        (1.5e20, "150000000000000000000.0"),
        (1e21, "1e21"),
        (-1.25e21, "-1.25e21"),
        (f64::MAX, "1.7976931348623157e308"),
        (123_456_789.123, "123456789.123"),
    ];
    for (value, expected) in cases {
        assert_eq!(write(&v1::value::Scalar { value: *value }), format!(r#"{{"value":{expected}}}"#));
    }
}

#[test]
fn strings_escape_what_json_wants_and_no_more() {
    let text = v1::value::Text { value: "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é𝄞".into() };
    assert_eq!(write(&text), "{\"value\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\u{7f}é𝄞\"}");
    assert_eq!(read::<v1::value::Text>(&write(&text)), text);
}

/// Strings are looked at eight bytes at a time, so what must be escaped stands at each place of strings of each length.
#[test]
fn strings_are_escaped_at_every_place() {
    for length in 1..40 {
        for at in 0..length {
            for (special, escaped) in
                [("\"", "\\\""), ("\\", "\\\\"), ("\u{1}", "\\u0001"), ("é", "é"), ("#", "#")]
            {
                let (before, behind) = ("!".repeat(at), "~".repeat(length - at - 1));
                let text = v1::value::Text { value: format!("{before}{special}{behind}") };
                assert_eq!(write(&text), format!("{{\"value\":\"{before}{escaped}{behind}\"}}"));
            }
        }
    }
}

#[test]
fn unknown_fields_and_nulls_are_ignored() {
    let call: Call = read(r#"{"type":"REVIVE","nope":{"a":[1,{}]},"revive":null,"framework_id":null}"#);
    assert_eq!(call, Call { r#type: Some(v1::scheduler::call::Type::Revive as i32), ..Default::default() });
}

#[test]
fn the_last_of_several_members_wins() {
    let resource: v1::value::Ranges =
        read(r#"{"range":[{"begin":1,"end":2}],"range":[{"begin":3,"end":4}]}"#);
    assert_eq!(resource.range, [v1::value::Range { begin: 3, end: 4 }]);
}

#[test]
fn scalars_may_be_strings() {
    let filters: v1::Filters = read(r#"{"refuse_seconds":"12.5"}"#);
    assert_eq!(filters.refuse_seconds, Some(12.5));
    let filters: v1::Filters = read(r#"{"refuse_seconds":"Infinity"}"#);
    assert_eq!(filters.refuse_seconds, Some(f64::INFINITY));
    let command: v1::CommandInfo = read(r#"{"shell":"false"}"#);
    assert_eq!(command.shell, Some(false));
    assert_eq!(
        error::<v1::Filters>(r#"{"refuse_seconds":"x"}"#),
        schema(
            "Failed to parse 'x' as a JSON number for field 'refuse_seconds': syntax error at line 1 near: x"
        )
    );
    assert_eq!(
        error::<v1::CommandInfo>(r#"{"shell":"1"}"#),
        schema("Failed to parse '1' as a JSON boolean for field 'shell': Unexpected JSON type parsed")
    );
}

#[test]
fn fractions_are_dropped_and_numbers_cut() {
    let range: v1::value::Range = read(r#"{"begin":1.9,"end":-1}"#);
    assert_eq!(range, v1::value::Range { begin: 1, end: u64::MAX });
    let range: v1::value::Range = read(r#"{"begin":1e300,"end":18446744073709551615}"#);
    assert_eq!(range, v1::value::Range { begin: u64::MAX, end: u64::MAX });
    let info: v1::AgentInfo = read(r#"{"hostname":"h","port":4294967297}"#);
    assert_eq!(info.port, Some(1));
}

#[test]
fn enums_are_strings_and_unknown_names_leave_them_unset() {
    assert_eq!(read::<Call>(r#"{"type":"subscribe"}"#).r#type, None);
    assert_eq!(error::<Call>(r#"{"type":1}"#), schema("Not expecting a JSON number for field 'type'"));
    assert_eq!(
        error::<v1::Resource>(r#"{"name":"cpus","type":"SCALER"}"#),
        schema("Failed to find enum for 'SCALER'")
    );
    let container: v1::CapabilityInfo = read(r#"{"capabilities":["CHOWN","NOPE","KILL"]}"#);
    assert_eq!(container.capabilities.len(), 2);
}

#[test]
fn one_value_may_stand_for_a_repeated_field() {
    let revive: v1::scheduler::call::Revive = read(r#"{"roles":"a"}"#);
    assert_eq!(revive.roles, ["a"]);
    let revive: v1::scheduler::call::Revive = read(r#"{"roles":["a",["b",null]]}"#);
    assert_eq!(revive.roles, ["a", "b"]);
    assert_eq!(
        error::<Call>(r#"{"type":["REVIVE"]}"#),
        schema("Not expecting a JSON array for field 'type'")
    );
}

#[test]
fn values_of_the_wrong_type_are_named() {
    let cases = [
        (r#"{"subscribe":{"framework_info":{"user":12}}}"#, "Not expecting a JSON number for field 'user'"),
        (r#"{"subscribe":"x"}"#, "Not expecting a JSON string for field 'subscribe'"),
        (r#"{"subscribe":true}"#, "Not expecting a JSON boolean for field 'subscribe'"),
        (r#"{"type":{}}"#, "Not expecting a JSON object for field 'type'"),
        // Two errors: the one whose field comes first in the alphabet is told.
        (r#"{"type":1,"accept":2}"#, "Not expecting a JSON number for field 'accept'"),
    ];
    for (text, expected) in cases {
        assert_eq!(error::<Call>(text), schema(expected), "{text}");
    }
}

#[test]
fn missing_fields_are_listed_with_their_paths() {
    let cases = [
        (
            r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{}}}"#,
            "subscribe.framework_info.user, subscribe.framework_info.name",
        ),
        (r#"{"subscribe":{"framework_info":{"user":"u","name":null}}}"#, "subscribe.framework_info.name"),
        (r#"{"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"}}}"#, "acknowledge.uuid"),
        (
            r#"{"accept":{"operations":[{},{"launch":{"task_infos":[{"name":"n","task_id":{"value":"t"},
                "agent_id":{"value":"a"},"resources":[{"name":"cpus"}]}]}}]}}"#,
            "accept.operations[1].launch.task_infos[0].resources[0].type",
        ),
        (
            r#"{"accept":{"operations":[{"launch":{"task_infos":[{"name":"n","task_id":{"value":"t"}}]}}]}}"#,
            "accept.operations[0].launch.task_infos[0].agent_id",
        ),
    ];
    for (text, paths) in cases {
        assert_eq!(error::<Call>(text), schema(&format!("Missing required fields: {paths}")), "{text}");
    }
    assert_eq!(
        error::<v1::executor::Call>("{}"),
        schema("Missing required fields: executor_id, framework_id")
    );
}

#[test]
fn syntax_errors_quote_the_rest_of_the_line() {
    let near = |line: u32, rest: &str| syntax(&format!("syntax error at line {line} near: {rest}"));
    let cases = [
        ("", near(1, "")),
        ("{", near(1, "")),
        ("hello", near(1, "hello")),
        ("{\"a\":nul}", near(1, "}")),
        ("{\"a\" 1}", near(1, "1}")),
        ("{\"a\":1,}", near(1, "}")),
        ("{\n\"a\":\n\nx,\ty\nz}", near(4, "x,y")),
        ("[1 2]", near(1, "2]")),
        ("{\"a\":1-2}", near(1, "}")),
        ("{\"a\":\"\\q\"}", near(1, "\"}")),
        ("{\"a\":\"\\ud800x\"}", near(1, "x\"}")),
        ("{\"a\":\"\\udc00\"}", near(1, "\"}")),
        ("{\"a\":\"b\u{1}c\"}", near(1, "c\"}")),
        ("{} x", syntax("Parsed JSON included non-whitespace trailing characters:  x")),
        ("{}x \n", syntax("Parsed JSON included non-whitespace trailing characters: x")),
        ("5 x", syntax("Parsed JSON included non-whitespace trailing characters: x")),
        ("{\"a\":1e999}", syntax("Value out of range")),
        ("[]", schema("Expecting a JSON object")),
        ("\"x\"", schema("Expecting a JSON object")),
        ("5", schema("Expecting a JSON object")),
    ];
    for (text, expected) in cases {
        assert_eq!(error::<Call>(text), expected, "{text}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    read::<Call>(&nested(199));
    assert!(matches!(error::<Call>(nested(201)), JsonError::Syntax(_)));
}

#[test]
fn base64_is_read_leniently() {
    let uuid = |text: &str| {
        let text = format!(r#"{{"agent_id":{{"value":"a"}},"task_id":{{"value":"t"}},"uuid":"{text}"}}"#);
        v1::scheduler::call::Acknowledge::from_json(JsonDialect::V1, text.as_bytes()).map(|call| call.uuid)
    };
    assert_eq!(uuid("YWJj"), Ok(b"abc".to_vec()));
    assert_eq!(uuid("YW Jj\\nZA=="), Ok(b"abcd".to_vec()));
    assert_eq!(uuid("YWJjZA"), Ok(b"abcd".to_vec()));
    assert_eq!(uuid("YWJjZ"), Ok(b"abc".to_vec()));
    assert_eq!(uuid(""), Ok(Vec::new()));
    assert_eq!(uuid("***"), Err(schema("Failed to base64 decode bytes field 'uuid': Invalid character '*'")));
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    let text = v1::value::Text::from_json(JsonDialect::V1, b"{\"value\":\"a\xffb\"}").unwrap();
    assert_eq!(text.value, "a\u{fffd}b");
}

#[test]
fn maps_are_objects() {
    let config: v1::quota::QuotaConfig = read(r#"{"role":"r","limits":{"b":{"value":1},"a":{"value":2}}}"#);
    assert_eq!(write(&config), r#"{"role":"r","limits":{"a":{"value":2.0},"b":{"value":1.0}}}"#);
    assert_eq!(
        error::<v1::quota::QuotaConfig>(r#"{"role":"r","limits":{"a":{}}}"#),
        schema("Missing required fields: limits[0].value.value")
    );
}

#[test]
fn a_protobuf_duration_has_two_members() {
    let call: master::Call = read(
        r#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"a"},"max_grace_period":{"seconds":3}}}"#,
    );
    let text = write(&call);
    assert!(text.contains(r#""max_grace_period":{"seconds":3},"mark_gone":false"#), "{text}");
}

#[test]
fn internal_messages_have_json_too() {
    let message = internal::AuthenticationMechanismsMessage { mechanisms: vec!["CRAM-MD5".into()] };
    assert_eq!(write_as(JsonDialect::V0, &message), r#"{"mechanisms":["CRAM-MD5"]}"#);
}

#[test]
fn a_framework_is_written_as_mesos_writes_it() {
    // Recorded: what a Mesos 1.11.0 master answered to GET_FRAMEWORKS after a SUBSCRIBE with the first file.
    let info: v1::FrameworkInfo = read(include_str!("../../testdata/framework_info.in.json"));
    let written = write(&info);
    let recorded = include_str!("../../testdata/framework_info.out.json");
    assert_eq!(written.split(',').count(), recorded.split(',').count());
    for (ours, theirs) in written.split(',').zip(recorded.split(',')) {
        // Where a double takes 16 or 17 digits, rapidjson's last one is not always the nearest; the number is the same.
        let number =
            |text: &str| text.rsplit(':').next().unwrap().trim_end_matches(['}', ']']).parse::<f64>();
        let is_same_number = number(ours).is_ok() && number(ours) == number(theirs);
        assert!(ours == theirs || (is_same_number && ours.len() <= theirs.len()), "{ours} {theirs}");
    }
}

#[test]
fn what_mesos_wrote_is_written_again_byte_for_byte() {
    fn again<T: MesosMessage>(text: &str) -> String {
        write(&read::<T>(text))
    }
    // Recorded: events and responses of running masters and agents, one of each shape, after the name of the message.
    for line in include_str!("../../testdata/messages-mesos.txt").lines() {
        let (name, text) = line.split_once('\t').unwrap();
        let written = match name {
            "mesos.v1.scheduler.Event" => again::<v1::scheduler::Event>(text),
            "mesos.v1.executor.Event" => again::<v1::executor::Event>(text),
            "mesos.v1.master.Event" => again::<master::Event>(text),
            "mesos.v1.master.Response" => again::<master::Response>(text),
            "mesos.v1.agent.Response" => again::<v1::agent::Response>(text),
            other => panic!("add `{other}` here"),
        };
        assert_eq!(written, text);
    }
}
