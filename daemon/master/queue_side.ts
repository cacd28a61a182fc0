/**
 * The queue process: queue manager, pickup, cleanup for what comes from inside, bounce, flush, showq, and the clients
 * that deliver over the network. Its sockets speak Postfix's protocols.
 */
import { createResolver } from "../../core/dns/mod.ts";
import { KeyStore } from "../../core/tls/mod.ts";
import { type BounceService, type DeliveryAgent, DeliveryChannel } from "../delivery/mod.ts";
import type { GreylistService } from "../greylist/mod.ts";
import { createQueueManager, type QueueManager } from "../qmgr/mod.ts";
import { probeResults, type Verify } from "../verify/mod.ts";
import { connectWhenUp } from "./connect_when_up.ts";
import { DELIVERY_SOCKET, LISTING_SOCKET } from "./names.ts";
import { createQueueServices, forwarding, type QueueServicesDeps } from "./queue_services.ts";
import { openQueueSockets } from "./queue_sockets.ts";
import type { RuntimeContext, Side } from "./runtime.ts";
import type { Snapshot } from "./snapshot.ts";
import type { ServiceView } from "./views.ts";

function managerView(snapshot: Snapshot): ServiceView {
  const old = snapshot.entries.some(({ command }) => command === "oqmgr");
  return snapshot.views.ofProgram(old ? "oqmgr" : "qmgr");
}

/** Starts the services and their sockets; the queue manager begins to work at once. */
export async function startQueueSide(context: RuntimeContext, first: Snapshot): Promise<Side> {
  const { queue, sink } = context;
  const queueDirectory = first.config.string("queue_directory");
  const deps: QueueServicesDeps = {
    queue,
    resolver: createResolver(),
    keyStore: new KeyStore(),
    manager: () => manager,
    agentFor,
    connectListing: context.roles.has("delivery")
      ? undefined
      : () => Deno.connect({ transport: "unix", path: `${queueDirectory}/${LISTING_SOCKET}` }),
  };
  let current = createQueueServices(deps, first);

  const deliveries = new DeliveryChannel(
    () => connectWhenUp(`${queueDirectory}/${DELIVERY_SOCKET}`),
    () => sink.flush(),
  );

  /** The agent of a transport: in this process, in the delivery side of this process, or in the delivery process. */
  function agentFor(transport: string): DeliveryAgent | undefined {
    const here = current.agents.get(transport) ?? context.agents.get(transport);
    if (here !== undefined) return here;
    const entry = current.snapshot.entries.find(({ name, type, command }) =>
      name === transport && type === "unix" && ["local", "virtual", "pipe", "spawn"].includes(command)
    );
    return entry === undefined ? undefined : deliveries.agentFor(transport);
  }

  function processLimit(transport: string): number {
    return current.snapshot.entries.find(({ name, type }) => name === transport && type === "unix")
      ?.processLimit ?? 0;
  }

  const { config, addressing, log } = managerView(first);
  const manager: QueueManager = createQueueManager({
    config,
    queue,
    addressing,
    agentFor,
    processLimit,
    bounce: forwarding<BounceService>(() => current.bounce),
    log,
    flushAdd: (site, id) => void current.flush.add(site, id).catch(() => {}),
    verify: probeResults(forwarding<Verify>(() => current.verify)),
  });
  context.local = {
    cleanup: (config) => current.cleanups.for(config),
    bounce: forwarding<BounceService>(() => current.bounce),
    queued: (message) => manager.queued(message),
    flushAdd: (site, id) => void current.flush.add(site, id).catch(() => {}),
    verify: forwarding<Verify>(() => current.verify),
    greylist: forwarding<GreylistService>(() => current.greylist),
  };

  const sockets = await openQueueSockets({ first, current: () => current, manager, sink });
  manager.start();
  void current.pickup.wake();

  async function finish(seconds: number): Promise<void> {
    await sockets.close();
    await manager.stop(seconds);
    deliveries.close();
    await Promise.all(current.clients.map((client) => client.made?.stop(0)));
    current.verify.close();
    current.greylist.close();
  }

  return {
    reload(next) {
      const services = createQueueServices(deps, next);
      return Promise.resolve(() => {
        const old = current;
        current = services;
        old.verify.close();
        old.greylist.close();
        const { config, addressing } = managerView(next);
        manager.reload({ config, addressing, agentFor, processLimit });
        for (const client of old.clients) void client.made?.stop(Infinity);
        void current.pickup.wake();
      });
    },
    drain: () => finish(Infinity),
    stop: finish,
  };
}
