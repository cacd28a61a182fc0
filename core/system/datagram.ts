import { libc, systemError } from "./libc.ts";

/** Sends datagrams to one UNIX socket and never waits. */
export interface DatagramSender {
  /** False if nobody takes it: the receiver is gone or its queue is full. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean;
  close(): void;
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

/** Connects to a UNIX datagram socket such as `/dev/log`. Throws if it isn't there. */
export function connectDatagram(path: string): DatagramSender {
  const name = new TextEncoder().encode(path);
  if (name.length > 107) throw new Error(`Socket path is longer than 107 bytes: ${path}`);
  const address = new Uint8Array(110);
  address[0] = AF_UNIX;
  address.set(name, 2);
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw systemError("socket");
  if (libc().connect(fd, address, 110) !== 0) {
    const error = systemError(`connect to ${path}`);
    libc().close(fd);
    throw error;
  }
  return {
    send: (bytes) => Number(libc().send(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL)) >= 0,
    close: () => void libc().close(fd),
  };
}
