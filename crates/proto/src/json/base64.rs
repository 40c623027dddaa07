//! Base64 as Mesos writes it, and as leniently as Mesos reads it.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

/// Appends `bytes` in the standard alphabet, padded.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    // Four letters for each three bytes begun: exactly what the padded form takes.
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
}

/// Appends what `text` stands for.
///
/// Compat: whitespace is skipped, all after the first `=` is ignored, and a last letter alone stands for nothing.
///
/// # Errors
/// The first byte that is no letter of the alphabet.
pub(super) fn decode(text: &[u8], out: &mut Vec<u8>) -> Result<(), u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => continue,
            other => return Err(*other),
        };
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    if count > 1 {
        let left = bits << (6 * (4 - count));
        out.extend_from_slice(&left.to_be_bytes()[1..count]);
    }
    Ok(())
}
