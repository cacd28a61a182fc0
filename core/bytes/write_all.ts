/** Writes all of `bytes`, in as many pieces as `sink` (a `Deno.Conn` for instance) takes them in. */
export async function writeAll(
  sink: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await sink.write(bytes.subarray(sent));
}
