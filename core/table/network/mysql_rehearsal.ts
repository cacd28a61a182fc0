import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import mysql from "mysql2/promise";

const GREETING = 0;
const SWITCH = 2;
const REFUSAL = 4;

/**
 * Lets the client package log in to a server that exists in memory only and refuses it. The package loads parts of itself
 * when a login first needs them; a process that has given up the right to read program files must have them before.
 */
export async function rehearseLogin(): Promise<void> {
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      // The fourth octet of a packet is its number: 1 is the client's login, 3 its answer to the switch.
      if (chunk[3] === 1) stream.push(packet(SWITCH, switchRequest()));
      else stream.push(packet(REFUSAL, Buffer.from("\xff\x15\x04#28000refused", "latin1")));
      done();
    },
  });
  stream.push(packet(GREETING, greeting()));
  try {
    const connection = await mysql.createConnection({ stream, user: "x", password: "x", disableEval: true });
    connection.destroy();
  } catch {
    // It was refused, as it should be.
  }
}

function packet(number: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(body.length, 0, 3);
  head[3] = number;
  return Buffer.concat([head, body]);
}

/** Protocol 10: version, connection id, 8 octets of salt, what the server can do, 13 more of salt, the login method. */
function greeting(): Buffer {
  const canDo = Buffer.from([0xff, 0xf7, 0x2d, 0x02, 0x00, 0xff, 0x81]);
  return Buffer.concat([
    Buffer.from("\x0a8.0.0\0\x01\0\0\0saltsalt\0", "latin1"),
    canDo,
    Buffer.from([21]),
    Buffer.alloc(10),
    Buffer.from("saltsaltsalt\0caching_sha2_password\0", "latin1"),
  ]);
}

/** Asks the client to use another login method. */
function switchRequest(): Buffer {
  return Buffer.from("\xfemysql_native_password\0saltsaltsaltsaltsalt\0", "latin1");
}
