//! Who may join: what is asked at the door, and what is known of who came in.
//!
//! [`configured`] makes what the settings say. A server of one's own gives another [`Authenticate`] to
//! [`run_with_auth`](crate::run_with_auth).

#[cfg(feature = "jwt")]
mod jwt;
mod secret;

use std::borrow::Cow;
use std::sync::Arc;

use axum::http::header::HeaderMap;
use axum::http::{StatusCode, Uri};
use fracas_shared::limits::{CLAIMS_BYTES_MAX, TOKEN_BYTES_MAX};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::config::{Auth, Config};
use crate::net::caller::Caller;
use crate::net::http::bearer;
use crate::net::problem::Problem;
use secret::SharedSecret;

/// Decides who may join.
pub trait Authenticate: Send + Sync {
    /// Lets the client in, with what is known of it, or says why not.
    ///
    /// It is called for every WebSocket before that is opened and for every seat before it is
    /// reserved, on the threads that serve connections: it must not block. A panic in it ends the
    /// connection alone.
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError>;
}

/// A request of a client that wants in.
#[derive(Debug)]
pub struct JoinRequest<'a> {
    /// What the client shows: the token of the header `Authorization: Bearer`, or else of the
    /// query's `token`. At most [`TOKEN_BYTES_MAX`] long.
    pub token: Option<&'a str>,
    /// Where the request comes from.
    pub caller: &'a Caller,
    /// The request's path and query.
    pub uri: &'a Uri,
    /// The request's headers, cookies among them.
    pub headers: &'a HeaderMap,
}

/// What is known of a client that was let in: a JSON object of at most [`CLAIMS_BYTES_MAX`]. The
/// default is empty. Clones are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims(Arc<Map<String, Value>>);

impl Claims {
    /// These claims.
    ///
    /// # Errors
    /// [`AuthError::ClaimsTooLong`]
    pub fn new(claims: Map<String, Value>) -> Result<Self, AuthError> {
        let bytes = serde_json::to_string(&claims).map_or(usize::MAX, |json| json.len());
        if bytes > CLAIMS_BYTES_MAX { Err(AuthError::ClaimsTooLong) } else { Ok(Self(Arc::new(claims))) }
    }

    /// The claim of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All of them as JSON; empty when there are none.
    pub fn to_json(&self) -> Arc<str> {
        if self.0.is_empty() { "".into() } else { Value::Object((*self.0).clone()).to_string().into() }
    }

    /// All of them.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// Why a client is not let in. The client is told so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// It shows nothing.
    #[error("this server wants a token: send it as `Authorization: Bearer TOKEN` or `?token=TOKEN`")]
    TokenMissing,
    /// What it shows is not what is wanted.
    #[error("the token is not valid: {0}")]
    TokenInvalid(Cow<'static, str>),
    /// What it shows is not valid any more.
    #[error("the token has expired: get a new one")]
    TokenExpired,
    /// What is known of it is too much to be carried on.
    #[error("the token says more than fits: at most {CLAIMS_BYTES_MAX} bytes as JSON")]
    ClaimsTooLong,
    /// It is known, and may not join.
    #[error("you may not join: {0}")]
    Denied(Cow<'static, str>),
    /// Nobody can tell at the moment.
    #[error("it cannot be told who you are at the moment: try again")]
    Unavailable,
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let (status, code) = match error {
            AuthError::TokenMissing => (StatusCode::UNAUTHORIZED, "token_missing"),
            AuthError::TokenInvalid(_) => (StatusCode::UNAUTHORIZED, "token_invalid"),
            AuthError::TokenExpired => (StatusCode::UNAUTHORIZED, "token_expired"),
            AuthError::ClaimsTooLong => (StatusCode::UNAUTHORIZED, "claims_too_long"),
            AuthError::Denied(_) => (StatusCode::FORBIDDEN, "join_denied"),
            AuthError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "auth_unavailable"),
        };
        Self::new(status, code, error.to_string())
    }
}

/// Why the settings make nothing that could decide.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The key's file cannot be read.
    #[error("setting `auth_public_key`: cannot read {path}: {error}")]
    UnreadableKey {
        /// The file.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The key's file holds none that is known.
    #[error("setting `auth_public_key`: {path} holds no public key of Ed25519 or RSA in PEM")]
    NoKey {
        /// The file.
        path: String,
    },
    /// This program was built without what is wanted.
    #[error("setting `auth`: this server was built without JWT; build it with `--features jwt`")]
    NoJwt,
}

/// What the settings say.
///
/// # Errors
/// The key's file is of no use.
pub fn configured(config: &Config) -> Result<Arc<dyn Authenticate>, SetupError> {
    Ok(match config.auth {
        Auth::Open => Arc::new(Open),
        Auth::Secret => Arc::new(SharedSecret::new(config.auth_secret.clone())),
        #[cfg(feature = "jwt")]
        Auth::Jwt => Arc::new(jwt::Jwt::new(config)?),
        #[cfg(not(feature = "jwt"))]
        Auth::Jwt => return Err(SetupError::NoJwt),
    })
}

/// Lets everyone in.
struct Open;

impl Authenticate for Open {
    fn authenticate(&self, _request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        Ok(Claims::default())
    }
}

/// The token that a request shows: in its head, or, for browsers, which cannot put one there when
/// they open a WebSocket, in its query.
pub(crate) fn token_of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<Option<Cow<'a, str>>, AuthError> {
    let in_query = || {
        let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, token) = pairs.into_iter().find(|(name, _)| *name == "token")?;
        Some(percent_decode_str(token).decode_utf8())
    };
    let token = match bearer(headers) {
        Some(token) => Some(Cow::Borrowed(token)),
        None => in_query().transpose().map_err(|_| AuthError::TokenInvalid("it is not UTF-8".into()))?,
    };
    match token {
        Some(token) if token.len() > TOKEN_BYTES_MAX => Err(AuthError::TokenInvalid("it is too long".into())),
        token => Ok(token.filter(|token| !token.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_in_the_head_or_in_the_query() {
        let check = |header: Option<&'static str>, uri: &'static str, expected: Result<Option<&str>, ()>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("authorization", header.parse().unwrap());
            }
            let uri = uri.parse().unwrap();
            let token = token_of(&headers, &uri);
            let token = token.as_ref().map(Option::as_deref).map_err(|_| ());
            assert_eq!(token, expected, "{header:?} {uri}");
        };
        check(None, "/ws", Ok(None));
        check(None, "/ws?token", Ok(None));
        check(None, "/ws?token=", Ok(None));
        check(None, "/ws?x=1&token=a.b-c_d", Ok(Some("a.b-c_d")));
        check(None, "/ws?token=a%2Bb%25%C3%A9+c", Ok(Some("a+b%\u{e9}+c")));
        check(None, "/ws?token=%ff", Err(()));
        check(Some("Bearer abc"), "/ws?token=def", Ok(Some("abc")));
        check(Some("bearer  abc"), "/ws", Ok(Some("abc")));
        check(Some("Basic abc"), "/ws", Ok(None));
    }

    #[test]
    fn claims_are_bounded() {
        let of = |length: usize| Map::from_iter([("x".to_owned(), Value::from("x".repeat(length)))]);
        // {"x":""} is 8 bytes.
        let claims = Claims::new(of(CLAIMS_BYTES_MAX - 8)).unwrap();
        assert!(claims.get("x").is_some() && claims.get("y").is_none());
        assert_eq!(Claims::new(of(CLAIMS_BYTES_MAX - 7)), Err(AuthError::ClaimsTooLong));
    }
}
