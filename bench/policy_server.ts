/** A policy service that lets everybody pass, as a process of its own: prints its port and serves until it is killed. */
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const answer = new TextEncoder().encode("action=DUNNO\n\n");

async function serve(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  const buffer = new Uint8Array(16384);
  let newline = false;
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return;
    // A request ends with an empty line.
    for (let at = 0; at < count; at++) {
      if (buffer[at] !== 10) newline = false;
      else if (newline) {
        newline = false;
        await connection.write(answer);
      } else newline = true;
    }
  }
}

if (import.meta.main) {
  console.log((listener.addr as Deno.NetAddr).port);
  for await (const connection of listener) {
    serve(connection).catch(() => {}).finally(() => connection.close());
  }
}
