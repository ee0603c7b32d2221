"""ONNX Runtime: fused decoders with integer weights, encoders; CPU and CUDA."""
