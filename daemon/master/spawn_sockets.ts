/** The sockets behind which spawn(8) runs commands: UNIX ones below the queue directory, and TCP ports. */
import type { MasterEntry } from "../../core/config/types.ts";
import type { Logger } from "../../core/log/mod.ts";
import { createSpawn, type SpawnService } from "../spawn/mod.ts";
import { endpointsOf, endpointText, listenOn } from "./listen.ts";
import { type Snapshot, socketPath } from "./snapshot.ts";
import { type ServedSocket, serveListener, serveSocket } from "./sockets.ts";

/** The services of one snapshot, by socket path or `[address]:port`. */
export type SpawnServices = ReadonlyMap<
  string,
  { readonly entry: MasterEntry; readonly service: SpawnService }
>;

/** Makes the spawn services of a configuration. Throws `ConfigError` if one can't be used. */
export function createSpawnServices(snapshot: Snapshot): SpawnServices {
  const services = new Map<string, { entry: MasterEntry; service: SpawnService }>();
  for (const entry of snapshot.entries) {
    if (entry.command !== "spawn") continue;
    const { config, log } = snapshot.views.of(entry);
    const service = createSpawn({ config, entry, log });
    const places = entry.type === "inet"
      ? endpointsOf(entry, config).map(endpointText)
      : [socketPath(snapshot.config, entry)];
    for (const place of places) services.set(place, { entry, service });
  }
  return services;
}

/** The open sockets; a reload exchanges the services behind them. */
export class SpawnSockets {
  readonly #sockets = new Map<string, ServedSocket>();
  #services: SpawnServices = new Map();

  /** @param counted keeps account of connections, so that an orderly end can wait for them */
  constructor(private readonly counted: (work: Promise<void>) => Promise<void>) {}

  /** Takes the services of a snapshot: opens what is new, closes what is gone. */
  put(snapshot: Snapshot, services: SpawnServices): void {
    this.#services = services;
    for (const [place, socket] of this.#sockets) {
      if (services.has(place)) continue;
      socket.close();
      this.#sockets.delete(place);
    }
    for (const [place, { entry }] of services) {
      if (this.#sockets.has(place)) continue;
      const { config, log } = snapshot.views.of(entry);
      this.#sockets.set(place, this.#open(place, entry, config, log));
    }
  }

  #open(
    place: string,
    entry: MasterEntry,
    config: Parameters<typeof endpointsOf>[1],
    log: Logger,
  ): ServedSocket {
    const serve = async (connection: Deno.Conn) => {
      const found = this.#services.get(place);
      if (found !== undefined) await this.counted(found.service.serve(connection));
    };
    if (entry.type !== "inet") return serveSocket(place, serve, log);
    const endpoint = endpointsOf(entry, config).find((each) => endpointText(each) === place)!;
    return serveListener(listenOn(endpoint, entry, false), place, serve, log);
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}
