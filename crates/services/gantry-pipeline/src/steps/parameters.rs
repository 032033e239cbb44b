//! The parameters of a step, taken one by one; what nobody asked for is a mistake.

use std::collections::BTreeMap;

use gantry_definition::{
    expression::nearest,
    package::{Parameter, Step},
};

use super::StepError;

/// Parameters that have not been asked for yet.
pub(super) struct Parameters<'a> {
    step: &'a str,
    left: BTreeMap<String, Parameter>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    pub(super) fn of(step: &'a Step) -> Self {
        Self { step: &step.name, left: step.parameters.clone(), known: Vec::new() }
    }

    /// A mistake in this step.
    pub(super) fn wrong(&self, key: &str, why: &str) -> StepError {
        StepError(format!("{}.{key} {why}", self.step))
    }

    fn optional(&mut self, key: &'static str) -> Option<Parameter> {
        self.known.push(key);
        self.left.remove(key)
    }

    fn take(&mut self, key: &'static str) -> Result<Parameter, StepError> {
        self.optional(key).ok_or_else(|| {
            let near = nearest(key, self.left.keys().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean it by `{near}`?")).unwrap_or_default();
            StepError(format!("{} needs `{key}`{hint}", self.step))
        })
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<f64, StepError> {
        match self.take(key)? {
            Parameter::Number(number) if number.is_finite() => Ok(number),
            Parameter::Number(_) | Parameter::Numbers(_) | Parameter::Text(_) => {
                Err(self.wrong(key, "must be one number"))
            }
        }
    }

    /// A number above zero.
    pub(super) fn positive(&mut self, key: &'static str) -> Result<f64, StepError> {
        let number = self.number(key)?;
        if 0.0 < number { Ok(number) } else { Err(self.wrong(key, "must be above 0")) }
    }

    /// A whole number of things, from 0.
    pub(super) fn count(&mut self, key: &'static str) -> Result<usize, StepError> {
        let number = self.number(key)?;
        whole(number).ok_or_else(|| self.wrong(key, "must be a whole number from 0"))
    }

    /// The value of a label, from 1.
    pub(super) fn label(&mut self, key: &'static str) -> Result<u8, StepError> {
        let label = u8::try_from(self.count(key)?).ok().filter(|label| 0 < *label);
        label.ok_or_else(|| self.wrong(key, "must be a label from 1 to 255"))
    }

    pub(super) fn hu(&mut self, key: &'static str) -> Result<i16, StepError> {
        let number = self.number(key)?;
        let whole = (number.fract() == 0.0 && number.abs() <= 32_000.0).then_some(number);
        // The range was checked.
        whole.map(|number| number as i16).ok_or_else(|| self.wrong(key, "must be a whole number of HU"))
    }

    pub(super) fn range(&mut self, key: &'static str) -> Result<[f64; 2], StepError> {
        let numbers = self.numbers(key)?;
        match numbers.as_slice() {
            [from, to] if from < to => Ok([*from, *to]),
            _ => Err(self.wrong(key, "must be two ascending numbers")),
        }
    }

    fn numbers(&mut self, key: &'static str) -> Result<Vec<f64>, StepError> {
        match self.take(key)? {
            Parameter::Numbers(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(numbers),
            Parameter::Number(_) | Parameter::Numbers(_) | Parameter::Text(_) => {
                Err(self.wrong(key, "must be several numbers"))
            }
        }
    }

    /// Three numbers above zero.
    pub(super) fn three(&mut self, key: &'static str) -> Result<[f64; 3], StepError> {
        let numbers = self.numbers(key)?;
        let three = <[f64; 3]>::try_from(numbers).ok().filter(|three| three.iter().all(|one| 0.0 < *one));
        three.ok_or_else(|| self.wrong(key, "must be three numbers above 0"))
    }

    /// Three whole numbers from 1.
    pub(super) fn three_counts(&mut self, key: &'static str) -> Result<[usize; 3], StepError> {
        let three = self.three(key)?;
        let counts = three.map(whole);
        let [Some(a), Some(b), Some(c)] = counts else {
            return Err(self.wrong(key, "must be three whole numbers above 0"));
        };
        Ok([a, b, c])
    }

    /// The same, if the key is there.
    pub(super) fn maybe_three_counts(&mut self, key: &'static str) -> Result<Option<[usize; 3]>, StepError> {
        self.known.push(key);
        if self.left.contains_key(key) { self.three_counts(key).map(Some) } else { Ok(None) }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<String, StepError> {
        match self.take(key)? {
            Parameter::Text(text) if !text.is_empty() => Ok(text),
            Parameter::Text(_) | Parameter::Number(_) | Parameter::Numbers(_) => {
                Err(self.wrong(key, "must be a text"))
            }
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Result<T, StepError> {
        let text = self.text(key)?;
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(key, &format!("is `{text}`; it must be one of {}", words.join(", ")))
        })
    }

    pub(super) fn finish(self) -> Result<(), StepError> {
        let Some(unknown) = self.left.keys().next() else { return Ok(()) };
        let hint = nearest(unknown, self.known.iter().copied())
            .map(|near| format!(": did you mean `{near}`?"))
            .unwrap_or_default();
        Err(StepError(format!("{} does not know `{unknown}`{hint}", self.step)))
    }
}

fn whole(number: f64) -> Option<usize> {
    // The range is checked first.
    (number.fract() == 0.0 && (0.0..=1e6).contains(&number)).then_some(number as usize)
}
