// Reads the packed columns that `dashboards/replay/pack.py` writes: a header and typed arrays, copied nowhere.

const KINDS = {
  u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array,
};

/**
 * Return the head of a block with its arrays: `{...head, arrays: {name: TypedArray}}`.
 * @param {ArrayBuffer} buffer
 */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = Math.ceil((4 + length) / 8) * 8;
  const arrays = {};
  for (const [name, [kind, offset, count]] of Object.entries(head.arrays)) {
    arrays[name] = new KINDS[kind](buffer, start + offset, count);
  }
  return { ...head, arrays };
}
