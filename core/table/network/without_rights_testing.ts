/**
 * Opens the table that the first argument names, gives up root and the right to run programs and to call C functions, looks
 * up the second argument and prints the outcome: what a daemon's process does.
 */
import process from "node:process";
import { preloadTableTypes, TableSet } from "../mod.ts";
import { outcome } from "./testing.ts";

const NOBODY = 65534;
const [spec, key] = Deno.args as [string, string];

await preloadTableTypes([spec.split(":", 1)[0]!]);
const log = { info: console.error, warning: console.error };
const table = new TableSet(undefined, { log }).open(spec);
process.setgid!(NOBODY);
process.setuid!(NOBODY);
for (const name of ["run", "ffi"] as const) await Deno.permissions.revoke({ name });
await Deno.stdout.write(new TextEncoder().encode(await outcome(table, key)));
Deno.exit(0);
