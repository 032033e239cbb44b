//! Random numbers: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine.
//!
//! Each purpose takes its own stream of a seed, so that drawing one thing more does not change the others.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Voxel distances.
    Spacing,
    /// Blur, noise, and where in the patient's coordinates the body lies; the couch.
    Imaging,
    /// Sizes and places of organs.
    Anatomy,
    /// The courses of vessels.
    Vessels,
    /// The courses of bronchi.
    Bronchi,
    /// The noise of voxels.
    Noise,
    /// The order of files.
    Order,
    /// Unique identifiers.
    Identifiers,
    /// Lesions.
    Lesions,
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Random {
    /// A stream of a seed.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let salt: u64 = match stream {
            Stream::Anatomy => 1,
            Stream::Vessels => 2,
            Stream::Bronchi => 3,
            Stream::Noise => 4,
            Stream::Order => 5,
            Stream::Identifiers => 6,
            Stream::Spacing => 7,
            Stream::Imaging => 8,
            Stream::Lesions => 9,
        };
        let mut random = Self(seed ^ salt.wrapping_mul(0xD134_2543_DE82_EF95));
        // Neighbouring seeds differ in few bits; two steps mix them through.
        random.bits();
        Self(random.bits())
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let bits = self.0;
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number from `low` to `high`, evenly distributed.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        // 53 bits fill the mantissa; the product is exact.
        let unit = (self.bits() >> 11) as f64 / (1u64 << 53) as f64;
        low + (high - low) * unit
    }

    /// A number of mean 0 and standard deviation 1, nearly normal: the sum of four 16-bit parts. It stays within
    /// 3.5.
    pub fn normal(&mut self) -> f32 {
        let bits = self.bits();
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        // Four parts of mean 32767.5 and variance (2^32 - 1) / 12 each.
        (sum as f32 - 131_070.0) * (1.0 / 37_837.2)
    }

    /// A direction, evenly distributed over the sphere.
    pub fn direction(&mut self) -> [f64; 3] {
        loop {
            let [x, y, z] = [(); 3].map(|()| self.between(-1.0, 1.0));
            let square = x * x + y * y + z * z;
            if (0.01..=1.0).contains(&square) {
                let length = square.sqrt();
                return [x / length, y / length, z / length];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The published first outputs for seed 1234567.
        let mut random = Random(1_234_567);
        assert_eq!([random.bits(), random.bits()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_deviation_1() {
        let mut random = Random::new(1, Stream::Noise);
        let numbers: Vec<f64> = (0..100_000).map(|_| f64::from(random.normal())).collect();
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|n| n * n).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
