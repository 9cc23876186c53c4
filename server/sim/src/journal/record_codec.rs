//! Tick records as bytes and back.

use std::iter::Peekable;

use fracas_shared::bits::{BitReader, BitWriter, OutOfBits};
use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::{CHECKPOINT_BYTES_MAX, FIELDS_MAX};
use fracas_shared::packet::LooseRow;
use fracas_shared::schema::{FieldKind, Kind};
use fracas_shared::state::to_bytes;
use fracas_shared::{Pilot, PlayerId, Row, Schema, State, Tick, ViewTime};

use super::numbers::{put_number, take_number, with_sign, without_sign};
use crate::record::{TickRecord, load_changes, save_changes};
use crate::seats::SeatToken;

/// Most differences of codes fit into so many bits, with their sign.
const DIFFERENCE_BITS: u32 = 3;
/// As much is it, as a rule, by which a screen goes on unevenly, in bits of [`ViewTime::PARTS`].
const VIEW_TIME_BITS: u32 = 6;
/// What is further from what was expected is told whole.
const NEAR_PARTS_MAX: i32 = 1 << 20;
const PART_BITS: u32 = (ViewTime::PARTS - 1).ilog2() + 1;
/// A length that is told has so many bits, as a rule.
const LENGTH_BITS: u32 = 6;

/// What a record tells besides what the rules are told: by which token each player who joined can take up the seat
/// again.
pub(crate) type Seated = Vec<(PlayerId, SeatToken)>;

/// Writes or reads the records of a match in their order, from one of its checkpoints on.
///
/// What it remembers lies together, by seat: it is looked at once in a tick, when all that is elsewhere has left the
/// processor's caches.
pub(crate) struct RecordCodec<G: Pilot> {
    inputs: InputCodec,
    /// Of those whom the rules know.
    players: Vec<Option<Last>>,
    /// The codes of their last inputs: for each seat as many as any kind of input has.
    codes: Vec<u32>,
    /// The inputs themselves, of one that reads.
    read: Vec<G::Input>,
}

/// What a player did in the tick before.
struct Last {
    form: Form,
    view_time: Option<ViewTime>,
    /// Whether the screen has shown the same as in the tick before that.
    stands_still: bool,
}

/// In which form an input is told.
enum Form {
    /// By the codes of its row, of this kind.
    Row(u8),
    /// By its state: an input that names entities or has texts, which codes alone do not tell.
    State(Vec<u8>),
}

/// How inputs are told.
struct InputCodec {
    /// Of each kind of inputs, the bits of its fields; none of one that is told by its state.
    kinds: Vec<Option<Vec<u32>>>,
    kind_bits: u32,
    /// As many fields has the kind with the most.
    fields: usize,
    /// Memory for the next one.
    row: LooseRow,
}

impl<G: Pilot> RecordCodec<G> {
    /// The codec of a match of so many seats, to begin with.
    pub(crate) fn new(seats: u16) -> Self {
        let inputs = InputCodec::new(&Schema::of::<G>().inputs);
        let codes = vec![0; usize::from(seats) * inputs.fields];
        Self { inputs, players: (0..seats).map(|_| None).collect(), codes, read: Vec::new() }
    }

    /// Begins anew, from a checkpoint with these players.
    pub(crate) fn begin(&mut self, players: impl IntoIterator<Item = PlayerId>) {
        self.players.fill_with(|| None);
        for player in players {
            self.sit(player);
        }
    }

    fn sit(&mut self, player: PlayerId) {
        let (seat, fields) = (usize::from(player.0), self.inputs.fields);
        let Some(place) = self.players.get_mut(seat) else { return };
        let form = self.inputs.begin(&G::Input::default(), &mut self.codes[seat * fields..][..fields]);
        *place = Some(Last { form, view_time: None, stands_still: false });
        if let Some(input) = self.read.get_mut(seat) {
            *input = G::Input::default();
        }
    }

    /// Appends the record of this tick.
    pub(crate) fn write(&mut self, tick: Tick, record: &TickRecord<G>, seated: &Seated, out: &mut Vec<u8>) {
        let mut bits = BitWriter::new(out);
        let has_changes =
            !(record.leaves.is_empty() && record.joins.is_empty() && record.messages.is_empty());
        bits.put_bool(has_changes);
        if has_changes {
            let mut bytes = Vec::new();
            let mut state = StateWriter::new(&mut bytes);
            save_changes(&record.leaves, &record.joins, &mut state);
            seated.save(&mut state);
            record.messages.save(&mut state);
            put_bytes(&mut bits, &bytes);
            let are_changes = self.note_changes(record);
            debug_assert!(are_changes, "the rules are told of nobody twice");
        }
        debug_assert!(
            record.inputs.iter().map(|(player, _)| usize::from(player.0)).eq(self.seated()),
            "one input for each player, by seat"
        );
        let mut view_times = record.view_times.iter().copied().peekable();
        let fields = self.inputs.fields;
        for (player, input) in &record.inputs {
            let seat = usize::from(player.0);
            let Some(Some(last)) = self.players.get_mut(seat) else { continue };
            self.inputs.put(&mut bits, input, &mut last.form, &mut self.codes[seat * fields..][..fields]);
            let view_time = next_of(&mut view_times, *player);
            put_view_time(&mut bits, tick, view_time, last.expected());
            last.see(view_time);
        }
        bits.finish();
    }

    /// Reads the record of this tick, which must be all of the bytes.
    ///
    /// # Errors
    /// It is none. The codec is of no use any more.
    pub(crate) fn read(&mut self, tick: Tick, bytes: &[u8]) -> Result<(TickRecord<G>, Seated), DecodeError> {
        let mut bits = BitReader::new(bytes);
        let (mut record, mut seated) = (TickRecord::default(), Seated::new());
        if bits.take_bool().map_err(ended)? {
            let bytes = take_bytes(&mut bits)?;
            let mut state = StateReader::new(&bytes);
            (record.leaves, record.joins) = load_changes(&mut state)?;
            seated = State::load(&mut state)?;
            record.messages = State::load(&mut state)?;
            let joined = record.joins.iter().filter(|(_, profile)| !profile.is_bot);
            if !state.is_at_end()
                || !seated.iter().map(|(player, _)| player).eq(joined.map(|(player, _)| player))
                || !self.note_changes(&record)
                || !record.messages.iter().all(|(player, _)| self.is_known(*player))
            {
                return Err(DecodeError::Malformed("what is no change of the match's seats".into()));
            }
        }
        self.read.resize_with(self.players.len(), G::Input::default);
        let fields = self.inputs.fields;
        for (seat, (last, input)) in self.players.iter_mut().zip(&mut self.read).enumerate() {
            let (Some(last), player) = (last, PlayerId(seat as u16)) else { continue };
            self.inputs.take(&mut bits, input, &mut last.form, &mut self.codes[seat * fields..][..fields])?;
            record.inputs.push((player, input.clone()));
            let view_time = take_view_time(&mut bits, tick, last.expected()).map_err(ended)?;
            last.see(view_time);
            record.view_times.extend(view_time.map(|time| (player, time)));
        }
        if bits.is_at_end() {
            Ok((record, seated))
        } else {
            Err(DecodeError::Malformed("bits after the record's end".into()))
        }
    }

    /// False when somebody goes who is not there, or comes who is.
    fn note_changes(&mut self, record: &TickRecord<G>) -> bool {
        let leave = |(player, _): &(PlayerId, _)| {
            self.players.get_mut(usize::from(player.0)).is_some_and(|place| place.take().is_some())
        };
        if !record.leaves.iter().all(leave) {
            return false;
        }
        record.joins.iter().all(|(player, _)| {
            let is_free = self.players.get(usize::from(player.0)).is_some_and(Option::is_none);
            self.sit(*player);
            is_free
        })
    }

    fn is_known(&self, player: PlayerId) -> bool {
        self.players.get(usize::from(player.0)).is_some_and(Option::is_some)
    }

    fn seated(&self) -> impl Iterator<Item = usize> {
        self.players.iter().enumerate().filter_map(|(place, player)| player.as_ref().map(|_| place))
    }
}

impl Last {
    /// What the screen shows now, most likely: it goes on with time, or stands still as it did.
    fn expected(&self) -> Option<ViewTime> {
        let parts = if self.stands_still { 0 } else { ViewTime::PARTS.into() };
        self.view_time.map(|shown| shown.later(parts))
    }

    fn see(&mut self, view_time: Option<ViewTime>) {
        self.stands_still = view_time.is_some() && view_time == self.view_time;
        self.view_time = view_time;
    }
}

impl InputCodec {
    fn new(kinds: &[Kind]) -> Self {
        let is_plain =
            |kind: &FieldKind| !matches!(kind, FieldKind::Entity | FieldKind::Text | FieldKind::Bytes);
        let widths = |kind: &Kind| {
            let fields = || kind.fields.iter().map(|field| &field.kind);
            fields().all(is_plain).then(|| fields().map(|kind| kind.bits().into()).collect())
        };
        let most = kinds.len().saturating_sub(1) as u32;
        Self {
            kinds: kinds.iter().map(widths).collect(),
            kind_bits: u32::BITS - most.leading_zeros(),
            fields: kinds.iter().map(|kind| kind.fields.len()).max().unwrap_or(0),
            row: LooseRow::default(),
        }
    }

    fn widths(&self, kind: u8) -> Option<&[u32]> {
        self.kinds.get(usize::from(kind))?.as_deref()
    }

    /// Notes an input as the last one. Gives its form.
    fn begin<I: Row + State>(&mut self, input: &I, last: &mut [u32]) -> Form {
        self.row.set(input, |_| None);
        let kind = self.row.kind;
        if self.widths(kind).is_none() {
            return Form::State(to_bytes(input));
        }
        last[..self.row.codes.len()].copy_from_slice(&self.row.codes);
        Form::Row(kind)
    }

    /// Appends an input, and notes it as the last one.
    fn put<I: Row + State>(
        &mut self,
        bits: &mut BitWriter<'_>,
        input: &I,
        form: &mut Form,
        last: &mut [u32],
    ) {
        self.row.set(input, |_| None);
        let (kind, codes) = (self.row.kind, &*self.row.codes);
        let Some(widths) = self.kinds[usize::from(kind)].as_deref() else {
            let bytes = to_bytes(input);
            let is_same = matches!(form, Form::State(last) if *last == bytes);
            bits.put_bool(is_same);
            if !is_same {
                bits.put_bool(true);
                put_bytes(bits, &bytes);
                *form = Form::State(bytes);
            }
            return;
        };
        let last = &mut last[..codes.len()];
        if !matches!(form, Form::Row(last) if *last == kind) {
            last.fill(0);
            *form = Form::Row(kind);
        } else if *last == *codes {
            bits.put_bool(true);
            return;
        }
        // Another one, and told by its row.
        bits.put(0, 2);
        bits.put(kind.into(), self.kind_bits);
        let changes = codes.iter().zip(&*last).rev();
        let changes = changes.fold(0u64, |changes, (code, old)| changes << 1 | u64::from(code != old));
        let (low, high) = halves(widths.len());
        bits.put(changes as u32 & mask(low), low);
        bits.put((changes >> low) as u32, high);
        let mut left = changes;
        while left != 0 {
            let field = left.trailing_zeros() as usize;
            left &= left - 1;
            if widths[field] > 1 {
                let difference = difference(codes[field], last[field], widths[field]);
                put_number(bits, without_sign(difference), DIFFERENCE_BITS);
            }
        }
        last.copy_from_slice(codes);
    }

    /// Reads an input, and notes it as the last one.
    fn take<I: Row + State>(
        &self,
        bits: &mut BitReader<'_>,
        input: &mut I,
        form: &mut Form,
        last: &mut [u32],
    ) -> Result<(), DecodeError> {
        if bits.take_bool().map_err(ended)? {
            return Ok(());
        }
        if bits.take_bool().map_err(ended)? {
            let bytes = take_bytes(bits)?;
            let mut state = StateReader::new(&bytes);
            *input = I::load(&mut state)?;
            if !state.is_at_end() {
                return Err(DecodeError::Malformed("bytes after an input's end".into()));
            }
            *form = Form::State(bytes);
            return Ok(());
        }
        let kind = bits.take(self.kind_bits).map_err(ended)? as u8;
        let no_such = || DecodeError::Malformed(format!("no input of kind {kind} is told by its codes"));
        let widths = self.widths(kind).ok_or_else(no_such)?;
        let last = &mut last[..widths.len()];
        if !matches!(form, Form::Row(last) if *last == kind) {
            last.fill(0);
            *form = Form::Row(kind);
        }
        let (low, high) = halves(widths.len());
        let changes = u64::from(bits.take(low).map_err(ended)?);
        let changes = changes | u64::from(bits.take(high).map_err(ended)?) << low;
        for (field, (width, code)) in widths.iter().zip(&mut *last).enumerate() {
            if changes >> field & 1 == 0 {
                continue;
            }
            *code = if *width > 1 {
                let difference = with_sign(take_number(bits, DIFFERENCE_BITS).map_err(ended)?);
                code.wrapping_add_signed(difference) & mask(*width)
            } else {
                *code ^ 1
            };
        }
        let row = LooseRow { kind, codes: last.to_vec(), strings: Vec::new() };
        *input = row.value().map_err(|error| DecodeError::Malformed(error.to_string()))?;
        Ok(())
    }
}

/// So many bits as can be put at once, and the others.
fn halves(bits: usize) -> (u32, u32) {
    const _: () = assert!(FIELDS_MAX <= 64, "all fields have a bit");
    let low = (bits as u32).min(u32::BITS);
    (low, bits as u32 - low)
}

fn mask(bits: u32) -> u32 {
    u32::MAX.checked_shr(u32::BITS - bits).unwrap_or(0)
}

/// The nearest to zero of the differences that lead from the one code to the other: they are taken modulo 2^width.
fn difference(code: u32, old: u32, width: u32) -> i32 {
    let spare = u32::BITS - width;
    ((code.wrapping_sub(old) << spare) as i32) >> spare
}

/// What is next, if it is of this player.
fn next_of<T>(list: &mut Peekable<impl Iterator<Item = (PlayerId, T)>>, player: PlayerId) -> Option<T> {
    list.next_if(|(next, _)| *next == player).map(|(_, value)| value)
}

/// Appends what a screen shows.
fn put_view_time(bits: &mut BitWriter<'_>, tick: Tick, now: Option<ViewTime>, expected: Option<ViewTime>) {
    bits.put_bool(now == expected);
    if now == expected {
        return;
    }
    bits.put_bool(now.is_some());
    let Some(now) = now else { return };
    let near = parts_between(expected.unwrap_or(ViewTime::at(tick)), now);
    bits.put_bool(near.is_some());
    if let Some(parts) = near {
        put_number(bits, without_sign(parts), VIEW_TIME_BITS);
    } else {
        bits.put(now.tick().0, u32::BITS);
        bits.put(whole_parts(now), PART_BITS);
    }
}

fn take_view_time(
    bits: &mut BitReader<'_>,
    tick: Tick,
    expected: Option<ViewTime>,
) -> Result<Option<ViewTime>, OutOfBits> {
    if bits.take_bool()? {
        return Ok(expected);
    }
    if !bits.take_bool()? {
        return Ok(None);
    }
    if bits.take_bool()? {
        let expected = expected.unwrap_or(ViewTime::at(tick));
        let parts = with_sign(take_number(bits, VIEW_TIME_BITS)?);
        let ticks = (f64::from(whole_parts(expected)) + f64::from(parts)) / f64::from(ViewTime::PARTS);
        return Ok(Some(ViewTime::after(expected.tick(), ticks)));
    }
    let tick = Tick(bits.take(u32::BITS)?);
    Ok(Some(ViewTime::at(tick).later(bits.take(PART_BITS)?)))
}

/// How far a moment is after its tick.
fn whole_parts(time: ViewTime) -> u32 {
    (time.since(time.tick()) * f64::from(ViewTime::PARTS)) as u32
}

/// How many parts of a tick a moment is after another one; none when they are far from each other.
fn parts_between(from: ViewTime, to: ViewTime) -> Option<i32> {
    // Exact: a float holds more parts than there are from the first tick to the last.
    let parts = to.since(from.tick()) * f64::from(ViewTime::PARTS) - f64::from(whole_parts(from));
    (parts.abs() <= f64::from(NEAR_PARTS_MAX)).then_some(parts as i32)
}

fn put_bytes(bits: &mut BitWriter<'_>, bytes: &[u8]) {
    put_number(bits, bytes.len() as u32, LENGTH_BITS);
    for byte in bytes {
        bits.put((*byte).into(), 8);
    }
}

fn take_bytes(bits: &mut BitReader<'_>) -> Result<Vec<u8>, DecodeError> {
    let bytes = take_number(bits, LENGTH_BITS).map_err(ended)? as usize;
    if bytes > CHECKPOINT_BYTES_MAX {
        return Err(DecodeError::TooLong { bytes, bytes_max: CHECKPOINT_BYTES_MAX });
    }
    // Taken one by one, so that a forged length costs nothing.
    let mut taken = Vec::new();
    for _ in 0..bytes {
        taken.push(bits.take(8).map_err(ended)? as u8);
    }
    Ok(taken)
}

fn ended(_: OutOfBits) -> DecodeError {
    DecodeError::Malformed("the record ends in the middle of a value".into())
}

#[cfg(test)]
mod tests {
    use fracas_shared::{EntityKey, EntityRef};
    use proptest::prelude::*;
    use slotmap::KeyData;

    use super::*;

    /// Of all ways in which an input is told.
    #[derive(Clone, Debug, PartialEq, Row, State)]
    enum Input {
        Walk {
            #[row(uint(bits = 3))]
            steps: u8,
            fast: bool,
        },
        Turn {
            #[row(fixed(min = -1.0, step = 0.125, bits = 4))]
            by: f32,
            to: i16,
        },
        Aim {
            at: EntityRef,
        },
    }

    fn inputs() -> impl Strategy<Value = Input> {
        prop_oneof![
            (0..8u8, any::<bool>()).prop_map(|(steps, fast)| Input::Walk { steps, fast }),
            (0..16u8, any::<i16>()).prop_map(|(by, to)| Input::Turn { by: f32::from(by) / 8.0 - 1.0, to }),
            any::<u64>()
                .prop_map(|key| Input::Aim { at: EntityRef::Key(EntityKey::from(KeyData::from_ffi(key))) }),
            Just(Input::Walk { steps: 7, fast: true }),
        ]
    }

    /// A codec, and what it remembers of one player.
    fn last() -> (InputCodec, Last, [u32; 2]) {
        let mut codec = InputCodec::new(&Input::kinds());
        let mut kept = [0; 2];
        let form = codec.begin(&REST, &mut kept);
        (codec, Last { form, view_time: None, stands_still: false }, kept)
    }

    const REST: Input = Input::Walk { steps: 0, fast: false };

    #[test]
    fn the_layout_stays_as_it_is() {
        let (mut codec, mut last, mut kept) = self::last();
        let mut bytes = Vec::new();
        let mut bits = BitWriter::new(&mut bytes);
        let inputs = [
            Input::Walk { steps: 0, fast: false },
            Input::Walk { steps: 7, fast: true },
            Input::Turn { by: 0.5, to: -300 },
            Input::Aim { at: EntityRef::None },
        ];
        for input in &inputs {
            codec.put(&mut bits, input, &mut last.form, &mut kept);
        }
        put_view_time(&mut bits, Tick(9), None, None);
        put_view_time(&mut bits, Tick(9), Some(ViewTime::before(Tick(9), 1500)), None);
        put_view_time(&mut bits, Tick(9), Some(ViewTime::at(Tick(5_000_000))), Some(ViewTime::at(Tick(9))));
        bits.finish();
        assert_eq!(bytes, LAYOUT);
    }

    /// As docs/JOURNAL.md tells it.
    const LAYOUT: [u8; 19] = [97, 161, 253, 255, 193, 246, 53, 8, 0, 0, 244, 119, 63, 1, 45, 49, 1, 0, 0];

    proptest! {
        #[test]
        fn inputs_survive(inputs in prop::collection::vec(inputs(), 0..24)) {
            let ((mut codec, mut last, mut kept), mut read) = (self::last(), REST);
            let mut bytes = Vec::new();
            let mut bits = BitWriter::new(&mut bytes);
            for input in &inputs {
                codec.put(&mut bits, input, &mut last.form, &mut kept);
            }
            bits.finish();
            let mut bits = BitReader::new(&bytes);
            let (codec, mut last, mut kept) = self::last();
            for input in &inputs {
                codec.take(&mut bits, &mut read, &mut last.form, &mut kept).expect("an input");
                prop_assert_eq!(&read, input);
            }
            prop_assert!(bits.is_at_end());
        }

        #[test]
        fn view_times_survive(
            times in prop::collection::vec(
                prop_oneof![
                    Just(None),
                    (any::<u32>(), 0..1024u32).prop_map(|(tick, part)| Some((tick, part))),
                    (90..110u32, 0..1024u32).prop_map(|(tick, part)| Some((tick, part))),
                ],
                0..24,
            ),
        ) {
            let time = |(tick, part): (u32, u32)| ViewTime::at(Tick(tick)).later(part);
            let times: Vec<_> = times.into_iter().map(|known| known.map(time)).collect();
            let mut bytes = Vec::new();
            let ((_, mut last, _), mut bits) = (self::last(), BitWriter::new(&mut bytes));
            for (tick, time) in (100..).map(Tick).zip(&times) {
                put_view_time(&mut bits, tick, *time, last.expected());
                last.see(*time);
            }
            bits.finish();
            let ((_, mut last, _), mut bits) = (self::last(), BitReader::new(&bytes));
            for (tick, time) in (100..).map(Tick).zip(&times) {
                let read = take_view_time(&mut bits, tick, last.expected()).expect("a moment");
                prop_assert_eq!(read, *time);
                last.see(read);
            }
            prop_assert!(bits.is_at_end());
        }
    }
}
