//! The cache's book: which file is kept for which user, who uses it, and which one goes when space is needed.
//!
//! Pure: it decides, its caller makes and removes the files.

use std::collections::BTreeMap;

/// Whose file of which URI: a file that one user may read must not be handed to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) user: Option<String>,
    pub(crate) uri: String,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Somebody is getting it.
    Pending,
    /// It is there.
    Ready,
}

#[derive(Debug)]
struct Entry {
    file: String,
    state: State,
    bytes: u64,
    users: usize,
    last_used: u64,
}

/// What [`Cache::acquire`] found. Either way, the caller uses the entry until it calls `release` or `fail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// The caller is to get it into this file, and to say `complete` or `fail`.
    New(String),
    /// It is there or on its way.
    Known(String, State),
}

/// A file that must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evicted {
    pub(crate) user: Option<String>,
    pub(crate) file: String,
}

#[derive(Debug)]
pub(crate) struct Cache {
    capacity: u64,
    used: u64,
    serial: u64,
    clock: u64,
    entries: BTreeMap<Key, Entry>,
}

impl Cache {
    /// An empty cache. Its files are numbered after `serial`, so that two agents which were given one folder do not take each
    /// other's files for their own.
    pub(crate) fn new(capacity: u64, serial: u64) -> Self {
        Self { capacity, used: 0, serial, clock: 0, entries: BTreeMap::new() }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Looks for a file and uses it; `basename` is what a new one is called after.
    pub(crate) fn acquire(&mut self, key: &Key, basename: &str) -> Acquired {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.users += 1;
            entry.last_used = self.clock;
            return Acquired::Known(entry.file.clone(), entry.state);
        }
        self.serial += 1;
        let file = file_name(self.serial, basename);
        let entry =
            Entry { file: file.clone(), state: State::Pending, bytes: 0, users: 1, last_used: self.clock };
        self.entries.insert(key.clone(), entry);
        Acquired::New(file)
    }

    /// Sets space aside for a pending file; what is returned must go for it. None if there is not enough that can go.
    pub(crate) fn reserve(&mut self, key: &Key, bytes: u64) -> Option<Vec<Evicted>> {
        let free = self.capacity.saturating_sub(self.used);
        let evicted = if bytes > free { self.evict(bytes - free)? } else { Vec::new() };
        if let Some(entry) = self.entries.get_mut(key) {
            entry.bytes += bytes;
            self.used += bytes;
        }
        Some(evicted)
    }

    /// Takes the least recently used files that nobody uses, until there is space. All or none.
    fn evict(&mut self, bytes: u64) -> Option<Vec<Evicted>> {
        let mut idle: Vec<(u64, &Key, u64)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.users == 0)
            .map(|(key, entry)| (entry.last_used, key, entry.bytes))
            .collect();
        idle.sort_unstable();
        let mut gained = 0;
        let mut victims = Vec::new();
        for (_, key, size) in idle {
            if gained >= bytes {
                break;
            }
            gained += size;
            victims.push(key.clone());
        }
        (gained >= bytes).then(|| victims.iter().filter_map(|key| self.remove(key)).collect())
    }

    fn remove(&mut self, key: &Key) -> Option<Evicted> {
        let entry = self.entries.remove(key)?;
        self.used = self.used.saturating_sub(entry.bytes);
        Some(Evicted { user: key.user.clone(), file: entry.file })
    }

    /// A pending file is there, this large. What must go because it is larger than was said is returned.
    pub(crate) fn complete(&mut self, key: &Key, file: &str, bytes: u64) -> Vec<Evicted> {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.file == file) else {
            return Vec::new();
        };
        entry.state = State::Ready;
        self.used = self.used.saturating_sub(entry.bytes).saturating_add(bytes);
        entry.bytes = bytes;
        let over = self.used.saturating_sub(self.capacity);
        // If too little can go, the cache is over its size until its users have ended, as in Mesos.
        if over > 0 { self.evict(over).unwrap_or_default() } else { Vec::new() }
    }

    /// A file could not be had, or is not there although it should: it is forgotten. Whoever else used it must not release
    /// it. Returns what may be left of it.
    pub(crate) fn fail(&mut self, key: &Key, file: &str) -> Option<Evicted> {
        self.state(key, file)?;
        self.remove(key)
    }

    /// One user less of the file `file`; ignored if that was forgotten meanwhile.
    pub(crate) fn release(&mut self, key: &Key, file: &str) {
        if let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.file == file) {
            entry.users = entry.users.saturating_sub(1);
        }
    }

    /// How far a file is; none if it was forgotten.
    pub(crate) fn state(&self, key: &Key, file: &str) -> Option<State> {
        self.entries.get(key).filter(|entry| entry.file == file).map(|entry| entry.state)
    }
}

/// A number makes it another than all others; the end of the URI's name is kept for people.
fn file_name(serial: u64, basename: &str) -> String {
    const SHOWN: usize = 10;
    if basename.len() <= 2 * SHOWN {
        return format!("c{serial}-{basename}");
    }
    let head = &basename[..basename.floor_char_boundary(SHOWN)];
    let tail = &basename[basename.ceil_char_boundary(basename.len() - SHOWN)..];
    format!("c{serial}-{head}_{tail}")
}

/// Whether a file of the cache's folder is one of ours.
pub(crate) fn is_file_name(name: &str) -> bool {
    let digits = name.strip_prefix('c').and_then(|rest| rest.split_once('-')).map(|(digits, _)| digits);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(uri: &str) -> Key {
        Key { user: None, uri: uri.to_owned() }
    }

    fn fill(cache: &mut Cache, uri: &str, bytes: u64) -> Option<Vec<Evicted>> {
        let key = key(uri);
        let Acquired::New(file) = cache.acquire(&key, uri) else { panic!("{uri} is known") };
        let evicted = cache.reserve(&key, bytes);
        if evicted.is_some() {
            cache.complete(&key, &file, bytes);
            cache.release(&key, &file);
        } else {
            cache.fail(&key, &file);
        }
        evicted
    }

    #[test]
    fn the_least_recently_used_file_goes_first() {
        let mut cache = Cache::new(100, 0);
        fill(&mut cache, "a", 40).unwrap();
        fill(&mut cache, "b", 40).unwrap();
        let Acquired::Known(file, State::Ready) = cache.acquire(&key("a"), "a") else { panic!("a is lost") };
        cache.release(&key("a"), &file);
        let evicted = fill(&mut cache, "c", 40).unwrap();
        assert_eq!(evicted, [Evicted { user: None, file: "c2-b".into() }]);
        assert_eq!(cache.used(), 80);
    }

    #[test]
    fn what_is_in_use_stays() {
        let mut cache = Cache::new(100, 0);
        fill(&mut cache, "a", 60).unwrap();
        cache.acquire(&key("a"), "a");
        assert_eq!(fill(&mut cache, "b", 60), None);
        assert_eq!(cache.used(), 60);
    }

    #[test]
    fn users_do_not_share_files() {
        let mut cache = Cache::new(100, 0);
        fill(&mut cache, "a", 10).unwrap();
        let other = Key { user: Some("nobody".into()), uri: "a".into() };
        assert!(matches!(cache.acquire(&other, "a"), Acquired::New(_)));
    }

    #[test]
    fn a_failed_file_is_forgotten_and_its_space_is_free() {
        let mut cache = Cache::new(100, 0);
        let Acquired::New(file) = cache.acquire(&key("a"), "a") else { panic!("it is new") };
        cache.reserve(&key("a"), 100).unwrap();
        assert_eq!(cache.acquire(&key("a"), "a"), Acquired::Known(file.clone(), State::Pending));
        cache.fail(&key("a"), &file);
        assert_eq!(cache.used(), 0);
        assert_eq!(cache.state(&key("a"), &file), None);
        cache.release(&key("a"), &file);
        assert!(matches!(cache.acquire(&key("a"), "a"), Acquired::New(_)));
    }

    #[test]
    fn names_are_short_and_keep_their_ends() {
        assert_eq!(file_name(7, "a.tgz"), "c7-a.tgz");
        assert_eq!(file_name(7, "0123456789abcdefghij.tar.gz"), "c7-0123456789_hij.tar.gz");
        assert!(is_file_name("c7-a") && !is_file_name("c-a") && !is_file_name("cx-a") && !is_file_name("c7"));
        file_name(1, "ééééééééééééééééééééé");
    }

    proptest! {
        #[test]
        fn the_books_agree(steps in proptest::collection::vec((0..6u8, 0..5usize, 0..120u64), 0..200)) {
            let mut cache = Cache::new(200, 0);
            let mut held: Vec<(Key, String)> = Vec::new();
            for (step, number, bytes) in steps {
                let key = key(&number.to_string());
                match step {
                    0..=2 => match cache.acquire(&key, "f") {
                        Acquired::New(file) => {
                            if let Some(evicted) = cache.reserve(&key, bytes) {
                                prop_assert!(cache.used() <= cache.capacity());
                                for gone in evicted {
                                    prop_assert!(held.iter().all(|(_, file)| *file != gone.file));
                                }
                                cache.complete(&key, &file, bytes);
                                held.push((key, file));
                            } else {
                                cache.fail(&key, &file);
                            }
                        }
                        Acquired::Known(file, _) => held.push((key, file)),
                    },
                    3 | 4 => {
                        if let Some((key, file)) = held.pop() {
                            cache.release(&key, &file);
                        }
                    }
                    _ => {
                        if let Some((_, file)) = held.iter().find(|(other, _)| *other == key) {
                            cache.fail(&key, file);
                        }
                        held.retain(|(other, _)| *other != key);
                    }
                }
                let sum: u64 = cache.entries.values().map(|entry| entry.bytes).sum();
                prop_assert_eq!(sum, cache.used());
                for (key, entry) in &cache.entries {
                    let users = held.iter().filter(|(other, _)| other == key).count();
                    prop_assert_eq!(users, entry.users);
                }
            }
        }
    }
}
