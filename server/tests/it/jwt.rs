//! Tokens that another service has signed.

use std::time::{SystemTime, UNIX_EPOCH};

use fracas_server::Config;
use fracas_server::config::Auth;
use fracas_shared::limits::{CLAIMS_BYTES_MAX, TOKEN_LEEWAY_S};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ED25519};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::auth::join;
use crate::probe::ProbeGames;
use crate::server::Server;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Made for these tests, and used nowhere else.
const RSA_KEY: &str = include_str!("../keys/rsa.pem");
const RSA_PUBLIC_KEY: &str = include_str!("../keys/rsa.pub.pem");

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// In how many seconds from now.
fn within(s: i64) -> u64 {
    now().checked_add_signed(s).unwrap()
}

fn hs256(claims: &Value) -> String {
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

fn server(change: impl FnOnce(&mut Config)) -> Server {
    Server::start_of::<ProbeGames>(|config| {
        config.auth = Auth::Jwt;
        change(config);
    })
}

async fn check(server: &Server, token: &str, expected: (u16, &str)) {
    let (status, code) = join(server, &format!("?token={token}"), &[]).await;
    assert_eq!((status, code.as_str()), expected, "{token}");
}

const LET_IN: (u16, &str) = (101, "");
const INVALID: (u16, &str) = (401, "token_invalid");
const EXPIRED: (u16, &str) = (401, "token_expired");

#[tokio::test]
async fn a_token_is_good_until_it_expires() {
    let server = server(|config| config.auth_secret = SECRET.into());
    let leeway = TOKEN_LEEWAY_S as i64;
    check(&server, &hs256(&json!({"sub": "ann", "exp": within(600)})), LET_IN).await;
    check(&server, &hs256(&json!({"exp": within(10 - leeway)})), LET_IN).await;
    check(&server, &hs256(&json!({"exp": within(-leeway - 1)})), EXPIRED).await;
    check(&server, &hs256(&json!({"sub": "ann"})), INVALID).await;
    check(&server, &hs256(&json!({"exp": within(600), "nbf": within(leeway + 300)})), INVALID).await;
    check(&server, &hs256(&json!({"exp": within(600), "nbf": now()})), LET_IN).await;
    let long = json!({"exp": within(600), "x": "x".repeat(CLAIMS_BYTES_MAX)});
    check(&server, &hs256(&long), (401, "claims_too_long")).await;
    check(&server, "abc", INVALID).await;
    check(&server, "a.b.c", INVALID).await;
    assert_eq!(join(&server, "", &[]).await, (401, "token_missing".to_owned()));
    let bearer = format!("Bearer {}", hs256(&json!({"exp": within(600)})));
    assert_eq!(join(&server, "", &[("Authorization", &bearer)]).await.0, 101);
}

#[tokio::test]
async fn a_token_of_another_key_is_worth_nothing() {
    let server = server(|config| config.auth_secret = SECRET.into());
    let claims = json!({"exp": within(600)});
    let sign = |algorithm, secret: &str| {
        encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    };
    check(&server, &sign(Algorithm::HS256, "another secret"), INVALID).await;
    check(&server, &sign(Algorithm::HS512, SECRET), INVALID).await;
    let good = sign(Algorithm::HS256, SECRET);
    let (head, _) = good.rsplit_once('.').unwrap();
    check(&server, &format!("{head}."), INVALID).await;
    // {"alg":"none","typ":"JWT"}, and nothing signed.
    let claims = head.split_once('.').unwrap().1;
    check(&server, &format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{claims}."), INVALID).await;
}

#[tokio::test]
async fn audience_and_issuer_are_asked_for_if_set() {
    let strict = server(|config| {
        config.auth_secret = SECRET.into();
        "arena".clone_into(&mut config.auth_audience);
        "accounts".clone_into(&mut config.auth_issuer);
    });
    let exp = within(600);
    check(&strict, &hs256(&json!({"exp": exp, "aud": "arena", "iss": "accounts"})), LET_IN).await;
    check(&strict, &hs256(&json!({"exp": exp, "aud": ["x", "arena"], "iss": "accounts"})), LET_IN).await;
    check(&strict, &hs256(&json!({"exp": exp, "aud": "dots", "iss": "accounts"})), INVALID).await;
    check(&strict, &hs256(&json!({"exp": exp, "aud": "arena", "iss": "me"})), INVALID).await;
    check(&strict, &hs256(&json!({"exp": exp, "iss": "accounts"})), INVALID).await;
    check(&strict, &hs256(&json!({"exp": exp, "aud": "arena"})), INVALID).await;
    let lax = server(|config| config.auth_secret = SECRET.into());
    check(&lax, &hs256(&json!({"exp": exp, "aud": "dots", "iss": "me"})), LET_IN).await;
}

/// A server that verifies by the public key accepts what the private key signed, and nothing that
/// uses the public key as a secret.
async fn check_public_key(algorithm: Algorithm, private: &EncodingKey, public: &str) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::write(&path, public).unwrap();
    let server = server(|config| path.to_str().unwrap().clone_into(&mut config.auth_public_key));
    let claims = json!({"exp": within(600)});
    check(&server, &encode(&Header::new(algorithm), &claims, private).unwrap(), LET_IN).await;
    let forged = EncodingKey::from_secret(public.as_bytes());
    check(&server, &encode(&Header::new(Algorithm::HS256), &claims, &forged).unwrap(), INVALID).await;
}

#[tokio::test]
async fn a_public_key_verifies() {
    let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let private = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
    check_public_key(Algorithm::EdDSA, &private, &pair.public_key_pem()).await;
    let private = EncodingKey::from_rsa_pem(RSA_KEY.as_bytes()).unwrap();
    check_public_key(Algorithm::RS256, &private, RSA_PUBLIC_KEY).await;
}

#[test]
fn a_key_that_is_none_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key.pem");
    let problem = || {
        let public = path.to_str().unwrap().to_owned();
        let config = Config { auth: Auth::Jwt, auth_public_key: public, ..Config::default() };
        fracas_server::auth::configured(&config).err().expect("no key").to_string()
    };
    assert!(problem().contains("key.pem: No such file"), "{}", problem());
    std::fs::write(&path, "no key").unwrap();
    assert!(problem().contains("no public key of Ed25519 or RSA in PEM"), "{}", problem());
}
