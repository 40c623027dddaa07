//! Laws of both encodings, for messages that are made from the descriptors at random.

use proptest::prelude::*;
use prost::Message;

use crate::descriptor::{FieldDescriptor, Kind, Label, MessageDescriptor};
use crate::{JsonDialect, LinkMessage, MesosMessage, driver, internal, v1};

/// Makes messages: a complete one for any sequence of numbers.
struct Maker<'a> {
    numbers: std::slice::Iter<'a, u64>,
}

impl Maker<'_> {
    /// Zero when they have run out, which makes the smallest message.
    fn next(&mut self) -> u64 {
        self.numbers.next().copied().unwrap_or_default()
    }

    fn message(&mut self, descriptor: &MessageDescriptor, depth: u32, out: &mut Vec<u8>) {
        for field in descriptor.fields {
            let count = match field.label {
                Label::Required => 1,
                Label::Optional => u64::from(depth > 0 && self.next() % 4 == 1),
                Label::Repeated if depth == 0 => 0,
                Label::Repeated => (self.next() % 6).saturating_sub(3),
            };
            for _ in 0..count {
                self.value(field, depth.saturating_sub(1), out);
            }
            if descriptor.has_oneof && count > 0 {
                // A second member would unset the first.
                break;
            }
        }
    }

    fn value(&mut self, field: &FieldDescriptor, depth: u32, out: &mut Vec<u8>) {
        use prost::encoding as wire;
        let number = field.number;
        match field.kind {
            Kind::Double => {
                let value = f64::from_bits(self.next());
                wire::double::encode(number, &if value.is_nan() { 0.1 } else { value }, out);
            }
            #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
            Kind::Int32 => wire::int32::encode(number, &(self.next() as i32), out),
            #[expect(clippy::cast_possible_wrap, reason = "any number will do")]
            Kind::Int64 => wire::int64::encode(number, &(self.next() as i64), out),
            #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
            Kind::Uint32 => wire::uint32::encode(number, &(self.next() as u32), out),
            Kind::Uint64 => wire::uint64::encode(number, &(self.next() >> 1), out),
            Kind::Bool => wire::bool::encode(number, &(self.next() % 2 == 1), out),
            Kind::String => wire::string::encode(number, &self.text(), out),
            Kind::Bytes => wire::bytes::encode(number, &self.text().into_bytes(), out),
            Kind::Enum(table) => {
                // Values that only v0 names would not survive v1 JSON.
                let named: Vec<_> = table.values.iter().filter(|value| value.1[0].is_some()).collect();
                let at = usize::try_from(self.next() % named.len() as u64).unwrap();
                wire::int32::encode(number, &named[at].0, out);
            }
            Kind::Message(inner) | Kind::Map(inner) => {
                let mut content = Vec::new();
                self.message(inner, depth, &mut content);
                wire::bytes::encode(number, &content, out);
            }
        }
    }

    fn text(&mut self) -> String {
        let characters = ['a', 'Z', '"', '\\', '\n', '\0', '\u{7f}', 'é', '€', '𝄞', '/'];
        let number = self.next();
        let pick = |at: u64| characters[usize::try_from((number >> (4 * at)) % 11).unwrap()];
        (0..number % 7).map(pick).collect()
    }
}

/// Both encodings give back what they were given.
fn check_round_trip<T: MesosMessage + PartialEq + std::fmt::Debug>(numbers: &[u64]) {
    let mut bytes = Vec::new();
    Maker { numbers: numbers.iter() }.message(T::DESCRIPTOR, 6, &mut bytes);
    let message = T::decode_checked(&bytes).unwrap();
    assert_eq!(T::decode_checked(&message.encode_to_vec()).unwrap(), message);
    for dialect in [JsonDialect::V1, JsonDialect::V0] {
        let text = message.to_json(dialect);
        let mut of_binary = Vec::new();
        T::write_json_of(dialect, &message.encode_to_vec(), &mut of_binary);
        assert_eq!(String::from_utf8_lossy(&of_binary), String::from_utf8_lossy(&text));
        let read = T::from_json(dialect, &text).unwrap();
        assert_eq!(read.to_json(dialect), text);
        // JSON shows defaults, so reading it sets them; nothing else may change.
        let again = T::from_json(dialect, &read.to_json(dialect)).unwrap();
        assert_eq!(again, read);
    }
}

/// Whatever bytes come, there is an answer.
fn check_survives<T: MesosMessage>(bytes: &[u8]) {
    for dialect in [JsonDialect::V1, JsonDialect::V0] {
        if let Ok(message) = T::from_json(dialect, bytes) {
            T::decode_checked(&message.encode_to_vec()).unwrap();
        }
    }
    if let Ok(message) = T::decode_checked(bytes) {
        T::decode_checked(&message.encode_to_vec()).unwrap();
        let _ = message.to_json(JsonDialect::V1);
    }
}

fn check_all_round_trips(numbers: &[u64]) {
    check_round_trip::<v1::scheduler::Call>(numbers);
    check_round_trip::<v1::scheduler::Event>(numbers);
    check_round_trip::<v1::executor::Call>(numbers);
    check_round_trip::<v1::executor::Event>(numbers);
    check_round_trip::<v1::master::Call>(numbers);
    check_round_trip::<v1::master::Response>(numbers);
    check_round_trip::<v1::master::Event>(numbers);
    check_round_trip::<v1::agent::Call>(numbers);
    check_round_trip::<v1::agent::Response>(numbers);
    check_round_trip::<v1::resource_provider::Call>(numbers);
    check_round_trip::<internal::ReregisterSlaveMessage>(numbers);
    check_round_trip::<internal::UpdateSlaveMessage>(numbers);
    check_round_trip::<internal::RunTaskGroupMessage>(numbers);
    check_round_trip::<internal::Registry>(numbers);
    check_round_trip::<driver::Call>(numbers);
    check_round_trip::<v1::TaskInfo>(numbers);
    check_round_trip::<v1::Resource>(numbers);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_survive_both_encodings(numbers in prop::collection::vec(any::<u64>(), 0..600)) {
        check_all_round_trips(&numbers);
    }

    #[test]
    fn random_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_survives::<v1::scheduler::Call>(&bytes);
        check_survives::<v1::TaskInfo>(&bytes);
        let _ = LinkMessage::decode("mesos.internal.RunTaskMessage", &bytes);
    }

    #[test]
    fn random_json_gets_an_answer(text in r#"([{}\[\]:, ]|"(type|accept|operations|value|limits)"|"\\u[0-9a-d]{4}"|-?[0-9]{1,3}([.e][0-9]{0,3})?|null|true){0,40}"#) {
        check_survives::<v1::scheduler::Call>(text.as_bytes());
        check_survives::<v1::TaskInfo>(format!("{{\"limits\":{text}").as_bytes());
    }

    #[test]
    fn damaged_messages_get_an_answer(
        numbers in prop::collection::vec(any::<u64>(), 0..300),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        Maker { numbers: numbers.iter() }.message(v1::scheduler::Call::DESCRIPTOR, 6, &mut bytes);
        let mut text = v1::scheduler::Call::decode_checked(&bytes).unwrap().to_json(JsonDialect::V1);
        for victim in [&mut bytes, &mut text] {
            if victim.is_empty() {
                continue;
            }
            for (at, byte) in &damage {
                *at.get_mut(victim) = *byte;
            }
            check_survives::<v1::scheduler::Call>(victim);
            victim.truncate(cut.index(victim.len()));
            check_survives::<v1::scheduler::Call>(victim);
        }
    }
}

#[test]
fn hostile_nesting_is_refused() {
    let mut id = v1::ContainerId { value: "c".into(), parent: None }.encode_to_vec();
    for _ in 0..98 {
        id = v1::ContainerId { value: "c".into(), parent: None }
            .encode_to_vec()
            .into_iter()
            .chain(wrapped(2, &id))
            .collect();
    }
    v1::ContainerId::decode_checked(&id).unwrap();
    let mut id = Vec::new();
    for _ in 0..5_000 {
        id = wrapped(2, &id);
    }
    assert!(v1::ContainerId::decode_checked(&id).is_err());
    let groups = [[0x0b].repeat(100_000), [0x0c].repeat(100_000)].concat();
    assert!(v1::ContainerId::decode_checked(&groups).is_err());
}

fn wrapped(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(number, &content.to_vec(), &mut bytes);
    bytes
}

#[test]
fn the_parts_of_a_message_that_stands_twice_are_complete_together() {
    let text = |number, text: &[u8]| wrapped(number, text);
    // `framework_info` in two parts, each with one of the required `user` and `name`.
    let subscribe = [wrapped(1, &text(1, b"u")), wrapped(1, &text(2, b"n"))].concat();
    let subscribe = v1::scheduler::call::Subscribe::decode_checked(&subscribe).unwrap();
    assert_eq!((subscribe.framework_info.user.as_str(), subscribe.framework_info.name.as_str()), ("u", "n"));
    let halves = [wrapped(1, &text(1, b"u")), wrapped(1, &text(4, b"x"))].concat();
    let error = v1::scheduler::call::Subscribe::decode_checked(&halves).unwrap_err();
    assert!(error.to_string().ends_with("fields: framework_info.name"), "{error}");
}

#[test]
fn values_that_proto2_does_not_know_count_as_unset() {
    // An unnamed enum number, and a varint where a message belongs.
    let call = v1::scheduler::Call::decode_checked(&[2 << 3, 99, 1 << 3, 5]).unwrap();
    assert_eq!((call.r#type, call.framework_id), (None, None));
    let resource = [wrapped(1, b"cpus"), vec![2 << 3, 99]].concat();
    let error = v1::Resource::decode_checked(&resource).unwrap_err();
    assert_eq!(error.to_string(), "`mesos.v1.Resource` lacks required fields: type");
}

#[test]
fn link_messages_without_required_fields_are_refused() {
    let error = LinkMessage::decode("mesos.internal.PingSlaveMessage", b"").unwrap_err();
    assert!(format!("{error:?}").contains("connected"), "{error:?}");
    assert!(LinkMessage::decode("mesos.internal.Nope", b"").is_err());
}
