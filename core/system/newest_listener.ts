import { libc, systemError } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** The state of a listening socket in /proc/net/tcp. */
const LISTEN = "0A";
/** The program of one instruction `return constant` (classic BPF). */
const BPF_RETURN = 0x06;

/** A listening socket of any process: the local address as the kernel writes it, `0100007F:09DD`. */
interface ListeningSocket {
  readonly address: string;
  readonly inode: string;
}

function listeningSockets(file: string): ListeningSocket[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch {
    // A kernel without IPv6 has no tcp6.
    return [];
  }
  return text.split("\n").slice(1).map((line) => line.trim().split(/\s+/))
    .filter((words) => words[3] === LISTEN)
    .map((words) => ({ address: words[1]!, inode: words[9]! }));
}

/** Descriptors of this process's sockets by inode number. */
function ownSockets(): Map<string, number> {
  const sockets = new Map<string, number>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/self/fd/${name}`))?.[1];
      if (inode !== undefined) sockets.set(inode, Number(name));
    } catch {
      // The descriptor that reads the directory is gone by now.
    }
  }
  return sockets;
}

function returnConstant(fd: number, constant: number): void {
  const instruction = new Uint8Array(8);
  const code = new DataView(instruction.buffer);
  code.setUint16(0, BPF_RETURN, true);
  code.setUint32(4, constant, true);
  const program = new Uint8Array(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, 1, true);
  view.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(instruction)), true);
  if (libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program, program.length) !== 0) {
    throw systemError("setsockopt SO_ATTACH_REUSEPORT_CBPF");
  }
}

/**
 * Where this process listens on a port after others (SO_REUSEPORT), sends all new connections of that port to it. The others can accept what they have and close: otherwise the kernel goes on giving them connections, and
 * resets those that wait at the moment of closing. Throws when the kernel refuses.
 */
export function takeNewConnections(): void {
  const own = ownSockets();
  for (const file of ["/proc/self/net/tcp", "/proc/self/net/tcp6"]) {
    const sockets = listeningSockets(file);
    for (const { address, inode } of sockets) {
      const fd = own.get(inode);
      if (fd === undefined) continue;
      const sharing = sockets.filter((other) => other.address === address).length;
      // The kernel numbers them in the order in which they began to listen.
      if (sharing > 1) returnConstant(fd, sharing - 1);
    }
  }
}
