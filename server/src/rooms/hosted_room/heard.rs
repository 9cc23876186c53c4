//! Input packets of one viewer, one after the other.

/// Packets that were read at once.
#[derive(Debug, Default)]
pub(super) struct Heard {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Heard {
    pub(super) fn push(&mut self, packet: &[u8]) {
        self.bytes.extend_from_slice(packet);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end])
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}
