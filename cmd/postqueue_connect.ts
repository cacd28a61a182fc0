import { existsSync } from "node:fs";
import type { Config } from "../core/config/mod.ts";
import { reasonOf } from "../core/errors/mod.ts";

/** Why a service can't be reached. `denied`: by this user; `down`: by nobody. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  constructor(readonly kind: "denied" | "down", message: string) {
    super(message);
  }
}

async function connect(path: string): Promise<Deno.UnixConn> {
  try {
    return await Deno.connect({ transport: "unix", path });
  } catch (error) {
    const kind = error instanceof Deno.errors.PermissionDenied ? "denied" : "down";
    throw new UnreachableError(kind, reasonOf(error));
  }
}

/**
 * Connects to a public service. Users who may not enter the directory `public` (only a set-group-id program could) take
 * the socket that is made for them, where the service checks who they are. Throws `UnreachableError`.
 */
export async function connectService(config: Config, service: "showq" | "flush"): Promise<Deno.UnixConn> {
  const directory = config.string("queue_directory");
  try {
    return await connect(`${directory}/public/${service}`);
  } catch (error) {
    if (!(error instanceof UnreachableError && error.kind === "denied")) throw error;
    try {
      return await connect(`${directory}/postel/${service}`);
    } catch (other) {
      // Where there are such sockets, their absence says that the mail system is down; elsewhere it says nothing.
      const isDown = other instanceof UnreachableError && other.kind === "down";
      throw isDown && existsSync(`${directory}/postel`) ? other : error;
    }
  }
}
