//! Chance that is always the same: numbers that are a function of a seed and of where they stand.

/// A place in a tree of numbers that look random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise(u64);

/// Scatters the bits of a number: the finaliser of splitmix64.
const fn scatter(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

impl Noise {
    /// The root of a seed's tree.
    pub const fn new(seed: u64) -> Self {
        Self(scatter(seed))
    }

    /// The branch of a name.
    pub fn of(self, name: &str) -> Self {
        name.bytes().fold(self, |noise, byte| noise.at(i64::from(byte)))
    }

    /// The branch of a number.
    pub const fn at(self, index: i64) -> Self {
        Self(scatter(self.0 ^ scatter(index as u64)))
    }

    /// A number from 0 up to, but without, 1.
    pub fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number between two.
    pub fn between(self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number from 0 up to, but without, `count`; 0 when there is none.
    pub fn below(self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// Whether something of this probability happens.
    pub fn chance(self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// How many independent things happen where `mean` are to be expected; at most 64.
    pub fn count(self, mean: f64) -> u32 {
        let mut rest = self.unit();
        let mut probability = (-mean).exp();
        for count in 0..64 {
            if rest < probability {
                return count;
            }
            rest -= probability;
            probability *= mean / f64::from(count + 1);
        }
        64
    }

    /// The index of a weight, each as likely as it is heavy; 0 when all weigh nothing.
    pub fn pick(self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut rest = (self.unit() * total as f64) as u64;
        for (index, weight) in weights.enumerate() {
            match rest.checked_sub(u64::from(weight)) {
                Some(left) => rest = left,
                None => return index,
            }
        }
        0
    }
}
