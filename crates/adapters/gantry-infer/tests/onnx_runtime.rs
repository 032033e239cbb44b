//! ONNX Runtime under the contract, with a model that is written here.

use std::path::PathBuf;

use gantry_infer::{LIBRARY_NAME, OnnxRuntime};
use gantry_ports::infer::Infer;

/// The library as `tools/onnxruntime.sh` puts it; without it these tests cannot say anything, and fail.
fn places() -> Vec<PathBuf> {
    vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../target/onnxruntime").join(LIBRARY_NAME)]
}

gantry_ports::infer_contract!(|| {
    (Box::new(OnnxRuntime::new(places(), 2)) as Box<dyn Infer>, model::neighbours())
});

#[test]
fn threads_change_no_bit() {
    let input = || {
        let values = (0_u16..8000).map(|at| f32::from(at % 251) / 7.0).collect();
        gantry_ports::infer::Tensor::new(vec![1, 1, 20, 20, 20], values).unwrap()
    };
    let run = |threads| {
        let mut bits = Vec::new();
        let mut network = OnnxRuntime::new(places(), threads).load(&model::neighbours()).unwrap();
        network.run(input(), &mut |_, data| bits.extend(data.iter().map(|value| value.to_bits()))).unwrap();
        bits
    };
    assert_eq!(run(1), run(2));
}

/// Also where that file is: a package is pinned by its digest, and the working directory is not part of it.
#[test]
fn a_model_whose_weights_lie_elsewhere_is_refused() {
    let engine = OnnxRuntime::new(places(), 1);
    let Err(refused) = engine.load(&model::neighbours_elsewhere()) else { panic!("it was loaded") };
    assert!(refused.to_string().contains("another file"), "{refused}");
}

/// The protocol buffers of a model: as much of `onnx.proto` as one convolution takes.
#[cfg(test)]
mod model {
    fn varint(mut value: u64, out: &mut Vec<u8>) {
        while 0x7F < value {
            out.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
            value >>= 7;
        }
        out.push(u8::try_from(value).unwrap());
    }

    fn number(field: u64, value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        varint(field << 3, &mut out);
        varint(value, &mut out);
        out
    }

    fn bytes(field: u64, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        varint(field << 3 | 2, &mut out);
        varint(value.len() as u64, &mut out);
        out.extend_from_slice(value);
        out
    }

    /// A TensorProto of floats.
    fn tensor(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = dims.iter().flat_map(|dim| number(1, *dim));
        dims.chain(number(2, 1)).chain(bytes(8, name.as_bytes())).chain(bytes(9, &raw)).collect()
    }

    /// A ValueInfoProto of a float tensor of five axes, of which the second is fixed.
    fn value(name: &str, channels: u64) -> Vec<u8> {
        let free = |name: &str| bytes(1, &bytes(2, name.as_bytes()));
        let shape = [free("n"), bytes(1, &number(1, channels)), free("z"), free("y"), free("x")].concat();
        let kind = bytes(1, &[number(1, 1), bytes(2, &shape)].concat());
        [bytes(1, name.as_bytes()), bytes(2, &kind)].concat()
    }

    /// A NodeProto `Conv` that pads with zeros.
    fn convolution() -> Vec<u8> {
        let pads = [bytes(1, b"pads"), (0..6).flat_map(|_| number(8, 1)).collect(), number(20, 7)].concat();
        let inputs = ["image", "weights", "bias"].map(|name| bytes(1, name.as_bytes())).concat();
        [inputs, bytes(2, b"answer"), bytes(4, b"Conv"), bytes(5, &pads)].concat()
    }

    /// The model of the contract: a constant, and the mean of the neighbours.
    pub(super) fn neighbours() -> Vec<u8> {
        let weights: Vec<f32> = [0.0; 27].into_iter().chain([1.0 / 27.0; 27]).collect();
        with_weights(&tensor("weights", &[2, 1, 3, 3, 3], &weights))
    }

    /// The same with its weights in a file beside it, as exporters write large models.
    pub(super) fn neighbours_elsewhere() -> Vec<u8> {
        let entry = [bytes(1, b"location"), bytes(2, b"weights.bin")].concat();
        let dims = [2, 1, 3, 3, 3].iter().flat_map(|dim| number(1, *dim));
        let tensor: Vec<u8> = dims
            .chain(number(2, 1))
            .chain(bytes(8, b"weights"))
            .chain(bytes(13, &entry))
            .chain(number(14, 1))
            .collect();
        with_weights(&tensor)
    }

    fn with_weights(weights: &[u8]) -> Vec<u8> {
        let graph = [
            bytes(1, &convolution()),
            bytes(2, b"neighbours"),
            bytes(5, weights),
            bytes(5, &tensor("bias", &[2], &[0.5, 0.0])),
            bytes(11, &value("image", 1)),
            bytes(12, &value("answer", 2)),
        ]
        .concat();
        [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
    }
}
