"""A tensor through Python's onnxruntime: run_onnx.py MODEL IN.f32 OUT.f32 THREADS EXTENT EXTENT EXTENT

IN and OUT are little-endian 32-bit floats, the last axis fastest; IN is one volume of one channel."""
import sys

import numpy as np
import onnxruntime

model, given, made, threads, *extents = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
values = np.fromfile(given, "<f4").reshape([1, 1, *map(int, extents)])
[answer] = session.run(None, {session.get_inputs()[0].name: values})
answer.astype("<f4").tofile(made)
