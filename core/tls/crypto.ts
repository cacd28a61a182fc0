/** The part of the runtime's `process` that is used; importing node:process would cost as much as it saves. */
interface BuiltinModules {
  getBuiltinModule(name: "node:crypto"): typeof import("node:crypto");
}

/** Node's cryptography, loaded when it is first needed: that takes some 30 ms, which a server without TLS is spared. */
export function crypto(): typeof import("node:crypto") {
  return (globalThis as unknown as { readonly process: BuiltinModules }).process.getBuiltinModule(
    "node:crypto",
  );
}
