//! The control: a delta of the cube scene, packed by hand.
//!
//! Written from the text of Fiedler, "Snapshot Compression", 2015, in the form that it ends with. A
//! frame builds on a baseline that is some ticks old. It says which cubes changed: a bit chooses between
//! one bit for each cube and, when that is shorter, a count and the gaps from one changed cube to the
//! next, of 4, 7 or 12 bits. Of each changed cube, a bit says whether its place changed and another
//! whether its orientation did. What did begins with a bit:
//! - a place is three differences, each a bit and 5 or 9 bits; or, when one is beyond these, whole, in
//!   18 + 18 + 14 bits;
//! - an orientation is three differences, each a bit and 5 or 8 bits; or, when one is beyond these or
//!   another component became the largest, whole, in 2 + 3 * 9 bits.
//!
//! What is long is known not to be short, so the range of long ones begins where that of short ones
//! ends. No header and no checksum are counted.

use std::ops::Range;

use anyhow::{Context, Result, ensure};
use fracas_shared::bits::{BitReader, BitWriter};

use super::cubes::{CUBES, CubeRow};

/// Bits of x, y, z, the largest component's number, and the other three.
const WIDTHS: [u32; 7] = [18, 18, 14, 2, 9, 9, 9];

/// What changes together.
struct Part {
    /// The fields of it.
    whole: Range<usize>,
    /// Those whose differences travel, when the others are the same.
    differences: Range<usize>,
    /// Bits of a short and of a long difference.
    bits: [u32; 2],
}

const PLACE: Part = Part { whole: 0..3, differences: 0..3, bits: [5, 9] };
const ORIENTATION: Part = Part { whole: 3..7, differences: 4..7, bits: [5, 8] };

/// The least gap of each tier, and its bits after 1, 01 or 00.
const GAPS: [(u32, u32); 3] = [(1, 3), (9, 5), (41, 10)];
/// Enough for all counts that are shorter than a bit for each cube: a gap has at least 4 bits.
const COUNT_BITS: u32 = 8;

/// Appends the frame that makes `now` of `baseline`, both of [`CUBES`] rows.
pub fn encode(baseline: &[CubeRow], now: &[CubeRow], out: &mut Vec<u8>) {
    debug_assert!([baseline.len(), now.len()] == [CUBES; 2], "the scene has {CUBES} cubes");
    let mut writer = BitWriter::new(out);
    let changed: Vec<bool> = baseline.iter().zip(now).map(|(from, to)| from != to).collect();
    put_changed(&mut writer, &changed);
    for (from, to) in baseline.iter().zip(now).filter(|(from, to)| from != to) {
        for part in [PLACE, ORIENTATION] {
            put_part(&mut writer, &part, from, to);
        }
    }
    writer.finish();
}

/// Reads what [`encode`] wrote against the same baseline.
///
/// # Errors
/// When it was not written so.
pub fn decode(baseline: &[CubeRow], frame: &[u8]) -> Result<Vec<CubeRow>> {
    let mut reader = BitReader::new(frame);
    let mut rows = baseline.to_vec();
    for place in take_changed(&mut reader, rows.len())? {
        for part in [PLACE, ORIENTATION] {
            take_part(&mut reader, &part, &mut rows[place])?;
        }
    }
    ensure!(reader.is_at_end(), "something comes after the last cube");
    Ok(rows)
}

fn put_changed(writer: &mut BitWriter<'_>, changed: &[bool]) {
    let mut gaps = Vec::new();
    let mut gap = 0;
    for changed in changed {
        gap += 1;
        if *changed {
            gaps.push(std::mem::take(&mut gap));
        }
    }
    let bits = COUNT_BITS + gaps.iter().map(|gap| gap_bits(*gap)).sum::<u32>();
    let is_map = bits as usize >= changed.len();
    writer.put_bool(is_map);
    if is_map {
        for changed in changed {
            writer.put_bool(*changed);
        }
    } else {
        writer.put(gaps.len() as u32, COUNT_BITS);
        for gap in gaps {
            put_gap(writer, gap);
        }
    }
}

/// The places of those that changed.
fn take_changed(reader: &mut BitReader<'_>, cubes: usize) -> Result<Vec<usize>> {
    let mut places = Vec::new();
    if reader.take_bool()? {
        for place in 0..cubes {
            if reader.take_bool()? {
                places.push(place);
            }
        }
    } else {
        let mut after = 0;
        for _ in 0..reader.take(COUNT_BITS)? {
            after += take_gap(reader)? as usize;
            ensure!(after <= cubes, "there is no cube {after}");
            places.push(after - 1);
        }
    }
    Ok(places)
}

fn gap_tier(gap: u32) -> usize {
    GAPS.iter().rposition(|(least, _)| *least <= gap).unwrap_or(0)
}

fn gap_bits(gap: u32) -> u32 {
    let tier = gap_tier(gap);
    [1, 2, 2][tier] + GAPS[tier].1
}

fn put_gap(writer: &mut BitWriter<'_>, gap: u32) {
    let tier = gap_tier(gap);
    writer.put_bool(tier == 0);
    if tier > 0 {
        writer.put_bool(tier == 1);
    }
    let (least, bits) = GAPS[tier];
    writer.put(gap - least, bits);
}

fn take_gap(reader: &mut BitReader<'_>) -> Result<u32> {
    let mut tier = 0;
    while tier < 2 && !reader.take_bool()? {
        tier += 1;
    }
    let (least, bits) = GAPS[tier];
    Ok(least + reader.take(bits)?)
}

fn put_part(writer: &mut BitWriter<'_>, part: &Part, from: &CubeRow, to: &CubeRow) {
    let is_changed = from[part.whole.clone()] != to[part.whole.clone()];
    writer.put_bool(is_changed);
    if !is_changed {
        return;
    }
    let difference = |field: usize| to[field] as i32 - from[field] as i32;
    let by_differences = part.whole.clone().all(|field| {
        if part.differences.contains(&field) {
            fits(difference(field), part.bits)
        } else {
            difference(field) == 0
        }
    });
    writer.put_bool(by_differences);
    if by_differences {
        part.differences.clone().for_each(|field| put_difference(writer, difference(field), part.bits));
    } else {
        part.whole.clone().for_each(|field| writer.put(to[field], WIDTHS[field]));
    }
}

fn take_part(reader: &mut BitReader<'_>, part: &Part, row: &mut CubeRow) -> Result<()> {
    if !reader.take_bool()? {
        return Ok(());
    }
    if reader.take_bool()? {
        for field in part.differences.clone() {
            let code = row[field].checked_add_signed(take_difference(reader, part.bits)?);
            let code = code.filter(|code| code >> WIDTHS[field] == 0);
            row[field] = code.context("a difference leads out of its field")?;
        }
    } else {
        for field in part.whole.clone() {
            row[field] = reader.take(WIDTHS[field])?;
        }
    }
    Ok(())
}

fn put_difference(writer: &mut BitWriter<'_>, difference: i32, bits: [u32; 2]) {
    let [short, long] = bits;
    let is_short = is_in(difference, short);
    writer.put_bool(is_short);
    if is_short {
        writer.put((difference + half(short)) as u32, short);
    } else {
        writer.put((beyond(difference, short) + half(long)) as u32, long);
    }
}

fn take_difference(reader: &mut BitReader<'_>, bits: [u32; 2]) -> Result<i32> {
    let [short, long] = bits;
    if reader.take_bool()? {
        return Ok(reader.take(short)? as i32 - half(short));
    }
    let past = reader.take(long)? as i32 - half(long);
    Ok(if past < 0 { past - half(short) } else { past + half(short) })
}

/// A difference that is not short, less what short ones take up: from 0 upwards and from -1 downwards.
fn beyond(difference: i32, short: u32) -> i32 {
    if difference < 0 { difference + half(short) } else { difference - half(short) }
}

fn fits(difference: i32, [short, long]: [u32; 2]) -> bool {
    is_in(difference, short) || is_in(beyond(difference, short), long)
}

/// Whether a number is one of so many bits, the highest of which is its sign.
fn is_in(number: i32, bits: u32) -> bool {
    (-half(bits)..half(bits)).contains(&number)
}

fn half(bits: u32) -> i32 {
    1 << (bits - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: CubeRow = [100_000, 100_000, 1_000, 3, 255, 255, 255];

    /// Changes these cubes of a scene at rest, and says how many bits that takes.
    fn check(changes: &[(usize, CubeRow)], bits: u32) {
        let baseline = vec![ROW; CUBES];
        let mut now = baseline.clone();
        for (cube, row) in changes {
            now[*cube] = *row;
        }
        let mut frame = Vec::new();
        encode(&baseline, &now, &mut frame);
        assert_eq!(frame.len(), bits.div_ceil(8) as usize, "{changes:?}");
        assert_eq!(decode(&baseline, &frame).unwrap(), now);
        for bytes in 0..frame.len() {
            assert!(decode(&baseline, &frame[..bytes]).is_err(), "{changes:?} in {bytes} bytes");
        }
    }

    #[test]
    fn a_difference_takes_what_its_size_needs() {
        let head = 1 + COUNT_BITS + 4 + 2;
        check(&[], 1 + COUNT_BITS);
        for (x, bits) in
            [(-16, 6), (15, 6), (-17, 10), (16, 10), (-272, 10), (271, 10), (-273, 38), (272, 38)]
        {
            let row = [ROW[0].wrapping_add_signed(x), ROW[1] + 1, ROW[2], 3, 255, 255, 255];
            check(&[(0, row)], head + 1 + bits + 12);
        }
        for (b, bits) in [(-16, 6), (15, 6), (-17, 9), (16, 9), (-144, 9), (143, 9), (-145, 17), (144, 17)] {
            let row = [ROW[0], ROW[1], ROW[2], 3, 254, ROW[5].wrapping_add_signed(b), 255];
            check(&[(0, row)], head + 1 + bits + 12);
        }
        check(&[(0, [100_000, 100_000, 1_000, 2, 255, 255, 255])], head + 1 + 29);
    }

    #[test]
    fn cubes_are_named_by_the_shortest_means() {
        let mut row = ROW;
        row[2] += 1;
        let cube = 2 + 1 + 18;
        for (place, bits) in [(0, 4), (7, 4), (8, 7), (39, 7), (40, 12), (900, 12)] {
            check(&[(place, row)], 1 + COUNT_BITS + bits + cube);
        }
        for (changed, names) in [(223, 1 + COUNT_BITS + 223 * 4), (224, 1 + 901), (901, 1 + 901)] {
            let changes: Vec<_> = (0..changed).map(|place| (place, row)).collect();
            check(&changes, names + changed as u32 * cube);
        }
    }
}
