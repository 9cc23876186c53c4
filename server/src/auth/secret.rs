//! One secret that all who may join share.

use super::{AuthError, Authenticate, Claims, JoinRequest};
use crate::config::Secret;

/// Lets in who shows the secret. Nothing is known of them.
pub(super) struct SharedSecret(Secret);

impl SharedSecret {
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }
}

impl Authenticate for SharedSecret {
    fn authenticate(&self, request: &JoinRequest<'_>) -> Result<Claims, AuthError> {
        let token = request.token.ok_or(AuthError::TokenMissing)?;
        if !self.0.is(token) {
            return Err(AuthError::TokenInvalid("it is not the server's secret".into()));
        }
        Ok(Claims::default())
    }
}
