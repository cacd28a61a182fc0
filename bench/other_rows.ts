/** Rows that are not relaying: the memory of idle connections, the start-up of commands. */
import type { Peer } from "./peers.ts";
import { treeUsage } from "./process_tree.ts";
import type { Row } from "./table.ts";

const MEGABYTE = 1 << 20;

/** What `count` connections that said EHLO and now are silent cost. Past the process limit they wait for their banner. */
export async function idleConnections(peer: Peer, count: number): Promise<Row> {
  const before = treeUsage(peer.pid(), true).pss;
  const connections: Deno.TcpConn[] = [];
  const hello = new TextEncoder().encode("EHLO client.example\r\n");
  for (let i = 0; i < count; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: peer.port });
    connections.push(connection);
    const room = new Uint8Array(512);
    await connection.read(room);
    await connection.write(hello);
    await connection.read(room);
  }
  await new Promise((done) => setTimeout(done, 1000));
  const after = treeUsage(peer.pid(), true).pss;
  for (const connection of connections) connection.close();
  await new Promise((done) => setTimeout(done, 1000));
  return {
    name: `${count} idle SMTP connections`,
    unit: "MB PSS more",
    postfix: [],
    postel: [(after - before) / MEGABYTE],
    goal: "below 60",
  };
}

async function seconds(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command(program, { args: [...args], env, stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return performance.now() - start;
}

/** `postconf -h myhostname` beside an empty program on the same runtime, in turn. */
export async function startUp(
  self: { readonly program: string; readonly args: readonly string[] },
  etc: string,
  runs: number,
): Promise<Row[]> {
  const empty = Deno.makeTempFileSync({ suffix: ".ts" });
  const bare: number[] = [];
  const command: number[] = [];
  const postfix: number[] = [];
  const env = { MAIL_CONFIG: etc };
  for (let run = -1; run < runs; run++) {
    const values = [
      await seconds(self.program, ["run", "-A", empty], env),
      await seconds(self.program, [...self.args, "postconf", "-h", "myhostname"], env),
      await seconds("postconf", ["-h", "myhostname"], env),
    ];
    if (run < 0) continue;
    bare.push(values[0]!);
    command.push(values[1]!);
    postfix.push(values[2]!);
  }
  Deno.removeSync(empty);
  const more = command.map((value, index) => value - bare[index]!);
  return [
    { name: "start of an empty program", unit: "ms", postfix: [], postel: bare, goal: "" },
    { name: "postconf -h myhostname", unit: "ms", postfix, postel: command, goal: "" },
    {
      name: "postconf -h myhostname, beyond the bare start",
      unit: "ms",
      postfix: [],
      postel: more,
      goal: "below 40",
    },
  ];
}
