//! `/files/browse`, `/files/read`, `/files/download` and `/files/debug`.

use http::header::CONTENT_DISPOSITION;
use http::{HeaderValue, StatusCode};
use tepui_http::{Query, Request, Response, response};

use super::Routes;
use super::reads::json;
use crate::files::{Entry, Files, FilesError};
use tepui_model::json::{Object, Raw, array, document, object};

/// Lists a folder.
pub(super) async fn browse(routes: Routes, request: Request) -> Response {
    let path = match path(&request) {
        Ok((path, _)) => path,
        Err(refusal) => return refusal,
    };
    let listing = match blocking(routes.files, move |files| files.browse(&path)).await {
        Ok(listing) => listing,
        Err(error) => return refuse(error),
    };
    let mut body = Vec::new();
    array(&mut body, |array| {
        for entry in &listing {
            array.object(|object| write_entry(object, entry));
        }
    });
    json(&request, body)
}

/// Reads a part of a file.
pub(super) async fn read(routes: Routes, request: Request) -> Response {
    let (path, query) = match path(&request) {
        Ok(found) => found,
        Err(refusal) => return refusal,
    };
    let (offset, length) =
        match (number(&query, "offset", "Negative offset"), number(&query, "length", "Negative length")) {
            (Ok(offset), Ok(length)) => (offset, length),
            (Err(reason), _) | (_, Err(reason)) => return response::bad_request(&reason),
        };
    // Without an offset, only the size is wanted.
    let (start, length) = offset.map_or((0, Some(0)), |offset| (offset, length));
    match blocking(routes.files, move |files| files.read(&path, start, length)).await {
        Ok((size, data)) => {
            let mut body = Vec::with_capacity(data.len() + 64);
            object(&mut body, |object| {
                object.field("data", Raw(&data));
                object.field("offset", offset.unwrap_or(size));
            });
            json(&request, body)
        }
        Err(error) => refuse(error),
    }
}

/// Gives a whole file.
pub(super) async fn download(routes: Routes, request: Request) -> Response {
    let path = match path(&request) {
        Ok((path, _)) => path,
        Err(refusal) => return refusal,
    };
    match blocking(routes.files, move |files| files.download(&path)).await {
        Ok((name, data)) => {
            let mut response = response::ok(content_type(&name), data.into());
            if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename={name}")) {
                response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
            }
            response
        }
        Err(error) => refuse(error),
    }
}

/// Shows what is attached.
pub(super) async fn debug(routes: Routes, request: Request) -> Response {
    let body = document(|object| {
        for (name, path) in routes.files.attached() {
            object.field(&name, path.to_string_lossy().as_ref());
        }
    });
    json(&request, body)
}

/// The virtual path that is asked for.
#[expect(clippy::result_large_err, reason = "the error is the answer, made once per request")]
fn path(request: &Request) -> Result<(String, Query), Response> {
    let query = request.query()?;
    match query.value("path") {
        Some(path) if !path.is_empty() => Ok((path.to_owned(), query)),
        Some(_) | None => Err(response::bad_request("Expecting 'path=value' in query.\n")),
    }
}

/// A parameter that is a number, if it is given; -1 is as good as not given.
fn number(query: &Query, key: &str, negative: &str) -> Result<Option<u64>, String> {
    let Some(text) = query.value(key) else { return Ok(None) };
    let number: i64 = text
        .parse()
        .map_err(|_| format!("Failed to parse {key}: Failed to convert '{text}' to number.\n"))?;
    if number < -1 {
        return Err(format!("{negative} provided: {number}.\n"));
    }
    Ok(u64::try_from(number).ok())
}

async fn blocking<T: Send + 'static>(
    files: Files,
    work: impl FnOnce(&Files) -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    tokio::task::spawn_blocking(move || work(&files))
        .await
        .unwrap_or_else(|error| Err(FilesError::Unknown(format!("{error}.\n"))))
}

fn refuse(error: FilesError) -> Response {
    match error {
        FilesError::Invalid(reason) => response::bad_request(&reason),
        FilesError::NotFound => response::empty(StatusCode::NOT_FOUND),
        FilesError::Unknown(reason) => response::text(StatusCode::INTERNAL_SERVER_ERROR, reason),
    }
}

#[expect(clippy::cast_precision_loss, reason = "the endpoint shows a double")]
fn write_entry(object: &mut Object<'_>, entry: &Entry) {
    object.field("gid", &entry.group);
    object.field("mode", permissions(entry.mode));
    object.field("mtime", entry.mtime_secs as f64);
    object.field("nlink", entry.nlink);
    object.field("path", &entry.path);
    object.field("size", entry.size);
    object.field("uid", &entry.user);
}

/// The mode as `ls -l` shows it.
fn permissions(mode: u32) -> String {
    let kind = match mode & 0o170_000 {
        0o040_000 => 'd',
        0o020_000 => 'c',
        0o060_000 => 'b',
        0o010_000 => 'p',
        0o120_000 => 'l',
        0o140_000 => 's',
        _ => '-',
    };
    let bits = "rwxrwxrwx".chars().enumerate();
    let shown = bits.map(|(at, letter)| if mode & (0o400 >> at) == 0 { '-' } else { letter });
    std::iter::once(kind).chain(shown).collect()
}

/// By the name's ending, for browsers.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html" | "htm") => "text/html",
        Some("txt") => "text/plain",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("csv") => "text/csv",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_shown_as_ls_shows_them() {
        assert_eq!(permissions(0o100_644), "-rw-r--r--");
        assert_eq!(permissions(0o040_750), "drwxr-x---");
    }

    #[test]
    fn numbers_of_a_query_are_checked() {
        let query = |text: &str| Query::parse(text).unwrap();
        assert_eq!(number(&query("offset=5"), "offset", ""), Ok(Some(5)));
        assert_eq!(number(&query("offset=-1"), "offset", ""), Ok(None));
        assert_eq!(number(&query(""), "offset", ""), Ok(None));
        assert_eq!(
            number(&query("offset=-2"), "offset", "Negative offset"),
            Err("Negative offset provided: -2.\n".to_owned())
        );
        assert!(number(&query("offset=x"), "offset", "").is_err());
    }
}
