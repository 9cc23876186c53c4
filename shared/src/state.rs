//! Full-precision state to bytes and back, bit for bit: what checkpoints and sim hashes are made of.
//!
//! Derive it: `#[derive(State)]` on a struct or enum whose fields are all `State`. Everything that
//! influences what happens next belongs in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use glam::{Vec2, Vec3};
use slotmap::{Key, KeyData};

use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::id::{EntityId, EntityKey, PlayerId};
use crate::limits::{CHECKPOINT_BYTES_MAX, ENTITIES_MAX};
use crate::rng::Rng;
use crate::row::{EntityRef, Never};
use crate::tick::Tick;

/// State that survives as bytes.
///
/// `load` of what `save` wrote gives a value that behaves the same in every respect, and saves to
/// the same bytes.
pub trait State: Sized {
    /// Appends this value's bytes.
    fn save(&self, out: &mut StateWriter<'_>);
    /// Reads the value back.
    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError>;

    /// Appends the bytes of values one after the other: bytes are appended all at once.
    #[doc(hidden)]
    fn save_each(values: &[Self], out: &mut StateWriter<'_>) {
        for value in values {
            value.save(out);
        }
    }
}

/// The bytes of one value.
pub fn to_bytes(value: &impl State) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.save(&mut StateWriter::new(&mut bytes));
    bytes
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl State for $type {
            fn save(&self, out: &mut StateWriter<'_>) {
                out.put(self);
            }

            fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
                from.take()
            }
        }
    )+};
}

impl State for u8 {
    fn save(&self, out: &mut StateWriter<'_>) {
        out.put(self);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        from.take()
    }

    fn save_each(values: &[Self], out: &mut StateWriter<'_>) {
        out.put_each(values);
    }
}

plain!(bool, u16, u32, u64, i8, i16, i32, i64, f32, f64, ());

impl State for String {
    fn save(&self, out: &mut StateWriter<'_>) {
        out.put(self);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        from.take_text().map(Self::from)
    }
}

impl State for Arc<str> {
    fn save(&self, out: &mut StateWriter<'_>) {
        out.put(&&**self);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        from.take_text().map(Self::from)
    }
}

impl State for Arc<[u8]> {
    fn save(&self, out: &mut StateWriter<'_>) {
        out.put_bytes(self);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        from.take_bytes().map(Self::from)
    }
}

macro_rules! by_parts {
    ($($type:ty: |$value:ident| $parts:expr, |$read:ident: $read_type:ty| $build:expr;)+) => {$(
        impl State for $type {
            fn save(&self, out: &mut StateWriter<'_>) {
                let $value = self;
                State::save(&$parts, out);
            }

            fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
                let $read = <$read_type>::load(from)?;
                $build
            }
        }
    )+};
}

by_parts! {
    Tick: |tick| tick.0, |number: u32| Ok(Self(number));
    PlayerId: |player| player.0, |number: u16| Ok(Self(number));
    EntityId: |id| id.get(), |number: u16| {
        Self::new(number).ok_or_else(|| DecodeError::Malformed("entity id 0".into()))
    };
    EntityKey: |key| key.data().as_ffi(), |data: u64| Ok(KeyData::from_ffi(data).into());
    Vec2: |v| v.to_array(), |array: [f32; 2]| Ok(Self::from_array(array));
    Vec3: |v| v.to_array(), |array: [f32; 3]| Ok(Self::from_array(array));
    Rng: |rng| rng.to_parts(), |parts: (u64, u64)| {
        Self::from_parts(parts).ok_or_else(|| DecodeError::Malformed("no generator has this stream".into()))
    };
    EntityRef: |entity| (entity.key(), entity.id()), |parts: (Option<EntityKey>, Option<EntityId>)| {
        match parts {
            (None, None) => Ok(Self::None),
            (Some(key), None) => Ok(Self::Key(key)),
            (None, Some(id)) => Ok(Self::Id(id)),
            (Some(_), Some(_)) => Err(DecodeError::Malformed("an entity by two names".into())),
        }
    };
    usize: |number| *number as u64, |number: u64| Ok(number as Self);
}

impl State for Never {
    fn save(&self, _out: &mut StateWriter<'_>) {
        match *self {}
    }

    fn load(_from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Err(DecodeError::Malformed("a value of a type that has none".into()))
    }
}

impl<T: State> State for Option<T> {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(if bool::load(from)? { Some(T::load(from)?) } else { None })
    }
}

impl<T: State, const N: usize> State for [T; N] {
    fn save(&self, out: &mut StateWriter<'_>) {
        T::save_each(self, out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let mut values = Vec::with_capacity(N);
        for _ in 0..N {
            values.push(T::load(from)?);
        }
        Ok(values.try_into().unwrap_or_else(|_| unreachable!("just counted")))
    }
}

impl<A: State, B: State> State for (A, B) {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.0.save(out);
        self.1.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok((A::load(from)?, B::load(from)?))
    }
}

/// Loads a sequence that was saved as its length and its values. The length only reserves what an honest writer would need, so a
/// forged one costs nothing before the bytes run out.
fn load_all<T: State, C: Extend<T> + Default>(from: &mut StateReader<'_>) -> Result<C, DecodeError> {
    let length = u32::load(from)? as usize;
    if length > CHECKPOINT_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: length, bytes_max: CHECKPOINT_BYTES_MAX });
    }
    let mut values = Vec::with_capacity(length.min(ENTITIES_MAX));
    for _ in 0..length {
        values.push(T::load(from)?);
    }
    let mut collection = C::default();
    collection.extend(values);
    Ok(collection)
}

impl<T: State> State for Vec<T> {
    fn save(&self, out: &mut StateWriter<'_>) {
        (self.len() as u32).save(out);
        T::save_each(self, out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        load_all(from)
    }
}

impl<T: State> State for VecDeque<T> {
    fn save(&self, out: &mut StateWriter<'_>) {
        (self.len() as u32).save(out);
        let (first, second) = self.as_slices();
        T::save_each(first, out);
        T::save_each(second, out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        load_all(from)
    }
}

impl<T: State + Ord> State for BTreeSet<T> {
    fn save(&self, out: &mut StateWriter<'_>) {
        (self.len() as u32).save(out);
        for value in self {
            value.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        load_all(from)
    }
}

impl<K: State + Ord, V: State> State for BTreeMap<K, V> {
    fn save(&self, out: &mut StateWriter<'_>) {
        (self.len() as u32).save(out);
        for (key, value) in self {
            key.save(out);
            value.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        load_all::<(K, V), Self>(from)
    }
}
