//! Plain ways to code frames, for the default to be held against: what one would write first, and second.

use std::collections::BTreeMap;

use fracas_shared::bits::{BitReader, BitWriter, OutOfBits};
use fracas_shared::frame::FrameError;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Tick};

use super::configuration::Coder;

const TICK_BITS: u32 = 32;
const COUNT_BITS: u32 = 17;
const ID_BITS: u32 = 16;
/// A quotient of as many ones tells that the whole number follows.
const QUOTIENT_MAX: u32 = 20;

/// Bits: whether the entities are the baseline's, else which they are; of each that the baseline has, whether it
/// changed, and of each field of one that did, whether that changed and how.
pub(super) struct Packed {
    widths: Vec<u32>,
    change: Change,
}

/// How a field is coded that changed.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Its code.
    Whole,
    /// What that differs from the baseline, in a Rice code; its parameter follows the mean of the frame so far.
    /// Source: Weinberger, Seroussi and Sapiro, "The LOCO-I lossless image compression algorithm", 2000.
    Rice,
}

/// The mean of a field's differences in a frame, as a Rice code's parameter.
#[derive(Clone, Copy)]
struct Mean {
    sum: u32,
    count: u32,
}

impl Mean {
    fn parameter(self) -> u32 {
        (0..31).find(|parameter| self.count << parameter >= self.sum).unwrap_or(31)
    }

    fn add(&mut self, number: u32) {
        self.sum += number.min(1 << 20);
        self.count += 1;
        if self.count == 64 {
            (self.sum, self.count) = (self.sum / 2, 32);
        }
    }
}

impl Packed {
    pub(super) fn new(kind: &Kind, change: Change) -> Self {
        Self { widths: kind.fields.iter().map(|field| field.kind.bits().into()).collect(), change }
    }

    fn means(&self) -> Vec<Mean> {
        vec![Mean { sum: 8, count: 1 }; self.widths.len()]
    }

    /// Makes a row's codes of those of the baseline.
    fn take_changes(
        &self,
        reader: &mut BitReader<'_>,
        means: &mut [Mean],
        codes: &mut [u32],
    ) -> Result<(), OutOfBits> {
        for (code, (bits, mean)) in codes.iter_mut().zip(self.widths.iter().zip(means)) {
            if reader.take(1)? == 0 {
                continue;
            }
            *code = match self.change {
                Change::Whole => reader.take(*bits)?,
                Change::Rice => {
                    let number = take_rice(reader, mean.parameter())?;
                    mean.add(number);
                    code.wrapping_add(unzigzag(number.wrapping_add(1))) & mask(*bits)
                }
            };
        }
        Ok(())
    }
}

/// The differences 0, -1, 1, -2 and so on, modulo 2^bits, as 0, 1, 2, 3.
fn zigzag(difference: u32, bits: u32) -> u32 {
    let spare = 32 - bits;
    let signed = (difference << spare).cast_signed() >> spare;
    ((signed << 1) ^ (signed >> 31)).cast_unsigned()
}

fn unzigzag(number: u32) -> u32 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

fn put_rice(writer: &mut BitWriter<'_>, number: u32, parameter: u32) {
    let quotient = number >> parameter;
    if quotient >= QUOTIENT_MAX {
        writer.put((1 << QUOTIENT_MAX) - 1, QUOTIENT_MAX);
        writer.put(number, 32);
    } else {
        writer.put((1 << quotient) - 1, quotient + 1);
        writer.put(number & ((1 << parameter) - 1), parameter);
    }
}

fn take_rice(reader: &mut BitReader<'_>, parameter: u32) -> Result<u32, OutOfBits> {
    let mut quotient = 0;
    while quotient < QUOTIENT_MAX && reader.take(1)? == 1 {
        quotient += 1;
    }
    if quotient == QUOTIENT_MAX {
        reader.take(32)
    } else {
        Ok(quotient << parameter | reader.take(parameter)?)
    }
}

fn mask(bits: u32) -> u32 {
    u32::MAX >> (32 - bits)
}

impl Coder for Packed {
    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        let mut writer = BitWriter::new(out);
        writer.put(snapshot.tick().0, TICK_BITS);
        let ids = || snapshot.rows().map(|row| row.id);
        let are_alike = baseline.is_some_and(|baseline| baseline.rows().map(|row| row.id).eq(ids()));
        writer.put_bool(are_alike);
        if !are_alike {
            writer.put(snapshot.len() as u32, COUNT_BITS);
            for id in ids() {
                writer.put(id.get().into(), ID_BITS);
            }
        }
        let mut means = self.means();
        let mut old_rows = baseline.into_iter().flat_map(Snapshot::rows).peekable();
        for row in snapshot.rows() {
            while old_rows.next_if(|old| old.id < row.id).is_some() {}
            let Some(old) = old_rows.next_if(|old| old.id == row.id) else {
                row.codes.iter().zip(&self.widths).for_each(|(code, bits)| writer.put(*code, *bits));
                continue;
            };
            writer.put_bool(old.codes != row.codes);
            if old.codes == row.codes {
                continue;
            }
            let codes = row.codes.iter().zip(old.codes).zip(self.widths.iter().zip(&mut means));
            for ((code, old), (bits, mean)) in codes {
                writer.put_bool(code != old);
                match self.change {
                    _ if code == old => {}
                    Change::Whole => writer.put(*code, *bits),
                    Change::Rice => {
                        let number = zigzag(code.wrapping_sub(*old), *bits) - 1;
                        put_rice(&mut writer, number, mean.parameter());
                        mean.add(number);
                    }
                }
            }
        }
        writer.finish();
    }

    fn decode(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        let mut reader = BitReader::new(frame);
        snapshot.reset(Tick(reader.take(TICK_BITS)?));
        let ids: Vec<EntityId> = match (baseline, reader.take(1)? == 1) {
            (Some(baseline), true) => baseline.rows().map(|row| row.id).collect(),
            (None, true) => return Err(FrameError::WrongBaseline { held: None }),
            (_, false) => {
                let id = |reader: &mut BitReader<'_>| {
                    let id = EntityId::new(reader.take(ID_BITS)? as u16);
                    id.ok_or(FrameError::Malformed("no such id"))
                };
                (0..reader.take(COUNT_BITS)?).map(|_| id(&mut reader)).collect::<Result<_, _>>()?
            }
        };
        let mut means = self.means();
        let mut old_rows = baseline.into_iter().flat_map(Snapshot::rows).peekable();
        let mut codes = Vec::with_capacity(self.widths.len());
        for id in ids {
            while old_rows.next_if(|old| old.id < id).is_some() {}
            let old = old_rows.next_if(|old| old.id == id);
            codes.clear();
            match old {
                None => {
                    for bits in &self.widths {
                        codes.push(reader.take(*bits)?);
                    }
                }
                Some(old) => {
                    codes.extend_from_slice(old.codes);
                    if reader.take(1)? == 1 {
                        self.take_changes(&mut reader, &mut means, &mut codes)?;
                    }
                }
            }
            snapshot.push(id, 0, |out| out.extend_from_slice(&codes));
        }
        snapshot.seal(BTreeMap::new());
        Ok(())
    }
}
