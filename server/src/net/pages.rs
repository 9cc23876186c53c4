//! The pages: files of assets/web and the JavaScript SDK. They are part of the binary; a debug build
//! reads them from the disk, so that a change shows at the next reload.
//!
//! Texts are sent gzipped to who accepts that. Each is compressed once, not at each request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{Embed, EmbeddedFile};

/// A page talks to this server alone, and runs what this server gives it alone.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self' ws: wss:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

#[derive(Embed)]
#[folder = "../assets/web"]
struct Web;

#[derive(Embed)]
#[folder = "../client/js"]
#[include = "fracas.js"]
#[include = "fracas.min.js"]
#[include = "fracas-socketio.js"]
#[include = "fracas-netcode.js"]
#[include = "fracas-line.js"]
struct Sdk;

/// Files of the SDK by their paths: pages get the minified one, people the one to read.
const SDK: [(&str, &str); 5] = [
    ("fracas.js", "fracas.min.js"),
    ("fracas.src.js", "fracas.js"),
    ("fracas-socketio.js", "fracas-socketio.js"),
    ("fracas-netcode.js", "fracas-netcode.js"),
    ("fracas-line.js", "fracas-line.js"),
];

/// Answers requests for files.
#[derive(Default)]
pub(super) struct Pages {
    /// What was compressed, by the file's name: at most one for each file there is.
    gzipped: Mutex<HashMap<String, Gzipped>>,
}

struct Gzipped {
    /// Of what was compressed: in a debug build, the file may be another one by now.
    hash: [u8; 32],
    /// None when it would not be shorter.
    bytes: Option<Bytes>,
}

impl Pages {
    /// The file of a path; none when there is no such file.
    pub(super) fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let (name, file) = find(uri.path().trim_start_matches('/'))?;
        let kind = content_type(&name);
        let is_text = is_text(kind);
        let hash = file.metadata.sha256_hash();
        let gzipped =
            if is_text && accepts_gzip(headers) { self.gzipped(&name, hash, &file.data) } else { None };
        let mut answer = HeaderMap::new();
        // Asked for at every visit, and sent again only when it has changed: a page and the server
        // that it talks to are of one build.
        answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if is_text {
            answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        // Other bytes have another tag.
        let form = if gzipped.is_some() { "-gzip" } else { "" };
        let tag = format!("\"{:032x}{form}\"", u128::from_le_bytes(*hash.first_chunk()?));
        answer.insert(ETAG, HeaderValue::from_str(&tag).ok()?);
        if has_tag(headers, &tag) {
            return Some((StatusCode::NOT_MODIFIED, answer).into_response());
        }
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        answer.insert(CONTENT_SECURITY_POLICY, POLICY);
        answer.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let body = if let Some(gzipped) = gzipped {
            answer.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Body::from(gzipped)
        } else {
            match file.data {
                Cow::Borrowed(bytes) => Body::from(Bytes::from_static(bytes)),
                Cow::Owned(bytes) => Body::from(bytes),
            }
        };
        Some((answer, body).into_response())
    }

    /// The text of a file, gzipped; none when that would not be shorter.
    fn gzipped(&self, name: &str, hash: [u8; 32], text: &[u8]) -> Option<Bytes> {
        // Nothing under the lock can leave it half done.
        let mut cache = self.gzipped.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache.get(name).filter(|known| known.hash == hash) {
            return known.bytes.clone();
        }
        // Those who ask for the same meanwhile wait for it: some milliseconds, once for each file.
        let shorter = gzip(text).ok().filter(|bytes| bytes.len() < text.len());
        let bytes = shorter.map(Bytes::from);
        cache.insert(name.to_owned(), Gzipped { hash, bytes: bytes.clone() });
        bytes
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// `/` is index.html, `/dots` is dots.html.
fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    let page = if path.is_empty() { "index.html".to_owned() } else { format!("{path}.html") };
    let web = |name: &str| Some((name.to_owned(), Web::get(name)?));
    let sdk = || {
        let (_, file) = SDK.iter().find(|(served, _)| *served == path)?;
        Some((path.to_owned(), Sdk::get(file)?))
    };
    web(&page).or_else(|| web(path)).or_else(sdk)
}

/// Whether the client takes gzip (RFC 9110, section 12.5.3): it is named, or everything is, and not
/// with a weight of 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any) = (None, None);
    for coding in members(headers, ACCEPT_ENCODING) {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_wanted = parts
            .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .all(|weight| weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            gzip = Some(is_wanted);
        } else if name == "*" {
            any = Some(is_wanted);
        }
    }
    gzip.or(any).unwrap_or(false)
}

/// Whether the client has what this tag is of. The comparison is the weak one (RFC 9110, section
/// 13.1.2), for proxies weaken tags.
fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    members(headers, IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The members of a header that is a list, in one line or in several.
fn members(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// Whether it has text inside, which compresses well; images and fonts are compressed already.
fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || ["image/svg+xml", "application/json", "application/manifest+json"].contains(&content_type)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzipped(pages: &Pages, path: &str) -> Option<Bytes> {
        let (name, file) = find(path).expect("there is such a file");
        pages.gzipped(&name, file.metadata.sha256_hash(), &file.data)
    }

    #[test]
    fn a_file_is_compressed_once() {
        let pages = Pages::default();
        let first = gzipped(&pages, "fracas.js").expect("it gets shorter");
        let again = gzipped(&pages, "fracas.js").expect("it gets shorter");
        assert_eq!(first.as_ptr(), again.as_ptr(), "these are the same bytes in memory");
        // One page, by several paths.
        for path in ["", "index", "index.html"] {
            assert!(gzipped(&pages, path).is_some(), "{path}");
        }
        assert_eq!(pages.gzipped.lock().map(|cache| cache.len()).ok(), Some(2));
    }

    #[test]
    fn a_file_that_has_changed_is_compressed_again() {
        let pages = Pages::default();
        let old = pages.gzipped("a.css", [1; 32], &[b'a'; 100]);
        let new = pages.gzipped("a.css", [2; 32], &[b'b'; 100]);
        assert!(old.is_some() && new.is_some() && old != new);
        assert_eq!(pages.gzipped("a.css", [3; 32], b"short"), None, "it would not be shorter");
        assert_eq!(pages.gzipped.lock().map(|cache| cache.len()).ok(), Some(1));
    }
}
