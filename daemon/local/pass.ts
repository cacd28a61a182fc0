import { type Context, deferred, finishing, type State } from "./state.ts";

/** Hands the recipient to another transport: `transport:nexthop`. */
export async function passOn(context: Context, state: State, destination: string): Promise<boolean> {
  const { deps, request } = context;
  const colon = destination.indexOf(":");
  const transport = colon < 0 ? destination : destination.slice(0, colon);
  const nexthop = colon < 0 ? "" : destination.slice(colon + 1);
  const reply = await deps.agentFor(transport).deliver({
    ...request,
    nexthop: nexthop || request.nexthop,
    recipients: [finishing(context, state)],
  });
  if (reply.transportTrouble === undefined) return reply.finished;
  deps.log.warning(`transport ${transport}: ${reply.transportTrouble.cause}`);
  const { status, reason } = reply.transportTrouble;
  return await deferred(context, state, { status, reason });
}
