//! The names of rows.

use std::fmt;

/// How many shards a space has. A listing of one shard of fifty thousand agents fits into one answer of any store.
pub const SHARDS: u8 = 64;

/// The longest name of a row, as it stands in the store. Mesos bounds ids at 255 bytes; escaping may triple that.
const MAX_ID_BYTES: usize = 765;

/// The kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Admitted agents.
    Agents,
    /// Agents that were given up for now.
    Unreachable,
    /// Agents that will never come back.
    Gone,
    /// Frameworks that were torn down or removed.
    Frameworks,
    /// Machines under maintenance.
    Machines,
    /// Maintenance schedules.
    Schedules,
    /// Quotas of roles.
    Quotas,
    /// Weights of roles.
    Weights,
    /// What a master must be able to do to read this registry.
    Capabilities,
}

impl Space {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Agents,
        Self::Unreachable,
        Self::Gone,
        Self::Frameworks,
        Self::Machines,
        Self::Schedules,
        Self::Quotas,
        Self::Weights,
        Self::Capabilities,
    ];

    /// Its name in a key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::Unreachable => "unreachable",
            Self::Gone => "gone",
            Self::Frameworks => "frameworks",
            Self::Machines => "machines",
            Self::Schedules => "schedules",
            Self::Quotas => "quotas",
            Self::Weights => "weights",
            Self::Capabilities => "capabilities",
        }
    }
}

/// A part of a space, by a hash of the row's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..SHARDS).map(Self)
    }

    /// Whether a listing of all begins with it.
    pub(crate) fn is_first(self) -> bool {
        self.0 == 0
    }

    /// The shard of a name.
    fn of(id: &str) -> Self {
        // FNV-1a: it stands in the store, so it must be the same for ever.
        let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(u8::try_from(hash % u64::from(SHARDS)).unwrap_or_default())
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02x}", self.0)
    }
}

/// The name of a row: `agents/1f/<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    space: Space,
    id: String,
}

/// A name that no row can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is empty.
    #[error("the id of a row of `{0}` is empty", space.name())]
    Empty {
        /// The kind of row.
        space: Space,
    },
    /// It is too long.
    #[error("the id of a row of `{0}` has {bytes} bytes; {MAX_ID_BYTES} are the limit", space.name())]
    TooLong {
        /// The kind of row.
        space: Space,
        /// Its length.
        bytes: usize,
    },
}

impl Key {
    /// Names a row.
    ///
    /// # Errors
    /// The id is empty or too long.
    pub fn new(space: Space, id: &str) -> Result<Self, KeyError> {
        if id.is_empty() {
            return Err(KeyError::Empty { space });
        }
        let bytes = escape(id).len();
        if bytes > MAX_ID_BYTES {
            return Err(KeyError::TooLong { space, bytes });
        }
        Ok(Self { space, id: id.to_owned() })
    }

    /// The kind of row.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The row's own name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where a listing finds it.
    pub fn shard(&self) -> Shard {
        Shard::of(&self.id)
    }

    /// The path of a folder of keys: `agents/1f`.
    pub fn folder(space: Space, shard: Shard) -> String {
        format!("{}/{shard}", space.name())
    }

    /// The last part of the path, in letters that every store takes.
    pub fn leaf(&self) -> String {
        escape(&self.id)
    }

    /// The whole path.
    pub fn path(&self) -> String {
        format!("{}/{}", Self::folder(self.space, self.shard()), self.leaf())
    }

    /// Reads the last part of a path.
    pub(crate) fn from_leaf(space: Space, leaf: &str) -> Option<Self> {
        Self::new(space, &unescape(leaf)?).ok()
    }
}

fn is_plain(byte: u8, first: bool) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'@') || (byte == b'.' && !first)
}

fn escape(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        if is_plain(byte, at == 0) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(hex(byte >> 4));
            out.push(hex(byte & 15));
        }
    }
    out
}

fn hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

fn unescape(leaf: &str) -> Option<String> {
    let mut out = Vec::with_capacity(leaf.len());
    let mut bytes = leaf.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_ids_stay_one_part_of_a_path_and_come_back() {
        for id in ["S0", "a/b", ".", "..", "%2F", "é ", "\0", "zookeeper", "a.b"] {
            let key = Key::new(Space::Agents, id).unwrap();
            let leaf = key.leaf();
            assert!(leaf.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'), "{leaf}");
            assert!(leaf != "." && leaf != "..");
            assert_eq!(Key::from_leaf(Space::Agents, &leaf).unwrap(), key);
        }
    }

    #[test]
    fn what_is_no_leaf_of_ours_is_refused() {
        for leaf in ["", "%", "%4", "%zz", "%FF"] {
            assert_eq!(Key::from_leaf(Space::Agents, leaf), None, "{leaf}");
        }
        assert!(Key::new(Space::Gone, &"x".repeat(766)).is_err());
    }

    #[test]
    fn shards_are_where_they_always_were() {
        assert_eq!(Key::new(Space::Agents, "S0").unwrap().path(), "agents/36/S0");
        assert_eq!(Shard::all().count(), usize::from(SHARDS));
    }
}
