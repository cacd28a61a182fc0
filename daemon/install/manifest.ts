/** The list of what an installation put into the system, so that it can be taken back. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import type { Entry } from "./types.ts";

/** The digest in hexadecimal. */
export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** The entries in the order in which they were made; empty if there is no manifest. Throws if it is damaged. */
export function readManifest(path: string): Entry[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  if (!Array.isArray(data) || !data.every(isEntry)) {
    throw new Error(
      `${path} is damaged: it is no list of installed files; remove what was installed by hand`,
    );
  }
  return data;
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  file: ["path", "sha256"],
  link: ["path", "target"],
  directory: ["path"],
  tree: ["path"],
  user: ["name"],
  group: ["name"],
};

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const record = value as Record<string, unknown>;
  const fields = FIELDS[String(record.kind)];
  if (fields === undefined || !fields.every((field) => typeof record[field] === "string")) return false;
  return !("path" in record) || String(record.path).startsWith("/");
}

/** What an entry is about: two entries with the same key describe the same thing. */
function entryKey(entry: Entry): string {
  return "path" in entry ? entry.path : `${entry.kind} ${entry.name}`;
}

/** Writes beside, syncs and renames. An entry that stands there twice keeps its first place and its last content. */
export function writeManifest(path: string, entries: readonly Entry[]): void {
  const unique = new Map<string, Entry>();
  for (const entry of entries) unique.set(entryKey(entry), entry);
  Deno.mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  const file = Deno.openSync(beside, { write: true, create: true, truncate: true, mode: 0o644 });
  try {
    const bytes = new TextEncoder().encode(JSON.stringify([...unique.values()], null, 1) + "\n");
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(beside, path);
}
