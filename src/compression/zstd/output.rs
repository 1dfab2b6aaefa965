//! What was unpacked, and where it was copied from.

/// Bytes that grow up to a limit.
pub(super) struct Output {
    bytes: Vec<u8>,
    limit: usize,
    /// The last distances, the newest first.
    distances: [usize; 3],
}

impl Output {
    /// Nothing yet.
    pub(super) fn new(limit: usize) -> Output {
        Output {
            bytes: Vec::new(),
            limit,
            distances: [1, 4, 8],
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends these bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.check_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends one byte many times.
    pub(super) fn run(&mut self, byte: u8, length: usize) -> Result<(), ()> {
        self.check_room(length)?;
        // A block is no longer than 128 KiB; `resize` would go byte by byte.
        self.bytes.extend_from_slice(&vec![byte; length]);
        Ok(())
    }

    /// Appends what `offset` stands for, as far as it comes to be meanwhile.
    pub(super) fn repeat(
        &mut self,
        offset: usize,
        length: usize,
        without_literals: bool,
    ) -> Result<(), ()> {
        self.check_room(length)?;
        let distance = self.distance(offset, without_literals)?;
        let from = self.bytes.len().checked_sub(distance).ok_or(())?;
        let end = from.saturating_add(length);
        if distance >= length {
            self.bytes.extend_from_within(from..end);
            return Ok(());
        }
        for at in from..end {
            let byte = *self.bytes.get(at).ok_or(())?;
            self.bytes.push(byte);
        }
        Ok(())
    }

    /// How far back an offset is: the lowest three stand for distances that were there before (RFC 8878,
    /// section 3.1.1.5).
    fn distance(&mut self, offset: usize, without_literals: bool) -> Result<usize, ()> {
        let [first, second, third] = self.distances;
        let which = match offset {
            1..=3 => offset.saturating_add(usize::from(without_literals)),
            _ => 0,
        };
        self.distances = match which {
            1 => [first, second, third],
            2 => [second, first, third],
            3 => [third, first, second],
            4 => [first.checked_sub(1).ok_or(())?, first, second],
            _ => [offset.checked_sub(3).ok_or(())?, first, second],
        };
        let [newest, ..] = self.distances;
        Ok(newest)
    }

    fn check_room(&self, length: usize) -> Result<(), ()> {
        let left = self.limit.saturating_sub(self.bytes.len());
        (length <= left).then_some(()).ok_or(())
    }
}
