//! What comes with an event: JSON, or bytes.

use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Arguments that are looked at. More are passed over.
const ARGS_MAX: usize = 2;

/// All arguments of an event, but no more than `MAX` of those that come.
#[derive(Debug, PartialEq)]
pub struct Arguments<T, const MAX: usize>(pub Vec<T>);

/// The arguments of an event of the door.
pub(super) type Args = Arguments<Arg, ARGS_MAX>;

/// One argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arg {
    Json(Value),
    Binary(Bytes),
}

impl From<Vec<Arg>> for Args {
    fn from(args: Vec<Arg>) -> Self {
        Self(args)
    }
}

impl From<Value> for Args {
    fn from(value: Value) -> Self {
        Self(vec![Arg::Json(value)])
    }
}

impl Args {
    pub(super) fn push(&mut self, arg: Arg) {
        self.0.push(arg);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// About how many bytes they take on the line: never more than they do.
    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(Arg::bytes).sum()
    }

    /// The first argument.
    pub(super) fn into_first(self) -> Option<Arg> {
        self.0.into_iter().next()
    }

    /// The first argument, which must be an object; without one, an empty object.
    pub(super) fn into_object(self) -> Option<Map<String, Value>> {
        match self.into_first() {
            None | Some(Arg::Json(Value::Null)) => Some(Map::new()),
            Some(Arg::Json(Value::Object(object))) => Some(object),
            Some(_) => None,
        }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Arguments<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for All<T, MAX> {
            type Value = Arguments<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut args = Vec::new();
                while args.len() < MAX
                    && let Some(arg) = seq.next_element()?
                {
                    args.push(arg);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Arguments(args))
            }
        }

        // As a tuple: all arguments, where a sequence would be the first one.
        deserializer.deserialize_tuple(MAX, All(PhantomData))
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Arguments<T, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(self.0.len())?;
        for arg in &self.0 {
            tuple.serialize_element(arg)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;

        impl<'de> Visitor<'de> for One {
            type Value = Arg;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON or bytes")
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Arg, E> {
                Ok(Arg::Binary(bytes.into()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Arg, E> {
                Ok(Arg::Binary(Bytes::copy_from_slice(bytes)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Arg, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Arg::Json)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Arg, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(seq)).map(Arg::Json)
            }

            fn visit_unit<E>(self) -> Result<Arg, E> {
                Ok(Arg::Json(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Arg, E> {
                Ok(Arg::Json(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Arg, E> {
                Ok(Arg::Json(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Arg, E> {
                Ok(Arg::Json(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Arg, E> {
                Ok(Arg::Json(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Arg, E> {
                Ok(Arg::Json(value.into()))
            }
        }

        deserializer.deserialize_any(One)
    }
}

impl Serialize for Arg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(value) => value.serialize(serializer),
            Self::Binary(bytes) => serializer.serialize_bytes(bytes),
        }
    }
}

impl Arg {
    fn bytes(&self) -> u64 {
        struct Count(u64);

        impl std::io::Write for Count {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len() as u64;
                Ok(bytes.len())
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }

        match self {
            Self::Binary(bytes) => bytes.len() as u64,
            Self::Json(value) => {
                let mut count = Count(0);
                // Counting does not fail.
                let _ = serde_json::to_writer(&mut count, value);
                count.0
            }
        }
    }
}
