//! Protobuf bodies: what was read is complete, is written in both encodings, and is then read as the same. What we pass
//! along keeps its bytes.

use prost::Message as _;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use tepui_proto::{JsonDialect, MesosMessage, Raw, v1};
use tepui_wire::{ContentType, decode};

use crate::grammar;
use crate::source::Source;

/// What the choices of the grammar can make. The name in our tables is the name that the message says it has.
macro_rules! checks {
    ($($message:ty,)*) => { &[$((<$message as MesosMessage>::full_name, check::<$message>),)*] };
}

/// The name of a message, and its check.
type Check = (fn() -> &'static str, fn(&[u8]));

const CHECKS: &[Check] = checks![
    v1::scheduler::Call,
    v1::executor::Call,
    v1::master::Call,
    v1::agent::Call,
    v1::scheduler::Event,
    v1::executor::Event,
    v1::Offer,
    Raw<v1::TaskInfo>,
    Raw<v1::ExecutorInfo>,
];

/// A byte that says how to go on: with a message as it stands, or with choices that make one.
pub(crate) fn target(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let choice = usize::from(source.byte());
    let (name, check) = CHECKS[choice / 2 % CHECKS.len()];
    if choice.is_multiple_of(2) {
        let rest = source.rest();
        check(rest);
        check_raw(rest);
        let _ = decode::<v1::scheduler::Call>(ContentType::Protobuf, rest);
    } else {
        let made = grammar::message(&mut source, name(), &[]);
        check(&made);
        check_raw(&made);
    }
}

fn check<T: MesosMessage>(bytes: &[u8]) {
    let Ok(message) = T::decode_checked(bytes) else { return };
    let binary = message.encode_to_vec();
    assert_eq!(message.encoded_len(), binary.len());
    let again = T::decode_checked(&binary).expect("what was complete still is");
    assert_eq!(again.encode_to_vec(), binary, "protobuf");
    for dialect in [JsonDialect::V1, JsonDialect::V0] {
        let json = message.to_json(dialect);
        if json.windows(4).any(|part| part == b"null") {
            // Compat: a double that is no number is written so, and nothing is read.
            let _ = T::from_json(dialect, &json);
            continue;
        }
        match T::from_json(dialect, &json) {
            Ok(again) => assert!(
                again.to_json(dialect) == json || has_long_number(&json),
                "JSON: {} is read as {}",
                String::from_utf8_lossy(&json),
                String::from_utf8_lossy(&again.to_json(dialect)),
            ),
            Err(error) => panic!("{error} in {}", String::from_utf8_lossy(&json)),
        }
    }
}

/// Compat: an integer beyond 63 bits is read as a double, which rounds it.
fn has_long_number(json: &[u8]) -> bool {
    json.windows(19).any(|part| part.iter().all(u8::is_ascii_digit))
}

/// Bytes read as a task are the same when they are written, but for numbers that were longer than need be.
fn check_raw(bytes: &[u8]) {
    let Ok(mut task) = Raw::<v1::TaskInfo>::decode_checked(bytes) else { return };
    let fields = fields(bytes).expect("the decoder took them");
    let whole: Vec<u8> = fields.iter().flat_map(|field| field.bytes.clone()).collect();
    assert_eq!(task.encode_to_vec(), whole, "a task keeps its bytes");

    let tag = fields.first().map_or(1, |field| field.number);
    // A field that no task has, long enough to be told from all others.
    let replacement = b"\xfa\x3f\x03new";
    if task.replace_field(tag, replacement).is_err() {
        return;
    }
    let kept = fields.iter().filter(|field| field.number != tag);
    let mut expected: Vec<u8> = kept.flat_map(|field| field.bytes.clone()).collect();
    expected.extend_from_slice(replacement);
    assert_eq!(task.encode_to_vec(), expected, "only one field was replaced");
}

struct Field {
    number: u32,
    /// With its numbers as short as can be.
    bytes: Vec<u8>,
}

/// The fields of a message as protobuf would write them.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let mut out = Vec::new();
        let (number, wire_type) = decode_key(&mut bytes).ok()?;
        encode_key(number, wire_type, &mut out);
        payload(number, wire_type, &mut bytes, &mut out)?;
        fields.push(Field { number, bytes: out });
    }
    Some(fields)
}

fn payload(number: u32, wire_type: WireType, bytes: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    let length = match wire_type {
        WireType::Varint => {
            encode_varint(decode_varint(bytes).ok()?, out);
            return Some(());
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = decode_varint(bytes).ok()?;
            encode_varint(length, out);
            usize::try_from(length).ok()?
        }
        WireType::StartGroup => loop {
            let (inner, wire_type) = decode_key(bytes).ok()?;
            encode_key(inner, wire_type, out);
            if wire_type == WireType::EndGroup {
                return (inner == number).then_some(());
            }
            payload(inner, wire_type, bytes, out)?;
        },
        WireType::EndGroup => return None,
    };
    let (taken, rest) = bytes.split_at_checked(length)?;
    out.extend_from_slice(taken);
    *bytes = rest;
    Some(())
}
