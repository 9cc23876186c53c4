//! The pages: files of assets/web and the JavaScript SDK. They are part of the binary; a debug build
//! reads them from the disk, so that a change shows at the next reload.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
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
struct Sdk;

/// The file of a path; none when there is no such file.
pub(super) fn page(uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let path = uri.path().trim_start_matches('/');
    let (name, file) = find(path)?;
    let hash = file.metadata.sha256_hash();
    let tag = format!("\"{:032x}\"", u128::from_le_bytes(*hash.first_chunk()?));
    let tag = HeaderValue::from_str(&tag).ok()?;
    // Asked for at every visit, and sent again only when it has changed: a page and the server that
    // it talks to are of one build.
    let headers_of_any = [(CACHE_CONTROL, HeaderValue::from_static("no-cache")), (ETAG, tag.clone())];
    if headers.get(IF_NONE_MATCH) == Some(&tag) {
        return Some((StatusCode::NOT_MODIFIED, headers_of_any).into_response());
    }
    let own_headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type(&name))),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Some((headers_of_any, own_headers, file.data).into_response())
}

/// `/` is index.html, `/dots` is dots.html.
fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    let page = if path.is_empty() { "index.html".to_owned() } else { format!("{path}.html") };
    let web = |name: &str| Some((name.to_owned(), Web::get(name)?));
    web(&page).or_else(|| web(path)).or_else(|| Some((path.to_owned(), Sdk::get(path)?)))
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
