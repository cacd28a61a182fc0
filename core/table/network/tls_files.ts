import { reasonOf } from "../../errors/mod.ts";
import { TableError } from "../types.ts";

/** What a TLS client needs, in the words of the runtime's `tls.connect`. */
export interface TlsFiles {
  ca?: string[];
  cert?: string;
  key?: string;
}

/**
 * Reads certificates and keys. Throws `TableError` for a file that can't be read.
 * @param directory every file in it that holds a certificate is one of an authority; used only without `caFile`
 */
export function readTlsFiles(
  paths: {
    readonly caFile?: string | undefined;
    readonly caDirectory?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  },
): TlsFiles {
  const files: TlsFiles = {};
  if (given(paths.caFile)) files.ca = [read(paths.caFile)];
  else if (given(paths.caDirectory)) files.ca = readDirectory(paths.caDirectory);
  if (given(paths.cert)) files.cert = read(paths.cert);
  if (given(paths.key)) files.key = read(paths.key);
  return files;
}

function given(path: string | undefined): path is string {
  return path !== undefined && path !== "";
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
}

/** Whatever is no readable file (a socket, a link to nowhere, somebody's key) is no certificate either, as for OpenSSL. */
function readDirectory(path: string): string[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(path)].map((entry) => entry.name);
  } catch (error) {
    throw new TableError("temporary", `open ${path}: ${reasonOf(error)}`, true);
  }
  return names
    .map((name) => certificateIn(`${path}/${name}`))
    .filter((text) => text.includes("BEGIN CERTIFICATE"));
}

function certificateIn(path: string): string {
  try {
    // Opening a FIFO would wait for a writer.
    return Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : "";
  } catch {
    return "";
  }
}
