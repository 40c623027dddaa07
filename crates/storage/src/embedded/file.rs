//! The file of the embedded store.
//!
//! Rows lie in the order of their names and not by shard: ids are counted, so agents that are admitted together lie
//! together, and a commit touches few pages, however many agents there are.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use redb::{Builder, Database, DatabaseError, ReadableDatabase as _, TableDefinition, TableError};

use crate::error::{Cause, text};
use crate::{Batch, Key, Operation, Shard, Space, StorageError};

/// Places of keys to values.
const ROWS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("rows");

/// What the file says of itself.
const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// The version of the two tables.
const FORMAT: &str = "tepui-registry-2";

/// How much of the file is kept in memory; the rows live in the master's core.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// The file, and redb's hold on it while all is well.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    database: Option<Database>,
    identity: String,
}

impl File {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(io(format!("open `{}`", path.display()), error)),
        }
        let (database, identity) = open(path)?;
        Ok(Self { path: path.to_owned(), database: Some(database), identity })
    }

    /// What distinguishes this file from every other.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Writes batches with one sync, all or none.
    pub(super) fn commit(&mut self, batches: Vec<Batch>) -> Result<(), StorageError> {
        let result = self.run("write to", |database| commit(database, batches));
        if result.is_err() {
            // redb refuses all further work on a file that failed once.
            self.database = None;
        }
        result
    }

    /// Reads a row.
    pub(super) fn get(&mut self, key: &Key) -> Result<Option<Bytes>, StorageError> {
        self.run("read", |database| get(database, &place(key)))
    }

    /// Reads all rows of a space with its first shard, and none with the others.
    pub(super) fn list(&mut self, space: Space, shard: Shard) -> Result<Vec<(Key, Bytes)>, StorageError> {
        if !shard.is_first() {
            return Ok(Vec::new());
        }
        let prefix = format!("{}/", space.name());
        let rows = self.run("read", |database| list(database, &prefix))?;
        let named = |(path, value): (String, Bytes)| match Key::from_leaf(space, &path[prefix.len()..]) {
            Some(key) => Ok((key, value)),
            None => Err(StorageError::Garbage {
                doing: format!("read `{}`", self.path.display()),
                place: path,
                source: text("the row's name is none of ours"),
            }),
        };
        rows.into_iter().map(named).collect()
    }

    fn run<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StorageError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => open(&self.path)?.0,
        };
        let database = self.database.insert(database);
        work(database)
            .map_err(|error| classify(&self.path, format!("{doing} `{}`", self.path.display()), error))
    }
}

/// Where a row lies: `agents/<id>`.
fn place(key: &Key) -> String {
    format!("{}/{}", key.space().name(), key.leaf())
}

fn commit(database: &Database, batches: Vec<Batch>) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut rows = transaction.open_table(ROWS)?;
        for operation in batches.into_iter().flat_map(Batch::into_operations) {
            match operation {
                Operation::Put(key, value) => drop(rows.insert(place(&key).as_str(), &*value)?),
                Operation::Delete(key) => drop(rows.remove(place(&key).as_str())?),
            }
        }
    }
    // redb's default is to return after the sync.
    Ok(transaction.commit()?)
}

fn get(database: &Database, path: &str) -> Result<Option<Bytes>, redb::Error> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    Ok(rows.get(path)?.map(|value| Bytes::copy_from_slice(value.value())))
}

fn list(database: &Database, prefix: &str) -> Result<Vec<(String, Bytes)>, redb::Error> {
    let rows = database.begin_read()?.open_table(ROWS)?;
    let mut found = Vec::new();
    for row in rows.range(prefix..)? {
        let (path, value) = row?;
        if !path.value().starts_with(prefix) {
            break;
        }
        found.push((path.value().to_owned(), Bytes::copy_from_slice(value.value())));
    }
    Ok(found)
}

/// Makes the file under another name and then gives it its own, so that a kill in between leaves no half of a file.
fn create(path: &Path) -> Result<(), StorageError> {
    let doing = || format!("create `{}`", path.display());
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(doing(), error)),
        _ => {}
    }
    let identity = fs::read_to_string("/proc/sys/kernel/random/uuid").map_err(|error| io(doing(), error))?;
    let write = || -> Result<(), redb::Error> {
        let database = Builder::new().create(&draft)?;
        let transaction = database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("format", FORMAT)?;
            meta.insert("identity", format!("embedded:{}", identity.trim()).as_str())?;
            transaction.open_table(ROWS)?;
        }
        Ok(transaction.commit()?)
    };
    write().map_err(|error| classify(path, doing(), error))?;
    fs::rename(&draft, path).map_err(|error| io(doing(), error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| io(doing(), error))
}

fn open(path: &Path) -> Result<(Database, String), StorageError> {
    let doing = || format!("open `{}`", path.display());
    let garbage =
        |source: Cause| StorageError::Garbage { doing: doing(), place: path.display().to_string(), source };
    // redb would make a database of an empty file; ours never is.
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => return Err(garbage(text("the file is empty"))),
        Ok(_) => {}
        Err(error) => return Err(io(doing(), error)),
    }
    let opened = Builder::new().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).open(path);
    let database = match opened {
        Ok(database) => database,
        Err(DatabaseError::DatabaseAlreadyOpen) => {
            return Err(StorageError::InUse { path: path.display().to_string() });
        }
        Err(error) => return Err(classify(path, doing(), error.into())),
    };
    let meta = (|| -> Result<Option<(String, String)>, redb::Error> {
        let meta = match database.begin_read()?.open_table(META) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            meta => meta?,
        };
        let value = |name: &str| Ok::<_, redb::Error>(meta.get(name)?.map(|value| value.value().to_owned()));
        Ok(value("format")?.zip(value("identity")?))
    })();
    match meta.map_err(|error| classify(path, doing(), error))? {
        Some((format, identity)) if format == FORMAT => Ok((database, identity)),
        Some((format, _)) => {
            Err(garbage(text(format!("it has the format `{format}`; this master reads `{FORMAT}`"))))
        }
        None => Err(garbage(text("it is a database of another program"))),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and long")]
fn io(doing: String, error: std::io::Error) -> StorageError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StorageError::Full { doing, source: Arc::new(error) }
        }
        _ => StorageError::Io { doing, source: Arc::new(error) },
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's, and long")]
fn classify(path: &Path, doing: String, error: redb::Error) -> StorageError {
    match error {
        // This is how redb says that a file is none of its own, or is cut off.
        redb::Error::Io(error)
            if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            StorageError::Garbage { doing, place: path.display().to_string(), source: Arc::new(error) }
        }
        redb::Error::Io(error) => io(doing, error),
        redb::Error::DatabaseAlreadyOpen => StorageError::InUse { path: path.display().to_string() },
        error @ (redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::RepairAborted
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableIsMultimap(_)) => {
            StorageError::Garbage { doing, place: path.display().to_string(), source: Arc::new(error) }
        }
        error => StorageError::Io { doing, source: Arc::new(error) },
    }
}
