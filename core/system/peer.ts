import type { Socket } from "node:net";
import { libc, systemError } from "./libc.ts";

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/**
 * Who is at the other end of a UNIX socket, from the kernel (unix(7), SO_PEERCRED). The socket must come from
 * `node:net`: `Deno.listen` hides the descriptor.
 */
export function peerCredentials(socket: Socket): { pid: number; uid: number; gid: number } {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw new Error("This socket has no file descriptor to ask for its peer");
  const credentials = new Int32Array(3);
  const length = new Uint32Array([12]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) {
    throw systemError("getsockopt");
  }
  return { pid: credentials[0]!, uid: credentials[1]! >>> 0, gid: credentials[2]! >>> 0 };
}
