//! JSON Web Tokens (RFC 7519), which somebody else gives to players: the one who knows them.

use std::fs;

use fracas_shared::limits::TOKEN_LEEWAY_S;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};

use super::{AuthError, Authenticate, Claims, JoinRequest, SetupError};
use crate::config::Config;

/// Lets in who shows a token that is signed with the key and has not expired. Its claims are what is
/// known of them.
pub(super) struct Jwt {
    key: DecodingKey,
    validation: Validation,
}

impl Jwt {
    pub(super) fn new(config: &Config) -> Result<Self, SetupError> {
        let (key, algorithm) = if config.auth_secret.is_set() {
            (DecodingKey::from_secret(config.auth_secret.expose().as_bytes()), Algorithm::HS256)
        } else {
            public_key(&config.auth_public_key)?
        };
        // One algorithm for one key: a token cannot choose how it is verified.
        let mut validation = Validation::new(algorithm);
        validation.leeway = TOKEN_LEEWAY_S;
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if config.auth_audience.is_empty() {
            validation.validate_aud = false;
        } else {
            validation.set_audience(&[&config.auth_audience]);
            required.push("aud");
        }
        if !config.auth_issuer.is_empty() {
            validation.set_issuer(&[&config.auth_issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Ok(Self { key, validation })
    }
}

fn public_key(path: &str) -> Result<(DecodingKey, Algorithm), SetupError> {
    let pem = fs::read(path).map_err(|error| SetupError::UnreadableKey { path: path.to_owned(), error })?;
    if let Ok(key) = DecodingKey::from_ed_pem(&pem) {
        return Ok((key, Algorithm::EdDSA));
    }
    let key = DecodingKey::from_rsa_pem(&pem).map_err(|_| SetupError::NoKey { path: path.to_owned() })?;
    Ok((key, Algorithm::RS256))
}

impl Authenticate for Jwt {
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        let token = request.token.ok_or(AuthError::TokenMissing)?;
        match decode(token, &self.key, &self.validation) {
            Ok(token) => Claims::new(token.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => AuthError::TokenExpired,
                ErrorKind::MissingRequiredClaim(claim) => {
                    AuthError::TokenInvalid(format!("the claim `{claim}` is missing").into())
                }
                ErrorKind::InvalidIssuer => AuthError::TokenInvalid("it is of another issuer".into()),
                ErrorKind::InvalidAudience => AuthError::TokenInvalid("it is for another audience".into()),
                ErrorKind::ImmatureSignature => AuthError::TokenInvalid("its time has not come".into()),
                ErrorKind::InvalidAlgorithm => {
                    AuthError::TokenInvalid("it is signed by another algorithm than the server's".into())
                }
                ErrorKind::InvalidSignature => {
                    AuthError::TokenInvalid("it is not signed with the server's key".into())
                }
                _ => AuthError::TokenInvalid("it is no JSON Web Token".into()),
            }),
        }
    }
}
