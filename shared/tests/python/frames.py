"""A decoder of Fracas's state frames, written from docs/PROTOCOL.md alone.

It shares no code with the rest of the project, nor was any of that read for it: that it decodes what the server writes
shows that the page is enough. Standard library only. The names of the page's sections are in the comments.

Reads cases as JSON from stdin, decodes each one's frames from an empty state, and checks what comes out:

    [{"schema": "<JSON>", "frames": [{"bytes": "<hex, tag first>", "tick": n, "hash": n,
                                      "entities": [{"id": n, "codes": [n, ...]}, ...]}, ...]}, ...]

Prints "N frames" and exits with 0, or says on stderr what differs and exits with 1.
"""

import json
import sys
from functools import lru_cache

KEYFRAME, HASH, STRINGS, MODEL, ENTITIES, AGE = 1, 2, 4, 8, 16, 32
FRAME_BYTES_MAX, ENTITIES_MAX, AGE_MAX = 262_144, 4_096, 64
CHANCES = [8, 24, 64, 160, 400, 1000, 2200, 4600, 8192, 11784, 14184, 15384, 15984, 16224, 16320, 16376]
PREDICTORS = [(0, 0), (2, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (6, -2),
              (7, -2), (8, -1), (8, -2), (8, -3), (8, -4), (8, -5), (8, 4), (8, 8)]
DECAYS = [24109, 28267, 32314, 36162, 39750, 43041, 46019, 48681, 51039, 53111,
          54917, 56484, 57835, 58997, 59992, 60842, 61565, 62181, 62703, 63145]
SPIKES = [0, 64, 128, 256, 384, 512, 640, 768, 832, 896, 960, 992, 1008, 1016, 1020, 1022]


class Malformed(Exception):
    """The frame is not as the page has it, or does not build on the snapshot that is held."""


def need(condition, what):
    if not condition:
        raise Malformed(what)


# The schema

def index_bits(count):
    return max(1, (count - 1).bit_length())


def field_bits(field):
    fixed = {"bool": 1, "entity": 16, "player": 10, "text": 10, "bytes": 10}
    if field["kind"] == "enum":
        return index_bits(len(field["names"]))
    return fixed.get(field["kind"]) or field["bits"]


class Field:
    def __init__(self, field):
        self.bits = field_bits(field)
        self.is_string = field["kind"] in ("text", "bytes")
        self.is_number = field["kind"] in ("fixed", "angle", "int")


# The range coder

class Coder:
    def __init__(self, data):
        self.data, self.at, self.range = data, 6, 1 << 48
        self.offset = int.from_bytes(data[:6].ljust(6, b"\0"), "big")

    def grow(self):
        if self.range < 1 << 32:
            step = self.data[self.at:self.at + 2].ljust(2, b"\0")
            self.at += 2
            need(self.at <= len(self.data) + 6, "it asks for more than 6 bytes beyond its end")
            self.offset = self.offset << 16 | int.from_bytes(step, "big")
            self.range <<= 16

    def chance(self, before):
        """Which part the offset is in: `before` is a table of what is before each, with 16,384 at its end."""
        part = self.range // 16384
        for which in range(len(before) - 1):
            if self.offset < part * before[which + 1]:
                self.offset -= part * before[which]
                self.range = part * (before[which + 1] - before[which])
                self.grow()
                return which
        raise Malformed("the offset is in no part")

    def bits(self, count):
        if count > 16:
            high = self.bits(count - 16)
            return high << 16 | self.bits(16)
        self.range >>= count
        value = self.offset // self.range
        need(value < 1 << count, "the offset is in no part")
        self.offset -= value * self.range
        self.grow()
        return value

    def small(self):
        if not self.bits(1):
            return 0
        below = self.bits(4)                          # its length - 1
        return 1 << below | self.bits(below)

    def end(self):
        need(self.at >= len(self.data), "bytes are left over")


# The model: how deltas of age 1 are coded of each kind, then how older ones are: five chances, and of each field its
# predictor and its shapes (scale, spike)

def first_model(kinds):
    def first_field(field):
        if field.is_number:
            return 6, tuple(zip((14, 10, 11, 14, 18, 22, 28, 24), (8, 4, 4, 4, 4, 4, 4, 4)))
        return 0, ((min(4 * field.bits + 2, 60), 10),) * 8
    return [((4, 10, 8, 13, 8), [first_field(field) for field in fields]) for fields in kinds + kinds]


def read_model(coder, model):
    def read_shape(shape):
        return (coder.bits(7), coder.bits(4)) if coder.bits(1) else shape

    def read_field(field):
        if not coder.bits(1):
            return field
        predictor = coder.bits(4)
        return predictor, tuple(read_shape(shape) for shape in field[1])

    def read_kind(kind):
        if not coder.bits(1):
            return kind
        chances = tuple(coder.bits(4) for _ in range(5))
        return chances, [read_field(field) for field in kind[1]]

    return [read_kind(kind) for kind in model]


# Residuals

@lru_cache(maxsize=None)
def table(scale, spike, phase):
    wide = scale >= 20
    decay, right = DECAYS[16 + scale % 4 if wide else scale] / 65536, SPIKES[spike] / 1024
    growth = 1.0
    for _ in range(232 + (4 if wide else phase)):
        growth /= decay
    below = []
    for _ in range(61):
        below.append(1 / (1 + growth))
        for _ in range(8):
            growth *= decay
    before = [0]
    for token in range(1, 61):
        edge = token - 2 if wide and token > 30 else token - 1
        parts = (1 - right) * below[edge] + right * (1 if token > 30 else 0)
        before.append(token + 31 + int((16384 - 123) * parts))  # never below 0, so this is the floor
    return before + [16384]


def read_residual(coder, scale, spike, phase):
    token = coder.chance(table(scale, spike, phase))
    if token == 30:
        return 0
    wide = scale >= 20
    shift = (scale - 16) // 4 if wide else 0
    half = 1 << shift - 1 if shift else 0
    step = token - 31 if wide and token > 30 else token - 30
    if token in (0, 60):
        length = coder.bits(5) + 3
        need(length <= 32, "a residual is too long")
        further = (1 << length | coder.bits(length)) - 8
        step += further if token else -further
    return (step << shift) + coder.bits(shift) - half


def shape_of(known, last, second):
    if known == 0:
        return 7
    if second == 0:
        return 0 if last == 0 else 1
    return 1 + min(abs(second).bit_length(), 5)       # 1; 2 or 3; 4 to 7; 8 to 15; 16 and more


def read_code(coder, bits, model, code, known, last, second, age):
    predictor, shapes = model
    a, b = PREDICTORS[predictor]
    expected, phase = divmod(a * last * age + b * second + 4, 8)
    scale, spike = shapes[shape_of(known, last, second)]
    scale = min(scale + 6 * (age.bit_length() - 1), 127)
    return (code + expected + read_residual(coder, scale, spike, phase)) % (1 << bits)


# How fields moved

class Row:
    def __init__(self, id, kind, codes):
        self.id, self.kind, self.codes = id, kind, codes
        self.known, self.moved, self.moves = 0, (False, False), [(0, 0)] * len(codes)  # moves: last, second

    def after(self, codes, age, fields):
        """This row in the next snapshot."""
        row = Row(self.id, self.kind, codes)
        if age == 1:
            for i, field in enumerate(fields):
                last = wrap(codes[i] - self.codes[i], field.bits)
                second = wrap(last - self.moves[i][0], field.bits) if self.known else 0
                row.moves[i] = last, second
            row.known, row.moved = min(self.known + 1, 2), (codes != self.codes, self.moved[0])
        return row


def wrap(n, bits):
    half = 1 << bits - 1
    return (n + half) % (2 * half) - half


# Frames

class Decoder:
    def __init__(self, schema):
        self.kinds = [[Field(field) for field in view["fields"]] for view in schema["views"]]
        self.tick = self.model = None                 # of the snapshot that is held, none at first
        self.rows, self.strings = [], {}

    def decode(self, message):
        """Takes a whole message in; gives the view hash that it tells, or None."""
        need(message[:1] == b"\2", "it is no frame")
        data, at = message[1:], 0
        need(len(data) <= FRAME_BYTES_MAX, "it is too long")

        def take(count):
            nonlocal at
            need(at + count <= len(data), "its head ends early")
            at += count
            return int.from_bytes(data[at - count:at], "little")

        flags = take(1)
        keyframe, age = flags & KEYFRAME, 1
        need(flags < 64 and not (keyframe and flags & AGE), "its flags do not go together")
        if keyframe:
            tick, rows, strings, model = take(4), [], {}, first_model(self.kinds)
        else:
            need(self.tick is not None, "a delta comes first")
            rows, strings, model = self.rows, dict(self.strings), self.model
            tick = (self.tick + wrap(take(1) - self.tick, 8)) % (1 << 32)
            if flags & AGE:
                age = take(1)
                need(2 <= age <= AGE_MAX, "its age is out of bounds")
            need((tick - age) % (1 << 32) == self.tick, "it builds on another tick")
        told = take(4) if flags & HASH else None

        coder = Coder(data[at:])
        if flags & STRINGS:
            for _ in range(coder.bits(10)):
                place, length = coder.bits(10), coder.bits(8)
                strings[place] = bytes(coder.bits(8) for _ in range(length))
        if flags & MODEL:
            model = read_model(coder, model)
        entering = flags & ENTITIES
        after = []
        for kind, fields in enumerate(self.kinds):
            here = [row for row in rows if row.kind == kind]
            if entering and not keyframe:
                here = self.read_leaving(coder, here)
            if here and fields:
                here = self.read_changes(coder, model[kind + (len(self.kinds) if age > 1 else 0)], fields, here, age)
            if entering:
                here = sorted(here + self.read_entering(coder, kind), key=lambda row: row.id)
            after += here
        rows = after
        need(len({row.id for row in rows}) == len(rows), "an entity enters that is there")
        coder.end()
        need(len(rows) <= ENTITIES_MAX, "it has too many entities")

        named = {code for row in rows for code, field in zip(row.codes, self.kinds[row.kind]) if field.is_string}
        named.discard(0)                              # the empty string
        need(named <= strings.keys(), "a row names a place without a string")
        self.strings = {place: strings[place] for place in named}
        self.tick, self.model, self.rows = tick, model, rows
        return told

    def read_leaving(self, coder, rows):
        leaving, place = set(), -1
        for _ in range(coder.small()):
            place += 1 + coder.small()
            need(place < len(rows), "one leaves that is not there")
            leaving.add(place)
        return [row for place, row in enumerate(rows) if place not in leaving]

    def read_changes(self, coder, model, fields, rows, age):
        chances, models = model
        if not coder.bits(1):
            return [row.after(row.codes, age, fields) for row in rows]
        if coder.bits(1):
            coded = [True] * len(rows)
        else:
            chance = [CHANCES[chances[row.moved[0] + 2 * row.moved[1] if row.known == 2 else 4]] for row in rows]
            coded = [coder.chance([0, yes, 16384]) == 0 for yes in chance]
        some_left_out = coder.bits(1)
        codes = [list(row.codes) for row in rows]
        for i, field in enumerate(fields):
            if some_left_out and not coder.bits(1):
                continue
            for row, new, is_coded in zip(rows, codes, coded):
                if is_coded:
                    new[i] = read_code(coder, field.bits, models[i], new[i], row.known, *row.moves[i], age)
        return [row.after(new, age, fields) for row, new in zip(rows, codes)]

    def read_entering(self, coder, kind):
        rows, id = [], 0
        for _ in range(coder.small()):
            id += 1 + coder.small()
            need(id < 1 << 16, "an id is too large")
            rows.append(Row(id, kind, [coder.bits(field.bits) for field in self.kinds[kind]]))
        return rows

    # The view hash

    def view_hash(self):
        result = self.tick
        for row in self.rows:
            for n in [row.id << 8 | row.kind] + row.codes:
                result = (result ^ n) * 0x9E3779B1 & 0xFFFFFFFF
                result ^= result >> 15
        return result


def check(schema, frames):
    """Decodes one case's frames; gives the first frame's number and what differs in it, or None."""
    decoder = Decoder(json.loads(schema))
    for number, frame in enumerate(frames):
        try:
            told = decoder.decode(bytes.fromhex(frame["bytes"]))
        except Malformed as error:
            return number, f"malformed: {error}"
        entities = [{"id": row.id, "codes": row.codes} for row in decoder.rows]
        expected = frame["entities"]
        computed = decoder.view_hash()
        pairs = [("tick", decoder.tick, frame["tick"]), ("entities", entities, expected),
                 ("view hash", computed, frame["hash"])]
        if told is not None:
            pairs.append(("view hash that is told", told, computed))
        for what, got, wanted in pairs:
            if got != wanted:
                return number, f"{what}: {got}, not {wanted}"
    return None


def main():
    cases = json.load(sys.stdin)
    for number, case in enumerate(cases):
        wrong = check(case["schema"], case["frames"])
        if wrong:
            print(f"case {number}, frame {wrong[0]}: {wrong[1]}", file=sys.stderr)
            return 1
    print(sum(len(case["frames"]) for case in cases), "frames")
    return 0


if __name__ == "__main__":
    sys.exit(main())
