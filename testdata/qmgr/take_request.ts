// Stands in for a delivery agent: takes one request at a socket and writes its bytes to a file.
const [path, target] = Deno.args as [string, string];
const listener = Deno.listen({ transport: "unix", path });
Deno.chmodSync(path, 0o666);
const connection = await listener.accept();
await connection.write(new TextEncoder().encode("protocol\0delivery_request_protocol\0\0"));
const parts: Uint8Array[] = [];
const deadline = setTimeout(() => {
  Deno.writeFileSync(target, new Uint8Array(parts.flatMap((part) => [...part])));
  Deno.exit(0);
}, 2000);
for (const buffer = new Uint8Array(65536);;) {
  const count = await connection.read(buffer);
  if (count === null) break;
  parts.push(buffer.slice(0, count));
}
clearTimeout(deadline);
