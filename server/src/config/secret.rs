//! A setting that is not to be seen.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use subtle::ConstantTimeEq;

/// Text that is neither logged nor printed; empty where none is set.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether this is it. How long that takes tells nothing but the length. What is not set is
    /// nothing's equal.
    pub fn is(&self, given: &str) -> bool {
        self.is_set() && bool::from(self.0.as_bytes().ct_eq(given.as_bytes()))
    }

    /// The secret itself, to hand it to a library.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is wrong with it for something that wants so many bytes, if it is set.
    pub(super) fn check(&self, bytes_min: usize) -> Result<(), String> {
        if !self.is_set() {
            return Ok(());
        }
        if self.0.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("it has letters that do not fit into a header: ASCII without spaces does".to_owned());
        }
        if self.0.len() < bytes_min {
            return Err(format!(
                "it can be guessed: at least {bytes_min} letters are wanted; `openssl rand -hex 32` makes some"
            ));
        }
        Ok(())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "(not shown)" } else { "(not set)" })
    }
}

impl Serialize for Secret {
    /// As if it were not set.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("")
    }
}
