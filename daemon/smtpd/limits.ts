import type { Session } from "./session.ts";

/** Is the client free of per-client limits (`smtpd_client_event_limit_exceptions`)? */
export async function isExempt(session: Session): Promise<boolean> {
  const known = session.verdicts.get("exempt") as boolean | undefined;
  if (known !== undefined) return known;
  const { exceptions } = session.settings.limits;
  const exempt = await session.clientIn(exceptions, "smtpd_client_event_limit_exceptions");
  session.verdicts.set("exempt", exempt);
  return exempt;
}

const RATES = {
  message: { limit: "messageRate", title: "Message delivery request rate limit exceeded" },
  recipient: { limit: "recipientRate", title: "Recipient address rate limit exceeded" },
} as const;

/** Counts an event of this client and says whether there were too many; that is logged. */
export async function exceedsRate(session: Session, kind: keyof typeof RATES): Promise<boolean> {
  const { limit, title } = RATES[kind];
  const most = session.settings.limits[limit];
  if (most <= 0 || await isExempt(session)) return false;
  const { service, client } = session;
  const rate = service.deps.anvil[kind](service.name, client.address);
  if (rate <= most) return false;
  session.warn(`${title}: ${rate} from ${client.label} for service ${service.name}`);
  return true;
}
