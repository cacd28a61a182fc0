import { TableError } from "../../../core/table/mod.ts";
import type { Hit } from "./actions.ts";
import type { Check } from "./check.ts";

/** `smtpd_log_access_permit_actions`: tells which restriction let somebody in. */
export async function logPermit(check: Check, name: string): Promise<void> {
  const { session } = check;
  const { loggedPermits } = session.service.access.settings;
  const hit = check.permittedBy;
  check.permittedBy = undefined;
  // The restriction that a table's action stands behind has told already.
  if (check.permitLogged) return;
  check.permitLogged = true;
  try {
    if (!await loggedPermits.matches(hit === undefined ? name : actionOf(hit))) return;
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    session.warn(`smtpd_log_access_permit_actions: ${error.message}`);
    return;
  }
  check.log(
    "permit",
    hit === undefined
      ? `action=${name} for ${permitted(check, name)} `
      : `action=${actionOf(hit)} for ${hit.nameClass}=${hit.name} from ${hit.table}`,
  );
}

/** The first word of what a table said. */
function actionOf(hit: Hit): string {
  return hit.value.trim().split(/\s/, 1)[0]!;
}

/** Restrictions that let a client in, whatever is being checked. */
const ABOUT_CLIENT = new Set([
  "permit_mynetworks",
  "permit_inet_interfaces",
  "permit_sasl_authenticated",
  "permit_tls_clientcerts",
  "permit_tls_all_clientcerts",
  "permit_dnswl_client",
  "permit_rhswl_client",
]);

/** Who was let in. */
function permitted(check: Check, name: string): string {
  return ABOUT_CLIENT.has(name)
    ? `Client host=${check.session.client.label}`
    : `${check.nameClass}=${check.name}`;
}
