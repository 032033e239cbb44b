//! Numbers as decimal strings (PS3.5 6.2: at most 16 characters).

use gantry_types::header::Decimal;

/// The longest decimal string.
const DS_CHARACTERS_MAX: usize = 16;

/// Whether a decimal string says a number exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exactness {
    /// Reading it gives the very number.
    Exact,
    /// It had to be rounded.
    Rounded,
}

/// The shortest decimal string that says a finite number, or the closest one of 16 characters. An exponent is used
/// only where nothing else would say more than zero, or would not fit.
pub(crate) fn decimal_string(number: f64) -> (String, Exactness) {
    // Minus zero would show as "-0".
    let number = if number == 0.0 { 0.0 } else { number };
    for exact in [number.to_string(), format!("{number:e}")] {
        if exact.len() <= DS_CHARACTERS_MAX {
            return (exact, Exactness::Exact);
        }
    }
    let magnitude = number.abs();
    // Below 0.0001 a plain string keeps fewer digits than one with an exponent.
    let rounded = if (1e-4..1e15).contains(&magnitude) {
        longest_that_fits(|digits| format!("{number:.digits$}"))
    } else {
        longest_that_fits(|digits| format!("{number:.digits$e}"))
    };
    (rounded, Exactness::Rounded)
}

fn longest_that_fits(with_digits: impl Fn(usize) -> String) -> String {
    let fitting =
        (0..=DS_CHARACTERS_MAX).rev().map(&with_digits).find(|text| text.len() <= DS_CHARACTERS_MAX);
    fitting.unwrap_or_else(|| with_digits(0))
}

/// The source's own spelling where it is a legal decimal string, else the number in a legal one.
pub(crate) fn source_string(decimal: &Decimal) -> String {
    if decimal.text.len() <= DS_CHARACTERS_MAX {
        decimal.text.to_string()
    } else {
        decimal_string(decimal.value).0
    }
}

/// A measured length in millimetres, without the noise of its computation.
pub(crate) fn millimetres(length: f64) -> String {
    decimal_string((length * 1e6).round() / 1e6).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_the_closest_legal_decimal_string() {
        use Exactness::{Exact, Rounded};
        for (number, text, exactness) in [
            (0.0, "0", Exact),
            (-0.0, "0", Exact),
            (3158.625, "3158.625", Exact),
            (-815.6, "-815.6", Exact),
            (1.0 / 3.0, "0.33333333333333", Rounded),
            (-2_543.871_239_012_345_6, "-2543.8712390123", Rounded),
            (1e-7, "0.0000001", Exact),
            (1.0 / 3e9, "3.3333333333e-10", Rounded),
            (1e300, "1e300", Exact),
            (123_456_789_012_345_680.0, "1.23456789012e17", Rounded),
        ] {
            let (found, how) = decimal_string(number);
            assert!(found.len() <= 16, "{found}");
            assert_eq!((found.as_str(), how), (text, exactness));
        }
        assert_eq!(millimetres(2.1 - 1.4), "0.7");
    }
}
