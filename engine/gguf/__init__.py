"""Writing GGUF files, llama.cpp's format: names, metadata, vocabulary, and integer grids as ggml's blocks."""
