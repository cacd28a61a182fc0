/**
 * What clients are put through, as data: the same scenarios are played to real Postfix (testdata/smtp/record.ts) and to
 * this client, and both must log and say the same. Servers listen on loopback addresses of their own.
 */
import type { Scenario } from "./scenario_testing.ts";
import { contentScenarios } from "./scenarios_content_testing.ts";
import { lmtpScenarios } from "./scenarios_lmtp_testing.ts";
import { replyScenarios } from "./scenarios_replies_testing.ts";
import { routeScenarios } from "./scenarios_routes_testing.ts";

export { type Scenario, shownContent } from "./scenario_testing.ts";

export const scenarios: readonly Scenario[] = [
  ...replyScenarios,
  ...routeScenarios,
  ...contentScenarios,
  ...lmtpScenarios,
];
