//! Laws of [`crate::infer`].
//!
//! An adapter brings the model `neighbours` in its own form: of one channel it makes two, the first 0.5 everywhere,
//! the second the mean of the 3 x 3 x 3 values around, zero beyond the tensor.
#![expect(clippy::unwrap_used, reason = "a law fails by panicking")]
#![expect(clippy::panic, reason = "a law fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a law fails by panicking")]
#![expect(clippy::missing_panics_doc, reason = "a law fails by panicking")]

use crate::infer::{Infer, InferError, Network, Tensor};

/// An engine and the model `neighbours`.
pub type Open<'a> = &'a dyn Fn() -> (Box<dyn Infer>, Vec<u8>);

fn input() -> Tensor {
    // Whole numbers up to 26 in 27 places: their sums are exact.
    let values = (0_u16..60).map(|at| f32::from(at * 7 % 27)).collect();
    Tensor::new(vec![1, 1, 3, 4, 5], values).unwrap()
}

fn answer(network: &mut dyn Network, input: Tensor) -> Result<Tensor, InferError> {
    let mut output = None;
    network.run(input, &mut |shape, data| output = Tensor::new(shape.to_vec(), data.to_vec()).ok())?;
    Ok(output.unwrap())
}

/// Channels, order of axes and padding are those of the model.
pub fn a_network_computes_what_its_model_says(open: Open<'_>) {
    let (engine, model) = open();
    let output = answer(&mut *engine.load(&model).unwrap(), input()).unwrap();
    assert_eq!(output.shape(), [1, 2, 3, 4, 5]);
    let (constant, means) = output.data().split_at(60);
    assert!(constant.iter().all(|value| *value == 0.5), "{constant:?}");
    for (at, mean) in means.iter().enumerate() {
        let (z, y, x) = (at / 20, at / 5 % 4, at % 5);
        let mut sum = 0.0;
        for (offset, value) in input().data().iter().enumerate() {
            let (oz, oy, ox) = (offset / 20, offset / 5 % 4, offset % 5);
            if z.abs_diff(oz) < 2 && y.abs_diff(oy) < 2 && x.abs_diff(ox) < 2 {
                sum += value;
            }
        }
        assert!((mean - sum / 27.0).abs() < 1e-4, "{at}: {mean} instead of {}", sum / 27.0);
    }
}

/// To the bit, also with a network that was loaded anew.
pub fn the_same_tensor_gives_the_same_bits(open: Open<'_>) {
    let (engine, model) = open();
    let mut network = engine.load(&model).unwrap();
    let bits = |output: Tensor| output.data().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let first = bits(answer(&mut *network, input()).unwrap());
    assert_eq!(bits(answer(&mut *network, input()).unwrap()), first);
    assert_eq!(bits(answer(&mut *engine.load(&model).unwrap(), input()).unwrap()), first);
}

/// With a reason; nothing ends with it.
pub fn what_is_no_model_is_refused(open: Open<'_>) {
    let (engine, model) = open();
    for wrong in [&b""[..], b"no model", &model[..model.len() / 2]] {
        let Err(InferError::Model(why)) = engine.load(wrong) else { panic!("{} bytes", wrong.len()) };
        assert!(!why.is_empty());
    }
}

/// The network goes on with the next tensor.
pub fn a_tensor_that_does_not_fit_is_refused(open: Open<'_>) {
    let (engine, model) = open();
    let mut network = engine.load(&model).unwrap();
    for shape in [vec![1, 3, 2, 2, 5], vec![60], vec![1, 1, 6, 10]] {
        let tensor = Tensor::new(shape.clone(), vec![0.0; 60]).unwrap();
        assert!(matches!(answer(&mut *network, tensor), Err(InferError::Run(_))), "{shape:?}");
    }
    assert!(answer(&mut *network, input()).is_ok());
}

/// Name, version and threads, for the run record.
pub fn an_engine_says_what_it_is(open: Open<'_>) {
    let engine = open().0.engine().unwrap();
    assert!(!engine.version.is_empty() && !engine.providers.is_empty() && 0 < engine.threads, "{engine:?}");
    assert_eq!(engine.facts()[0], (engine.name.to_owned(), engine.version.clone()));
}
