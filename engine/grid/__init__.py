"""Integer grids: pack, unpack, dequantise; how a checkpoint says which weights lie on which grid.

A weight W [out, in] on a grid is `(values - zero) * scale`: `values` int8 [out, in], signed (unsigned − 2^(bits−1)),
`scale` float [out, G], `zero` int8 [out, G] or None (symmetric), each scale serving in/G consecutive columns.

Two ways of storing it, both loaded by plain Transformers:

* **Linear layers inside blocks** are packed as compressed-tensors does: `M.weight_packed` int32, `M.weight_scale`,
  `M.weight_shape` int64, asymmetric also `M.weight_zero_point`; `quantization_config` in config.json lists the schemes.
  A grid with **float offsets** has `M.weight_minimum` float [out, G] instead of zero points: a weight is then
  `(values + 2^(bits−1)) * scale + minimum`. compressed-tensors has no such thing: its scheme says
  `float_offset`, a word for which plain Transformers refuses the folder; an export is written in floating point.
* **Embedding and output head** (tied or not) stay dense under their own name, `M.weight`, with every value already on
  its grid, because a packed embedding cannot be tied. config.json says
  `"hasten": {"embedding_grid": {"bits": 8, "group_size": 32 or null, "modules": ["model.embed_tokens"]}}` and the
  scales lie beside the weights in `hasten-grid.safetensors` as `M.weight_scale`, [rows, G], in float32. A symmetric
  grid's integers come back exactly from the weights: `round(weight / scale)`. One with float offsets says
  `"float_offset": true`, and all that a packed layer has lies beside the weights, its integers included.

`grid.read(reader, module)` answers the same Grid for both; `scheme.grids_of(config, names)` lists both as GridScheme.
"""
