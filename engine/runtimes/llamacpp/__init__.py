"""llama.cpp: a GGUF file with the checkpoint's own integers, run through llama-cpp-python's low-level interface."""
