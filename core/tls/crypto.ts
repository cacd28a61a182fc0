import process from "node:process";

/** Node's cryptography, loaded when it is first needed: that takes some 30 ms, which a server without TLS is spared. */
export function crypto(): typeof import("node:crypto") {
  return process.getBuiltinModule("node:crypto");
}
