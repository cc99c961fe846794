//! Random numbers: reproducible ones for the firm's data, secret ones for tokens.

/// A reproducible stream of numbers (`SplitMix64`). Written out here because the firm that a seed
/// gives must stay the same for good, whatever happens to a library.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let end = end as u64;
        // The modulus is so small against 2^64 that its bias does not matter here.
        usize::try_from(self.next().checked_rem(end).unwrap_or(0)).unwrap_or(0)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        let width = usize::try_from(most - least + 1).unwrap_or(1);
        least + i64::try_from(self.below(width)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several; the default of the type if there are none.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len()))
            .copied()
            .unwrap_or_default()
    }
}

/// Spreads the bits of a number (the finalizer of `SplitMix64`).
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A secret of `bytes` random bytes from the system, in hexadecimal.
pub fn secret(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    if getrandom::getrandom(&mut buffer).is_err() {
        // Without a random source no token can be given out; an empty one is never accepted.
        return String::new();
    }
    hex(&buffer)
}

/// The UUID that 32 hexadecimal digits make.
pub fn uuid(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        "-",
        part(8, 12),
        "-4",
        part(13, 16),
        "-a",
        part(17, 20),
        "-",
        part(20, 32),
    ]
    .concat()
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_good() {
        let mut stream = Stream::new(7);
        let first = [stream.next(), stream.next()];
        assert_eq!(first, [0x63cb_e1e4_5932_0dd7, 0x044c_3cd7_f43c_661c]);
    }

    #[test]
    fn secrets_differ_and_have_their_length() {
        assert_eq!(secret(16).len(), 32);
        assert_ne!(secret(16), secret(16));
    }
}
