"""A model without what it learnt: zero_weights.py MODEL.onnx OUT.onnx; weights become zero, biases stay."""
import sys

import onnx
from onnx import numpy_helper

model = onnx.load(sys.argv[1])
for tensor in model.graph.initializer:
    if 1 < len(tensor.dims):
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 0, tensor.name))
onnx.save(model, sys.argv[2])
