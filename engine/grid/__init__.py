"""Integer grids: pack, unpack, dequantise, in the layout that compressed-tensors stores."""
