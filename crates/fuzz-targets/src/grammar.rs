//! Messages of any type, made of the fuzzer's choices: well-formed, with every field that the type has, and with the
//! values that break programs.

use prost::encoding::{WireType, encode_key, encode_varint};
use tepui_proto::{LinkMessage, MesosMessage};

use crate::source::Source;

struct Message {
    name: &'static str,
    fields: &'static [Field],
}

struct Field {
    number: u32,
    name: &'static str,
    is_required: bool,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Double,
    /// Integers and booleans: a varint of any size.
    Varint,
    String,
    Bytes,
    Enum(&'static [i32]),
    /// By position in [`MESSAGES`].
    Message(usize),
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// How deeply messages are made to nest. What `Mesos` nests most deeply, a launch in an operation in a call, has eight.
const DEPTH: usize = 12;

/// How many bytes a message may have: a few choices can ask for many fields in many fields.
const MOST_BYTES: usize = 64 * 1024;

const DOUBLES: &[f64] = &[
    1.0,
    0.0,
    0.5,
    2.0,
    64.0,
    1024.0,
    0.001,
    0.0001,
    -1.0,
    -0.0,
    1e-300,
    1e15,
    9_007_199_254_740_993.0,
    1e19,
    1e300,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

const INTEGERS: &[u64] = &[
    1,
    0,
    2,
    3,
    10,
    1000,
    31000,
    32000,
    1_000_000_000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

const TEXTS: &[&str] = &[
    "a",
    "",
    "*",
    "cpus",
    "mem",
    "disk",
    "ports",
    "gpus",
    "a/b",
    "a/../b",
    "..",
    ".",
    "/",
    "é\u{0}\n",
    " x ",
    "%2e%2e",
    "true",
    "1.11.0",
    "0.28.2",
];

/// The names of all messages that end so.
pub(crate) fn names_ending(suffix: &str) -> Vec<&'static str> {
    MESSAGES.iter().map(|message| message.name).filter(|name| name.ends_with(suffix)).collect()
}

/// Writes a message of this full name. `known` are texts that mean something to the reader, such as ids.
pub(crate) fn message(source: &mut Source<'_>, name: &str, known: &[String]) -> Vec<u8> {
    let at = MESSAGES.iter().position(|message| message.name == name).expect("a message of this name");
    let mut out = Vec::new();
    Writer { source, known, left: MOST_BYTES }.message(&MESSAGES[at], DEPTH, &mut out);
    out
}

/// A message of this type, if its choices make one that is complete.
pub(crate) fn decoded<T: MesosMessage>(source: &mut Source<'_>, known: &[String]) -> Option<T> {
    T::decode_checked(&message(source, T::full_name(), known)).ok()
}

/// Adds fields of any kind to a message now and then. Where they spoil it, it stays.
pub(crate) fn embellished<T: MesosMessage>(source: &mut Source<'_>, honest: T, known: &[String]) -> T {
    if !source.once_in(4) {
        return honest;
    }
    // Fields that stand twice are merged.
    let mut body = honest.encode_to_vec();
    body.extend(message(source, T::full_name(), known));
    T::decode_checked(&body).unwrap_or(honest)
}

/// As [`embellished`].
pub(crate) fn embellished_message(
    source: &mut Source<'_>,
    honest: LinkMessage,
    known: &[String],
) -> LinkMessage {
    if !source.once_in(4) {
        return honest;
    }
    let mut body = honest.encode().to_vec();
    body.extend(message(source, honest.name(), known));
    LinkMessage::decode(honest.name(), &body).unwrap_or(honest)
}

struct Writer<'a, 'b> {
    source: &'a mut Source<'b>,
    known: &'a [String],
    left: usize,
}

impl Writer<'_, '_> {
    fn message(&mut self, message: &Message, depth: usize, out: &mut Vec<u8>) {
        for field in message.fields.iter().filter(|field| field.is_required) {
            self.field(field, depth, out);
        }
        for _ in 0..self.source.below(6) {
            let at = self.source.below(message.fields.len());
            if let Some(field) = message.fields.get(at) {
                self.field(field, depth, out);
            }
        }
        if self.source.once_in(64) {
            out.extend_from_slice(self.source.chunk());
        }
    }

    fn field(&mut self, field: &Field, depth: usize, out: &mut Vec<u8>) {
        let value = match field.kind {
            Kind::Varint => {
                encode_key(field.number, WireType::Varint, out);
                let at = self.source.below(INTEGERS.len() + 1);
                let value = INTEGERS.get(at).copied().unwrap_or_else(|| self.source.number());
                return encode_varint(value, out);
            }
            Kind::Enum(numbers) => {
                encode_key(field.number, WireType::Varint, out);
                let number = numbers.get(self.source.below(numbers.len() + 1)).copied().unwrap_or(12345);
                #[expect(clippy::cast_sign_loss, reason = "protobuf extends the sign")]
                return encode_varint(i64::from(number) as u64, out);
            }
            Kind::Double => {
                encode_key(field.number, WireType::SixtyFourBit, out);
                let at = self.source.below(DOUBLES.len() + 1);
                let value = DOUBLES.get(at).copied().unwrap_or_else(|| f64::from_bits(self.source.number()));
                return out.extend_from_slice(&value.to_le_bytes());
            }
            Kind::String => self.text().into_bytes(),
            Kind::Bytes if field.name == "uuid" || self.source.once_in(4) => {
                // Of a version that is known, or hardly any would get past validation.
                let mut uuid = vec![self.source.byte(); 16];
                uuid[6] = 0x40;
                uuid
            }
            Kind::Bytes => self.source.chunk().to_vec(),
            Kind::Message(at) => {
                let mut inner = Vec::new();
                if depth > 0 && self.left > 0 {
                    self.message(&MESSAGES[at], depth - 1, &mut inner);
                }
                inner
            }
        };
        self.left = self.left.saturating_sub(value.len() + 2);
        encode_key(field.number, WireType::LengthDelimited, out);
        encode_varint(value.len() as u64, out);
        out.extend_from_slice(&value);
    }

    /// A text that somebody knows, or one that is often special, or any.
    fn text(&mut self) -> String {
        let at = self.source.below(self.known.len() + TEXTS.len() + 2);
        if let Some(known) = self.known.get(at) {
            return known.clone();
        }
        match at - self.known.len() {
            at if at < TEXTS.len() => TEXTS[at].to_owned(),
            at if at == TEXTS.len() => "x".repeat(self.source.below(300)),
            _ => String::from_utf8_lossy(self.source.chunk()).into_owned(),
        }
    }
}
