//! A value, or a word that stands for having none.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The word of a setting.
pub(super) trait Word {
    const WORD: &'static str;
}

macro_rules! words {
    ($($name:ident = $word:literal;)+) => {
        $(#[derive(Clone, Copy, Debug)]
        pub(super) struct $name;

        impl Word for $name {
            const WORD: &'static str = $word;
        })+
    };
}

words! {
    Off = "off";
    Auto = "auto";
    Random = "random";
    Unchanged = "none";
}

/// A `T`, or the word of `W`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrWord<W, T>(Option<T>, PhantomData<W>);

impl<W, T> From<Option<T>> for OrWord<W, T> {
    fn from(value: Option<T>) -> Self {
        Self(value, PhantomData)
    }
}

impl<W, T> From<OrWord<W, T>> for Option<T> {
    fn from(value: OrWord<W, T>) -> Self {
        value.0
    }
}

impl<W: Word, T: FromStr<Err: fmt::Display>> FromStr for OrWord<W, T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == W::WORD {
            return Ok(None.into());
        }
        match text.parse() {
            Ok(value) => Ok(Some(value).into()),
            Err(error) => Err(format!("{error}; or the word `{}`", W::WORD)),
        }
    }
}

impl<'de, W: Word, T: FromStr<Err: fmt::Display>> Deserialize<'de> for OrWord<W, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number or a string")]
        enum Written {
            Number(i64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<W: Word, T: fmt::Display> Serialize for OrWord<W, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(value) = &self.0 else { return serializer.serialize_str(W::WORD) };
        let text = value.to_string();
        // TOML's integers have a sign: a greater seed is written as a string.
        match text.parse::<i64>() {
            Ok(number) => serializer.serialize_i64(number),
            Err(_) => serializer.serialize_str(&text),
        }
    }
}
