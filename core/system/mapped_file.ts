/** Files mapped into memory. A library of its own, because binding all of `libc.ts` takes longer than the mapping. */
import { cString } from "./libc.ts";

const SYMBOLS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
} as const;

const O_CLOEXEC = 0o2000000;
const PROT_READ = 1;
const MAP_SHARED = 1;
/** What mmap(2) returns for an error, -1 as an address. */
const MAP_FAILED = 0xffffffffffffffffn;

let bound: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] | undefined;

/**
 * Maps the first `size` bytes of a file, read-only: writing to the array ends the process, as does reading behind the end of
 * a file that was shortened. The mapping stays until the process ends. Undefined where files can't be mapped.
 */
export function mapFile(path: string, size: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    bound ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    // Another C library, or no right to call it: the caller reads the file instead.
    return undefined;
  }
  const symbols = bound;
  const descriptor = symbols.open(cString(path), O_CLOEXEC);
  if (descriptor < 0) return undefined;
  const address = symbols.mmap(null, BigInt(size), PROT_READ, MAP_SHARED, descriptor, 0n);
  symbols.close(descriptor);
  if (address === null || BigInt(Deno.UnsafePointer.value(address)) === MAP_FAILED) return undefined;
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(address, size));
}
