/** The mechanisms that our own server can do, strongest first, as EHLO offers them. */
import { serveCramMd5 } from "./cram_md5.ts";
import { serveDigestMd5 } from "./digest_md5.ts";
import type { Environment } from "./environment.ts";
import { serveExternal, serveLogin, servePlain } from "./plain.ts";
import { serveScram } from "./scram.ts";
import type { SecurityOption, ServerDialogue } from "./types.ts";

export interface ServerMechanism {
  readonly name: string;
  readonly properties: readonly SecurityOption[];
  /** `store`: only with clear-text passwords; `checker`: with any back end; `certificate`: with a client certificate. */
  readonly needs: "store" | "checker" | "certificate";
  serve(environment: Environment, initial: Uint8Array | undefined): ServerDialogue;
}

const SCRAM_PROPERTIES = ["noplaintext", "noactive", "noanonymous", "mutual_auth"] as const;

export const serverMechanisms: readonly ServerMechanism[] = [
  {
    name: "SCRAM-SHA-256",
    properties: SCRAM_PROPERTIES,
    needs: "store",
    serve: (environment, initial) => serveScram("sha256", environment, initial),
  },
  {
    name: "SCRAM-SHA-1",
    properties: SCRAM_PROPERTIES,
    needs: "store",
    serve: (environment, initial) => serveScram("sha1", environment, initial),
  },
  {
    name: "DIGEST-MD5",
    properties: ["noplaintext", "noanonymous", "mutual_auth"],
    needs: "store",
    serve: serveDigestMd5,
  },
  {
    name: "EXTERNAL",
    properties: ["noplaintext", "nodictionary", "noanonymous"],
    needs: "certificate",
    serve: serveExternal,
  },
  { name: "CRAM-MD5", properties: ["noplaintext", "noanonymous"], needs: "store", serve: serveCramMd5 },
  { name: "PLAIN", properties: ["noanonymous"], needs: "checker", serve: servePlain },
  { name: "LOGIN", properties: ["noanonymous"], needs: "checker", serve: serveLogin },
];
