"""TensorRT: an engine compiled for one GPU, from a plain ONNX graph with the checkpoint's own integers."""
